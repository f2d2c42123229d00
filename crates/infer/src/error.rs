//! Errors of loading and using a model.

use crate::compress::CompressError;
use elman_ngram::NgramError;
use elman_store::StoreError;
use elman_text::{OutOfRange, TextError};
use std::path::PathBuf;

/// Result of a function of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why loading a model, scoring, evaluation or generation failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A text could not be read or tokenized, or a vocabulary is not usable.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A file could not be read or written, or is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An n-gram model could not be read or written.
    #[error(transparent)]
    Ngram(#[from] NgramError),
    /// A model, a session or a saved state could not be used.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A path does not lead to a usable model.
    #[error(transparent)]
    File(#[from] FileError),
    /// An evaluation could not be carried out.
    #[error(transparent)]
    Evaluation(#[from] EvalError),
    /// A text could not be generated with these options.
    #[error(transparent)]
    Generation(#[from] GenerateError),
    /// A constraint on generated text could not be used with the model.
    #[error(transparent)]
    Constraint(#[from] ConstraintError),
    /// A text of the model's own could not be written for training.
    #[error(transparent)]
    OwnText(#[from] OwnTextError),
    /// A text could not be compressed or decompressed.
    #[error(transparent)]
    Compress(#[from] CompressError),
    /// A number is outside of its range.
    #[error(transparent)]
    Range(#[from] OutOfRange),
}

/// Why a path does not lead to a usable model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// No model is at the path; `kind` says what is there instead.
    #[error("{}: {}", path.display(), kind.describe())]
    NotAModel {
        /// The path that was given.
        path: PathBuf,
        /// The kind of thing at the path.
        kind: NotAModel,
    },
    /// A file is intact, but `flaw` makes it unusable: it does not describe a model that this version can load.
    #[error("{}: {flaw}", path.display())]
    Unusable {
        /// Path of the file.
        path: PathBuf,
        /// Reason why it cannot be used.
        flaw: String,
    },
}

/// The kind of thing at a path where a model was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAModel {
    /// One file of a network's directory, where the directory was expected.
    File,
    /// An n-gram model, where a network was expected.
    Ngram,
    /// No file or directory.
    Nothing,
    /// A device or a pipe.
    Special,
    /// The directory of a run that has not saved a model yet.
    Unsaved,
}

impl NotAModel {
    fn describe(self) -> &'static str {
        match self {
            NotAModel::File => {
                "a file, and a model is a directory (with config.json, tokenizer.json and model.safetensors): give that"
            }
            NotAModel::Ngram => "an n-gram model, and a network is needed here",
            NotAModel::Nothing => "no such directory or file",
            NotAModel::Special => {
                "a device or a pipe, and a model is a directory or a file: save it first"
            }
            NotAModel::Unsaved => "a run that has no model yet",
        }
    }
}

/// Why an evaluation could not be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// Documents were to be scored apart and the text in parallel slices, which have no documents.
    #[error(
        "documents are read from their beginnings, one after the other: evaluate without parallel slices, or without a separator of documents"
    )]
    DocumentsInSlices,
    /// The text has more than `tokens` tokens and does not fit in the memory that parallel slices may take.
    #[error(
        "the text has more than {tokens} tokens, too many to read in parallel slices: split it, or evaluate it without slices, which is exact and takes any length"
    )]
    TooLong {
        /// The largest number of tokens that fit.
        tokens: usize,
    },
}

