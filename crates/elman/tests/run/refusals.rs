//! What cannot be done: an error that says what, where and what to do, and nothing is lost.

use super::bench::{Bench, Log, config, copy_run, generations, gru_adamw, relu_sgd, resume, text};
use elman::store::StoreError;
use elman::text::TextError;
use elman::train::{self, Config, Error, Event, Job, Result, RunError, Watch};
use std::fs;

fn refused(job: &Job) -> Error {
    train::start(job, &mut Log::default()).unwrap_err()
}

#[test]
fn a_run_is_not_overwritten() {
    let bench = Bench::new();
    let outcome = bench.whole("run", &config());
    let error = refused(&bench.job("run", &gru_adamw()));
    assert!(matches!(&error, Error::Run(RunError::Exists(path)) if *path == bench.path("run")));
    assert!(error.to_string().contains("already holds a run"), "{error}");
    let again = resume(&bench.path("run"), &mut Log::default()).unwrap();
    assert_eq!(again.checkpoint, outcome.checkpoint);
}

/// While a run is at work, nobody else starts or resumes it.
#[test]
fn a_run_belongs_to_one_process() {
    struct Intruder<'a> {
        bench: &'a Bench,
        errors: Vec<Error>,
    }
    impl Watch for Intruder<'_> {
        fn event(&mut self, event: &Event) {
            if let Event::Step(step) = event
                && step.step == 3
            {
                let run = self.bench.path("run");
                let resumed = resume(&run, &mut Log::default());
                self.errors.push(resumed.unwrap_err());
                self.errors
                    .push(refused(&self.bench.job("run", &relu_sgd())));
            }
        }
    }
    let bench = Bench::new();
    let mut intruder = Intruder {
        bench: &bench,
        errors: Vec::new(),
    };
    let outcome = train::start(&bench.job("run", &config()), &mut intruder).unwrap();
    assert_eq!(intruder.errors.len(), 2);
    for error in &intruder.errors {
        assert!(
            matches!(error, Error::Store(StoreError::Locked { .. })),
            "{error}"
        );
        let me = format!("process {}", std::process::id());
        assert!(error.to_string().contains(&me), "{error}");
    }
    let whole = bench.whole("whole", &config());
    assert_eq!(outcome.checkpoint, whole.checkpoint);
}

#[test]
fn texts_that_are_missing_or_too_short() {
    let bench = Bench::new();
    let job = |train: &str, valid: Option<&str>| Job {
        train: vec![bench.path(train)],
        valid: valid.map(|name| vec![bench.path(name)]),
        ..bench.job("run", &config())
    };
    bench.write("empty.txt", "");
    bench.write("letter.txt", "a");
    fs::create_dir(bench.path("folder")).unwrap();
    type Expected = fn(&TextError) -> bool;
    let cases: [(Job, Expected); 8] = [
        (job("nowhere.txt", None), |e| {
            matches!(e, TextError::Missing(_))
        }),
        (job("text.txt", Some("nowhere.txt")), |e| {
            matches!(e, TextError::Missing(_))
        }),
        (job("text.txt", Some("folder")), |e| {
            matches!(e, TextError::Directory(_))
        }),
        (job("folder", None), |e| {
            matches!(e, TextError::Directory(_))
        }),
        (job("empty.txt", None), |e| matches!(e, TextError::Empty(_))),
        (job("empty.txt", Some("text.txt")), |e| {
            matches!(e, TextError::Empty(_))
        }),
        (job("text.txt", Some("empty.txt")), |e| {
            matches!(e, TextError::Empty(_))
        }),
        (job("letter.txt", None), |e| {
            matches!(e, TextError::TooShort { .. })
        }),
    ];
    for (job, expected) in cases {
        match refused(&job) {
            Error::Text(error) => assert!(expected(&error), "{error:?}"),
            error => panic!("{error:?}"),
        }
        assert!(!train::Folder::is_run(&job.run));
    }
    // After all these mistakes the directory is as good as new.
    bench.whole("run", &config());
}

/// Fewer tokens than sequences, and fewer than a window.
#[test]
fn the_smallest_texts_train() {
    for (train_text, valid_text) in [("a b", "a"), ("a", "zzz"), ("a b c d e f g h", "h g")] {
        let bench = Bench::new();
        let train_path = bench.write("small.txt", train_text);
        let valid = bench.write("valid.txt", valid_text);
        for (name, config) in [("lstm", config()), ("relu", relu_sgd())] {
            let mut job = bench.job(name, &config);
            job.train = vec![train_path.clone()];
            job.valid = Some(vec![valid.clone()]);
            job.config.batch_size = 64;
            let outcome = train::start(&job, &mut Log::default()).unwrap();
            assert!(outcome.best.unwrap().loss_nats.is_finite());
        }
    }
    // With the default split two lines are the least.
    let bench = Bench::new();
    bench.write("text.txt", "a b\nc d\n");
    let outcome = bench.whole("run", &config());
    assert!(outcome.best.unwrap().loss_nats.is_finite());
}

