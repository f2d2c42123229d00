//! Runs that are driven to overflow: nothing that is not a number reaches a file.

use super::bench::{Bench, Log, config, generations, relu_sgd, resume, saving_always, sgd};
use elman::infer::NetworkModel;
use elman::store::{Data, Integrity, read_snapshot};
use elman::train::{self, Config, Ending, Watch};
use elman::train::{Error, RunError};
use std::path::Path;

/// The first update makes weights so large that every later loss overflows.
fn exploding() -> Config {
    Config {
        lr: 1e30,
        clip: None,
        optimizer: sgd(0.0),
        ..relu_sgd()
    }
}

/// The first update makes the weights themselves overflow: its gradient sums over a long window.
fn overflowing() -> Config {
    Config {
        lr: 3.4e38,
        bptt: train::config::Bptt::Full,
        ..exploding()
    }
}

fn assert_finite(run: &Path) {
    let generations = generations(run);
    assert!(!generations.is_empty());
    for path in generations {
        let snapshot = read_snapshot(&path, Integrity::Required).unwrap();
        for array in &snapshot.arrays {
            let Data::F32(values) = &array.data else {
                panic!("{} is not f32", array.name);
            };
            let finite = values.iter().all(|x| x.is_finite());
            assert!(finite, "{} in {}", array.name, path.display());
        }
    }
}

#[test]
fn a_run_that_overflows_stops_after_five_windows() {
    let bench = Bench::new();
    let mut job = bench.job("run", &exploding());
    job.machine = saving_always();
    let mut log = Log::default();
    let error = train::start(&job, &mut log).unwrap_err();
    assert!(error.is_divergence(), "{error}");
    let diverged = matches!(error, Error::Run(RunError::Diverged { step: 6, .. }));
    assert!(diverged, "{error}");

    let skipped: Vec<bool> = log.steps.iter().map(|step| step.skipped).collect();
    assert_eq!(skipped, [false, true, true, true, true, true]);
    assert!(log.steps[1..].iter().all(|step| !step.clipped));
    let windows = log.windows_per_epoch;
    let notes = log.notes.iter().filter(|note| note.starts_with("step"));
    let notes: Vec<&String> = notes.collect();
    assert_eq!(notes.len(), 5);
    for (note, step) in notes.into_iter().zip(2..) {
        let place = format!("step {step} (epoch 1, window {step} of {windows}):");
        assert!(note.starts_with(&place), "{note}");
    }
    // The state after the last window that was borne is there, and is all numbers.
    assert_eq!(log.saved.last(), Some(&5));
    assert_finite(&job.run);
}

/// The count of skipped windows is part of the state.
#[test]
fn an_overflowing_run_stops_at_the_same_step_when_interrupted() {
    let bench = Bench::new();
    let job = bench.job("run", &exploding());
    let mut log = Log::stopping_after([2, 4]);
    for _ in 0..2 {
        let outcome = match log.steps.is_empty() {
            true => train::start(&job, &mut log).unwrap(),
            false => resume(&job.run, &mut log).unwrap(),
        };
        assert_eq!(outcome.ending, Ending::Stopped);
    }
    let error = resume(&job.run, &mut log).unwrap_err();
    assert!(error.to_string().contains("up to step 6"), "{error}");
    assert_finite(&job.run);
    // And every time again: it is the same run.
    let error = resume(&job.run, &mut Log::default()).unwrap_err();
    assert!(error.to_string().contains("up to step 6"), "{error}");
}

/// With an absurd rate even a finite gradient makes infinite weights; no file ever holds them.
#[test]
fn weights_that_overflow_are_not_saved() {
    for momentum in [0.0, 0.9] {
        let bench = Bench::new();
        let config = Config {
            optimizer: sgd(momentum),
            ..overflowing()
        };
        let mut job = bench.job("run", &config);
        job.machine = saving_always();
        let error = train::start(&job, &mut Log::default()).unwrap_err();
        assert!(
            matches!(error, Error::Run(RunError::Overflow { .. })),
            "{error}"
        );
        assert!(error.to_string().contains("weight overflow"), "{error}");
        assert_finite(&job.run);
        let model = NetworkModel::load(&job.run);
        assert!(model.is_err(), "there was no good model to keep");
    }
}