/// Why a text could not be generated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    /// The option `name` is outside of its range; `must` says what it has to be.
    #[error("{name} must be {must}")]
    Sampling {
        /// Name of the option.
        name: &'static str,
        /// Condition that the option has to meet, in words.
        must: &'static str,
    },
    /// A stop string is empty.
    #[error("a stop string must not be empty: it would stop every text at once")]
    EmptyStop,
    /// Stop strings were given together with a constraint, which decides itself where a text ends.
    #[error("a constraint decides itself where a text ends: leave the stop strings out")]
    StopWithConstraint,
    /// A constraint was given for a text that is written token by token.
    #[error("a text that is written token by token takes no constraint")]
    ConstraintByToken,
    /// Every token of the vocabulary is banned.
    #[error("every token is banned; leave at least one")]
    AllBanned,
    /// The length penalty of the beam search is negative or not a number.
    #[error("length-penalty must be a number of at least 0")]
    LengthPenalty,
    /// The beam search was asked for no results.
    #[error("n-best must be at least 1")]
    NoResults,
    /// The beam search was asked for more results than the beam is wide.
    #[error("n-best is more than the beam: no more texts are found than the beam is wide")]
    MoreThanBeam,
    /// The prompt has the id `id`, which is above `last`, the largest id of the vocabulary.
    #[error("the prompt holds the id {id}, and the vocabulary ends at {last}")]
    Prompt {
        /// The id in the prompt.
        id: u32,
        /// The largest id of the vocabulary.
        last: usize,
    },
    /// The logits are not numbers, because the model's hidden states overflow.
    #[error(
        "the model gives no probabilities: its hidden states grow beyond every number; it was trained badly (a relu cell needs a lower learning rate or clipping)"
    )]
    NotFinite,
    /// The model gives probability 0 to every token, or, if `constrained`, to every token that the constraint allows.
    #[error("the model gives probability 0 to every token{}", if *constrained { " that is allowed here: allow more" } else { "" })]
    Impossible {
        /// Whether a constraint limits the tokens.
        constrained: bool,
    },
}

/// Why a constraint on generated text could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConstraintError {
    /// The model has a foreign tokenizer, whose tokens print differently depending on their neighbours.
    #[error(
        "what the tokens of a foreign tokenizer print depends on their neighbours: constraints need a model whose vocabulary is one of elman's kinds, such as bpe"
    )]
    Foreign,
    /// The list of allowed words is empty.
    #[error("the list of allowed words is empty")]
    NoWords,
    /// The regular expression has a syntax error or uses something that is not supported.
    #[error("the expression cannot be used: {0}")]
    Expression(String),
    /// The regular expression matches no text at all.
    #[error("the expression {0:?} matches no text")]
    MatchesNothing(String),
    /// The automaton of the regular expression would take more than `mib` MiB.
    #[error(
        "the expression becomes an automaton of more than {mib} MiB: write smaller repetitions, or [a-z] and the like for \\w and ."
    )]
    AutomatonTooLarge {
        /// The limit in MiB.
        mib: usize,
    },
    /// The vocabulary can write none of the allowed words after the prompt.
    #[error("the vocabulary can write none of the allowed words after the prompt")]
    NoWordWritten,
    /// The vocabulary can write nothing that the regular expression matches as a whole.
    #[error(
        "the vocabulary can write nothing that the expression matches as a whole; it is about all that is printed after the prompt, so it may have to begin with a space"
    )]
    NothingWritten,
    /// A match takes at least `least` tokens, and the text may have only `most`.
    #[error(
        "what is allowed takes at least {least} tokens, and the text may have {most}: allow more tokens"
    )]
    TooFewTokens {
        /// Number of tokens of the shortest match.
        least: usize,
        /// Number of tokens that the text may have.
        most: usize,
    },
    /// Looking ahead through the automaton with this vocabulary would take too long.
    #[error(
        "what is allowed is too much to look ahead in with this vocabulary: write a smaller expression, or a shorter list"
    )]
    TooMuchWork,
}

/// Why a text of the model's own could not be written for training.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum OwnTextError {
    /// The share of the model's own text is not between 0 and 1.
    #[error("the share of own text lies above 0 and below 1")]
    Share,
    /// Continuations of zero tokens were asked for.
    #[error("a continuation has at least one token")]
    NoContinuation,
    /// For the share the model would have to write `tokens` tokens, more than the `most` that are allowed.
    #[error(
        "for a share of {share} the model would have to write a text of {tokens:.0} tokens, beginnings included, and {most} are allowed: ask for a lower share or shorter beginnings"
    )]
    TooLong {
        /// The share that was asked for.
        share: f64,
        /// Number of tokens that would have to be written, beginnings included.
        tokens: f64,
        /// The largest number of tokens that is allowed.
        most: usize,
    },
    /// The share cannot be reached, because only `percent` % of each sequence would be the model's own.
    #[error(
        "a share of {share} cannot be reached: beginnings are true text, and of its sequences only {percent:.1} % would be the model's own. Ask for a lower share, shorter beginnings or longer continuations"
    )]
    Unreachable {
        /// The share that was asked for.
        share: f64,
        /// The model's own part of each sequence, in percent.
        percent: f64,
    },
    /// The text has `tokens` tokens, fewer than a beginning of `beginning` tokens takes.
    #[error(
        "the text has {tokens} tokens, fewer than a beginning of {beginning}: ask for shorter beginnings"
    )]
    TextTooShort {
        /// Number of tokens of the text.
        tokens: usize,
        /// Number of tokens of a beginning.
        beginning: usize,
    },
}

