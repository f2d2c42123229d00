//! Products in f64, for analyses that need more digits than training.
//!
//! ```text
//! out[m, n] = Σ_k a[m, k] · b[k, n]          one chain in ascending k, each product rounded, then each sum
//! ```
//! Without fused multiply-adds every instruction set gives the same bits and the scalar one is not slow. Loops over a tile of
//! 4 × 16 sums that stay in registers; the compiler makes vectors of them for the instruction set at hand. Not packed, so far
//! from the peak of `product`.

use crate::Cpu;
use crate::cpu::{Parts, SHARED_FROM};
use crate::simd::{Op, Vector};
use crate::timer::Kernel;

/// Rows and columns of a tile.
const ROWS: usize = 4;
const COLS: usize = 16;

/// Matrix product in f64: `out` (M, N) = `a` (M, K) · `b` (K, N), all row-major; `inner` is K.
///
/// No fused multiply-adds: every instruction set gives the same bits.
///
/// Threads share the tiles.
pub fn product_f64(cpu: &Cpu, a: &[f64], b: &[f64], inner: usize, out: &mut [f64]) {
    let _time = cpu.time(Kernel::Product);
    assert!(inner > 0, "a product has at least one term");
    let (rows, cols) = (a.len() / inner, b.len() / inner);
    assert!(
        a.len() == rows * inner && b.len() == inner * cols && out.len() == rows * cols,
        "the operands of a product do not fit"
    );
    let (row_tiles, col_tiles) = (rows.div_ceil(ROWS), cols.div_ceil(COLS));
    let parts = Parts::new(out);
    cpu.parallel_from(4 * SHARED_FROM, a.len() * cols, &|worker| {
        // Tiles of the same columns are neighbours, so that their part of b stays in the cache.
        for tile in worker.share(row_tiles * col_tiles) {
            let (row, col) = (tile % row_tiles * ROWS, tile / row_tiles * COLS);
            let height = ROWS.min(rows - row);
            let width = COLS.min(cols - col);
            let tile = Tile {
                a: &a[row * inner..(row + height) * inner],
                b: &b[col..],
                inner,
                stride: cols,
                width,
            };
            let sums = cpu.isa().run(tile);
            for (row, sums) in (row..row + height).zip(&sums) {
                let start = row * cols + col;
                // SAFETY: tiles are disjoint, and each belongs to one thread.
                let to = unsafe { parts.part(start..start + width) };
                to.copy_from_slice(&sums[..width]);
            }
        }
    });
}

struct Tile<'a> {
    /// (at most 4, K)
    a: &'a [f64],
    /// From the tile's first column on; rows are `stride` apart.
    b: &'a [f64],
    inner: usize,
    stride: usize,
    width: usize,
}

impl Op for Tile<'_> {
    type Output = [[f64; COLS]; ROWS];

    #[inline(always)]
    unsafe fn run<V: Vector>(self) -> [[f64; COLS]; ROWS] {
        match (self.a.len() / self.inner, self.width) {
            (ROWS, COLS) => self.whole::<ROWS>(),
            (1, COLS) => self.whole::<1>(),
            _ => self.part(),
        }
    }
}

impl Tile<'_> {
    #[inline(always)]
    fn whole<const R: usize>(&self) -> [[f64; COLS]; ROWS] {
        let mut sums = [[0.0; COLS]; ROWS];
        let rows: [&[f64]; R] = std::array::from_fn(|r| &self.a[r * self.inner..][..self.inner]);
        let mut own = [[0.0; COLS]; R];
        for k in 0..self.inner {
            let b = &self.b[k * self.stride..][..COLS];
            for (row, sums) in rows.iter().zip(&mut own) {
                for (sum, b) in sums.iter_mut().zip(b) {
                    *sum += row[k] * b;
                }
            }
        }
        sums[..R].copy_from_slice(&own);
        sums
    }

    /// A tile at the border.
    #[inline(always)]
    fn part(&self) -> [[f64; COLS]; ROWS] {
        let mut sums = [[0.0; COLS]; ROWS];
        for (row, sums) in self.a.chunks_exact(self.inner).zip(&mut sums) {
            for (k, a) in row.iter().enumerate() {
                let b = &self.b[k * self.stride..][..self.width];
                for (sum, b) in sums.iter_mut().zip(b) {
                    *sum += a * b;
                }
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{SIZES, machines, numbers};

    #[test]
    fn every_machine_adds_in_ascending_k() {
        let wide = |n, seed| -> Vec<f64> {
            let numbers = numbers(n, seed);
            numbers.into_iter().map(|x| f64::from(x) / 3.0).collect()
        };
        for (rows, inner, cols) in SIZES
            .into_iter()
            .flat_map(|n| [(n, 5, 17), (5, n.max(1), 16), (7, 9, n)])
        {
            let (a, b) = (wide(rows * inner, 1), wide(inner * cols, 2));
            let expected: Vec<u64> = (0..rows * cols)
                .map(|at| {
                    let (m, n) = (at / cols, at % cols);
                    let terms = (0..inner).map(|k| a[m * inner + k] * b[k * cols + n]);
                    terms.fold(0.0, |sum, term| sum + term).to_bits()
                })
                .collect();
            for cpu in machines() {
                let mut out = vec![f64::NAN; rows * cols];
                product_f64(&cpu, &a, &b, inner, &mut out);
                let bits: Vec<u64> = out.iter().map(|x| x.to_bits()).collect();
                assert_eq!(bits, expected, "{rows} × {inner} × {cols}");
            }
        }
    }
}
