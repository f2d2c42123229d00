//! Errors of training and of the directory of a run.

use crate::config::ConfigError;
use elman_store::StoreError;
use elman_text::TextError;
use std::path::PathBuf;

/// Result of a function of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why training or a run failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A text could not be read or tokenized, or a vocabulary is not usable.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A file could not be read or written, or is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A model that training starts from, saves or lets write could not be used.
    #[error(transparent)]
    Model(elman_infer::Error),
    /// A [`Trainer`](crate::Trainer) could not be made or used.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A run could not be started, resumed or continued.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A configuration that cannot be carried out.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl Error {
    /// Whether training ended because a loss, a gradient or a weight was no longer finite.
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

/// Why a run failed: its directory, its checkpoint, its budget, its memory or its numbers.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RunError {
    /// The directory already holds a run.
    #[error("{} already holds a run", .0.display())]
    Exists(PathBuf),
    /// The directory holds a file that is not a run's and that a new run would overwrite.
    #[error(
        "{} does not hold a run of elman, and a new run would overwrite {}",
        path.display(),
        path.join(file).display()
    )]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// The file, relative to the directory.
        file: PathBuf,
    },
    /// Another process of the training cannot take part.
    #[error("rank {rank}: {said}")]
    OtherRank {
        /// Number of the process.
        rank: usize,
        /// Its error.
        said: String,
    },
    /// The processes of a training are not of the same kind.
    #[error("the {what} of rank {rank} ({theirs}) differs from that of rank 0 ({ours})")]
    RanksDiffer {
        /// What was compared.
        what: &'static str,
        /// The first process that differs.
        rank: usize,
        /// What it has, or where it is.
        theirs: String,
        /// What rank 0 has, or where it is.
        ours: String,
    },
    /// What rank 0 says of a run is not understood.
    #[error("rank 0 announces a run that this program does not understand: {0}")]
    Announcement(String),
    /// The batch has fewer groups than there are processes to share them.
    #[error(
        "{ranks} ranks cannot share the {groups} groups of a batch: start at most {groups}, or begin a run with more `groups`"
    )]
    FewGroups {
        /// Number of processes.
        ranks: usize,
        /// Number of groups of the run.
        groups: usize,
    },
    /// A rank makes updates of its own from one group of the batch.
    #[error(
        "with `average-every` every group of a batch has a rank of its own: the run has {groups} groups, and there are {ranks} ranks"
    )]
    LocalSteps {
        /// Number of processes.
        ranks: usize,
        /// Number of groups of the run.
        groups: usize,
    },
    /// A budget in minutes is measured by one process.
    #[error("a budget in minutes is measured by one process and cannot be shared by {0} ranks")]
    MinutesOfRanks(usize),
    /// A run on tokens has no vocabulary.
    #[error(
        "tokens need a vocabulary, which a text would be counted for: name a model, a tokenizer or a list of words"
    )]
    NoVocabulary,
    /// A token of the texts is not below `vocab`, the size of the vocabulary.
    #[error("there is no token {id}: the vocabulary has {vocab} entries")]
    UnknownToken {
        /// The unknown id.
        id: u32,
        /// V, the size of the vocabulary.
        vocab: usize,
    },
    /// The tokens of the training text are too few to set a part aside for validation, or the validation text has none.
    #[error(
        "{0} tokens of training text are too few to set a part aside for validation, or the validation text has none"
    )]
    TooFewTokens(usize),
    /// The directory holds no run.
    #[error("{} holds no run (there is no config.toml)", .0.display())]
    Missing(PathBuf),
    /// The run's `config.toml` cannot be read as the record of a run.
    #[error("{}: not the configuration of a run: {flaw}", path.display())]
    Record {
        /// Path of the file.
        path: PathBuf,
        /// Reason why it cannot be used.
        flaw: String,
    },
    /// The run was trained in bf16 on another instruction set, whose rounding differs.
    #[error(
        "{} was trained in bf16 with the instructions {trained}, and here they are {here}: it would not continue as the same run",
        path.display()
    )]
    OtherInstructions {
        /// Directory of the run.
        path: PathBuf,
        /// Name of the instruction set on which it was trained.
        trained: String,
        /// Name of the instruction set of this machine.
        here: &'static str,
    },
    /// The run has no checkpoint to continue from.
    #[error("{} has no checkpoint", .0.display())]
    NoCheckpoint(PathBuf),
    /// The checkpoint does not fit the rest of its run, which has been changed.
    #[error(
        "{}: {flaw}: the checkpoint, config.toml or the token files of the run were changed; restore them from a copy, or start again from the run's model",
        path.display()
    )]
    Changed {
        /// Path of the checkpoint.
        path: PathBuf,
        /// The contradiction, in words.
        flaw: String,
    },
    /// The checkpoint is not one of this version.
    #[error("{} is not a training checkpoint of this version: {flaw}", path.display())]
    Checkpoint {
        /// Path of the checkpoint.
        path: PathBuf,
        /// Reason why it cannot be used.
        flaw: String,
    },
    /// The checkpoint belongs to another text or vocabulary.
    #[error(
        "{} belongs to another text or vocabulary: it has {found}, the run's files are {expected}",
        path.display()
    )]
    OtherTexts {
        /// Path of the checkpoint.
        path: PathBuf,
        /// Identity of the texts and the vocabulary in the checkpoint.
        found: String,
        /// Identity of the run's texts and vocabulary.
        expected: String,
    },
    /// The checkpoint has another number of arrays than the configuration needs.
    #[error("{} has {found} arrays, this run's configuration {expected}", path.display())]
    Arrays {
        /// Path of the checkpoint.
        path: PathBuf,
        /// Number of arrays of the checkpoint.
        found: usize,
        /// Number of arrays that the configuration needs.
        expected: usize,
    },
    /// The number of weights of the training texts is not the number of texts.
    #[error("there are {weights} weights for {texts} training texts: give one for each, or none")]
    CorpusWeights {
        /// Number of weights.
        weights: usize,
        /// Number of training texts.
        texts: usize,
    },
    /// A vocabulary was given together with a model to start from, whose weights fit its own vocabulary only.
    #[error(
        "the weights of {} only fit its own vocabulary: leave {} out, or start from random weights",
        model.display(),
        vocabulary.display()
    )]
    OtherVocabulary {
        /// Path of the model.
        model: PathBuf,
        /// Path of the vocabulary.
        vocabulary: PathBuf,
    },
    /// A budget in minutes was given for a run without steps, whose speed is unknown.
    #[error("this run has no steps yet to measure minutes by; give epochs or steps")]
    NothingMeasured,
    /// The run has already done more steps than its new budget.
    #[error(
        "the run has done {done} steps already, more than the new budget of {total}; a budget counts from the run's beginning"
    )]
    BudgetSpent {
        /// Number of steps that the run has done.
        done: u64,
        /// Number of steps of the new budget.
        total: u64,
    },
    /// A text of the model's own was asked for without a model to start from.
    #[error("a text of the model's own is written by the model that a run starts from")]
    OwnTextWithoutModel,
    /// A text of the model's own was asked for together with a loss on answers alone.
    #[error(
        "loss-after learns answers alone, and a model that has learnt them does not write whole lines: leave it or the own text out"
    )]
    OwnTextOfAnswers,
    /// Training needs more memory than is allowed or free.
    #[error(
        "training needs {needed_mib} MiB ({}), but {} {limit_mib} MiB",
        parts.join(", "),
        if *is_budget { "the budget is" } else { "this machine has free" }
    )]
    Memory {
        /// Needed memory in MiB.
        needed_mib: u64,
        /// Allowed or free memory in MiB.
        limit_mib: u64,
        /// Whether the limit is a budget that was given, and not the free memory.
        is_budget: bool,
        /// Parts of the needed memory with their MiB, in words.
        parts: Vec<String>,
        /// Advice on what would make the run fit.
        remedy: MemoryRemedy,
    },
    /// Too many updates in a row had a loss or gradient that is not finite; they have not changed the weights.
    #[error(
        "{skipped} steps in a row, up to step {step}, had a loss or gradient that is not finite, so training stopped; the weights are untouched by them and the last checkpoint is intact{}",
        described(best)
    )]
    Diverged {
        /// Number of the last step.
        step: u64,
        /// Number of updates in a row that were skipped.
        skipped: u64,
        /// A usable model that the run has saved.
        best: Option<BestModel>,
    },
    /// An update with a finite gradient made a weight overflow.
    #[error(
        "by step {step} an update had made a weight overflow, so training stopped; the last checkpoint is from before that and intact{}",
        described(best)
    )]
    Overflow {
        /// Number of the step after which this was found.
        step: u64,
        /// A usable model that the run has saved.
        best: Option<BestModel>,
    },
}

