//! Counting: a text becomes the counts from which Kneser–Ney estimates.
//!
//! Every n-gram of the highest order N that ends in a token is counted, `<s>` before the first; where fewer than N words stand before,
//! the n-gram is shorter. Sorted by endings (`key`), one pass over them sees every n-gram of every order together with all words that
//! stand before it, and gives the *adjusted count* (Chen and Goodman 1999, section 2.7, after Kneser and Ney 1995):
//!
//! ```text
//! a(w_1 … w_N) = c(w_1 … w_N)                       of the highest order, and where w_1 = <s>
//! a(w_1 … w_n) = |{v : c(v w_1 … w_n) > 0}|         of the lower ones: how many different words stand before it
//! ```
//! For each order it also gives how many n-grams have a = 1, 2, 3, 4, from which the discounts follow. An n-gram whose own count c is
//! at most `prune[n]` is marked: it will be left out, but what it takes from its context still counts.
//!
//! The n-grams go through `sort` twice, so that a text may be much larger than memory. Reading the text and sorting overlap; the pass
//! over the sorted n-grams is made by several threads, each for other words at the end.

use super::key::Packing;
use super::parallel::{self, Parts};
use super::sort::{Record, Records, Scratch, Sorted, Sorter, key};
use super::{MAX_ORDER, NgramError, Result, Words};
use elman_store::StoreError;
use elman_text::{ReadOptions, Source, TextStats};
use std::path::PathBuf;
use std::sync::Arc;

mod highest;

/// Marks the adjusted count of an n-gram that is to be left out.
const PRUNED: u64 = 1 << 63;

/// An adjusted count, and whether its n-gram is to be left out.
pub(super) fn adjusted(record: &Record) -> (u64, bool) {
    (record[2] & !PRUNED, record[2] & PRUNED != 0)
}

/// Options for counting n-grams: order, pruning, memory, threads and scratch directory.
#[derive(Clone, Debug)]
pub struct CountOptions {
    /// N: length of the longest n-grams.
    pub order: usize,
    /// Largest count at which an n-gram of n words is pruned, at index n − 1.
    ///
    /// The last entry holds for all higher orders; an empty list prunes nothing. Single words (n = 1) are never
    /// pruned, so the first entry is 0.
    pub prune: Vec<u64>,
    /// Memory for sorting in bytes; what does not fit goes to scratch files.
    pub memory_bytes: u64,
    /// Number of threads, which does not affect the result.
    pub threads: usize,
    /// Directory of scratch files.
    pub scratch: PathBuf,
}

impl CountOptions {
    /// Checks that the options are consistent.
    ///
    /// Errors: [`NgramError::Order`] and [`NgramError::Prune`].
    pub fn check(&self) -> Result<()> {
        Packing::new(1, self.order)?;
        if self.prune.len() > self.order || self.prune.first().is_some_and(|&most| most > 0) {
            return Err(NgramError::Prune);
        }
        match self.prune.is_sorted() {
            true => Ok(()),
            false => Err(NgramError::Prune),
        }
    }
}

/// Adjusted counts of the n-grams of a text, from which [`Counts::estimate`] makes a model.
pub struct Counts {
    pub(super) memory: Memory,
    pub(super) packing: Packing,
    pub(super) parts: Parts,
    pub(super) words: Words,
    /// a of every token, by id: order 1.
    pub(super) unigrams: Vec<u64>,
    /// Orders 2 … N in context order, with [`adjusted`] counts.
    pub(super) orders: Vec<Sorted>,
    tallies: Vec<Tally>,
    stats: TextStats,
}

/// What the program takes by itself, and for each word: its name, twice, the index, and numbers of each thread.
const PROGRAM_BYTES: u64 = 12 << 20;
const WORD_BYTES: u64 = 120;

/// More threads than the memory has times this many bytes would cut it into too many pieces.
const BYTES_OF_A_THREAD: u64 = 32 << 20;

/// How the memory is divided. Each stage reads what the one before has sorted, which is in one half, and sorts into the other half;
/// a sixteenth is for reading ahead, another for what waits between threads. Before that the vocabulary and the numbers of each word
/// are taken off, but at most half.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    pub directory: PathBuf,
    pub threads: usize,
    records: usize,
}

