//! What can go wrong while a network is trained, and with the directory of a run.

use elman_store::StoreError;
use elman_text::TextError;
use std::path::PathBuf;

/// What a function of this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure of training, or of a run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Text(#[from] TextError),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A failure of a model that training starts from, saves or lets write.
    #[error(transparent)]
    Model(elman_infer::Error),
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error(transparent)]
    Run(#[from] RunError),
    /// An option, or a combination of options, that cannot be carried out.
    #[error("{0}")]
    Config(String),
}

impl Error {
    /// Whether training ended because its numbers were no longer finite.
    pub fn is_divergence(&self) -> bool {
        matches!(
            self,
            Error::Train(TrainError::Diverged { .. })
                | Error::Run(RunError::Diverged { .. } | RunError::Overflow { .. })
        )
    }
}

impl From<elman_infer::Error> for Error {
    fn from(error: elman_infer::Error) -> Error {
        match error {
            elman_infer::Error::Text(error) => Error::Text(error),
            elman_infer::Error::Store(error) => Error::Store(error),
            other => Error::Model(other),
        }
    }
}

/// A failure of a run: its directory, its checkpoint, its budget, its memory or its numbers.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RunError {
    #[error("{} already holds a run", .0.display())]
    Exists(PathBuf),
    /// A directory with files that are not a run's and that a run would overwrite.
    #[error(
        "{} does not hold a run of elman, and a new run would overwrite {}",
        path.display(),
        path.join(file).display()
    )]
    Foreign { path: PathBuf, file: PathBuf },
    #[error("{} holds no run (there is no config.toml)", .0.display())]
    Missing(PathBuf),
    /// A `config.toml` that is not the record of a run.
    #[error("{}: not the configuration of a run: {flaw}", path.display())]
    Record { path: PathBuf, flaw: String },
    /// A run in bf16, whose sums belong to one instruction set.
    #[error(
        "{} was trained in bf16 with the instructions {trained}, and here they are {here}: it would not go on as the same run",
        path.display()
    )]
    OtherInstructions {
        path: PathBuf,
        trained: String,
        here: &'static str,
    },
    #[error("{} has no checkpoint", .0.display())]
    NoCheckpoint(PathBuf),
    /// A checkpoint that does not fit the rest of its run.
    #[error(
        "{}: {flaw}: the checkpoint, config.toml or the token files of the run were changed; restore them from a copy, or start anew from the run's model",
        path.display()
    )]
    Changed { path: PathBuf, flaw: String },
    #[error("{} is not a training checkpoint of this version: {flaw}", path.display())]
    Checkpoint { path: PathBuf, flaw: String },
    #[error(
        "{} belongs to another text or vocabulary: it has {found}, the run's files are {expected}",
        path.display()
    )]
    OtherTexts {
        path: PathBuf,
        found: String,
        expected: String,
    },
    #[error("{} has {found} arrays, this run's configuration {expected}", path.display())]
    Arrays {
        path: PathBuf,
        found: usize,
        expected: usize,
    },
    #[error("there are {weights} weights for {texts} training texts: give one for each, or none")]
    CorpusWeights { weights: usize, texts: usize },
    #[error(
        "the weights of {} only fit its own vocabulary: leave {} out, or start from random weights",
        model.display(),
        vocabulary.display()
    )]
    OtherVocabulary { model: PathBuf, vocabulary: PathBuf },
    #[error("this run has no steps yet to measure minutes by; give epochs or steps")]
    NothingMeasured,
    #[error(
        "the run has done {done} steps already, more than the new budget of {total}; a budget counts from the run's beginning"
    )]
    BudgetSpent { done: u64, total: u64 },
    #[error("a text of the model's own is written by the model that a run starts from: name one")]
    OwnTextWithoutModel,
    #[error(
        "loss-after learns answers alone, and a model that has learnt them does not write whole lines: leave it or the own text out"
    )]
    OwnTextOfAnswers,
    /// More memory than is allowed or free.
    #[error(
        "training needs {needed_mib} MiB ({}), but {} {limit_mib} MiB",
        parts.join(", "),
        if *is_budget { "the budget is" } else { "this machine has free" }
    )]
    Memory {
        needed_mib: u64,
        limit_mib: u64,
        /// Whether the limit was asked for.
        is_budget: bool,
        /// What needs how many MiB, in words.
        parts: Vec<String>,
        remedy: MemoryRemedy,
    },
    /// Every update of the last steps was kept from the weights.
    #[error(
        "{skipped} steps in a row, up to step {step}, had a loss or gradient that is not finite, so training stopped; the weights are untouched by them and the last checkpoint is intact{}",
        described(best)
    )]
    Diverged {
        step: u64,
        skipped: u64,
        best: Option<BestModel>,
    },
    /// Finite gradients that pushed a weight beyond every number.
    #[error(
        "by step {step} an update had made a weight overflow, so training stopped; the last checkpoint is from before that and intact{}",
        described(best)
    )]
    Overflow { step: u64, best: Option<BestModel> },
}

/// A usable model that a failed run leaves.
#[derive(Clone, Debug, PartialEq)]
pub struct BestModel {
    /// The run's directory.
    pub path: PathBuf,
    pub step: u64,
    /// Its validation loss.
    pub loss_nats: f64,
}

fn described(best: &Option<BestModel>) -> String {
    best.as_ref().map_or_else(String::new, |best| {
        let (path, step) = (best.path.display(), best.step);
        format!(
            "; {path} holds the best model, of step {step} (validation loss {:.4})",
            best.loss_nats
        )
    })
}

/// What would make a run fit into memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemoryRemedy {
    /// A vocabulary that is given, or a smaller one: counting it takes more than all the rest.
    SmallerVocabulary,
    /// Nothing: a stored run keeps its choices.
    None,
    /// A smaller network: even the smallest windows do not fit.
    SmallerNetwork,
    /// Any one of these sets of options, by their names in a file.
    Options(Vec<Vec<(&'static str, usize)>>),
}

/// A failure of a [`Trainer`](crate::Trainer).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrainError {
    /// Every update of the last steps was kept from the weights.
    #[error(
        "{skipped} steps in a row, up to step {step}, had a loss or gradient that is not finite, so training stopped; the weights are untouched by them: start again with a lower learning rate or a lower clipping threshold"
    )]
    Diverged { step: u64, skipped: u64 },
    /// A budget of minutes, which only a run measures.
    #[error("a budget in minutes is measured by a run: give epochs or steps")]
    BudgetInMinutes,
    /// A batch without a token to predict.
    #[error("the batch has no tokens")]
    EmptyBatch,
    /// An id at or above the size of the vocabulary.
    #[error("there is no token {id}: the vocabulary has {vocab} entries")]
    UnknownToken { id: u32, vocab: usize },
    /// More than the memory for the windows of the configuration holds.
    #[error(
        "a batch of {sequences} sequences, {positions} positions with their padding, is larger than the windows of the configuration, which have {most_sequences} sequences and {most_positions} positions"
    )]
    BatchTooLarge {
        sequences: usize,
        positions: usize,
        most_sequences: usize,
        most_positions: usize,
    },
}