/// Why a model, a session or a saved state could not be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// The tokens of a foreign tokenizer do not say where words begin.
    #[error(
        "the tokens of this tokenizer do not say where words begin, so whole words cannot be put together from them"
    )]
    NoWords,
    /// The model's hidden states overflow within the first `tokens` tokens of the text.
    #[error(
        "the model gives no probabilities within the first {tokens} tokens: its hidden states grow beyond every number; it was trained badly (a relu cell needs a lower learning rate or clipping)"
    )]
    Overflow {
        /// Number of tokens within which the overflow occurred.
        tokens: u64,
    },
    /// One of several models failed: the one called `name`.
    #[error("{name}: {error}")]
    Of {
        /// Name of the model that failed.
        name: String,
        /// The error of that model.
        error: Box<ModelError>,
    },
    /// The token id `id` is not below `vocab`, the size of the vocabulary.
    #[error("there is no token {id}: the vocabulary has {vocab} entries")]
    UnknownToken {
        /// The unknown id.
        id: u32,
        /// V, the size of the vocabulary.
        vocab: usize,
    },
    /// Sessions of different models were to advance together.
    #[error("the sessions belong to different models, which share no matrix product")]
    DifferentModels,
    /// Weights in another format than f32 were asked for, and the model at `path` is not a network.
    #[error(
        "{path}: {weights} weights are for networks, and this is an n-gram model: leave the choice out"
    )]
    NoWeights {
        /// Path of the model.
        path: String,
        /// Name of the format that was asked for.
        weights: &'static str,
    },
    /// The operation `what` exists for networks only, and the model is of another family.
    #[error("{what} is for networks, and this is a model of another family ({architecture})")]
    NotANetwork {
        /// The operation, in words.
        what: &'static str,
        /// Architecture of the model.
        architecture: String,
    },
    /// The operation `what` needs the words of the model, and its file has only their hashes.
    #[error(
        "{what} needs the words of the model, and its file has only their hashes: make the file again with its words (build_binary without -v), or use the ARPA file"
    )]
    OnlyHashes {
        /// The operation, in words.
        what: &'static str,
    },
    /// The weights of a mixture are negative or do not sum to 1, or it has no models; `sum` is their sum.
    #[error("the weights of a mixture are 0 or more and sum to 1; these sum to {sum}")]
    Weights {
        /// Sum of the weights.
        sum: f64,
    },
    /// The models of a mixture have different vocabularies.
    #[error(
        "the models of a mixture have one vocabulary; these have {entries} and {other} entries, or other ones"
    )]
    Vocabularies {
        /// Size of the first vocabulary.
        entries: usize,
        /// Size of the other vocabulary.
        other: usize,
    },
    /// The window of a cache is 0 or above `most` tokens.
    #[error("a cache holds between 1 and {most} tokens, not {window}")]
    CacheWindow {
        /// The window that was asked for, in tokens.
        window: usize,
        /// The largest window.
        most: usize,
    },
    /// The model is a cache or a mixture, which cannot be saved as a file.
    #[error("a {architecture} has no file: it is made of what has one")]
    NoFile {
        /// Architecture of the model.
        architecture: String,
    },
    /// The bytes are not a saved session of this model.
    #[error("these bytes cannot be restored: {0}")]
    State(#[from] StateFlaw),
}

/// Reason why the bytes of a saved session are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateFlaw {
    /// The bytes do not begin with the signature of a saved session.
    #[error("they are not a saved session")]
    NotASession,
    /// The bytes have the format `found`, later than the format `known` of this version.
    #[error("they have format {found}, and this program knows format {known}")]
    Format {
        /// Format of the bytes.
        found: u32,
        /// Latest format of this version.
        known: u32,
    },
    /// The session was saved by another model.
    #[error("they were saved by another model")]
    OtherModel,
    /// There are `found` bytes, and a session of this model takes `expected`.
    #[error("they are {found} bytes, and a session of this model takes {expected}")]
    Length {
        /// Number of bytes.
        found: usize,
        /// Number of bytes that a session of this model takes.
        expected: usize,
    },
    /// The checksum does not fit, or a number is out of range.
    #[error("they are damaged")]
    Damaged,
}