impl Memory {
    /// For a model of this number of words.
    pub fn new(options: &CountOptions, words: usize) -> Memory {
        let fixed = PROGRAM_BYTES + WORD_BYTES * words as u64;
        let bytes = options.memory_bytes - fixed.min(options.memory_bytes / 2);
        let records = bytes / size_of::<Record>() as u64;
        let most_threads = (options.memory_bytes / BYTES_OF_A_THREAD).clamp(4, 1024);
        Memory {
            directory: options.scratch.clone(),
            // Each thread has sorters of its own, which must not be too small.
            threads: options.threads.clamp(1, most_threads as usize),
            records: usize::try_from(records).unwrap_or(usize::MAX),
        }
    }

    pub fn scratch(&self) -> Arc<Scratch> {
        Arc::new(Scratch::new(&self.directory))
    }

    /// Records that the sorters of a stage hold together.
    pub fn half(&self) -> usize {
        self.records / 16 * 7
    }

    /// Sorters of one thread for the orders 2 … N, of which the higher ones have more n-grams.
    pub fn sorters(&self, scratch: &Arc<Scratch>, order: usize) -> Vec<Sorter> {
        let each = self.half() / self.threads / (2..=order).sum::<usize>().max(1);
        (2..=order)
            .map(|n| Sorter::new(scratch, each * n))
            .collect()
    }

    /// The same for keys of which those with the same highest digit come in order. The largest of a thread may take its memory twice.
    pub fn sorters_by_digit(&self, scratch: &Arc<Scratch>, packing: Packing) -> Vec<Sorter> {
        let order = packing.order();
        let shares = (2..=order).sum::<usize>() + order;
        let each = self.half() / self.threads / shares;
        let sorter = |n| Sorter::new(scratch, each * n).by_digit(packing.top_digit(n));
        (2..=order).map(sorter).collect()
    }

    /// Bytes that spools hold together.
    pub fn spool_bytes(&self) -> u64 {
        (self.records / 16 * size_of::<Record>()) as u64
    }

    /// Bytes of output that may wait for their turn.
    pub fn waiting_bytes(&self) -> usize {
        self.records / 16 * size_of::<Record>()
    }

    /// Records that one thread reads ahead.
    pub fn ahead(&self) -> usize {
        self.records / 16 / self.threads
    }
}

/// Counts of one order: distinct n-grams, those that are kept, and counts of counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Number of distinct n-grams.
    pub distinct: u64,
    /// Number of n-grams that are not pruned.
    pub kept: u64,
    /// Number of n-grams whose adjusted count is 1, 2, 3 and 4.
    pub of_count: [u64; 4],
}

impl Counts {
    /// Counts the n-grams of a text, of the wanted order and all below; `progress` gets the number of tokens read.
    ///
    /// Errors: what reading a text can find, scratch files that cannot be written, and an order that the vocabulary makes too long.
    pub fn of(
        sources: Vec<Source>,
        read: &ReadOptions,
        words: &Words,
        options: &CountOptions,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Counts> {
        options.check()?;
        let packing = Packing::new(words.begin() as usize + 1, options.order)?;
        let memory = Memory::new(options, words.len());
        let highest = highest::count(sources, read, words, packing, &memory, progress)?;
        let parts = Parts::new(packing, &highest.of_words, memory.threads);
        let adjust = |state: &mut Adjust<'_>, part| -> Result<Vec<u64>, StoreError> {
            let (from, end) = parts.keys(part, packing.order());
            state.run(
                highest.n_grams.records(from, end, memory.ahead())?,
                parts.words(part),
            )
        };
        let scratch = memory.scratch();
        let begin = || {
            Adjust::new(
                packing,
                &options.prune,
                memory.sorters(&scratch, options.order),
            )
        };
        let (states, unigrams) = parallel::tasks(memory.threads, parts.count(), begin, adjust)?;
        drop(highest.n_grams);
        let mut unigrams = unigrams.concat();
        unigrams.truncate(words.vocab().len()); // `<s>` is never counted
        let mut tallies = vec![Tally::default(); options.order];
        let mut sorters: Vec<Vec<Sorter>> = (2..=options.order).map(|_| Vec::new()).collect();
        for state in states {
            let both = tallies.iter_mut().zip(&state.tallies);
            both.for_each(|(sum, tally)| sum.add(tally));
            let both = sorters.iter_mut().zip(state.orders);
            both.for_each(|(all, sorter)| all.push(sorter));
        }
        let orders = sorters.into_iter();
        let orders = orders.map(|sorters| Sorted::new(sorters, memory.threads));
        Ok(Counts {
            orders: orders.collect(),
            memory,
            packing,
            parts,
            words: words.clone(),
            unigrams,
            tallies,
            stats: highest.stats,
        })
    }

