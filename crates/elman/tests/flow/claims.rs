//! The chapter's claims about gradients, seen on networks that have not been trained, and on truncation.

use elman::infer::{NetworkModel, VocabularyFrom};
use elman::measure::inspect::excerpts::tokens;
use elman::measure::inspect::places::TextOptions;
use elman::measure::inspect::{Gradients, gradients, truncation, untrained};
use elman::net::dims::Activation;
use elman::net::flow::verdict::GradientVerdict;
use elman::net::init::{Recurrent, Scheme};
use elman::text::{Layout, ReadOptions, Source};
use elman::train::Config;
use elman::train::config::CellName;
use elman_kernels::{Cpu, Isa};
use std::path::PathBuf;

fn bible() -> Vec<Source> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/kjv.txt");
    Source::files(&[PathBuf::from(path)])
}

fn model(config: &Config) -> (NetworkModel, Vec<u32>) {
    let model = untrained(config, &VocabularyFrom::Text, bible()).unwrap();
    let read = ReadOptions {
        lossy: false,
        ..ReadOptions::default()
    };
    let ids = tokens(bible(), model.vocab(), &read).unwrap();
    (model, ids)
}

fn elman(hidden: usize) -> Config {
    Config {
        cell: CellName::ELMAN,
        hidden: hidden.into(),
        embed: hidden,
        max_vocab: Some(500),
        ..Config::default()
    }
}

fn inspected(config: &Config) -> Gradients {
    let (model, ids) = model(config);
    let options = gradients::Options {
        excerpts: 4,
        ..gradients::Options::default()
    };
    let cpu = Cpu::new(Isa::detect(), 2);
    let found = gradients(&model, &cpu, &ids, &options).unwrap();
    for layer in &found.layers {
        for norm in &layer.norms {
            let slack = 1e-6 / std::f64::consts::LN_10;
            assert!(norm.most_log10 <= norm.bound_log10 + slack);
            assert!(norm.mean_log10 <= norm.steps_log10 + slack);
        }
        let shares = &layer.contribution.lags;
        let sum: f64 = shares.iter().map(|lag| lag.share).sum();
        let all_without = layer.contribution.without_gradient == found.excerpts;
        assert!(all_without || (sum - 1.0).abs() < 1e-9, "{sum}");
        assert!(shares.windows(2).all(|two| two[0].lag + 1 == two[1].lag));
    }
    found
}

#[test]
fn tanh_vanishes_and_four_times_its_weights_explode() {
    let vanishing = inspected(&elman(128));
    let last = vanishing.layers[0].norms[99];
    println!("tanh: 10^{:.1} at lag 100", last.mean_log10);
    assert_eq!(vanishing.verdict, GradientVerdict::Vanishing);
    assert!(last.mean_log10 < -20.0, "{last:?}");
    assert!(vanishing.contribution.horizon_99.unwrap() < 20.0);

    let exploding = inspected(&Config {
        init_recurrent_scale: 4.0,
        ..elman(128)
    });
    let last = exploding.layers[0].norms[99];
    println!("tanh × 4: 10^{:.1} at lag 100", last.mean_log10);
    assert_eq!(exploding.verdict, GradientVerdict::Exploding);
    assert!(last.mean_log10 > 3.0, "{last:?}");
    assert!(exploding.remedies[0].contains("clip"));
}

#[test]
fn sigmoid_vanishes_whatever_its_weights_below_norm_four() {
    let found = inspected(&Config {
        activation: Activation::Sigmoid,
        init_recurrent_scale: 3.0,
        ..elman(64)
    });
    assert_eq!(found.verdict, GradientVerdict::Vanishing);
    assert!(found.layers[0].norms[99].bound_log10 < 0.0);
}

#[test]
fn a_verdict_of_an_earlier_version_is_read() {
    for name in ["\"stable\"", "\"healthy\""] {
        let verdict: GradientVerdict = serde_json::from_str(name).unwrap();
        assert_eq!(verdict, GradientVerdict::Stable);
    }
}

#[test]
fn the_identity_keeps_the_norm_at_one_while_units_die() {
    let found = inspected(&Config {
        activation: Activation::Relu,
        init: Scheme::Xavier,
        init_recurrent: Recurrent::Identity,
        ..elman(128)
    });
    let layer = &found.layers[0];
    for norm in &layer.norms {
        assert!(norm.mean_log10.abs() < 1e-9, "{norm:?}");
    }
    assert_eq!(found.verdict, GradientVerdict::Stable);
    let h = &layer.units.signals[0];
    let interrupted = layer.units.interrupted.unwrap();
    println!(
        "IRNN: norm 10^{:.3} at lag 100, inactive {:.0} %, {:.0} % of the units interrupted",
        layer.norms[99].mean_log10,
        100.0 * h.low,
        100.0 * interrupted
    );
    assert!(h.low > 0.05 && interrupted > 0.1 && interrupted < 1.0);
}

#[test]
fn an_open_forget_gate_keeps_what_others_lose() {
    let reach = |cell, forget_bias| {
        let config = Config {
            cell,
            forget_bias,
            ..elman(64)
        };
        inspected(&config).layers[0].norms[99].mean_log10
    };
    let open = reach(CellName::LSTM, 5.0);
    assert!(open > -1.0, "{open}");
    assert!(reach(CellName::LSTM, 0.0) < -10.0);
    // A gated unit has to learn to keep, too.
    assert!(reach(CellName::GRU, 0.0) < -5.0);
}

