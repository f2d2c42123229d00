//! The builder of a binary file whose n-grams do not fit into memory: the bytes of [`Builder`](super::Builder) and
//! [`Model::save`](crate::Model::save), in bounded memory.
//!
//! ```text
//! collect   n-grams in any order                 → sorted by their words, which is the order of nodes
//! nodes     one pass over all orders together    → words, log10s and first arcs, into the file; nodes, sorted by their endings
//! links     one pass over all orders together    → the link of each node, in stretches of nodes
//! finish    one pass over the file               → links into the file, its id and checksums
//! ```
//! Nothing is searched for. In prefix order the arcs of an n-gram come next among those that are one word longer; in suffix order the
//! suffixes of an n-gram are those that came last. All passes go by parts (`parallel.rs`): of the first word, then of the last.
//!
//! Memory: that of [`Memory`], and 20 bytes a word. n-grams must fit 128 bits each ([`Packing`]), and files that leave out the first
//! words of an n-gram are for the builder in memory, which inserts them; so are those that list one twice, for its messages.

use super::super::binary;
use super::super::count::{Counts, Memory};
use super::super::key::Packing;
use super::super::kneser_ney::{Sink, Stop};
use super::super::parallel::Parts;
use super::super::sort::{Scratch, Sorted, Sorter};
use super::super::tables::TableLayout;
use super::super::words::Words;
use super::super::{BuildError, NgramError};
use elman_store::{AtomicFile, StoreError};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

mod finish;
mod links;
mod nodes;
#[cfg(test)]
mod tests;

/// Why no file is made.
#[derive(Debug)]
pub enum Unbuilt {
    Store(StoreError),
    /// An n-gram is listed twice, or its first words are not listed.
    Irregular,
    /// There are more n-grams than 32-bit numbers can index.
    TooMany,
}

impl From<StoreError> for Unbuilt {
    fn from(error: StoreError) -> Unbuilt {
        Unbuilt::Store(error)
    }
}

/// The n-grams of a model as they come, in any order and from any thread.
pub struct Collector {
    packing: Packing,
    memory: Memory,
    scratch: Arc<Scratch>,
    /// log10 p and log10 of the weight of each word.
    unigrams: Mutex<Vec<[f32; 2]>>,
    /// What threads have collected that are not at work now.
    idle: Mutex<Vec<Collected>>,
}

/// n-grams of order 2 and above that one thread has collected.
pub struct Collected {
    packing: Packing,
    sorters: Vec<Sorter>,
    /// How many begin with each word.
    of_words: Vec<u64>,
}

impl Collected {
    /// Adds an n-gram of 2 words or more.
    #[inline]
    pub fn push(
        &mut self,
        ids: &[u32],
        log10_p: f32,
        log10_backoff: f32,
    ) -> Result<(), StoreError> {
        self.of_words[ids[0] as usize] += 1;
        let key = self.packing.pack_prefix(ids);
        // Adding zero turns −0 into 0: a model has no two ways to say the same.
        let value = to_bits(log10_p + 0.0, log10_backoff + 0.0);
        self.sorters[ids.len() - 2].push(key, value)
    }
}

fn to_bits(log10_p: f32, log10_backoff: f32) -> u64 {
    u64::from(log10_p.to_bits()) << 32 | u64::from(log10_backoff.to_bits())
}

fn from_bits(bits: u64) -> (f32, f32) {
    (
        f32::from_bits((bits >> 32) as u32),
        f32::from_bits(bits as u32),
    )
}

impl Collector {
    /// For a model of this number of words. n-grams of this number of words must have keys.
    pub fn new(packing: Packing, words: usize, memory: &Memory) -> Collector {
        Collector {
            packing,
            memory: memory.clone(),
            scratch: memory.scratch(),
            unigrams: Mutex::new(vec![[0.0; 2]; words]),
            idle: Mutex::new(Vec::new()),
        }
    }

    fn unigrams(&self) -> MutexGuard<'_, Vec<[f32; 2]>> {
        self.unigrams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For a thread, until it is given back with [`Collector::give_back`].
    pub fn take(&self) -> Collected {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        idle.unwrap_or_else(|| Collected {
            packing: self.packing,
            sorters: self.memory.sorters(&self.scratch, self.packing.order()),
            of_words: vec![0; self.unigrams().len()],
        })
    }

