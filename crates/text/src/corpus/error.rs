//! Errors of token files.

use super::header::VERSION;
use std::io;

/// Flaw of a token file, or a mismatch with its vocabulary.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// Reading the file failed.
    #[error("the token file cannot be read: {0}")]
    Read(#[from] io::Error),
    /// The file does not begin with the magic bytes of token files.
    #[error("this is not a token file of elman (it does not begin with ELMANTOK)")]
    Magic,
    /// The file has a version that this program does not support.
    #[error(
        "the token file is of version {0}, this program reads version {VERSION}; encode the text again"
    )]
    Version(u32),
    /// The file does not have the size that its header implies.
    #[error(
        "the token file has {found} bytes where its header promises {expected}; it was cut short or added to: encode the text again"
    )]
    Size {
        /// Size by the header, in bytes.
        expected: u64,
        /// Size of the file, in bytes.
        found: u64,
    },
    /// The file holds no tokens.
    #[error("the token file holds no tokens")]
    NoTokens,
    /// The checksum does not match the contents.
    #[error("the token file is damaged (its checksum is wrong): encode the text again")]
    Checksum,
    /// A token id is not below the size of the vocabulary.
    #[error(
        "the token file holds the id {id} at position {position}, but only {vocab} are in its vocabulary"
    )]
    Id {
        /// The invalid id.
        id: u32,
        /// Index of the token in the text, from 0.
        position: usize,
        /// Size of the vocabulary, V.
        vocab: u32,
    },
    /// The vocabulary has the hash that the file names, but another size.
    #[error(
        "the token file names a vocabulary of {found} entries, and its own has {expected}: encode the text again"
    )]
    Entries {
        /// Size of the vocabulary by the file.
        found: u32,
        /// Size of the vocabulary given.
        expected: usize,
    },
    /// The text was encoded with another vocabulary.
    #[error(
        "the token file was made with another vocabulary ({found}, not {expected}): encode the text again"
    )]
    Vocabulary {
        /// Hash of the vocabulary given.
        expected: String,
        /// Hash of the vocabulary that encoded the text.
        found: String,
    },
}
