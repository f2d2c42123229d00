//! Windows as long as the text, and plans that do not fit.

use super::bench::{Bench, Log, config, machine, relu_sgd, resume};
use elman::net::dims::{Capacity, Sizes};
use elman::text::Layout;
use elman::train::config::{Bptt, CellName};
use elman::train::{self, Config, Machine};
use elman::train::{Error, MemoryRemedy, RunError};
use std::collections::BTreeSet;

#[test]
fn full_bptt_is_one_window_per_epoch() {
    for config in [config(), relu_sgd()] {
        let bench = Bench::new();
        let full = Config {
            bptt: Bptt::Full,
            ..config.clone()
        };
        let mut log = Log::default();
        let outcome = train::start(&bench.job("full", &full), &mut log).unwrap();
        assert_eq!((log.windows_per_epoch, outcome.step), (1, 2));
        let epochs: Vec<f64> = log.steps.iter().map(|step| step.epoch).collect();
        assert_eq!(epochs, [1.0, 2.0]);
        // A window longer than the text is the same, and no longer than it.
        let long = Config {
            bptt: Bptt::Steps(1 << 40),
            ..config
        };
        let same = bench.whole("long", &long);
        assert_eq!(same.checkpoint, outcome.checkpoint);
    }
}

fn with_memory(bytes: u64) -> Machine {
    Machine {
        memory_bytes: Some(bytes),
        ..machine()
    }
}

#[test]
fn a_plan_that_does_not_fit_is_refused_before_anything_is_allocated() {
    let bench = Bench::new();
    let huge = |layers, hidden| Config {
        layers,
        hidden: Sizes::Same(hidden),
        embed: hidden,
        ..config()
    };
    // What these would need ranges from two to a hundred thousand TiB.
    for (config, memory) in [
        (huge(2, 1 << 17), Some(1 << 30)),
        (huge(2, 1 << 17), None),
        (huge(1000, 1 << 20), Some(1 << 40)),
        (huge(1000, 1 << 20), None),
    ] {
        let mut job = bench.job("run", &config);
        job.machine.memory_bytes = memory;
        let error = train::start(&job, &mut Log::default()).unwrap_err();
        // The weights alone are too large.
        match remedy(&error) {
            MemoryRemedy::SmallerNetwork => {}
            MemoryRemedy::Options(sets) => {
                assert!(sets.iter().all(|set| set[0].0 == "hidden"), "{sets:?}");
            }
            other => panic!("{other:?}"),
        }
        let message = error.to_string();
        for part in ["training needs", "weights", "window"] {
            assert!(message.contains(part), "{message}");
        }
        assert!(resume(&job.run, &mut Log::default()).is_err(), "no run");
    }
}

#[test]
fn the_plan_is_the_limit() {
    let bench = Bench::new();
    let mut log = Log::default();
    let mut job = bench.job("fits", &config());
    train::start(&job, &mut log).unwrap();
    let plan = log.ready.unwrap().0;
    job.run = bench.path("just");
    job.machine = with_memory(plan);
    train::start(&job, &mut Log::default()).unwrap();
    job.run = bench.path("not");
    job.machine = with_memory(plan - 1);
    assert!(train::start(&job, &mut Log::default()).is_err());
    // A machine with less memory cannot go on with the run either, and says so.
    let budget = train::NewBudget::default();
    let small = with_memory(plan - 1);
    let error = train::resume(&bench.path("fits"), &budget, &small, &mut Log::default());
    let error = error.unwrap_err();
    assert_eq!(remedy(&error), &MemoryRemedy::None);
    assert!(error.to_string().contains("the budget is"), "{error}");
}

