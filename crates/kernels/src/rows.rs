//! Rows of any length as vectors: what the elementwise kernels share.

use crate::cpu::Worker;
use crate::simd::{Op, Vector, WIDTH};
use std::ops::Range;

/// This thread's share of `n` elements or columns, cut at multiples of sixteen.
pub(crate) fn share_in_vectors(worker: Worker, n: usize) -> Range<usize> {
    let vectors = worker.share(n.div_ceil(WIDTH));
    (vectors.start * WIDTH).min(n)..(vectors.end * WIDTH).min(n)
}

/// Reads `n` in 1 ..= 16 numbers from `p`; the rest are zero. In a loop over a row this is quicker
/// than [`Vector::load_first`]: only the last vector pays for a mask, which is dear on AVX2.
///
/// # Safety
/// As for the methods of [`Vector`].
#[inline(always)]
pub(crate) unsafe fn read<V: Vector>(p: *const f32, n: usize) -> V {
    // SAFETY: the caller has n numbers behind p, and the instructions of `V`.
    unsafe {
        if n == WIDTH {
            V::load(p)
        } else {
            V::load_first(p, n)
        }
    }
}

/// Writes the first `n` in 1 ..= 16 numbers to `p`, with the advantage of [`read`].
///
/// # Safety
/// As for the methods of [`Vector`].
#[inline(always)]
pub(crate) unsafe fn write<V: Vector>(x: V, p: *mut f32, n: usize) {
    // SAFETY: the caller has n numbers behind p, and the instructions of `V`.
    unsafe {
        if n == WIDTH {
            x.store(p);
        } else {
            x.store_first(p, n);
        }
    }
}

/// `to += from`, element by element.
pub(crate) struct AddRow<'a> {
    pub(crate) from: &'a [f32],
    pub(crate) to: &'a mut [f32],
}

impl Op for AddRow<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let n = self.to.len();
        assert_eq!(self.from.len(), n);
        let (from, to) = (self.from.as_ptr(), self.to.as_mut_ptr());
        for i in (0..n).step_by(WIDTH) {
            let width = WIDTH.min(n - i);
            // SAFETY: both slices have n elements, of which `width` from i are taken.
            unsafe {
                let sum = read::<V>(to.add(i), width).add(read(from.add(i), width));
                write(sum, to.add(i), width);
            }
        }
    }
}
