//! Matrix products C = A·B (+ bias or C) with a packed B.
//!
//! Every element of C is one chain of fused multiply-adds in ascending k:
//! `c = init; for k { c = fma(a[m,k], b[k,n], c) }`. Blocks of k store C and load it again, which
//! changes nothing. So the bits are the same on every instruction set, at every thread count, and
//! for a row alone or in company. In bf16 ([`Format`]) a link of the chain is a word of two k, and
//! the instruction set matters. In int8 a link is a scaled sum of integers over a block of k.
//!
//! Blocks (the scheme of Goto and van de Geijn, "Anatomy of High-Performance Matrix
//! Multiplication", 2008): at most 512 rows of A; 16 panels of B over 384 words of k, which stay in
//! the second-level cache; a tile's 12 rows of A over 384 words, copied into the first-level cache.
//! While a block of B is used, its tiles ask for the next one, so that it has arrived in time.
//!
//! Not here: packing (`pack`), the recurrent products (`sweep`, which calls [`Multiply`]).

mod element;
mod tile;

use crate::cpu::{Cpu, Parts, Worker};
use crate::ledger::Kernel;
use crate::pack::{Format, Packed};
use crate::simd::{LANES, Op, Vector};
pub(crate) use element::{Bf16, Element, F32, Int8, scale};
use std::ops::Range;
pub(crate) use tile::Layout;
use tile::{Ahead, MOST_DEPTH, MOST_DEPTH_ALONE, Scratch, Tile};

/// Rows of A that are read again from the cache for every group of panels.
const MOST_ROWS: usize = 512;
/// Panels of B that stay in the second-level cache: 16 · 384 · 64 bytes = 384 KiB.
const MOST_PANELS: usize = 16;
/// Multiply-adds below which another thread costs more time than it saves.
const ALONE_BELOW: usize = 40_000;
/// Panels of a thread below which rows are shared instead, if there are enough of them.
const ROWS_BELOW: usize = 32;
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
        Operand::new(data, m, k, Layout::Rows { stride: k })
    }

    /// A is the transpose of `data` (k, m), its last row being the first k. For weight gradients:
    /// they sum over a window from its last step to its first, as backpropagation through time
    /// arrives there, and a window in pieces gives the same bits as a whole one.
    pub fn last_first(data: &'a [f32], m: usize, k: usize) -> Operand<'a> {
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
    let _time = cpu.time(match a.layout {
        Layout::Rows { .. } => Kernel::Product,
        Layout::LastFirst { .. } => Kernel::WeightGradient,
    });
    let (rows, depth, width) = (a.rows, a.depth, b.width());
    assert!(
        depth == b.depth(),
        "A has {depth} columns, B {} rows",
        b.depth()
    );
    assert!(
        b.format() != Format::Int8 || matches!(a.layout, Layout::Rows { .. }),
        "int8 is for products with weights"
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
            a: a.start(),
            layout: a.layout,
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
    } else if rows > width || blocks < cpu.threads() * ROWS_BELOW && rows >= cpu.threads() * 24 {
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
    /// The first row's first k.
    pub(crate) a: *const f32,
    pub(crate) layout: Layout,
    pub(crate) b: &'a Packed,
    pub(crate) gates: Range<usize>,
    pub(crate) start: Start<'a>,
    pub(crate) c: *mut f32,
    pub(crate) c_stride: usize,
    pub(crate) region: Region,
}

/// A block of B: some panels of every gate over some words of k.
struct Block {
    panels: Range<usize>,
    words: Range<usize>,
}

impl Op for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // SAFETY: passed on.
        unsafe {
            match self.b.format() {
                Format::F32 => self.blocks::<V, F32>(),
                Format::Bf16 => self.blocks::<V, Bf16>(),
                Format::Int8 => self.blocks::<V, Int8>(),
            }
        }
    }
}

