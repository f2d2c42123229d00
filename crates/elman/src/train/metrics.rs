//! `metrics.jsonl`: what happened in a run, one JSON object a line, for people and their tools.
//!
//! On resume the lines of steps that will be done again are cut off, so every step stands there
//! once. Times differ between runs; everything else is reproducible.

use super::watch::{Step, Validation};
use crate::error::Result;
use crate::store::AppendLog;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Steps that one line sums up.
const STEPS_PER_LINE: u64 = 10;

pub struct Metrics {
    log: AppendLog,
    sum: Sum,
}

#[derive(Default)]
struct Sum {
    nats: f64,
    tokens: usize,
    seconds: f64,
    clipped: u32,
    skipped: u32,
}

/// The lines of the file.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Line<'a> {
    /// Means over the steps since the line before.
    Train {
        step: u64,
        epoch: f64,
        loss_nats: f64,
        perplexity: f64,
        grad_norm: f64,
        lr: f64,
        clipped: u32,
        skipped: u32,
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
            sum: Sum::default(),
        })
    }

    pub fn step(&mut self, step: &Step) -> Result<()> {
        let sum = &mut self.sum;
        if step.skipped {
            sum.skipped += 1;
        } else {
            sum.nats += step.loss_nats * step.tokens as f64;
            sum.tokens += step.tokens;
        }
        sum.seconds += step.seconds;
        sum.clipped += u32::from(step.clipped);
        if !step.step.is_multiple_of(STEPS_PER_LINE) && step.step != step.total_steps {
            return Ok(());
        }
        let loss_nats = sum.nats / sum.tokens.max(1) as f64;
        let line = Line::Train {
            step: step.step,
            epoch: step.epoch,
            loss_nats,
            perplexity: loss_nats.exp(),
            grad_norm: step.grad_norm,
            lr: step.lr,
            clipped: sum.clipped,
            skipped: sum.skipped,
            tokens_per_s: sum.tokens as f64 / sum.seconds.max(1e-9),
        };
        self.sum = Sum::default();
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
