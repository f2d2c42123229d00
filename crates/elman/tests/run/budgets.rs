//! How long a run lasts: epochs, steps, minutes, patience, and more of them on resume.

use super::bench::{Bench, Impatient, Log, config, generations, machine, relu_sgd, resume};
use elman::train::{self, Config, Ending, Error, NewBudget, Result, RunError, read_record};
use std::fs;

fn with_budget(epochs: Option<f64>, steps: Option<u64>, minutes: Option<f64>) -> Config {
    Config {
        epochs,
        steps,
        minutes,
        ..config()
    }
}

fn extend(bench: &Bench, run: &str, budget: NewBudget) -> (Log, Result<train::Outcome>) {
    let mut log = Log::default();
    let outcome = train::resume(&bench.path(run), &budget, &machine(), &mut log);
    (log, outcome)
}

#[test]
fn epochs_may_be_fractions() {
    let bench = Bench::new();
    let mut log = Log::default();
    let job = bench.job("run", &with_budget(Some(1.5), None, None));
    let outcome = train::start(&job, &mut log).unwrap();
    let windows = log.windows_per_epoch;
    assert!(windows > 10);
    assert_eq!(outcome.step, (1.5 * windows as f64).ceil() as u64);
    // Half a window more, because the last one of an epoch is shorter.
    let last = log.steps.last().unwrap();
    assert!((last.epoch - 1.5).abs() < 1.0 / windows as f64, "{last:?}");
    // The end of the run validates too.
    assert_eq!(log.validations.last().unwrap().step, outcome.step);
}

#[test]
fn an_epoch_predicts_every_token_once() {
    let bench = Bench::new();
    for (run, config) in [
        ("adam", with_budget(Some(1.0), None, None)),
        (
            "sgd",
            Config {
                epochs: Some(1.0),
                ..relu_sgd()
            },
        ),
    ] {
        let mut log = Log::default();
        train::start(&bench.job(run, &config), &mut log).unwrap();
        let tokens: usize = log.steps.iter().map(|step| step.tokens).sum();
        let record = elman::text::Corpus::open(&bench.path(run).join("tokens/train.tok")).unwrap();
        assert_eq!(tokens, record.ids().len());
        assert_eq!(log.steps.last().unwrap().epoch, 1.0);
    }
}

#[test]
fn steps_are_steps() {
    let bench = Bench::new();
    let outcome = bench.whole("run", &with_budget(None, Some(3), None));
    assert_eq!((outcome.step, outcome.total_steps), (3, 3));
    assert_eq!(outcome.best.unwrap().step, 3);
}

/// Minutes become steps once; the run is then the run of so many steps.
#[test]
fn minutes_are_measured_once() {
    let bench = Bench::new();
    let config = with_budget(None, None, Some(0.002));
    let mut log = Log::stopping_after([1]);
    let outcome = train::start(&bench.job("run", &config), &mut log).unwrap();
    let total = outcome.total_steps;
    let record = read_record(&bench.path("run")).unwrap();
    assert_eq!(record.total_steps, total);
    assert_eq!(record.config.minutes, Some(0.002));
    assert!(total > 1, "a step of this network took 0.1 s");
    assert_eq!(outcome.ending, Ending::Stopped);

    let mut log = Log::default();
    let outcome = resume(&bench.path("run"), &mut log).unwrap();
    assert_eq!((outcome.step, outcome.total_steps), (total, total));
    // The steps of the rehearsal left no trace.
    let steps = bench.whole("steps", &with_budget(None, Some(total), None));
    assert_eq!(outcome.checkpoint, steps.checkpoint);
    assert_eq!(outcome.best, steps.best);
}

#[test]
fn a_rehearsal_leaves_no_trace_in_a_model_that_was_loaded() {
    let bench = Bench::new();
    bench.whole("origin", &with_budget(None, Some(5), None));
    let from = |run: &str, config: Config| {
        let mut job = bench.job(run, &config);
        job.init_from = Some(bench.path("origin/model"));
        train::start(&job, &mut Log::default()).unwrap()
    };
    let minutes = from("minutes", with_budget(None, None, Some(1e-9)));
    assert_eq!(minutes.total_steps, 1);
    let steps = from("steps", with_budget(None, Some(1), None));
    assert_eq!(minutes.checkpoint, steps.checkpoint);
}

