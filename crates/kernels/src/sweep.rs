//! Recurrent sweeps: a window of T steps of B lanes, forward and backward in time.
//!
//! A step is the product of the last step's output with the recurrent weights and then the cell's
//! gate arithmetic. Both are local to a lane and a block of sixteen units, so a thread owns some
//! (lanes × unit blocks) for the whole window and computes, step by step, first the product and
//! then the gates of what it owns. Only the product reads what others wrote, and that was one step
//! ago: one barrier per step is all the synchronisation.
//!
//! Forward, the x-part (x·w_xᵀ + b of all steps) is in memory already and the recurrent product is
//! accumulated onto it. Backward, the gradients of the pre-activations, dz, replace the activated
//! gates; products with them give the gradients of weights and inputs afterwards, outside.
//!
//! `dh_next` is always rounded to memory before the next step adds to it, so a window of 2T steps
//! and two windows of T with carried state and gradient give the same bits.
//!
//! Every cell's equations are at the head of its file. Shapes are time-major: (T, B, ·).

mod elman;
mod gru;
mod lstm;

pub use elman::{Activation, elman_backward, elman_forward};
pub use gru::{gru_backward, gru_forward};
pub use lstm::{lstm_backward, lstm_forward};

use crate::cpu::{Cpu, Worker};
use crate::pack::Packed;
use crate::product::{Layout, Multiply, Region, Start};
use crate::simd::LANES;
use std::ops::Range;

/// Multiply-adds of one step from which a second thread saves more than a barrier costs.
const SHARED_FROM: usize = 50_000;

/// The sizes of a window.
#[derive(Clone, Copy)]
struct Window {
    steps: usize, // T
    lanes: usize, // B
    units: usize, // H
}

impl Window {
    /// From the lengths of a state (B, H) and of the outputs (T, B, H).
    fn new(units: usize, state: usize, outputs: usize) -> Window {
        let lanes = state / units;
        assert!(
            lanes >= 1 && lanes * units == state,
            "a state of {state} numbers for {units} units"
        );
        let steps = outputs / state;
        assert!(
            steps * state == outputs,
            "outputs of {outputs} numbers for {lanes} lanes of {units} units"
        );
        Window {
            steps,
            lanes,
            units,
        }
    }

    /// Numbers in a state (B, H).
    fn state(&self) -> usize {
        self.lanes * self.units
    }

    /// Asserts that `name` has `width` numbers for every unit, step and lane.
    fn check(&self, name: &str, width: usize, len: usize) {
        let expected = self.steps * self.state() * width;
        assert!(len == expected, "{name} has {len} numbers, not {expected}");
    }

    fn check_state(&self, name: &str, len: usize) {
        let expected = self.state();
        assert!(len == expected, "{name} has {len} numbers, not {expected}");
    }

    fn check_weights(&self, w: &Packed, depth: usize, gates: usize) {
        let (units, shape) = (self.units, (w.depth(), w.gates(), w.cols()));
        assert!(
            shape == (depth, gates, units),
            "recurrent weights {shape:?}, not ({depth}, {gates}, {units})"
        );
    }

    /// Runs `phase(i, region)` for i in `0..phases` on every thread's own regions, all threads
    /// finishing a phase before any begins the next.
    fn sweep(
        &self,
        cpu: &Cpu,
        weights: &Packed,
        phases: usize,
        phase: &(dyn Fn(usize, &Region) + Sync),
    ) {
        let job = |worker: Worker| {
            let regions = Region::share(&worker, self.lanes, self.units.div_ceil(LANES));
            for i in 0..phases {
                if i > 0 {
                    worker.barrier();
                }
                regions.iter().for_each(|region| phase(i, region));
            }
        };
        let work = self.lanes * weights.depth() * weights.width();
        cpu.parallel_from(SHARED_FROM, work, &job);
    }
}

/// The product of all of the rows of a region with some gates of the recurrent weights: `a` is
/// (B, K), `c` is (B, `c_stride`).
fn recurrent<'a>(
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

/// Up to sixteen units of one lane, side by side in memory.
struct Piece {
    lane: usize,
    first: usize,
    len: usize,
}

impl Piece {
    /// Where they begin in a row-major (B, `width`); the same units of gate g are g·H further.
    #[inline(always)]
    fn at(&self, width: usize) -> usize {
        self.lane * width + self.first
    }
}

/// The units of a region, lane by lane. An iterator of our own: a closure inside `Op::run` is not
/// always inlined, and then not compiled for the instruction set.
struct Pieces<'a> {
    region: &'a Region,
    units: usize,
    lane: usize,
    block: usize,
}

impl<'a> Pieces<'a> {
    #[inline(always)]
    fn of(region: &'a Region, units: usize) -> Pieces<'a> {
        Pieces {
            region,
            units,
            lane: region.rows.start,
            block: region.blocks.start,
        }
    }
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    #[inline(always)]
    fn next(&mut self) -> Option<Piece> {
        if self.block == self.region.blocks.end {
            self.block = self.region.blocks.start;
            self.lane += 1;
        }
        if self.lane >= self.region.rows.end || self.region.blocks.is_empty() {
            return None;
        }
        let first = self.block * LANES;
        self.block += 1;
        Some(Piece {
            lane: self.lane,
            first,
            len: LANES.min(self.units - first),
        })
    }
}
