//! The innermost loop of a product: a row of tiles of C, one after the other in registers, k ascending.
//!
//! A tile is M rows by W panels of sixteen columns. Its M·W accumulators start from C, a bias or
//! zero and take one fused multiply-add per word of k, so every element of C is one chain whatever
//! M, W and the length of a block of k are. That is what makes rows independent of their company.
//!
//! In int8 the accumulators are integers; at the end of a block of k the sum is scaled and joins the
//! chain as one link. There the blocks matter, and they follow from the depth alone.
//!
//! A turn of the loop computes several words of k ([`Vector::TURN`]): what it costs beside its multiplications takes
//! their places. While it computes, a tile requests the memory that is needed next ([`Prefetch`](super::tile::Prefetch)), so that the
//! arithmetic seldom waits for more than the second-level cache.

use super::element::{Element, parts};
use super::packed_a::ROW;
use super::tile::{TileRow, is_there};
use crate::simd::{RawOp, Vector, WIDTH};
use std::marker::PhantomData;

/// The kernel for tiles of M rows and W panels.
///
/// # Safety
/// To run it the caller proves what [`compute`](super::tile::compute) asks for, of tiles whose code has M rows.
pub(super) struct Microkernel<'a, E, const M: usize, const W: usize, const LAST_FIRST: bool>(
    pub(super) &'a TileRow<'a>,
    pub(super) PhantomData<E>,
);

/// The places of one tile of a row of tiles.
struct Place {
    /// Number of the tile.
    number: usize,
    b: *const f32,
    start: *const f32,
    c: *mut f32,
    /// In int8, of the columns' scales.
    scales: *const f32,
    /// Columns of the last panel that are in C, 1 to 16.
    last: usize,
}

impl<E: Element, const M: usize, const W: usize, const LAST_FIRST: bool> RawOp
    for Microkernel<'_, E, M, W, LAST_FIRST>
{
    type Output = ();

    #[inline(always)]
    unsafe fn run_raw<V: Vector>(self) {
        let t = self.0;
        let mut place = Place {
            number: 0,
            b: t.b,
            start: t.start,
            c: t.c,
            scales: t.scales,
            last: WIDTH,
        };
        while place.number < t.count {
            if place.number + 1 == t.count {
                place.last = t.last;
            }
            // SAFETY: the contract of `tile::compute`; the places of a row of tiles are `count` times those of a tile.
            unsafe {
                let mut sum = match E::SCALED {
                    false => self.starts::<V>(&place),
                    true => self.begins::<V>(),
                };
                self.multiply::<V>(&place, &mut sum);
                if E::SCALED {
                    self.scale::<V>(&place, &mut sum);
                }
                self.store::<V>(&place, sum);
            }
            place = Place {
                number: place.number + 1,
                b: place.b.wrapping_add(W * t.panel),
                start: place.start.wrapping_add(t.start_step),
                c: place.c.wrapping_add(W * WIDTH),
                scales: place.scales.wrapping_add(W * WIDTH),
                last: place.last,
            };
        }
    }
}