#[test]
fn a_finished_run_goes_on_with_a_larger_budget() {
    let bench = Bench::new();
    let constant = Config {
        schedule: train::schedule::Schedule::CONSTANT,
        ..with_budget(None, Some(22), None)
    };
    bench.whole("run", &constant);
    let (log, outcome) = extend(
        &bench,
        "run",
        NewBudget {
            steps: Some(33),
            ..NewBudget::default()
        },
    );
    assert_eq!(log.ready.unwrap().1, 22);
    let outcome = outcome.unwrap();
    assert_eq!((outcome.step, outcome.total_steps), (33, 33));
    // Both validate after 11, 22 and 33 steps and the rate is constant: it is the longer run.
    let long = bench.whole(
        "long",
        &Config {
            steps: Some(33),
            ..constant.clone()
        },
    );
    assert_eq!(outcome.checkpoint, long.checkpoint);
    let record = read_record(&bench.path("run")).unwrap();
    assert_eq!((record.total_steps, record.config.steps), (33, Some(33)));

    // Another kind of budget takes the place of the old one.
    let (log, outcome) = extend(
        &bench,
        "run",
        NewBudget {
            epochs: Some(3.0),
            ..NewBudget::default()
        },
    );
    assert_eq!(outcome.unwrap().step, 3 * log.windows_per_epoch);
    let record = read_record(&bench.path("run")).unwrap();
    assert_eq!(
        (record.config.epochs, record.config.steps),
        (Some(3.0), None)
    );
}

/// Minutes, too, count from the beginning.
#[test]
fn minutes_of_a_resumed_run() {
    let bench = Bench::new();
    let outcome = bench.whole("run", &with_budget(None, Some(10), None));
    let minutes = |n| NewBudget {
        minutes: Some(n),
        ..NewBudget::default()
    };
    let (_, error) = extend(&bench, "run", minutes(outcome.seconds / 60.0 / 4.0));
    let message = error.unwrap_err().to_string();
    assert!(message.contains("has done 10 steps already"), "{message}");
    // Three times as long, less the share that validation is thought to take.
    let (log, longer) = extend(&bench, "run", minutes(3.0 * outcome.seconds / 60.0));
    let longer = longer.unwrap();
    assert!((15..=30).contains(&longer.step), "{}", longer.step);
    assert_eq!(log.ready.unwrap().2, longer.step);
}

#[test]
fn budgets_that_cannot_be() {
    let bench = Bench::new();
    bench.whole("run", &with_budget(None, Some(10), None));
    let before = fs::read(bench.path("run/config.toml")).unwrap();
    let none = NewBudget::default();
    for (budget, part) in [
        (
            NewBudget {
                steps: Some(9),
                ..none
            },
            "has done 10 steps already, more than the new budget of 9",
        ),
        (
            NewBudget {
                epochs: Some(0.01),
                ..none
            },
            "has done 10 steps already",
        ),
        (
            NewBudget {
                steps: Some(0),
                ..none
            },
            "at least 1",
        ),
        (
            NewBudget {
                steps: Some(u64::MAX),
                ..none
            },
            "must be at most",
        ),
        (
            NewBudget {
                epochs: Some(-1.0),
                ..none
            },
            "must be above 0",
        ),
        (
            NewBudget {
                epochs: Some(f64::NAN),
                ..none
            },
            "must be above 0",
        ),
        (
            NewBudget {
                minutes: Some(f64::INFINITY),
                ..none
            },
            "must be above 0",
        ),
        (
            NewBudget {
                epochs: Some(1.0),
                steps: Some(100),
                ..none
            },
            "exactly one",
        ),
    ] {
        let (_, error) = extend(&bench, "run", budget);
        let error = error.unwrap_err();
        let refused = matches!(
            error,
            Error::Config(_) | Error::Run(RunError::BudgetSpent { .. })
        );
        assert!(refused, "{error:?}");
        assert!(error.to_string().contains(part), "{budget:?}: {error}");
        assert_eq!(fs::read(bench.path("run/config.toml")).unwrap(), before);
    }
    // The same budget again is no error, and changes nothing.
    let (log, outcome) = extend(
        &bench,
        "run",
        NewBudget {
            steps: Some(10),
            ..none
        },
    );
    assert_eq!(outcome.unwrap().ending, Ending::Finished);
    assert!(log.steps.is_empty());
}

