//! What may change when a run is resumed, and runs that go on after their patience has ended them.

use super::bench::{Bench, Log, config, machine, metrics, text};
use elman::train::config::value::Setting;
use elman::train::config::{Choices, Value};
use elman::train::{self, Changes, Config, Ending, NewBudget, read_record};

/// Learns nothing, and is ended by its patience at step 16.
fn hopeless() -> Config {
    Config {
        lr: 1e-30,
        valid_every: Some(4),
        patience: Some(3),
        ..config()
    }
}

fn watching(values: &[(&str, Value)]) -> Changes {
    let mut watching = Choices::default();
    for (name, value) in values {
        watching.set(name, value.clone()).unwrap();
    }
    Changes {
        watching,
        ..Changes::default()
    }
}

fn patience(patience: Option<u32>) -> Changes {
    watching(&[("patience", patience.value())])
}

fn steps(steps: u64) -> Changes {
    Changes::from(&NewBudget {
        steps: Some(steps),
        ..NewBudget::default()
    })
}

#[test]
fn a_run_that_its_patience_has_ended_goes_on() {
    let bench = Bench::new();
    let resume = |run: &str, changes: Changes| {
        let mut log = Log::default();
        let outcome = train::resume(&bench.path(run), changes, &machine(), &mut log).unwrap();
        (outcome, log.notes)
    };
    for run in ["patient", "without", "longer", "more"] {
        assert_eq!(bench.whole(run, &hopeless()).step, 16);
    }
    let total = read_record(&bench.path("patient")).unwrap().total_steps;
    assert!(total > 30);
    // So many validations again, the run without patience, a new budget.
    let (outcome, notes) = resume("patient", patience(Some(3)));
    assert_eq!((outcome.ending, outcome.step), (Ending::Stalled, 28));
    assert!(
        notes[0].contains("3 validations in a row") && notes[0].contains("3 more"),
        "{notes:?}"
    );
    let (without, _) = resume("without", patience(None));
    assert_eq!((without.ending, without.step), (Ending::Finished, total));
    assert_eq!(
        read_record(&bench.path("without")).unwrap().config.patience,
        None
    );
    let (outcome, _) = resume("longer", steps(total + 40));
    assert_eq!((outcome.ending, outcome.step), (Ending::Stalled, 28));
    // More patience than the run had counts on.
    let (outcome, notes) = resume("more", patience(Some(4)));
    assert_eq!((outcome.ending, outcome.step), (Ending::Stalled, 20));
    assert!(notes.is_empty(), "{notes:?}");

    // It is the run that had no patience from the beginning.
    let free = Config {
        patience: None,
        ..hopeless()
    };
    assert_eq!(without.checkpoint, bench.whole("free", &free).checkpoint);
}

#[test]
fn what_only_watches_may_change() {
    let bench = Bench::new();
    let plain = Config {
        valid_every: None,
        ..config()
    };
    let whole = bench.whole("whole", &plain);
    let mut log = Log::stopping_after([10]);
    train::start(&bench.job("run", &plain), &mut log).unwrap();
    let changes = watching(&[
        ("valid-every", Value::Count(5)),
        ("sample-every", Value::Count(4)),
        ("sample-prompt", Value::Text("the king".into())),
        ("watch-gradients", Value::Count(6)),
        ("tensorboard", Value::Flag(true)),
        ("patience", Value::Count(1000)),
    ]);
    let mut log = Log::default();
    let outcome = train::resume(&bench.path("run"), changes, &machine(), &mut log).unwrap();
    assert_eq!(log.validations[0].step, 15);
    assert_eq!(log.samples[0].step, 12);
    assert!(!log.flows.is_empty() && bench.path("run/tensorboard").is_dir());
    let stored = read_record(&bench.path("run")).unwrap().config;
    assert_eq!(
        (stored.valid_every, stored.sample_every),
        (Some(5), Some(4))
    );
    assert_eq!(stored.unwatched().lr, plain.lr);
    // The weights are those of the run that nobody watched.
    let step = outcome.step;
    assert_eq!(step, whole.step);
    let off = watching(&[
        ("sample-every", Value::None),
        ("watch-gradients", Value::None),
        ("tensorboard", Value::None),
        ("valid-every", Value::None),
    ]);
    let changes = Changes {
        watching: off.watching,
        ..steps(step + 5)
    };
    let mut log = Log::default();
    let outcome = train::resume(&bench.path("run"), changes, &machine(), &mut log).unwrap();
    assert!(outcome.sample.unwrap().starts_with("the king"));
    assert!(log.samples.is_empty() && log.flows.is_empty());
    let stored = read_record(&bench.path("run")).unwrap().config;
    assert_eq!((stored.sample_every, stored.tensorboard), (None, None));
    // What the model writes at the end begins with the prompt still.
    assert_eq!(stored.sample_prompt.as_deref(), Some("the king"));

    // What cannot be is refused before anything is changed.
    let mut wrong = Choices::default();
    let error = wrong.set("valid-every", Value::Count(0));
    assert!(error.unwrap_err().to_string().contains("valid-every"));
}

