//! Text: from files of characters to sequences of ids, and back.
//!
//! The modules, in the order in which data flows:
//!
//! ```text
//! lines    files, gzip, byte order marks, UTF-8        → chunks of characters
//! scan     one scanner per vocabulary kind             → tokens
//! vocab    counting, ids, tokenizer.json, decoding     → ids
//! corpus   the token file, memory-mapped               → &[u32]
//! batch    sequences, windows, masks                   → inputs, targets, weights
//! places   where lines begin, what unknown tokens cost → for comparisons
//! lost     characters that decoding does not restore   → for evaluations and comparisons
//! portions what an epoch reads of weighted texts       → sources
//! ```
//!
//! Everything streams: memory stays bounded whatever the length of a file, a line or a token, and each pass also measures
//! the raw text ([`TextStats`]), so that no figure is ever divided by something that was not counted.
//!
//! This crate writes no file by itself (token files go to any `Write + Seek` that the caller opened) and knows no
//! network.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub mod batch;
pub mod contain;
pub mod corpus;
pub mod lines;
mod lost;
mod places;
mod portions;
mod range;
mod scan;
mod split;
mod stats;
pub mod synth;
pub mod vocab;

/// Number of a token in its vocabulary, below the size of the vocabulary.
pub type TokenId = u32;

pub use batch::{Layout, Mark, Restarts, Sentences, Stream, Window};
pub use corpus::{Corpus, CorpusError, CorpusWriter, TokenFile, token_file};
pub use lines::{ReadOptions, Source};
pub use lost::Lost;
pub use places::{Line, Placed, encode_placed, measure_lines};
pub use portions::{MOST_WEIGHT, portions};
pub use range::OutOfRange;
pub use split::Split;
pub use stats::TextStats;
pub use vocab::{Counts, Decoder, Encoded, Listed, SpecialNames, Union, Vocab};

use scan::Scanner;
use vocab::{Encoder, Piece};

/// Control token that ends every document (`whitespace` and `fields`: every line) and precedes the first token of a
/// text.
pub const EOS: &str = "<eos>";
/// Vocabulary entry that replaces tokens which the vocabulary lacks.
pub const UNK: &str = "<unk>";

/// Longest token of a vocabulary in bytes; a longer one is read as one [`UNK`] without being stored.
pub const LONGEST_TOKEN: usize = 64 * 1024;

/// Kind of vocabulary, which decides how text is split into tokens.
///
/// The conventions are those of `docs/FORMAT.md`, section "Vocabulary kinds".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Runs of letters, numbers or other characters, each with the space before it; newlines; other white space.
    ///
    /// Decoding restores the text.
    Words,
    /// Words between Unicode white space (the Penn Treebank convention); a line ends with [`EOS`].
    Whitespace,
    /// Words between spaces, tabs and line ends, as in ARPA files; a line ends with [`EOS`].
    Fields,
    /// Unicode scalar values, newline included.
    Chars,
    /// Bytes of any input, text or not.
    Bytes,
    /// Byte-pair encoding of the tokens of `words`, learned from the text (Sennrich, Haddow and Birch 2016).
    ///
    /// Decoding restores the text, and no token is unknown.
    Bpe,
    /// Tokens of another program's `tokenizer.json`.
    Foreign,
}

impl Kind {
    /// All kinds that can be learned from a text, in the order in which help texts list them.
    pub const ALL: [Kind; 6] = [
        Kind::Words,
        Kind::Whitespace,
        Kind::Fields,
        Kind::Chars,
        Kind::Bytes,
        Kind::Bpe,
    ];

