//! The time loop of every cell against one sequence, one unit, one step at a time: bit for bit on every machine.
//! Then two laws: windows may be cut anywhere, and gradients are differences of the loss.

use crate::cells::{Grads, Outputs, Problem, reference};
use crate::common::{assert_bits, describe, machines, numbers};
use elman_kernels::{Activation, Cell, Cpu, Format, Isa};

const CELLS: [Cell; Cell::ALL.len()] = Cell::ALL;

#[test]
fn sweeps_equal_the_equations_bit_for_bit() {
    let machines = machines();
    for cell in CELLS {
        for (steps, batch_size, units) in [
            (1, 1, 1),
            (1, 1, 17),
            (3, 2, 15),
            (4, 1, 65),
            (3, 13, 33),
            (2, 25, 16),
            (2, 7, 130),
            (2, 20, 200),
        ] {
            let problem = Problem::new(cell, steps, batch_size, units);
            let (expected, expected_grads) = reference(&problem);
            for cpu in &machines {
                let what = format!("{cell:?} {steps}×{batch_size}×{units}, {}", describe(cpu));
                let outputs = problem.forward(cpu);
                expected.assert_equal(&outputs, &what);
                expected_grads.assert_equal(&problem.backward(cpu, outputs), &what);
            }
        }
    }
}

#[test]
fn a_window_may_be_cut_anywhere() {
    for cpu in machines() {
        for cell in CELLS {
            let whole = Problem::new(cell, 6, 5, 40);
            let outputs = whole.forward(&cpu);
            let grads = whole.backward(&cpu, outputs.clone());
            for cut in [1, 3, 5] {
                let mut first = whole.steps(0..cut);
                let before = first.forward(&cpu);
                let mut second = whole.steps(cut..6);
                second.h0 = before.last_h(&first).to_vec();
                second.c0 = before.last_c(&first).to_vec();
                let after = second.forward(&cpu);
                let what = format!("{cell:?} cut at {cut}, {}", describe(&cpu));
                outputs.assert_equal(&Outputs::join(&before, &after), &what);

                let later = second.backward(&cpu, after);
                first.dh_next = later.dh_0.clone();
                first.dc_next = later.dc_0.clone();
                let earlier = first.backward(&cpu, before);
                grads.assert_equal(&Grads::join(&earlier, &later), &what);
            }
        }
    }
}

#[test]
fn a_sequence_does_not_depend_on_its_company() {
    let (steps, batch_size, units) = (3, 14, 50);
    for cpu in machines() {
        for cell in CELLS {
            let together = Problem::new(cell, steps, batch_size, units);
            let all = together.forward(&cpu).h;
            for sequence in [0, 6, 13] {
                let alone = together.sequence(sequence).forward(&cpu).h;
                let lane_of_all: Vec<f32> = (0..steps)
                    .flat_map(|t| &all[(t * batch_size + sequence) * units..][..units])
                    .copied()
                    .collect();
                assert_bits(
                    &alone,
                    &lane_of_all,
                    &format!("{cell:?} sequence {sequence}"),
                );
            }
        }
    }
}

