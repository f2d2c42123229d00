//! What a word of an operand holds: one f32, or two bf16 of neighbouring k.
//!
//! bf16 is the upper half of an f32: the same range, eight bits of precision. A product of bf16
//! numbers rounds its operands to nearest even and sums in f32. Within a word the order of the two
//! products is the instruction's own (see [`Vector::dot_pairs`]), so bf16 gives the same bits only
//! on the same instruction set.

use crate::rows::read;
use crate::simd::{LANES, Vector};

/// A kind of operands. Words lie in memory as the bits of an f32.
///
/// # Safety
/// Every method requires the instructions of `V`, and that the named numbers are readable.
pub(crate) trait Element {
    /// Numbers in one word, neighbours along k.
    const PER_WORD: usize;

    /// `sum + a·b`, over the numbers of each word.
    unsafe fn multiply_add<V: Vector>(a: V, b: V, sum: V) -> V;

    /// The same word of k in up to sixteen columns: `from` is the first column's number at its first
    /// k, the next k lies `step` on, and `left` ≥ 1 numbers of k are there.
    unsafe fn word_of_rows<V: Vector>(from: *const f32, step: isize, cols: usize, left: usize)
    -> V;

    /// `numbers` contiguous numbers, sixteen words at most; beyond them zeros.
    unsafe fn words<V: Vector>(from: *const f32, numbers: usize) -> V;
}

pub(crate) struct F32;

impl Element for F32 {
    const PER_WORD: usize = 1;

    #[inline(always)]
    unsafe fn multiply_add<V: Vector>(a: V, b: V, sum: V) -> V {
        // SAFETY: passed on.
        unsafe { a.mul_add(b, sum) }
    }

    #[inline(always)]
    unsafe fn word_of_rows<V: Vector>(from: *const f32, _: isize, cols: usize, _: usize) -> V {
        // SAFETY: passed on.
        unsafe { read(from, cols) }
    }

    #[inline(always)]
    unsafe fn words<V: Vector>(from: *const f32, numbers: usize) -> V {
        // SAFETY: passed on.
        unsafe { read(from, numbers) }
    }
}

pub(crate) struct Bf16;

impl Element for Bf16 {
    const PER_WORD: usize = 2;

    #[inline(always)]
    unsafe fn multiply_add<V: Vector>(a: V, b: V, sum: V) -> V {
        // SAFETY: passed on.
        unsafe { a.dot_pairs(b, sum) }
    }

    #[inline(always)]
    unsafe fn word_of_rows<V: Vector>(
        from: *const f32,
        step: isize,
        cols: usize,
        left: usize,
    ) -> V {
        // SAFETY: passed on; the second row of the word is there unless `left` is 1.
        unsafe {
            let even: V = read(from, cols);
            match left {
                1 => even.pairs(V::splat(0.0)),
                _ => even.pairs(read(from.offset(step), cols)),
            }
        }
    }

    #[inline(always)]
    unsafe fn words<V: Vector>(from: *const f32, numbers: usize) -> V {
        // SAFETY: passed on; the second vector begins inside the numbers if it is read at all.
        unsafe {
            let low: V = read(from, numbers.min(LANES));
            match numbers > LANES {
                true => low.neighbours(read(from.add(LANES), numbers - LANES)),
                false => low.neighbours(V::splat(0.0)),
            }
        }
    }
}
