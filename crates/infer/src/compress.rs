//! Lossless compression with a model's probabilities: arithmetic coding of a text's tokens.
//!
//! ```text
//! encode   bytes → pieces (text::Cutter) → frequencies of the next token → range coder → frames of a file
//! decode   frames → range coder → frequencies of the next token → pieces → bytes (text::Joiner)
//! ```
//! Both sides compute the same distribution before each token and turn it into the same integers (`frequencies.rs`), so the code of a text has as many bits as the model's
//! −log2 p of it: the perplexity of a text, proved by the length of a file. Every number on the way is computed in f32 and f64 by operations that IEEE 754 defines
//! to the bit, in an order that depends on neither instruction set nor threads. Models in bf16 and int8 are refused, since their sums belong to an instruction set.
//!
//! Before each token a flag says whether a token comes; otherwise raw bytes follow, or, where `<eos>` ends lines, the end of the text. Elsewhere `<eos>` is the end. Unknown
//! tokens are `<unk>`, and then their bytes. Flags and bytes have adaptive models of their own (`adaptive.rs`). A kind that says every text, `bytes`, has no flags.
//!
//! The file (`container.rs`) names the model, and has checksums of its parts and of the text.

mod adaptive;
mod container;
mod decode;
mod encode;
mod frequencies;
mod range_coder;
#[cfg(test)]
mod tests;

pub use decode::{Decompressed, decompress};
pub use encode::{Compressed, compress};

use super::model::Family;
use super::{Model, Weights};
use adaptive::{Bit, Bytes};
use container::Header;
use elman_text::{Kind, Layout, TextError};
use std::io;

/// Why a text could not be compressed or decompressed.
#[derive(Debug, thiserror::Error)]
pub enum CompressError {
    /// The model's numbers depend on the processor.
    #[error(
        "a network with {0} matrices computes other bits on other processors, and only those of f32 are the same everywhere: load it with f32"
    )]
    Weights(&'static str),
    /// The data was compressed with another model.
    #[error(
        "{name} was compressed with {wanted}, and the given model is {found}: name the model that compressed it"
    )]
    OtherModel {
        /// Name of the data.
        name: String,
        /// The model that compressed the data, in words.
        wanted: String,
        /// The given model, in words.
        found: String,
    },
    /// The data does not begin as a compressed text does.
    #[error("{0} is not a text that elman has compressed")]
    NotCompressed(String),
    /// The data has a format of another version of the program.
    #[error(
        "{name} has format {version} of compressed texts, and this version reads format {ours}"
    )]
    Version {
        /// Name of the data.
        name: String,
        /// Version of the data's format.
        version: u8,
        /// Version that is read.
        ours: u8,
    },
    /// The data ends too early.
    #[error("{0} is cut short: get it again")]
    Truncated(String),
    /// The data is not what was written.
    #[error("{name} is damaged ({flaw}): get it again")]
    Damaged {
        /// Name of the data.
        name: String,
        /// What is wrong.
        flaw: &'static str,
    },
    /// Reading or writing failed.
    #[error("{name}: {source}")]
    Io {
        /// Name of the data.
        name: String,
        /// Error of the operating system.
        source: io::Error,
    },
}

/// Escapes and the models of what the tokens do not say; they learn while they are used.
struct Side {
    /// Whether something else than a token comes: at the beginning of a line, and within one.
    escape: [Bit; 2],
    /// Whether an escape is the end of the text.
    end: Bit,
    /// Whether an unknown token is the name of `<unk>` itself.
    literal: Bit,
    unknown: Bytes,
    raw: Bytes,
}

impl Side {
    fn new() -> Side {
        Side {
            escape: [Bit::new(), Bit::new()],
            end: Bit::new(),
            literal: Bit::new(),
            unknown: Bytes::new(),
            raw: Bytes::new(),
        }
    }
}

/// What decides how a text is coded, beside the model's probabilities.
#[derive(Clone, Copy)]
struct Rules {
    /// Whether pieces other than tokens occur.
    escapes: bool,
    /// Whether the end of the text is an escape, since `<eos>` ends lines.
    escaped_end: bool,
}

impl Rules {
    fn of(model: &Model) -> Rules {
        Rules {
            escapes: model.vocab().kind() != Kind::Bytes,
            escaped_end: model.vocab().eos_ends_lines(),
        }
    }
}

/// The header of texts that `model` compresses.
///
/// Errors: [`CompressError::Weights`] for a model whose numbers depend on the processor, and a model without words.
fn header(model: &Model) -> crate::Result<Header> {
    check_weights(model)?;
    model.check_words("compression")?;
    Ok(Header {
        sentences: model.layout() == Layout::Sentences,
        model: hash_of(model.id()),
        vocab: hash_of(model.vocab().hash()),
        architecture: model.architecture(),
    })
}

fn check_weights(model: &Model) -> Result<(), CompressError> {
    match model.family() {
        Family::Network(network) => match network.weights() {
            Weights::F32 => Ok(()),
            other => Err(CompressError::Weights(other.name())),
        },
        Family::Mixture(mixture) => mixture.members().iter().try_for_each(check_weights),
        Family::Ngram(_) | Family::Cache(_) => Ok(()),
    }
}

/// The 32 bytes of an identity, whatever its spelling.
fn hash_of(id: &str) -> [u8; 32] {
    *blake3::hash(id.as_bytes()).as_bytes()
}

/// Errors of a text that is cut into pieces: it may come from a tokenizer, or from writing.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Text(#[from] TextError),
    #[error(transparent)]
    Other(#[from] crate::Error),
}

impl From<Failed> for crate::Error {
    fn from(failed: Failed) -> crate::Error {
        match failed {
            Failed::Text(error) => error.into(),
            Failed::Other(error) => error,
        }
    }
}
