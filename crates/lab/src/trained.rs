//! Result of a training run of the laboratory, read from its directory.

use crate::error::Result;
use elman_report::numbers::number;
use elman_train::status::{RunSnapshot, RunStatus};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Result of a training run of the laboratory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trained {
    /// Directory of the run.
    pub run: PathBuf,
    /// Number of parameters of the network.
    pub parameters: usize,
    /// Whether the training diverged: its loss or gradient was not finite.
    pub diverged: bool,
    /// Perplexity of the best validation; `f64::MAX` without one, since JSON has no infinity.
    pub perplexity: f64,
    /// Training loss: (step, nats per token).
    pub loss: Vec<(f64, f64)>,
    /// Validation loss: (step, nats per token).
    pub valid_loss: Vec<(f64, f64)>,
    /// Norm of the gradient before clipping: (step, ‖g‖).
    pub norm: Vec<(f64, f64)>,
    /// Number of updates that were clipped.
    pub clipped: u64,
    /// Number of updates that were skipped because a value was not finite.
    pub skipped: u64,
    /// Number of updates.
    pub steps: u64,
    /// Duration of the training in seconds.
    pub seconds: f64,
}

impl Trained {
    /// Perplexity as a table shows it: "overflow" if there is none, or if it is larger than any number.
    pub(crate) fn shown_perplexity(&self) -> String {
        match self.perplexity < f64::MAX {
            true => number(self.perplexity),
            false => "overflow".into(),
        }
    }

    /// Perplexity of each validation: (step, perplexity).
    pub(crate) fn perplexities(&self) -> Vec<(f64, f64)> {
        let losses = self.valid_loss.iter();
        losses.map(|(step, nats)| (*step, nats.exp())).collect()
    }

    pub(crate) fn load(run: &Path) -> Result<Trained> {
        let snapshot = RunSnapshot::at(run)?;
        // JSON has no infinity.
        let finite = |points: Vec<(f64, f64)>| {
            let finite = points.into_iter().filter(|(_, y)| y.is_finite());
            finite.collect()
        };
        let lines = || snapshot.training();
        let loss = lines().map(|line| (line.step as f64, line.loss_nats));
        let norm = lines().map(|line| (line.step as f64, line.grad_norm));
        let valid = snapshot.validations().map(|v| (v.step as f64, v.loss_nats));
        Ok(Trained {
            run: run.to_path_buf(),
            parameters: snapshot.parameters().unwrap_or_default(),
            diverged: snapshot.status() == RunStatus::Diverged,
            perplexity: match snapshot.best() {
                Some(best) => best.loss_nats.exp().min(f64::MAX),
                None => f64::MAX,
            },
            loss: finite(loss.collect()),
            valid_loss: finite(valid.collect()),
            norm: finite(norm.collect()),
            clipped: lines().map(|line| line.clipped).sum(),
            skipped: lines().map(|line| line.skipped).sum(),
            steps: snapshot.step(),
            seconds: snapshot.seconds(),
        })
    }
}

#[cfg(test)]
impl Trained {
    /// A made-up run with this perplexity, for tests of rules.
    pub(crate) fn made_up(perplexity: f64) -> Trained {
        Trained {
            run: PathBuf::new(),
            parameters: 0,
            diverged: false,
            perplexity,
            loss: Vec::new(),
            valid_loss: Vec::new(),
            norm: Vec::new(),
            clipped: 0,
            skipped: 0,
            steps: 100,
            seconds: 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_perplexity_beyond_all_numbers_is_called_overflow() {
        assert_eq!(Trained::made_up(f64::MAX).shown_perplexity(), "overflow");
        assert_eq!(Trained::made_up(300.0).shown_perplexity(), "300");
    }
}
