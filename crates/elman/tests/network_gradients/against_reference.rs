//! Every cell and every regulariser against the f64 reference.

use super::small::{close, dims, divisor, random_engine, random_window};
use crate::reference;
use crate::reference::program::{self, CELLS, on_disk, widen};
use elman::net::dims::Dims;
use elman::net::layer::dropout::{Dropout, Rates};
use elman::text::Window;
use elman::train::bptt::LossNorm;
use elman::train::objective::Objective;
use elman::train::scheduled::Coins;
use elman_kernels::rng::{Site, Stream, key};
use elman_kernels::{Cpu, Isa};

/// Loss, logits, states and every gradient agree with the reference, at sizes that are no multiple
/// of a vector.
#[test]
fn every_cell_agrees_with_the_reference() {
    for cell in CELLS {
        for (layers, tied, dropout, norm) in [
            (1, false, 0.0, LossNorm::Tokens),
            (3, false, 0.4, LossNorm::Sequences),
            (2, true, 0.25, LossNorm::Tokens),
        ] {
            let dims = dims(cell, 71, if tied { 37 } else { 21 }, 37, layers, tied);
            let rates = Rates::same(dropout);
            agrees_with_reference(dims.clone(), rates, norm.into(), 9, false);
            agrees_with_reference(dims, rates, norm.into(), 9, true);
        }
        // Wider and narrower from layer to layer; tied, to a table of yet another width.
        for (tied, dropout, norm) in [
            (false, 0.0, LossNorm::Sequences),
            (true, 0.3, LossNorm::Tokens),
        ] {
            let dims = Dims {
                hidden: vec![37, 50, 19],
                ..dims(cell, 71, 21, 0, 0, tied)
            };
            agrees_with_reference(dims, Rates::same(dropout), norm.into(), 9, true);
        }
    }
}

/// Windows that overlap: of nine steps the last three are new, and the next window begins after the third.
#[test]
fn an_overlapping_window_agrees_with_the_reference() {
    for cell in CELLS {
        for (dropout, norm) in [(0.0, LossNorm::Tokens), (0.4, LossNorm::Sequences)] {
            for drawn in [false, true] {
                let dims = dims(cell, 71, 21, 37, 2, false);
                agrees_with_reference(dims, Rates::same(dropout), norm.into(), 3, drawn);
            }
        }
    }
}

/// Each kind of dropout, each with its mask, and everything at once.
#[test]
fn every_regulariser_agrees_with_the_reference() {
    let p = 0.3;
    let none = Rates::default();
    let rates = [
        Rates { input: p, ..none },
        Rates { between: p, ..none },
        Rates { output: p, ..none },
        Rates { embed: p, ..none },
        Rates { weight: p, ..none },
        Rates {
            input: 0.5,
            between: 0.2,
            output: 0.4,
            embed: 0.1,
            weight: 0.5,
            variational: true,
        },
    ];
    for cell in CELLS {
        for (norm, tied) in [(LossNorm::Tokens, true), (LossNorm::Sequences, false)] {
            let dims = || Dims {
                hidden: vec![37, 50, 19],
                ..dims(cell, 71, 21, 0, 0, tied)
            };
            for rates in rates {
                agrees_with_reference(dims(), rates, norm.into(), 9, false);
            }
            for (smoothing, ar, tar) in [(0.1, 0.0, 0.0), (0.0, 2.0, 0.0), (0.0, 0.0, 1.5)] {
                let objective = Objective {
                    norm,
                    smoothing,
                    ar,
                    tar,
                };
                agrees_with_reference(dims(), none, objective, 9, false);
            }
            let all = Objective {
                norm,
                smoothing: 0.1,
                ar: 2.0,
                tar: 1.0,
            };
            for (stride, drawn) in [(9, false), (9, true), (4, false)] {
                agrees_with_reference(dims(), rates[5], all, stride, drawn);
            }
        }
    }
}

