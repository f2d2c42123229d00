//! The numbers that an option may have.

use std::fmt;

/// An interval of numbers, each end with or without its bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    low: f64,
    /// Whether `low` itself is outside.
    above: bool,
    high: f64,
    /// Whether `high` itself is outside.
    below: bool,
}

impl Range {
    /// Every finite number.
    pub const ANY: Range = Range {
        low: f64::NEG_INFINITY,
        above: true,
        high: f64::INFINITY,
        below: true,
    };

    /// Returns this range without the numbers below `low`.
    pub const fn at_least(self, low: f64) -> Range {
        let above = false;
        Range { low, above, ..self }
    }

    /// Returns this range without `low` and the numbers below.
    pub const fn above(self, low: f64) -> Range {
        let above = true;
        Range { low, above, ..self }
    }

    /// Returns this range without the numbers above `high`.
    pub const fn at_most(self, high: f64) -> Range {
        let below = false;
        Range {
            high,
            below,
            ..self
        }
    }

    /// Returns this range without `high` and the numbers above.
    pub const fn below(self, high: f64) -> Range {
        let below = true;
        Range {
            high,
            below,
            ..self
        }
    }

    /// Whether `number` is finite and in this range.
    pub fn holds(&self, number: f64) -> bool {
        let low = match self.above {
            true => number > self.low,
            false => number >= self.low,
        };
        let high = match self.below {
            true => number < self.high,
            false => number <= self.high,
        };
        low && high && number.is_finite()
    }

    /// Whether negative numbers are in this range.
    pub fn has_negative(&self) -> bool {
        self.low < 0.0
    }
}

impl fmt::Display for Range {
    /// Describes a number in this range, such as "at least 0 and below 1".
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (low, high) = (grouped(self.low), grouped(self.high));
        let bounded = (self.low.is_finite(), self.high.is_finite());
        match (bounded, self.above, self.below) {
            ((false, false), ..) => f.write_str("a finite number"),
            ((true, false), false, _) => write!(f, "at least {low}"),
            ((true, false), true, _) => write!(f, "above {low}"),
            ((false, true), _, false) => write!(f, "at most {high}"),
            ((false, true), _, true) => write!(f, "below {high}"),
            // What a number in single precision can hold bounds nothing that anybody means.
            _ if self.high >= f64::from(f32::MAX) && self.low.is_finite() => {
                write!(f, "{} {low}", if self.above { "above" } else { "at least" })
            }
            (_, false, false) => write!(f, "between {low} and {high}"),
            (_, false, true) => write!(f, "at least {low} and below {high}"),
            (_, true, false) => write!(f, "above {low} and at most {high}"),
            (_, true, true) => write!(f, "above {low} and below {high}"),
        }
    }
}

/// Whole numbers with commas between their thousands; others, and very large ones, as they are.
fn grouped(number: f64) -> String {
    match number.abs() {
        size if size > 1e15 || (size > 0.0 && size < 1e-4) => return format!("{number:e}"),
        _ if number.fract() != 0.0 => return number.to_string(),
        _ => {}
    }
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_says_what_it_holds() {
        for (range, says, inside, outside) in [
            (Range::ANY, "a finite number", [-1e300, 0.0], f64::NAN),
            (
                Range::ANY.at_least(0.0).below(1.0),
                "at least 0 and below 1",
                [0.0, 0.5],
                1.0,
            ),
            (
                Range::ANY.at_least(1.0).at_most(1_048_576.0),
                "between 1 and 1,048,576",
                [1.0, 1_048_576.0],
                0.0,
            ),
            (Range::ANY.above(0.0), "above 0", [1e-300, 5.0], 0.0),
            (Range::ANY.at_least(0.0), "at least 0", [0.0, 5.0], -1e-9),
            (
                Range::ANY.above(0.0).at_most(f32::MAX as f64),
                "above 0",
                [1e-300, 1e38],
                1e39,
            ),
            (
                Range::ANY.above(0.0).at_most(0.5),
                "above 0 and at most 0.5",
                [0.1, 0.5],
                f64::INFINITY,
            ),
        ] {
            assert_eq!(range.to_string(), says);
            assert!(inside.iter().all(|x| range.holds(*x)), "{says}");
            assert!(!range.holds(outside), "{says}");
        }
    }
}