#[test]
fn truncation_costs_nothing_without_recurrence_and_less_with_longer_windows() {
    let find = |scale| {
        let config = Config {
            init_recurrent_scale: scale,
            ..elman(32)
        };
        let (model, ids) = model(&config);
        let options = truncation::Options {
            excerpts: 3,
            full: 40,
            windows: vec![1, 5, 20, 40, 80],
            context: 17,
            seed: 3,
            ..truncation::Options::default()
        };
        truncation(
            &model,
            Cpu::new(Isa::detect(), 2),
            &ids,
            &options,
            &mut |_| {},
        )
        .unwrap()
    };
    let cut = find(0.0);
    // 40 and more is the truth itself.
    assert_eq!(cut.windows.len(), 3);
    for window in &cut.windows {
        assert!(window.relative_error < 1e-5, "{window:?}");
        assert!((window.cosine - 1.0).abs() < 1e-9);
        assert!(window.carried_saves_nats.abs() < 1e-9);
    }
    let connected = find(1.5);
    let errors: Vec<f64> = connected.windows.iter().map(|w| w.relative_error).collect();
    assert!(errors[0] > errors[1] && errors[1] > errors[2] && errors[2] > 0.0);
    assert!(connected.windows[0].cosine < connected.windows[2].cosine);
    assert!(connected.windows[0].carried_saves_nats != 0.0);
}

/// One t, whose past is the same: how many lags are printed changes nothing about where ∂E_t/∂W comes from.
#[test]
fn the_horizon_does_not_depend_on_the_lags_that_are_shown() {
    let (model, ids) = model(&Config {
        cell: CellName::LSTM,
        ..elman(16)
    });
    let cpu = Cpu::new(Isa::detect(), 2);
    let inspected = |lags| {
        let options = gradients::Options {
            excerpts: 2,
            lags,
            context: 80 - lags,
            ..gradients::Options::default()
        };
        gradients(&model, &cpu, &ids, &options).unwrap()
    };
    let whole = inspected(80);
    assert_eq!((whole.reach, whole.missing), (80, 0));
    for lags in [1, 8, 20] {
        let found = inspected(lags);
        assert_eq!(found.places, whole.places);
        assert_eq!(found.contribution, whole.contribution, "{lags} lags");
        assert_eq!(
            found.layers[0].contribution, whole.layers[0].contribution,
            "{lags} lags"
        );
        assert_eq!(found.layers[0].norms.len(), lags);
    }
    assert!(whole.contribution.horizon_90 > Some(4.0));
}

/// A line has nothing before its beginning, whatever stands before it in the text.
#[test]
fn lines_are_read_from_their_beginning() {
    let (model, ids) = model(&elman(16));
    let cpu = Cpu::new(Isa::detect(), 2);
    let every_line = TextOptions {
        layout: Some(Layout::Sentences),
        loss_after: None,
    };
    let options = gradients::Options {
        excerpts: 3,
        lags: 5,
        text: every_line.clone(),
        ..gradients::Options::default()
    };
    let found = gradients(&model, &cpu, &ids, &options).unwrap();
    assert_eq!((found.context, found.missing), (0, 0));
    for place in &found.places {
        // The same line alone is the same excerpt.
        let line = &ids[place.first..=place.last];
        assert!(place.first == 0 || model.vocab().ends_line(ids[place.first - 1]));
        let options = gradients::Options {
            excerpts: line.len(),
            ..options.clone()
        };
        let alone = gradients(&model, &cpu, line, &options).unwrap();
        assert!(alone.places.iter().all(|place| place.first == 0));
        assert_eq!(alone.reach, place.steps());
    }
    let answers = TextOptions {
        loss_after: Some("no such token".into()),
        ..every_line
    };
    let options = gradients::Options {
        text: answers,
        ..options
    };
    let error = gradients(&model, &cpu, &ids, &options).unwrap_err();
    assert!(error.to_string().contains("no such token"), "{error}");
}

#[test]
fn advice_fits_what_was_found() {
    let advice = |config: &Config| inspected(config).remedies.join("; ");
    let sigmoid = |scale| {
        advice(&Config {
            activation: Activation::Sigmoid,
            init_recurrent_scale: scale,
            ..elman(32)
        })
    };
    assert!(sigmoid(1.0).contains("must vanish while ‖W_hh‖ < 4"));
    let large = sigmoid(200.0);
    assert!(!large.contains("must vanish"), "{large}");
    let tiny = advice(&Config {
        init_range: Some(1e-6),
        ..elman(32)
    });
    assert!(tiny.contains("larger weights"), "{tiny}");
    // Gates that are open already need not be opened.
    let closed = advice(&Config {
        cell: CellName::LSTM,
        ..elman(32)
    });
    assert!(closed.contains("forget-bias = 3"), "{closed}");
}

#[test]
fn what_cannot_be_looked_at_is_refused() {
    let (model, ids) = model(&elman(8));
    let cpu = Cpu::new(Isa::detect(), 1);
    let refused = |ids: &[u32], lags, excerpts| {
        let options = gradients::Options {
            lags,
            excerpts,
            ..gradients::Options::default()
        };
        gradients(&model, &cpu, ids, &options)
            .unwrap_err()
            .to_string()
    };
    assert!(refused(&ids[..50], 100, 1).contains("50 tokens"));
    assert!(refused(&ids, 0, 1).contains("lags is 0"));
    assert!(refused(&ids, 100, 0).contains("excerpts is 0"));
}
