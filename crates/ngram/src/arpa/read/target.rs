//! What the n-grams of a file are given to: a builder in memory, or one on disk.

use super::super::super::build::file::{Collected, Collector, Unbuilt};
use super::super::super::build::{self, Grams};
use super::super::super::count::Memory;
use super::super::super::key::Packing;
use super::super::super::{BuildError, Builder, Words};
use super::super::Stop;
use elman_store::StoreError;
use std::path::Path;

/// Takes the n-grams of a file, order by order.
pub trait Target {
    fn note(&mut self, note: String);

    /// Takes memory for this number of n-grams of the next order.
    fn expect(&mut self, n_grams: usize);

    fn push(&mut self, gram: &[u32], log10_p: f32, log10_backoff: f32) -> Result<(), Fault>;

    /// Takes n-grams of one order; false, and nothing is taken, if [`Target::push`] would refuse any of them.
    fn push_all(&mut self, grams: &Grams) -> Result<bool, Fault>;
}

/// Why an n-gram is not taken.
pub enum Fault {
    Build(BuildError),
    Store(StoreError),
}

impl From<BuildError> for Fault {
    fn from(error: BuildError) -> Fault {
        Fault::Build(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Fault {
        Fault::Store(error)
    }
}

impl Fault {
    /// With the line that is at fault.
    pub fn at(self, line: u64) -> Stop {
        match self {
            Fault::Build(error) => Stop::At(line, error.into()),
            Fault::Store(error) => Stop::Store(error),
        }
    }
}

impl Target for Builder {
    fn note(&mut self, note: String) {
        Builder::note(self, note);
    }

    fn expect(&mut self, n_grams: usize) {
        Builder::expect(self, n_grams);
    }

    fn push(&mut self, gram: &[u32], log10_p: f32, log10_backoff: f32) -> Result<(), Fault> {
        Ok(Builder::push(self, gram, log10_p, log10_backoff)?)
    }

    fn push_all(&mut self, grams: &Grams) -> Result<bool, Fault> {
        Ok(Builder::push_all(self, grams)?)
    }
}

/// Collects the n-grams of a file on disk.
pub struct OnDisk {
    words: Words,
    order: usize,
    collector: Collector,
    /// None once it is given back.
    collected: Option<Collected>,
    unigrams: Vec<(u32, f32, f32)>,
    notes: Vec<String>,
    total: u64,
}

impl OnDisk {
    /// None if the n-grams have no keys: too many words for the order.
    pub fn new(words: Words, order: usize, memory: &Memory) -> Option<OnDisk> {
        let packing = Packing::new(words.len(), order).ok()?;
        let collector = Collector::new(packing, words.len(), memory);
        Some(OnDisk {
            collected: Some(collector.take()),
            collector,
            words,
            order,
            unigrams: Vec::new(),
            notes: Vec::new(),
            total: 0,
        })
    }

    /// Writes the binary file; its n-grams of each order, and the notes.
    pub fn write(mut self, path: &Path) -> Result<(Vec<u64>, Vec<String>), Unbuilt> {
        let mut listed = vec![false; self.words.len()];
        for &(id, ..) in &self.unigrams {
            if std::mem::replace(&mut listed[id as usize], true) {
                return Err(Unbuilt::Irregular);
            }
        }
        let missing = build::missing_unigrams(&self.words, &listed, &mut self.notes);
        let missing = missing.map_err(|_| Unbuilt::Irregular)?;
        self.unigrams
            .extend(missing.into_iter().map(|(id, log10_p)| (id, log10_p, 0.0)));
        self.collector.set_unigrams(&self.unigrams);
        if let Some(collected) = self.collected {
            self.collector.give_back(collected);
        }
        let counts = self.collector.write(path, &self.words)?;
        Ok((counts, self.notes))
    }
}

impl Target for OnDisk {
    fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    fn expect(&mut self, _: usize) {}

    fn push(&mut self, gram: &[u32], log10_p: f32, log10_backoff: f32) -> Result<(), Fault> {
        build::check_log10s(gram.len() == self.order, log10_p, log10_backoff)?;
        self.total += 1;
        if self.total > build::MOST_NGRAMS {
            return Err(BuildError::TooMany.into());
        }
        match (gram, &mut self.collected) {
            (&[id], _) => self.unigrams.push((id, log10_p, log10_backoff)),
            (gram, Some(collected)) => collected.push(gram, log10_p, log10_backoff)?,
            (_, None) => unreachable!("it is given back at the end"),
        }
        Ok(())
    }

    fn push_all(&mut self, grams: &Grams) -> Result<bool, Fault> {
        let top = grams.order() == self.order;
        let good = grams.iter().all(|(_, log10_p, log10_backoff)| {
            build::check_log10s(top, log10_p, log10_backoff).is_ok()
        });
        let total = self.total + grams.count() as u64;
        if !good || total > build::MOST_NGRAMS {
            return Ok(false);
        }
        for (gram, log10_p, log10_backoff) in grams.iter() {
            self.push(gram, log10_p, log10_backoff)?;
        }
        Ok(true)
    }
}
