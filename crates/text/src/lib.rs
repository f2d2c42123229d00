//! Text: from files of characters to sequences of ids, and back.
//!
//! The way through the room, in the order in which data flows:
//!
//! ```text
//! lines    files, gzip, byte order marks, UTF-8        → chunks of characters
//! scan     one scanner per vocabulary kind             → tokens
//! vocab    counting, ids, tokenizer.json, decoding     → ids
//! corpus   the token file, memory-mapped               → &[u32]
//! batch    lanes, windows, masks                       → inputs, targets, weights
//! places   where lines begin, what unknown tokens cost → for comparisons
//! lost     characters that decoding does not restore   → for evaluations and comparisons
//! portions what an epoch reads of weighted texts       → sources
//! ```
//!
//! Everything streams: memory stays bounded whatever the length of a file, a line or a token, and each pass also measures
//! the raw text ([`TextStats`]), so that no figure is ever divided by something that was not counted.
//!
//! What it does not do: it writes no file by itself (token files go to any `Write + Seek` that the caller opened) and knows no network.
#![forbid(unsafe_code)]

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

/// A token's number in a vocabulary, below its size.
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

/// The control token that ends every document (`whitespace` and `fields`: every line) and stands before the first token of a text.
pub const EOS: &str = "<eos>";
/// The entry for whatever the vocabulary does not hold.
pub const UNK: &str = "<unk>";

/// A token longer than this many bytes is never part of a vocabulary: it is read through as one [`UNK`], without being kept.
pub const LONGEST_TOKEN: usize = 64 * 1024;

/// What a unit of text is. The conventions are those of `docs/FORMAT.md`, section "Vocabulary kinds".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Runs of letters, numbers and other marks, each with the space before it; newlines and other white space. Loses nothing.
    Words,
    /// Whatever stands between Unicode white space (the Penn Treebank convention); a line ends with [`EOS`].
    Whitespace,
    /// Whatever stands between spaces, tabs and line ends, as in ARPA files; a line ends with [`EOS`].
    Fields,
    /// Unicode scalar values, newline included.
    Chars,
    /// Bytes of any input, text or not.
    Bytes,
    /// Pieces of the tokens of `words`, from bytes up: what byte-pair encoding learns in the text. Loses nothing, knows everything.
    Bpe,
    /// Whatever the `tokenizer.json` of another program says.
    Foreign,
}

impl Kind {
    /// All kinds that a text can be given, in the order in which help texts list them.
    pub const ALL: [Kind; 6] = [
        Kind::Words,
        Kind::Whitespace,
        Kind::Fields,
        Kind::Chars,
        Kind::Bytes,
        Kind::Bpe,
    ];

    /// The name on the command line and in files.
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

    /// Whether pieces of text are cut further, by what its `tokenizer.json` says.
    pub fn has_engine(self) -> bool {
        matches!(self, Kind::Bpe | Kind::Foreign)
    }

    /// Whether tokens are what stands between white space, whichever that is: `whitespace` and `fields`.
    pub fn between_spaces(self) -> bool {
        matches!(self, Kind::Whitespace | Kind::Fields)
    }

    /// Whether a vocabulary of this kind can be taken where one of kind `wanted` is asked for.
    fn serves_as(self, wanted: Kind) -> bool {
        self == wanted || (self.between_spaces() && wanted.between_spaces())
    }

