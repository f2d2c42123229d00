//! The second operand of a product, laid out in the order in which the product reads it.
//!
//! B (K, N) is cut into panels of sixteen columns. Panel p holds its (K, 16) numbers contiguously,
//! so that a tile of the product walks through memory in a straight line, one cache line per k.
//! A weight matrix of a gated cell has `gates` blocks of `cols` columns; each block is padded with
//! zero columns to whole panels on its own, so panel p of every gate holds the same sixteen units.
//!
//! Weights are packed once per window, data operands (for weight gradients) once per product.

use crate::buffer::Buffer;
use crate::cpu::{Cpu, Parts, SHARED_FROM, Worker};
use crate::simd::{LANES, Op, Vector};
use std::ops::Range;

/// Panels that `pack` fills side by side: 512 contiguous bytes are read per row.
const SIDE_BY_SIDE: usize = 8;

/// A matrix (K, gates·cols) in panels of sixteen columns; see the head of this file.
#[derive(Clone)]
pub struct Packed {
    panels: Buffer, // (gates, blocks, depth, 16)
    depth: usize,
    capacity: usize,
    gates: usize,
    cols: usize,
}

impl Packed {
    /// Room for a matrix of up to `depth` rows and `gates · cols` columns; all zero at first.
    pub fn new(depth: usize, gates: usize, cols: usize) -> Packed {
        assert!(
            depth >= 1 && gates >= 1 && cols >= 1,
            "an empty packed matrix ({depth}, {gates}·{cols})"
        );
        // Products trust these sizes, so they must not wrap.
        let numbers = cols
            .div_ceil(LANES)
            .checked_mul(LANES)
            .and_then(|padded| padded.checked_mul(gates))
            .and_then(|padded| padded.checked_mul(depth));
        let numbers = numbers.expect("a packed matrix larger than the address space");
        Packed {
            panels: Buffer::zeros(numbers),
            depth,
            capacity: depth,
            gates,
            cols,
        }
    }

    /// The memory of `Packed::new(depth, gates, cols)`.
    pub fn bytes(depth: usize, gates: usize, cols: usize) -> usize {
        gates * cols.div_ceil(LANES) * depth * LANES * size_of::<f32>()
    }

    /// K of the matrix that was packed last.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Blocks of columns, each padded to whole panels.
    pub fn gates(&self) -> usize {
        self.gates
    }

    /// Columns of one gate.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// N = gates · cols.
    pub fn width(&self) -> usize {
        self.gates * self.cols
    }

    /// Panels of one gate.
    pub(crate) fn blocks(&self) -> usize {
        self.cols.div_ceil(LANES)
    }

    /// Where panel `block` of `gate` begins; the gate's next panel is [`Packed::panel_size`] on.
    pub(crate) fn panel(&self, gate: usize, block: usize) -> *const f32 {
        assert!(gate < self.gates && block < self.blocks());
        let panel = gate * self.blocks() + block;
        self.panels.as_ptr().wrapping_add(panel * self.panel_size())
    }

    /// Numbers in one panel.
    pub(crate) fn panel_size(&self) -> usize {
        self.depth * LANES
    }

    /// Packs `b` (K, N), K at most the depth this was made for. For dz·w, and for the data operand
    /// of a weight gradient.
    pub fn pack(&mut self, cpu: &Cpu, b: &[f32]) {
        self.set_depth(b.len());
        let (depth, gates, cols) = (self.depth, self.gates, self.cols);
        let panels = Parts::new(&mut self.panels);
        let job = |worker: &Worker| {
            cpu.isa().run(Rows {
                b,
                gates,
                cols,
                depth,
                k: worker.share(depth),
                panels: &panels,
            });
        };
        run(cpu, b.len(), &job);
    }

    /// Packs the transpose of `w` (N, K), K at most the depth this was made for; rows
    /// `g·cols .. (g+1)·cols` are gate g. For x·wᵀ.
    pub fn pack_transposed(&mut self, cpu: &Cpu, w: &[f32]) {
        self.set_depth(w.len());
        let (depth, gates, cols) = (self.depth, self.gates, self.cols);
        let blocks = self.blocks();
        let panels = Parts::new(&mut self.panels);
        let job = |worker: &Worker| {
            for panel in worker.share(gates * blocks) {
                let (gate, first) = (panel / blocks, panel % blocks * LANES);
                let rows = LANES.min(cols - first);
                let row = gate * cols + first;
                // SAFETY: every panel is one worker's.
                let out =
                    unsafe { panels.part(panel * depth * LANES..(panel + 1) * depth * LANES) };
                transpose(&w[row * depth..(row + rows) * depth], rows, depth, out);
            }
        };
        run(cpu, w.len(), &job);
    }

    fn set_depth(&mut self, len: usize) {
        let depth = len / self.width();
        assert!(
            depth * self.width() == len && (1..=self.capacity).contains(&depth),
            "{len} numbers do not fill rows of {} up to a depth of {}",
            self.width(),
            self.capacity
        );
        // Only now: a depth beyond the capacity must not outlive the panic.
        self.depth = depth;
    }
}

fn run(cpu: &Cpu, work: usize, job: &(dyn Fn(&Worker) + Sync)) {
    cpu.parallel_from(SHARED_FROM, work, &|worker| job(&worker));
}

/// Copies rows `k` of `b` into all panels.
struct Rows<'a> {
    b: &'a [f32], // (depth, gates·cols)
    gates: usize,
    cols: usize,
    depth: usize,
    k: Range<usize>,
    panels: &'a Parts<'a, f32>,
}

impl Op for Rows<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (width, blocks) = (self.gates * self.cols, self.cols.div_ceil(LANES));
        assert!(self.b.len() == self.depth * width && self.k.end <= self.depth);
        assert!(self.panels.len() >= self.gates * blocks * self.depth * LANES);
        for gate in 0..self.gates {
            for group in (0..blocks).step_by(SIDE_BY_SIDE) {
                for k in self.k.clone() {
                    for block in group..blocks.min(group + SIDE_BY_SIDE) {
                        let left = LANES.min(self.cols - block * LANES);
                        let from = k * width + gate * self.cols + block * LANES;
                        let to = ((gate * blocks + block) * self.depth + k) * LANES;
                        // SAFETY: `from + left` is inside row k of `b`, `to + 16` inside a panel;
                        // row k of the panels is this worker's alone.
                        unsafe {
                            let x = if left == LANES {
                                V::load(self.b.as_ptr().add(from))
                            } else {
                                V::load_first(self.b.as_ptr().add(from), left)
                            };
                            x.store(self.panels.as_ptr().add(to));
                        }
                    }
                }
            }
        }
    }
}

/// `w` (rows ≤ 16, depth) into a panel (depth, 16), the columns beyond `rows` zero.
fn transpose(w: &[f32], rows: usize, depth: usize, panel: &mut [f32]) {
    if rows < LANES {
        for (k, line) in panel.chunks_exact_mut(LANES).enumerate() {
            for (j, out) in line.iter_mut().enumerate() {
                *out = if j < rows { w[j * depth + k] } else { 0.0 };
            }
        }
        return;
    }
    // Sixteen by sixteen: both sides stay in the first-level cache while they are turned.
    let row: [&[f32]; LANES] = std::array::from_fn(|j| &w[j * depth..(j + 1) * depth]);
    for (square, out) in panel.chunks_mut(LANES * LANES).enumerate() {
        let first = square * LANES;
        for (k, line) in out.chunks_exact_mut(LANES).enumerate() {
            for (j, x) in line.iter_mut().enumerate() {
                *x = row[j][first + k];
            }
        }
    }
}
