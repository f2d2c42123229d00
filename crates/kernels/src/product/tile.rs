//! The innermost loop of a product: one tile of C in registers, k ascending.
//!
//! A tile is M rows by W panels of sixteen columns. Its M·W accumulators start from C, a bias or
//! zero and take one fused multiply-add per word of k, so every element of C is one chain whatever
//! M, W and the length of a block of k are. That is what makes rows independent of their company.
//!
//! Every (M, W) is code of its own, and each instruction set and element has all of them. So only some
//! M exist ([`rows_of_code`]), and a tile of fewer rows computes some that are not stored: an odd last row of
//! a batch costs less than a program that compiles for minutes.
//!
//! In int8 the accumulators are integers; at the end of a block of k the sum is scaled and joins the
//! chain as one link. There the blocks matter, and they follow from the depth alone.
//!
//! Tiles side by side are computed in one call ([`TileRow`]), and several words of k in one turn of the loop
//! ([`Vector::TURN`]): what a turn or a tile costs beside its multiplications takes their places. While it computes, a
//! tile asks for the memory that is needed next ([`Ahead`]), so that the arithmetic seldom waits for more than the
//! second-level cache.

use super::copied::{Layout, ROW, TILE_ROWS};
use super::element::{Element, parts, tile_rows};
use crate::simd::{LANES, RawOp, Vector};
use std::marker::PhantomData;

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
    /// From the start of one tile's first row to that of the next tile's: 0 where all tiles start alike.
    pub(super) start_step: usize,
    /// Columns of the last tile's last panel that are in C, 1 to 16.
    pub(super) last: usize,
    pub(super) ahead: Ahead,
}

impl TileRow<'_> {
    /// In int8: the sum of integers in row `i` and a panel, whose scales are given, scaled, onto `onto`.
    ///
    /// # Safety
    /// The instructions of `V` are there, and the panel has sixteen scales.
    #[inline(always)]
    unsafe fn scaled<V: Vector>(&self, sum: V, i: usize, scales: *const f32, onto: V) -> V {
        // SAFETY: every panel has sixteen scales.
        unsafe {
            let columns = V::load(scales);
            let scale = V::splat(self.quantised[i].scale).mul(columns);
            sum.integers_to_f32().mul_add(scale, onto)
        }
    }

    /// What the sum in row `i` of M and panel `j` starts from. A row that C does not have starts as the last
    /// one that it has.
    #[inline(always)]
    fn start_of<V: Vector, const M: usize, const LAST_FIRST: bool>(
        &self,
        start: *const f32,
        (i, j): (usize, usize),
    ) -> *const f32 {
        let row = match is_there::<V, M, LAST_FIRST>(i) {
            true => i,
            false => i.min(self.rows - 1),
        };
        start.wrapping_add(row * self.start_stride + j * LANES)
    }
}

/// Whether every tile whose code has M rows has row `i`.
#[inline(always)]
const fn is_there<V: Vector, const M: usize, const LAST_FIRST: bool>(i: usize) -> bool {
    i == 0 || i + V::ROW_STEPS[LAST_FIRST as usize] <= M
}

/// Memory that tiles after this one will need. Addresses may lie anywhere: asking is harmless.
pub(super) struct Ahead {
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
    /// Where word `word` is.
    #[inline(always)]
    fn word(&self, word: usize) -> *const f32 {
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

/// A tile has a multiple of so many rows, the last one of a block aside.
#[inline(always)]
pub(super) fn row_step<V: Vector>(layout: Layout) -> usize {
    match layout {
        Layout::Rows { .. } => V::ROW_STEPS[0],
        Layout::LastFirst { .. } => V::ROW_STEPS[1],
    }
}

/// Rows are dealt to tiles in multiples of so many, the last one of a block aside.
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
        unsafe { V::call(Chains::<E, M, W, LAST_FIRST>(t, PhantomData)) }
    } else {
        unreachable!("a tile of {M} rows and {W} panels");
    }
}

/// The loop itself.
///
/// # Safety
/// To run it the caller proves what [`compute`] asks for, of a tile whose code has M rows.
struct Chains<'a, E, const M: usize, const W: usize, const LAST_FIRST: bool>(
    &'a TileRow<'a>,
    PhantomData<E>,
);