/// Token files of another run are not taken for this run's own.
#[test]
fn files_of_another_run_are_refused() {
    let bench = Bench::new();
    let smaller = Config {
        max_vocab: Some(6),
        ..config()
    };
    bench.whole("small", &smaller);
    bench.whole("run", &config());
    let other = Bench::new();
    other.write("text.txt", &text(600, 2));
    other.whole("other", &config());

    let check = |name: &str, damage: &dyn Fn(&std::path::Path), part: &str| {
        let copy = bench.path(name);
        copy_run(&bench.path("run"), &copy);
        damage(&copy);
        let error = resume(&copy, &mut Log::default()).unwrap_err();
        assert!(error.to_string().contains(part), "{name}: {error}");
    };
    let take = |from: std::path::PathBuf, to: std::path::PathBuf| {
        fs::copy(from, to).unwrap();
    };
    // The same text in another vocabulary.
    let small = bench.path("small");
    check(
        "ids",
        &|run| {
            take(
                bench.path("run/tokens/train.tok"),
                run.join("tokens/train.tok"),
            );
            take(
                small.join("tokens/tokenizer.json"),
                run.join("tokens/tokenizer.json"),
            )
        },
        "another vocabulary",
    );
    check(
        "vocabulary",
        &|run| {
            for file in ["tokenizer.json", "train.tok", "valid.tok"] {
                take(
                    small.join("tokens").join(file),
                    run.join("tokens").join(file),
                );
            }
        },
        "belongs to another text or vocabulary",
    );
    check(
        "text",
        &|run| {
            // The same words in another order: the vocabulary may be the same, the text is not.
            for file in ["tokenizer.json", "train.tok", "valid.tok"] {
                take(
                    other.path("other/tokens").join(file),
                    run.join("tokens").join(file),
                );
            }
        },
        "belongs to another text or vocabulary",
    );
    check(
        "no validation",
        &|run| fs::remove_file(run.join("tokens/valid.tok")).unwrap(),
        "belongs to another text or vocabulary",
    );
    check(
        "damaged tokens",
        &|run| {
            let path = run.join("tokens/train.tok");
            let mut bytes = fs::read(&path).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            fs::write(path, bytes).unwrap();
        },
        "checksum",
    );
    check(
        "no checkpoint",
        &|run| {
            generations(run)
                .iter()
                .for_each(|path| fs::remove_file(path).unwrap())
        },
        "has no checkpoint",
    );
}

#[test]
fn a_configuration_that_was_changed_by_hand() {
    let bench = Bench::new();
    bench.whole("run", &config());
    let change = |from: &str, to: &str| -> Result<train::Outcome> {
        let copy = bench.path(&format!("{from} {to}").replace('\n', " "));
        copy_run(&bench.path("run"), &copy);
        let path = copy.join("config.toml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(path, text.replace(from, to)).unwrap();
        resume(&copy, &mut Log::default())
    };
    for (from, to, part) in [
        ("layers = 2", "layers = 1", "array"),
        ("layers = 2", "layers = 3", "weights.rnn"),
        ("batch-size = 5", "lanes = 6", "carried"),
        ("optimizer = \"adam\"", "optimizer = \"sgd\"", "array"),
        ("tied = true", "tied = \"yes\"", "config.toml"),
        ("tied = true", "tide = true", "config.toml"),
        ("lr = 0.004", "lr = -1.0", "`lr` is -1"),
        ("cell = \"lstm\"", "cell = \"gru\"", "weights.rnn"),
    ] {
        let message = change(from, to).unwrap_err().to_string();
        assert!(message.contains(part), "{to}: {message}");
    }
}

/// A path that is not Unicode has no form in config.toml, and is no reason to fail.
#[cfg(unix)]
#[test]
fn a_path_that_is_not_unicode() {
    use std::os::unix::ffi::OsStrExt;
    let bench = Bench::new();
    let name = std::ffi::OsStr::from_bytes(b"t\xFFxt.txt");
    let path = bench.room.path().join(name);
    fs::write(&path, text(600, 1)).unwrap();
    let mut job = bench.job("run", &config());
    job.train = vec![path];
    let outcome = train::start(&job, &mut Log::default()).unwrap();
    let same = bench.whole("same", &config());
    assert_eq!(outcome.checkpoint, same.checkpoint);
    resume(&job.run, &mut Log::default()).unwrap();
}
