//! Products of int8 against a plain integer reference, bit for bit.
//!
//! ```text
//! s = max |x| / 127      q = round(x / s)      c ← c + (s_m · s_n) · Σ q_m q_n  for each block of k
//! ```
//! A block has at most 384 words of four numbers; all are about equally long.

use crate::common::{assert_bits, chain, describe, machines, numbers};
use elman_kernels::{Format, Init, Operand, Packed, product};

/// Scale and integers of a row.
fn quantised(row: &[f32]) -> (f32, Vec<i64>) {
    let scale = row.iter().fold(0.0_f32, |most, x| most.max(x.abs())) / 127.0;
    let factor = Some(1.0 / scale).filter(|x| x.is_finite()).unwrap_or(0.0);
    let integers = row.iter().map(|x| (x * factor).round_ties_even() as i64);
    (scale, integers.collect())
}

/// `a` (m, k) times the transpose of `w` (n, k), onto `start` (m, n).
fn reference(k: usize, a: &[f32], w: &[f32], start: &[f32]) -> Vec<f32> {
    let a: Vec<_> = a.chunks(k).map(quantised).collect();
    let w: Vec<_> = w.chunks(k).map(quantised).collect();
    let words = k.div_ceil(4);
    let pieces = words.div_ceil(384);
    let mut c = start.to_vec();
    for (i, c) in c.iter_mut().enumerate() {
        let ((s, x), (t, y)) = (&a[i / w.len()], &w[i % w.len()]);
        for piece in 0..pieces {
            let from = words * piece / pieces * 4;
            let to = k.min(words * (piece + 1) / pieces * 4);
            let sum: i64 = (from..to).map(|l| x[l] * y[l]).sum();
            *c = (sum as f32).mul_add(s * t, *c);
        }
    }
    c
}

fn check(m: usize, k: usize, gates: usize, cols: usize) {
    let n = gates * cols;
    // Rows of very different sizes, one of them zero.
    let size = |row: usize| [1.0, 1e-3, 0.0, 300.0][row % 4];
    let mut a = numbers(1, m * k);
    (0..m * k).for_each(|i| a[i] *= size(i / k));
    let mut w = numbers(2, n * k);
    (0..n * k).for_each(|i| w[i] *= size(i / k + 1));
    let (bias, before) = (numbers(3, n), numbers(4, m * n));
    let biases: Vec<f32> = (0..m * n).map(|i| bias[i % n]).collect();
    let cases = [
        (Init::Zero, reference(k, &a, &w, &vec![0.0; m * n])),
        (Init::Bias(&bias), reference(k, &a, &w, &biases)),
        (Init::Accumulate, reference(k, &a, &w, &before)),
    ];
    for cpu in machines() {
        let mut b = Packed::new(Format::Int8, k, gates, cols);
        b.pack_transposed(&cpu, &w);
        for (which, (init, expected)) in cases.iter().enumerate() {
            let mut c = before.clone();
            product(&cpu, Operand::rows(&a, m, k), &b, *init, &mut c);
            let what = format!(
                "{m}×{k}×({gates}·{cols}), start {which}, {}",
                describe(&cpu)
            );
            assert_bits(&c, expected, &what);
        }
    }
}

#[test]
fn every_size_is_the_integers_sum() {
    for m in [1, 2, 7, 13] {
        for k in [1, 3, 4, 5, 63, 64, 65, 130] {
            for n in [1, 15, 16, 17, 33, 150] {
                check(m, k, 1, n);
            }
        }
    }
    check(5, 40, 4, 20);
}

#[test]
fn blocks_of_k_rows_and_panels_are_the_sizes_alone() {
    for (m, k, n) in [(1, 1536, 40), (1, 1537, 300), (20, 3100, 40), (600, 20, 40)] {
        check(m, k, 1, n);
    }
}

#[test]
fn a_row_does_not_depend_on_its_company() {
    let (m, k, n) = (40, 1700, 70);
    let (a, w) = (numbers(5, m * k), numbers(6, n * k));
    for cpu in machines() {
        let mut b = Packed::new(Format::Int8, k, 1, n);
        b.pack_transposed(&cpu, &w);
        let times = |rows: &[f32]| {
            let mut c = vec![0.0; rows.len() / k * n];
            let a = Operand::rows(rows, rows.len() / k, k);
            product(&cpu, a, &b, Init::Zero, &mut c);
            c
        };
        let together = times(&a);
        for rows in [1, 3, 12] {
            for (i, part) in a.chunks(rows * k).enumerate() {
                let expected = &together[i * rows * n..][..part.len() / k * n];
                assert_bits(&times(part), expected, &describe(&cpu));
            }
        }
    }
}

#[test]
fn what_is_not_finite_makes_its_row_and_column_nan() {
    let (m, k, n) = (14, 20, 37);
    let (mut a, mut w) = (numbers(9, m * k), numbers(10, n * k));
    a[3 * k + 4] = f32::NAN;
    a[5 * k] = f32::NEG_INFINITY;
    w[36 * k + 7] = f32::INFINITY;
    for cpu in machines() {
        let mut b = Packed::new(Format::Int8, k, 1, n);
        b.pack_transposed(&cpu, &w);
        let mut c = vec![0.0; m * n];
        product(&cpu, Operand::rows(&a, m, k), &b, Init::Zero, &mut c);
        for (i, x) in c.iter().enumerate() {
            let expected = i / n != 3 && i / n != 5 && i % n != 36;
            assert_eq!(x.is_finite(), expected, "row {}, column {}", i / n, i % n);
        }
    }
}

#[test]
fn integers_are_close_to_the_numbers() {
    let (m, k, n) = (4, 300, 50);
    let (a, w) = (numbers(7, m * k), numbers(8, n * k));
    let cpu = &machines()[0];
    let mut b = Packed::new(Format::Int8, k, 1, n);
    b.pack_transposed(cpu, &w);
    let panels = 4 * 16 * (k.div_ceil(4) + 1) * 4;
    assert_eq!(Packed::bytes(Format::Int8, k, 1, n), panels);
    let mut c = vec![0.0; m * n];
    product(cpu, Operand::rows(&a, m, k), &b, Init::Zero, &mut c);
    for (i, x) in c.iter().enumerate() {
        let exact = chain(0.0, k, |l| a[i / n * k + l], |l| w[i % n * k + l]);
        // Two roundings of at most 1/254 each, as random as the numbers.
        assert!((x - exact).abs() < 0.3, "{x} for {exact}");
    }
}
