//! What can go wrong while a model is loaded and used.

use elman_ngram::NgramError;
use elman_store::StoreError;
use elman_text::{OutOfRange, TextError};
use std::path::PathBuf;

/// What a function of this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure of loading a model, scoring, evaluation or generation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Text(#[from] TextError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Ngram(#[from] NgramError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Evaluation(#[from] EvalError),
    #[error(transparent)]
    Generation(#[from] GenerateError),
    #[error(transparent)]
    Constraint(#[from] ConstraintError),
    #[error(transparent)]
    OwnText(#[from] OwnTextError),
    /// A number outside of its range.
    #[error(transparent)]
    Range(#[from] OutOfRange),
}

/// A path that does not lead to a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    #[error("{}: {}", path.display(), kind.describe())]
    NotAModel { path: PathBuf, kind: NotAModel },
    /// A file that is intact but does not describe a model that can be used.
    #[error("{}: {flaw}", path.display())]
    Unusable { path: PathBuf, flaw: String },
}

/// What is at a path in place of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAModel {
    /// One file of a network's directory.
    File,
    Nothing,
    /// A device or a pipe.
    Special,
    /// A run that has not saved a model yet.
    Unsaved,
}

impl NotAModel {
    fn describe(self) -> &'static str {
        match self {
            NotAModel::File => {
                "a file, and a model is a directory (with config.json, tokenizer.json and model.safetensors): give that"
            }
            NotAModel::Nothing => "no such directory or file",
            NotAModel::Special => {
                "a device or a pipe, and a model is a directory or a file: save it first"
            }
            NotAModel::Unsaved => "a run that has no model yet",
        }
    }
}

/// An evaluation that cannot be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// Parallel slices of a stream have no documents.
    #[error(
        "documents are read from their beginnings, one after the other: evaluate without parallel slices, or without a separator of documents"
    )]
    DocumentsInSlices,
    /// A text that does not fit in memory.
    #[error(
        "the text has more than {tokens} tokens, too many to read in parallel slices: cut it up, or evaluate it without slices, which is exact and takes any length"
    )]
    TooLong { tokens: usize },
}

/// A text that cannot be generated as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    /// An option of sampling outside of its range.
    #[error("{name} must be {must}")]
    Sampling {
        name: &'static str,
        must: &'static str,
    },
    #[error("a stop string must not be empty: it would stop every text at once")]
    EmptyStop,
    #[error("a constraint decides itself where a text ends: leave the stop strings out")]
    StopWithConstraint,
    #[error("every token is banned; leave at least one")]
    AllBanned,
    #[error("length-penalty must be a number of at least 0")]
    LengthPenalty,
    #[error("n-best must be at least 1")]
    NoResults,
    #[error("n-best is more than the beam: no more texts are found than the beam is wide")]
    MoreThanBeam,
    /// An id of a prompt at or above the size of the vocabulary.
    #[error("the prompt holds the id {id}, and the vocabulary ends at {last}")]
    Prompt { id: u32, last: usize },
    /// Logits that are not numbers.
    #[error(
        "the model gives no probabilities: its hidden states grow beyond every number; it was trained badly (a relu cell needs a lower learning rate or clipping)"
    )]
    NotFinite,
    #[error("the model gives probability 0 to every token{}", if *constrained { " that is allowed here: allow more" } else { "" })]
    Impossible { constrained: bool },
}

/// A constraint that cannot be used with a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConstraintError {
    #[error(
        "what the tokens of a foreign tokenizer print depends on their neighbours: constraints need a model whose vocabulary is one of elman's kinds, such as bpe"
    )]
    Foreign,
    #[error("the list of allowed words is empty")]
    NoWords,
    #[error("the expression cannot be used: {0}")]
    Expression(String),
    #[error("the expression {0:?} matches no text")]
    MatchesNothing(String),
    #[error(
        "the expression becomes an automaton of more than {mib} MiB: write smaller repetitions, or [a-z] and the like for \\w and ."
    )]
    AutomatonTooLarge { mib: usize },
    #[error("the vocabulary can write none of the allowed words after the prompt")]
    NoWordWritten,
    #[error(
        "the vocabulary can write nothing that the expression matches as a whole; it is about all that is printed after the prompt, so it may have to begin with a space"
    )]
    NothingWritten,
    #[error(
        "what is allowed takes at least {least} tokens, and the text may have {most}: allow more tokens"
    )]
    TooFewTokens { least: usize, most: usize },
    #[error(
        "what is allowed is too much to look ahead in with this vocabulary: write a smaller expression, or a shorter list"
    )]
    TooMuchWork,
}

