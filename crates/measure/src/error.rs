//! What can go wrong while something is measured.

use elman_net::flow::trace::Overflow;
use elman_ngram::NgramError;
use elman_store::StoreError;
use elman_text::{Kind, OutOfRange, TextError};
use std::path::PathBuf;

/// What a function of this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure of a measurement.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Text(#[from] TextError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Ngram(#[from] NgramError),
    #[error(transparent)]
    Model(elman_infer::Error),
    #[error(transparent)]
    Train(elman_train::Error),
    #[error(transparent)]
    Compare(#[from] CompareError),
    #[error(transparent)]
    Inspect(#[from] InspectError),
    #[error(transparent)]
    Lab(#[from] LabError),
    /// A number outside of its range.
    #[error(transparent)]
    Range(#[from] OutOfRange),
    /// States that cannot be differentiated.
    #[error(transparent)]
    Overflow(#[from] Overflow),
    /// A training whose speed is measured, but which is none.
    #[error(
        "step {step} of {name} has a loss or a gradient that is not finite: what follows is no training; choose a lower rate"
    )]
    BenchDiverged { name: String, step: u64 },
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

/// Models that cannot be compared or mixed as asked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CompareError {
    #[error("the charge for a character is a number of bits, 0 or more")]
    Charge,
    #[error("a mixture is of two models or more: name another one, for example cache:500")]
    OneModel,
    #[error(
        "these models cannot be mixed, because their vocabularies cut a text into different tokens: {}. A mixture adds probabilities of the same events: train one of them with the vocabulary of the other, or leave one out",
        vocabularies.join(" and ")
    )]
    CannotMix { vocabularies: Vec<String> },
    #[error("the text to fit the weights on has no tokens: give another one")]
    NothingToFit,
    #[error(
        "the text to fit the weights on has more than {tokens} tokens, and their probabilities would take more than {gib} GiB: give a shorter one, a hundred thousand tokens are plenty"
    )]
    TooMuchToFit { tokens: usize, gib: usize },
    #[error(
        "token {token} of the text to fit the weights on has probability 0 in every model: no mixture can produce it"
    )]
    Impossible { token: usize },
    /// Vocabularies that lack different words of the text.
    #[error(
        "these models cannot be compared on this text, because their vocabularies differ and {}: an <unk> is easier to predict than the word that it stands for. Train one of them with the vocabulary of the other, or charge the spelling of unknown tokens",
        lacking.join(", ")
    )]
    UnknownWords { lacking: Vec<String> },
    /// Vocabularies that leave out different characters of the text.
    #[error(
        "these models cannot be compared on this text, because they do not predict the same of it: {}. A model that leaves characters out has an easier task. Train one of them with the vocabulary of the other, or charge the characters that are left out",
        lost.join("; ")
    )]
    LostCharacters { lost: Vec<String> },
}

/// An inspection that cannot be carried out.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InspectError {
    #[error("the text has no tokens, so there is nothing to inspect")]
    NoTokens,
    #[error(
        "the text has {tokens} tokens, and a passage needs {steps}: ask for fewer steps, or name a longer text"
    )]
    TextTooShort { tokens: usize, steps: usize },
    #[error(
        "the text has more than {most} tokens, and passages are drawn from memory: name a part of it"
    )]
    TextTooLong { most: usize },
    #[error("answers belong to lines: a loss after a mark needs the layout sentences")]
    AnswersNeedSentences,
    #[error("no answer begins within the first {most} tokens of a line: ask for more with full")]
    NoAnswerWithin { most: usize },
    #[error("{what} need {needed_mib} MiB, but this machine has free {free_mib} MiB: {remedy}")]
    Memory {
        what: String,
        needed_mib: u64,
        free_mib: u64,
        remedy: &'static str,
    },
    #[error(
        "the states of {tokens} tokens take {bytes} bytes, and {most} are allowed: look at {fitting} tokens at most"
    )]
    TooManyStates {
        tokens: usize,
        bytes: u64,
        most: u64,
        fitting: u64,
    },
    #[error(
        "the hidden states grow beyond every number on this text; the model was trained badly (a relu cell needs a lower learning rate or clipping)"
    )]
    NotFinite,
    #[error(
        "the text has only one place for such a prefix, and an interval needs two: ask for shorter ones, or name a longer text"
    )]
    OnePrefix,
    #[error(
        "the model has a vocabulary of {entries} {kind} and the oracle another one of {other_entries} {other_kind}: divergences are between distributions over the same tokens in the same order. Train one of them with the vocabulary of the other"
    )]
    OtherVocabulary {
        entries: usize,
        kind: Kind,
        other_entries: usize,
        other_kind: Kind,
    },
    #[error(
        "a model that was trained with layout sentences ends with its line, and prefixes are looked at at any length: train one on the text as a stream"
    )]
    Sentences,
    #[error(
        "the longest line that was drawn has {longest} tokens, and none of the windows is shorter: give shorter windows"
    )]
    LinesTooShort { longest: usize },
    #[error(
        "none of the windows is shorter than full, which is {full}: give shorter windows, or a longer full"
    )]
    WindowsTooLong { full: usize },
    #[error(
        "the full gradient is not finite: it explodes over so many steps; compare over fewer with a shorter full"
    )]
    Exploded,
    #[error(
        "{positions} positions cannot be cut into {lanes} lanes of as many steps each: choose divisors of it"
    )]
    NotDivisible { positions: usize, lanes: usize },
    #[error("seconds must be a number of at least 0")]
    Seconds,
}

/// A laboratory that cannot be set up or that was stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabError {
    #[error(
        "{} holds measurements with another text, seed, size or version of elman: choose another directory, or delete that one",
        .0.display()
    )]
    OtherPlan(PathBuf),
    #[error(
        "{} holds other things than a laboratory, which would overwrite some of them: choose another directory",
        .0.display()
    )]
    Foreign(PathBuf),
    #[error("the text is not UTF-8: see its byte {at}")]
    NotUtf8 { at: usize },
    #[error(
        "the part of the text that is read has {lines} lines in {bytes} bytes, and the laboratory needs at least {least}: give a text of shorter lines, or a longer one"
    )]
    FewLines {
        lines: usize,
        bytes: usize,
        least: usize,
    },
    /// The user asked to stop.
    #[error("stopped; the same command goes on from here")]
    Stopped,
}
