//! The ways in which an ARPA file can be wrong. [`NgramError::Arpa`](super::super::NgramError::Arpa) adds file and line.

use super::super::BuildError;
use super::lines::LONGEST_LINE;
use elman_text::Kind;

/// What is wrong with a line of an ARPA file, or missing there.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum ArpaFlaw {
    // The head.
    #[error("there is no line `\\data\\` up to here: {0}")]
    NoData(&'static str),
    #[error("`\\data\\` must be followed by the numbers of n-grams, `ngram 1=…` first")]
    NoCounts,
    #[error("`ngram {expected}=…` or `\\1-grams:` was expected, not {found}")]
    Counts { expected: usize, found: String },
    #[error("n-grams of more than {0} words are not read")]
    Order(usize),
    #[error(
        "there is no kind of vocabulary {0}: the line should be left out, or name words, whitespace, chars or bytes (bpe and foreign stand in .bin files)"
    )]
    Kind(String),

    // The sections.
    #[error(
        "the file ends here, in the {order}-grams: {found} of {announced} have been read; it was cut short, or the number above is wrong"
    )]
    Ends {
        order: usize,
        found: u64,
        announced: u64,
    },
    #[error(
        "there are only {found} {order}-grams, and {announced} were announced: one of the two must be corrected"
    )]
    TooFew {
        order: usize,
        found: u64,
        announced: u64,
    },
    #[error(
        "there are more {order}-grams than the {announced} that were announced: one of the two must be corrected"
    )]
    TooMany { order: usize, announced: u64 },
    #[error("`{expected}` was expected, not {found}")]
    Section { expected: String, found: String },
    #[error("the file ends without `{0}`: it was cut short")]
    NoSection(String),

    // A line with an n-gram.
    #[error("a line of more than {LONGEST_LINE} bytes holds no n-gram")]
    LongLine,
    #[error(
        "a {order}-gram has a number, {order} words and at most one more number: {found} fields are not that"
    )]
    Fields { order: usize, found: usize },
    #[error("{0} is no number")]
    Number(String),
    #[error("log10 p is {0}, and no probability is above 1")]
    AboveZero(f32),
    #[error("the word {0} is not among the 1-grams, where every word must stand")]
    UnknownWord(String),
    #[error("the 1-gram {0} stands twice")]
    WordTwice(String),
    #[error("the word is not UTF-8: convert the file, for example with iconv -t utf-8")]
    NotUtf8,
    #[error("the word {0} has a carriage return in it")]
    CarriageReturn(String),
    #[error("{name} is no name of a token of kind {kind}, as the first line says it is")]
    Name { name: String, kind: Kind },
    #[error("{0}")]
    Build(#[from] BuildError),
}
