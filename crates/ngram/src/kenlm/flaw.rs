//! Flaws of binary files of KenLM.

use std::io;

/// Flaw of a binary file of KenLM.
#[derive(Debug, thiserror::Error)]
pub enum KenlmFlaw {
    /// Reading the file failed.
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    /// KenLM was stopped before the file was complete.
    #[error(
        "it is a binary file of KenLM that was never completed: run build_binary again on the ARPA file"
    )]
    Incomplete,
    /// The file has another version of KenLM's format than 5.
    #[error(
        "it is a binary file of KenLM of format version {0}, and this program reads version 5: give the ARPA file, or make the file again with today's build_binary"
    )]
    Version(u64),
    /// The test values in the header are not as a machine with little-endian numbers writes them.
    #[error(
        "it is a binary file of KenLM {0}: give the ARPA file, or make the file again on this kind of machine"
    )]
    Machine(&'static str),
    /// The n-grams are in a data structure that this program does not read.
    #[error(
        "its n-grams are in {0}, which this program does not read: give the ARPA file, or make a file of type probing or trie of it with build_binary"
    )]
    Structure(String),
    /// A part of the file has another version than KenLM writes today.
    #[error(
        "its {part} are of version {found}, and this program reads version {expected}: give the ARPA file, or make the file again with today's build_binary"
    )]
    Part {
        /// The part.
        part: &'static str,
        /// Its version.
        found: u32,
        /// The version that can be read.
        expected: u32,
    },
    /// The header holds values that KenLM does not write. The text says which.
    #[error("its header is not one that KenLM writes: {0}")]
    Header(&'static str),
    /// The file does not have the size that its header implies.
    #[error(
        "it has {found} bytes where {expected} are needed: it was cut short or added to, make or copy it again"
    )]
    Size {
        /// Size by the header, in bytes.
        expected: u64,
        /// Size of the file, in bytes.
        found: u64,
    },
    /// The table of word hashes is inconsistent.
    #[error("its vocabulary is damaged ({0}): make or copy it again")]
    Vocabulary(&'static str),
    /// A word of the list at the end of the file is invalid.
    #[error("word {index} of its list {what}")]
    Word {
        /// Index of the word in the list, from 0.
        index: usize,
        /// Description of the flaw.
        what: &'static str,
    },
    /// A table of n-grams is inconsistent.
    #[error("it is damaged (entry {index} of its {order}-grams: {what}): make or copy it again")]
    Tables {
        /// Length of the n-grams.
        order: usize,
        /// Index of the entry in the table.
        index: u64,
        /// Description of the flaw.
        what: &'static str,
    },
}