/// Found at the next window where no checkpoint came in between, and by the one who stops the run.
#[test]
fn weights_that_overflow_are_found_soon() {
    let bench = Bench::new();
    let config = Config {
        epochs: Some(4.0),
        ..overflowing()
    };
    let mut log = Log::default();
    let error = train::start(&bench.job("run", &config), &mut log).unwrap_err();
    assert!(error.to_string().contains("weight overflow"), "{error}");
    assert!(log.steps.len() <= 2, "{:?}", log.steps);
    assert_finite(&bench.path("run"));

    struct StopAtOnce(u64);
    impl Watch for StopAtOnce {
        fn event(&mut self, event: &train::Event) {
            self.0 += u64::from(matches!(event, train::Event::Step(_)));
        }
        fn stop_requested(&self) -> bool {
            self.0 >= 1
        }
    }
    let error = train::start(&bench.job("stopped", &config), &mut StopAtOnce(0)).unwrap_err();
    assert!(error.to_string().contains("weight overflow"), "{error}");
    assert_finite(&bench.path("stopped"));
}

/// A run whose numbers stay numbers has failed too if they are those of a model that is far worse than none.
#[test]
fn a_run_that_ends_far_above_the_uniform_model_has_failed() {
    let bench = Bench::new();
    let steady = Config {
        lr: 0.02,
        dropout: 0.0,
        schedule: train::schedule::Schedule::CONSTANT,
        warmup: 60,
        valid_every: Some(1),
        epochs: None,
        steps: Some(60),
        clip: None,
        optimizer: sgd(0.0),
        ..config()
    };
    let outcome = bench.whole("steady", &steady);
    assert_eq!(outcome.ending, Ending::Finished);
    let wild = Config {
        lr: 100.0,
        ..steady
    };
    let job = bench.job("wild", &wild);
    let outcome = train::start(&job, &mut Log::default()).unwrap();
    assert_eq!(outcome.ending, Ending::Diverged);
    let loss = outcome.train_loss_nats.unwrap();
    assert!(
        loss.is_finite() && loss > 2.0 * outcome.uniform_nats,
        "{loss}"
    );
    let lines = super::bench::metrics(&job.run);
    let last = lines.iter().rev().find(|line| line["kind"] == "train");
    assert_eq!(last.unwrap()["loss_nats"].as_f64(), Some(loss));
    let snapshot = train::status::RunSnapshot::at(&job.run).unwrap();
    assert_eq!(snapshot.status(), train::status::RunStatus::Diverged);
    // The best model is from before that.
    let best = outcome.useful().unwrap();
    let model = NetworkModel::load(&job.run).unwrap();
    assert_eq!(model.about().step, best.step);
    assert!(best.step < outcome.step);
    // Nothing is left to be done, and that changes nothing.
    let again = resume(&job.run, &mut Log::default()).unwrap();
    assert_eq!(again.ending, Ending::Diverged);
    assert_eq!(again.train_loss_nats, Some(loss));
    // One that was stopped can still become better.
    let job = bench.job("stopped", &wild);
    let outcome = train::start(&job, &mut Log::stopping_after([59])).unwrap();
    assert_eq!(outcome.ending, Ending::Stopped);
}

/// The metrics of a run with nothing but skipped windows claim no loss.
#[test]
fn skipped_windows_have_no_loss() {
    let bench = Bench::new();
    let config = Config {
        epochs: None,
        steps: Some(4),
        valid_every: Some(100),
        ..exploding()
    };
    let job = bench.job("run", &config);
    let outcome = train::start(&job, &mut Log::default()).unwrap();
    assert_eq!(outcome.skipped, 3);
    assert_eq!(
        outcome.best, None,
        "a loss that is not a number is not the best"
    );
    let lines = super::bench::metrics(&job.run);
    assert_eq!(lines[0]["skipped"], 3);
    assert!(lines[0]["loss_nats"].as_f64().unwrap().is_finite());
    assert_eq!(lines[1]["kind"], "valid");
    assert!(lines[1]["loss_nats"].is_null());
}

#[test]
fn clipping_holds_a_run_that_would_overflow() {
    let bench = Bench::new();
    let config = Config {
        lr: 0.5,
        clip: Some(0.5),
        cell: config().cell,
        ..relu_sgd()
    };
    let mut log = Log::default();
    let outcome = train::start(&bench.job("run", &config), &mut log).unwrap();
    assert_eq!(outcome.skipped, 0);
    let clipped: Vec<bool> = log.steps.iter().map(|step| step.grad_norm >= 0.5).collect();
    assert_eq!(
        clipped,
        log.steps.iter().map(|s| s.clipped).collect::<Vec<_>>()
    );
    assert!(clipped.contains(&true));
}
