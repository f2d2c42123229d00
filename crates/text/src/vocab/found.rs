//! A token that a tokenizer finds in a line.

use std::ops::Range;

/// A token of a line.
pub struct Found {
    pub id: u32,
    /// The letters that it stands for, if it is the unknown one.
    pub unknown: Option<Box<str>>,
    /// Bytes of the line that it stands for.
    pub bytes: Range<usize>,
}

impl Found {
    /// Unicode scalar values that it stands for, if it is the unknown one; else 0.
    pub fn unknown_chars(&self) -> u64 {
        let letters = self.unknown.as_ref();
        letters.map_or(0, |letters| letters.chars().count().max(1) as u64)
    }
}
