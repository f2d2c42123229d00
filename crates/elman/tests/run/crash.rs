//! A run that was killed, and one whose files were damaged.

use super::bench::{
    Bench, Log, config, copy_run, essence, generations, metrics, resume, saving_always,
};
use elman::store::StoreError;
use elman::train::Error;
use elman::train::metrics::Line;
use elman::train::{self, Ending, Event, Job, Outcome, Watch};
use std::fs;
use std::path::{Path, PathBuf};

/// Copies the run as it is on disk when one of `moments` passes: a kill at that moment.
struct Killer {
    run: PathBuf,
    /// Steps after whose saving the copy is taken, and whether the next step was done by then.
    moments: Vec<(u64, bool)>,
    saved: u64,
    copies: Vec<PathBuf>,
}

impl Watch for Killer {
    fn event(&mut self, event: &Event) {
        let later = match event {
            Event::Saved { step } => {
                self.saved = *step;
                false
            }
            Event::Step(_) | Event::Recorded(Line::Valid(_)) => true,
            _ => return,
        };
        if self.moments.contains(&(self.saved, later)) {
            let copy = self.run.with_extension(format!("{}", self.copies.len()));
            copy_run(&self.run, &copy);
            self.copies.push(copy);
        }
    }
}

#[test]
fn a_killed_run_goes_on_as_if_nothing_had_been() {
    let bench = Bench::new();
    let whole = essence(&bench.path("whole"), &bench.whole("whole", &config()));
    let mut job = bench.job("run", &config());
    job.machine = saving_always();
    let mut killer = Killer {
        run: job.run.clone(),
        moments: vec![
            (1, false),
            (1, true),
            (10, true), // step 11 validates: the model is newer than the checkpoint
            (11, false),
            (16, true),
            (33, false),
        ],
        saved: 0,
        copies: Vec::new(),
    };
    train::start(&job, &mut killer).unwrap();
    assert!(killer.copies.len() >= 6, "{}", killer.copies.len());
    for copy in &killer.copies {
        let outcome = resume(copy, &mut Log::default()).unwrap();
        assert_eq!(outcome.ending, Ending::Finished);
        assert_eq!(essence(copy, &outcome), whole, "{}", copy.display());
    }
}

/// A run that was stopped after 20 steps, with checkpoints after steps 19 and 20.
fn stopped(bench: &Bench) -> Job {
    let mut job = bench.job("run", &config());
    job.machine = saving_always();
    let mut log = Log::stopping_after([20]);
    assert_eq!(train::start(&job, &mut log).unwrap().step, 20);
    let names: Vec<_> = generations(&job.run)
        .iter()
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["000000000019", "000000000020"]);
    job
}

fn damaged_copy(run: &Path, name: &str, files: usize, damage: &dyn Fn(&mut Vec<u8>)) -> PathBuf {
    let copy = run.with_extension(name);
    copy_run(run, &copy);
    for path in generations(&copy).iter().rev().take(files) {
        let mut bytes = fs::read(path).unwrap();
        damage(&mut bytes);
        fs::write(path, bytes).unwrap();
    }
    copy
}

type Damage = dyn Fn(&mut Vec<u8>);

fn damages() -> Vec<(&'static str, Box<Damage>)> {
    vec![
        ("empty", Box::new(|bytes| bytes.clear())),
        ("cut", Box::new(|bytes| bytes.truncate(bytes.len() / 2))),
        ("short", Box::new(|bytes| bytes.truncate(bytes.len() - 1))),
        ("long", Box::new(|bytes| bytes.push(0))),
        ("head", Box::new(|bytes| bytes[30] ^= 1)),
        (
            "middle",
            Box::new(|bytes| {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 0x40;
            }),
        ),
        ("tail", Box::new(|bytes| *bytes.last_mut().unwrap() ^= 0x80)),
    ]
}

#[test]
fn a_damaged_checkpoint_costs_the_work_since_the_one_before() {
    let bench = Bench::new();
    let whole = essence(&bench.path("whole"), &bench.whole("whole", &config()));
    let job = stopped(&bench);
    for (name, damage) in damages() {
        let copy = damaged_copy(&job.run, name, 1, &*damage);
        let mut log = Log::default();
        let outcome = resume(&copy, &mut log).unwrap();
        assert_eq!(log.ready.unwrap().1, 19, "{name}");
        assert_eq!(essence(&copy, &outcome), whole, "{name}");
        let note = &log.notes[0];
        assert!(
            note.contains("000000000020.safetensors") && note.contains("after step 19"),
            "{note}"
        );
    }
}