    pub fn give_back(&self, collected: Collected) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(collected);
    }

    /// Sets the numbers of words, each given once in any order.
    pub fn set_unigrams(&self, unigrams: &[(u32, f32, f32)]) {
        let mut all = self.unigrams();
        for &(id, log10_p, log10_backoff) in unigrams {
            all[id as usize] = [log10_p + 0.0, log10_backoff + 0.0];
        }
    }

    /// The sink of an order, for [`Counts::estimate_parts`](crate::Counts).
    pub fn sink(&self, order: usize) -> CollectorSink<'_> {
        CollectorSink {
            collector: self,
            unigrams: Vec::new(),
            collected: (order > 1).then(|| self.take()),
        }
    }

    /// Writes the file, atomically. Returns its n-grams of each order.
    pub fn write(self, path: &Path, words: &Words) -> Result<Vec<u64>, Unbuilt> {
        let unigrams = self
            .unigrams
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let idle = self
            .idle
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let (packing, memory) = (self.packing, &self.memory);
        let mut of_words = vec![0; unigrams.len()];
        let order = packing.order();
        let mut sorters: Vec<Vec<Sorter>> = (2..=order).map(|_| Vec::new()).collect();
        for collected in idle {
            of_words
                .iter_mut()
                .zip(collected.of_words)
                .for_each(|(sum, n)| *sum += n);
            sorters
                .iter_mut()
                .zip(collected.sorters)
                .for_each(|(all, one)| all.push(one));
        }
        for none in sorters.iter_mut().filter(|sorters| sorters.is_empty()) {
            none.push(Sorter::new(&self.scratch, 0));
        }
        let orders = sorters.into_iter();
        let orders: Vec<Sorted> = orders
            .map(|sorters| Sorted::new(sorters, memory.threads))
            .collect();
        let mut counts = vec![unigrams.len() as u64];
        for order in &orders {
            counts.push(order.count(0, None)?);
        }
        if counts.iter().sum::<u64>() > super::MOST_NGRAMS {
            return Err(Unbuilt::TooMany);
        }
        let (head, layout) = binary::header(words, &counts).ok_or(Unbuilt::TooMany)?;
        let mut file = AtomicFile::create(path)?;
        let image = Image::new(&mut file, path, layout)?;
        image.write(0, &head)?;
        let parts = Parts::new(packing, &of_words, memory.threads);
        let (nodes, of_words) = nodes::write(&image, packing, &parts, &unigrams, orders, memory)?;
        let parts = Parts::new(packing, &of_words, memory.threads);
        let links = links::find(&image, packing, &parts, nodes, memory)?;
        finish::write(&image, links, head, memory)?;
        file.commit()?;
        Ok(counts)
    }
}

impl Counts {
    /// Estimates the model and writes it as a binary file, atomically: the bytes of a [`Builder`](crate::Builder) that gets what
    /// [`Counts::estimate`] gives, within the memory of [`CountOptions`](crate::CountOptions). `progress` gets the number of n-grams.
    ///
    /// Errors: files that cannot be written or read, and [`BuildError::TooMany`](crate::BuildError::TooMany).
    pub fn write_binary(
        self,
        path: &Path,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), NgramError> {
        let words = self.words.clone();
        let collector = Collector::new(self.packing, words.len(), &self.memory);
        let total = self.kept().iter().sum();
        if total > super::MOST_NGRAMS {
            return Err(BuildError::TooMany.into());
        }
        match self.estimate_parts(&|order, _| collector.sink(order)) {
            Ok(()) => {}
            Err(Stop::Store(error)) => return Err(error.into()),
            Err(Stop::Ended) => unreachable!("collecting takes everything"),
        }
        progress(total);
        match collector.write(path, &words) {
            Ok(_) => Ok(()),
            Err(Unbuilt::Store(error)) => Err(error.into()),
            Err(Unbuilt::TooMany) => Err(BuildError::TooMany.into()),
            Err(Unbuilt::Irregular) => {
                unreachable!("an n-gram that is kept begins with one that is kept")
            }
        }
    }
}

/// Takes estimated n-grams.
pub struct CollectorSink<'a> {
    collector: &'a Collector,
    unigrams: Vec<(u32, f32, f32)>,
    collected: Option<Collected>,
}

impl Sink for CollectorSink<'_> {
    #[inline]
    fn push(&mut self, _: u128, ids: &[u32], log10_p: f32, log10_backoff: f32) -> Result<(), Stop> {
        match &mut self.collected {
            Some(collected) => collected.push(ids, log10_p, log10_backoff)?,
            None => self.unigrams.push((ids[0], log10_p, log10_backoff)),
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Stop> {
        match self.collected {
            Some(collected) => self.collector.give_back(collected),
            None => self.collector.set_unigrams(&self.unigrams),
        }
        Ok(())
    }
}

/// The file under construction, which all threads write to.
struct Image<'a> {
    file: &'a std::fs::File,
    path: &'a Path,
    layout: TableLayout,
}

impl<'a> Image<'a> {
    fn new(
        file: &'a mut AtomicFile,
        path: &'a Path,
        layout: TableLayout,
    ) -> Result<Image<'a>, StoreError> {
        let file = file.file()?;
        let image = Image { file, path, layout };
        file.set_len(image.layout.end() as u64)
            .map_err(|error| image.error(error))?;
        Ok(image)
    }

    fn write(&self, at: usize, bytes: &[u8]) -> Result<(), StoreError> {
        let written = super::super::positioned::write_at(self.file, at as u64, bytes);
        written.map_err(|error| self.error(error))
    }

    fn read(&self, at: usize, bytes: &mut [u8]) -> Result<(), StoreError> {
        let read = super::super::positioned::read_at(self.file, at as u64, bytes);
        read.map_err(|error| self.error(error))
    }

    fn error(&self, error: std::io::Error) -> StoreError {
        StoreError::io(self.path, "write", error)
    }
}
