//! A model in a comparison: its name and its costs.

use crate::error::Result;
use elman_infer::{Cache, Model, disk_bytes};
use elman_text::Vocab;
use std::path::Path;
use std::time::Instant;

/// A model to be compared, with its name and its costs.
#[derive(Clone, Debug)]
pub struct NamedModel {
    /// Name in messages and tables.
    pub name: String,
    /// The model.
    pub model: Model,
    /// Size of the model's files in bytes, vocabulary included; 0 for a cache.
    pub disk_bytes: u64,
    /// Time of loading the model, in seconds.
    pub load_seconds: f64,
}

impl NamedModel {
    /// Loads the model at `path`: a network's directory, a run's directory, or the file of an n-gram model.
    ///
    /// # Errors
    /// [`Error::Model`](crate::Error::Model) and others if the files are missing, damaged or no model.
    pub fn load(path: &Path) -> Result<NamedModel> {
        let started = Instant::now();
        let model = Model::load(path)?;
        let load_seconds = started.elapsed().as_secs_f64();
        Ok(NamedModel {
            name: path.display().to_string(),
            model,
            disk_bytes: disk_bytes(path)?,
            load_seconds,
        })
    }

    /// Makes a unigram cache of the last `window` tokens over `vocab`.
    ///
    /// # Errors
    /// [`Error::Model`](crate::Error::Model) if `window` is out of range.
    pub fn cache(window: usize, vocab: &Vocab) -> Result<NamedModel> {
        Ok(NamedModel {
            name: format!("cache:{window}"),
            model: Cache::new(vocab.clone(), window)?.into(),
            disk_bytes: 0,
            load_seconds: 0.0,
        })
    }

    /// Vocabulary of the model.
    pub fn vocab(&self) -> &Vocab {
        self.model.vocab()
    }
}
