//! n-grams in a trie by their last word, then the word before it, and so on, in arrays of bits.
//!
//! ```text
//! 1-grams   one for each index, and two more: log10 p, log10 of the weight (f32 each), pointer (u64)
//! n-grams   for each order: an array of pointers if they are cut, then for each n-gram, and one more to end the last one's:
//!           its first word, its values (`quantized.rs`), its pointer (`pointers.rs`), without gaps; 8 bytes more
//! longest   the same without pointers
//! ```
//! A word has as many bits as the number of 1-grams. The pointers of an order ascend, and so do the words between two of them.

use super::KenlmFlaw;
use super::bits::{self, f32_at, u64_at};
use super::pointers::Pointers;
use super::quantized::{ValueTables, Values};
use super::query::{Found, Search};
use crate::build::{is_log10_backoff, is_log10_p};
use rayon::prelude::*;
use std::ops::Range;

const UNIGRAM_BYTES: usize = 16;
/// Nodes that are checked together.
const BLOCK: u64 = 1 << 14;

/// Positions of the tables.
#[derive(Debug)]
pub struct Trie {
    unigrams_at: usize,
    word_bits: u32,
    /// Orders 2 to N.
    levels: Vec<Level>,
    end: usize,
}

/// The table of an order from 2.
#[derive(Debug)]
struct Level {
    /// Position of the array of bits.
    at: usize,
    count: u64,
    /// Bits of an n-gram.
    width: u64,
    values: Values,
    /// `None` for the highest order.
    pointers: Option<Pointers>,
}

impl Trie {
    /// The tables of a trie that begin at byte `at`; `None` if they are too large to address.
    ///
    /// Errors: parts of other versions, and heads of parts beyond the end of the file.
    pub fn new(
        counts: &[u64],
        quantized: bool,
        array: bool,
        bytes: &[u8],
        at: usize,
    ) -> Result<Option<Trie>, KenlmFlaw> {
        let order = counts.len();
        let values = match quantized {
            true => ValueTables::quantized(order, bytes, at)?,
            false => ValueTables::plain(order, at),
        };
        // There is no array where only 1-grams have pointers.
        let Some(end) = unigrams_end(counts[0], values.end) else {
            return Ok(None);
        };
        let most = match array && order > 2 {
            true => Some(Pointers::read_most(bytes, end)?),
            false => None,
        };
        Ok(Trie::lay_out(counts, values, end, most))
    }

    fn lay_out(counts: &[u64], values: ValueTables, at: usize, most: Option<u8>) -> Option<Trie> {
        let word_bits = bits::width(counts[0]);
        let mut levels = Vec::new();
        let mut end = at;
        for (n, (&values, &count)) in values.orders.iter().zip(&counts[1..]).enumerate() {
            let next = counts.get(n + 2);
            let pointers = match (next, most) {
                (None, _) => None,
                (Some(&next), None) => Some(Pointers::whole(next)),
                (Some(&next), Some(most)) => {
                    let (pointers, array_end) = Pointers::cut(count, next, most, end)?;
                    end = array_end;
                    Some(pointers)
                }
            };
            if pointers.is_some_and(|pointers| pointers.width > bits::WIDEST) {
                return None;
            }
            let values_width = values.width(next.is_none());
            let width = word_bits + values_width + pointers.map_or(0, |pointers| pointers.width);
            let level = Level {
                at: end,
                count,
                width: width.into(),
                values,
                pointers,
            };
            let bits = count.checked_add(1)?.checked_mul(width.into())?;
            let size = usize::try_from(bits.div_ceil(8)).ok()?.checked_add(8)?;
            end = end.checked_add(size)?;
            levels.push(level);
        }
        Some(Trie {
            unigrams_at: values.end,
            word_bits,
            levels,
            end,
        })
    }

    /// The byte after the tables.
    pub fn end(&self) -> usize {
        self.end
    }

    pub fn view<'a>(&'a self, bytes: &'a [u8]) -> View<'a> {
        View { trie: self, bytes }
    }

    /// Checks the numbers of every n-gram, of words below `bound`. Returns the parameters: probabilities, and weights that are not 1.
    pub fn check(&self, bytes: &[u8], unigrams: u64, bound: u32) -> Result<u64, KenlmFlaw> {
        let view = self.view(bytes);
        let mut parameters = 0;
        for word in 0..u64::from(bound) {
            let found = view.unigram(word as u32);
            let good = is_log10_p(found.log10_p) && is_log10_backoff(found.log10_backoff);
            if !good {
                return Err(flaw(1, word, "its numbers"));
            }
            parameters += 1 + u64::from(found.log10_backoff != 0.0);
        }
        let mut above = unigrams;
        for (order, level) in (2..).zip(&self.levels) {
            if level
                .pointers
                .is_some_and(|pointers| !pointers.is_sorted(bytes))
            {
                return Err(flaw(order, 0, "its array of pointers"));
            }
            let blocks: Vec<u64> = (0..above).step_by(BLOCK as usize).collect();
            let check =
                |first: u64| view.check_children(order - 1, first..above.min(first + BLOCK), bound);
            let checked: Result<Vec<()>, KenlmFlaw> = blocks.into_par_iter().map(check).collect();
            checked?;
            if view.pointer(order - 1, 0) != 0 || view.pointer(order - 1, above) != level.count {
                return Err(flaw(
                    order - 1,
                    above,
                    "its pointers do not reach all n-grams",
                ));
            }
            let blocks: Vec<u64> = (0..level.count).step_by(BLOCK as usize).collect();
            let check =
                |first: u64| view.check_values(order, first..level.count.min(first + BLOCK));
            let counted: Result<Vec<u64>, KenlmFlaw> = blocks.into_par_iter().map(check).collect();
            parameters += counted?.iter().sum::<u64>();
            above = level.count;
        }
        Ok(parameters)
    }
}