    /// Counts of every order, from 1.
    pub fn tallies(&self) -> &[Tally] {
        &self.tallies
    }

    /// Number of n-grams that the model will have, by order from 1.
    ///
    /// All entries of the vocabulary and `<s>` are words.
    pub fn kept(&self) -> Vec<u64> {
        let words = u64::from(self.words.begin()) + 1;
        std::iter::once(words)
            .chain(self.tallies[1..].iter().map(|tally| tally.kept))
            .collect()
    }

    /// Statistics of the text.
    pub fn stats(&self) -> &TextStats {
        &self.stats
    }
}

impl Tally {
    fn add(&mut self, other: &Tally) {
        self.distinct += other.distinct;
        self.kept += other.kept;
        let both = self.of_count.iter_mut().zip(other.of_count);
        both.for_each(|(sum, count)| *sum += count);
    }
}

/// The pass of one thread over sorted n-grams of the highest order. Per order n (index n − 1) it holds the n-gram it is in.
struct Adjust<'a> {
    packing: Packing,
    prune: &'a [u64],
    /// Words of the last key.
    len: usize,
    last: u128,
    adjusted: [u64; MAX_ORDER],
    count: [u64; MAX_ORDER],
    /// The words that its n-grams end in, and a of each.
    words: std::ops::Range<u32>,
    unigrams: Vec<u64>,
    orders: Vec<Sorter>,
    tallies: Vec<Tally>,
}

impl<'a> Adjust<'a> {
    fn new(packing: Packing, prune: &'a [u64], orders: Vec<Sorter>) -> Adjust<'a> {
        Adjust {
            packing,
            prune,
            len: 0,
            last: 0,
            adjusted: [0; MAX_ORDER],
            count: [0; MAX_ORDER],
            words: 0..0,
            unigrams: Vec::new(),
            orders,
            tallies: vec![Tally::default(); packing.order()],
        }
    }

    /// Takes the n-grams that end in `words`; a of each word.
    fn run(
        &mut self,
        mut highest: Records<'_>,
        words: std::ops::Range<u32>,
    ) -> Result<Vec<u64>, StoreError> {
        self.unigrams = vec![0; words.len()];
        self.words = words;
        while let Some(record) = highest.next()? {
            let (gram, count) = (key(&record), record[2]);
            // The first key shares no word with the nothing before it.
            let common = match self.len {
                0 => 0,
                _ => self.packing.common(self.last, gram),
            };
            self.leave(common)?;
            self.enter(gram, common, count);
        }
        self.leave(0)?;
        self.len = 0;
        Ok(std::mem::take(&mut self.unigrams))
    }

    /// Ends the n-grams of more than `common` words.
    fn leave(&mut self, common: usize) -> Result<(), StoreError> {
        for n in (common + 1..=self.len).rev() {
            let (adjusted, count) = (self.adjusted[n - 1], self.count[n - 1]);
            let gram = self.packing.last(self.last, n);
            let pruned = count <= self.prune_up_to(n);
            let tally = &mut self.tallies[n - 1];
            tally.distinct += 1;
            tally.kept += u64::from(!pruned);
            if let 1..=4 = adjusted {
                tally.of_count[adjusted as usize - 1] += 1;
            }
            match n {
                1 => {
                    let mut id = [0];
                    self.packing.unpack(gram, &mut id);
                    self.unigrams[(id[0] - self.words.start) as usize] = adjusted;
                }
                n => {
                    let mark = if pruned { PRUNED } else { 0 };
                    let turned = self.packing.by_context(gram, n);
                    self.orders[n - 2].push(turned, adjusted | mark)?;
                }
            }
        }
        Ok(())
    }

    /// The largest count of an n-gram of `n` words that is left out.
    fn prune_up_to(&self, n: usize) -> u64 {
        let given = self.prune.get(n - 1).or(self.prune.last());
        given.copied().unwrap_or(0)
    }

    /// Begins the n-grams of more than `common` words, and adds to the others.
    fn enter(&mut self, gram: u128, common: usize, count: u64) {
        self.len = self.packing.len(gram);
        self.last = gram;
        self.adjusted[common..self.len].fill(1); // the word before it, which is met for the first time
        self.adjusted[self.len - 1] = count; // nothing stands before it
        if common > 0 {
            self.adjusted[common - 1] += 1;
        }
        self.count[common..self.len].fill(0);
        self.count[..self.len]
            .iter_mut()
            .for_each(|sum| *sum += count);
    }
}
