//! Matrix products C = A·B (+ bias or C) with a packed B.
//!
//! Every element of C is one chain of fused multiply-adds in ascending k:
//! `c = init; for k { c = fma(a[m,k], b[k,n], c) }`. Blocks of k store C and load it again, which
//! changes nothing. So the bits are the same on every instruction set, at every thread count, and
//! for a row alone or in company.
//!
//! Blocks (the scheme of Goto and van de Geijn, "Anatomy of High-Performance Matrix
//! Multiplication", 2008): at most 512 rows of A; 16 panels of B over 384 k, which stay in the
//! second-level cache; a tile's 12 rows of A over 384 k, copied into the first-level cache.
//!
//! Not here: packing (`pack`), the recurrent products (`sweep`, which calls [`Multiply`]).

mod tile;

use crate::cpu::{Cpu, Parts, Worker};
use crate::pack::Packed;
use crate::simd::{LANES, Op, Vector};
use std::mem::MaybeUninit;
use std::ops::Range;
pub(crate) use tile::Layout;
use tile::{MOST_DEPTH, Scratch, Tile};

/// Rows of A that are read again from the cache for every group of panels.
const MOST_ROWS: usize = 512;
/// Panels of B that stay in the second-level cache: 16 · 384 · 64 bytes = 384 KiB.
const MOST_PANELS: usize = 16;
/// Multiply-adds below which another thread costs more time than it saves.
const ALONE_BELOW: usize = 40_000;
/// A column block is cut between two threads into pieces of at least this many rows.
const PIECE_ROWS: usize = 6;

/// The operand A (M, K) of a product.
#[derive(Clone, Copy)]
pub struct Operand<'a> {
    data: &'a [f32],
    rows: usize,
    depth: usize,
    layout: Layout,
}

