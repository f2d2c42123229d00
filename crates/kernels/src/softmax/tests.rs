use super::*;
use crate::Isa;
use crate::testing::{SIZES, bits, machines, numbers};

const ROWS: usize = 5;

/// Rows of logits in [−16, 16), targets and weights; row 3 is masked.
fn case(cols: usize) -> (Vec<f32>, Vec<u32>, Vec<f32>) {
    let logits = numbers(ROWS * cols, 7).iter().map(|z| 8.0 * z).collect();
    let targets = (0..ROWS).map(|r| (r * 31 % cols) as u32).collect();
    (logits, targets, vec![1.0, 0.25, 1.0, 0.0, 3.0])
}

fn lengths() -> impl Iterator<Item = usize> {
    SIZES
        .into_iter()
        .filter(|n| *n > 0)
        .chain([1023, 1024, 1025, 5003])
}

/// Probabilities of a row in f64.
fn softmax(row: &[f32]) -> Vec<f64> {
    let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let e: Vec<f64> = row
        .iter()
        .map(|z| (f64::from(*z) - f64::from(max)).exp())
        .collect();
    let sum: f64 = e.iter().sum();
    e.into_iter().map(|e| e / sum).collect()
}

#[test]
fn losses_and_gradients_are_those_of_f64() {
    for (cols, smoothing) in lengths().flat_map(|cols| [(cols, 0.0), (cols, 0.2)]) {
        let (before, targets, weight) = case(cols);
        let cpu = Cpu::new(Isa::detect(), 1);
        let (mut logits, mut nats) = (before.clone(), vec![9.0; ROWS]);
        cross_entropy(&cpu, &mut logits, &targets, &weight, smoothing, &mut nats);
        for r in 0..ROWS {
            let p = softmax(&before[r * cols..(r + 1) * cols]);
            let gradient = &logits[r * cols..(r + 1) * cols];
            let target = targets[r] as usize;
            if weight[r] == 0.0 {
                assert_eq!(nats[r], 0.0);
                assert!(gradient.iter().all(|d| *d == 0.0));
                continue;
            }
            let exact = -p[target].ln();
            assert!((nats[r] - exact).abs() <= 2e-6 * exact.max(1.0));
            for j in 0..cols {
                let one = if j == target { 1.0 } else { 0.0 };
                let on_all = f64::from(smoothing) / cols as f64;
                let label = (1.0 - f64::from(smoothing)) * one + on_all;
                let exact = (p[j] - label) * f64::from(weight[r]);
                let size = p[j].max(one).max(on_all);
                assert!(
                    (f64::from(gradient[j]) - exact).abs() <= 3e-6 * f64::from(weight[r]) * size
                );
            }
        }
    }
}

#[test]
fn every_machine_gives_the_same_bits() {
    for cols in lengths() {
        let (before, targets, weight) = case(cols);
        let mut first: Option<(Vec<u32>, Vec<f64>, Vec<u32>)> = None;
        for cpu in machines() {
            let (mut gradient, mut nats) = (before.clone(), vec![0.0; ROWS]);
            cross_entropy(&cpu, &mut gradient, &targets, &weight, 0.1, &mut nats);
            let mut log_p = before.clone();
            log_softmax(&cpu, cols, &mut log_p);
            let result = (bits(&gradient), nats.clone(), bits(&log_p));
            assert_eq!(*first.get_or_insert_with(|| result.clone()), result);

            let mut scored = vec![0.0; ROWS];
            target_nats(&cpu, &before, &targets, &mut scored);
            scored[3] = 0.0; // masked above
            assert_eq!(scored, nats);
        }
    }
}

#[test]
fn log_probabilities_sum_to_one() {
    let cpu = Cpu::new(Isa::detect(), 2);
    for cols in lengths() {
        let (before, _, _) = case(cols);
        let mut log_p = before.clone();
        log_softmax(&cpu, cols, &mut log_p);
        for (row, before) in log_p.chunks(cols).zip(before.chunks(cols)) {
            let sum: f64 = row.iter().map(|x| f64::from(*x).exp()).sum();
            assert!((sum - 1.0).abs() < 3e-6, "{sum}");
            for (x, p) in row.iter().zip(softmax(before)) {
                assert!((f64::from(*x) - p.ln()).abs() <= 4e-6 * p.ln().abs().max(1.0));
            }
        }
    }
}

#[test]
fn a_row_alone_is_the_row_in_company() {
    let cpu = Cpu::new(Isa::detect(), 3);
    let cols = 1037;
    let (before, targets, weight) = case(cols);
    let (mut together, mut nats) = (before.clone(), vec![0.0; ROWS]);
    cross_entropy(&cpu, &mut together, &targets, &weight, 0.0, &mut nats);
    for r in 0..ROWS {
        let mut row = before[r * cols..(r + 1) * cols].to_vec();
        let mut one = [0.0];
        cross_entropy(
            &cpu,
            &mut row,
            &targets[r..=r],
            &weight[r..=r],
            0.0,
            &mut one,
        );
        assert_eq!(one[0], nats[r]);
        assert_eq!(row, together[r * cols..(r + 1) * cols]);
    }
}

#[test]
fn no_broken_logit_goes_unseen() {
    for cpu in machines() {
        for cols in [1, 7, 16, 33, 2050] {
            for broken in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                for at in [0, cols / 2, cols - 1] {
                    for target in [0, cols - 1] {
                        let mut logits = numbers(cols, 8);
                        logits[at] = broken;
                        let (mut nats, target) = ([0.0], [target as u32]);
                        target_nats(&cpu, &logits, &target, &mut nats);
                        assert!(!nats[0].is_finite());
                        cross_entropy(&cpu, &mut logits, &target, &[1.0], 0.0, &mut nats);
                        assert!(!nats[0].is_finite());
                    }
                }
            }
        }
    }
}

#[test]
fn a_masked_row_may_hold_anything() {
    let cpu = Cpu::new(Isa::detect(), 1);
    let mut logits = [f32::NAN, f32::INFINITY, 0.0];
    let mut nats = [f64::NAN];
    cross_entropy(&cpu, &mut logits, &[u32::MAX], &[0.0], 0.0, &mut nats);
    assert_eq!((logits, nats), ([0.0; 3], [0.0]));
}

#[test]
fn large_logits_do_not_overflow() {
    let cpu = Cpu::new(Isa::detect(), 1);
    let mut logits = [3e38, -3e38, 2.9e38];
    let mut nats = [0.0];
    target_nats(&cpu, &logits, &[1], &mut nats);
    assert!((nats[0] / 6e38 - 1.0).abs() < 1e-6);
    cross_entropy(&cpu, &mut logits, &[0], &[1.0], 0.0, &mut nats);
    assert_eq!((logits, nats), ([0.0; 3], [0.0]));
}

#[test]
fn no_rows_are_no_error() {
    let cpu = Cpu::new(Isa::detect(), 2);
    cross_entropy(&cpu, &mut [], &[], &[], 0.0, &mut []);
    target_nats(&cpu, &[], &[], &mut []);
    log_softmax(&cpu, 3, &mut []);
}
