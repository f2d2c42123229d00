//! Dropout: units are zeroed at random and the others scaled up, so that the mean stays.
//!
//! Srivastava et al. 2014, in the inverted form; between layers as in Zaremba et al. 2014, never
//! on recurrent connections. The mask is a function of key, step, sequence and unit (see [`dropout`]);
//! it is not stored: forward and backward draw it from the same numbers. It depends on nothing else:
//! not on the batch size, the number of threads or the instruction set.

use crate::Cpu;
use crate::cpu::{Parts, SHARED_FROM};
use crate::philox::philox;
use crate::simd::{Op, Vector};
use crate::timer::Kernel;

/// Multiplies `x` by the dropout mask of `key` in place; its gradient goes through the same call.
///
/// `x` is (T, `batch_size`, `units`). Steps count from `first_step` and sequences
/// from `first_sequence`, so a part of a window or of a batch gets the same mask as in the whole. Unit j of
/// sequence b at step t uses word j mod 4 of
/// `philox([j / 4, first_sequence + b, first_step + t, 0], key)`: with u = ⌊word / 2⁸⌋ / 2²⁴ it becomes
/// x·(1/(1−p)) where u ≥ p, and 0 elsewhere, whatever x was.
///
/// `p` is the probability of dropping a unit, in [0, 1).
pub fn dropout(
    cpu: &Cpu,
    key: [u32; 2],
    p: f32,
    batch_size: usize,
    (first_step, first_sequence): (usize, usize),
    units: usize,
    x: &mut [f32],
) {
    let _time = cpu.time(Kernel::Dropout);
    let (threshold, scale) = threshold_and_scale(p);
    if p == 0.0 || x.is_empty() {
        return;
    }
    assert_eq!(
        x.len() % (batch_size * units),
        0,
        "dropout: x is not (T, B, N)"
    );
    let rows = x.len() / units;
    let x = Parts::new(x);
    cpu.parallel_from(SHARED_FROM, rows * units, &|worker| {
        for row in worker.share(rows) {
            // SAFETY: shares of rows are disjoint.
            let x = unsafe { x.part(row * units..(row + 1) * units) };
            let (step, sequence) = (
                first_step + row / batch_size,
                first_sequence + row % batch_size,
            );
            cpu.isa().run(DropRow {
                key,
                sequence: sequence as u32,
                step: step as u32,
                threshold,
                scale,
                x,
            });
        }
    });
}

/// Multiplies row m of `x` (M, E) by the dropout multiplier of `ids[m]`, 0 or 1/(1−p).
///
/// Rows of one id are dropped or kept together. Id i has the multiplier that unit i of sequence 0 has at step 0 in
/// [`dropout`] under the same key.
pub fn drop_ids(cpu: &Cpu, key: [u32; 2], p: f32, ids: &[u32], x: &mut [f32]) {
    let _time = cpu.time(Kernel::Dropout);
    if p == 0.0 || ids.is_empty() {
        return;
    }
    let (threshold, scale) = threshold_and_scale(p);
    assert!(
        x.len().is_multiple_of(ids.len()),
        "dropout: x is not (M, E)"
    );
    let width = x.len() / ids.len();
    let x = Parts::new(x);
    cpu.parallel_from(SHARED_FROM, x.len(), &|worker| {
        for m in worker.share(ids.len()) {
            // SAFETY: shares of rows are disjoint.
            let row = unsafe { x.part(m * width..(m + 1) * width) };
            let word = philox([ids[m] / 4, 0, 0, 0], key)[ids[m] as usize % 4];
            match word >> 8 >= threshold {
                true => row.iter_mut().for_each(|x| *x *= scale),
                false => row.fill(0.0),
            }
        }
    });
}

/// From the share of units to drop: what the upper 24 bits of a word are compared with, in integers
/// (both products are exact), and the multiplier of what is kept.
fn threshold_and_scale(p: f32) -> (u32, f32) {
    assert!((0.0..1.0).contains(&p), "dropout of {p} is not in [0, 1)");
    ((f64::from(p) * 16_777_216.0).ceil() as u32, 1.0 / (1.0 - p))
}

struct DropRow<'a> {
    key: [u32; 2],
    sequence: u32,
    step: u32,
    threshold: u32,
    scale: f32,
    x: &'a mut [f32],
}

impl Op for DropRow<'_> {
    type Output = ();

    /// `V` is not named: the compiler makes vectors of this loop by itself, eight or sixteen
    /// counters at a time. A closure in it would not be compiled for the instruction set.
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (blocks, rest) = self.x.as_chunks_mut();
        for (block, four) in blocks.iter_mut().enumerate() {
            let words = philox([block as u32, self.sequence, self.step, 0], self.key);
            *four = drop_four(*four, words, self.threshold, self.scale);
        }
        let words = philox([blocks.len() as u32, self.sequence, self.step, 0], self.key);
        let mut four = [0.0; 4];
        four[..rest.len()].copy_from_slice(rest);
        let four = drop_four(four, words, self.threshold, self.scale);
        rest.copy_from_slice(&four[..rest.len()]);
    }
}

