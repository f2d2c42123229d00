//! Matrix products C = A·B (+ bias or C) with a packed B.
//!
//! Every element of C is one chain of fused multiply-adds in ascending k:
//! `c = init; for k { c = fma(a[m,k], b[k,n], c) }`. Blocks of k store C and load it again, which
//! changes nothing. So the bits are the same on every instruction set, at every thread count, and
//! for a row alone or in company. In bf16 ([`Format`]) a link of the chain is a word of two k, and
//! the instruction set matters. In int8 a link is a scaled sum of integers over a block of k.
//!
//! Here are the operands and how threads share the work. What a thread does with its region is in
//! `multiply` (blocks), `tile` and `microkernel` (registers), what a number is in `element`.
//!
//! Not here: packing (`pack`), the recurrent products (`sweep`, which calls [`Multiply`]).

mod element;
mod microkernel;
mod multiply;
mod packed_a;
mod tile;

use crate::cpu::{Cpu, Parts, Worker};
use crate::pack::{Format, Packed};
use crate::timer::Kernel;
pub(crate) use element::{Bf16, Element, F32, Int8, lines, scale};
pub(crate) use multiply::{Multiply, Start};
pub(crate) use packed_a::Layout;
use std::ops::Range;

/// Multiply-adds below which another thread costs more time than it saves.
const ALONE_BELOW: usize = 40_000;
/// Panels of a thread below which rows are shared instead …
const FEW_PANELS: usize = 32;
/// … if a thread has at least this number of them, two tiles.
const ENOUGH_ROWS: usize = 24;
/// A column block is cut between two threads into pieces of at least this many rows.
const PIECE_ROWS: usize = 6;

/// Operand A (M, K) of a product.
#[derive(Clone, Copy)]
pub struct Operand<'a> {
    data: &'a [f32],
    rows: usize,
    depth: usize,
    layout: Layout,
}