/// A refusal names options, and with each of them the run fits; with the next larger size it does not.
#[test]
fn what_a_refusal_says_would_fit_does() {
    let bench = Bench::new();
    let full = Config {
        bptt: Bptt::Full,
        ..config()
    };
    let sentences = Config {
        layout: Layout::Sentences,
        batch_size: 16,
        ..config()
    };
    let wide = Config {
        batch_size: 64,
        ..config()
    };
    let mut seen = BTreeSet::new();
    for (name, config, memory) in [
        ("full", &full, 300 << 10),
        ("wide", &wide, 300 << 10),
        ("sentences", &sentences, 300 << 10),
        ("small", &config(), 40 << 10),
    ] {
        let mut job = bench.job(name, config);
        job.machine = with_memory(memory);
        let error = train::start(&job, &mut Log::default()).unwrap_err();
        let MemoryRemedy::Options(sets) = remedy(&error) else {
            panic!("{error:?}");
        };
        for set in sets {
            let mut job = job.clone();
            apply(&mut job.config, set, 0);
            let told = train::dry_run(&job, &mut Log::default());
            assert!(told.is_ok(), "{set:?}: {told:?}");
            if set != &[("recompute", 1)] {
                apply(&mut job.config, set, 1);
                let told = train::dry_run(&job, &mut Log::default());
                assert!(told.is_err(), "{set:?} and one more: {error}");
            }
            seen.extend(set.iter().map(|(name, _)| *name));
        }
        // What is told of a dry run holds for one that trains.
        apply(&mut job.config, &sets[0], 0);
        train::start(&job, &mut Log::default()).unwrap();
    }
    let all = [
        "batch-tokens",
        "bptt",
        "embed",
        "hidden",
        "batch-size",
        "recompute",
    ];
    assert_eq!(seen, BTreeSet::from(all));
}

/// What an error about memory says would help.
fn remedy(error: &Error) -> &MemoryRemedy {
    match error {
        Error::Run(RunError::Memory { remedy, .. }) => remedy,
        other => panic!("{other:?}"),
    }
}

/// Chooses what a set of options says, sizes larger by `more`.
fn apply(config: &mut Config, set: &[(&str, usize)], more: usize) {
    for (option, size) in set {
        let size = size + more;
        match *option {
            "recompute" => config.recompute = true,
            "batch-size" => config.batch_size = size,
            "bptt" => config.bptt = Bptt::Steps(size),
            "batch-tokens" => config.batch_tokens = Some(size),
            "hidden" => config.hidden = Sizes::Same(size),
            "embed" => config.embed = size,
            other => panic!("{other}"),
        }
    }
}

#[test]
fn a_dry_run_tells_what_the_run_will_be_and_writes_nothing() {
    let bench = Bench::new();
    let sentences = Config {
        layout: Layout::Sentences,
        ..config()
    };
    for (name, config) in [("stream", config()), ("sentences", sentences)] {
        let job = bench.job(name, &config);
        let (mut told, mut trained) = (Log::default(), Log::default());
        train::dry_run(&job, &mut told).unwrap();
        assert!(!job.run.exists());
        train::start(&job, &mut trained).unwrap();
        assert!(told.steps.is_empty() && told.ready.is_some());
        assert_eq!(told.ready, trained.ready);
        assert_eq!(told.windows_per_epoch, trained.windows_per_epoch);
        assert_eq!(told.steps_per_epoch, trained.steps_per_epoch);
    }
}

/// Ten thousand steps in about the memory of two hundred, for every cell; without recomputing,
/// fifty times as much.
#[test]
fn recomputed_windows_take_the_memory_of_short_ones() {
    for cell in [CellName::ELMAN, CellName::LSTM, CellName::GRU] {
        for (batch_size, layers, dropout) in [(1, 1, 0.0), (4, 1, 0.1), (20, 2, 0.5), (33, 3, 0.0)]
        {
            let window_bytes = |steps, recompute| {
                let config = Config {
                    cell,
                    hidden: 256.into(),
                    embed: 256,
                    layers,
                    dropout,
                    tied: false,
                    ..config()
                };
                let capacity = Capacity::for_all([(steps, batch_size)], recompute);
                train::plan(&config, &config.dims(2000), capacity)
                    .window
                    .total_bytes() as f64
            };
            let short = window_bytes(200, false);
            let ratio = window_bytes(10_000, true) / short;
            let slope = window_bytes(10_000, false) / short;
            let case =
                format!("{cell:?}, {layers} layers, batch size {batch_size}: {ratio}, {slope}");
            assert!((0.5..1.25).contains(&ratio), "{case}");
            assert!((45.0..51.0).contains(&slope), "{case}");
        }
    }
}