#[test]
fn when_all_checkpoints_are_damaged_nothing_is_touched() {
    let bench = Bench::new();
    let job = stopped(&bench);
    for (name, damage) in damages() {
        let copy = damaged_copy(&job.run, name, 2, &*damage);
        let before = contents(&copy);
        let error = resume(&copy, &mut Log::default()).unwrap_err();
        assert!(
            matches!(error, Error::Store(StoreError::NoValidGeneration { .. })),
            "{name}: {error}"
        );
        let message = error.to_string();
        for part in ["000000000019", "000000000020"] {
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(contents(&copy), before, "{name}");
    }
}

/// Every file of a run but its lock.
fn contents(run: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(run).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else if path.file_name().unwrap() != "lock" {
            found.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

/// Steps per line are ten; a stop in between must not lose or repeat any.
#[test]
fn metrics_count_every_step_once() {
    let bench = Bench::new();
    let mut log = Log::stopping_after([4, 13, 29]);
    let job = bench.job("run", &config());
    let mut outcome = train::start(&job, &mut log).unwrap();
    while outcome.ending == Ending::Stopped {
        outcome = resume(&job.run, &mut log).unwrap();
    }
    let lines = metrics(&job.run);
    let of_kind = |kind: &str| -> Vec<&serde_json::Value> {
        lines.iter().filter(|line| line["kind"] == kind).collect()
    };
    let train = of_kind("train");
    let mut expected: Vec<u64> = (1..=outcome.step / 10).map(|i| 10 * i).collect();
    if !outcome.step.is_multiple_of(10) {
        expected.push(outcome.step);
    }
    let steps: Vec<u64> = train.iter().map(|l| l["step"].as_u64().unwrap()).collect();
    assert_eq!(steps, expected);

    let mut first = 0;
    for line in train {
        let last = line["step"].as_u64().unwrap() as usize;
        let steps = &log.steps[first..last];
        let nats: f64 = steps.iter().map(|s| s.loss_nats * s.tokens as f64).sum();
        let tokens: usize = steps.iter().map(|s| s.tokens).sum();
        assert_eq!(line["loss_nats"].as_f64().unwrap(), nats / tokens as f64);
        first = last;
    }
    let validations = of_kind("valid");
    assert_eq!(validations.len(), log.validations.len());
    for (line, validation) in validations.iter().zip(&log.validations) {
        assert_eq!(line["step"], validation.step);
        assert_eq!(line["loss_nats"], validation.loss_nats);
    }
}

/// What a kill left half-written at the end of the log, and lines of steps after the checkpoint.
#[test]
fn a_torn_log_is_mended() {
    let bench = Bench::new();
    let whole = essence(&bench.path("whole"), &bench.whole("whole", &config()));
    let job = stopped(&bench);
    let log = job.run.join("metrics.jsonl");
    let mut text = fs::read_to_string(&log).unwrap();
    text.push_str("{\"kind\":\"train\",\"step\":30}\n{\"kind\":\"tra");
    fs::write(&log, text).unwrap();
    let outcome = resume(&job.run, &mut Log::default()).unwrap();
    assert_eq!(essence(&job.run, &outcome), whole);
}

/// Temporaries of a killed writer are swept when the run goes on.
#[test]
fn leftovers_of_a_kill_are_swept() {
    let bench = Bench::new();
    let job = stopped(&bench);
    for part in ["", "tokens", "state", "model"] {
        let leftover = job.run.join(part).join(".1-0.elman-tmp");
        if job.run.join(part).is_dir() {
            fs::write(leftover, "half a file").unwrap();
        }
    }
    resume(&job.run, &mut Log::default()).unwrap();
    let left = contents(&job.run);
    let temporary = |path: &Path| path.to_string_lossy().ends_with("elman-tmp");
    assert!(left.iter().all(|(path, _)| !temporary(path)));
}

/// A kill while a run was being prepared leaves no run, and another may begin there.
#[test]
fn a_run_that_was_killed_while_prepared_can_be_started_again() {
    let bench = Bench::new();
    let whole: Outcome = bench.whole("whole", &config());
    let expected = essence(&bench.path("whole"), &whole);
    let run = bench.path("run");
    copy_run(&bench.path("whole"), &run);
    fs::remove_file(run.join("config.toml")).unwrap();
    let error = resume(&run, &mut Log::default()).unwrap_err();
    assert!(error.to_string().contains("holds no run"), "{error}");
    // A model and metrics are not written before config.toml: these are somebody's.
    let error = train::start(&bench.job("run", &config()), &mut Log::default()).unwrap_err();
    let named = error.to_string().contains("overwrite") && error.to_string().contains("run/m");
    assert!(named, "{error}");
    fs::remove_dir_all(run.join("model")).unwrap();
    fs::remove_file(run.join("metrics.jsonl")).unwrap();
    let outcome = bench.whole("run", &config());
    assert_eq!(essence(&run, &outcome), expected);
}

/// A place that cannot be written to for a while (`store` tests a disk that is full after any
/// number of bytes): the run ends with an error that names it, and goes on when it is mended.
#[test]
fn a_save_that_fails_costs_no_more_than_the_work_since_the_last_one() {
    struct Saboteur {
        place: PathBuf,
        after: u64,
    }
    impl Watch for Saboteur {
        fn event(&mut self, event: &Event) {
            if matches!(event, Event::Step(step) if step.step == self.after) {
                fs::rename(&self.place, self.place.with_extension("away")).unwrap();
                fs::write(&self.place, "in the way").unwrap();
            }
        }
    }
    let bench = Bench::new();
    let whole = essence(&bench.path("whole"), &bench.whole("whole", &config()));
    // Step 22 validates; a model was saved after step 11.
    for (place, after) in [("state", 13), ("model", 22)] {
        let mut job = bench.job(&format!("no {place}"), &config());
        job.machine = saving_always();
        let place = job.run.join(place);
        let mut saboteur = Saboteur {
            place: place.clone(),
            after,
        };
        let error = train::start(&job, &mut saboteur).unwrap_err();
        assert!(matches!(error, Error::Store(_)), "{error}");
        let named = error.to_string().contains(&place.display().to_string());
        assert!(named, "{error}");
        fs::remove_file(&place).unwrap();
        fs::rename(place.with_extension("away"), &place).unwrap();
        let mut log = Log::default();
        let outcome = resume(&job.run, &mut log).unwrap();
        assert_eq!(log.ready.unwrap().1, after - 1);
        assert_eq!(essence(&job.run, &outcome), whole);
    }
}
