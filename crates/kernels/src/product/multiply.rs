//! What one thread does with its region of C: blocks, and in them tiles.
//!
//! Blocks (the scheme of Goto and van de Geijn, "Anatomy of High-Performance Matrix
//! Multiplication", 2008): up to 192 rows of A over 384 words of k, copied; as many panels of B over
//! these words as share the second-level cache with them. While a block of B is used, its tiles ask for
//! the next one, so that it has arrived in time.
//!
//! A single row uses nothing twice but itself: B is read straight through, as many panels side by
//! side as keep the memory busy.

use super::Region;
use super::element::{Bf16, Element, F32, Int8, tile_rows};
use super::packed_a::{Layout, MOST_DEPTH, MOST_DEPTH_ALONE, PackedA, Source, TILES};
use super::tile::{self, NextWords, Prefetch, TileRow, Tiles, even};
use crate::isa::Isa;
use crate::pack::{Format, Packed};
use crate::simd::{RawOp, Vector, WIDTH};
use std::marker::PhantomData;
use std::ops::Range;

/// Words of a block of B: 16 panels of 384 words are 384 KiB.
const BLOCK_WORDS: usize = 16 * MOST_DEPTH;
/// What the sums of a product without a bias start from, as many columns as a tile may have.
static ZEROS: [f32; 8 * WIDTH] = [0.0; 8 * WIDTH];

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
/// # Safety
/// To run it the caller proves that
/// - `gates` and the region's blocks lie inside B;
/// - every row of the region has B's depth of numbers behind `a`, at the distances of `layout`;
/// - every row of the region has the columns of its blocks in each of `gates` behind `c`, `c_stride` from row to row;
/// - a bias has a number for each column of `gates`, and `sums` one for each row of the region;
/// - meanwhile nobody else reads or writes these numbers of C and of the sums, and nobody writes those of A.
pub(crate) struct Multiply<'a> {
    /// The first row's first k.
    pub(crate) a: *const f32,
    pub(crate) layout: Layout,
    pub(crate) b: &'a Packed,
    pub(crate) gates: Range<usize>,
    pub(crate) start: Start<'a>,
    pub(crate) c: *mut f32,
    pub(crate) c_stride: usize,
    /// Of rows of A, (M): what the numbers of the region's rows are added to.
    pub(crate) sums: Option<*mut f32>,
    pub(crate) region: Region,
}

/// A block of B: some panels of every gate over some words of k.
struct Block {
    panels: Range<usize>,
    words: Range<usize>,
    /// The rows of A that it is multiplied with.
    rows: Range<usize>,
    /// From its words to those of the block after it.
    next: isize,
    /// The words of A's first row that are copied after these.
    next_words: NextWords,
}

/// [`Multiply`] with numbers of one kind.
///
/// # Safety
/// As for [`Multiply`], whose B has this format.
struct TypedMultiply<'a, E>(Multiply<'a>, PhantomData<E>);

impl<E: Element> RawOp for TypedMultiply<'_, E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run_raw<V: Vector>(self) {
        // SAFETY: passed on.
        unsafe { self.0.blocks::<V, E>() }
    }
}

