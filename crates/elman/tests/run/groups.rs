//! A batch whose gradient is computed in groups of sequences.

use super::bench::{
    Bench, Log, config, gru_adamw, gru_rmsprop, lstm_everything, random_lengths, relu_sgd,
    sentences, strides,
};
use elman::train::scheduled::Decay;
use elman::train::{self, Config, StepReport};

/// The steps of a run of `config` with `groups` groups, and its checkpoint.
fn steps(config: &Config, groups: usize) -> (Vec<StepReport>, String) {
    let bench = Bench::new();
    let config = Config {
        groups,
        ..config.clone()
    };
    let mut log = Log::default();
    let outcome = train::start(&bench.job("run", &config), &mut log).unwrap();
    (log.steps, outcome.checkpoint)
}

/// Masks, penalties, averages over tokens and carried states are those of the whole batch: only the order of sums is another.
#[test]
fn groups_learn_what_the_whole_batch_does() {
    let drawing = Config {
        scheduled_sampling: Some(Decay::Constant(0.2)),
        ..config()
    };
    let accumulating = Config {
        accumulate: 3,
        ..config()
    };
    for (name, config) in [
        ("lstm", config()),
        ("relu", relu_sgd()),
        ("gru", gru_adamw()),
        ("drawn inputs", drawing),
        ("strides", strides()),
        ("random lengths", random_lengths()),
        ("sentences", sentences()),
        ("accumulated", accumulating),
        ("everything", lstm_everything()),
        ("rmsprop", gru_rmsprop()),
    ] {
        let (whole, checkpoint) = steps(&config, 1);
        for groups in [2, 5] {
            let (found, other) = steps(&config, groups);
            assert_eq!(found.len(), whole.len(), "{name}");
            for (found, whole) in found.iter().zip(&whole).take(8) {
                assert_eq!(found.tokens, whole.tokens, "{name}");
                assert_eq!(found.read, whole.read, "{name}");
                assert_eq!(found.sampled, whole.sampled, "{name}");
                assert_eq!(found.lr, whole.lr, "{name}");
                let near = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-4;
                assert!(
                    near(found.loss_nats, whole.loss_nats),
                    "{name}: {found:?}, {whole:?}"
                );
                assert!(
                    near(found.grad_norm, whole.grad_norm),
                    "{name}: {found:?}, {whole:?}"
                );
            }
            // The order of the sums shows in the last bits.
            assert_ne!(other, checkpoint, "{name}");
        }
    }
}

/// Some batches of sentences have fewer lines than there are groups.
#[test]
fn groups_may_be_empty() {
    let config = Config {
        batch_size: 16,
        batch_tokens: Some(12),
        ..sentences()
    };
    let (whole, _) = steps(&config, 1);
    let (found, _) = steps(&config, 16);
    let tokens = |steps: &[StepReport]| steps.iter().map(|step| step.tokens).collect::<Vec<_>>();
    assert_eq!(tokens(&found), tokens(&whole));
    let losses = found.iter().zip(&whole).take(8);
    losses.for_each(|(a, b)| assert!((a.loss_nats / b.loss_nats - 1.0).abs() < 1e-4));
}

#[test]
fn more_groups_than_sequences_are_refused() {
    let config = Config {
        groups: 6,
        ..config()
    };
    let error = config.check().unwrap_err().to_string();
    assert!(error.contains("`groups` is 6"), "{error}");
}
