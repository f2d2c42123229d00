//! Synthetic texts that can be predicted only by remembering: adding, recall and copy, over any lag.
//!
//! ```text
//! adding   d d d* d … d d* d = s        digits, of which each half has one marked; s is the sum of these two
//! recall   k v k v … n n n … n ? k = v  keys and values, noise, a key; v is its value
//! copy     a b c _ _ _ … _ = a b c      symbols, blanks, and the symbols again
//! ```
//! *adding* is the problem of Hochreiter and Schmidhuber (1997, section 5.4) in the form of Le, Jaitly and Hinton (2015, section
//! 4.1), with digits instead of real numbers, so that the answer is a class and not a number. *recall* is associative recall
//! (Graves, Wayne and Danihelka 2014, section 4.3) with single symbols as keys and values. *copy* is the copying memory problem
//! of Arjovsky, Shah and Bengio (2016, section 5.1), where a language model reads its answer as it continues.
//!
//! A line is a sequence; its tokens stand between white space; the answer is what follows [`MARK`]. Line i follows from the
//! task, the lag, the seed and i alone: the first lines of a longer corpus are those of a shorter one.

mod task;

pub use task::Task;

use crate::OutOfRange;
use elman_kernels::rng::{Site, Stream, key};
use std::io::{self, Write};

/// Token that precedes the answer of a line.
pub const MARK: &str = "=";

/// Largest lag, and largest number of symbols of any sort.
pub const MOST: usize = 1_000_000;

/// Synthetic corpus of unlimited length, generated line by line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synth {
    task: Task,
    lag: usize,
    seed: u64,
}

impl Synth {
    /// Makes the corpus of `task` at `lag`: the number of digits (adding), noise tokens (recall) or blanks (copy).
    ///
    /// Error: [`OutOfRange`] for sizes with which no line can be made.
    pub fn new(task: Task, lag: usize, seed: u64) -> Result<Synth, OutOfRange> {
        task.check(lag)?;
        Ok(Synth { task, lag, seed })
    }

    /// Task of the corpus.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// Number of tokens per line, without the token that ends it.
    pub fn tokens_per_line(&self) -> usize {
        let mut tokens = 0;
        let mut draws = self.draws(0);
        self.task.write(self.lag, &mut draws, &mut |_| tokens += 1);
        tokens
    }

    /// Generates line `number`, counted from 0, without its newline.
    pub fn line(&self, number: u64) -> String {
        let mut line = String::new();
        let mut draws = self.draws(number);
        self.task.write(self.lag, &mut draws, &mut |token| {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(token);
        });
        line
    }

    /// Writes the first `lines` lines to `out`.
    pub fn write(&self, lines: u64, out: &mut dyn Write) -> io::Result<()> {
        (0..lines).try_for_each(|number| writeln!(out, "{}", self.line(number)))
    }

    fn draws(&self, number: u64) -> Stream {
        Stream::new(key(self.seed, Site::Synth, number))
    }
}

#[cfg(test)]
mod tests;
