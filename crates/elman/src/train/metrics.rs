//! `metrics.jsonl`: what happened in a run, one JSON object a line, for people and their tools.
//!
//! On resume the lines of steps that will be done again are cut off, and the sums of those that
//! have no line yet come from the checkpoint, so every step is counted once. Speeds differ between
//! runs; everything else is reproducible.

use super::state::Tally;
use super::watch::{Step, Validation};
use crate::error::Result;
use crate::store::AppendLog;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Steps that one line sums up.
const STEPS_PER_LINE: u64 = 10;

pub struct Metrics {
    log: AppendLog,
    /// Since the last line, in this process.
    tokens: usize,
    seconds: f64,
}

/// The lines of the file.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Line<'a> {
    /// Losses are means over the steps since the line before, `null` if all were skipped; norm and
    /// rate are those of the last step.
    Train {
        step: u64,
        epoch: f64,
        loss_nats: f64,
        perplexity: f64,
        grad_norm: f64,
        lr: f64,
        clipped: u64,
        skipped: u64,
        /// Inputs drawn from the model, where sampling is scheduled.
        #[serde(skip_serializing_if = "Option::is_none")]
        sampled: Option<u64>,
        tokens_per_s: f64,
    },
    Valid {
        #[serde(flatten)]
        validation: &'a Validation,
    },
}

#[derive(Deserialize)]
struct StepOnly {
    step: u64,
}

impl Metrics {
    /// Opens the log of a run that has done `step` steps.
    pub fn open(path: &Path, step: u64) -> Result<Metrics> {
        let log = AppendLog::open(path, |line| {
            serde_json::from_str::<StepOnly>(line).is_ok_and(|line| line.step <= step)
        })?;
        Ok(Metrics {
            log,
            tokens: 0,
            seconds: 0.0,
        })
    }

    /// Counts a step, and writes a line where one is due.
    pub fn step(&mut self, step: &Step, tally: &mut Tally) -> Result<()> {
        tally.steps += 1;
        if step.skipped {
            tally.skipped += 1;
        } else {
            tally.nats += step.loss_nats * step.tokens as f64;
            tally.tokens += step.tokens as u64;
        }
        tally.sampled += step.sampled as u64;
        tally.clipped += u64::from(step.clipped);
        self.tokens += step.tokens;
        self.seconds += step.seconds;
        if step.step.is_multiple_of(STEPS_PER_LINE) || step.step == step.total_steps {
            return self.end(step, tally);
        }
        Ok(())
    }

    /// Writes the line of the steps up to `step` that have none yet.
    pub fn end(&mut self, step: &Step, tally: &mut Tally) -> Result<()> {
        if tally.steps == 0 {
            return Ok(());
        }
        // 0/0, which JSON calls null, if every window was skipped.
        let loss_nats = tally.nats / tally.tokens as f64;
        let line = Line::Train {
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
        };
        *tally = Tally::default();
        (self.tokens, self.seconds) = (0, 0.0);
        self.write(&line)
    }

    pub fn validation(&mut self, validation: &Validation) -> Result<()> {
        self.write(&Line::Valid { validation })
    }

    /// Makes the lines so far durable.
    pub fn sync(&mut self) -> Result<()> {
        Ok(self.log.sync()?)
    }

    fn write(&mut self, line: &Line) -> Result<()> {
        let line = serde_json::to_string(line).expect("a line is plain numbers");
        Ok(self.log.append(&line)?)
    }
}
