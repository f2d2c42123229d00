//! What one thread does with its region of C: blocks, and in them tiles.
//!
//! Blocks (the scheme of Goto and van de Geijn, "Anatomy of High-Performance Matrix
//! Multiplication", 2008): at most 512 rows of A; 16 panels of B over 384 words of k, which stay in
//! the second-level cache; a tile's 12 rows of A over 384 words, copied into the first-level cache.
//! While a block of B is used, its tiles ask for the next one, so that it has arrived in time.
//!
//! A single row uses nothing twice but itself: B is read straight through, as many panels side by
//! side as keep the memory busy.

use super::Region;
use super::element::{Bf16, Element, F32, Int8};
use super::tile::{self, Ahead, Layout, MOST_DEPTH, MOST_DEPTH_ALONE, Scratch, Tile};
use crate::pack::{Format, Packed};
use crate::simd::{LANES, Op, Vector};
use std::ops::Range;

/// Rows of A that are read again from the cache for every group of panels.
const MOST_ROWS: usize = 512;
/// Panels of B that stay in the second-level cache: 16 · 384 · 64 bytes = 384 KiB.
const MOST_PANELS: usize = 16;

/// [`Init`](super::Init) with sizes already compared.
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