/// A text of the model's own that cannot be written as asked.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum OwnTextError {
    #[error("the share of own text lies above 0 and below 1")]
    Share,
    #[error("a continuation has at least one token")]
    NoContinuation,
    #[error(
        "for a share of {share} the model would have to write a text of {tokens:.0} tokens, beginnings included, and {most} are allowed: ask for a lower share or shorter beginnings"
    )]
    TooLong {
        share: f64,
        tokens: f64,
        most: usize,
    },
    #[error(
        "a share of {share} cannot be reached: beginnings are true text, and of its sequences only {percent:.1} % would be the model's own. Ask for a lower share, shorter beginnings or longer continuations"
    )]
    Unreachable { share: f64, percent: f64 },
    #[error(
        "the text has {tokens} tokens, fewer than a beginning of {beginning}: ask for shorter beginnings"
    )]
    TextTooShort { tokens: usize, beginning: usize },
}

/// A failure of a model, a session or a saved state.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// Hidden states that have grown beyond every number within the first `tokens` tokens.
    #[error(
        "the model gives no probabilities within the first {tokens} tokens: its hidden states grow beyond every number; it was trained badly (a relu cell needs a lower learning rate or clipping)"
    )]
    Overflow { tokens: u64 },
    /// The failure of one of several models, by its name.
    #[error("{name}: {error}")]
    Of {
        name: String,
        error: Box<ModelError>,
    },
    /// An id at or above the size of the vocabulary.
    #[error("there is no token {id}: the vocabulary has {vocab} entries")]
    UnknownToken { id: u32, vocab: usize },
    /// Sessions of different models cannot advance together.
    #[error("the sessions belong to different models, which share no matrix product")]
    DifferentModels,
    /// Weights in another format than f32 were asked for, and the model is not a network.
    #[error(
        "{path}: {weights} weights are for networks, and this is an n-gram model: leave the choice out"
    )]
    NoWeights { path: String, weights: &'static str },
    /// Only networks can do this.
    #[error("{what} is for networks, and this is a model of another family ({architecture})")]
    NotANetwork {
        what: &'static str,
        architecture: String,
    },
    /// Weights of a mixture that are negative or do not sum to 1, or no models at all.
    #[error("the weights of a mixture are 0 or more and sum to 1; these sum to {sum}")]
    Weights { sum: f64 },
    /// Models of a mixture whose ids do not mean the same tokens.
    #[error(
        "the models of a mixture have one vocabulary; these have {entries} and {other} entries, or other ones"
    )]
    Vocabularies { entries: usize, other: usize },
    /// A cache of no tokens, or of too many.
    #[error("a cache holds between 1 and {most} tokens, not {window}")]
    CacheWindow { window: usize, most: usize },
    /// A model that has no form on disk.
    #[error("a {architecture} has no file: it is made of what has one")]
    NoFile { architecture: String },
    /// Bytes that are no saved session of this model.
    #[error("these bytes cannot be restored: {0}")]
    State(#[from] StateFlaw),
}

/// What is wrong with the bytes of a saved session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateFlaw {
    /// They do not begin as a saved session does.
    #[error("they are no saved session")]
    NotASession,
    /// A later format.
    #[error("they have format {found}, and this program knows format {known}")]
    Format { found: u32, known: u32 },
    /// The state of another model means nothing to this one.
    #[error("they were saved by another model")]
    OtherModel,
    /// Fewer or more bytes than a state of this model takes.
    #[error("they are {found} bytes, and a session of this model takes {expected}")]
    Length { found: usize, expected: usize },
    /// The checksum does not fit, or a number is out of range.
    #[error("they are damaged")]
    Damaged,
}
