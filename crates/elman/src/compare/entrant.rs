//! Whoever takes part in a comparison: a model with its name and what it costs.

use super::cache::{Cache, CacheReading};
use crate::error::Result;
use crate::infer::{AnyModel, Reader, disk_bytes};
use crate::text::{Layout, Vocab};
use elman_kernels::Cpu;
use std::path::Path;
use std::time::Instant;

/// A model that takes part.
#[derive(Debug)]
pub struct Entrant {
    /// What it is called in messages and tables.
    pub name: String,
    pub player: Player,
    /// What it takes on disk, vocabulary included.
    pub disk_bytes: u64,
    /// From its files to the first query.
    pub load_seconds: f64,
}

/// What can take part.
#[derive(Debug)]
pub enum Player {
    Model(AnyModel),
    Cache(Box<Cache>),
}

impl Entrant {
    /// The model in `path`: a network's directory or that of its run, or the file of an n-gram model.
    ///
    /// Errors: whatever is wrong with the files.
    pub fn load(path: &Path) -> Result<Entrant> {
        let started = Instant::now();
        let model = AnyModel::load(path)?;
        let load_seconds = started.elapsed().as_secs_f64();
        Ok(Entrant {
            name: path.display().to_string(),
            player: Player::Model(model),
            disk_bytes: disk_bytes(path)?,
            load_seconds,
        })
    }

    /// A cache of the last `window` tokens over `vocab`.
    pub fn cache(window: usize, vocab: &Vocab) -> Result<Entrant> {
        Ok(Entrant {
            name: format!("cache:{window}"),
            player: Player::Cache(Box::new(Cache::new(vocab.clone(), window)?)),
            disk_bytes: 0,
            load_seconds: 0.0,
        })
    }

    pub fn vocab(&self) -> &Vocab {
        match &self.player {
            Player::Model(model) => model.vocab(),
            Player::Cache(cache) => cache.vocab(),
        }
    }

    /// BLAKE3 (hex) of everything that decides its numbers.
    pub fn id(&self) -> String {
        match &self.player {
            Player::Model(model) => model.id().to_owned(),
            Player::Cache(cache) => cache.id(),
        }
    }

    /// What it is, in two words: `lstm 2×650`, `5-gram`.
    pub fn architecture(&self) -> String {
        match &self.player {
            Player::Model(model) => model.architecture(),
            Player::Cache(_) => "unigram cache".into(),
        }
    }

    /// Numbers that training has found; a cache has none.
    pub fn parameters(&self) -> u64 {
        match &self.player {
            Player::Model(model) => model.parameters(),
            Player::Cache(_) => 0,
        }
    }

    /// What was remarkable about its files.
    pub fn notes(&self) -> &[String] {
        match &self.player {
            Player::Model(model) => model.notes(),
            Player::Cache(_) => &[],
        }
    }

    /// How it reads: the text as one stream, or every line by itself.
    pub fn layout(&self) -> Layout {
        match &self.player {
            Player::Model(model) => model.layout(),
            Player::Cache(_) => Layout::Stream,
        }
    }

    /// At the beginning of a text.
    pub fn reader<'a>(&'a self, cpu: &'a Cpu) -> Box<dyn Reader + 'a> {
        match &self.player {
            Player::Model(model) => model.reader(cpu),
            Player::Cache(cache) => Box::new(CacheReading::new(cache)),
        }
    }
}