    /// Whether input must be UTF-8 (every kind but `bytes`).
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

/// What can be wrong with text, vocabularies and token files. Every message says what, where, and what to do next.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    #[error("no text was named: give at least one file")]
    NoSource,
    #[error("{path}: no such file", path = .0.display())]
    Missing(PathBuf),
    #[error("{path} is a directory: name the files in it, for example {path}/*.txt", path = .0.display())]
    Directory(PathBuf),
    #[error(
        "{}: a mark is one token of the vocabulary, whose kind is {kind}",
        match tokens {
            1 => format!("the vocabulary has no token '{token}'"),
            n => format!("'{token}' is {n} tokens"),
        }
    )]
    NoMark {
        token: String,
        kind: Kind,
        /// Into which it is cut.
        tokens: usize,
    },
    #[error("no line of {text} has an answer, that is something between '{token}' and its end")]
    NoAnswer { text: String, token: String },
    #[error("there is nothing in the text but lines that separate documents")]
    NoDocument,
    #[error(
        "kind {0} ends every line with <eos>, which does not say where a document ends: leave the separator of documents out, or take another kind of vocabulary or layout sentences"
    )]
    NoDocumentEnd(Kind),
    #[error("{0}: the file is empty; a text needs at least one character")]
    Empty(String),
    #[error("{path} can be read only once (a pipe or device): save it to a file first", path = .0.display())]
    NotRereadable(PathBuf),
    #[error("{name}: cannot be read: {source}")]
    Read {
        name: String,
        source: std::io::Error,
    },
    #[error(
        "{name}: the gzip data is broken or cut short ({source}); test it with `gzip -t` and fetch it again"
    )]
    Gzip {
        name: String,
        source: std::io::Error,
    },
    #[error("{name}: byte {offset} is not valid UTF-8")]
    InvalidUtf8 { name: String, offset: u64 },
    #[error(
        "{name}: it is compressed with {by}, and only gzip is unpacked here: unpack it, for example with `{unpack} {name} > NEW`"
    )]
    Compressed {
        name: String,
        by: &'static str,
        unpack: &'static str,
    },
    #[error(
        "{name}: it is {encoding}, and texts are read as UTF-8: convert it, for example with `iconv -f {iconv} -t UTF-8 {name} > NEW`"
    )]
    Encoded {
        name: String,
        encoding: &'static str,
        iconv: &'static str,
    },
    #[error(
        "{name} is a device, which may never end: name a file, or a pipe", name = .0.display()
    )]
    Device(PathBuf),
    #[error(
        "the text changed while it was being read: {expected} bytes were expected, {found} found; start again when nothing writes to it"
    )]
    Changed { expected: u64, found: u64 },
    #[error("the text ({bytes} bytes) is too short to set a part aside for validation")]
    TooShort { bytes: u64 },
    #[error(
        "unknown vocabulary kind `{0}`: it is one of words, whitespace, fields, chars, bytes, bpe"
    )]
    UnknownKind(String),
    #[error(
        "counting the vocabulary would take more than {limit_bytes} bytes: {distinct} different tokens so far"
    )]
    TooManyTokens { distinct: usize, limit_bytes: u64 },
    #[error(
        "a vocabulary of {max} entries leaves no room for a token beside {EOS} and {UNK}: allow at least 3"
    )]
    MaxVocab { max: usize },
    #[error("no token occurs {min_count} times")]
    NothingLeft { min_count: u64 },
    #[error("{name}, line {line}: {what}")]
    VocabFile {
        name: String,
        line: usize,
        what: String,
    },
    #[error("{0}: more than 1 GiB is too large for a vocabulary; is it the text itself?")]
    VocabTooLarge(String),
    #[error("{name}: not a tokenizer that can be used: {what}")]
    TokenizerJson { name: String, what: String },
    #[error("{name} holds a vocabulary of kind {found}, not {wanted}")]
    KindMismatch {
        name: String,
        found: Kind,
        wanted: Kind,
    },
    #[error("the text has {lines} lines, and layout `sentences` takes at most 2³²")]
    TooManyLines { lines: usize },
    #[error("kind foreign is that of a tokenizer.json of another program, which has to be given")]
    NoTokenizer,
    #[error("{entries} entries are too few for bpe, which begins with the 256 bytes and {EOS}")]
    BpeTooSmall { entries: usize },
    #[error("the tokenizer cannot encode this text: {0}")]
    Tokenizer(String),
    #[error(
        "{path}: a weight of {weight} says nothing; it is a number above 0 and at most {most}, such as 2 or 0.5", path = .path.display(), most = MOST_WEIGHT
    )]
    Weight { path: PathBuf, weight: f64 },
    #[error("the token file cannot be written: {0}")]
    WriteTokens(std::io::Error),
    #[error("{path}: {source}", path = .path.display())]
    TokenFile { path: PathBuf, source: CorpusError },
}

impl TextError {
    /// The error about a file that was recognised as something else than a text.
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

/// One encoded token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol {
    pub id: u32,
    /// Whether `id` is [`UNK`] because the vocabulary lacks the token. A literal `<unk>` in the text is an ordinary entry and sets nothing.
    pub oov: bool,
}

/// Encodes `sources` in order, calling `sink` once per token, [`EOS`] included, and measures the text on the way.
///
/// The sink may end the pass early by returning an error. Errors: everything that [`lines`] can find wrong with a file.
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
/// Errors: as for [`encode`], [`TextError::TooManyTokens`] when the table of different tokens would outgrow `limit_bytes`, and
/// kind `foreign`, whose vocabulary is in no text.
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
