//! The innermost loop of a product: one tile of C in registers, k ascending.
//!
//! A tile is M rows by W panels of sixteen columns. Its M·W accumulators start from C, a bias or
//! zero and take one fused multiply-add per word of k, so every element of C is one chain whatever
//! M, W and the length of a block of k are. That is what makes rows independent of their company.
//!
//! In int8 the accumulators are integers; at the end of a block of k the sum is scaled and joins the
//! chain as one link. There the blocks matter, and they follow from the depth alone.
//!
//! While it computes, a tile asks for the memory that is needed next ([`Ahead`]), so that the
//! arithmetic seldom waits for more than the second-level cache.

use super::copied::{Layout, ROW, TILE_ROWS};
use super::element::Element;
use super::multiply::Start;
use crate::simd::{LANES, Vector};

/// Words of k between two requests for memory.
const CHUNK: usize = 8;

/// What turns a row of integers into numbers.
#[derive(Clone, Copy, Default)]
pub(super) struct Quantised {
    pub(super) scale: f32,
    /// −128 · Σ a over the block of k, the bits of an i32: where the sums begin.
    pub(super) begin: f32,
}

/// One tile's operands.
#[derive(Clone, Copy)]
pub(super) struct Tile<'a> {
    /// The first of the copied words of A, or (one row of f32) in place.
    pub(super) a: *const f32,
    /// In int8, of its rows.
    pub(super) quantised: &'a [Quantised; TILE_ROWS],
    pub(super) layout: Layout,
    pub(super) rows: usize,
    /// The first panel, at the first word of k.
    pub(super) b: *const f32,
    /// From one panel to the next.
    pub(super) panel: usize,
    /// In int8, the scales of the columns.
    pub(super) scales: *const f32,
    /// In words.
    pub(super) depth: usize,
    pub(super) start: Start<'a>,
    /// The first column's number in the bias.
    pub(super) column: usize,
    pub(super) c: *mut f32,
    pub(super) c_stride: usize,
    /// Columns of the last panel that are in C, 1 to 16.
    pub(super) last: usize,
    pub(super) ahead: Ahead,
}

impl Tile<'_> {
    /// How often it asks for memory.
    pub(super) fn chunks(&self) -> usize {
        self.depth.div_ceil(CHUNK)
    }

    /// Whether all columns of its panel `j` of W are in C.
    #[inline(always)]
    fn is_whole<const W: usize>(&self, j: usize) -> bool {
        j + 1 < W || self.last == LANES
    }

    /// In int8: the sum of integers in row `i` and panel `j`, scaled, onto `onto`.
    #[inline(always)]
    unsafe fn scaled<V: Vector>(&self, sum: V, (i, j): (usize, usize), onto: V) -> V {
        // SAFETY: every panel has sixteen scales.
        unsafe {
            let columns = V::load(self.scales.add(j * LANES));
            let scale = V::splat(self.quantised[i].scale).mul(columns);
            sum.integers_to_f32().mul_add(scale, onto)
        }
    }

    /// The columns of panel `j` in a row of the tile that begins at `row`.
    #[inline(always)]
    unsafe fn columns<V: Vector, const W: usize>(&self, row: *const f32, j: usize) -> V {
        // SAFETY: the caller's row has all columns of the tile, the last panel `last` of them.
        unsafe {
            let from = row.add(j * LANES);
            match self.is_whole::<W>(j) {
                true => V::load(from),
                false => V::load_first(from, self.last),
            }
        }
    }
}

/// Memory that tiles after this one will need. Addresses may lie anywhere: asking is harmless.
#[derive(Clone, Copy)]
pub(super) struct Ahead {
    /// The part of the next block of B that this tile asks for, in each of its panels.
    pub(super) b: *const f32,
    pub(super) b_lines: usize,
}

impl Ahead {
    /// The requests of chunk number `chunk` of a tile of M rows and W panels.
    #[inline(always)]
    unsafe fn ask<V: Vector, const M: usize, const W: usize>(&self, t: &Tile, chunk: usize) {
        // SAFETY: a request touches no memory.
        unsafe {
            if chunk < M {
                // C is written at the end of this tile; that of the next may be read at once.
                for j in 0..W {
                    let row = t.c.wrapping_add(chunk * t.c_stride + j * LANES);
                    V::prefetch_write(row);
                    V::prefetch_write(row.wrapping_add(W * LANES));
                }
            }
            let each = self.b_lines.div_ceil(t.chunks());
            for line in chunk * each..((chunk + 1) * each).min(self.b_lines) {
                for j in 0..W {
                    V::prefetch(self.b.wrapping_add(j * t.panel + line * LANES));
                }
            }
        }
    }
}

/// The most panels, 4, 2 or 1, whose accumulators fit the registers together with `rows` rows.
#[inline(always)]
pub(super) fn widest<V: Vector>(rows: usize) -> usize {
    if rows <= V::TILE_ROWS[3] {
        4
    } else if rows <= V::TILE_ROWS[1] {
        2
    } else {
        1
    }
}

