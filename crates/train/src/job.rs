//! The inputs of a new run: a configuration, texts and files; and the changes that a resumed run may make.

use super::cache::Cache;
use super::config::{Choices, Config, ConfigError};
use elman_infer::{OwnText, VocabularyFrom};
use std::path::PathBuf;
use std::time::Duration;

/// The inputs of a run that has not started.
#[derive(Clone, Debug)]
pub struct Job {
    /// Configuration of the run.
    pub config: Config,
    /// Files of the training text, in order; plain, gzip or zstd.
    pub train: Vec<PathBuf>,
    /// Files of the validation text; `None` holds out the last 5 % of the training text.
    pub valid: Option<Vec<PathBuf>>,
    /// Source of the vocabulary.
    pub vocabulary: VocabularyFrom,
    /// Model whose weights the run starts from, in place of random ones; its vocabulary and sizes are used.
    pub init_from: Option<PathBuf>,
    /// Options of a text that the model of `init_from` writes first and the run trains on too.
    pub own_text: Option<OwnText>,
    /// Directory of the run, which must not hold a run yet.
    pub run: PathBuf,
    /// Cache for encoded texts, which other runs can use.
    pub cache: Option<Cache>,
    /// Whether batch size and epochs are chosen by the size of the text, if both are the defaults (`Config::fit_to`).
    pub fit_to_text: bool,
    /// Threads, memory and saving interval.
    pub machine: Machine,
}

/// Options that change speed and safety but no bit of the result.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// Number of threads.
    pub threads: usize,
    /// Instruction set to use.
    pub isa: elman_kernels::Isa,
    /// Time between checkpoints.
    pub save_every: Duration,
    /// Largest memory plan in bytes that is accepted; `None`: the free memory of the machine.
    pub memory_bytes: Option<u64>,
}

/// Changes that a resumed run makes: to its budget, and to what is monitored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// The new budget, if one is given.
    pub budget: NewBudget,
    /// Changed options of the groups [`BUDGET`](super::config::BUDGET), without the budget itself, and
    /// [`WATCHING`](super::config::WATCHING).
    pub watching: Choices,
}

/// A new budget of a resumed run, counted from the run's beginning; at most one of the three is given.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NewBudget {
    /// Number of passes over the text.
    pub epochs: Option<f64>,
    /// Number of updates.
    pub steps: Option<u64>,
    /// Minutes of training.
    pub minutes: Option<f64>,
}

impl From<&NewBudget> for Changes {
    fn from(budget: &NewBudget) -> Changes {
        Changes {
            budget: *budget,
            ..Changes::default()
        }
    }
}

impl Changes {
    /// Whether nothing is changed.
    pub fn is_none(&self) -> bool {
        *self == Changes::default()
    }

    /// Whether a run that ended by its patience continues: it has a new budget, or another patience.
    pub(super) fn goes_on(&self) -> bool {
        self.budget != NewBudget::default() || self.watching.has("patience")
    }

    /// The configuration `config` with what is to be watched.
    pub(super) fn watched(&self, config: &Config) -> Result<Config, ConfigError> {
        config.with(&self.watching)
    }
}