/// A window of nine steps of which the last `stride` are new; `drawn`: with half of the inputs drawn from the network,
/// which are constants for the gradient.
fn agrees_with_reference(
    dims: Dims,
    rates: Rates,
    objective: Objective,
    stride: usize,
    drawn: bool,
) {
    let (steps, batch_size) = (9, 5);
    let rows = steps * batch_size;
    let what = format!(
        "{:?} × {:?}, tied {}, {rates:?}, {objective:?}, drawn inputs {drawn}",
        dims.cell, dims.hidden, dims.tied
    );
    let mut draw = Stream::new(key(11, Site::Init, 0));
    let mut engine = random_engine(&dims, Isa::detect(), 2, steps, batch_size, &mut draw);
    let mut window = random_window(dims.vocab, steps, batch_size, &mut draw);
    // The last sequence ends early.
    for t in steps - 3..steps {
        window.weight[t * batch_size + batch_size - 1] = 0.0;
    }
    window.real -= 3;
    window.mask(steps - stride);
    window.carry = stride;
    let mut carried = engine.zero_state();
    for layer in &mut carried.layers {
        for x in layer.h.iter_mut().chain(&mut layer.c) {
            *x = draw.uniform() - 0.5;
        }
    }
    let initial = program::state(&carried);
    let mut weights = on_disk(engine.params());
    let dropout = rates.any().then_some(Dropout {
        rates,
        seed: SEED,
        step: STEP,
        first: 0,
        first_sequence: 0,
    });
    // The reference multiplies with what weight drop leaves.
    let masks: Vec<Vec<f64>> = (0..dims.layers())
        .map(|k| weight_mask(engine.cpu(), &dims, rates, k))
        .collect();
    for (k, mask) in masks.iter().enumerate() {
        let w_h = weights.get_mut(&format!("rnn.weight_hh_l{k}"));
        multiply(&mut w_h.expect("every layer has one").1, mask);
    }
    if drawn {
        let given = window.inputs.clone();
        let coins = Coins::new(0.5, 3, 8);
        let count = engine.draw_inputs(&mut window, coins, dropout, &carried);
        assert!(count > rows / 4 && window.inputs != given, "{what}");
    }

    // Words are dropped by what is read in the end.
    let multipliers = match dropout {
        Some(_) => multipliers(engine.cpu(), &dims, rates, &window),
        None => Vec::new(),
    };
    let norm = objective.norm;
    let stats = engine.run_window(&window, objective, dropout, &mut carried);
    let logits = engine.logits(rows, rates.buffers().dropped);

    let oracle = program::network(&dims);
    let zero = oracle.zero_state(batch_size);
    let to_usize = |ids: &[u32]| ids.iter().map(|&id| id as usize).collect::<Vec<_>>();
    let run = |steps: usize| {
        let of = |site: &Vec<f64>| site[..site.len() / rows * steps * batch_size].to_vec();
        oracle.run(
            &weights,
            &reference::Window {
                steps,
                batch_size,
                inputs: &to_usize(&window.inputs[..steps * batch_size]),
                targets: &to_usize(&window.targets[..steps * batch_size]),
                weights: &widen(&window.weight[..steps * batch_size]),
                multipliers: &multipliers.iter().map(of).collect::<Vec<_>>(),
                norm: match norm {
                    LossNorm::Tokens => reference::Norm::Tokens,
                    LossNorm::Sequences => reference::Norm::Sequences,
                },
                regularisers: reference::Regularisers {
                    smoothing: f64::from(objective.smoothing),
                    ar: objective.ar,
                    tar: objective.tar,
                },
                initial: &initial,
                d_final: &zero,
            },
        )
    };
    let expected = run(steps);
    let loss = stats.nats / divisor(norm, &window);
    close(&what, "loss", &[loss], &[expected.loss], 1e-6);
    close(&what, "logits", &widen(&logits), &expected.logits, 1e-5);
    let (last, next) = (program::state(&carried), run(stride).last);
    for (ours, theirs) in last
        .h
        .iter()
        .chain(&last.c)
        .zip(next.h.iter().chain(&next.c))
    {
        close(&what, "state", ours, theirs, 1e-5);
    }
    for (name, (_, gradient)) in on_disk(engine.grads()) {
        let mut theirs = expected.gradients[&name].1.clone();
        if let Some(k) = name.strip_prefix("rnn.weight_hh_l") {
            multiply(&mut theirs, &masks[k.parse::<usize>().expect("a layer")]);
        }
        close(&what, &name, &gradient, &theirs, 1e-4);
    }
}

const SEED: u64 = 3;
const STEP: u64 = 8;

/// What dropout multiplies with at every site, as docs/MATH.md says: drawn by unit, or by word and then by unit.
fn multipliers(cpu: &Cpu, dims: &Dims, rates: Rates, window: &Window) -> Vec<Vec<f64>> {
    let (batch_size, layers) = (window.batch_size, dims.layers());
    let rates_of = |site| match site {
        0 => rates.input,
        k if k < layers => rates.between,
        _ => rates.output,
    };
    let at_site = |site| {
        let (p, units) = (rates_of(site), dims.input(site));
        let mut ones = vec![1.0; window.steps * batch_size * units];
        let key = key(SEED, Site::Dropout(site), STEP);
        elman_kernels::dropout(cpu, key, p, batch_size, (0, 0), units, &mut ones);
        if rates.variational {
            let first = ones[..batch_size * units].to_vec();
            let steps = ones.chunks_exact_mut(batch_size * units);
            steps.for_each(|step| step.copy_from_slice(&first));
        }
        widen(&ones)
    };
    let mut multipliers: Vec<Vec<f64>> = (0..=layers).map(at_site).collect();
    let mut words = vec![1.0; dims.vocab];
    let key = key(SEED, Site::EmbeddingRows, STEP);
    elman_kernels::dropout(cpu, key, rates.embed, 1, (0, 0), dims.vocab, &mut words);
    for (row, id) in multipliers[0]
        .chunks_exact_mut(dims.embed)
        .zip(&window.inputs)
    {
        row.iter_mut()
            .for_each(|m| *m *= f64::from(words[*id as usize]));
    }
    multipliers
}

/// What weight drop multiplies the recurrent weights of layer `k` with.
fn weight_mask(cpu: &Cpu, dims: &Dims, rates: Rates, k: usize) -> Vec<f64> {
    let hidden = dims.hidden[k];
    let mut ones = vec![1.0; dims.cell.gates() * hidden * hidden];
    let key = key(SEED, Site::RecurrentWeights(k), STEP);
    elman_kernels::dropout(cpu, key, rates.weight, 1, (0, 0), hidden, &mut ones);
    widen(&ones)
}

fn multiply(values: &mut [f64], factors: &[f64]) {
    values.iter_mut().zip(factors).for_each(|(x, m)| *x *= m);
}
