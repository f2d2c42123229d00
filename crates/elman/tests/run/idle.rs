//! Choices that have no effect beside others: they change no bit.

use super::bench::{Bench, config, gru_adamw, gru_rmsprop, lstm_everything, relu_sgd};
use elman::text::{Kind, Layout};
use elman::train::Config;
use elman::train::config::{Choices, Origin};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Another value of each choice that can be without effect.
fn others() -> Vec<(&'static str, Value)> {
    vec![
        ("min-count", json!(3)),
        ("max-vocab", json!(5)),
        ("lossy", json!(true)),
        ("activation", json!("relu")),
        ("forget-bias", json!(3.0)),
        ("init-range", json!(0.7)),
        ("dropout-between", json!(0.6)),
        ("dropout", json!(0.6)),
        ("variational", json!(true)),
        ("restart", json!(0.5)),
        ("valid-per-epoch", json!(3)),
        ("unknown-rate", json!(0.75)),
        ("sampling-limit", json!(0.3)),
        ("scheduled-sampling", json!("constant:0.5")),
        ("noise-decay", json!(0.2)),
        ("average-every", json!(4)),
        ("momentum", json!(0.6)),
        ("beta1", json!(0.3)),
        ("beta2", json!(0.3)),
        ("eps", json!(0.1)),
        ("rms-alpha", json!(0.3)),
        ("lr-decay", json!(0.5)),
        ("initial-accumulator", json!(0.5)),
        ("decay-scale", json!("bias=0")),
        ("warmup", json!(2)),
        ("decay-after", json!(0)),
        ("decay-factor", json!(0.1)),
        ("final-lr", json!(0.9)),
        ("plateau-patience", json!(9)),
        ("plateau-threshold", json!(0.5)),
        ("cycle-start", json!(0.9)),
        ("cycle-div", json!(2.0)),
        ("cycle-final-div", json!(2.0)),
    ]
}

/// `config` with another value of a choice.
fn with(config: &Config, name: &str, value: &Value) -> Config {
    let choices: Choices = serde_json::from_value(json!({ name: value })).unwrap();
    config.with(&choices).unwrap()
}

#[test]
fn choices_without_effect_change_no_bit() {
    let bench = Bench::new();
    let short = |config: Config| Config {
        epochs: None,
        steps: Some(6),
        valid_every: Some(2),
        warmup: 3,
        ..config
    };
    let one_layer = Config {
        layers: 1,
        dropout: 0.0,
        sampling_limit: 0.0,
        vocab: Kind::Bytes,
        ..config()
    };
    let own_places = Config {
        dropout_output: Some(0.3),
        ..gru_adamw()
    };
    let xavier = Config {
        init: elman::net::init::Scheme::Xavier,
        ..relu_sgd()
    };
    let lines = Config {
        layout: Layout::Sentences,
        ..config()
    };
    let bases = [
        config(),
        lines,
        one_layer,
        own_places,
        xavier,
        gru_rmsprop(),
        lstm_everything(),
    ];
    let mut left: BTreeSet<&str> = others().iter().map(|(name, _)| *name).collect();
    for (b, base) in bases.into_iter().map(short).enumerate() {
        let expected = bench.whole(&format!("base-{b}"), &base).checkpoint;
        for idle in base.idle(&Origin::default()) {
            let name = idle.name;
            let all = others();
            let (_, value) = all.iter().find(|(other, _)| *other == name).unwrap();
            let other = with(&base, name, value);
            left.remove(name);
            // What belongs to another optimizer or schedule is not even there.
            assert_eq!(other == base, !base.table().has(name), "{name}");
            if other == base {
                continue;
            }
            let run = format!("{name}-{b}");
            assert_eq!(
                bench.whole(&run, &other).checkpoint,
                expected,
                "{name} in {b}"
            );
        }
    }
    assert!(left.is_empty(), "never without effect here: {left:?}");
}
