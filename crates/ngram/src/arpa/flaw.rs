//! The ways in which an ARPA file can be wrong. [`NgramError::Arpa`](super::super::NgramError::Arpa) adds file and line.

use super::super::BuildError;
use super::lines::LONGEST_LINE;
use elman_text::Kind;

/// Flaw in an ARPA file: a line that is wrong or missing.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum ArpaFlaw {
    // The head.
    /// The file has no line `\data\`. The text says why the file cannot be an ARPA file, if that is known.
    #[error("there is no line `\\data\\` up to here: {0}")]
    NoData(&'static str),
    /// No n-gram counts follow the line `\data\`.
    #[error("`\\data\\` must be followed by the numbers of n-grams, `ngram 1=…` first")]
    NoCounts,
    /// A line of the head is not the expected count.
    #[error("`ngram {expected}=…` or `\\1-grams:` was expected, not {found}")]
    Counts {
        /// Order whose count was expected.
        expected: usize,
        /// The line that was found instead.
        found: String,
    },
    /// The file holds n-grams of a higher order than [`MAX_ORDER`](crate::MAX_ORDER).
    #[error("n-grams of more than {0} words are not read")]
    Order(usize),
    /// The first line names an unknown kind of vocabulary.
    #[error(
        "there is no kind of vocabulary {0}: the line should be left out, or name words, whitespace, chars or bytes (bpe and foreign need .bin files)"
    )]
    Kind(String),

    // The sections.
    /// The file ends within a section.
    #[error(
        "the file ends here, in the {order}-grams: {found} of {announced} have been read; it was cut short, or the number above is wrong"
    )]
    Ends {
        /// Order of the section.
        order: usize,
        /// Number of n-grams read so far.
        found: u64,
        /// Number of n-grams that the head announces.
        announced: u64,
    },
    /// A section has fewer n-grams than the head announces.
    #[error(
        "there are only {found} {order}-grams, and {announced} were announced: one of the two must be corrected"
    )]
    TooFew {
        /// Order of the section.
        order: usize,
        /// Number of n-grams read.
        found: u64,
        /// Number of n-grams that the head announces.
        announced: u64,
    },
    /// A section has more n-grams than the head announces.
    #[error(
        "there are more {order}-grams than the {announced} that were announced: one of the two must be corrected"
    )]
    TooMany {
        /// Order of the section.
        order: usize,
        /// Number of n-grams that the head announces.
        announced: u64,
    },
    /// Another line was found where a section begins or the file ends.
    #[error("`{expected}` was expected, not {found}")]
    Section {
        /// The line that was expected, such as `\2-grams:`.
        expected: String,
        /// The line that was found instead.
        found: String,
    },
    /// The file ends before this line, such as `\end\`.
    #[error("the file ends without `{0}`: it was cut short")]
    NoSection(String),

    // A line with an n-gram.
    /// A line is too long to hold an n-gram.
    #[error("a line of more than {LONGEST_LINE} bytes holds no n-gram")]
    LongLine,
    /// A line does not have the number of fields of its section.
    #[error(
        "a {order}-gram has a number, {order} words and at most one more number: {found} fields are not that"
    )]
    Fields {
        /// Order of the section.
        order: usize,
        /// Number of fields in the line.
        found: usize,
    },
    /// A field that must be a number is not one.
    #[error("{0} is not a number")]
    Number(String),
    /// log10 p is above 0, which would be a probability above 1.
    #[error("log10 p is {0}, and no probability is above 1")]
    AboveZero(f32),
    /// An n-gram has a word that is not among the 1-grams.
    #[error("the word {0} is not among the 1-grams, which must list every word")]
    UnknownWord(String),
    /// A word is listed twice among the 1-grams.
    #[error("the 1-gram {0} is listed twice")]
    WordTwice(String),
    /// A word is not UTF-8.
    #[error("the word is not UTF-8: convert the file, for example with iconv -t utf-8")]
    NotUtf8,
    /// A word contains a carriage return.
    #[error("the word {0} has a carriage return in it")]
    CarriageReturn(String),
    /// A word is not the name of any token of the kind of vocabulary that the first line announces.
    #[error("{name} is not the name of a token of kind {kind}, as the first line says it is")]
    Name {
        /// The word as it is written in the file.
        name: String,
        /// Kind of vocabulary.
        kind: Kind,
    },
    /// The n-grams do not form a model.
    #[error("{0}")]
    Build(#[from] BuildError),
}
