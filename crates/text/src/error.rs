//! What can be wrong with texts, vocabularies and token files.

use super::{CorpusError, EOS, Kind, MOST_WEIGHT, UNK, lines};
use std::convert::Infallible;
use std::path::PathBuf;

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
    /// Line `line` has more than `most` bytes and is not held in memory.
    #[error(
        "line {line} has more than {} MiB, and a line must fit into memory: split it", most >> 20
    )]
    LongLine {
        /// Number of the line, from 1.
        line: u64,
        /// The largest number of bytes of a line.
        most: usize,
    },
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
    /// Compressed data (zstd) is broken, incomplete, or needs more memory than is allowed.
    #[error(
        "{name}: the zstd data is broken or cut short ({source}); if `zstd -dc {name}` can read it, pipe its output"
    )]
    Zstd {
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
    /// The file is compressed by a program other than gzip and zstd.
    #[error(
        "{name}: it is compressed with {by}, and only gzip and zstd are unpacked here: unpack it, for example with `{unpack} {name} > NEW`"
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
    /// The lines of a file end with carriage returns alone, and it is to be cut into shards.
    #[error(
        "{path}: its lines end with carriage returns alone, and shards begin after newlines: convert it, for example with `tr '\\r' '\\n' < {path} > NEW`", path = .0.display()
    )]
    Returns(PathBuf),
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
        "{path}: a weight of {weight} has no meaning; it is a number above 0 and at most {most}, such as 2 or 0.5", path = .path.display(), most = MOST_WEIGHT
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