/// The byte after the 1-grams.
fn unigrams_end(count: u64, at: usize) -> Option<usize> {
    let places = usize::try_from(count).ok()?.checked_add(2)?;
    at.checked_add(places.checked_mul(UNIGRAM_BYTES)?)
}

fn flaw(order: usize, index: u64, what: &'static str) -> KenlmFlaw {
    KenlmFlaw::Tables { order, index, what }
}

/// The tables with their bytes.
#[derive(Clone, Copy)]
pub struct View<'a> {
    trie: &'a Trie,
    bytes: &'a [u8],
}

/// The n-grams that have another word before one: indices in the table of the next order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Children {
    pub start: u64,
    pub end: u64,
}

impl View<'_> {
    #[inline]
    fn level(&self, order: usize) -> (&Level, &[u8]) {
        let level = &self.trie.levels[order - 2];
        (level, &self.bytes[level.at..])
    }

    /// Pointer of an n-gram of an order below the highest.
    #[inline]
    fn pointer(&self, order: usize, index: u64) -> u64 {
        if order == 1 {
            let at = self.trie.unigrams_at + index as usize * UNIGRAM_BYTES;
            return u64_at(self.bytes, at + 8);
        }
        let (level, array) = self.level(order);
        let Some(pointers) = &level.pointers else {
            return 0;
        };
        let at = (index + 1) * level.width - u64::from(pointers.width);
        pointers.value(self.bytes, index, bits::read(array, at, pointers.width))
    }

    /// The n-grams that have another word before n-gram `index`.
    #[inline]
    pub fn children(&self, order: usize, index: u64) -> Children {
        Children {
            start: self.pointer(order, index),
            end: self.pointer(order, index + 1),
        }
    }

    /// First word of an n-gram of an order from 2.
    #[inline]
    pub fn word(&self, order: usize, index: u64) -> u64 {
        let (level, array) = self.level(order);
        bits::read(array, index * level.width, self.trie.word_bits)
    }

    /// log10 p and log10 of the weight of an n-gram of an order from 2; the highest has weight 1.
    #[inline]
    pub fn values(&self, order: usize, index: u64) -> (f32, f32) {
        let (level, array) = self.level(order);
        let at = index * level.width + u64::from(self.trie.word_bits);
        let log10_p = level.values.log10_p(self.bytes, array, at);
        match level.pointers {
            Some(_) => (log10_p, level.values.log10_backoff(self.bytes, array, at)),
            None => (log10_p, 0.0),
        }
    }

    /// The n-gram with `word` first among those of an order from 2 with indices in `children`, whose words ascend.
    #[inline]
    fn find(&self, order: usize, children: Children, word: u32) -> Option<u64> {
        let (word, Children { mut start, mut end }) = (u64::from(word), children);
        while start < end {
            let middle = start + (end - start) / 2;
            match self.word(order, middle) {
                found if found < word => start = middle + 1,
                found if found > word => end = middle,
                _ => return Some(middle),
            }
        }
        None
    }

    /// Checks the pointers of n-grams of an order, and the words to which they point.
    fn check_children(
        &self,
        order: usize,
        indices: Range<u64>,
        bound: u32,
    ) -> Result<(), KenlmFlaw> {
        let count = self.trie.levels[order - 1].count;
        for index in indices {
            let Children { start, end } = self.children(order, index);
            if start > end || end > count {
                return Err(flaw(order, index, "its pointer"));
            }
            let mut least = 0;
            for child in start..end {
                let word = self.word(order + 1, child);
                if word < least || word >= u64::from(bound) {
                    return Err(flaw(order + 1, child, "its first word"));
                }
                least = word + 1;
            }
        }
        Ok(())
    }

    /// Checks the values of n-grams of an order from 2, and counts the parameters.
    fn check_values(&self, order: usize, indices: Range<u64>) -> Result<u64, KenlmFlaw> {
        let mut parameters = 0;
        for index in indices {
            let (log10_p, log10_backoff) = self.values(order, index);
            if !(is_log10_p(log10_p) && is_log10_backoff(log10_backoff)) {
                return Err(flaw(order, index, "its numbers"));
            }
            parameters += 1 + u64::from(log10_backoff != 0.0);
        }
        Ok(parameters)
    }
}

impl Search for View<'_> {
    type Node = Children;

    #[inline]
    fn unigram(&self, word: u32) -> Found<Children> {
        let at = self.trie.unigrams_at + word as usize * UNIGRAM_BYTES;
        let node = self.children(1, word.into());
        Found {
            log10_p: f32_at(self.bytes, at),
            log10_backoff: f32_at(self.bytes, at + 4),
            node,
            extends: node.start != node.end,
        }
    }

    #[inline]
    fn middle(&self, order: usize, word: u32, node: Children) -> Option<Found<Children>> {
        let index = self.find(order, node, word)?;
        let (log10_p, log10_backoff) = self.values(order, index);
        let node = self.children(order, index);
        Some(Found {
            log10_p,
            log10_backoff,
            node,
            extends: node.start != node.end,
        })
    }

    #[inline]
    fn longest(&self, word: u32, node: Children) -> Option<f32> {
        let order = self.trie.levels.len() + 1;
        let index = self.find(order, node, word)?;
        Some(self.values(order, index).0)
    }
}
