//! What a word of an operand holds: one f32, or two bf16 or four int8 of neighbouring k.
//!
//! bf16 is the upper half of an f32: the same range, eight bits of precision. A product of bf16
//! numbers rounds its operands to nearest even and sums in f32. Within a word the order of the two
//! products is the instruction's own (see [`Vector::dot_pairs`]), so bf16 gives the same bits only
//! on the same instruction set.
//!
//! int8 stands for scale · integer, the integer being −127 to 127 and the scale one for each row of A
//! and one for each column of B: the largest magnitude there over 127 (symmetric quantisation). Sums
//! of products of integers are exact, so every instruction set gives the same bits. The instruction
//! that multiplies bytes wants one side without a sign: B keeps integer + 128, and a sum begins at
//! −128 · Σ a. For weights and inference only.

use crate::rows::read;
use crate::simd::{Vector, WIDTH};

/// A kind of operands. Words lie in memory as the bits of an f32.
///
/// # Safety
/// Every method requires the instructions of `V`, and that the named numbers are readable.
#[allow(
    clippy::missing_safety_doc,
    reason = "the contract of all methods is above"
)]
pub(crate) trait Element {
    /// Numbers in one word, neighbours along k.
    const PER_WORD: usize;
    /// Whether words are integers, which rows of A and columns of B scale.
    const SCALED: bool = false;

    /// Words of A as [`Element::multiply_add`] takes them, in the first [`parts`] vectors.
    #[inline(always)]
    unsafe fn parts_of_a<V: Vector>(words: V) -> [V; 2] {
        [words, words]
    }

    /// Words of B as [`Element::multiply_add`] takes them.
    #[inline(always)]
    unsafe fn parts_of_b<V: Vector>(words: V) -> [V; 2] {
        [words, words]
    }

    /// `sum + a·b`, over the numbers of each word.
    unsafe fn multiply_add<V: Vector>(a: [V; 2], b: [V; 2], sum: V) -> V;

    /// The words of sixteen columns from `lines`, one for each k in a word; a second one that is not wanted is ignored.
    unsafe fn word<V: Vector>(lines: [V; 2]) -> V;

    /// `numbers` contiguous numbers of A, sixteen words at most; beyond them zeros. What is
    /// [`Element::SCALED`] is divided by `scale` ≥ 0 first.
    unsafe fn words<V: Vector>(from: *const f32, numbers: usize, scale: f32) -> V;

    /// The same of B.
    #[inline(always)]
    unsafe fn weights<V: Vector>(from: *const f32, numbers: usize, scale: f32) -> V {
        // SAFETY: passed on.
        unsafe { Self::words(from, numbers, scale) }
    }
}

/// Vectors that a word of an operand is taken apart into, 1 or 2.
#[inline(always)]
pub(super) const fn parts<V: Vector, E: Element>() -> usize {
    if E::SCALED { V::BYTE_PARTS } else { 1 }
}

/// Rows of A that a tile holds, by the panels that it spans; see [`Vector::TILE_ROWS`].
#[inline(always)]
pub(super) const fn tile_rows<V: Vector, E: Element>() -> [usize; 4] {
    if E::SCALED {
        V::BYTE_TILE_ROWS
    } else {
        V::TILE_ROWS
    }
}

/// The numbers of up to sixteen columns at `numbers` neighbouring k, one or two, for [`Element::word`]: `from` is the first
/// column's at the first k, and the next k lies `step` on. What is not there is zero.
///
/// # Safety
/// As for [`Element`].
#[inline(always)]
pub(crate) unsafe fn lines<V: Vector>(
    from: *const f32,
    step: isize,
    cols: usize,
    numbers: usize,
) -> [V; 2] {
    // SAFETY: passed on.
    unsafe {
        let second = match numbers {
            1 => V::splat(0.0),
            _ => read(from.offset(step), cols),
        };
        [read(from, cols), second]
    }
}

/// The scale of `depth` ≥ 1 contiguous numbers in int8; NaN if one of them is not finite.
///
/// # Safety
/// As for [`Element`].
#[inline(always)]
pub(crate) unsafe fn scale<V: Vector>(from: *const f32, depth: usize) -> f32 {
    // SAFETY: all that is read lies inside the numbers.
    unsafe {
        let zero = V::splat(0.0);
        let (mut most, mut check) = (zero, zero);
        for k in (0..depth).step_by(WIDTH) {
            let x: V = read(from.add(k), WIDTH.min(depth - k));
            most = x.abs().max(most);
            // 0 · NaN and 0 · ∞ are NaN.
            check = x.mul_add(zero, check);
        }
        most.largest() / MOST + check.sum()
    }
}