impl<'a> Operand<'a> {
    /// A is `data` (m, k).
    pub fn rows(data: &'a [f32], m: usize, k: usize) -> Operand<'a> {
        Operand::new(data, m, k, Layout::Rows)
    }

    /// A is the transpose of `data` (k, m).
    pub fn transposed(data: &'a [f32], m: usize, k: usize) -> Operand<'a> {
        Operand::new(data, m, k, Layout::Transposed)
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
}

/// What the products are added to.
#[derive(Clone, Copy)]
pub enum Init<'a> {
    Zero,
    /// (N), the same for every row.
    Bias(&'a [f32]),
    /// What C holds.
    Accumulate,
}

/// C (M, N) = init + A (M, K) · B (K, N); column `g·cols + j` of C is column j of gate g.
pub fn product(cpu: &Cpu, a: Operand, b: &Packed, init: Init, c: &mut [f32]) {
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
    let c = Parts::new(c);
    let multiply = |region: Region| {
        // SAFETY: the sizes were compared above, and regions are disjoint.
        cpu.isa().run(Multiply {
            a: a.data.as_ptr(),
            layout: a.layout,
            a_stride: if a.layout == Layout::Rows {
                depth
            } else {
                rows
            },
            b,
            gates: 0..b.gates(),
            start,
            c: c.as_ptr(),
            c_stride: width,
            region,
        });
    };
    let blocks = b.blocks();
    if rows * depth * width < ALONE_BELOW {
        multiply(Region::whole(rows, blocks));
    } else if rows > width {
        // Each thread reads its own part of the larger operand only.
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

/// [`Init`] with sizes already compared.
#[derive(Clone, Copy)]
pub(crate) enum Start<'a> {
    Zero,
    Bias(&'a [f32]),
    Accumulate,
}

/// The product of one region by one thread; C's column `(g − gates.start)·cols + j` is column j of
/// gate g.
///
/// Sound only if A and C have the numbers behind them that the region and strides name, and if C's
/// are this thread's alone.
pub(crate) struct Multiply<'a> {
    pub(crate) a: *const f32,
    pub(crate) layout: Layout,
    /// Distance of two rows, of two k if A is transposed.
    pub(crate) a_stride: usize,
    pub(crate) b: &'a Packed,
    pub(crate) gates: Range<usize>,
    pub(crate) start: Start<'a>,
    pub(crate) c: *mut f32,
    pub(crate) c_stride: usize,
    pub(crate) region: Region,
}

impl Op for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let mut scratch: Scratch = [MaybeUninit::uninit(); _];
        let group = (MOST_PANELS / self.gates.len()).max(1);
        for rows in even(self.region.rows.clone(), MOST_ROWS) {
            for blocks in even(self.region.blocks.clone(), group) {
                for k in even(0..self.b.depth(), MOST_DEPTH) {
                    for rows in even(rows.clone(), V::TILE_ROWS[0]) {
                        // SAFETY: this struct's contract, and the ranges lie inside the region.
                        unsafe { self.tiles::<V>(rows, blocks.clone(), k.clone(), &mut scratch) };
                    }
                }
            }
        }
    }
}

impl Multiply<'_> {
    /// A tile's rows against a group of panels over one block of k.
    #[inline(always)]
    unsafe fn tiles<V: Vector>(
        &self,
        rows: Range<usize>,
        blocks: Range<usize>,
        k: Range<usize>,
        scratch: &mut Scratch,
    ) {
        let a = match self.layout {
            Layout::Rows => self.a.wrapping_add(rows.start * self.a_stride + k.start),
            Layout::Transposed => self.a.wrapping_add(k.start * self.a_stride + rows.start),
        };
        let (m, depth) = (rows.len(), k.len());
        let a = if m == 1 && self.layout == Layout::Rows {
            a // one row is contiguous already
        } else {
            // SAFETY: rows and k lie inside A, and neither range is longer than the scratch allows.
            unsafe { tile::gather::<V>(a, self.a_stride, self.layout, m, depth, scratch) }
        };
        let cols = self.b.cols();
        for gate in self.gates.clone() {
            let mut block = blocks.start;
            while block < blocks.end {
                let left = blocks.end - block;
                let panels = widest_of(tile::widest::<V>(m), left);
                let column = (gate - self.gates.start) * cols + block * LANES;
                let tile = Tile {
                    a,
                    layout: self.layout,
                    rows: m,
                    b: self.b.panel(gate, block).wrapping_add(k.start * LANES),
                    panel: self.b.panel_size(),
                    depth,
                    start: if k.start == 0 {
                        self.start
                    } else {
                        Start::Accumulate
                    },
                    column,
                    c: self.c.wrapping_add(rows.start * self.c_stride + column),
                    c_stride: self.c_stride,
                    last: LANES.min(cols - (block + panels - 1) * LANES),
                };
                // SAFETY: this struct's contract; `widest` gave a tile that the registers hold.
                unsafe {
                    match panels {
                        4 => tile::compute::<V, 4>(tile),
                        2 => tile::compute::<V, 2>(tile),
                        _ => tile::compute::<V, 1>(tile),
                    }
                }
                block += panels;
            }
        }
    }
}

/// The largest of 4, 2, 1 that is at most `most` and at most `left`.
fn widest_of(most: usize, left: usize) -> usize {
    [4, 2]
        .into_iter()
        .find(|w| *w <= most.min(left))
        .unwrap_or(1)
}

/// `range` in as few pieces of at most `most` as possible, all about equally long.
fn even(range: Range<usize>, most: usize) -> impl Iterator<Item = Range<usize>> {
    let pieces = range.len().div_ceil(most);
    (0..pieces).map(move |i| {
        let at = |i: usize| range.start + range.len() * i / pieces;
        at(i)..at(i + 1)
    })
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

    #[test]
    fn pieces_are_few_and_even() {
        let pieces = |n: usize, most| even(3..3 + n, most).map(|r| r.len()).collect::<Vec<_>>();
        assert_eq!(pieces(20, 12), [10, 10]);
        assert_eq!(pieces(12, 12), [12]);
        assert_eq!(pieces(13, 6), [4, 4, 5]);
        assert!(pieces(0, 6).is_empty());
        assert_eq!(even(3..16, 6).last(), Some(11..16));
    }
}