    /// Name on the command line and in files, such as `words`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Words => "words",
            Kind::Whitespace => "whitespace",
            Kind::Fields => "fields",
            Kind::Chars => "chars",
            Kind::Bytes => "bytes",
            Kind::Bpe => "bpe",
            Kind::Foreign => "foreign",
        }
    }

    /// Whether pieces of text are split further by a tokenizer with merges: `bpe` and `foreign`.
    pub fn has_engine(self) -> bool {
        matches!(self, Kind::Bpe | Kind::Foreign)
    }

    /// Whether tokens are the words between white space: `whitespace` and `fields`.
    pub fn between_spaces(self) -> bool {
        matches!(self, Kind::Whitespace | Kind::Fields)
    }

    /// Whether a vocabulary of this kind can be taken where one of kind `wanted` is asked for.
    fn serves_as(self, wanted: Kind) -> bool {
        self == wanted || (self.between_spaces() && wanted.between_spaces())
    }

    /// Whether the input must be UTF-8: every kind but `bytes`.
    pub fn is_text(self) -> bool {
        self != Kind::Bytes
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = TextError;

    fn from_str(name: &str) -> Result<Kind, TextError> {
        Kind::ALL
            .into_iter()
            .chain([Kind::Foreign])
            .find(|kind| kind.name() == name)
            .ok_or_else(|| TextError::UnknownKind(name.to_owned()))
    }
}

