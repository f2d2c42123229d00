//! A block of A, copied into the order in which tiles read it.
//!
//! Tiles read rows of A a number at a time, beside one another, again for every group of panels. So
//! a thread first copies the block, each number once: rounded to its words, at strides known at
//! compile time, small enough for the second-level cache together with a block of B. Every thread
//! keeps one such copy and uses it for all its products.

use super::element::{Element, OFFSET, lines, parts, scale, tile_rows};
use super::tile::{Quantised, Tiles};
use crate::buffer::Buffer;
use crate::rows::{read, write};
use crate::simd::{Vector, WIDTH};
use std::cell::Cell;
use std::ops::Range;

/// No instruction set holds more rows than this in one tile.
pub(super) const TILE_ROWS: usize = 12;
/// Tiles of a block.
pub(super) const TILES: usize = 16;
/// Longest block of k, in words.
pub(super) const MOST_DEPTH: usize = 384;
/// Distance of two rows of a tile: a block of k and a cache line, so that the rows fall into different
/// sets of the cache.
pub(super) const ROW: usize = MOST_DEPTH + WIDTH;
/// Words between two tiles.
const TILE: usize = TILE_ROWS * ROW;
/// Most words of k of a single row.
pub(super) const MOST_DEPTH_ALONE: usize = TILES * TILE - WIDTH;
/// Rows by which requests for memory are ahead where k is contiguous …
const ROWS_AHEAD: usize = 2;
/// … and words of k by which requests for memory are where it is not.
const WORDS_AHEAD: usize = 6;

/// How A lies in memory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// k is contiguous, and rows are `stride` apart.
    Rows { stride: usize },
    /// The rows' index is contiguous, and k counts backwards: the k-th numbers of all rows, which are
    /// `stride`, lie before those of k − 1.
    LastFirst { stride: usize },
}

/// Rows of A over a block of k, before they are copied.
pub(super) struct Source {
    /// The first row's first k.
    pub(super) a: *const f32,
    pub(super) layout: Layout,
    /// All of k, and what of it is copied.
    pub(super) depth: usize,
    /// The sums of all rows, if they are asked for; of [`Layout::LastFirst`] only.
    pub(super) sums: Option<*mut f32>,
    pub(super) range: Range<usize>,
}

/// The copy; see the head of this file.
pub(super) struct PackedA {
    /// (tiles, 12, ROW) for [`Layout::Rows`], where the parts of a row follow one another; (tiles, k, rows of a tile) for
    /// [`Layout::LastFirst`].
    words: Buffer,
    /// Scale and start of every row, in int8.
    quantised: [[Quantised; TILE_ROWS]; TILES],
}

thread_local! {
    static OF_THREAD: Cell<Option<Box<PackedA>>> = const { Cell::new(None) };
}

impl PackedA {
    /// This thread's; to be given back.
    pub(super) fn take() -> Box<PackedA> {
        OF_THREAD.take().unwrap_or_else(|| {
            Box::new(PackedA {
                words: Buffer::zeros(TILES * TILE),
                quantised: [[Quantised::default(); TILE_ROWS]; TILES],
            })
        })
    }

    pub(super) fn give_back(self: Box<PackedA>) {
        OF_THREAD.set(Some(self));
    }

    /// The first word of tile number `tile`.
    pub(super) fn words(&self, tile: usize) -> *const f32 {
        self.words.as_ptr().wrapping_add(tile * TILE)
    }

    pub(super) fn quantised(&self, tile: usize) -> &[Quantised; TILE_ROWS] {
        &self.quantised[tile]
    }

    /// Copies the rows of `tiles`, which count from the first row of the source.
    ///
    /// # Safety
    /// The source has all the numbers that it names; there are at most 16 tiles of 12 rows, over at most
    /// 384 words of k, or one row of [`MOST_DEPTH_ALONE`].
    #[inline(always)]
    pub(super) unsafe fn fill<V: Vector, E: Element>(&mut self, source: &Source, tiles: &Tiles) {
        const { assert!(tile_rows::<V, E>()[0] * parts::<V, E>() <= TILE_ROWS) };
        // SAFETY: passed on.
        unsafe {
            match source.layout {
                Layout::Rows { stride } => {
                    for (tile, rows) in tiles.iter().enumerate() {
                        for (i, row) in rows.enumerate() {
                            self.row::<V, E>(source, (row, stride), (tile, i));
                        }
                    }
                }
                Layout::LastFirst { stride } => {
                    self.last_first::<V, E>(source, stride, tiles);
                }
            }
        }
    }

