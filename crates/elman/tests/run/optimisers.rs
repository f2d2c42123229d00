//! What a run does beside single updates: averages, reductions on plateaus, accumulated gradients.

use super::bench::{Bench, Log, config, gru_rmsprop, lstm_everything, metrics, relu_sgd, resume};
use elman::infer::NetworkModel;
use elman::store::{Integrity, read_snapshot};
use elman::train::optim::{Optimizer, Sgd};
use elman::train::schedule::{OnPlateau, Schedule};
use elman::train::{self, Config, Ending, Validation};

fn averaged(log: &Log) -> Vec<u64> {
    log.validations.iter().map(|v| v.averaged).collect()
}

/// The weights of a checkpoint or a model.
fn arrays(path: &std::path::Path, prefix: &str) -> Vec<(String, Vec<f32>)> {
    let snapshot = read_snapshot(path, Integrity::Required).unwrap();
    let named = snapshot.arrays.iter().filter_map(|array| {
        let name = array.name.strip_prefix(prefix)?.to_string();
        let elman::store::Data::F32(values) = &array.data else {
            panic!("{name} is not f32");
        };
        Some((name, values.to_vec()))
    });
    named.collect()
}

#[test]
fn an_average_from_an_update_is_validated_saved_and_told() {
    let bench = Bench::new();
    let config = Config {
        valid_every: Some(5),
        // Slow enough that the last validation is the best.
        lr: 0.005,
        ..gru_rmsprop()
    };
    let mut log = Log::default();
    let outcome = train::start(&bench.job("run", &config), &mut log).unwrap();
    // Before the sixth update there is none; after update 10 there are five weights in it.
    assert_eq!(averaged(&log)[..4], [0, 5, 10, 15]);
    let notes = log.notes.iter().filter(|note| note.contains("averaged"));
    let notes: Vec<&String> = notes.collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].starts_with("step 6:"), "{}", notes[0]);
    let lines = metrics(&bench.path("run"));
    let valid = lines.iter().filter(|line| line["kind"] == "valid");
    let told: Vec<u64> = valid.map(|l| l["averaged"].as_u64().unwrap()).collect();
    assert_eq!(told, averaged(&log));

    let best = outcome.best.unwrap();
    let count = best.step - 5;
    let model = NetworkModel::load(&bench.path("run")).unwrap();
    assert_eq!(model.about().averaged, count);
    // The checkpoint of the last step has the average that was saved, if that was the best.
    assert_eq!(best.step, outcome.step, "another validation was better");
    let state = super::bench::generations(&bench.path("run"));
    let average = arrays(state.last().unwrap(), "average.");
    let weights = arrays(state.last().unwrap(), "weights.");
    assert_eq!(average.len(), weights.len());
    let layout = model.params().layout();
    for ((name, average), (_, weights)) in average.iter().zip(&weights) {
        let id = layout.find(name).unwrap();
        assert_eq!(model.params()[id], average[..], "{name}");
        assert_ne!(average, weights, "{name}");
    }
}

#[test]
fn the_trigger_begins_an_average_at_the_validation_that_is_worse() {
    let bench = Bench::new();
    let mut log = Log::default();
    let config = Config {
        average_trigger: Some(1),
        schedule: Schedule::CONSTANT,
        ..lstm_everything()
    };
    train::start(&bench.job("run", &config), &mut log).unwrap();
    let losses: Vec<f64> = log.validations.iter().map(|v| v.loss_nats).collect();
    let worse = |at: usize| losses[..at - 1].iter().any(|best| losses[at] > *best);
    let at = (2..losses.len())
        .find(|&at| worse(at))
        .expect("a worse validation");
    // The weights that were validated are the first in the average; two updates later there are three.
    let expected = (0..losses.len()).map(|i| match i > at {
        true => 1 + log.validations[i].step - log.validations[at].step,
        false => 0,
    });
    assert_eq!(averaged(&log), expected.collect::<Vec<u64>>());
    let step = format!(
        "step {}: validation is not improving, so the weights",
        log.validations[at].step
    );
    assert!(
        log.notes.iter().any(|note| note.starts_with(&step)),
        "{:?}",
        log.notes
    );
}

/// Training itself does not see the average.
#[test]
fn an_average_changes_no_weight() {
    let bench = Bench::new();
    let mut weights = Vec::new();
    for (run, average_from) in [("with", Some(3)), ("without", None)] {
        let config = Config {
            average_from,
            optimizer: Optimizer::Sgd(Sgd::default()),
            ..relu_sgd()
        };
        bench.whole(run, &config);
        let state = super::bench::generations(&bench.path(run));
        weights.push(arrays(state.last().unwrap(), "weights."));
    }
    assert_eq!(weights[0], weights[1]);
}

#[test]
fn the_rate_falls_on_plateaus_and_says_so() {
    let bench = Bench::new();
    let config = Config {
        schedule: Schedule::Plateau(OnPlateau {
            plateau_threshold: 0.05,
            decay_factor: 0.25,
            final_lr: 0.0,
            ..OnPlateau::default()
        }),
        warmup: 0,
        valid_every: Some(3),
        epochs: Some(3.0),
        ..config()
    };
    let mut log = Log::default();
    train::start(&bench.job("run", &config), &mut log).unwrap();
    let (mut best, mut lr, mut reductions) = (f64::INFINITY, config.lr, 0);
    let mut validations: Vec<&Validation> = log.validations.iter().rev().collect();
    for step in &log.steps {
        assert_eq!(step.lr, lr, "step {}", step.step);
        let here = validations.last().filter(|v| v.step == step.step);
        if let Some(loss) = here.map(|v| v.loss_nats) {
            validations.pop();
            if loss < best * 0.95 {
                best = loss;
            } else {
                reductions += 1;
                lr = config.lr * 0.25f64.powi(reductions);
            }
        }
    }
    assert!(reductions >= 2);
    let told = log
        .notes
        .iter()
        .filter(|n| n.contains("the learning rate goes from"));
    assert_eq!(told.count(), reductions as usize);
}

/// Ten windows an epoch, four, four and two an update.
#[test]
fn a_step_is_an_update_of_several_windows() {
    let bench = Bench::new();
    let single = Config {
        valid_every: None,
        valid_per_epoch: 1,
        epochs: Some(2.0),
        ..config()
    };
    let mut log = Log::default();
    train::start(&bench.job("single", &single), &mut log).unwrap();
    let windows = log.windows_per_epoch;
    let tokens: usize = log.steps.iter().map(|step| step.tokens).sum();
    assert_ne!(windows % 4, 0, "the last update is to be a shorter one");

    let accumulated = Config {
        accumulate: 4,
        ..single
    };
    let mut log = Log::stopping_after([1, windows.div_ceil(4)]);
    let run = bench.path("run");
    let mut outcome = train::start(&bench.job("run", &accumulated), &mut log).unwrap();
    while outcome.ending == Ending::Stopped {
        outcome = resume(&run, &mut log).unwrap();
    }
    assert_eq!(outcome.step, 2 * windows.div_ceil(4));
    assert_eq!(log.steps_per_epoch, windows.div_ceil(4));
    assert_eq!(
        log.steps.iter().map(|step| step.tokens).sum::<usize>(),
        tokens
    );
    let epochs: Vec<f64> = log.validations.iter().map(|v| v.epoch).collect();
    assert_eq!(epochs, [1.0, 2.0]);
    assert_eq!(log.validations[0].step, windows.div_ceil(4));
}
