//! Sorting by the highest digit alone, where records with the same one are in order already.

use super::{Record, key};

/// Bits that one pass sorts by.
const PASS_BITS: u32 = 11;

/// The highest digit of keys: what is left of them after `shift` bits, in `bits` bits.
#[derive(Clone, Copy, Debug)]
pub struct TopDigit {
    pub shift: u32,
    pub bits: u32,
}

/// Sorts records by a digit, keeping the order of those in which it is the same: from the lowest bits of the digit up, by counting.
pub fn sort(records: &mut Vec<Record>, digit: TopDigit) {
    let mut other = Vec::new();
    let passes = digit.bits.div_ceil(PASS_BITS);
    let bits = digit.bits.div_ceil(passes.max(1));
    for pass in 0..passes {
        other.resize(records.len(), [0; 3]);
        let shift = digit.shift + pass * bits;
        let place = |record: &Record| (key(record) >> shift) as usize & ((1 << bits) - 1);
        let mut next = vec![0u32; 1 << bits];
        records.iter().for_each(|record| next[place(record)] += 1);
        let mut sum = 0;
        for next in &mut next {
            sum += std::mem::replace(next, sum);
        }
        for record in &*records {
            let next = &mut next[place(record)];
            other[*next as usize] = *record;
            *next += 1;
        }
        std::mem::swap(records, &mut other);
    }
}
