//! Windows that overlap or have random lengths, as a run sees them.

use super::bench::{Bench, Log, config, random_lengths, strides};
use elman::train::config::Bptt;
use elman::train::{self, Config};

/// The tokens of each epoch, and the steps of its windows.
fn epochs(config: &Config) -> (Vec<usize>, Log) {
    let bench = Bench::new();
    let mut log = Log::default();
    train::start(&bench.job("run", config), &mut log).unwrap();
    let mut tokens = vec![0];
    for step in &log.steps {
        *tokens.last_mut().unwrap() += step.tokens;
        if step.epoch.fract() == 0.0 {
            tokens.push(0);
        }
    }
    assert_eq!(tokens.pop(), Some(0), "a budget of epochs ends with one");
    (tokens, log)
}

#[test]
fn every_token_is_predicted_once_an_epoch() {
    let (expected, _) = epochs(&config());
    assert_eq!(expected.len(), 2);
    for config in [strides(), random_lengths()] {
        assert_eq!(epochs(&config).0, expected);
    }
}

#[test]
fn a_stride_predicts_only_what_is_new() {
    let (_, log) = epochs(&strides());
    let tokens: Vec<usize> = log.steps.iter().map(|step| step.tokens).collect();
    // Five sequences; windows of nine steps, beginning every four.
    assert_eq!(tokens[..4], [45, 20, 20, 20]);
    assert_eq!(log.steps.len() as u64, 2 * log.windows_per_epoch);
}

#[test]
fn the_rate_follows_a_random_length() {
    let config = Config {
        warmup: 0,
        schedule: train::schedule::Schedule::CONSTANT,
        ..random_lengths()
    };
    let (_, log) = epochs(&config);
    let mut lengths = Vec::new();
    for step in &log.steps {
        let factor = step.lr / config.lr;
        let steps = (12.0 * factor).round();
        assert!((12.0 * factor - steps).abs() < 1e-9);
        // Sequences that end early are masked.
        assert!(step.tokens as f64 <= 5.0 * steps && step.tokens as f64 > 5.0 * (steps - 1.0));
        lengths.push(steps as usize);
    }
    lengths.sort_unstable();
    lengths.dedup();
    assert!(lengths.len() > 5, "{lengths:?}");
    let seeds = Config { seed: 2, ..config };
    assert_ne!(epochs(&seeds).1.steps.len(), 0);
}

#[test]
fn what_cannot_be_is_refused() {
    let refused = |config: Config, word: &str| {
        let message = config.check().unwrap_err().to_string();
        assert!(message.contains(word), "{message}");
    };
    let config = config();
    for stride in [0, 8] {
        let bptt_stride = Some(stride);
        refused(
            Config {
                bptt_stride,
                ..config.clone()
            },
            "between 1 and `bptt`, which is 7",
        );
    }
    refused(
        Config {
            bptt: Bptt::Full,
            bptt_stride: Some(3),
            ..config.clone()
        },
        "not full",
    );
    refused(
        Config {
            bptt: Bptt::Full,
            ..random_lengths()
        },
        "not full",
    );
    refused(
        Config {
            bptt_stride: Some(3),
            ..random_lengths()
        },
        "exclude each other",
    );
    refused(
        Config {
            epochs: Some(1e5),
            ..random_lengths()
        },
        "give `steps` instead",
    );
    refused(
        Config {
            batch_tokens: Some(99),
            ..config
        },
        "`layout` sentences",
    );
}