/// Computes one row of W panels, more than other tiles have: as many streams of memory as it takes
/// to keep reading while the few sums are added up.
///
/// # Safety
/// As for [`compute`]; W is [`Vector::STREAMS`] at most.
#[inline(always)]
pub(super) unsafe fn single<V: Vector, E: Element, const W: usize>(t: Tile) {
    // SAFETY: passed on.
    unsafe { chains::<V, E, 1, W, ROW, 1>(t) }
}

/// Computes one tile of W panels.
///
/// # Safety
/// The tile's pointers have the numbers behind them that its sizes name, C's are this thread's
/// alone, and `rows` is 1 to `V::TILE_ROWS[W − 1]`.
#[inline(always)]
pub(super) unsafe fn compute<V: Vector, E: Element, const W: usize>(t: Tile) {
    // SAFETY: passed on.
    unsafe {
        match t.layout {
            Layout::Rows { .. } => by_rows::<V, E, W, ROW, 1>(t),
            Layout::LastFirst { .. } => by_rows::<V, E, W, 1, TILE_ROWS>(t),
        }
    }
}

#[inline(always)]
unsafe fn by_rows<V: Vector, E: Element, const W: usize, const I: usize, const K: usize>(t: Tile) {
    // SAFETY: passed on.
    unsafe {
        match t.rows {
            1 => chains::<V, E, 1, W, I, K>(t),
            2 => chains::<V, E, 2, W, I, K>(t),
            3 => chains::<V, E, 3, W, I, K>(t),
            4 => chains::<V, E, 4, W, I, K>(t),
            5 => chains::<V, E, 5, W, I, K>(t),
            6 => chains::<V, E, 6, W, I, K>(t),
            7 => chains::<V, E, 7, W, I, K>(t),
            8 => chains::<V, E, 8, W, I, K>(t),
            9 => chains::<V, E, 9, W, I, K>(t),
            10 => chains::<V, E, 10, W, I, K>(t),
            11 => chains::<V, E, 11, W, I, K>(t),
            12 => chains::<V, E, 12, W, I, K>(t),
            rows => unreachable!("a tile of {rows} rows"),
        }
    }
}

/// The loop itself; word (i, k) of A is `a[i·I + k·K]`.
#[inline(always)]
unsafe fn chains<
    V: Vector,
    E: Element,
    const M: usize,
    const W: usize,
    const I: usize,
    const K: usize,
>(
    t: Tile,
) {
    if M > V::TILE_ROWS[W.min(4) - 1] {
        // Known at compile time: this instruction set has no such tile, and no code for it.
        unreachable!("a tile of {M} rows and {W} panels");
    }
    // SAFETY: `compute`'s contract; the last panel touches only its `last` columns of C and bias.
    unsafe {
        let mut sum = [[V::splat(0.0); W]; M];
        // One branch for the whole tile: with one for each sum the compiler keeps them in memory.
        if E::SCALED {
            for i in 0..M {
                for j in 0..W {
                    sum[i][j] = V::splat(t.quantised[i].begin);
                }
            }
        } else if let Start::Bias(bias) = t.start {
            for j in 0..W {
                let x = t.columns::<V, W>(bias.as_ptr().add(t.column), j);
                for i in 0..M {
                    sum[i][j] = x;
                }
            }
        } else if let Start::Accumulate = t.start {
            for i in 0..M {
                for j in 0..W {
                    sum[i][j] = t.columns::<V, W>(t.c.add(i * t.c_stride), j);
                }
            }
        }
        let (mut a, mut b) = (t.a, t.b);
        let mut left = t.depth;
        let mut chunk = 0;
        while left > 0 {
            // A single row reads straight through, which processors see and do by themselves.
            if M > 1 {
                t.ahead.ask::<V, M, W>(&t, chunk);
            }
            chunk += 1;
            let words = left.min(CHUNK);
            left -= words;
            for _ in 0..words {
                let mut line = [V::splat(0.0); W];
                for j in 0..W {
                    line[j] = V::load(b.add(j * t.panel));
                }
                for i in 0..M {
                    let x = V::splat(*a.add(i * I));
                    for j in 0..W {
                        sum[i][j] = E::multiply_add(x, line[j], sum[i][j]);
                    }
                }
                a = a.add(K);
                b = b.add(LANES);
            }
        }
        if E::SCALED {
            // Here too one branch for all sums.
            match t.start {
                Start::Zero => {
                    for i in 0..M {
                        for j in 0..W {
                            sum[i][j] = t.scaled(sum[i][j], (i, j), V::splat(0.0));
                        }
                    }
                }
                Start::Bias(bias) => {
                    for j in 0..W {
                        let x = t.columns::<V, W>(bias.as_ptr().add(t.column), j);
                        for i in 0..M {
                            sum[i][j] = t.scaled(sum[i][j], (i, j), x);
                        }
                    }
                }
                Start::Accumulate => {
                    for i in 0..M {
                        for j in 0..W {
                            let x = t.columns::<V, W>(t.c.add(i * t.c_stride), j);
                            sum[i][j] = t.scaled(sum[i][j], (i, j), x);
                        }
                    }
                }
            }
        }
        for i in 0..M {
            for j in 0..W {
                let x = sum[i][j];
                let to = t.c.add(i * t.c_stride + j * LANES);
                if t.is_whole::<W>(j) {
                    x.store(to);
                } else {
                    x.store_first(to, t.last);
                }
            }
        }
    }
}
