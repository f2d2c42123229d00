//! The innermost loop of a product: one tile of C in registers, k ascending.
//!
//! A tile is M rows by W panels of sixteen columns. Its M·W accumulators start from C, a bias or
//! zero and take one fused multiply-add per k, so every element of C is one chain whatever M, W
//! and the length of a block of k are. That is what makes rows independent of their company.

use super::Start;
use crate::simd::{LANES, Vector};

/// No instruction set holds more rows than this in one tile.
pub(super) const MOST_ROWS: usize = 12;
/// Longest block of k.
pub(super) const MOST_DEPTH: usize = 384;
/// Distance of two rows of A in a [`Scratch`]: a block of k and a cache line, so that the rows of
/// a tile fall into different sets of the cache.
const ROW: usize = MOST_DEPTH + LANES;

/// The rows of A that a tile reads, copied to strides known at compile time: (M, ROW) for
/// [`Layout::Rows`], (k, 12) for [`Layout::Transposed`].
pub(super) type Scratch = [std::mem::MaybeUninit<f32>; MOST_ROWS * ROW];

/// How A lies in memory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// k is contiguous.
    Rows,
    /// The rows' index is contiguous.
    Transposed,
}

/// One tile's operands.
#[derive(Clone, Copy)]
pub(super) struct Tile<'a> {
    /// The first of the rows of A in a scratch, or (one row of [`Layout::Rows`]) in place.
    pub(super) a: *const f32,
    pub(super) layout: Layout,
    pub(super) rows: usize,
    /// The first panel, at the first k.
    pub(super) b: *const f32,
    /// From one panel to the next.
    pub(super) panel: usize,
    pub(super) depth: usize,
    pub(super) start: Start<'a>,
    /// The first column's number in the bias.
    pub(super) column: usize,
    pub(super) c: *mut f32,
    pub(super) c_stride: usize,
    /// Columns of the last panel that are in C, 1 to 16.
    pub(super) last: usize,
}

/// Copies `rows` rows of A, `depth` numbers each, for a tile; `a` is the first and `stride` the
/// distance of rows (`Layout::Rows`) or of k (`Layout::Transposed`).
///
/// # Safety
/// `a` has all the numbers named behind it; rows ≤ 12, depth ≤ 384.
#[inline(always)]
pub(super) unsafe fn gather<V: Vector>(
    a: *const f32,
    stride: usize,
    layout: Layout,
    rows: usize,
    depth: usize,
    scratch: &mut Scratch,
) -> *const f32 {
    debug_assert!(rows <= MOST_ROWS && depth <= MOST_DEPTH);
    let out: *mut f32 = scratch.as_mut_ptr().cast();
    // SAFETY: the numbers are there by the contract, and the scratch has room: 12·400 numbers are
    // 12 rows of 400, or 384 times 12 and the four more that the last store of sixteen needs.
    unsafe {
        match layout {
            Layout::Rows => {
                for i in 0..rows {
                    std::ptr::copy_nonoverlapping(a.add(i * stride), out.add(i * ROW), depth);
                }
            }
            Layout::Transposed => {
                for k in 0..depth {
                    V::load_first(a.add(k * stride), rows).store(out.add(k * MOST_ROWS));
                }
            }
        }
    }
    out
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

/// Computes one tile of W panels.
///
/// # Safety
/// The tile's pointers have the numbers behind them that its sizes name, C's are this thread's
/// alone, and `rows` is 1 to `V::TILE_ROWS[W − 1]`.
#[inline(always)]
pub(super) unsafe fn compute<V: Vector, const W: usize>(t: Tile) {
    // SAFETY: passed on.
    unsafe {
        match t.layout {
            Layout::Rows => by_rows::<V, W, ROW, 1>(t),
            Layout::Transposed => by_rows::<V, W, 1, MOST_ROWS>(t),
        }
    }
}

#[inline(always)]
unsafe fn by_rows<V: Vector, const W: usize, const I: usize, const K: usize>(t: Tile) {
    // SAFETY: passed on.
    unsafe {
        match t.rows {
            1 => chains::<V, 1, W, I, K>(t),
            2 => chains::<V, 2, W, I, K>(t),
            3 => chains::<V, 3, W, I, K>(t),
            4 => chains::<V, 4, W, I, K>(t),
            5 => chains::<V, 5, W, I, K>(t),
            6 => chains::<V, 6, W, I, K>(t),
            7 => chains::<V, 7, W, I, K>(t),
            8 => chains::<V, 8, W, I, K>(t),
            9 => chains::<V, 9, W, I, K>(t),
            10 => chains::<V, 10, W, I, K>(t),
            11 => chains::<V, 11, W, I, K>(t),
            12 => chains::<V, 12, W, I, K>(t),
            rows => unreachable!("a tile of {rows} rows"),
        }
    }
}

/// The loop itself; element (i, k) of A is `a[i·I + k·K]`.
#[inline(always)]
unsafe fn chains<V: Vector, const M: usize, const W: usize, const I: usize, const K: usize>(
    t: Tile,
) {
    if M > V::TILE_ROWS[W - 1] {
        // Known at compile time: this instruction set has no such tile, and no code for it.
        unreachable!("a tile of {M} rows and {W} panels");
    }
    let full = t.last == LANES;
    // SAFETY: `compute`'s contract; the last panel touches only its `last` columns of C and bias.
    unsafe {
        let mut sum = [[V::splat(0.0); W]; M];
        match t.start {
            Start::Zero => {}
            Start::Bias(bias) => {
                for j in 0..W {
                    let from = bias.as_ptr().add(t.column + j * LANES);
                    let x = if full || j + 1 < W {
                        V::load(from)
                    } else {
                        V::load_first(from, t.last)
                    };
                    for i in 0..M {
                        sum[i][j] = x;
                    }
                }
            }
            Start::Accumulate => {
                for i in 0..M {
                    for j in 0..W {
                        let from = t.c.add(i * t.c_stride + j * LANES);
                        sum[i][j] = if full || j + 1 < W {
                            V::load(from)
                        } else {
                            V::load_first(from, t.last)
                        };
                    }
                }
            }
        }
        let (mut a, mut b) = (t.a, t.b);
        for _ in 0..t.depth {
            let mut line = [V::splat(0.0); W];
            for j in 0..W {
                line[j] = V::load(b.add(j * t.panel));
            }
            for i in 0..M {
                let x = V::splat(*a.add(i * I));
                for j in 0..W {
                    sum[i][j] = x.mul_add(line[j], sum[i][j]);
                }
            }
            a = a.add(K);
            b = b.add(LANES);
        }
        for i in 0..M {
            for j in 0..W {
                let to = t.c.add(i * t.c_stride + j * LANES);
                if full || j + 1 < W {
                    sum[i][j].store(to);
                } else {
                    sum[i][j].store_first(to, t.last);
                }
            }
        }
    }
}
