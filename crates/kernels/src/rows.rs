//! The arithmetic of rows that embeddings and column sums share.

use crate::cpu::Worker;
use crate::simd::{LANES, Op, Vector};
use std::ops::Range;

/// This thread's share of `n` elements or columns, cut at multiples of sixteen.
pub(crate) fn share_in_vectors(worker: Worker, n: usize) -> Range<usize> {
    let vectors = worker.share(n.div_ceil(LANES));
    (vectors.start * LANES).min(n)..(vectors.end * LANES).min(n)
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
        let whole = n - n % LANES;
        // SAFETY: both slices have n elements: `whole` of them in full vectors, then the rest.
        unsafe {
            for i in (0..whole).step_by(LANES) {
                V::load(to.add(i))
                    .add(V::load(from.add(i)))
                    .store(to.add(i));
            }
            if whole < n {
                let rest = n - whole;
                let to = to.add(whole);
                let sum = V::load_first(to, rest).add(V::load_first(from.add(whole), rest));
                sum.store_first(to, rest);
            }
        }
    }
}
