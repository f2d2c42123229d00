//! Windows as long as the text, and plans that do not fit.

use super::bench::{Bench, Log, config, machine, relu_sgd, resume};
use elman::Error;
use elman::dims::{Room, Sizes};
use elman::train::config::{Bptt, CellName};
use elman::train::{self, Config, Machine};

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
        assert!(matches!(error, Error::Config(_)), "{error}");
        let message = error.to_string();
        for part in ["training needs", "weights", "window", "--hidden"] {
            assert!(message.contains(part), "{message}");
        }
        // The weights alone are too large.
        assert!(!message.contains("--recompute"), "{message}");
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
    let message = error.unwrap_err().to_string();
    assert!(message.contains("--memory allows"), "{message}");
}

#[test]
fn full_bptt_of_a_long_text_says_what_to_do() {
    let bench = Bench::new();
    let full = Config {
        bptt: Bptt::Full,
        ..config()
    };
    let mut job = bench.job("run", &full);
    job.machine = with_memory(300 << 10);
    let message = train::start(&job, &mut Log::default())
        .unwrap_err()
        .to_string();
    assert!(message.contains("--bptt a number of steps"), "{message}");
    assert!(message.contains("or give --recompute"), "{message}");
    // And it is right.
    job.config.recompute = true;
    train::start(&job, &mut Log::default()).unwrap();
}

/// Ten thousand steps in about the memory of two hundred, for every cell; without recomputing,
/// fifty times as much.
#[test]
fn recomputed_windows_take_the_memory_of_short_ones() {
    for cell in [CellName::Elman, CellName::Lstm, CellName::Gru] {
        for (lanes, layers, dropout) in [(1, 1, 0.0), (4, 1, 0.1), (20, 2, 0.5), (33, 3, 0.0)] {
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
                let room = Room::for_all([(steps, lanes)], recompute);
                train::plan(&config, &config.dims(2000), room)
                    .window
                    .total_bytes() as f64
            };
            let short = window_bytes(200, false);
            let ratio = window_bytes(10_000, true) / short;
            let slope = window_bytes(10_000, false) / short;
            let case = format!("{cell:?}, {layers} layers, {lanes} lanes: {ratio}, {slope}");
            assert!((0.5..1.25).contains(&ratio), "{case}");
            assert!((45.0..51.0).contains(&slope), "{case}");
        }
    }
}
