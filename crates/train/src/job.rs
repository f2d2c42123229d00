//! What a new run is made from: a configuration, and where its texts and files lie; and what may change when it is resumed.

use super::cache::Cache;
use super::config::{Choices, Config, ConfigError, Value};
use elman_infer::{OwnText, VocabularyFrom};
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
    /// Let the size of the text decide about batch size and epochs, of which nothing was said (`Config::fit_to`).
    pub fit_to_text: bool,
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

/// What may change when a run is resumed: its budget, and what only watches it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    pub budget: NewBudget,
    /// Of the groups [`BUDGET`](super::config::BUDGET), without the budget itself, and [`WATCHING`](super::config::WATCHING).
    pub watching: Choices,
}

/// The budget of a resumed run, of which at most one is given. It counts from the run's beginning, minutes too.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NewBudget {
    pub epochs: Option<f64>,
    pub steps: Option<u64>,
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
    /// Whether the run goes on as it was.
    pub fn is_none(&self) -> bool {
        *self == Changes::default()
    }

    /// Whether a run that was ended by its patience is to go on: it has a new budget, or another patience.
    pub(super) fn goes_on(&self) -> bool {
        self.budget != NewBudget::default() || self.watching.has("patience")
    }

    /// The configuration `config` with what is to be watched.
    pub(super) fn watched(&self, config: &Config) -> Result<Config, ConfigError> {
        let mut watched = config.with(&self.watching)?;
        // Without samples there is nothing that a prompt could begin.
        if self.watching.get("sample-every") == Some(&Value::None) {
            watched.sample_prompt = None;
        }
        Ok(watched)
    }
}
