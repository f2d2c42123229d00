//! A model that is compared: with its name, and what it costs.

use crate::error::Result;
use elman_infer::{Cache, Model, disk_bytes};
use elman_text::Vocab;
use std::path::Path;
use std::time::Instant;

/// A model with a name and its costs.
#[derive(Clone, Debug)]
pub struct NamedModel {
    /// What it is called in messages and tables.
    pub name: String,
    pub model: Model,
    /// What it takes on disk, vocabulary included.
    pub disk_bytes: u64,
    /// From its files to the first query.
    pub load_seconds: f64,
}

impl NamedModel {
    /// The model in `path`: a network's directory or that of its run, or the file of an n-gram model.
    ///
    /// Errors: whatever is wrong with the files.
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

    /// A cache of the last `window` tokens over `vocab`.
    pub fn cache(window: usize, vocab: &Vocab) -> Result<NamedModel> {
        Ok(NamedModel {
            name: format!("cache:{window}"),
            model: Cache::new(vocab.clone(), window)?.into(),
            disk_bytes: 0,
            load_seconds: 0.0,
        })
    }

    /// The model's vocabulary.
    pub fn vocab(&self) -> &Vocab {
        self.model.vocab()
    }
}
