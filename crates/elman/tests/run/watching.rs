//! What a run writes for whoever watches it: samples and event files change no bit, and steps never go back.

use super::bench::{Bench, Log, config, essence, metrics, relu_sgd, resume};
use elman::train::metrics::{Follower, Line};
use elman::train::{self, Config, Ending};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// As `config`, with everything that can be watched.
fn watched(config: &Config) -> Config {
    Config {
        sample_every: Some(9),
        sample_prompt: Some("and the".into()),
        watch_gradients: Some(3),
        tensorboard: Some("tensorboard".into()),
        ..config.clone()
    }
}

#[test]
fn watching_changes_no_bit() {
    for config in [config(), relu_sgd()] {
        let bench = Bench::new();
        let plain = bench.whole("plain", &config);
        let mut log = Log::default();
        let outcome = train::start(&bench.job("watched", &watched(&config)), &mut log).unwrap();
        assert_eq!(outcome.checkpoint, plain.checkpoint);
        let steps: Vec<u64> = log.samples.iter().map(|sample| sample.step).collect();
        let expected: Vec<u64> = (1..=outcome.step).filter(|step| step % 9 == 0).collect();
        assert_eq!(steps, expected);
        assert!(log.samples.iter().all(|s| s.prompt == "and the"));
        assert!(log.samples.iter().any(|s| !s.text.is_empty()));
        let steps: Vec<u64> = log.flows.iter().map(|flow| flow.step).collect();
        let expected: Vec<u64> = (1..=outcome.step).filter(|step| step % 3 == 0).collect();
        assert_eq!(steps, expected);
        for flow in &log.flows {
            assert_eq!(flow.layers.len(), config.layers);
            assert!(flow.lag > 1 && flow.layers.iter().all(|layer| layer.factor > 0.0));
        }
        let without: Vec<_> = metrics(&bench.path("watched"))
            .into_iter()
            .filter(|line| line["kind"] != "sample" && line["kind"] != "gradients")
            .collect();
        // What the kept model writes at the end continues the prompt.
        let unprompted = |mut lines: Vec<serde_json::Value>| {
            let end = lines.last_mut().and_then(|line| line.as_object_mut());
            let sample = end.and_then(|end| end.remove("sample")).unwrap();
            (sample.as_str().unwrap().starts_with("and the"), lines)
        };
        let (has_prompt, without) = unprompted(without);
        assert!(has_prompt);
        assert_eq!(without, unprompted(metrics(&bench.path("plain"))).1);
    }
}

#[test]
fn an_interrupted_run_leaves_the_same_lines_and_one_end() {
    let bench = Bench::new();
    let whole = essence(
        &bench.path("whole"),
        &bench.whole("whole", &watched(&config())),
    );
    let job = bench.job("run", &watched(&config()));
    let mut log = Log::stopping_after([13, 14, 27]);
    let mut outcome = train::start(&job, &mut log).unwrap();
    let endings = |run: &Path| -> Vec<Ending> {
        let follower = Follower::open(&run.join("metrics.jsonl")).unwrap();
        let ends = follower.lines().iter().filter_map(|line| match line {
            Line::End(end) => Some(end.ending),
            _ => None,
        });
        ends.collect()
    };
    while outcome.ending == Ending::Stopped {
        assert_eq!(endings(&job.run), [Ending::Stopped]);
        outcome = resume(&job.run, &mut log).unwrap();
    }
    assert_eq!(essence(&job.run, &outcome), whole);
    assert_eq!(endings(&job.run), [Ending::Finished]);
}

#[test]
fn a_run_that_diverged_says_so() {
    let bench = Bench::new();
    let config = Config {
        lr: 1e30,
        ..relu_sgd()
    };
    let job = bench.job("run", &config);
    train::start(&job, &mut Log::default()).unwrap_err();
    let last = metrics(&job.run).pop().unwrap();
    assert_eq!(
        (&last["kind"], &last["ending"]),
        (&"end".into(), &"diverged".into())
    );
}