impl Multiply<'_> {
    /// Computes it.
    ///
    /// # Safety
    /// This struct's contract holds.
    pub(crate) unsafe fn run(self, isa: Isa) {
        // SAFETY: passed on.
        unsafe {
            match self.b.format() {
                Format::F32 => isa.run_raw(TypedMultiply::<F32>(self, PhantomData)),
                Format::Bf16 => isa.run_raw(TypedMultiply::<Bf16>(self, PhantomData)),
                Format::Int8 => isa.run_bytes(TypedMultiply::<Int8>(self, PhantomData)),
            }
        }
    }

    /// # Safety
    /// The instructions of `V` are there, and this struct's contract holds.
    #[inline(always)]
    unsafe fn blocks<V: Vector, E: Element>(self) {
        if self.region.blocks.is_empty() {
            return; // rows without columns are neither copied nor summed
        }
        let mut packed = PackedA::take();
        let depth = match self.is_alone() {
            false => MOST_DEPTH,
            true => most_depth_alone::<E>(),
        };
        let step = tile::rows_dealt::<V, E>(self.layout);
        let most = tile_rows::<V, E>()[0];
        for rows in even(self.region.rows.clone(), TILES * most, step) {
            let tiles = Tiles::of(rows, most, step);
            for words in even(0..self.b.words(), depth, 1) {
                // SAFETY: this struct's contract, and the ranges lie inside the region.
                unsafe {
                    if !self.is_in_place::<E>() {
                        self.copy::<V, E>(&tiles, &words, &mut packed);
                    }
                    self.panels::<V, E>(&tiles, words, &packed);
                }
            }
        }
        packed.give_back();
    }

    /// The words of A's first row that are copied after `words`: the next ones, or after the last of them the first words
    /// of the row that is `rows` further on. Only words of a transpose are asked for, since a processor sees by itself where
    /// contiguous numbers continue.
    #[inline(always)]
    fn next_words<E: Element>(&self, rows: usize, words: &Range<usize>) -> NextWords {
        let Layout::LastFirst { stride } = self.layout else {
            return NextWords {
                first: self.a,
                step: 0,
                count: 0,
            };
        };
        let (row, word) = match words.end == self.b.words() {
            true => (rows, 0),
            false => (0, words.end),
        };
        let step = -((stride * E::PER_WORD) as isize);
        NextWords {
            first: self
                .a
                .wrapping_add(row)
                .wrapping_offset(word as isize * step),
            step,
            count: words.len().min(self.b.words() - word),
        }
    }

    /// Whether A is read where it is: a single row of f32 is contiguous already.
    #[inline(always)]
    fn is_in_place<E: Element>(&self) -> bool {
        self.is_alone() && E::PER_WORD == 1
    }

    /// Where row `row` of A begins, whose k is contiguous.
    #[inline(always)]
    fn single_row(&self, row: usize) -> *const f32 {
        match self.layout {
            Layout::Rows { stride } => self.a.wrapping_add(row * stride),
            Layout::LastFirst { .. } => unreachable!("a row of a transpose is not contiguous"),
        }
    }

    /// Copies rows of A over `words` of k.
    ///
    /// # Safety
    /// As for [`Multiply::blocks`].
    #[inline(always)]
    unsafe fn copy<V: Vector, E: Element>(
        &self,
        tiles: &Tiles,
        words: &Range<usize>,
        packed: &mut PackedA,
    ) {
        let depth = self.b.depth();
        let source = Source {
            a: self.a,
            layout: self.layout,
            depth,
            sums: self.sums,
            range: words.start * E::PER_WORD..depth.min(words.end * E::PER_WORD),
        };
        // SAFETY: rows and k lie inside A, and neither range is longer than the copy allows.
        unsafe { packed.fill::<V, E>(&source, tiles) };
    }

    /// The rows against `words` of k of all panels, group by group.
    ///
    /// # Safety
    /// As for [`Multiply::blocks`].
    #[inline(always)]
    unsafe fn panels<V: Vector, E: Element>(
        &self,
        tiles: &Tiles,
        words: Range<usize>,
        packed: &PackedA,
    ) {
        let all = &self.region.blocks;
        let next_words = self.next_words::<E>(tiles.rows().len(), &words);
        let group = match self.is_alone() {
            false => (BLOCK_WORDS / (words.len() * self.gates.len())).max(1),
            true => usize::MAX,
        };
        let size = self.b.panel_size() as isize;
        for panels in even(all.clone(), group, 1) {
            // From a word of this block to its place in the next one.
            let next = match panels.end == all.end {
                true => (words.len() * WIDTH) as isize - (panels.start - all.start) as isize * size,
                false => panels.len() as isize * size,
            };
            let block = Block {
                rows: tiles.rows(),
                words: words.clone(),
                panels,
                next,
                next_words,
            };
            for (number, tile) in tiles.iter().enumerate() {
                // SAFETY: passed on.
                unsafe { self.tiles::<V, E>(number, tile, &block, packed) };
            }
        }
    }

    /// Whether it is one row times a matrix.
    #[inline(always)]
    fn is_alone(&self) -> bool {
        self.region.rows.len() == 1 && matches!(self.layout, Layout::Rows { .. })
    }

    /// The rows `tile`, the `number`-th of the copied ones, against one block of B.
    ///
    /// # Safety
    /// As for [`Multiply::blocks`].
    #[inline(always)]
    unsafe fn tiles<V: Vector, E: Element>(
        &self,
        number: usize,
        tile: Range<usize>,
        block: &Block,
        packed: &PackedA,
    ) {
        let (m, words) = (tile.len(), block.words.len());
        let a = match self.is_in_place::<E>() {
            true => self.single_row(tile.start).wrapping_add(block.words.start),
            false => packed.words(number),
        };
        let (cols, size) = (self.b.cols(), self.b.panel_size());
        let (widest, next) = match self.is_alone() {
            true => (V::STREAMS, (V::STREAMS * size) as isize),
            false => {
                let rows = tile::rows_of_code::<V>(m, self.layout);
                (tile::widest::<V, E>(rows, self.layout), block.next)
            }
        };
        // Of each panel of the next block, every tile asks for its share of lines.
        let line = |row: usize| words * (row - block.rows.start) / block.rows.len();
        let lines = line(tile.start)..line(tile.end);
        let next_words = NextWords {
            first: block.next_words.first.wrapping_add(tile.start),
            ..block.next_words
        };
        for gate in self.gates.clone() {
            let mut panel = block.panels.start;
            while panel < block.panels.end {
                let left = block.panels.end - panel;
                let panels = widest_of(widest, left);
                let count = left / panels;
                let column = (gate - self.gates.start) * cols + panel * WIDTH;
                let b = self
                    .b
                    .panel(gate, panel)
                    .wrapping_add(block.words.start * WIDTH);
                let c = self.c.wrapping_add(tile.start * self.c_stride + column);
                let (start, start_stride, start_step) = match self.start {
                    _ if block.words.start > 0 => (c.cast_const(), self.c_stride, panels * WIDTH),
                    Start::Accumulate => (c.cast_const(), self.c_stride, panels * WIDTH),
                    Start::Bias(bias) => (bias.as_ptr().wrapping_add(column), 0, panels * WIDTH),
                    Start::Zero => (ZEROS.as_ptr(), 0, 0),
                };
                let tiles = TileRow {
                    a,
                    quantised: packed.quantised(number),
                    layout: self.layout,
                    rows: m,
                    b,
                    panel: size,
                    scales: self.b.scales(gate, panel),
                    depth: words,
                    start,
                    start_stride,
                    c,
                    c_stride: self.c_stride,
                    count,
                    start_step,
                    last: WIDTH.min(cols - (panel + count * panels - 1) * WIDTH),
                    prefetch: Prefetch {
                        a: next_words,
                        b: next + (lines.start * WIDTH) as isize,
                        b_step: (lines.len() * WIDTH * V::TURN).div_ceil(words),
                    },
                };
                // SAFETY: this struct's contract; `widest` gave a tile that the registers hold.
                unsafe {
                    match panels {
                        8 => tile::compute::<V, E, 8>(&tiles),
                        4 => tile::compute::<V, E, 4>(&tiles),
                        2 => tile::compute::<V, E, 2>(&tiles),
                        _ => tile::compute::<V, E, 1>(&tiles),
                    }
                }
                panel += count * panels;
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
