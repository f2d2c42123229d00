//! What a new run is made from: a configuration, and where its texts and files lie; and what may change when it is resumed.

use super::cache::Cache;
use super::config::Config;
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
    pub watching: NewWatching,
}

/// The budget of a resumed run, of which at most one is given. It counts from the run's beginning, minutes too.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NewBudget {
    pub epochs: Option<f64>,
    pub steps: Option<u64>,
    pub minutes: Option<f64>,
}

/// Choices of a resumed run about watching, under the names that they have in [`Config`]; `None`: as before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewWatching {
    pub valid_every: Option<Option<u64>>,
    pub patience: Option<Option<u32>>,
    pub sample_every: Option<Option<u64>>,
    pub sample_prompt: Option<Option<String>>,
    pub watch_gradients: Option<Option<u64>>,
    pub tensorboard: Option<Option<PathBuf>>,
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
        self.budget != NewBudget::default() || self.watching.patience.is_some()
    }
}

impl NewWatching {
    /// Puts these choices over those of `config`. Taken apart without `..`, so that none is forgotten.
    pub(super) fn apply(&self, config: &mut Config) {
        let NewWatching {
            valid_every,
            patience,
            sample_every,
            sample_prompt,
            watch_gradients,
            tensorboard,
        } = self.clone();
        config.valid_every = valid_every.unwrap_or(config.valid_every);
        config.patience = patience.unwrap_or(config.patience);
        config.sample_every = sample_every.unwrap_or(config.sample_every);
        config.watch_gradients = watch_gradients.unwrap_or(config.watch_gradients);
        if let Some(prompt) = sample_prompt {
            config.sample_prompt = prompt;
        }
        if let Some(directory) = tensorboard {
            config.tensorboard = directory;
        }
        // Without samples there is nothing that a prompt could begin.
        if self.sample_every == Some(None) {
            config.sample_prompt = None;
        }
    }
}
