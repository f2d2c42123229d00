//! A number that must lie in a range.

use std::ops::RangeInclusive;

/// A number outside the range that it must lie in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {value}; it must be between {least} and {most}")]
pub struct OutOfRange {
    /// What the number is, in words.
    pub name: &'static str,
    pub value: usize,
    pub least: usize,
    pub most: usize,
}

impl OutOfRange {
    /// Checks that `value` lies in `range`.
    pub fn check(
        name: &'static str,
        value: usize,
        range: RangeInclusive<usize>,
    ) -> Result<(), OutOfRange> {
        match range.contains(&value) {
            true => Ok(()),
            false => Err(OutOfRange {
                name,
                value,
                least: *range.start(),
                most: *range.end(),
            }),
        }
    }
}