/// Error of texts, vocabularies and token files. Every message says what, where, and what to do next.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// No text was given.
    #[error("no text was named: give at least one file")]
    NoSource,
    /// The file does not exist.
    #[error("{path}: no such file", path = .0.display())]
    Missing(PathBuf),
    /// The path is a directory.
    #[error("{path} is a directory: name the files in it, for example {path}/*.txt", path = .0.display())]
    Directory(PathBuf),
    /// The answer mark is not exactly one token of the vocabulary.
    #[error(
        "{}: a mark is one token of the vocabulary, whose kind is {kind}",
        match tokens {
            1 => format!("the vocabulary has no token '{token}'"),
            n => format!("'{token}' is {n} tokens"),
        }
    )]
    NoMark {
        /// The mark as it was given.
        token: String,
        /// Kind of the vocabulary.
        kind: Kind,
        /// Number of tokens into which the mark is split.
        tokens: usize,
    },
    /// No line of the text has an answer after the mark.
    #[error("no line of {text} has an answer, that is something between '{token}' and its end")]
    NoAnswer {
        /// Name of the text.
        text: String,
        /// The mark.
        token: String,
    },
    /// The text holds only lines that separate documents.
    #[error("there is nothing in the text but lines that separate documents")]
    NoDocument,
    /// The kind of vocabulary ends every line with [`EOS`], so the end of a document cannot be recognised.
    #[error(
        "kind {0} ends every line with <eos>, which does not say where a document ends: leave the separator of documents out, or take another kind of vocabulary or layout sentences"
    )]
    NoDocumentEnd(Kind),
    /// The named file is empty.
    #[error("{0}: the file is empty; a text needs at least one character")]
    Empty(String),
    /// The file can be read only once, because it is a pipe or device.
    #[error("{path} can be read only once (a pipe or device): save it to a file first", path = .0.display())]
    NotRereadable(PathBuf),
    /// Reading a file failed.
    #[error("{name}: cannot be read: {source}")]
    Read {
        /// Name of the file.
        name: String,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// Compressed data (gzip) is broken or incomplete.
    #[error(
        "{name}: the gzip data is broken or cut short ({source}); test it with `gzip -t` and fetch it again"
    )]
    Gzip {
        /// Name of the file.
        name: String,
        /// Error of the decompressor.
        source: std::io::Error,
    },
    /// A file is not UTF-8.
    #[error("{name}: byte {offset} is not valid UTF-8")]
    InvalidUtf8 {
        /// Name of the file.
        name: String,
        /// Byte offset of the first invalid sequence.
        offset: u64,
    },
    /// The file is compressed by a program other than gzip.
    #[error(
        "{name}: it is compressed with {by}, and only gzip is unpacked here: unpack it, for example with `{unpack} {name} > NEW`"
    )]
    Compressed {
        /// Name of the file.
        name: String,
        /// Name of the program.
        by: &'static str,
        /// Command that decompresses to standard output.
        unpack: &'static str,
    },
    /// The file is in another encoding than UTF-8.
    #[error(
        "{name}: it is {encoding}, and texts are read as UTF-8: convert it, for example with `iconv -f {iconv} -t UTF-8 {name} > NEW`"
    )]
    Encoded {
        /// Name of the file.
        name: String,
        /// Name of the encoding.
        encoding: &'static str,
        /// Name of the encoding for `iconv`.
        iconv: &'static str,
    },
    /// The file is a device, which may never end.
    #[error(
        "{name} is a device, which may never end: name a file, or a pipe", name = .0.display()
    )]
    Device(PathBuf),
    /// The text changed while it was being read.
    #[error(
        "the text changed while it was being read: {expected} bytes were expected, {found} found; start again when nothing writes to it"
    )]
    Changed {
        /// Expected length in bytes.
        expected: u64,
        /// Length that was read, in bytes.
        found: u64,
    },
    /// The text is too short to set a part aside for validation.
    #[error("the text ({bytes} bytes) is too short to set a part aside for validation")]
    TooShort {
        /// Length of the text in bytes.
        bytes: u64,
    },
    /// There is no kind of vocabulary with this name.
    #[error(
        "unknown vocabulary kind `{0}`: it is one of words, whitespace, fields, chars, bytes, bpe"
    )]
    UnknownKind(String),
    /// Counting the vocabulary exceeds its memory limit.
    #[error(
        "counting the vocabulary would take more than {limit_bytes} bytes: {distinct} different tokens so far"
    )]
    TooManyTokens {
        /// Number of different tokens so far.
        distinct: usize,
        /// Memory limit in bytes.
        limit_bytes: u64,
    },
    /// The maximum size of the vocabulary leaves no entry for a token.
    #[error(
        "a vocabulary of {max} entries leaves no room for a token beside {EOS} and {UNK}: allow at least 3"
    )]
    MaxVocab {
        /// The maximum size.
        max: usize,
    },
    /// No token is frequent enough for the vocabulary.
    #[error("no token occurs {min_count} times")]
    NothingLeft {
        /// Smallest count of a token.
        min_count: u64,
    },
    /// A line of a vocabulary list is invalid.
    #[error("{name}, line {line}: {what}")]
    VocabFile {
        /// Name of the file.
        name: String,
        /// Line number, from 1.
        line: usize,
        /// Description of the flaw.
        what: String,
    },
    /// The named file is too large for a vocabulary.
    #[error("{0}: more than 1 GiB is too large for a vocabulary; is it the text itself?")]
    VocabTooLarge(String),
    /// A `tokenizer.json` cannot be used.
    #[error("{name}: not a tokenizer that can be used: {what}")]
    TokenizerJson {
        /// Name of the file.
        name: String,
        /// Description of the flaw.
        what: String,
    },
    /// The vocabulary in a file is of another kind than requested.
    #[error("{name} holds a vocabulary of kind {found}, not {wanted}")]
    KindMismatch {
        /// Name of the file.
        name: String,
        /// Kind of the vocabulary in the file.
        found: Kind,
        /// Requested kind.
        wanted: Kind,
    },
    /// The text has more lines than layout `sentences` supports, which is 2³².
    #[error("the text has {lines} lines, and layout `sentences` takes at most 2³²")]
    TooManyLines {
        /// Number of lines.
        lines: usize,
    },
    /// Kind `foreign` was requested without a `tokenizer.json`.
    #[error("kind foreign is that of a tokenizer.json of another program, which has to be given")]
    NoTokenizer,
    /// The maximum size is too small for kind `bpe`.
    #[error("{entries} entries are too few for bpe, which begins with the 256 bytes and {EOS}")]
    BpeTooSmall {
        /// The maximum size.
        entries: usize,
    },
    /// The tokenizer failed on the text. The text is its message.
    #[error("the tokenizer cannot encode this text: {0}")]
    Tokenizer(String),
    /// The weight of a text is not a number above 0 and at most [`MOST_WEIGHT`].
    #[error(
        "{path}: a weight of {weight} says nothing; it is a number above 0 and at most {most}, such as 2 or 0.5", path = .path.display(), most = MOST_WEIGHT
    )]
    Weight {
        /// Path of the text.
        path: PathBuf,
        /// The weight that was given.
        weight: f64,
    },
    /// Writing a token file failed.
    #[error("the token file cannot be written: {0}")]
    WriteTokens(std::io::Error),
    /// A token file is damaged or does not match its vocabulary.
    #[error("{path}: {source}", path = .path.display())]
    TokenFile {
        /// Path of the token file.
        path: PathBuf,
        /// Flaw of the file.
        source: CorpusError,
    },
}

