//! PyTorch's own numbers, and twenty updates through clipping and the optimisers.

use super::small::{ALL_BUFFERS, close, dims, divisor};
use crate::goldens::{Golden, Settings};
use crate::reference::program::{on_disk, widen};
use elman::net::dims::{Activation, Capacity, Cell, Dims};
use elman::net::layer::dropout::{Dropout, Rates};
use elman::net::params::Params;
use elman::text::Window;
use elman::train::bptt::{Engine, LossNorm};
use elman::train::guard::{Guard, UpdateDecision};
use elman::train::objective::Objective;
use elman::train::optim::{Adam, Method, Optimizer, OptimizerState, Sgd, Update};
use elman_kernels::{Cpu, Format, Isa};

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
    let (steps, batch_size) = (settings.steps, settings.batch_size);
    let rows = steps * batch_size;
    let cpu = Cpu::new(Isa::detect(), 2);
    let mut engine = Engine::new(
        cpu,
        golden_dims(settings),
        Capacity::whole(steps, batch_size),
        ALL_BUFFERS,
        Format::F32,
    );
    let initial = golden.named("initial");
    for (tensor, values) in engine.params_mut().tensors_mut() {
        // GRU's `bias_hh` is its last third here, whole in the file.
        let theirs = &initial[tensor.name.as_str()].1;
        values.copy_from_slice(&theirs[theirs.len() - values.len()..]);
    }
    let adam = Adam {
        beta1: settings.betas[0],
        beta2: settings.betas[1],
        eps: settings.eps,
    };
    let optimizer = match settings.optimizer.as_str() {
        "sgd" => Optimizer::Sgd(Sgd {
            momentum: settings.momentum as f32,
            nesterov: false,
        }),
        "adamw" => Optimizer::Adamw(adam),
        _ => Optimizer::Adam(adam),
    };
    let method = Method {
        weight_decay: settings.weight_decay,
        ..Method::plain(optimizer)
    };
    let norm = match settings.norm.as_str() {
        "tokens" => LossNorm::Tokens,
        _ => LossNorm::Sequences,
    };
    let mut optimiser = OptimizerState::new(method, engine.network().layout());
    let mut guard = Guard::default();
    let mut carried = engine.zero_state();
    let (mut losses, mut norms, mut clipped) = (Vec::new(), Vec::new(), 0);
    for update in 0..settings.updates {
        let part = update * rows..(update + 1) * rows;
        let weight = golden.values("mask")[part.clone()].to_vec();
        let window = Window {
            steps,
            batch_size,
            inputs: golden.inputs[part.clone()].to_vec(),
            targets: golden.targets[part].to_vec(),
            real: weight.iter().filter(|w| **w > 0.0).count(),
            weight,
            carry: steps,
            begins: Vec::new(),
            parts: (0..batch_size as u32).collect(),
        };
        let dropout = Dropout {
            rates: Rates::same(settings.dropout),
            seed: settings.seed,
            step: update as u64,
            first: 0,
            first_sequence: 0,
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
            UpdateDecision::Apply(scale) => {
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
fn golden_dims(s: &Settings) -> Dims {
    let cell = match s.cell.as_str() {
        "lstm" => Cell::LSTM,
        "gru" => Cell::GRU,
        name => Cell::elman(Activation::named(name).expect("a known activation")),
    };
    Dims {
        hidden: s.hidden(),
        ..dims(cell, s.vocab, s.embed, 0, 0, s.tied)
    }
}