#[test]
fn watching_from_the_middle_changes_no_weight() {
    let bench = Bench::new();
    let plain = config();
    let whole = bench.whole("whole", &plain);
    let mut log = Log::stopping_after([7]);
    train::start(&bench.job("run", &plain), &mut log).unwrap();
    let changes = watching(&[
        ("sample-every", Value::Count(3)),
        ("watch-gradients", Value::Count(5)),
    ]);
    let outcome = train::resume(&bench.path("run"), changes, &machine(), &mut Log::default());
    assert_eq!(outcome.unwrap().checkpoint, whole.checkpoint);
}

#[test]
fn a_warm_up_that_is_longer_than_the_run_is_cut() {
    let bench = Bench::new();
    let config = Config {
        warmup: 50,
        epochs: None,
        steps: Some(20),
        ..config()
    };
    let mut log = Log::default();
    train::start(&bench.job("run", &config), &mut log).unwrap();
    assert!(log.notes[0].contains("is cut to 2"), "{:?}", log.notes);
    assert!((log.steps[1].lr / config.lr - 1.0).abs() < 1e-12);
    assert_eq!(read_record(&bench.path("run")).unwrap().config.warmup, 2);
    // A longer run goes on with what was cut.
    let mut log = Log::default();
    train::resume(&bench.path("run"), steps(80), &machine(), &mut log).unwrap();
    assert_eq!(read_record(&bench.path("run")).unwrap().config.warmup, 2);
}

#[test]
fn the_size_of_a_text_decides_where_nothing_was_said() {
    let bench = Bench::new();
    bench.write("text.txt", &text(4_000, 1));
    let default = Config {
        hidden: 6.into(),
        embed: 6,
        precision: config().precision,
        ..Config::default()
    };
    let mut job = bench.job("run", &default);
    job.fit_to_text = true;
    let mut told = Log::default();
    train::dry_run(&job, &mut told).unwrap();
    let mut log = Log::stopping_after([3]);
    train::start(&job, &mut log).unwrap();
    assert!(
        log.notes[0].contains("batch size 4 and 20 epochs"),
        "{:?}",
        log.notes
    );
    assert_eq!(told.notes, log.notes);
    let stored = read_record(&bench.path("run")).unwrap();
    assert_eq!(
        (stored.config.batch_size, stored.config.epochs),
        (4, Some(20.0))
    );
    // It goes on with what was stored.
    let mut log = Log::stopping_after([6]);
    let outcome = train::resume(&bench.path("run"), Changes::default(), &machine(), &mut log);
    assert_eq!(outcome.unwrap().total_steps, stored.total_steps);
    assert!(log.notes.is_empty(), "{:?}", log.notes);
    let end = metrics(&bench.path("run"));
    assert_eq!(end.last().unwrap()["kind"], "end");
    // Nobody asked for it.
    let mut log = Log::stopping_after([1]);
    train::start(&bench.job("plain", &default), &mut log).unwrap();
    assert_eq!(
        read_record(&bench.path("plain")).unwrap().config.batch_size,
        32
    );
}
