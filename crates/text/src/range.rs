//! Check of numbers that must lie in a range.

use std::ops::RangeInclusive;

/// Error: a number is outside the range in which it must lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {value}; it must be between {least} and {most}")]
pub struct OutOfRange {
    /// Meaning of the number, for the message.
    pub name: &'static str,
    /// The number.
    pub value: usize,
    /// Smallest valid number.
    pub least: usize,
    /// Largest valid number.
    pub most: usize,
}

impl OutOfRange {
    /// Checks that `value` lies in `range`; `name` is its meaning in the message.
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
