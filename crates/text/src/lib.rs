//! Text: from files of characters to sequences of ids, and back.
//!
//! The modules, in the order in which data flows:
//!
//! ```text
//! lines    files, gzip, zstd, byte order marks, UTF-8  → chunks of characters
//! scan     one scanner per vocabulary kind             → tokens
//! vocab    counting, ids, tokenizer.json, decoding     → ids
//! corpus   the token file, memory-mapped               → &[u32]
//! batch    sequences, windows, masks                   → inputs, targets, weights
//! places   where lines begin, what unknown tokens cost → for comparisons
//! located  the tokens of a line and their places in it → for scores of lines and words (raw_lines: one line after the other)
//! exact    any bytes as tokens and back                → for compression
//! lost     characters that decoding does not restore   → for evaluations and comparisons
//! portions what an epoch reads of weighted texts       → sources (shard: parts of a corpus for several processes)
//! ```
//!
//! Everything streams: memory stays bounded whatever the length of a file, a line or a token, and each pass also measures
//! the raw text ([`TextStats`]), so that no figure is ever divided by something that was not counted.
//!
//! This crate writes no file by itself (token files go to any `Write + Seek` that the caller opened) and knows no
//! network.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub mod batch;
pub mod contain;
pub mod corpus;
mod error;
mod exact;
pub mod lines;
mod located;
mod lost;
mod places;
mod portions;
mod range;
mod raw_lines;
mod scan;
mod shard;
mod spaces;
mod split;
mod stats;
pub mod synth;
pub mod vocab;

/// Number of a token in its vocabulary, below the size of the vocabulary.
pub type TokenId = u32;

pub use batch::{AnswerMask, Layout, Restarts, Sentences, Stream, Unknowns, Window};
pub use corpus::{Corpus, CorpusError, CorpusWriter, TokenFile, token_file};
pub use error::TextError;
pub use exact::{Cutter, Joiner, LONGEST_PART, Piece};
pub use lines::{ReadOptions, Source};
pub use located::{LineEncoder, LineEnd, Located};
pub use lost::Lost;
pub use places::{Line, Placed, encode_placed, measure_lines};
pub use portions::{MOST_WEIGHT, portions};
pub use range::OutOfRange;
pub use raw_lines::{LONGEST_LINE, RawLine, read_lines};
pub use shard::Shard;
pub use spaces::WordsBetweenSpaces;
pub use split::Split;
pub use stats::{TextStats, count_fields};
pub use vocab::{Counts, Decoder, Encoded, Listed, SpecialNames, Union, Vocab};

use scan::Scanner;
use vocab::Encoder;

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
        encoder.push(chunk, &mut |found: vocab::Piece<'_>| {
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
    if options.threads > 1 && kind.between_spaces() {
        return vocab::count_many(sources, kind, options, limit_bytes, options.threads);
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