impl Multiply<'_> {
    #[inline(always)]
    unsafe fn blocks<V: Vector, E: Element>(self) {
        let mut scratch = Scratch::new();
        let group = (MOST_PANELS / self.gates.len()).max(1);
        // A single row uses nothing twice but itself: B is read straight through.
        let (group, depth) = match self.is_alone() {
            false => (group, MOST_DEPTH),
            true => (usize::MAX, most_depth_alone::<E>()),
        };
        for rows in even(self.region.rows.clone(), MOST_ROWS) {
            for panels in even(self.region.blocks.clone(), group) {
                for words in even(0..self.b.words(), depth) {
                    let block = Block {
                        panels: panels.clone(),
                        words,
                    };
                    for tile in even(rows.clone(), V::TILE_ROWS[0]) {
                        // SAFETY: this struct's contract, and the ranges lie inside the region.
                        unsafe { self.tiles::<V, E>(&rows, tile, &block, &mut scratch) };
                    }
                }
            }
        }
    }

    /// Whether it is one row times a matrix.
    #[inline(always)]
    fn is_alone(&self) -> bool {
        self.region.rows.len() == 1 && matches!(self.layout, Layout::Rows { .. })
    }

    /// Row `row` of A at word `word` of k.
    #[inline(always)]
    fn a_at<E: Element>(&self, row: usize, word: usize) -> *const f32 {
        let k = word * E::PER_WORD;
        match self.layout {
            Layout::Rows { stride } => self.a.wrapping_add(row * stride + k),
            Layout::LastFirst { stride } => self.a.wrapping_add(row).wrapping_sub(k * stride),
        }
    }

    /// The rows `tile` of `rows` against one block of B.
    #[inline(always)]
    unsafe fn tiles<V: Vector, E: Element>(
        &self,
        rows: &Range<usize>,
        tile: Range<usize>,
        block: &Block,
        scratch: &mut Scratch,
    ) {
        let (m, words) = (tile.len(), block.words.len());
        let first = self.a_at::<E>(tile.start, 0);
        let in_place = m == 1 && E::PER_WORD == 1 && matches!(self.layout, Layout::Rows { .. });
        let a = if in_place {
            first.wrapping_add(block.words.start) // one row is contiguous already
        } else {
            let depth = self.b.depth();
            let range = block.words.start * E::PER_WORD..depth.min(block.words.end * E::PER_WORD);
            // SAFETY: rows and k lie inside A, and neither range is longer than the scratch allows.
            unsafe { tile::gather::<V, E>(first, self.layout, m, depth, range, scratch) };
            scratch.words()
        };
        let (cols, size) = (self.b.cols(), self.b.panel_size());
        let widest = match self.is_alone() {
            true => V::STREAMS,
            false => tile::widest::<V>(m),
        };
        // From a panel of this block to its place in the next one, or in the next tile.
        let next = match block.words.end == self.b.words() {
            true if self.is_alone() => widest * size,
            true => block.panels.len() * size - block.words.start * LANES,
            false => words * LANES,
        };
        // Of each panel of the next block, every tile asks for its share of lines.
        let line = |row: usize| words * (row - rows.start) / rows.len();
        let lines = line(tile.start)..line(tile.end);
        // Of the next rows of A, every chunk of every tile asks for some.
        let next_row = match self.layout {
            Layout::Rows { .. } => tile.end,
            // A line that is begun by this tile has been brought for it.
            Layout::LastFirst { .. } => tile.end + m - 1,
        };
        let next_a = self.a_at::<E>(next_row, block.words.start);
        let mut a_chunks = 0;
        for gate in self.gates.clone() {
            let mut panel = block.panels.start;
            while panel < block.panels.end {
                let left = block.panels.end - panel;
                let panels = widest_of(widest, left);
                let column = (gate - self.gates.start) * cols + panel * LANES;
                let b = self
                    .b
                    .panel(gate, panel)
                    .wrapping_add(block.words.start * LANES);
                let tile = Tile {
                    a,
                    quantised: scratch.quantised(),
                    layout: self.layout,
                    rows: m,
                    b,
                    panel: size,
                    scales: self.b.scales(gate, panel),
                    depth: words,
                    start: if block.words.start == 0 {
                        self.start
                    } else {
                        Start::Accumulate
                    },
                    column,
                    c: self.c.wrapping_add(tile.start * self.c_stride + column),
                    c_stride: self.c_stride,
                    last: LANES.min(cols - (panel + panels - 1) * LANES),
                    ahead: Ahead {
                        b: b.wrapping_add(next + lines.start * LANES),
                        b_lines: lines.len(),
                        a: next_a,
                        a_chunks,
                    },
                };
                a_chunks += tile.chunks();
                // SAFETY: this struct's contract; `widest` gave a tile that the registers hold.
                unsafe {
                    match panels {
                        8 => tile::single::<V, E, 8>(tile),
                        4 => tile::compute::<V, E, 4>(tile),
                        2 => tile::compute::<V, E, 2>(tile),
                        _ => tile::compute::<V, E, 1>(tile),
                    }
                }
                panel += panels;
            }
        }
    }
}

/// How many words of k a block has for a single row: all, as far as the scratch holds them, but in
/// int8 as many as in company, since there the blocks decide the bits.
fn most_depth_alone<E: Element>() -> usize {
    match E::SCALED {
        true => MOST_DEPTH,
        false => MOST_DEPTH_ALONE,
    }
}

/// The largest of 8, 4, 2, 1 that is at most `most` and at most `left`.
fn widest_of(most: usize, left: usize) -> usize {
    [8, 4, 2]
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
