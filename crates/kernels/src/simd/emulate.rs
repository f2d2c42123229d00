//! bf16 for instruction sets that do not have it: what [`Vector`]'s methods of the same names do there.

use super::{Vector, WIDTH};

/// [`Vector::pairs`].
///
/// # Safety
/// As for every method of [`Vector`].
#[inline(always)]
pub(super) unsafe fn pairs<V: Vector>(even: V, odd: V) -> V {
    // SAFETY: the arrays have sixteen numbers, and the caller has the instructions.
    unsafe {
        let (mut low, mut high) = ([0.0; WIDTH], [0.0; WIDTH]);
        even.store(low.as_mut_ptr());
        odd.store(high.as_mut_ptr());
        for (low, high) in low.iter_mut().zip(high) {
            *low = f32::from_bits(bf16(*low) >> 16 | bf16(high));
        }
        V::load(low.as_ptr())
    }
}

/// [`Vector::neighbours`].
///
/// # Safety
/// As for every method of [`Vector`].
#[inline(always)]
pub(super) unsafe fn neighbours<V: Vector>(low: V, high: V) -> V {
    // SAFETY: the arrays have the numbers, and the caller has the instructions.
    unsafe {
        let mut all = [0.0; 2 * WIDTH];
        low.store(all.as_mut_ptr());
        high.store(all.as_mut_ptr().add(WIDTH));
        let (mut even, mut odd) = ([0.0; WIDTH], [0.0; WIDTH]);
        for i in 0..WIDTH {
            (even[i], odd[i]) = (all[2 * i], all[2 * i + 1]);
        }
        pairs(V::load(even.as_ptr()), V::load(odd.as_ptr()))
    }
}

/// [`Vector::dot_pairs`]: the lower halves first, each step with one rounding.
///
/// # Safety
/// As for every method of [`Vector`].
#[inline(always)]
pub(super) unsafe fn dot_pairs<V: Vector>(a: V, b: V, sum: V) -> V {
    // SAFETY: the caller has the instructions.
    unsafe {
        let sum = a.even().mul_add(b.even(), sum);
        a.odd().mul_add(b.odd(), sum)
    }
}

/// `x` rounded to bf16, to nearest even: its bits in the upper half, zeros below. NaN stays NaN.
#[inline(always)]
fn bf16(x: f32) -> u32 {
    let bits = x.to_bits();
    let rounded = bits.wrapping_add(0x7FFF + (bits >> 16 & 1)) & 0xFFFF_0000;
    let quiet = (bits | 0x0040_0000) & 0xFFFF_0000;
    if x.is_nan() { quiet } else { rounded }
}
