//! Errors of measurements.

use crate::pairs::PairsError;
use crate::rescore::RescoreError;
use elman_net::flow::trace::Overflow;
use elman_ngram::NgramError;
use elman_store::StoreError;
use elman_text::{Kind, OutOfRange, TextError};

/// Result of a function of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a measurement failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A text could not be read or tokenized, or a vocabulary is not usable.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A file could not be read or written, or is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An n-gram model could not be read or built.
    #[error(transparent)]
    Ngram(#[from] NgramError),
    /// A model could not be loaded, scored or used for generation.
    #[error(transparent)]
    Model(elman_infer::Error),
    /// A network could not be trained.
    #[error(transparent)]
    Train(elman_train::Error),
    /// Models could not be compared or mixed.
    #[error(transparent)]
    Compare(#[from] CompareError),
    /// Minimal pairs could not be read.
    #[error(transparent)]
    Pairs(#[from] PairsError),
    /// A model could not be inspected.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// An n-best list could not be rescored, or weights could not be tuned.
    #[error(transparent)]
    Rescore(#[from] RescoreError),
    /// A number is outside of its range.
    #[error(transparent)]
    Range(#[from] OutOfRange),
    /// Hidden states overflowed and cannot be differentiated.
    #[error(transparent)]
    Overflow(#[from] Overflow),
    /// A benchmark's training diverged in step `step` of the case `name`, so that its speed means nothing.
    #[error(
        "step {step} of {name} has a loss or a gradient that is not finite: what follows is not training; choose a lower rate"
    )]
    BenchDiverged {
        /// Name of the case.
        name: String,
        /// Number of the step.
        step: u64,
    },
}

impl From<elman_train::config::ConfigError> for Error {
    fn from(error: elman_train::config::ConfigError) -> Error {
        elman_train::Error::from(error).into()
    }
}

impl From<elman_infer::Error> for Error {
    fn from(error: elman_infer::Error) -> Error {
        match error {
            elman_infer::Error::Text(error) => Error::Text(error),
            elman_infer::Error::Store(error) => Error::Store(error),
            elman_infer::Error::Ngram(error) => Error::Ngram(error),
            other => Error::Model(other),
        }
    }
}

impl From<elman_train::Error> for Error {
    fn from(error: elman_train::Error) -> Error {
        match error {
            elman_train::Error::Text(error) => Error::Text(error),
            elman_train::Error::Store(error) => Error::Store(error),
            elman_train::Error::Model(error) => Error::from(error),
            other => Error::Train(other),
        }
    }
}

/// Why models could not be compared or mixed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CompareError {
    /// The charge for a character is not a number of at least 0 bits.
    #[error("the charge for a character is a number of bits, 0 or more")]
    Charge,
    /// Only one model was given, and a mixture takes at least two.
    #[error("a mixture needs at least two models: name another one, for example cache:500")]
    OneModel,
    /// The models cannot be mixed, because their vocabularies cut a text into different tokens.
    #[error(
        "these models cannot be mixed, because their vocabularies cut a text into different tokens: {}. A mixture adds probabilities of the same events: train one of them with the vocabulary of the other, or leave one out",
        vocabularies.join(" and ")
    )]
    CannotMix {
        /// The models' names with kind and size of their vocabularies.
        vocabularies: Vec<String>,
    },
    /// The text to fit the weights on has no tokens.
    #[error("the text to fit the weights on has no tokens")]
    NothingToFit,
    /// The text to fit the weights on has too many tokens for the memory that their probabilities may take.
    #[error(
        "the text to fit the weights on has more than {tokens} tokens, and their probabilities would take more than {gib} GiB; a hundred thousand tokens are plenty"
    )]
    TooMuchToFit {
        /// Number of tokens that fit.
        tokens: usize,
        /// The memory limit in GiB.
        gib: usize,
    },
    /// A token of the text to fit the weights on has probability 0 in every model.
    #[error(
        "token {token} of the text to fit the weights on has probability 0 in every model: no mixture can produce it"
    )]
    Impossible {
        /// Number of the token in the text.
        token: usize,
    },
    /// The vocabularies differ and lack different words of the text, so that the comparison would be unfair.
    #[error(
        "these models cannot be compared on this text, because their vocabularies differ and {}: an <unk> is easier to predict than the word that it stands for. Train one of them with the vocabulary of the other, or charge the spelling of unknown tokens",
        lacking.join(", ")
    )]
    UnknownWords {
        /// The number of lacking words of each model that lacks some.
        lacking: Vec<String>,
    },
    /// The vocabularies leave out different characters of the text, so that the comparison would be unfair.
    #[error(
        "these models cannot be compared on this text, because they do not predict the same of it: {}. A model that leaves characters out has an easier task. Train one of them with the vocabulary of the other, or charge the characters that are left out",
        lost.join("; ")
    )]
    LostCharacters {
        /// The number of left-out characters of each model that leaves some out, and the reason.
        lost: Vec<String>,
    },
}