/// Steps of a microkernel. The last panel touches only its `last` columns of C, of a bias and of what the sums
/// start from.
impl<E: Element, const M: usize, const W: usize, const LAST_FIRST: bool>
    Microkernel<'_, E, M, W, LAST_FIRST>
{
    /// Whether all columns of panel `j` of W are in C.
    #[inline(always)]
    fn is_whole(place: &Place, j: usize) -> bool {
        j + 1 < W || place.last == WIDTH
    }

    /// Where the initial value of the sum in row `i` and panel `j` is. A row that C does not have starts as the last one that it has.
    #[inline(always)]
    fn start<V: Vector>(&self, place: &Place, i: usize, j: usize) -> *const f32 {
        let row = match is_there::<V, M, LAST_FIRST>(i) {
            true => i,
            false => i.min(self.0.rows - 1),
        };
        let offset = row * self.0.start_stride + j * WIDTH;
        place.start.wrapping_add(offset)
    }

    /// In int8: where the sums of integers begin.
    ///
    /// # Safety
    /// As for [`compute`](super::tile::compute).
    #[inline(always)]
    unsafe fn begins<V: Vector>(&self) -> [[V; W]; M] {
        // SAFETY: passed on.
        unsafe {
            let mut sum = [[V::splat(0.0); W]; M];
            for i in 0..M {
                sum[i] = [V::splat(self.0.quantised[i].begin); W];
            }
            sum
        }
    }

    /// Initial values of the sums.
    ///
    /// # Safety
    /// As for [`compute`](super::tile::compute), and the place is that of one of the tiles.
    #[inline(always)]
    unsafe fn starts<V: Vector>(&self, place: &Place) -> [[V; W]; M] {
        // SAFETY: passed on.
        unsafe {
            let mut sum = [[V::splat(0.0); W]; M];
            // One branch for a panel: with one for each sum the compiler keeps them in memory.
            for j in 0..W {
                if Self::is_whole(place, j) {
                    for i in 0..M {
                        sum[i][j] = V::load(self.start::<V>(place, i, j));
                    }
                } else {
                    for i in 0..M {
                        sum[i][j] = V::load_first(self.start::<V>(place, i, j), place.last);
                    }
                }
            }
            sum
        }
    }

    /// Adds the products over all words of k, and asks for memory meanwhile.
    ///
    /// # Safety
    /// As for [`compute`](super::tile::compute), and the place is that of one of the tiles.
    #[inline(always)]
    unsafe fn multiply<V: Vector>(&self, place: &Place, sum: &mut [[V; W]; M]) {
        let t = self.0;
        // Word (i, k) of A is `a[i·next_row + k·next_word]`, or its first part.
        let (next_row, next_word) = match LAST_FIRST {
            false => (ROW * parts::<V, E>(), 1),
            true => (1, V::TILE_ROWS[0]),
        };
        let (mut a, mut b) = (t.a, place.b);
        let mut next_b = b.wrapping_offset(t.prefetch.b);
        // Each of the tiles asks for its part of the words.
        let next = t.prefetch.a;
        let mut next_a = next.word(next.count * place.number / t.count);
        let last_a = next.word(next.count * (place.number + 1) / t.count);
        let mut next_c = place.c.wrapping_add(W * WIDTH);
        let last_c = next_c.wrapping_add((M - 1) * t.c_stride);
        // SAFETY: the copy of A has M rows for every tile (`PackedA::fill` checks at compile time that they fit), and each
        // panel has a line for every word.
        unsafe {
            for _ in 0..t.depth / V::TURN {
                // A single row reads straight through, which processors see and do by themselves.
                if M > 1 {
                    // C is written at the end of this tile; that of the next may be read at once.
                    for j in 0..W {
                        V::prefetch_write(next_c.wrapping_add(j * WIDTH));
                        V::prefetch(next_b.wrapping_add(j * t.panel));
                    }
                    next_c = next_c.wrapping_add(t.c_stride).min(last_c);
                    if LAST_FIRST {
                        V::prefetch(next_a);
                        next_a = next_a.wrapping_offset(next.step).max(last_a);
                    }
                    next_b = next_b.wrapping_add(t.prefetch.b_step);
                }
                for _ in 0..V::TURN {
                    word::<V, E, M, W>(sum, (a, next_row), (b, t.panel));
                    a = a.add(next_word);
                    b = b.add(WIDTH);
                }
            }
            for _ in 0..t.depth % V::TURN {
                word::<V, E, M, W>(sum, (a, next_row), (b, t.panel));
                a = a.add(next_word);
                b = b.add(WIDTH);
            }
        }
    }

    /// In int8: the sums of integers, scaled, onto what the chains start from.
    ///
    /// # Safety
    /// As for [`compute`](super::tile::compute), and the place is that of one of the tiles.
    #[inline(always)]
    unsafe fn scale<V: Vector>(&self, place: &Place, sum: &mut [[V; W]; M]) {
        // SAFETY: passed on; every panel has sixteen scales.
        unsafe {
            let starts = self.starts::<V>(place);
            for j in 0..W {
                let columns = V::load(place.scales.wrapping_add(j * WIDTH));
                for i in 0..M {
                    let scale = V::splat(self.0.quantised[i].scale).mul(columns);
                    sum[i][j] = sum[i][j].integers_to_f32().mul_add(scale, starts[i][j]);
                }
            }
        }
    }

    /// Writes the rows and columns that C has.
    ///
    /// # Safety
    /// As for [`compute`](super::tile::compute), and the place is that of one of the tiles.
    #[inline(always)]
    unsafe fn store<V: Vector>(&self, place: &Place, sum: [[V; W]; M]) {
        let t = self.0;
        for i in 0..M {
            if !is_there::<V, M, LAST_FIRST>(i) && i >= t.rows {
                break;
            }
            for j in 0..W {
                // SAFETY: passed on.
                unsafe {
                    let to = place.c.add(i * t.c_stride + j * WIDTH);
                    match Self::is_whole(place, j) {
                        true => sum[i][j].store(to),
                        false => sum[i][j].store_first(to, place.last),
                    }
                }
            }
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