/// The largest integer of int8; −128 is not used.
const MOST: f32 = 127.0;
/// What is added to the integers of B.
pub(crate) const OFFSET: i32 = 128;

pub(crate) struct F32;

impl Element for F32 {
    const PER_WORD: usize = 1;

    #[inline(always)]
    unsafe fn multiply_add<V: Vector>([a, _]: [V; 2], [b, _]: [V; 2], sum: V) -> V {
        // SAFETY: passed on.
        unsafe { a.mul_add(b, sum) }
    }

    #[inline(always)]
    unsafe fn word<V: Vector>([line, _]: [V; 2]) -> V {
        line
    }

    #[inline(always)]
    unsafe fn words<V: Vector>(from: *const f32, numbers: usize, _: f32) -> V {
        // SAFETY: passed on.
        unsafe { read(from, numbers) }
    }
}

pub(crate) struct Bf16;

impl Element for Bf16 {
    const PER_WORD: usize = 2;

    #[inline(always)]
    unsafe fn multiply_add<V: Vector>([a, _]: [V; 2], [b, _]: [V; 2], sum: V) -> V {
        // SAFETY: passed on.
        unsafe { a.dot_pairs(b, sum) }
    }

    #[inline(always)]
    unsafe fn word<V: Vector>([even, odd]: [V; 2]) -> V {
        // SAFETY: passed on.
        unsafe { even.pairs(odd) }
    }

    #[inline(always)]
    unsafe fn words<V: Vector>(from: *const f32, numbers: usize, _: f32) -> V {
        // SAFETY: passed on; the second vector begins inside the numbers if it is read at all.
        unsafe {
            let low: V = read(from, numbers.min(WIDTH));
            match numbers > WIDTH {
                true => low.neighbours(read(from.add(WIDTH), numbers - WIDTH)),
                false => low.neighbours(V::splat(0.0)),
            }
        }
    }
}

pub(crate) struct Int8;

impl Int8 {
    /// Integers of up to 64 numbers, `offset` added to each.
    ///
    /// # Safety
    /// As for [`Element`].
    #[inline(always)]
    unsafe fn integers<V: Vector>(from: *const f32, numbers: usize, scale: f32, offset: f32) -> V {
        // A row of zeros, or of numbers so small that their reciprocal overflows, is all zero. One
        // that is not finite has a scale that is not, and its integers do not matter.
        let factor = Some(1.0 / scale).filter(|x| x.is_finite()).unwrap_or(0.0);
        // SAFETY: passed on; nothing behind the numbers is read.
        unsafe {
            let mut parts = [V::splat(offset); 4];
            for (i, part) in parts.iter_mut().enumerate() {
                let first = i * WIDTH;
                if first < numbers {
                    let x: V = read(from.add(first), WIDTH.min(numbers - first));
                    *part = x.mul(V::splat(factor)).round().add(V::splat(offset));
                }
            }
            V::bytes(parts)
        }
    }
}

impl Element for Int8 {
    const PER_WORD: usize = 4;
    const SCALED: bool = true;

    #[inline(always)]
    unsafe fn parts_of_a<V: Vector>(words: V) -> [V; 2] {
        // SAFETY: passed on.
        unsafe { words.signed_parts() }
    }

    #[inline(always)]
    unsafe fn parts_of_b<V: Vector>(words: V) -> [V; 2] {
        // SAFETY: passed on.
        unsafe { words.unsigned_parts() }
    }

    #[inline(always)]
    unsafe fn multiply_add<V: Vector>(a: [V; 2], b: [V; 2], sum: V) -> V {
        // SAFETY: passed on.
        unsafe { V::dot_bytes(b, a, sum) }
    }

    #[inline(always)]
    unsafe fn word<V: Vector>(_: [V; 2]) -> V {
        unreachable!("operands of gradients are never int8")
    }

    #[inline(always)]
    unsafe fn words<V: Vector>(from: *const f32, numbers: usize, scale: f32) -> V {
        // SAFETY: passed on.
        unsafe { Self::integers(from, numbers, scale, 0.0) }
    }

    #[inline(always)]
    unsafe fn weights<V: Vector>(from: *const f32, numbers: usize, scale: f32) -> V {
        // SAFETY: passed on.
        unsafe { Self::integers(from, numbers, scale, OFFSET as f32) }
    }
}