/// Step of each figure → figure, as a reader of the run's event files keeps them.
#[test]
fn event_files_hold_the_figures_of_the_metrics_and_steps_do_not_go_back() {
    let bench = Bench::new();
    let job = bench.job("run", &watched(&config()));
    let mut log = Log::stopping_after([13]);
    train::start(&job, &mut log).unwrap();
    let directory = job.run.join("tensorboard");
    let first = files(&directory).pop().unwrap();
    // A process that went on to step 20 and was killed in the middle of a record, before it saved.
    let killed = bench.job("killed", &watched(&config()));
    train::start(&killed, &mut Log::stopping_after([20])).unwrap();
    let longer = files(&killed.run.join("tensorboard")).pop().unwrap();
    let bytes = fs::read(longer).unwrap();
    fs::write(&first, &bytes[..bytes.len() - 5]).unwrap();

    resume(&job.run, &mut Log::default()).unwrap();
    let files = files(&directory);
    assert_eq!(files.len(), 2);
    let mut kept: BTreeMap<(String, u64), f32> = BTreeMap::new();
    for file in files {
        for event in events(&fs::read(file).unwrap()) {
            if event.starts {
                kept.retain(|(_, step), _| *step < event.step);
            }
            for (tag, value) in event.scalars {
                let before = kept.insert((tag.clone(), event.step), value);
                assert!(before.is_none(), "{tag} twice at step {}", event.step);
            }
        }
    }
    let follower = Follower::open(&job.run.join("metrics.jsonl")).unwrap();
    let mut expected = BTreeMap::new();
    for line in follower.lines() {
        let mut add = |tag: &str, value: f64| {
            expected.insert((tag.to_owned(), line.step()), value as f32);
        };
        match line {
            Line::Train(line) => {
                add("loss/train", line.loss_nats);
                add("perplexity/train", line.perplexity);
                add("training/learning_rate", line.lr);
                add("training/gradient_norm", line.grad_norm);
                add("training/epoch", line.epoch);
            }
            Line::Valid(valid) => {
                add("loss/valid", valid.loss_nats);
                add("perplexity/valid", valid.perplexity);
            }
            Line::Gradients(flow) => {
                for layer in &flow.layers {
                    let k = layer.layer;
                    add(&format!("gradients/norm_log10_l{k}"), layer.norm_log10);
                    add(&format!("gradients/factor_l{k}"), layer.factor);
                }
            }
            Line::Sample(_) | Line::End(_) => {}
        }
    }
    kept.retain(|(tag, _), _| tag != "training/tokens_per_s");
    assert_eq!(kept, expected);
}

fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[derive(Default)]
struct Event {
    step: u64,
    /// A session begins here.
    starts: bool,
    scalars: Vec<(String, f32)>,
}

/// The whole records of an event file.
fn events(mut bytes: &[u8]) -> Vec<Event> {
    let mut events = Vec::new();
    while bytes.len() >= 12 {
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        if bytes.len() < length + 16 {
            break;
        }
        let mut event = Event::default();
        for (field, value) in fields(&bytes[12..12 + length]) {
            match (field, value) {
                (2, Field::Number(step)) => event.step = step,
                (7, _) => event.starts = true,
                (5, Field::Bytes(summary)) => {
                    event
                        .scalars
                        .extend(fields(summary).into_iter().filter_map(scalar));
                }
                _ => {}
            }
        }
        events.push(event);
        bytes = &bytes[length + 16..];
    }
    events
}

/// Tag and number of a summary's value, unless it is a text.
fn scalar((_, value): (u64, Field)) -> Option<(String, f32)> {
    let Field::Bytes(value) = value else {
        return None;
    };
    let (mut tag, mut number) = (None, None);
    for field in fields(value) {
        match field {
            (1, Field::Bytes(name)) => tag = Some(String::from_utf8(name.to_vec()).unwrap()),
            (2, Field::Single(value)) => number = Some(value),
            _ => {}
        }
    }
    Some((tag?, number?))
}

enum Field<'a> {
    Number(u64),
    Double,
    Single(f32),
    Bytes(&'a [u8]),
}

/// The fields of a message of protocol buffers.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let field = match key & 7 {
            0 => Field::Number(varint(&mut bytes)),
            1 => {
                bytes = &bytes[8..];
                Field::Double
            }
            2 => {
                let length = varint(&mut bytes) as usize;
                let (value, rest) = bytes.split_at(length);
                bytes = rest;
                Field::Bytes(value)
            }
            5 => {
                let (value, rest) = bytes.split_at(4);
                bytes = rest;
                Field::Single(f32::from_le_bytes(value.try_into().unwrap()))
            }
            other => panic!("wire type {other}"),
        };
        fields.push((key >> 3, field));
    }
    fields
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let length = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let (number, rest) = bytes.split_at(length);
    *bytes = rest;
    let digits = number.iter().enumerate();
    digits
        .map(|(i, byte)| u64::from(byte & 0x7f) << (7 * i))
        .sum()
}
