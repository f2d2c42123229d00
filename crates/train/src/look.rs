//! A run as it is seen from outside: from its files, without taking its lock, whether somebody is at work on it or not.
//!
//! Checkpoints are not opened, which would take as long as they are large: `config.toml`, `metrics.jsonl`, the lock and the
//! heads of the token files say enough.

use super::config::Config;
use super::folder::{Folder, Record, read_record};
use super::metrics::{Follower, Line, TrainLine};
use super::watch::{Best, Ending, Validation};
use crate::error::Result;
use elman_net::Network;
use elman_net::dims::Dims;
use elman_store::Lock;
use elman_text::{TokenFile, token_file};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What is happening in a run's directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doing {
    /// A process is at work.
    Running,
    /// The budget is used up.
    Finished,
    /// Ended because validation did not get better.
    Stalled,
    /// Was asked to stop, and can go on.
    Stopped,
    /// Failed: its numbers were no numbers any more, or its last losses far above the uniform model's.
    Diverged,
    /// Its process was killed, or met an error; it can go on.
    Crashed,
}

impl Doing {
    pub fn name(self) -> &'static str {
        match self {
            Doing::Running => "running",
            Doing::Finished => "finished",
            Doing::Stalled => "stalled",
            Doing::Stopped => "stopped",
            Doing::Diverged => "diverged",
            Doing::Crashed => "crashed",
        }
    }

    /// Whether `resume` goes on with it as it is.
    pub fn is_interrupted(self) -> bool {
        matches!(self, Doing::Stopped | Doing::Crashed)
    }
}

/// A run at a moment.
pub struct Look {
    path: PathBuf,
    record: Record,
    metrics: Follower,
    running: bool,
    train: Option<TokenFile>,
    valid: Option<TokenFile>,
}

impl Look {
    /// Looks at the run in `path`. Errors: there is none, or its files cannot be read.
    pub fn at(path: &Path) -> Result<Look> {
        let head = |part: &str| token_file(&Folder::tokens_in(path, part)).ok();
        Ok(Look {
            record: read_record(path)?,
            metrics: Follower::open(&Folder::metrics_in(path))?,
            running: Lock::is_held(path),
            train: head("train"),
            valid: head("valid"),
            path: path.to_path_buf(),
        })
    }

    /// Looks again; whether anything has changed.
    pub fn again(&mut self) -> Result<bool> {
        let was_running = self.running;
        // The lock first: a run that has let go of it has written all its lines.
        self.running = Lock::is_held(&self.path);
        let changed = self.metrics.poll()?;
        if changed {
            // A resumed run may have another budget.
            self.record = read_record(&self.path)?;
        }
        Ok(changed || was_running != self.running)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn config(&self) -> &Config {
        &self.record.config
    }

    pub fn record(&self) -> &Record {
        &self.record
    }

    pub fn lines(&self) -> &[Line] {
        self.metrics.lines()
    }

    pub fn doing(&self) -> Doing {
        let ending = match self.lines().last() {
            _ if self.running => return Doing::Running,
            Some(Line::End(end)) => end.ending,
            _ => return Doing::Crashed,
        };
        match ending {
            Ending::Finished => Doing::Finished,
            Ending::Stalled => Doing::Stalled,
            Ending::Stopped => Doing::Stopped,
            Ending::Diverged => Doing::Diverged,
        }
    }

    /// Lines of training.
    pub fn training(&self) -> impl Iterator<Item = &TrainLine> {
        self.lines().iter().filter_map(|line| match line {
            Line::Train(line) => Some(line),
            _ => None,
        })
    }

    pub fn validations(&self) -> impl Iterator<Item = &Validation> {
        self.lines().iter().filter_map(|line| match line {
            Line::Valid(validation) => Some(validation),
            _ => None,
        })
    }

    /// Steps done, as far as they are known.
    pub fn step(&self) -> u64 {
        self.lines().last().map_or(0, Line::step)
    }

    pub fn total_steps(&self) -> u64 {
        self.record.total_steps
    }

    /// The best validation so far.
    pub fn best(&self) -> Option<Best> {
        let best = self.validations().filter(|validation| validation.best);
        best.last().map(|validation| Best {
            step: validation.step,
            loss_nats: validation.loss_nats,
        })
    }

    /// Of training, over all resumes.
    pub fn seconds(&self) -> f64 {
        match self.lines().last() {
            Some(Line::End(end)) => end.seconds,
            _ => self.training().last().map_or(0.0, |line| line.seconds),
        }
    }

    /// Of training, over the whole run; `None` before the first line.
    pub fn tokens_per_s(&self) -> Option<f64> {
        let (mut tokens, mut seconds, mut before) = (0.0, 0.0, 0.0);
        for line in self.training() {
            // A resumed process measures from its own beginning.
            let took = (line.seconds - before).max(0.0);
            (tokens, seconds) = (tokens + took * line.tokens_per_s, seconds + took);
            before = line.seconds;
        }
        (seconds > 0.0).then(|| tokens / seconds)
    }

    /// What the steps that are left will take at the speed of the last ones, validations included; `None` while unknown.
    pub fn seconds_left(&self) -> Option<f64> {
        let lines: Vec<&TrainLine> = self.training().collect();
        let last = lines.last()?;
        let first = &lines[lines.len().saturating_sub(RECENT_LINES + 1)];
        let steps = last.step.checked_sub(first.step).filter(|steps| *steps > 0);
        let (steps, took) = match steps {
            Some(steps) => (steps, last.seconds - first.seconds),
            None => (last.step.max(1), last.seconds),
        };
        let validating: f64 = self
            .validations()
            .map(|validation| validation.seconds)
            .sum();
        let per_step = took / steps as f64 + validating / last.step.max(1) as f64;
        Some(per_step * self.total_steps().saturating_sub(self.step()) as f64)
    }

    /// What the token file of the training text says, if it is there.
    pub fn train_file(&self) -> Option<&TokenFile> {
        self.train.as_ref()
    }

    /// The same of the validation text.
    pub fn valid_file(&self) -> Option<&TokenFile> {
        self.valid.as_ref()
    }

    /// The network's sizes, where the vocabulary is known.
    pub fn dims(&self) -> Option<Dims> {
        let file = self.train.as_ref()?;
        Some(self.config().dims(file.vocab_len))
    }

    /// Such as `lstm 1×256`.
    pub fn architecture(&self) -> Option<String> {
        self.dims().map(|dims| dims.architecture())
    }

    /// Numbers that are trained.
    pub fn parameters(&self) -> Option<usize> {
        let dims = self.dims()?;
        Some(Network::new(dims).layout().parameter_count())
    }
}

/// Lines whose speed counts for the time that is left.
const RECENT_LINES: usize = 20;