impl TextError {
    /// Makes the error for a file whose beginning shows that it is not a UTF-8 text.
    pub fn recognised(name: &str, what: lines::Recognised) -> TextError {
        let name = name.to_owned();
        match what {
            lines::Recognised::Compressed { by, unpack } => {
                TextError::Compressed { name, by, unpack }
            }
            lines::Recognised::Encoded { encoding, iconv } => TextError::Encoded {
                name,
                encoding,
                iconv,
            },
        }
    }
}

impl From<Infallible> for TextError {
    fn from(never: Infallible) -> TextError {
        match never {}
    }
}

/// Token of an encoded text: its id, and whether the vocabulary lacks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Id of the token.
    pub id: u32,
    /// Whether `id` is [`UNK`] because the vocabulary lacks the token; a literal `<unk>` in the text does not count.
    pub oov: bool,
}

/// Encodes `sources` in order, calls `sink` for every token, [`EOS`] included, and returns statistics of the text.
///
/// The sink may end the pass early by returning an error. Errors: those of [`lines`].
pub fn encode<E: From<TextError>>(
    sources: impl IntoIterator<Item = Source>,
    vocab: &Vocab,
    options: &ReadOptions,
    sink: &mut dyn FnMut(Symbol) -> Result<(), E>,
) -> Result<TextStats, E> {
    let (mut tokens, mut oov) = (0, 0);
    let mut encoder = Encoder::of_text(vocab, options);
    let mut stats = lines::read(sources, vocab.kind(), options, |chunk| {
        encoder.push(chunk, &mut |found: Piece<'_>| {
            tokens += 1;
            oov += u64::from(found.symbol.oov);
            sink(found.symbol)
        })
    })?;
    (stats.tokens, stats.oov) = (tokens, oov);
    stats.note_markers(encoder.markers(), options);
    Ok(stats)
}

/// Counts the tokens of `sources`, from which [`Counts::into_vocab`] makes a vocabulary.
///
/// Errors: those of [`encode`]; [`TextError::TooManyTokens`] if the table of different tokens would outgrow
/// `limit_bytes`; and [`TextError::NoTokenizer`] for kind `foreign`, whose vocabulary cannot be counted.
pub fn count(
    sources: impl IntoIterator<Item = Source>,
    kind: Kind,
    options: &ReadOptions,
    limit_bytes: u64,
) -> Result<(Counts, TextStats), TextError> {
    if kind == Kind::Foreign {
        return Err(TextError::NoTokenizer);
    }
    let mut counts = Counts::new(kind, limit_bytes);
    let mut scanner = Scanner::new(kind);
    scanner.skip_markers(options.skip_markers);
    let mut stats = lines::read(sources, kind, options, |chunk| {
        scanner.push(chunk, &mut |token| counts.add(token))
    })?;
    stats.tokens = counts.total();
    stats.note_markers(scanner.markers(), options);
    Ok((counts, stats))
}

#[cfg(test)]
mod tests;
