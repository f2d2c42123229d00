//! Tiles: what a row of them works on, how large they are, and which code computes them.
//!
//! Every size (M rows, W panels) of a tile is code of its own ([`Microkernel`]), and each instruction set and element has
//! all of them. So only some M exist ([`rows_of_code`]), and a tile of fewer rows computes some that are not stored: an odd
//! last row of a batch costs less than a program that compiles for minutes. Tiles side by side are computed in one call.

use super::element::{Element, tile_rows};
use super::microkernel::Microkernel;
use super::packed_a::{Layout, TILE_ROWS, TILES};
use crate::simd::Vector;
use std::marker::PhantomData;
use std::ops::Range;

/// What turns a row of integers into numbers.
#[derive(Clone, Copy, Default)]
pub(super) struct Quantised {
    pub(super) scale: f32,
    /// −128 · Σ a over the block of k, the bits of an i32: where the sums begin.
    pub(super) begin: f32,
}

/// The operands of a row of tiles: the same rows of A against one group of W panels after another.
pub(super) struct TileRow<'a> {
    /// The first of the copied words of A, or (one row of f32) in place.
    pub(super) a: *const f32,
    /// In int8, of its rows.
    pub(super) quantised: &'a [Quantised; TILE_ROWS],
    pub(super) layout: Layout,
    /// Rows of C, 1 to M.
    pub(super) rows: usize,
    /// The first panel, at the first word of k.
    pub(super) b: *const f32,
    /// From one panel to the next.
    pub(super) panel: usize,
    /// In int8, the scales of the columns.
    pub(super) scales: *const f32,
    /// In words.
    pub(super) depth: usize,
    /// What the first row's sums start from …
    pub(super) start: *const f32,
    /// … and the distance to that of the next row: 0 where all rows start alike.
    pub(super) start_stride: usize,
    pub(super) c: *mut f32,
    pub(super) c_stride: usize,
    /// Number of tiles.
    pub(super) count: usize,
    /// Distance from the initial values of one tile to those of the next tile: 0 where all tiles start alike.
    pub(super) start_step: usize,
    /// Columns of the last tile's last panel that are in C, 1 to 16.
    pub(super) last: usize,
    pub(super) prefetch: Prefetch,
}

/// Whether every tile whose code has M rows has row `i`.
#[inline(always)]
pub(super) const fn is_there<V: Vector, const M: usize, const LAST_FIRST: bool>(i: usize) -> bool {
    i == 0 || i + V::ROW_STEPS[LAST_FIRST as usize] <= M
}

/// Memory that tiles after this one will need. Addresses may lie anywhere: asking is harmless.
pub(super) struct Prefetch {
    /// The part of the next block of A that is copied to the place of these rows.
    pub(super) a: NextWords,
    /// From a panel to the part of the next block of B that these rows ask for.
    pub(super) b: isize,
    /// From one request in B to the next.
    pub(super) b_step: usize,
}

/// Words of k of a few rows, each a line of memory far from the one before.
#[derive(Clone, Copy)]
pub(super) struct NextWords {
    pub(super) first: *const f32,
    /// From one word to the next.
    pub(super) step: isize,
    pub(super) count: usize,
}

impl NextWords {
    /// Address of word `word`.
    #[inline(always)]
    pub(super) fn word(&self, word: usize) -> *const f32 {
        self.first.wrapping_offset(word as isize * self.step)
    }
}

/// How many rows the code for a tile of `rows` rows computes.
#[inline(always)]
pub(super) fn rows_of_code<V: Vector>(rows: usize, layout: Layout) -> usize {
    match rows {
        1 if matches!(layout, Layout::Rows { .. }) => 1,
        _ => rows.next_multiple_of(row_step::<V>(layout)),
    }
}

/// A tile has a multiple of this number of rows, the last one of a block aside.
#[inline(always)]
pub(super) fn row_step<V: Vector>(layout: Layout) -> usize {
    match layout {
        Layout::Rows { .. } => V::ROW_STEPS[0],
        Layout::LastFirst { .. } => V::ROW_STEPS[1],
    }
}

/// Rows are dealt to tiles in multiples of this number, except for the last tile of a block.
#[inline(always)]
pub(super) fn rows_dealt<V: Vector, E: Element>(layout: Layout) -> usize {
    match V::FULL_TILES {
        true => tile_rows::<V, E>()[0],
        false => row_step::<V>(layout),
    }
}

/// Whether there is code for M rows and W panels. Gradients of weights have many rows, so that none
/// needs the wide tiles of few rows; none of their operands is int8.
const fn exists<V: Vector, E: Element>(m: usize, w: usize, last_first: bool) -> bool {
    let fits = m <= tile_rows::<V, E>()[if w < 4 { w - 1 } else { 3 }] && w <= V::STREAMS;
    let step = V::ROW_STEPS[last_first as usize];
    match last_first {
        true => fits && m.is_multiple_of(step) && w <= 2 && !E::SCALED,
        false => fits && (m == 1 || m.is_multiple_of(step)) && (m == 1 || w <= 4),
    }
}

