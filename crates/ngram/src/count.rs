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
//! The n-grams go through `sort` twice, so that a text may be much larger than memory.

use super::key::Packing;
use super::sort::{Record, Records, SortMemory, Sorter, key};
use super::{MAX_ORDER, NgramError, Result, Words};
use elman_text::{self as text, ReadOptions, Source, TextStats};
use std::path::PathBuf;

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
    pub(super) options: CountOptions,
    pub(super) memory: SortMemory,
    pub(super) packing: Packing,
    pub(super) words: Words,
    /// a of every token, by id: order 1.
    pub(super) unigrams: Vec<u64>,
    /// Orders 2 … N in context order, with [`adjusted`] counts.
    pub(super) orders: Vec<Sorter>,
    tallies: Vec<Tally>,
    stats: TextStats,
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
        // At once there are a sorter and a spool for each order, and what one of them is turned into.
        let memory = SortMemory::new(&options.scratch, options.memory_bytes, 3 * options.order);
        let mut highest = Sorter::summing(&memory);
        let (start, eos) = (packing.follow(0, words.begin()), words.vocab().eos());
        let (mut last, mut tokens) = (start, 0u64);
        let stats = text::encode(sources, words.vocab(), read, &mut |symbol| -> Result<()> {
            let gram = packing.follow(last, symbol.id);
            highest.push(gram, 1)?;
            last = if symbol.id == eos { start } else { gram };
            tokens += 1;
            if tokens.is_multiple_of(1 << 16) {
                progress(tokens);
            }
            Ok(())
        })?;
        let adjust = Adjust::new(packing, words, &options.prune, &memory);
        let (unigrams, orders, tallies) = adjust.run(highest.finish()?)?;
        Ok(Counts {
            options: options.clone(),
            memory,
            packing,
            words: words.clone(),
            unigrams,
            orders,
            tallies,
            stats,
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

/// The pass over the sorted n-grams of the highest order. Per order n (index n − 1) it holds the n-gram it is in.
struct Adjust<'a> {
    packing: Packing,
    prune: &'a [u64],
    /// Words of the last key.
    len: usize,
    last: u128,
    adjusted: [u64; MAX_ORDER],
    count: [u64; MAX_ORDER],
    unigrams: Vec<u64>,
    orders: Vec<Sorter>,
    tallies: Vec<Tally>,
}

type Adjusted = (Vec<u64>, Vec<Sorter>, Vec<Tally>);

impl<'a> Adjust<'a> {
    fn new(packing: Packing, words: &Words, prune: &'a [u64], memory: &SortMemory) -> Adjust<'a> {
        Adjust {
            packing,
            prune,
            len: 0,
            last: 0,
            adjusted: [0; MAX_ORDER],
            count: [0; MAX_ORDER],
            unigrams: vec![0; words.vocab().len()],
            orders: (1..packing.order()).map(|_| Sorter::new(memory)).collect(),
            tallies: vec![Tally::default(); packing.order()],
        }
    }

    fn run(mut self, mut highest: Records) -> Result<Adjusted> {
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
        Ok((self.unigrams, self.orders, self.tallies))
    }

    /// Ends the n-grams of more than `common` words.
    fn leave(&mut self, common: usize) -> Result<()> {
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
                    self.unigrams[id[0] as usize] = adjusted;
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
