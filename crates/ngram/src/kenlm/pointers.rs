//! Pointers of a trie: where the n-grams that have another word before this one begin, in the table of the next order.
//!
//! ```text
//! whole     ⌈log₂⌉ bits for the number of n-grams of the next order
//! cut       that less `c` bits; the upper c bits of a pointer are the number of entries ≤ i of an array, less one (i: the n-gram)
//!
//! array     version = 0, most bits to cut (u8 each); from the next multiple of 8 on: 8 bytes, then the entries (u64 each), of which
//!           entry v is the first n-gram whose pointer has v or more as its upper bits
//! c         at most the bits of a pointer and `most`; the least for which  64 · (n ≫ (bits − c)) − entries · c  is least
//! ```
//! (Raj and Whittaker 2003.) The n-grams end where those of the next one begin, so a table has one pointer more than n-grams.

use super::KenlmFlaw;
use super::bits::{self, u64_at};

const HEAD_BYTES: usize = 8;

/// How the pointers of one order are stored.
#[derive(Clone, Copy, Debug)]
pub struct Pointers {
    /// Bits in the entry of an n-gram.
    pub width: u32,
    array: Option<Array>,
}

#[derive(Clone, Copy, Debug)]
struct Array {
    at: usize,
    entries: usize,
}

impl Pointers {
    /// Pointers to `next` n-grams without an array.
    pub fn whole(next: u64) -> Pointers {
        Pointers {
            width: bits::width(next),
            array: None,
        }
    }

    /// Pointers of `count` n-grams to `next` others, with an array that begins at byte `at`, and the byte after it; `None` if it is too
    /// large to address.
    pub fn cut(count: u64, next: u64, most: u8, at: usize) -> Option<(Pointers, usize)> {
        let bits = bits::width(next);
        let cut = best_cut(count.checked_add(1)?, next, bits, most);
        let entries = usize::try_from(next.checked_shr(bits - cut).unwrap_or(0)).ok()?;
        let entries = entries.checked_add(1)?;
        // The array is aligned, and the file has the bytes for it that it would need in the worst case.
        let array = Array {
            at: at.checked_next_multiple_of(8)?.checked_add(HEAD_BYTES)?,
            entries,
        };
        let size = entries.checked_mul(8)?.checked_add(HEAD_BYTES + 7)?;
        let pointers = Pointers {
            width: bits - cut,
            array: Some(array),
        };
        Some((pointers, at.checked_add(size)?))
    }

    /// The most bits to cut, from the head of the first array.
    pub fn read_most(bytes: &[u8], at: usize) -> Result<u8, KenlmFlaw> {
        let Some(&[version, most]) = bytes.get(at..at.saturating_add(2)) else {
            return Err(KenlmFlaw::Size {
                expected: at as u64 + 2,
                found: bytes.len() as u64,
            });
        };
        match version {
            0 => Ok(most),
            found => Err(KenlmFlaw::Part {
                part: "arrays of pointers",
                found: found.into(),
                expected: 0,
            }),
        }
    }

    /// Whether the array, if there is one, is in ascending order from 0 on.
    pub fn is_sorted(&self, bytes: &[u8]) -> bool {
        let Some(array) = self.array else {
            return true;
        };
        let entries = (0..array.entries).map(|i| array.entry(bytes, i));
        array.entry(bytes, 0) == 0 && entries.is_sorted()
    }

    /// Pointer of n-gram `index`, whose lower bits are `inline`.
    #[inline]
    pub fn value(&self, bytes: &[u8], index: u64, inline: u64) -> u64 {
        match &self.array {
            None => inline,
            Some(array) => (array.upper(bytes, index) << self.width) | inline,
        }
    }
}

impl Array {
    fn entry(&self, bytes: &[u8], i: usize) -> u64 {
        u64_at(bytes, self.at + 8 * i)
    }

    /// Number of entries that are not above `index`, less one; the first entry is 0.
    fn upper(&self, bytes: &[u8], index: u64) -> u64 {
        let (mut start, mut end) = (0, self.entries);
        while start < end {
            let middle = start + (end - start) / 2;
            match self.entry(bytes, middle) <= index {
                true => start = middle + 1,
                false => end = middle,
            }
        }
        (start as u64).saturating_sub(1)
    }
}

/// The number of bits with which array and entries together are smallest, in KenLM's arithmetic.
fn best_cut(count: u64, next: u64, bits: u32, most: u8) -> u32 {
    let change = |cut: u32| {
        let array = next.checked_shr(bits - cut).unwrap_or(0).wrapping_mul(64);
        array.wrapping_sub(count.wrapping_mul(cut.into())) as i64
    };
    // Of equal ones the first.
    (0..=bits.min(most.into()))
        .min_by_key(|&cut| change(cut))
        .unwrap_or(0)
}