    /// Row `row` of A as row `i` of a tile.
    ///
    /// # Safety
    /// As for [`PackedA::fill`].
    #[inline(always)]
    unsafe fn row<V: Vector, E: Element>(
        &mut self,
        source: &Source,
        (row, stride): (usize, usize),
        (tile, i): (usize, usize),
    ) {
        let Source {
            a,
            depth,
            ref range,
            ..
        } = *source;
        let words = range.len().div_ceil(E::PER_WORD);
        // SAFETY: the numbers are there by the contract, and whole lines of words fit between two rows. A
        // request touches no memory.
        unsafe {
            let row = a.add(row * stride);
            let parts = parts::<V, E>();
            let out = self.words.as_mut_ptr().add(tile * TILE + i * parts * ROW);
            let scale = if E::SCALED {
                scale::<V>(row, depth)
            } else {
                1.0
            };
            let mut total = V::splat(0.0);
            for word in (0..words).step_by(WIDTH) {
                let k = range.start + word * E::PER_WORD;
                let numbers = (WIDTH * E::PER_WORD).min(range.end - k);
                for line in 0..E::PER_WORD {
                    V::prefetch(row.wrapping_add(ROWS_AHEAD * stride + k + line * WIDTH));
                }
                // Whole lines: what is behind the last word is never read.
                let line: V = E::words(row.add(k), numbers, scale);
                let line = E::parts_of_a(line);
                for (part, line) in line.into_iter().enumerate().take(parts) {
                    line.store(out.add(part * ROW + word));
                }
                if E::SCALED {
                    total = V::dot_bytes(V::splat(ONES).unsigned_parts(), line, total);
                }
            }
            if E::SCALED {
                let begin = begin(total);
                self.quantised[tile][i] = Quantised { scale, begin };
            }
        }
    }

    /// Word after word of all tiles side by side, as they lie in memory; and their sums.
    ///
    /// # Safety
    /// As for [`PackedA::fill`].
    #[inline(always)]
    unsafe fn last_first<V: Vector, E: Element>(
        &mut self,
        source: &Source,
        stride: usize,
        tiles: &Tiles,
    ) {
        let Source {
            sums, ref range, ..
        } = *source;
        // SAFETY: the sums are there by the contract, and a word has no more numbers of k than are left.
        unsafe {
            // Each tile's in a vector of its own: masked, neighbours would wait for one another in memory.
            let mut totals = [V::splat(0.0); TILES];
            if let Some(sums) = sums {
                for (total, rows) in totals.iter_mut().zip(tiles.iter()) {
                    *total = read(sums.add(rows.start), rows.len());
                }
            }
            let whole = range.len() / E::PER_WORD;
            for word in 0..whole {
                self.word::<V, E>((source, stride), tiles, word, E::PER_WORD, &mut totals);
            }
            let rest = range.len() % E::PER_WORD;
            if rest > 0 {
                self.word::<V, E>((source, stride), tiles, whole, rest, &mut totals);
            }
            if let Some(sums) = sums {
                for (total, rows) in totals.into_iter().zip(tiles.iter()) {
                    write(total, sums.add(rows.start), rows.len());
                }
            }
        }
    }

    /// One word of all tiles, of `numbers` of k.
    ///
    /// # Safety
    /// As for [`PackedA::fill`].
    #[inline(always)]
    unsafe fn word<V: Vector, E: Element>(
        &mut self,
        (source, stride): (&Source, usize),
        tiles: &Tiles,
        word: usize,
        numbers: usize,
        totals: &mut [V; TILES],
    ) {
        let k = source.range.start + word * E::PER_WORD;
        let step = -(stride as isize);
        // SAFETY: the numbers are there by the contract, those of all `stride` rows, of which sixteen from the tile's
        // first are read only where there are as many. A word of a tile takes `V::TILE_ROWS[0]` ≤ 12 places, there are at most
        // 384 words, and the sixteen numbers of the last store still lie in the tile. A request touches no memory.
        unsafe {
            let a = source.a.offset(k as isize * step);
            let out = self.words.as_mut_ptr().add(word * V::TILE_ROWS[0]);
            for (tile, rows) in tiles.iter().enumerate() {
                let from = a.add(rows.start);
                for k in 0..E::PER_WORD {
                    V::prefetch(from.wrapping_sub((WORDS_AHEAD * E::PER_WORD + k) * stride));
                }
                // The tile's rows and those behind it, which need no mask: the next word overwrites them.
                let cols = match rows.start + WIDTH <= stride {
                    true => WIDTH,
                    false => rows.len(),
                };
                let lines: [V; 2] = lines(from, step, cols, numbers);
                E::word(lines).store(out.add(tile * TILE));
                if source.sums.is_some() {
                    for line in &lines[..numbers] {
                        totals[tile] = totals[tile].add(*line);
                    }
                }
            }
        }
    }
}

/// The word of four bytes 1.
const ONES: f32 = f32::from_bits(0x0101_0101);

/// [`Quantised::begin`] from the sums of a row's integers.
///
/// # Safety
/// The instructions of `V` are there.
#[inline(always)]
unsafe fn begin<V: Vector>(total: V) -> f32 {
    let mut sums = [0.0_f32; WIDTH];
    // SAFETY: the array has sixteen numbers, and the caller has the instructions.
    unsafe { total.store(sums.as_mut_ptr()) };
    let sum: i32 = sums.iter().map(|x| x.to_bits() as i32).sum();
    f32::from_bits((-OFFSET * sum) as u32)
}
