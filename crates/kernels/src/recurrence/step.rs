//! One time step of a region: its product, and memory into the equations of a cell and back.

use super::blocks::Blocks;
use crate::cell::{Backward, Equations, Forward, Number, Units};
use crate::pack::Packed;
use crate::product::{Layout, Multiply, Region, Start};
use crate::rows;
use crate::simd::{RawOp, Vector};
use std::ops::Range;

/// The product of all of the rows of a region with some gates of the recurrent weights: `a` is
/// (B, K), `c` is (B, `c_stride`).
pub(super) fn recurrent<'a>(
    a: *const f32,
    w: &'a Packed,
    gates: Range<usize>,
    start: Start<'a>,
    c: *mut f32,
    c_stride: usize,
    region: &Region,
) -> Multiply<'a> {
    Multiply {
        a,
        layout: Layout::Rows { stride: w.depth() },
        b: w,
        gates,
        start,
        c,
        c_stride,
        sums: None,
        region: region.clone(),
    }
}

/// The gates and the new state. Of the arrays of two the first is for h and the second for c, which
/// is not touched where S = 1.
///
/// # Safety
/// To run it the caller proves that every pointer has its shape behind it, where the cell has it, and that
/// nobody else meanwhile reads or writes what is written in the region, or writes what is read there.
pub(super) struct ForwardStep<'a, C, const G: usize, const S: usize> {
    pub(super) cell: C,
    pub(super) units: usize,
    pub(super) region: &'a Region,
    pub(super) z: *mut f32,             // (B, G·H); out: the gates
    pub(super) q: *const f32,           // (B, H); of a separate cell
    pub(super) before: [*const f32; 2], // (B, H)
    pub(super) after: [*mut f32; 2],    // (B, H)
}

/// The gradients at the pre-activations and at the state before.
///
/// # Safety
/// As for [`ForwardStep`].
pub(super) struct BackwardStep<'a, C, const G: usize, const S: usize> {
    pub(super) cell: C,
    pub(super) units: usize,
    pub(super) region: &'a Region,
    pub(super) gates: *const f32,       // (B, G·H)
    pub(super) q: *const f32,           // (B, H); of a separate cell
    pub(super) before: [*const f32; 2], // (B, H)
    pub(super) after: [*const f32; 2],  // (B, H)
    pub(super) dh: *const f32,          // (B, H), from above
    pub(super) d_next: [*mut f32; 2],   // (B, H); in: at the state after, out: at that before
    pub(super) dz: *mut f32,            // (B, G·H); may be `gates` or `dh`
    pub(super) dz_h: *mut f32,          // (B, G·H); of a separate cell
}

impl<C: Equations<G, S>, const G: usize, const S: usize> RawOp for ForwardStep<'_, C, G, S> {
    type Output = ();

    #[inline(always)]
    unsafe fn run_raw<V: Vector>(self) {
        for block in Blocks::of(self.region, self.units) {
            let (n, at) = (block.len, block.at(self.units));
            let gate = block.at(G * self.units);
            // SAFETY: by this struct's contract n units of this sequence begin at each of these places, and
            // nobody else is at them.
            unsafe {
                let mut step = Forward {
                    z: [zero::<V>(); G],
                    q: zero(),
                    before: [zero(); S],
                };
                for g in 0..G {
                    step.z[g] = read(self.z.add(gate + g * self.units), n);
                }
                if C::SEPARATE {
                    step.q = read(self.q.add(at), n);
                }
                for s in 0..S {
                    step.before[s] = read(self.before[s].add(at), n);
                }
                let (gates, after) = self.cell.forward(step);
                if !C::GATE_IS_OUTPUT {
                    for g in 0..G {
                        write(gates[g], self.z.add(gate + g * self.units), n);
                    }
                }
                for s in 0..S {
                    write(after[s], self.after[s].add(at), n);
                }
            }
        }
    }
}

impl<C: Equations<G, S>, const G: usize, const S: usize> RawOp for BackwardStep<'_, C, G, S> {
    type Output = ();

    #[inline(always)]
    unsafe fn run_raw<V: Vector>(self) {
        for block in Blocks::of(self.region, self.units) {
            let (n, at) = (block.len, block.at(self.units));
            let gate = block.at(G * self.units);
            // SAFETY: as in `ForwardStep`.
            unsafe {
                let mut step = Backward {
                    gates: [zero::<V>(); G],
                    q: zero(),
                    before: [zero(); S],
                    after: [zero(); S],
                    d_after: [zero(); S],
                };
                for g in 0..G {
                    step.gates[g] = read(self.gates.add(gate + g * self.units), n);
                }
                if C::SEPARATE {
                    step.q = read(self.q.add(at), n);
                }
                for s in 0..S {
                    step.before[s] = read(self.before[s].add(at), n);
                    step.after[s] = read(self.after[s].add(at), n);
                    step.d_after[s] = read(self.d_next[s].add(at), n);
                }
                step.d_after[0] = read::<V>(self.dh.add(at), n) + step.d_after[0];
                let gradients = self.cell.backward(step);
                for g in 0..G {
                    write(gradients.dz[g], self.dz.add(gate + g * self.units), n);
                }
                if C::SEPARATE {
                    for g in 0..G {
                        let d = if g + 1 == G {
                            gradients.dq
                        } else {
                            gradients.dz[g]
                        };
                        write(d, self.dz_h.add(gate + g * self.units), n);
                    }
                }
                for s in usize::from(C::THROUGH_WEIGHTS_ONLY)..S {
                    write(gradients.d_before[s], self.d_next[s].add(at), n);
                }
            }
        }
    }
}

#[inline(always)]
fn zero<V: Vector>() -> Units<V> {
    Number::constant(0.0)
}

/// Reads `n` units.
///
/// # Safety
/// As for [`rows::read`].
#[inline(always)]
unsafe fn read<V: Vector>(p: *const f32, n: usize) -> Units<V> {
    // SAFETY: passed on; this is a kernel on the instructions of `V`.
    unsafe { Units::new(rows::read(p, n)) }
}

/// Writes `n` units.
///
/// # Safety
/// As for [`rows::write`].
#[inline(always)]
unsafe fn write<V: Vector>(x: Units<V>, p: *mut f32, n: usize) {
    // SAFETY: passed on.
    unsafe { rows::write(x.vector(), p, n) }
}
