//! [`Vector`] as an array: the portable path, and the oracle of the others.

use super::{RawOp, Vector, WIDTH};

/// Sixteen `f32` in memory.
#[derive(Clone, Copy)]
pub(crate) struct Scalar([f32; WIDTH]);

#[inline(always)]
fn map(x: Scalar, f: impl Fn(f32) -> f32) -> Scalar {
    Scalar(x.0.map(f))
}

#[inline(always)]
fn zip(a: Scalar, b: Scalar, f: impl Fn(f32, f32) -> f32) -> Scalar {
    Scalar(std::array::from_fn(|i| f(a.0[i], b.0[i])))
}

// SAFETY (every `unsafe` below): the trait's contract: pointers have the numbers behind them that
// the method names. Nothing else here needs a promise.
#[allow(
    clippy::undocumented_unsafe_blocks,
    clippy::missing_safety_doc,
    reason = "the contract of the trait, as said above"
)]
impl Vector for Scalar {
    const TILE_ROWS: [usize; 4] = [4, 2, 1, 1];
    const ROW_STEPS: [usize; 2] = [2, 4];
    const FULL_TILES: bool = false;
    const TURN: usize = 1;
    const STREAMS: usize = 4;

    #[inline(never)]
    unsafe fn call<O: RawOp>(op: O) -> O::Output {
        unsafe { op.run_raw::<Self>() }
    }

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Self([x; WIDTH])
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        Self(unsafe { p.cast::<[f32; WIDTH]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize) -> Self {
        debug_assert!(n <= WIDTH);
        let mut x = [0.0; WIDTH];
        unsafe { std::ptr::copy_nonoverlapping(p, x.as_mut_ptr(), n) };
        Self(x)
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        unsafe { p.cast::<[f32; WIDTH]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, n: usize) {
        debug_assert!(n <= WIDTH);
        unsafe { std::ptr::copy_nonoverlapping(self.0.as_ptr(), p, n) }
    }
    #[inline(always)]
    unsafe fn add(self, o: Self) -> Self {
        zip(self, o, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(self, o: Self) -> Self {
        zip(self, o, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(self, o: Self) -> Self {
        zip(self, o, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn div(self, o: Self) -> Self {
        zip(self, o, |a, b| a / b)
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        map(self, f32::sqrt)
    }
    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i].mul_add(a.0[i], b.0[i])))
    }
    #[inline(always)]
    unsafe fn neg_mul_add(self, a: Self, b: Self) -> Self {
        Self(std::array::from_fn(|i| {
            (-self.0[i]).mul_add(a.0[i], b.0[i])
        }))
    }
    #[inline(always)]
    unsafe fn max(self, o: Self) -> Self {
        zip(self, o, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    unsafe fn min(self, o: Self) -> Self {
        zip(self, o, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    unsafe fn abs(self) -> Self {
        map(self, f32::abs)
    }
    #[inline(always)]
    unsafe fn copy_sign(self, o: Self) -> Self {
        zip(self, o, f32::copysign)
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        map(self, f32::round_ties_even)
    }
    #[inline(always)]
    unsafe fn select_lt(self, o: Self, yes: Self, no: Self) -> Self {
        Self(std::array::from_fn(|i| {
            if self.0[i] < o.0[i] {
                yes.0[i]
            } else {
                no.0[i]
            }
        }))
    }
    #[inline(always)]
    unsafe fn exp2_int(self) -> Self {
        map(self, |n| {
            f32::from_bits(((n as i32).wrapping_add(127) as u32) << 23)
        })
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        let mut x = self.0;
        for width in [8, 4, 2, 1] {
            for i in 0..width {
                x[i] += x[i + width];
            }
        }
        x[0]
    }
    #[inline(always)]
    unsafe fn largest(self) -> f32 {
        self.0
            .into_iter()
            .fold(f32::NEG_INFINITY, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    unsafe fn prefetch(_: *const f32) {}
    #[inline(always)]
    unsafe fn prefetch_write(_: *const f32) {}
    #[inline(always)]
    unsafe fn even(self) -> Self {
        map(self, |x| f32::from_bits(x.to_bits() << 16))
    }
    #[inline(always)]
    unsafe fn odd(self) -> Self {
        map(self, |x| f32::from_bits(x.to_bits() & 0xFFFF_0000))
    }
    #[inline(always)]
    unsafe fn integers_to_f32(self) -> Self {
        map(self, |x| x.to_bits() as i32 as f32)
    }
}