impl<'a> Operand<'a> {
    /// Wraps `data` (m, k), row-major, as operand A.
    pub fn rows(data: &'a [f32], m: usize, k: usize) -> Operand<'a> {
        Operand::new(data, m, k, Layout::Rows { stride: k })
    }

    /// A is the transpose of `data` (k, m), its last row being the first k.
    fn last_first(data: &'a [f32], m: usize, k: usize) -> Operand<'a> {
        Operand::new(data, m, k, Layout::LastFirst { stride: m })
    }

    fn new(data: &'a [f32], rows: usize, depth: usize, layout: Layout) -> Operand<'a> {
        assert!(
            rows.checked_mul(depth) == Some(data.len()),
            "{} numbers are not a matrix ({rows}, {depth})",
            data.len()
        );
        Operand {
            data,
            rows,
            depth,
            layout,
        }
    }

    /// The first row's first k.
    fn start(&self) -> *const f32 {
        match self.layout {
            Layout::Rows { .. } => self.data.as_ptr(),
            Layout::LastFirst { stride } => {
                self.data.as_ptr().wrapping_add((self.depth - 1) * stride)
            }
        }
    }
}

/// Initial value of the elements of a product.
#[derive(Clone, Copy)]
pub enum Init<'a> {
    /// Begin with zero: C = A·B.
    Zero,
    /// Begin with a bias (N), the same for every row.
    Bias(&'a [f32]),
    /// Begin with the present value of C: C += A·B.
    Accumulate,
}

/// Matrix product C (M, N) = init + A (M, K) · B (K, N), with a packed B.
///
/// Column `g·cols + j` of C is column j of gate g.
pub fn product(cpu: &Cpu, a: Operand, b: &Packed, init: Init, c: &mut [f32]) {
    let _time = cpu.time(Kernel::Product);
    multiply(cpu, a, b, init, c, None);
}

/// Gradients of a linear layer's weights and bias: dw (M, N) = init + dᵀ·x and db (M) += Σ d.
///
/// `d` (K, M) is the gradient at the layer's output, and `x` (K, N) its input, [packed from the last
/// row](Packed::pack_last_first). Both sums run over a window from its last step to its first, the order of
/// backpropagation through time, so a window in pieces gives the same bits as a whole one.
pub fn weight_gradient(
    cpu: &Cpu,
    d: &[f32],
    x: &Packed,
    init: Init,
    dw: &mut [f32],
    db: Option<&mut [f32]>,
) {
    let _time = cpu.time(Kernel::WeightGradient);
    assert!(
        x.format() != Format::Int8,
        "int8 is for products with weights"
    );
    let (m, k) = (dw.len() / x.width(), x.depth());
    multiply(cpu, Operand::last_first(d, m, k), x, init, dw, db);
}

/// [`product`]; each of `sums` (M) grows by the numbers of its row of A, one after the other.
fn multiply(
    cpu: &Cpu,
    a: Operand,
    b: &Packed,
    init: Init,
    c: &mut [f32],
    sums: Option<&mut [f32]>,
) {
    let (rows, depth, width) = (a.rows, a.depth, b.width());
    assert!(
        depth == b.depth(),
        "A has {depth} columns, B {} rows",
        b.depth()
    );
    assert!(
        rows.checked_mul(width) == Some(c.len()),
        "C has {} numbers, not ({rows}, {width})",
        c.len()
    );
    if rows == 0 {
        return;
    }
    let start = match init {
        Init::Zero => Start::Zero,
        Init::Accumulate => Start::Accumulate,
        Init::Bias(bias) => {
            assert!(
                bias.len() == width,
                "{} biases for {width} columns",
                bias.len()
            );
            Start::Bias(bias)
        }
    };
    let sums = sums.map(|sums| {
        assert!(sums.len() == rows, "{} sums for {rows} rows", sums.len());
        Parts::new(sums)
    });
    let c = Parts::new(c);
    let multiply = |region: Region| {
        // The rows of the first block are those of A, each once.
        let sums = sums.as_ref().filter(|_| region.blocks.start == 0);
        let multiply = Multiply {
            a: a.start(),
            layout: a.layout,
            b,
            gates: 0..b.gates(),
            start,
            c: c.as_ptr(),
            c_stride: width,
            sums: sums.map(Parts::as_ptr),
            region,
        };
        // SAFETY: the sizes of A, B, C, the bias and the sums were compared above; C and the sums are borrowed
        // mutably, and no two regions share an element of C or, in the first block, a row.
        unsafe { multiply.run(cpu.isa()) };
    };
    let blocks = b.blocks();
    let few_panels = blocks < cpu.threads() * FEW_PANELS && rows >= cpu.threads() * ENOUGH_ROWS;
    if rows * depth * width < ALONE_BELOW {
        multiply(Region::whole(rows, blocks));
    } else if rows > width || few_panels {
        // Each thread reads its own part of the larger operand only, and copies rows of A for as many
        // panels as there are.
        cpu.parallel(&|worker| {
            let rows = worker.share(rows);
            multiply(Region {
                rows,
                blocks: 0..blocks,
            })
        });
    } else {
        cpu.parallel(&|worker| {
            Region::share(&worker, rows, blocks)
                .into_iter()
                .for_each(multiply)
        });
    }
}

/// Rows × column blocks of C (a block being one panel of each gate).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Region {
    pub(crate) rows: Range<usize>,
    pub(crate) blocks: Range<usize>,
}

impl Region {
    pub(crate) fn whole(rows: usize, blocks: usize) -> Region {
        Region {
            rows: 0..rows,
            blocks: 0..blocks,
        }
    }

    /// A worker's share: some whole blocks, and before and after them a part of the rows of a
    /// block that it divides with its neighbour. Thirteen blocks are thus shared fairly by two.
    pub(crate) fn share(worker: &Worker, rows: usize, blocks: usize) -> [Region; 3] {
        let pieces = (rows / PIECE_ROWS).max(1);
        let share = worker.share(blocks * pieces);
        let (first, skipped) = (share.start / pieces, share.start % pieces);
        let (last, taken) = (share.end / pieces, share.end % pieces);
        let row = |piece: usize| rows * piece / pieces;
        let part = |from: usize, to: usize, blocks: Range<usize>| Region {
            rows: row(from)..row(to),
            blocks,
        };
        if first == last {
            let none = part(0, 0, 0..0);
            return [part(skipped, taken, first..first + 1), none.clone(), none];
        }
        let whole = first + usize::from(skipped > 0);
        [
            part(skipped, pieces, first..whole),
            part(0, pieces, whole..last),
            part(0, taken, last..last + usize::from(taken > 0)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;
    use std::sync::Mutex;

    #[test]
    fn shares_cover_every_row_of_every_block_once() {
        for threads in [1, 2, 3, 5, 16] {
            let cpu = Cpu::new(Isa::detect(), threads);
            for (rows, blocks) in [
                (1, 1),
                (1, 13),
                (6, 1),
                (20, 13),
                (25, 2),
                (100, 3),
                (7, 40),
            ] {
                let seen = Mutex::new(vec![0; rows * blocks]);
                cpu.parallel(&|worker| {
                    for region in Region::share(&worker, rows, blocks) {
                        for row in region.rows {
                            for block in region.blocks.clone() {
                                seen.lock().unwrap()[row * blocks + block] += 1;
                            }
                        }
                    }
                });
                let seen = seen.into_inner().unwrap();
                assert!(seen.iter().all(|n| *n == 1), "{rows}×{blocks} by {threads}");
            }
        }
    }
}
