//! What a new run is made from: a configuration, and where its texts and files lie.

use super::cache::Cache;
use super::config::Config;
use crate::infer::{OwnText, VocabularyFrom};
use std::path::PathBuf;
use std::time::Duration;

/// A run that has not started.
#[derive(Clone, Debug)]
pub struct Job {
    pub config: Config,
    /// The training text, in order; plain or gzip.
    pub train: Vec<PathBuf>,
    /// The validation text; `None`: the last 5 % of the training text.
    pub valid: Option<Vec<PathBuf>>,
    pub vocabulary: VocabularyFrom,
    /// Start from this model's weights instead of random ones; implies its vocabulary and sizes.
    pub init_from: Option<PathBuf>,
    /// A text that this model writes first and the run trains on too; implies `init_from`.
    pub own_text: Option<OwnText>,
    /// The run's directory, which must not hold a run yet.
    pub run: PathBuf,
    /// Where encoded texts are kept for other runs.
    pub cache: Option<Cache>,
    pub machine: Machine,
}

/// Choices that change speed and safety but no bit of the result.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    pub threads: usize,
    pub isa: elman_kernels::Isa,
    /// Time between checkpoints.
    pub save_every: Duration,
    /// Refuse a plan of more bytes; `None`: what the machine has available.
    pub memory_bytes: Option<u64>,
}

/// What may change when a run is resumed: its budget, of which at most one is given. It counts from
/// the run's beginning, minutes too.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NewBudget {
    pub epochs: Option<f64>,
    pub steps: Option<u64>,
    pub minutes: Option<f64>,
}
