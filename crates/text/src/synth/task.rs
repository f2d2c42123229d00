//! The three tasks: their sizes, and how a line of each is drawn.

use super::{MARK, MOST};
use crate::OutOfRange;
use elman_kernels::rng::Stream;

/// Memory task: what must be remembered, and its sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Add the two marked digits, each from 0 to `digits` − 1 (Hochreiter and Schmidhuber 1997).
    Adding {
        /// Number of different digits.
        digits: usize,
    },
    /// Recall the value of one of several keys (associative recall, Graves, Wayne and Danihelka 2014).
    Recall {
        /// Number of pairs of key and value in a line.
        pairs: usize,
        /// Number of different keys, of different values and of different noise tokens.
        symbols: usize,
    },
    /// Copy a sequence of symbols after a pause (Arjovsky, Shah and Bengio 2016).
    Copy {
        /// Number of symbols to copy.
        length: usize,
        /// Number of different symbols.
        symbols: usize,
    },
}

impl Task {
    /// Refuses sizes of which no line can be made, in words that say what to change.
    pub(super) fn check(&self, lag: usize) -> Result<(), OutOfRange> {
        let between = |name: &'static str, value: usize, least: usize, most: usize| {
            OutOfRange::check(name, value, least..=most)
        };
        match *self {
            Task::Adding { digits } => {
                // Each half has a digit to mark.
                between("lag", lag, 2, MOST)?;
                between("digits", digits, 2, MOST)
            }
            Task::Recall { pairs, symbols } => {
                between("lag", lag, 0, MOST)?;
                between("symbols", symbols, 2, MOST)?;
                // Keys differ.
                between("pairs", pairs, 1, symbols)
            }
            Task::Copy { length, symbols } => {
                between("lag", lag, 0, MOST)?;
                between("symbols", symbols, 2, MOST)?;
                between("length", length, 1, MOST)
            }
        }
    }

    /// Draws a line, token by token.
    pub(super) fn write(&self, lag: usize, draws: &mut Stream, token: &mut dyn FnMut(&str)) {
        let mut below = |n: usize| draws.below(n as u32) as usize;
        match *self {
            Task::Adding { digits } => {
                let half = lag / 2;
                let marked = [below(half), half + below(lag - half)];
                let mut sum = 0;
                for place in 0..lag {
                    let digit = below(digits);
                    if marked.contains(&place) {
                        sum += digit;
                        token(&format!("{digit}*"));
                    } else {
                        token(&digit.to_string());
                    }
                }
                token(MARK);
                token(&sum.to_string());
            }
            Task::Recall { pairs, symbols } => {
                let mut keys: Vec<usize> = (0..symbols).collect();
                let mut values = Vec::with_capacity(pairs);
                for place in 0..pairs {
                    keys.swap(place, place + below(symbols - place));
                    let value = below(symbols);
                    token(&letter('a', keys[place]));
                    token(&value.to_string());
                    values.push(value);
                }
                for _ in 0..lag {
                    token(&letter('A', below(symbols)));
                }
                let asked = below(pairs);
                token("?");
                token(&letter('a', keys[asked]));
                token(MARK);
                token(&values[asked].to_string());
            }
            Task::Copy { length, symbols } => {
                let shown: Vec<String> = (0..length).map(|_| letter('a', below(symbols))).collect();
                shown.iter().for_each(|symbol| token(symbol));
                (0..lag).for_each(|_| token("_"));
                token(MARK);
                shown.iter().for_each(|symbol| token(symbol));
            }
        }
    }
}

/// Symbol `number` of an alphabet that begins with `first`: a, b, … z, a1, b1, …
fn letter(first: char, number: usize) -> String {
    let letter = char::from(first as u8 + (number % 26) as u8);
    match number / 26 {
        0 => letter.to_string(),
        round => format!("{letter}{round}"),
    }
}
