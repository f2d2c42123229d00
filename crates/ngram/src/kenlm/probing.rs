//! n-grams in hash tables, one for each order from 2.
//!
//! ```text
//! 1-grams   one for each index, and one more: log10 p, log10 of the weight                    (f32 each)
//! n-grams   a place is free where its key is 0: key (u64), log10 p, log10 of the weight       (f32 each)
//! longest   the same without the weight
//!
//! places    max(n-grams + 1, ⌊multiplier · n-grams⌋ in f32)
//! key       of w: its index;  of h₁ w, h₂ h₁ w, …: key' = key · A xor (1 + index of the word before) · B
//! ```
//! A key is looked for from the place key mod places on, up to a free one. The sign of log10 p is set where no n-gram has
//! another word before this one.

use super::KenlmFlaw;
use super::bits::{f32_at, u32_at, u64_at};
use super::query::{Found, Search};
use crate::build::{is_log10_backoff, is_log10_p};
use rayon::prelude::*;

const A: u64 = 8_978_948_897_894_561_157;
const B: u64 = 17_894_857_484_156_487_943;
const SIGN: u32 = 1 << 31;
const UNIGRAM_BYTES: usize = 8;
const KEY_BYTES: usize = 8;
/// Places that are checked together.
const BLOCK: u64 = 1 << 16;

/// A hash table with linear probing whose keys are never 0.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    at: usize,
    places: u64,
    /// Bytes of a place.
    width: usize,
}

impl Table {
    /// A table at byte `at` for this number of entries of `width` bytes; `None` if it is too large to address.
    pub fn new(at: usize, entries: u64, multiplier: f32, width: usize) -> Option<Table> {
        let places = ((multiplier * entries as f32) as u64).max(entries.checked_add(1)?);
        let table = Table { at, places, width };
        let size = usize::try_from(places).ok()?.checked_mul(width)?;
        at.checked_add(size)?;
        Some(table)
    }

    /// The byte after the table.
    pub fn end(&self) -> usize {
        self.at + self.places as usize * self.width
    }

    /// Finds a key and returns where what belongs to it begins.
    #[inline]
    pub fn find(&self, bytes: &[u8], key: u64) -> Option<usize> {
        let mut place = key % self.places;
        // A damaged table may have no free place.
        for _ in 0..self.places {
            let at = self.at + place as usize * self.width;
            match u64_at(bytes, at) {
                found if found == key => return Some(at + KEY_BYTES),
                0 => return None,
                _ => place += 1,
            }
            if place == self.places {
                place = 0;
            }
        }
        None
    }

    /// Iterates over the places that are taken: their keys, and the positions of what belongs to these.
    pub fn entries<'a>(&self, bytes: &'a [u8]) -> impl Iterator<Item = (u64, usize)> + use<'a> {
        self.entries_in(bytes, 0..self.places)
    }

    fn entries_in<'a>(
        &self,
        bytes: &'a [u8],
        places: std::ops::Range<u64>,
    ) -> impl Iterator<Item = (u64, usize)> + use<'a> {
        let Table { at, width, .. } = *self;
        let all = places.map(move |place| {
            let at = at + place as usize * width;
            (u64_at(bytes, at), at + KEY_BYTES)
        });
        all.filter(|(key, _)| *key != 0)
    }

    fn place_of(&self, at: usize) -> u64 {
        ((at - self.at) / self.width) as u64
    }
}

/// Positions of the tables.
#[derive(Debug)]
pub struct Probing {
    unigrams_at: usize,
    /// Orders 2, 3, … below the highest.
    middles: Vec<Table>,
    longest: Table,
}

impl Probing {
    /// The tables that begin at byte `at`; `None` if they are too large to address.
    pub fn new(counts: &[u64], multiplier: f32, at: usize) -> Option<Probing> {
        let (&longest, shorter) = counts.split_last()?;
        let (&unigrams, middles) = shorter.split_first()?;
        // One more, for `<unk>` where the ARPA file does not list it.
        let unigrams = usize::try_from(unigrams).ok()?.checked_add(1)?;
        let mut end = at.checked_add(unigrams.checked_mul(UNIGRAM_BYTES)?)?;
        let mut tables = Vec::new();
        for &count in middles {
            let table = Table::new(end, count, multiplier, KEY_BYTES + 8)?;
            end = table.end();
            tables.push(table);
        }
        Some(Probing {
            unigrams_at: at,
            middles: tables,
            longest: Table::new(end, longest, multiplier, KEY_BYTES + 4)?,
        })
    }