/// What config.toml cannot hold, or no memory, is refused at the start, before files are made.
#[test]
fn numbers_beyond_every_measure_are_refused() {
    let bench = Bench::new();
    for (config, part) in [
        (
            Config {
                seed: u64::MAX,
                ..config()
            },
            "seed",
        ),
        (
            Config {
                layers: 1 << 20,
                ..config()
            },
            "layers",
        ),
        (with_budget(None, Some(u64::MAX), None), "steps"),
        (
            Config {
                lr: 1e300,
                ..config()
            },
            "lr",
        ),
    ] {
        let error = train::start(&bench.job("run", &config), &mut Log::default()).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
        assert!(!bench.path("run").exists());
    }
    // More epochs than can be counted are merely many.
    let mut log = Log::stopping_after([1]);
    let config = with_budget(Some(1e300), None, None);
    train::start(&bench.job("run", &config), &mut log).unwrap();
    resume(&bench.path("run"), &mut Log::stopping_after([2])).unwrap();
}

/// The record holds the new budget even if the checkpoint that the run falls back to does not.
#[test]
fn an_extended_run_keeps_its_budget_when_a_checkpoint_is_lost() {
    let bench = Bench::new();
    let mut job = bench.job("run", &with_budget(None, Some(10), None));
    job.machine = super::bench::saving_always();
    train::start(&job, &mut Log::default()).unwrap();
    let budget = NewBudget {
        steps: Some(20),
        ..NewBudget::default()
    };
    train::resume(&job.run, &budget, &machine(), &mut Impatient).unwrap();
    fs::write(generations(&job.run).last().unwrap(), "").unwrap();
    let mut log = Log::default();
    let outcome = resume(&job.run, &mut log).unwrap();
    assert_eq!(log.ready.unwrap().1, 9);
    assert_eq!(outcome.step, 20);
}

#[test]
fn patience_ends_a_run_that_learns_nothing_more() {
    let bench = Bench::new();
    let config = Config {
        lr: 1e-30,
        valid_every: Some(4),
        patience: Some(3),
        ..config()
    };
    let mut log = Log::default();
    let outcome = train::start(&bench.job("run", &config), &mut log).unwrap();
    assert_eq!(outcome.ending, Ending::Stalled);
    assert_eq!(outcome.step, 16);
    assert_eq!(outcome.best.unwrap().step, 4);
    assert_eq!(log.validations.len(), 4);
    let best: Vec<bool> = log.validations.iter().map(|v| v.best).collect();
    assert_eq!(best, [true, false, false, false]);
    // The steps since the last full line are not lost.
    let lines = super::bench::metrics(&bench.path("run"));
    let last = lines.iter().rev().find(|l| l["kind"] == "train").unwrap();
    assert_eq!(last["step"], 16);

    // Interrupted on the way it stalls at the same place; and it stays stalled.
    let mut log = Log::stopping_after([5, 9, 12]);
    let mut parts = train::start(&bench.job("parts", &config), &mut log).unwrap();
    while parts.ending == Ending::Stopped {
        parts = resume(&bench.path("parts"), &mut log).unwrap();
    }
    assert_eq!(parts.checkpoint, outcome.checkpoint);
    let again = resume(&bench.path("parts"), &mut log).unwrap();
    assert_eq!(again.ending, Ending::Stalled);
    assert_eq!(again.checkpoint, outcome.checkpoint);
}