/// Why a model could not be inspected.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InspectError {
    /// The text has no tokens.
    #[error("the text has no tokens, so there is nothing to inspect")]
    NoTokens,
    /// The text has fewer tokens than an excerpt needs.
    #[error(
        "the text has {tokens} tokens, and an excerpt needs {steps}: ask for fewer steps, or name a longer text"
    )]
    TextTooShort {
        /// Number of tokens of the text.
        tokens: usize,
        /// Number of tokens of an excerpt.
        steps: usize,
    },
    /// The text has more tokens than are kept in memory.
    #[error(
        "the text has more than {most} tokens, and excerpts are drawn from memory: name a part of it"
    )]
    TextTooLong {
        /// The largest number of tokens.
        most: usize,
    },
    /// A loss on answers was asked for in a stream, and answers belong to lines.
    #[error("answers belong to lines: a loss after a mark needs the layout sentences")]
    AnswersNeedSentences,
    /// No line has an answer that begins within its first `most` tokens.
    #[error("no answer begins within the first {most} tokens of a line: ask for more with full")]
    NoAnswerWithin {
        /// Number of tokens of a line that are used.
        most: usize,
    },
    /// The measurement needs more memory than the machine has free.
    #[error("{what} need {needed_mib} MiB, but this machine has free {free_mib} MiB: {remedy}")]
    Memory {
        /// The object that needs the memory, in words.
        what: String,
        /// Needed memory in MiB.
        needed_mib: u64,
        /// Free memory in MiB.
        free_mib: u64,
        /// Advice on what to reduce.
        remedy: &'static str,
    },
    /// The hidden states of all tokens would take more memory than is allowed.
    #[error(
        "the states of {tokens} tokens take {bytes} bytes, and {most} are allowed: look at {fitting} tokens at most"
    )]
    TooManyStates {
        /// Number of tokens.
        tokens: usize,
        /// Memory that their states take, in bytes.
        bytes: u64,
        /// Memory that is allowed, in bytes.
        most: u64,
        /// Number of tokens whose states fit.
        fitting: u64,
    },
    /// The model's hidden states overflow on this text.
    #[error(
        "the hidden states grow beyond every number on this text; the model was trained badly (a relu cell needs a lower learning rate or clipping)"
    )]
    NotFinite,
    /// The text has only one place for a prefix, and an interval needs two.
    #[error(
        "the text has only one place for such a prefix, and an interval needs two: ask for shorter ones, or name a longer text"
    )]
    OnePrefix,
    /// The model and the oracle have different vocabularies.
    #[error(
        "the model has a vocabulary of {entries} {kind} and the oracle another one of {other_entries} {other_kind}: divergences are between distributions over the same tokens in the same order. Train one of them with the vocabulary of the other"
    )]
    OtherVocabulary {
        /// Size of the model's vocabulary.
        entries: usize,
        /// Kind of the model's vocabulary.
        kind: Kind,
        /// Size of the oracle's vocabulary.
        other_entries: usize,
        /// Kind of the oracle's vocabulary.
        other_kind: Kind,
    },
    /// The model was trained on sentences and has no distribution after a line, and prefixes may be of any length.
    #[error(
        "a model that was trained with layout sentences ends with its line, and prefixes may have any length: train one on the text as a stream"
    )]
    Sentences,
    /// The longest excerpted line is not longer than the shortest window.
    #[error(
        "the longest line that was drawn has {longest} tokens, and none of the windows is shorter: give shorter windows"
    )]
    LinesTooShort {
        /// Number of tokens of the longest line.
        longest: usize,
    },
    /// No window is shorter than the full window of `full` steps.
    #[error(
        "none of the windows is shorter than full, which is {full}: give shorter windows, or a longer full"
    )]
    WindowsTooLong {
        /// Length of the full window in steps.
        full: usize,
    },
    /// The full gradient explodes and is not finite.
    #[error("the full gradient is not finite: it explodes over this number of steps")]
    Exploded,
    /// The number of positions is not a multiple of a batch size.
    #[error(
        "{positions} positions cannot be cut into {batch_size} sequences of equal length: choose divisors of it"
    )]
    NotDivisible {
        /// Number of positions T·B.
        positions: usize,
        /// The batch size B.
        batch_size: usize,
    },
    /// The number of seconds is negative or not a number.
    #[error("seconds must be a number of at least 0")]
    Seconds,
}