    /// The byte after the tables.
    pub fn end(&self) -> usize {
        self.longest.end()
    }

    pub fn view<'a>(&'a self, bytes: &'a [u8]) -> View<'a> {
        View {
            tables: self,
            bytes,
        }
    }

    /// Checks the numbers of every n-gram, of words below `bound`. Returns the parameters: probabilities, and weights that are not 1.
    pub fn check(&self, bytes: &[u8], bound: u32) -> Result<u64, KenlmFlaw> {
        let mut parameters = 0;
        for word in 0..bound {
            let at = self.unigrams_at + word as usize * UNIGRAM_BYTES;
            parameters +=
                check_values(bytes, at, true).ok_or(flaw(1, word.into(), "its numbers"))?;
        }
        for (order, table) in (2..).zip(self.middles.iter().chain([&self.longest])) {
            let has_weight = order < self.middles.len() + 2;
            let blocks: Vec<u64> = (0..table.places).step_by(BLOCK as usize).collect();
            let check = |first: u64| {
                let places = first..table.places.min(first + BLOCK);
                let (mut taken, mut parameters) = (0, 0);
                for (_, at) in table.entries_in(bytes, places) {
                    let index = table.place_of(at);
                    let found = check_values(bytes, at, has_weight);
                    parameters += found.ok_or(flaw(order, index, "its numbers"))?;
                    taken += 1;
                }
                Ok((taken, parameters))
            };
            let counted: Result<Vec<(u64, u64)>, KenlmFlaw> =
                blocks.into_par_iter().map(check).collect();
            let counted = counted?;
            if counted.iter().map(|(taken, _)| taken).sum::<u64>() == table.places {
                return Err(flaw(order, table.places, "no place is free"));
            }
            parameters += counted.iter().map(|(_, n)| n).sum::<u64>();
        }
        Ok(parameters)
    }
}

fn flaw(order: usize, index: u64, what: &'static str) -> KenlmFlaw {
    KenlmFlaw::Tables { order, index, what }
}

/// The parameters of an n-gram, 1 or 2; `None` if a number is none that a query can use.
fn check_values(bytes: &[u8], at: usize, has_weight: bool) -> Option<u64> {
    let log10_backoff = match has_weight {
        true => f32_at(bytes, at + 4),
        false => 0.0,
    };
    let good = is_log10_p(log10_p(bytes, at)) && is_log10_backoff(log10_backoff);
    good.then_some(1 + u64::from(log10_backoff != 0.0))
}

/// log10 p without its mark.
#[inline]
fn log10_p(bytes: &[u8], at: usize) -> f32 {
    f32::from_bits(u32_at(bytes, at) | SIGN)
}

/// The tables with their bytes.
#[derive(Clone, Copy)]
pub struct View<'a> {
    tables: &'a Probing,
    bytes: &'a [u8],
}

impl View<'_> {
    #[inline]
    fn found(&self, at: usize, node: u64) -> Found<u64> {
        Found {
            log10_p: log10_p(self.bytes, at),
            log10_backoff: f32_at(self.bytes, at + 4),
            node,
            extends: u32_at(self.bytes, at) & SIGN == 0,
        }
    }
}

impl Search for View<'_> {
    /// The key.
    type Node = u64;

    #[inline]
    fn unigram(&self, word: u32) -> Found<u64> {
        let at = self.tables.unigrams_at + word as usize * UNIGRAM_BYTES;
        self.found(at, word.into())
    }

    #[inline]
    fn middle(&self, order: usize, word: u32, node: u64) -> Option<Found<u64>> {
        let key = before(node, word);
        let at = self.tables.middles[order - 2].find(self.bytes, key)?;
        Some(self.found(at, key))
    }

    #[inline]
    fn longest(&self, word: u32, node: u64) -> Option<f32> {
        let at = self.tables.longest.find(self.bytes, before(node, word))?;
        Some(log10_p(self.bytes, at))
    }
}

/// The key of an n-gram with another word before it.
#[inline]
fn before(key: u64, word: u32) -> u64 {
    key.wrapping_mul(A) ^ (1 + u64::from(word)).wrapping_mul(B)
}
