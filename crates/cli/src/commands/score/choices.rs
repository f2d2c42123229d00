//! The choices for the output of `elman score`: its shape, its detail and its unit.

use clap::ValueEnum;
use elman::infer::Unknown;
use elman::text::Layout;

/// Shape of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    Tsv,
    Csv,
    Jsonl,
    Plain,
    Srilm,
    Kenlm,
}

impl Shape {
    /// Ending of the name of an output file.
    pub fn ending(self) -> &'static str {
        match self {
            Shape::Tsv => "tsv",
            Shape::Csv => "csv",
            Shape::Jsonl => "jsonl",
            Shape::Plain | Shape::Srilm | Shape::Kenlm => "txt",
        }
    }
}

/// Detail of the output; each level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Detail {
    Text,
    Sentence,
    Token,
}

/// Unit of log-probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Unit {
    Log10,
    Nats,
    Bits,
}

impl Unit {
    /// Name of a column of log-probabilities.
    pub fn column(self) -> &'static str {
        match self {
            Unit::Log10 => "log10_p",
            Unit::Nats => "ln_p",
            Unit::Bits => "log2_p",
        }
    }

    /// A natural log-probability in this unit.
    pub fn of(self, log_prob: f64) -> f64 {
        let scaled = match self {
            Unit::Log10 => log_prob / std::f64::consts::LN_10,
            Unit::Nats => log_prob,
            Unit::Bits => log_prob / std::f64::consts::LN_2,
        };
        // Without a sign where it is zero.
        scaled + 0.0
    }
}

/// The choices that all shapes follow.
#[derive(Clone, Copy, Debug)]
pub struct Choices {
    pub detail: Detail,
    pub unit: Unit,
    pub unknown: Unknown,
    pub with_text: bool,
    pub layout: Layout,
}
