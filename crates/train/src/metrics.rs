//! `metrics.jsonl`: the figures of a run, one JSON object per line, also passed on to TensorBoard.
//!
//! On resume the lines of steps that will be done again are cut off, and the sums of those that
//! have no line yet come from the checkpoint, so every step is counted once. A line that cannot be read costs no other. Speeds and times differ between
//! runs; everything else is reproducible.

mod follow;
mod line;

pub use follow::Follower;
pub(crate) use line::number;
pub use line::{EndLine, Line, TrainLine};

use super::state::Tally;
use super::tensorboard::EventFile;
use super::watch::StepReport;
use crate::error::Result;
use elman_store::AppendLog;
use elman_store::disk::{Damage, LineDecision, Lines};
use std::path::Path;

/// Number of steps that one training line sums up.
pub const STEPS_PER_LINE: u64 = 10;

/// Writer of a run's metrics.
pub(crate) struct Metrics {
    log: AppendLog,
    events: Option<EventFile>,
    /// The loss in the last line of training.
    loss_nats: Option<f64>,
    /// Number of tokens processed since the last line, in this process.
    tokens: usize,
    seconds: f64,
}

impl Metrics {
    /// Opens the log of a run that has done `step` steps; returns a note if it was damaged.
    pub fn open(
        path: &Path,
        step: u64,
        events: Option<EventFile>,
    ) -> Result<(Metrics, Option<String>)> {
        let mut loss_nats = None;
        let (log, damage) =
            AppendLog::open(path, |line| match serde_json::from_str::<Line>(line) {
                // The run goes on.
                Ok(Line::End(_)) => LineDecision::Drop,
                Ok(line) if line.step() <= step => {
                    if let Line::Train(line) = line {
                        loss_nats = Some(line.loss_nats);
                    }
                    LineDecision::Keep
                }
                Ok(_) => LineDecision::Drop,
                Err(_) => LineDecision::Unreadable,
            })?;
        let metrics = Metrics {
            log,
            events,
            loss_nats,
            tokens: 0,
            seconds: 0.0,
        };
        Ok((metrics, remark(path, damage)))
    }

    /// Counts a step, and returns the line of the last steps when one is due; `seconds` is the training time since the run began.
    pub fn step(&mut self, step: &StepReport, tally: &mut Tally, seconds: f64) -> Option<Line> {
        tally.steps += 1;
        if step.skipped {
            tally.skipped += 1;
        } else {
            tally.nats += step.loss_nats * step.tokens as f64;
            tally.tokens += step.tokens as u64;
        }
        tally.sampled += step.sampled as u64;
        tally.clipped += u64::from(step.clipped);
        self.tokens += step.read;
        self.seconds += step.seconds;
        if step.step.is_multiple_of(STEPS_PER_LINE) || step.step == step.total_steps {
            return self.rest(step, tally, seconds);
        }
        None
    }

    /// The line of the steps up to `step` that have none yet; `None` if all have one.
    pub fn rest(&mut self, step: &StepReport, tally: &mut Tally, seconds: f64) -> Option<Line> {
        if tally.steps == 0 {
            return None;
        }
        // 0/0, which JSON calls null, if every window was skipped.
        let loss_nats = tally.nats / tally.tokens as f64;
        self.loss_nats = Some(loss_nats);
        let line = TrainLine {
            step: step.step,
            epoch: step.epoch,
            loss_nats,
            perplexity: loss_nats.exp(),
            grad_norm: step.grad_norm,
            lr: step.lr,
            clipped: tally.clipped,
            skipped: tally.skipped,
            sampled: (tally.sampled > 0).then_some(tally.sampled),
            tokens_per_s: self.tokens as f64 / self.seconds.max(1e-9),
            seconds,
        };
        *tally = Tally::default();
        (self.tokens, self.seconds) = (0, 0.0);
        Some(Line::Train(line))
    }

    /// Writes a line to the file, and its figures to TensorBoard's.
    pub fn write(&mut self, line: &Line) -> Result<()> {
        let json = serde_json::to_string(line).expect("a line is plain numbers and text");
        self.log.append(&json)?;
        match &mut self.events {
            Some(events) => events.line(line),
            None => Ok(()),
        }
    }

    /// Mean loss of the steps that the last training line sums up, in nats.
    pub fn loss_nats(&self) -> Option<f64> {
        self.loss_nats
    }

    /// Makes the lines so far durable.
    pub fn sync(&mut self) -> Result<()> {
        Ok(self.log.sync()?)
    }
}

/// A note on damaged lines of a log, if there are any.
fn remark(path: &Path, damage: Damage) -> Option<String> {
    let lines = |Lines { count, first }| match count {
        0 => None,
        1 => Some(format!("line {first}")),
        n => Some(format!("{n} lines, the first of them line {first},")),
    };
    let left = lines(damage.left).map(|lines| {
        format!("{lines} cannot be read and stays as it is; all other lines are kept")
    });
    let removed = lines(damage.removed)
        .map(|lines| format!("{lines} could not be read or was out of order and has been removed"));
    let both: Vec<String> = [left, removed].into_iter().flatten().collect();
    (!both.is_empty()).then(|| format!("{} is damaged: {}", path.display(), both.join("; ")))
}
