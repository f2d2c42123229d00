//! Sums whose order is fixed by the sizes alone.

use crate::Cpu;
use crate::cpu::{Parts, SHARED_FROM};
use crate::rows::{AddRow, share_in_vectors};
use crate::simd::{Op, Vector, WIDTH};
use crate::timer::Kernel;

/// Elements of one partial sum of [`sum_squares`].
const CHUNK: usize = 4096;

/// Computes Σ x², the square of the Euclidean norm.
///
/// Chunks of 4096 elements are summed in f32, sixteen running sums each, and the chunks in f64 in
/// their order. The relative error is below 2·10⁻⁵ ((256 + 4)·2⁻²⁴ at worst) where squares are
/// normal numbers; below 10⁻³⁸ they lose digits, below 10⁻⁴⁵ they count as zero. A square beyond f32
/// (|x| above 1.8·10¹⁹) makes it infinite and a NaN makes it NaN; neither is ever lost.
pub fn sum_squares(cpu: &Cpu, x: &[f32]) -> f64 {
    sum_limited_squares(cpu, x, f32::INFINITY)
}

/// Computes Σ min(|x|, limit)², with the precision of [`sum_squares`]; a NaN makes the sum NaN.
pub fn sum_limited_squares(cpu: &Cpu, x: &[f32], limit: f32) -> f64 {
    let _time = cpu.time(Kernel::Norm);
    let mut partial = vec![0.0; x.len().div_ceil(CHUNK)];
    let chunks = partial.len();
    let parts = Parts::new(&mut partial);
    cpu.parallel_from(SHARED_FROM, x.len(), &|worker| {
        for chunk in worker.share(chunks) {
            let end = x.len().min((chunk + 1) * CHUNK);
            let x = &x[chunk * CHUNK..end];
            let sum = cpu.isa().run(ChunkSquares { x, limit });
            // SAFETY: shares of chunks are disjoint.
            unsafe { parts.part(chunk..chunk + 1)[0] = f64::from(sum) };
        }
    });
    partial.iter().fold(0.0, |sum, x| sum + x)
}

struct ChunkSquares<'a> {
    x: &'a [f32],
    limit: f32,
}

impl Op for ChunkSquares<'_> {
    type Output = f32;

    #[inline(always)]
    unsafe fn run<V: Vector>(self) -> f32 {
        let (x, n) = (self.x.as_ptr(), self.x.len());
        let whole = n - n % WIDTH;
        // SAFETY: the slice has n elements: `whole` of them in full vectors, then the rest.
        unsafe {
            let (mut sums, limit) = (V::splat(0.0), V::splat(self.limit));
            for i in (0..whole).step_by(WIDTH) {
                // The limit is on the left so that NaN passes (see `Vector::min`).
                let x = limit.min(V::load(x.add(i)).abs());
                sums = x.mul_add(x, sums);
            }
            if whole < n {
                let x = limit.min(V::load_first(x.add(whole), n - whole).abs());
                sums = x.mul_add(x, sums);
            }
            sums.sum()
        }
    }
}

/// Adds the sums of columns: `out[n] += Σ_m d[m, first + n]`, from the last m to the first.
///
/// `d` is (M, `width`), `out` (N) belongs to its columns from `first` on.
///
/// Threads share the columns.
pub fn add_column_sums(cpu: &Cpu, d: &[f32], width: usize, first: usize, out: &mut [f32]) {
    let _time = cpu.time(Kernel::ColumnSums);
    let cols = out.len();
    assert!(first + cols <= width, "column sums: d is not wide enough");
    if cols == 0 {
        return;
    }
    assert_eq!(d.len() % width, 0, "column sums: d is not (M, width)");
    let out = Parts::new(out);
    let work = d.len() / width * cols;
    cpu.parallel_from(SHARED_FROM, work, &|worker| {
        let share = share_in_vectors(worker, cols);
        if share.is_empty() {
            return;
        }
        // SAFETY: shares of columns are disjoint.
        let to = unsafe { out.part(share.clone()) };
        for row in d.chunks_exact(width).rev() {
            let from = &row[first..][share.clone()];
            cpu.isa().run(AddRow { from, to });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Isa;
    use crate::testing::{SIZES, bits, machines, numbers};

    #[test]
    fn squares_are_summed_to_the_same_bits_everywhere() {
        for n in SIZES.into_iter().chain([4095, 4096, 4097, 50_001]) {
            let x = numbers(n, 4);
            let exact: f64 = x.iter().map(|x| f64::from(*x).powi(2)).sum();
            let first = sum_squares(&Cpu::new(Isa::detect(), 1), &x);
            assert!(
                (first - exact).abs() <= 1e-6 * exact,
                "{first}, not {exact}"
            );
            for cpu in machines() {
                assert_eq!(sum_squares(&cpu, &x).to_bits(), first.to_bits());
            }
        }
    }

    #[test]
    fn squares_are_limited() {
        for cpu in machines() {
            for n in SIZES.into_iter().chain([4097]) {
                let mut x = numbers(n, 4);
                let limited: Vec<f32> = x.iter().map(|x| x.clamp(-0.3, 0.3)).collect();
                assert_eq!(
                    sum_limited_squares(&cpu, &x, 0.3),
                    sum_squares(&cpu, &limited)
                );
                if n > 0 {
                    x[n - 1] = f32::NAN;
                    assert!(sum_limited_squares(&cpu, &x, 0.3).is_nan());
                }
            }
        }
    }

    #[test]
    fn overflow_and_nan_are_not_lost() {
        for cpu in machines() {
            for n in [1, 17, 10_000] {
                for at in [0, n / 2, n - 1] {
                    let mut x = vec![1.0; n];
                    x[at] = 1e30;
                    assert_eq!(sum_squares(&cpu, &x), f64::INFINITY);
                    x[at] = f32::NAN;
                    assert!(sum_squares(&cpu, &x).is_nan());
                    x[at] = f32::NEG_INFINITY;
                    assert_eq!(sum_squares(&cpu, &x), f64::INFINITY);
                }
            }
        }
    }

    #[test]
    fn columns_are_summed_from_the_last_row_to_the_first() {
        for cpu in machines() {
            for (cols, first, after) in SIZES.into_iter().flat_map(|n| [(n, 0, 0), (n, 3, 2)]) {
                let width = first + cols + after;
                for rows in [0, 1, 5, 40] {
                    let d = numbers(rows * width, 5);
                    let before = numbers(cols, 6);
                    let mut expected = before.clone();
                    for m in (0..rows).rev() {
                        for j in 0..cols {
                            expected[j] += d[m * width + first + j];
                        }
                    }
                    let mut out = before;
                    add_column_sums(&cpu, &d, width, first, &mut out);
                    assert_eq!(bits(&out), bits(&expected));
                }
            }
        }
    }
}
