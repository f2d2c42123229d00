//! The f32 network against the f64 reference, and against PyTorch.
//!
//! The reference is checked by central differences in `reference_gradients.rs`; here every tensor's
//! gradient of the program itself is compared with it by ‖a − n‖ / max(‖a‖, ‖n‖), for every cell,
//! with carried state, masks, dropout, tying and several layers. The goldens add PyTorch's own
//! numbers, and twenty updates through clipping and the optimisers.

mod goldens;
mod reference;

use elman::dims::{Activation, Cell, Dims, Room, Slots};
use elman::net::layer::dropout::{Dropout, Rates};
use elman::net::params::{Params, Role};
use elman::net::{Network, State};
use elman::rng::{Site, Stream, key};
use elman::text::Window;
use elman::train::bptt::{Engine, LossNorm};
use elman::train::guard::{Guard, Verdict};
use elman::train::objective::Objective;
use elman::train::optim::{Method, Optimiser, Rule, Update};
use elman::train::scheduled::Coins;
use elman_kernels::{Cpu, Format, Isa};
use goldens::{Golden, Settings};
use std::collections::BTreeMap;

const CELLS: [Cell; 5] = [
    Cell::Elman(Activation::Sigmoid),
    Cell::Elman(Activation::Tanh),
    Cell::Elman(Activation::Relu),
    Cell::Lstm,
    Cell::Gru,
];

const ALL_SLOTS: Slots = Slots {
    dropped: true,
    recurrent: true,
};