#[inline(always)]
fn drop_four(x: [f32; 4], words: [u32; 4], threshold: u32, scale: f32) -> [f32; 4] {
    let mut y = [0.0; 4];
    for i in 0..4 {
        let scaled = x[i] * scale;
        y[i] = if words[i] >> 8 >= threshold {
            scaled
        } else {
            0.0
        };
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::philox::philox;
    use crate::testing::{SIZES, bits, machines, numbers};

    #[test]
    fn the_mask_follows_the_formula_on_every_machine() {
        let (steps, batch_size, (first_step, first_sequence)) = (3, 2, (4, 5));
        for cpu in machines() {
            for units in SIZES {
                for (p, key) in [
                    (0.0, [1, 2]),
                    (0.5, [1, 2]),
                    (0.65, [7, 9]),
                    (0.999, [3, 3]),
                ] {
                    let before = numbers(steps * batch_size * units, 1);
                    let mut x = before.clone();
                    let first = (first_step, first_sequence);
                    dropout(&cpu, key, p, batch_size, first, units, &mut x);
                    let expected = (0..steps * batch_size * units).map(|i| {
                        let (t, b, j) = (i / units / batch_size, i / units % batch_size, i % units);
                        let (step, sequence) =
                            ((first_step + t) as u32, (first_sequence + b) as u32);
                        let counter = [j as u32 / 4, sequence, step, 0];
                        let u = (philox(counter, key)[j % 4] >> 8) as f32 / 16_777_216.0;
                        if u >= p {
                            before[i] * (1.0 / (1.0 - p))
                        } else {
                            0.0
                        }
                    });
                    assert_eq!(bits(&x), bits(&expected.collect::<Vec<_>>()));
                }
            }
        }
    }

    #[test]
    fn ids_are_dropped_as_the_units_of_one_row() {
        let ids = [4u32, 0, 3, 3, 9, 0, 1_000_003, 7, 8, 2];
        for cpu in machines() {
            for width in [1, 5, 33] {
                let before = numbers(ids.len() * width, 2);
                let mut x = before.clone();
                drop_ids(&cpu, [5, 6], 0.5, &ids, &mut x);
                let (mut ones, mut kept) = (vec![1.0; 1_000_004], 0);
                dropout(&cpu, [5, 6], 0.5, 1, (0, 0), ones.len(), &mut ones);
                for (m, id) in ids.iter().enumerate() {
                    let multiplier = ones[*id as usize];
                    kept += usize::from(multiplier > 0.0);
                    for j in m * width..(m + 1) * width {
                        assert_eq!(x[j], before[j] * multiplier, "id {id}");
                    }
                }
                assert!((1..ids.len()).contains(&kept), "{kept} kept");
            }
        }
    }

    #[test]
    fn the_dropped_share_is_p_and_the_mean_stays() {
        let cpu = Cpu::new(crate::Isa::detect(), 2);
        let n = 400_000;
        for p in [0.1f32, 0.5, 0.8] {
            let mut x = vec![1.0f32; n];
            dropout(&cpu, [11, 12], p, 20, (0, 0), 200, &mut x);
            let dropped = x.iter().filter(|x| **x == 0.0).count() as f64 / n as f64;
            let deviation = f64::from(p * (1.0 - p)).sqrt() / (n as f64).sqrt();
            assert!(
                (dropped - f64::from(p)).abs() < 4.0 * deviation,
                "{dropped} for {p}"
            );
        }
    }

    #[test]
    fn a_dropped_infinity_is_zero() {
        let cpu = Cpu::new(crate::Isa::detect(), 1);
        let mut x = vec![f32::INFINITY; 64];
        dropout(&cpu, [1, 1], 0.5, 1, (0, 0), 64, &mut x);
        assert!(x.contains(&0.0) && x.iter().all(|x| !x.is_nan()));
    }

    #[test]
    fn a_part_gets_its_part_of_the_mask() {
        let cpu = Cpu::new(crate::Isa::detect(), 2);
        let (steps, batch_size, units) = (3, 6, 33);
        let mut whole = vec![1.0; steps * batch_size * units];
        dropout(&cpu, [4, 4], 0.5, batch_size, (0, 0), units, &mut whole);
        let last = &whole[2 * batch_size * units..];
        let mut step = vec![1.0; batch_size * units];
        dropout(&cpu, [4, 4], 0.5, batch_size, (2, 0), units, &mut step);
        assert_eq!(step, last);
        let mut part = vec![1.0; 2 * units];
        dropout(&cpu, [4, 4], 0.5, 2, (2, 3), units, &mut part);
        assert_eq!(part, last[3 * units..5 * units]);
    }
}
