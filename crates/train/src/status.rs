//! The status of a run, from its files and without its lock, whether a process is working on it or not.
//!
//! Checkpoints are not opened, which would take as long as they are large: `config.toml`, `metrics.jsonl`, the lock and the headers
//! of the token files are enough.

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

/// Status of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunStatus {
    /// A process is working on the run.
    Running,
    /// The run has used up its budget.
    Finished,
    /// The run ended because its validation loss did not improve.
    Stalled,
    /// The run was asked to stop and can be resumed.
    Stopped,
    /// The run failed: a number was not finite, or its last losses were far above the uniform model's.
    Diverged,
    /// The process of the run was killed or met an error; the run can be resumed.
    Crashed,
}

impl RunStatus {
    /// Name of the status: `running`, `finished`, `stalled`, `stopped`, `diverged` or `crashed`.
    pub fn name(self) -> &'static str {
        match self {
            RunStatus::Running => "running",
            RunStatus::Finished => "finished",
            RunStatus::Stalled => "stalled",
            RunStatus::Stopped => "stopped",
            RunStatus::Diverged => "diverged",
            RunStatus::Crashed => "crashed",
        }
    }

    /// Whether the run can be resumed without a new budget.
    pub fn is_interrupted(self) -> bool {
        matches!(self, RunStatus::Stopped | RunStatus::Crashed)
    }
}

/// A snapshot of a run: its configuration, its metrics so far and its status.
pub struct RunSnapshot {
    path: PathBuf,
    record: Record,
    metrics: Follower,
    running: bool,
    train: Option<TokenFile>,
    valid: Option<TokenFile>,
}

impl RunSnapshot {
    /// Takes a snapshot of the run at `path`.
    ///
    /// # Errors
    /// [`RunError::Missing`](crate::RunError::Missing) if there is none; [`Error::Store`](crate::Error::Store) if its files cannot
    /// be read.
    pub fn at(path: &Path) -> Result<RunSnapshot> {
        let head = |part: &str| token_file(&Folder::tokens_in(path, part)).ok();
        Ok(RunSnapshot {
            record: read_record(path)?,
            metrics: Follower::open(&Folder::metrics_in(path))?,
            running: Lock::is_held(path),
            train: head("train"),
            valid: head("valid"),
            path: path.to_path_buf(),
        })
    }

    /// Updates the snapshot; returns whether anything has changed.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store) if the run's files cannot be read.
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

    /// Directory of the run.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Configuration of the run.
    pub fn config(&self) -> &Config {
        &self.record.config
    }

    /// Record of the run, its `config.toml`.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// All lines of the metrics so far.
    pub fn lines(&self) -> &[Line] {
        self.metrics.lines()
    }

    /// Status of the run at the time of the snapshot.
    pub fn status(&self) -> RunStatus {
        let ending = match self.lines().last() {
            _ if self.running => return RunStatus::Running,
            Some(Line::End(end)) => end.ending,
            _ => return RunStatus::Crashed,
        };
        match ending {
            Ending::Finished => RunStatus::Finished,
            Ending::Stalled => RunStatus::Stalled,
            Ending::Stopped => RunStatus::Stopped,
            Ending::Diverged => RunStatus::Diverged,
        }
    }

    /// Iterates over the training lines of the metrics.
    pub fn training(&self) -> impl Iterator<Item = &TrainLine> {
        self.lines().iter().filter_map(|line| match line {
            Line::Train(line) => Some(line),
            _ => None,
        })
    }

    /// Iterates over the validations so far.
    pub fn validations(&self) -> impl Iterator<Item = &Validation> {
        self.lines().iter().filter_map(|line| match line {
            Line::Valid(validation) => Some(validation),
            _ => None,
        })
    }

    /// Number of steps done, as far as the metrics show.
    pub fn step(&self) -> u64 {
        self.lines().last().map_or(0, Line::step)
    }

    /// Number of steps of the whole budget.
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

    /// Seconds of training so far, over all resumes.
    pub fn seconds(&self) -> f64 {
        match self.lines().last() {
            Some(Line::End(end)) => end.seconds,
            _ => self.training().last().map_or(0.0, |line| line.seconds),
        }
    }

    /// Tokens per second of training over the whole run; `None` before the first line.
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

    /// Estimate of the remaining seconds at the speed of the last steps, validations included; `None` while unknown.
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

    /// Header of the token file of the training text, if it is there.
    pub fn train_file(&self) -> Option<&TokenFile> {
        self.train.as_ref()
    }

    /// Header of the token file of the validation text, if it is there.
    pub fn valid_file(&self) -> Option<&TokenFile> {
        self.valid.as_ref()
    }

    /// Sizes of the network, if the vocabulary is known.
    pub fn dims(&self) -> Option<Dims> {
        let file = self.train.as_ref()?;
        Some(self.config().dims(file.vocab_len))
    }

    /// Short name of the architecture, such as `lstm 1×256`.
    pub fn architecture(&self) -> Option<String> {
        self.dims().map(|dims| dims.architecture())
    }

    /// Number of parameters of the network.
    pub fn parameters(&self) -> Option<usize> {
        let dims = self.dims()?;
        Some(Network::new(dims).layout().parameter_count())
    }
}

/// Number of the last lines from which the remaining time is estimated.
const RECENT_LINES: usize = 20;
