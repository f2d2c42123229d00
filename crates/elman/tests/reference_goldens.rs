//! The f64 reference against PyTorch: two oracles that share no line of code agree on the first
//! update of every golden case, in logits, nats, loss, states and all gradients.

use crate::goldens::Golden;
use crate::reference::program::widen;
use crate::reference::{Cell, Network, Norm, Regularisers, Tensors, Window};

const TOLERANCE: f64 = 1e-5;

#[test]
fn reference_reproduces_pytorch() {
    for golden in Golden::all() {
        let settings = &golden.settings;
        let network = Network {
            cell: match settings.cell.as_str() {
                "sigmoid" => Cell::Sigmoid,
                "tanh" => Cell::Tanh,
                "relu" => Cell::Relu,
                "lstm" => Cell::Lstm,
                "gru" => Cell::Gru,
                other => panic!("unknown cell {other}"),
            },
            vocab: settings.vocab,
            embed: settings.embed,
            hidden: settings.hidden(),
            tied: settings.tied,
        };
        let weights: Tensors = (golden.named("initial").into_iter())
            .map(|(name, (shape, values))| (name.to_string(), (shape.clone(), widen(values))))
            .collect();
        let names: Vec<String> = weights.keys().cloned().collect();
        let mut expected: Vec<String> = network.tensors().into_iter().map(|t| t.0).collect();
        expected.sort();
        assert_eq!(names, expected, "{}", golden.name);

        let positions = settings.steps * settings.batch_size;
        let first = |ids: &[u32]| {
            ids[..positions]
                .iter()
                .map(|&id| id as usize)
                .collect::<Vec<_>>()
        };
        let multipliers: Vec<Vec<f64>> = (0..=network.hidden.len())
            .map(|site| widen(golden.values(&format!("multipliers/{site}"))))
            .collect();
        let zero = network.zero_state(settings.batch_size);
        let outcome = network.run(
            &weights,
            &Window {
                steps: settings.steps,
                batch_size: settings.batch_size,
                inputs: &first(&golden.inputs),
                targets: &first(&golden.targets),
                weights: &widen(&golden.values("mask")[..positions]),
                multipliers: &multipliers,
                norm: if settings.norm == "lanes" {
                    Norm::Sequences
                } else {
                    Norm::Tokens
                },
                regularisers: Regularisers {
                    smoothing: f64::from(settings.smoothing),
                    ar: settings.ar,
                    tar: settings.tar,
                },
                initial: &zero,
                d_final: &zero,
            },
        );

        let close = |what: &str, ours: &[f64], name: &str| {
            compare(
                &format!("{} {what}", golden.name),
                ours,
                &widen(golden.values(name)),
            );
        };
        close("logits", &outcome.logits, "logits");
        close("nats", &outcome.nats, "nats");
        let loss = f64::from(golden.values("losses")[0]);
        compare(&format!("{} loss", golden.name), &[outcome.loss], &[loss]);
        for (k, h) in outcome.last.h.iter().enumerate() {
            close("state", h, &format!("last/h_l{k}"));
        }
        for (k, c) in outcome.last.c.iter().enumerate() {
            close("cell state", c, &format!("last/c_l{k}"));
        }
        let mut squares = 0.0;
        for (name, (shape, gradient)) in &outcome.gradients {
            let theirs = format!("gradient/{name}");
            assert_eq!(*shape, golden.tensors[&theirs].0, "{} {name}", golden.name);
            close(name, gradient, &theirs);
            squares += gradient.iter().map(|d| d * d).sum::<f64>();
        }
        let norm = f64::from(golden.values("norms")[0]);
        compare(&format!("{} norm", golden.name), &[squares.sqrt()], &[norm]);
    }
}

fn compare(what: &str, a: &[f64], b: &[f64]) {
    assert_eq!(a.len(), b.len(), "{what}");
    let norm = |x: &[f64]| x.iter().map(|v| v * v).sum::<f64>().sqrt();
    let difference: Vec<f64> = a.iter().zip(b).map(|(x, y)| x - y).collect();
    let scale = norm(a).max(norm(b));
    let error = if scale == 0.0 {
        0.0
    } else {
        norm(&difference) / scale
    };
    assert!(error <= TOLERANCE, "{what}: {error:.2e} > {TOLERANCE:.0e}");
}