/// The most panels, 4, 2 or 1, whose accumulators fit the registers together with `rows` rows of code.
#[inline(always)]
pub(super) fn widest<V: Vector, E: Element>(rows: usize, layout: Layout) -> usize {
    let most = tile_rows::<V, E>();
    if rows <= most[3] && matches!(layout, Layout::Rows { .. }) {
        4
    } else if rows <= most[1] {
        2
    } else {
        1
    }
}

/// Computes tiles of W panels, 8 of them for a single row only: as many streams of memory as it
/// takes to keep reading while the few sums are added up.
///
/// # Safety
/// The pointers have the numbers behind them that the sizes name, C's are this thread's
/// alone, and there is code for `rows` and W (see [`exists`]).
#[inline(always)]
pub(super) unsafe fn compute<V: Vector, E: Element, const W: usize>(t: &TileRow) {
    let rows = rows_of_code::<V>(t.rows, t.layout);
    // SAFETY: passed on.
    unsafe {
        match t.layout {
            Layout::Rows { .. } => by_rows::<V, E, W, false>(t, rows),
            Layout::LastFirst { .. } => by_rows::<V, E, W, true>(t, rows),
        }
    }
}

/// # Safety
/// As for [`compute`].
#[inline(always)]
unsafe fn by_rows<V: Vector, E: Element, const W: usize, const LAST_FIRST: bool>(
    t: &TileRow,
    rows: usize,
) {
    // SAFETY: passed on.
    unsafe {
        match rows {
            1 => call::<V, E, 1, W, LAST_FIRST>(t),
            2 => call::<V, E, 2, W, LAST_FIRST>(t),
            3 => call::<V, E, 3, W, LAST_FIRST>(t),
            4 => call::<V, E, 4, W, LAST_FIRST>(t),
            5 => call::<V, E, 5, W, LAST_FIRST>(t),
            6 => call::<V, E, 6, W, LAST_FIRST>(t),
            8 => call::<V, E, 8, W, LAST_FIRST>(t),
            10 => call::<V, E, 10, W, LAST_FIRST>(t),
            12 => call::<V, E, 12, W, LAST_FIRST>(t),
            rows => unreachable!("a tile of {rows} rows"),
        }
    }
}

/// # Safety
/// As for [`compute`].
#[inline(always)]
unsafe fn call<V: Vector, E: Element, const M: usize, const W: usize, const LAST_FIRST: bool>(
    t: &TileRow,
) {
    // Known at compile time: what does not exist is not compiled.
    if const { exists::<V, E>(M, W, LAST_FIRST) } {
        // SAFETY: passed on.
        unsafe { V::call(Microkernel::<E, M, W, LAST_FIRST>(t, PhantomData)) }
    } else {
        unreachable!("a tile of {M} rows and {W} panels");
    }
}

/// The rows of a block, tile by tile.
pub(super) struct Tiles {
    /// Where each begins, and where the last one ends.
    starts: [usize; TILES + 1],
    count: usize,
}

impl Tiles {
    /// As few as possible of at most `most` rows, and of a multiple of `step` but for the last.
    #[inline(always)]
    pub(super) fn of(rows: Range<usize>, most: usize, step: usize) -> Tiles {
        let mut tiles = Tiles {
            starts: [rows.start; TILES + 1],
            count: 0,
        };
        for tile in even(rows, most, step) {
            tiles.count += 1;
            tiles.starts[tiles.count] = tile.end;
        }
        tiles
    }

    #[inline(always)]
    pub(super) fn iter(&self) -> impl Iterator<Item = Range<usize>> {
        (0..self.count).map(|i| self.starts[i]..self.starts[i + 1])
    }

    pub(super) fn rows(&self) -> Range<usize> {
        self.starts[0]..self.starts[self.count]
    }
}

/// `range` in as few pieces of at most `most` as possible, all about equally long, and all multiples
/// of `step`, as `most` is, but for the last.
#[inline(always)]
pub(super) fn even(
    range: Range<usize>,
    most: usize,
    step: usize,
) -> impl Iterator<Item = Range<usize>> {
    let pieces = range.len().div_ceil(most);
    let steps = range.len().div_ceil(step);
    (0..pieces).map(move |i| {
        let at = |i: usize| range.end.min(range.start + steps * i / pieces * step);
        at(i)..at(i + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_few_and_even() {
        let pieces = |n: usize, most, step| -> Vec<usize> {
            even(3..3 + n, most, step).map(|r| r.len()).collect()
        };
        assert_eq!(pieces(20, 12, 1), [10, 10]);
        assert_eq!(pieces(12, 12, 1), [12]);
        assert_eq!(pieces(13, 6, 1), [4, 4, 5]);
        assert!(pieces(0, 6, 1).is_empty());
        assert_eq!(even(3..16, 6, 1).last(), Some(11..16));
        assert_eq!(pieces(13, 6, 2), [4, 4, 5]);
        assert_eq!(pieces(20, 12, 4), [8, 12]);
        assert_eq!(pieces(25, 12, 2), [8, 8, 9]);
        assert_eq!(pieces(2, 12, 4), [2]);
    }
}