/// What holds in f32 by the equations holds in the other formats as laws: neither threads, company nor
/// where a window is cut change a bit, in int8 nor the instruction set; and the numbers are near those of f32.
#[test]
fn other_formats_keep_the_laws() {
    let (steps, batch_size, units) = (4, 5, 70);
    for (format, tolerance) in [(Format::Bf16, 0.02), (Format::Int8, 0.04)] {
        for cell in CELLS {
            let f32 = Problem::new(cell, steps, batch_size, units);
            let exact = f32.forward(&Cpu::new(Isa::detect(), 1));
            let problem = Problem { format, ..f32 };
            let mut known: Vec<(&str, Outputs)> = Vec::new();
            for cpu in machines() {
                let what = format!("{format:?}, {cell:?}, {}", describe(&cpu));
                let outputs = problem.forward(&cpu);
                let group = match format {
                    Format::Int8 => "any",
                    _ => cpu.isa().name(),
                };
                match known.iter().find(|(name, _)| *name == group) {
                    Some((_, first)) => first.assert_equal(&outputs, &what),
                    None => known.push((group, outputs.clone())),
                }
                let first = problem.steps(0..3);
                let before = first.forward(&cpu);
                let mut second = problem.steps(3..steps);
                second.h0 = before.last_h(&first).to_vec();
                second.c0 = before.last_c(&first).to_vec();
                outputs.assert_equal(&Outputs::join(&before, &second.forward(&cpu)), &what);
                let alone = problem.sequence(2).forward(&cpu).h;
                for (t, row) in alone.chunks(units).enumerate() {
                    assert_bits(
                        row,
                        &outputs.h[(t * batch_size + 2) * units..][..units],
                        &what,
                    );
                }
                let error = |x: &f32, y: &f32| f64::from(x - y).powi(2);
                let distance: f64 = outputs
                    .h
                    .iter()
                    .zip(&exact.h)
                    .map(|(x, y)| error(x, y))
                    .sum();
                let size: f64 = exact.h.iter().map(|x| error(x, &0.0)).sum();
                let relative = (distance / size).sqrt();
                assert!(relative > 0.0 && relative < tolerance, "{what}: {relative}");
            }
        }
    }
}

/// The loss is Σ dh_t·h_t + dh_next·h_T + dc_next·c_T, so that its gradients at the x-part, h_0 and
/// c_0 are what the backward sweeps give.
#[test]
fn gradients_are_differences_of_the_loss() {
    let cpu = Cpu::new(Isa::detect(), 2);
    for cell in CELLS {
        let problem = Problem::new(cell, 4, 3, 20);
        let grads = problem.backward(&cpu, problem.forward(&cpu));
        let difference = |change: &dyn Fn(&mut Problem, f32)| -> f64 {
            let step = 1.0 / 512.0;
            let at = |step: f32| {
                let mut moved = problem.clone();
                change(&mut moved, step);
                moved.loss(&moved.forward(&cpu))
            };
            (at(step) - at(-step)) / (2.0 * f64::from(step))
        };
        let close = |analytic: f32, numeric: f64, what: &str| {
            let error = (f64::from(analytic) - numeric).abs();
            assert!(
                error < 2e-3 * (1.0 + numeric.abs()),
                "{cell:?} {what}: {analytic}, {numeric}"
            );
        };
        if cell == Cell::elman(Activation::Relu) {
            continue; // its kinks make differences meaningless; the equations are checked above
        }
        for i in (0..problem.x.len()).step_by(7) {
            let numeric = difference(&|p, step| p.x[i] += step);
            close(grads.dz_x[i], numeric, &format!("x-part {i}"));
        }
        for i in 0..problem.h0.len() {
            close(grads.dh_0[i], difference(&|p, step| p.h0[i] += step), "h_0");
        }
        for i in 0..problem.c0.len() {
            close(grads.dc_0[i], difference(&|p, step| p.c0[i] += step), "c_0");
        }
    }
}

#[test]
fn nan_in_a_sequence_stays_in_it() {
    let cpu = Cpu::new(Isa::detect(), 2);
    for cell in CELLS {
        let mut problem = Problem::new(cell, 2, 6, 33);
        problem.h0 = numbers(1, 6 * 33);
        problem.h0[2 * 33 + 5] = f32::NAN;
        let h = problem.forward(&cpu).h;
        for (i, x) in h.iter().enumerate() {
            assert_eq!(x.is_nan(), i / 33 % 6 == 2, "{cell:?} number {i}");
        }
    }
}

#[test]
#[should_panic(expected = "recurrent weights (20, 1, 20), not (20, 4, 20)")]
fn weights_must_fit_the_cell() {
    let cpu = Cpu::new(Isa::detect(), 1);
    let w_h = elman_kernels::Packed::new(Format::F32, 20, 1, 20);
    let window = elman_kernels::ForwardWindow {
        w_h: &w_h,
        b_q: &[],
        h0: &[0.0; 20],
        c0: &[0.0; 20],
        gates: &mut [0.0; 80],
        q: &mut [],
        h: &mut [0.0; 20],
        c: &mut [0.0; 20],
    };
    Cell::LSTM.forward(&cpu, window);
}