impl<E: Element, const M: usize, const W: usize, const LAST_FIRST: bool> RawOp
    for Chains<'_, E, M, W, LAST_FIRST>
{
    type Output = ();

    #[inline(always)]
    unsafe fn run_raw<V: Vector>(self) {
        let t = self.0;
        // Word (i, k) of A is `a[i·next_row + k·next_word]`, or its first part.
        let (next_row, next_word) = match LAST_FIRST {
            false => (ROW * parts::<V, E>(), 1),
            true => (1, V::TILE_ROWS[0]),
        };
        let (mut first_b, mut start, mut c, mut scales) = (t.b, t.start, t.c, t.scales);
        for number in 1..=t.count {
            // SAFETY: `compute`'s contract; the last panel touches only its `last` columns of C and bias. The copy of A
            // has rows for every tile, and a row that C does not have is not stored.
            unsafe {
                let is_whole = |j: usize| j + 1 < W || number < t.count || t.last == LANES;
                let start_of = |i, j| t.start_of::<V, M, LAST_FIRST>(start, (i, j));
                let mut sum = [[V::splat(0.0); W]; M];
                // One branch for a panel: with one for each sum the compiler keeps them in memory.
                if E::SCALED {
                    for i in 0..M {
                        sum[i] = [V::splat(t.quantised[i].begin); W];
                    }
                } else {
                    for j in 0..W {
                        if is_whole(j) {
                            for i in 0..M {
                                sum[i][j] = V::load(start_of(i, j));
                            }
                        } else {
                            for i in 0..M {
                                sum[i][j] = V::load_first(start_of(i, j), t.last);
                            }
                        }
                    }
                }
                let (mut a, mut b) = (t.a, first_b);
                let mut next_b = b.wrapping_offset(t.ahead.b);
                // Each of the tiles asks for its part of the words.
                let next = t.ahead.a;
                let mut next_a = next.word(next.count * (number - 1) / t.count);
                let last_a = next.word(next.count * number / t.count);
                let mut next_c = c.wrapping_add(W * LANES);
                let last_c = next_c.wrapping_add((M - 1) * t.c_stride);
                for _ in 0..t.depth / V::TURN {
                    // A single row reads straight through, which processors see and do by themselves.
                    if M > 1 {
                        // C is written at the end of this tile; that of the next may be read at once.
                        for j in 0..W {
                            V::prefetch_write(next_c.wrapping_add(j * LANES));
                            V::prefetch(next_b.wrapping_add(j * t.panel));
                        }
                        next_c = next_c.wrapping_add(t.c_stride).min(last_c);
                        if LAST_FIRST {
                            V::prefetch(next_a);
                            next_a = next_a.wrapping_offset(next.step).max(last_a);
                        }
                        next_b = next_b.wrapping_add(t.ahead.b_step);
                    }
                    for _ in 0..V::TURN {
                        word::<V, E, M, W>(&mut sum, (a, next_row), (b, t.panel));
                        a = a.add(next_word);
                        b = b.add(LANES);
                    }
                }
                for _ in 0..t.depth % V::TURN {
                    word::<V, E, M, W>(&mut sum, (a, next_row), (b, t.panel));
                    a = a.add(next_word);
                    b = b.add(LANES);
                }
                if E::SCALED {
                    for j in 0..W {
                        let scales = scales.wrapping_add(j * LANES);
                        if is_whole(j) {
                            for i in 0..M {
                                let onto = V::load(start_of(i, j));
                                sum[i][j] = t.scaled(sum[i][j], i, scales, onto);
                            }
                        } else {
                            for i in 0..M {
                                let onto = V::load_first(start_of(i, j), t.last);
                                sum[i][j] = t.scaled(sum[i][j], i, scales, onto);
                            }
                        }
                    }
                }
                for i in 0..M {
                    if !is_there::<V, M, LAST_FIRST>(i) && i >= t.rows {
                        break;
                    }
                    for j in 0..W {
                        let to = c.add(i * t.c_stride + j * LANES);
                        match is_whole(j) {
                            true => sum[i][j].store(to),
                            false => sum[i][j].store_first(to, t.last),
                        }
                    }
                }
            }
            first_b = first_b.wrapping_add(W * t.panel);
            start = start.wrapping_add(t.start_step);
            c = c.wrapping_add(W * LANES);
            scales = scales.wrapping_add(W * LANES);
        }
    }
}

/// Adds the products of one word of k: M words of A, `next_row` apart, and a line of each of W panels.
///
/// # Safety
/// The instructions of `V` are there, and so are the words and lines.
#[inline(always)]
unsafe fn word<V: Vector, E: Element, const M: usize, const W: usize>(
    sum: &mut [[V; W]; M],
    (a, next_row): (*const f32, usize),
    (b, panel): (*const f32, usize),
) {
    // SAFETY: passed on.
    unsafe {
        let mut line = [[V::splat(0.0); 2]; W];
        for j in 0..W {
            line[j] = E::parts_of_b(V::load(b.add(j * panel)));
        }
        for i in 0..M {
            let a = a.add(i * next_row);
            let first = V::splat(*a);
            let x = match parts::<V, E>() {
                1 => [first, first],
                _ => [first, V::splat(*a.add(ROW))],
            };
            for j in 0..W {
                sum[i][j] = E::multiply_add(x, line[j], sum[i][j]);
            }
        }
    }
}