/// A usable model that a failed run has saved.
#[derive(Clone, Debug, PartialEq)]
pub struct BestModel {
    /// Directory of the run.
    pub path: PathBuf,
    /// Step after which the model was saved.
    pub step: u64,
    /// Validation loss of the model, in nats per token.
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

/// A change that would make a run fit into memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemoryRemedy {
    /// A vocabulary that is given, or a smaller one: counting it takes more memory than everything else.
    SmallerVocabulary,
    /// No change is possible, because a stored run keeps its options.
    None,
    /// A smaller network: even the smallest windows do not fit.
    SmallerNetwork,
    /// Any one of these sets of options, each with its name in a configuration file and its largest fitting value.
    Options(Vec<Vec<(&'static str, usize)>>),
}

/// Why a [`Trainer`](crate::Trainer) could not be made or used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrainError {
    /// Too many updates in a row had a loss or gradient that is not finite; they have not changed the weights.
    #[error(
        "{skipped} steps in a row, up to step {step}, had a loss or gradient that is not finite, so training stopped; the weights are untouched by them: start again with a lower learning rate or a lower clipping threshold"
    )]
    Diverged {
        /// Number of the last step.
        step: u64,
        /// Number of updates in a row that were skipped.
        skipped: u64,
    },
    /// The budget is in minutes, which only a run can measure.
    #[error("a budget in minutes is measured by a run: give epochs or steps")]
    BudgetInMinutes,
    /// The batch has no token to predict.
    #[error("the batch has no tokens")]
    EmptyBatch,
    /// The token id `id` is not below `vocab`, the size of the vocabulary.
    #[error("there is no token {id}: the vocabulary has {vocab} entries")]
    UnknownToken {
        /// The unknown id.
        id: u32,
        /// V, the size of the vocabulary.
        vocab: usize,
    },
    /// The batch is larger than the memory for the configuration's windows.
    #[error(
        "a batch of {sequences} sequences, {positions} positions with their padding, is larger than the windows of the configuration, which have {most_sequences} sequences and {most_positions} positions"
    )]
    BatchTooLarge {
        /// Number of sequences of the batch.
        sequences: usize,
        /// Number of positions of the batch, padding included.
        positions: usize,
        /// Largest number of sequences.
        most_sequences: usize,
        /// Largest number of positions.
        most_positions: usize,
    },
}