/// Loss, logits, states and every gradient agree with the reference, at sizes that are no multiple
/// of a vector.
#[test]
fn every_cell_agrees_with_the_reference() {
    for cell in CELLS {
        for (layers, tied, dropout, norm) in [
            (1, false, 0.0, LossNorm::Tokens),
            (3, false, 0.4, LossNorm::Lanes),
            (2, true, 0.25, LossNorm::Tokens),
        ] {
            let dims = dims(cell, 71, if tied { 37 } else { 21 }, 37, layers, tied);
            let rates = Rates::same(dropout);
            agrees_with_reference(dims.clone(), rates, norm.into(), 9, false);
            agrees_with_reference(dims, rates, norm.into(), 9, true);
        }
        // Wider and narrower from layer to layer; tied, to a table of yet another width.
        for (tied, dropout, norm) in [(false, 0.0, LossNorm::Lanes), (true, 0.3, LossNorm::Tokens)]
        {
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
        for (dropout, norm) in [(0.0, LossNorm::Tokens), (0.4, LossNorm::Lanes)] {
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
        for (norm, tied) in [(LossNorm::Tokens, true), (LossNorm::Lanes, false)] {
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
    let (steps, lanes) = (9, 5);
    let rows = steps * lanes;
    let what = format!(
        "{:?} × {:?}, tied {}, {rates:?}, {objective:?}, drawn inputs {drawn}",
        dims.cell, dims.hidden, dims.tied
    );
    let mut draw = Stream::new(key(11, Site::Init, 0));
    let mut engine = random_engine(&dims, Isa::detect(), 2, steps, lanes, &mut draw);
    let mut window = random_window(dims.vocab, steps, lanes, &mut draw);
    // The last lane ends early.
    for t in steps - 3..steps {
        window.weight[t * lanes + lanes - 1] = 0.0;
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
    let initial = widen_state(&carried);
    let mut weights = on_disk(engine.params());
    let dropout = rates.any().then_some(Dropout {
        rates,
        seed: SEED,
        step: STEP,
        first: 0,
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
    let logits = engine.logits(rows, rates.slots().dropped);

    let oracle = reference_network(&dims);
    let zero = oracle.zero_state(lanes);
    let to_usize = |ids: &[u32]| ids.iter().map(|&id| id as usize).collect::<Vec<_>>();
    let run = |steps: usize| {
        let of = |site: &Vec<f64>| site[..site.len() / rows * steps * lanes].to_vec();
        oracle.run(
            &weights,
            &reference::Window {
                steps,
                lanes,
                inputs: &to_usize(&window.inputs[..steps * lanes]),
                targets: &to_usize(&window.targets[..steps * lanes]),
                weights: &widen(&window.weight[..steps * lanes]),
                multipliers: &multipliers.iter().map(of).collect::<Vec<_>>(),
                norm: match norm {
                    LossNorm::Tokens => reference::Norm::Tokens,
                    LossNorm::Lanes => reference::Norm::Lanes,
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
    let (last, next) = (widen_state(&carried), run(stride).last);
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
    let (lanes, layers) = (window.lanes, dims.layers());
    let rates_of = |site| match site {
        0 => rates.input,
        k if k < layers => rates.between,
        _ => rates.output,
    };
    let at_site = |site| {
        let (p, units) = (rates_of(site), dims.input(site));
        let mut ones = vec![1.0; window.steps * lanes * units];
        let key = key(SEED, Site::Dropout(site), STEP);
        elman_kernels::dropout(cpu, key, p, lanes, (0, 0), units, &mut ones);
        if rates.variational {
            let first = ones[..lanes * units].to_vec();
            let steps = ones.chunks_exact_mut(lanes * units);
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

/// Windows whose gradients come together in one update have masks of their own, and what is validated has none.
#[test]
fn dropped_weights_come_back() {
    let (steps, lanes) = (7, 4);
    let rates = Rates {
        weight: 0.5,
        ..Rates::default()
    };
    let dropout = |step| Dropout {
        rates,
        seed: SEED,
        step,
        first: 0,
    };
    for cell in CELLS {
        let dims = dims(cell, 30, 12, 17, 2, false);
        let gradient = |steps_of: &[u64]| {
            let mut draw = Stream::new(key(4, Site::Init, 0));
            let mut engine = random_engine(&dims, Isa::detect(), 2, steps, lanes, &mut draw);
            let window = random_window(dims.vocab, steps, lanes, &mut draw);
            let zero = engine.zero_state();
            let before = engine.score_window(&window, &mut zero.clone());
            for &step in steps_of {
                let dropout = Some(dropout(step));
                engine.run_window(&window, LossNorm::Tokens, dropout, &mut zero.clone());
            }
            let after = engine.score_window(&window, &mut zero.clone());
            assert_eq!(before, after, "{cell}: validation sees a mask");
            engine.grads().clone()
        };
        let (one, other, both) = (gradient(&[1]), gradient(&[2]), gradient(&[1, 2]));
        for (id, tensor) in both.layout().tensors() {
            if tensor.role == Role::RecurrentWeight {
                assert_ne!(one[id], other[id]);
                let sum: Vec<f32> = one[id].iter().zip(&other[id]).map(|(a, b)| a + b).collect();
                assert_eq!(both[id], sum[..], "{cell}, {}", tensor.name);
            }
        }
    }
}

/// The loss of a window with carried state is that of the same steps in one window over everything, bit for bit.
#[test]
fn a_window_with_carried_state_is_the_tail_of_the_full_one() {
    for cell in CELLS {
        let (steps, lanes, tail) = (11, 1, 4);
        let mut draw = Stream::new(key(6, Site::Init, 0));
        let dims = dims(cell, 50, 19, 33, 2, false);
        let mut engine = random_engine(&dims, Isa::detect(), 2, steps, lanes, &mut draw);
        let all = random_window(50, steps, lanes, &mut draw);
        let part = |range: std::ops::Range<usize>| Window {
            steps: range.len(),
            inputs: all.inputs[range.clone()].to_vec(),
            targets: all.targets[range.clone()].to_vec(),
            weight: vec![1.0; range.len()],
            real: range.len(),
            carry: range.len(),
            ..all.clone()
        };
        let mut carried = engine.zero_state();
        engine.run_window(&part(0..steps - tail), LossNorm::Tokens, None, &mut carried);
        let begin = carried.clone();
        let ours = engine.run_window(
            &part(steps - tail..steps),
            LossNorm::Tokens,
            None,
            &mut carried,
        );
        // The full window, of which only the tail carries loss.
        let mut masked = all.clone();
        masked.mask(steps - tail);
        masked.carry = steps - tail;
        let mut state = engine.zero_state();
        let full = engine.run_window(&masked, LossNorm::Tokens, None, &mut state);
        assert_eq!(ours, full, "{cell:?}");
        assert_eq!(begin, state, "{cell:?}");
    }
}

/// In loss and state, a window of 2T is two windows of T with carried state, bit for bit.
#[test]
fn a_window_is_two_windows_in_loss_and_state() {
    for cell in CELLS {
        let (steps, lanes) = (12, 3);
        let mut draw = Stream::new(key(5, Site::Init, 0));
        let dims = dims(cell, 50, 19, 33, 2, false);
        let mut engine = random_engine(&dims, Isa::detect(), 2, steps, lanes, &mut draw);
        let all = random_window(50, steps, lanes, &mut draw);
        let part = |from: usize, to: usize| Window {
            steps: to - from,
            lanes,
            inputs: all.inputs[from * lanes..to * lanes].to_vec(),
            targets: all.targets[from * lanes..to * lanes].to_vec(),
            weight: vec![1.0; (to - from) * lanes],
            real: (to - from) * lanes,
            carry: to - from,
            parts: all.parts.clone(),
        };
        let mut whole_state = engine.zero_state();
        let whole = engine.score_window(&all, &mut whole_state);
        let whole_logits = engine.logits(steps * lanes, false);
        let mut state = engine.zero_state();
        let first = engine.score_window(&part(0, 5), &mut state);
        let mut logits = engine.logits(5 * lanes, false);
        let second = engine.score_window(&part(5, steps), &mut state);
        logits.extend(engine.logits((steps - 5) * lanes, false));
        assert_eq!(state, whole_state, "{cell:?}");
        assert_eq!(logits, whole_logits, "{cell:?}");
        assert!(
            (first.nats + second.nats - whole.nats).abs() < 1e-9,
            "{cell:?}"
        );
    }
}

/// One thread or three, AVX-512 or plain scalar: the same bits after several updates.
#[test]
fn training_bits_do_not_depend_on_threads_or_instruction_set() {
    for cell in [Cell::Elman(Activation::Tanh), Cell::Lstm, Cell::Gru] {
        let dims = Dims {
            hidden: vec![40, 27],
            ..dims(cell, 130, 24, 0, 0, true)
        };
        let expected = trained_bits(&dims, Isa::detect(), 1);
        for isa in Isa::supported() {
            for threads in [1, 2, 3] {
                let same = trained_bits(&dims, isa, threads) == expected;
                assert!(same, "{cell:?} on {} with {threads} threads", isa.name());
            }
        }
    }
}

fn trained_bits(dims: &Dims, isa: Isa, threads: usize) -> Vec<u32> {
    let (steps, lanes) = (7, 6);
    let mut draw = Stream::new(key(9, Site::Init, 0));
    let mut engine = random_engine(dims, isa, threads, steps, lanes, &mut draw);
    let mut carried = engine.zero_state();
    let rule = Rule::Adam {
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-8,
    };
    let method = Method {
        weight_decay: 0.01,
        decoupled: true,
        ..Method::plain(rule)
    };
    let mut optimiser = Optimiser::new(method, engine.network().layout());
    let rates = Rates {
        embed: 0.1,
        weight: 0.4,
        ..Rates::same(0.3)
    };
    let objective = Objective {
        norm: LossNorm::Tokens,
        smoothing: 0.1,
        ar: 2.0,
        tar: 1.0,
    };
    for step in 0..4 {
        let window = random_window(dims.vocab, steps, lanes, &mut draw);
        let dropout = Some(Dropout {
            rates,
            seed: 2,
            step,
            first: 0,
        });
        engine.run_window(&window, objective, dropout, &mut carried);
        let norm = engine.gradient_norm(f32::INFINITY);
        let update = Update {
            scale: (0.5 / norm) as f32,
            ..Update::at(0.01)
        };
        engine.apply(&mut optimiser, &update);
    }
    let weights = engine.params_mut().tensors_mut();
    let numbers = weights.into_iter().flat_map(|(_, values)| values.to_vec());
    numbers.map(f32::to_bits).collect()
}

/// PyTorch's inputs, dropout masks and weights give PyTorch's logits, losses, gradients and norms,
/// and after twenty updates its weights.
#[test]
fn twenty_updates_agree_with_pytorch() {
    for golden in Golden::all() {
        agrees_with_golden(&golden);
    }
}

fn agrees_with_golden(golden: &Golden) {
    const TOLERANCE: f64 = 1e-5;
    let (name, settings) = (&golden.name, &golden.settings);
    let (steps, lanes) = (settings.steps, settings.lanes);
    let rows = steps * lanes;
    let cpu = Cpu::new(Isa::detect(), 2);
    let mut engine = Engine::new(
        cpu,
        golden_dims(settings),
        Room::whole(steps, lanes),
        ALL_SLOTS,
        Format::F32,
    );
    let initial = golden.named("initial");
    for (tensor, values) in engine.params_mut().tensors_mut() {
        // GRU's `bias_hh` is its last third here, whole in the file.
        let theirs = &initial[tensor.name.as_str()].1;
        values.copy_from_slice(&theirs[theirs.len() - values.len()..]);
    }
    let rule = match settings.optimizer.as_str() {
        "sgd" => Rule::Sgd {
            momentum: settings.momentum as f32,
            nesterov: false,
        },
        _ => Rule::Adam {
            beta1: settings.betas[0],
            beta2: settings.betas[1],
            eps: settings.eps,
        },
    };
    let method = Method {
        weight_decay: settings.weight_decay,
        decoupled: settings.optimizer == "adamw",
        ..Method::plain(rule)
    };
    let norm = match settings.norm.as_str() {
        "tokens" => LossNorm::Tokens,
        _ => LossNorm::Lanes,
    };
    let mut optimiser = Optimiser::new(method, engine.network().layout());
    let mut guard = Guard::default();
    let mut carried = engine.zero_state();
    let (mut losses, mut norms, mut clipped) = (Vec::new(), Vec::new(), 0);
    for update in 0..settings.updates {
        let part = update * rows..(update + 1) * rows;
        let weight = golden.values("mask")[part.clone()].to_vec();
        let window = Window {
            steps,
            lanes,
            inputs: golden.inputs[part.clone()].to_vec(),
            targets: golden.targets[part].to_vec(),
            real: weight.iter().filter(|w| **w > 0.0).count(),
            weight,
            carry: steps,
            parts: (0..lanes as u32).collect(),
        };
        let dropout = Dropout {
            rates: Rates::same(settings.dropout),
            seed: settings.seed,
            step: update as u64,
            first: 0,
        };
        let objective = Objective {
            norm,
            smoothing: settings.smoothing,
            ar: settings.ar,
            tar: settings.tar,
        };
        let stats = engine.run_window(&window, objective, Some(dropout), &mut carried);
        if update == 0 {
            let logits = widen(&engine.logits(rows, true));
            close(
                name,
                "logits",
                &logits,
                &widen(golden.values("logits")),
                TOLERANCE,
            );
            compare_named(golden, "gradient", engine.grads(), TOLERANCE);
        }
        losses.push(stats.nats / divisor(norm, &window));
        let norm = engine.gradient_norm(f32::INFINITY);
        norms.push(norm);
        match guard.judge(stats.nats, norm, norm, Some(settings.clip)) {
            Verdict::Apply(scale) => {
                clipped += u32::from(scale < 1.0);
                let update = Update {
                    scale,
                    ..Update::at(settings.lr)
                };
                engine.apply(&mut optimiser, &update);
            }
            verdict => panic!("{name}: {verdict:?}"),
        }
    }
    assert!(clipped > 0, "{name}: clipping was never active");
    for (update, (ours, theirs)) in losses.iter().zip(golden.values("losses")).enumerate() {
        let what = format!("loss {update}");
        close(name, &what, &[*ours], &[f64::from(*theirs)], TOLERANCE);
    }
    close(
        name,
        "norms",
        &norms,
        &widen(golden.values("norms")),
        TOLERANCE,
    );
    compare_named(golden, "final", engine.params(), TOLERANCE);
}

fn compare_named(golden: &Golden, kind: &str, ours: &Params, tolerance: f64) {
    let theirs = golden.named(kind);
    for (tensor, (_, values)) in on_disk(ours) {
        let expected = widen(&theirs[tensor.as_str()].1);
        close(
            &golden.name,
            &format!("{kind} {tensor}"),
            &values,
            &expected,
            tolerance,
        );
    }
}

/// The layout has every tensor once.
#[test]
fn parameters_are_counted_once() {
    let network = Network::new(dims(Cell::Gru, 11, 5, 7, 2, false));
    let layer = |input: usize| 21 * input + 21 * 7 + 21 + 7;
    let expected = 11 * 5 + layer(5) + layer(7) + 11 * 7 + 11;
    assert_eq!(network.layout().parameter_count(), expected);
}

fn dims(cell: Cell, vocab: usize, embed: usize, hidden: usize, layers: usize, tied: bool) -> Dims {
    Dims {
        cell,
        vocab,
        embed,
        hidden: vec![hidden; layers],
        tied,
    }
}

fn golden_dims(s: &Settings) -> Dims {
    let cell = match s.cell.as_str() {
        "lstm" => Cell::Lstm,
        "gru" => Cell::Gru,
        name => Cell::Elman(Activation::named(name).expect("a known activation")),
    };
    Dims {
        hidden: s.hidden(),
        ..dims(cell, s.vocab, s.embed, 0, 0, s.tied)
    }
}

fn reference_network(dims: &Dims) -> reference::Network {
    reference::Network {
        cell: match dims.cell {
            Cell::Elman(Activation::Sigmoid) => reference::Cell::Sigmoid,
            Cell::Elman(Activation::Tanh) => reference::Cell::Tanh,
            Cell::Elman(Activation::Relu) => reference::Cell::Relu,
            Cell::Lstm => reference::Cell::Lstm,
            Cell::Gru => reference::Cell::Gru,
        },
        vocab: dims.vocab,
        embed: dims.embed,
        hidden: dims.hidden.clone(),
        tied: dims.tied,
    }
}

fn random_engine(
    dims: &Dims,
    isa: Isa,
    threads: usize,
    steps: usize,
    lanes: usize,
    draw: &mut Stream,
) -> Engine {
    let mut engine = Engine::new(
        Cpu::new(isa, threads),
        dims.clone(),
        Room::whole(steps, lanes),
        ALL_SLOTS,
        Format::F32,
    );
    for (_, values) in engine.params_mut().tensors_mut() {
        values.iter_mut().for_each(|x| *x = draw.uniform() - 0.5);
    }
    engine
}

fn random_window(vocab: usize, steps: usize, lanes: usize, draw: &mut Stream) -> Window {
    let mut ids = || {
        let id = |_| (draw.uniform() * vocab as f32) as u32;
        (0..steps * lanes).map(id).collect()
    };
    Window {
        steps,
        lanes,
        inputs: ids(),
        targets: ids(),
        weight: vec![1.0; steps * lanes],
        real: steps * lanes,
        carry: steps,
        parts: (0..lanes as u32).collect(),
    }
}

fn divisor(norm: LossNorm, window: &Window) -> f64 {
    match norm {
        LossNorm::Tokens => window.real as f64,
        LossNorm::Lanes => window.lanes as f64,
    }
}

/// An arena's tensors as they are on disk: with a full `bias_hh`, zero except GRU's n part.
fn on_disk(params: &Params) -> BTreeMap<String, (Vec<usize>, Vec<f64>)> {
    let mut out = BTreeMap::new();
    for (id, tensor) in params.layout().tensors() {
        let mut values = widen(&params[id]);
        let mut shape = tensor.shape.clone();
        match tensor.role {
            Role::ResetBias => {
                values.splice(..0, vec![0.0; 2 * shape[0]]);
                shape = vec![3 * shape[0]];
            }
            Role::Bias => {
                let name = tensor.name.replace("bias_ih", "bias_hh");
                out.insert(name, (shape.clone(), vec![0.0; values.len()]));
            }
            _ => {}
        }
        // A GRU's own `bias_hh` comes after its `bias_ih` and replaces the zeros.
        out.insert(tensor.name.clone(), (shape, values));
    }
    out
}

fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&x| f64::from(x)).collect()
}

fn widen_state(state: &State) -> reference::State {
    let c = state.layers.iter().map(|layer| widen(&layer.c));
    reference::State {
        h: state.layers.iter().map(|layer| widen(&layer.h)).collect(),
        c: c.filter(|c| !c.is_empty()).collect(),
    }
}

/// ‖a − b‖ ≤ tolerance · max(‖a‖, ‖b‖).
fn close(case: &str, what: &str, a: &[f64], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len(), "{case}, {what}");
    let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|v| v * v).sum::<f64>().sqrt();
    let difference = norm(&mut a.iter().zip(b).map(|(x, y)| x - y));
    let scale = norm(&mut a.iter().copied()).max(norm(&mut b.iter().copied()));
    assert!(
        difference <= tolerance * scale,
        "{case}, {what}: {difference:.3e} of {scale:.3e}"
    );
}
