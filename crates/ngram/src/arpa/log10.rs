//! The numbers of ARPA files: logarithms of probabilities and of back-off weights.
//!
//! Two kinds of log10 p are read as another number. `-inf` is what older versions of `lmplz` give `<s>`: it is never predicted. A
//! log10 p above 0 stands for no probability; programs that add up rounded numbers write it now and then for an n-gram that is
//! nearly certain, and then it is 0.

use super::super::NEVER_LOG10;
use super::decimal::decimal;
use super::{ArpaFlaw, quoted};

/// A log10 p above 0 that rounding explains: the numbers of ARPA files have about seven digits.
const ROUNDING_LOG10: f32 = 1e-5;

/// What is not a number of ours (infinite, above 0) is for the builder to refuse.
pub fn number(field: &[u8]) -> Result<f32, ArpaFlaw> {
    let parse = || std::str::from_utf8(field).ok()?.parse().ok();
    let number = decimal(field).or_else(parse);
    number.ok_or_else(|| ArpaFlaw::Number(quoted(field)))
}

/// Reads log10 p, and counts those that are above 0.
pub struct Log10s {
    /// Take any number above 0 for 0, not only what rounding explains.
    any_above: bool,
    above: u64,
    largest: f32,
}

impl Log10s {
    pub fn new(any_above: bool) -> Log10s {
        Log10s {
            any_above,
            above: 0,
            largest: 0.0,
        }
    }

    /// The log10 p in `field`, of an n-gram that ends in `<s>` or not.
    pub fn read(&mut self, field: &[u8], ends_in_begin: bool) -> Result<f32, ArpaFlaw> {
        let log10 = number(field)?;
        if log10 == f32::NEG_INFINITY && ends_in_begin {
            return Ok(NEVER_LOG10);
        }
        if log10 <= 0.0 || !log10.is_finite() {
            return Ok(log10);
        }
        if log10 > ROUNDING_LOG10 && !self.any_above {
            return Err(ArpaFlaw::AboveZero(log10));
        }
        self.above += 1;
        self.largest = self.largest.max(log10);
        Ok(0.0)
    }

    /// Counts for another part of the same file.
    pub fn fresh(&self) -> Log10s {
        Log10s::new(self.any_above)
    }

    /// Adds what was counted in another part of the file.
    pub fn add(&mut self, other: &Log10s) {
        self.above += other.above;
        self.largest = self.largest.max(other.largest);
    }

    /// What to know about the numbers that were read.
    pub fn note(&self) -> Option<String> {
        let what = match self.above {
            0 => return None,
            1 => "1 n-gram has a log10 p above 0".to_owned(),
            n => format!("{n} n-grams have a log10 p above 0"),
        };
        Some(format!(
            "{what} (at most {}): read as 0, probability 1",
            self.largest
        ))
    }
}
