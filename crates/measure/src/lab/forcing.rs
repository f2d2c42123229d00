//! Teacher forcing against a network conditioned on its own words from the first step: scheduled sampling with probability 1, the
//! same seeds.

use super::nets::Net;
use super::{Lab, Trained, Verdict};
use crate::error::Result;
use elman_train::scheduled::Decay;
use serde::{Deserialize, Serialize};

/// Training runs with and without teacher forcing, a pair for each seed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Forcing {
    /// Runs with teacher forcing, by seed.
    pub forced: Vec<Trained>,
    /// Runs whose inputs are the network's own words, by seed.
    pub own: Vec<Trained>,
}

/// Trains the runs, or loads them if they were trained before.
///
/// # Errors
/// [`LabError::Stopped`](crate::LabError::Stopped), and the errors of training.
pub fn forcing(lab: &mut Lab) -> Result<Forcing> {
    let mut runs = Forcing {
        forced: Vec::new(),
        own: Vec::new(),
    };
    for seed in 0..lab.scale().seeds {
        let mut config = lab.config(Net::Gru);
        config.seed += seed;
        config.epochs = config.epochs.map(|epochs| epochs / 4.0);
        config.valid_every = Some(20);
        runs.forced
            .push(lab.learn(&format!("forced-{seed}"), config.clone())?);
        config.scheduled_sampling = Some(Decay::Constant(1.0));
        runs.own
            .push(lab.learn(&format!("own-words-{seed}"), config)?);
    }
    Ok(runs)
}

/// Mean and standard deviation of the perplexities of `runs`.
pub fn mean_and_deviation(runs: &[Trained]) -> (f64, f64) {
    let n = runs.len() as f64;
    let mean = runs.iter().map(|run| run.perplexity).sum::<f64>() / n;
    let square = |run: &Trained| (run.perplexity - mean) * (run.perplexity - mean);
    let variance = runs.iter().map(square).sum::<f64>() / (n - 1.0).max(1.0);
    (mean, variance.sqrt())
}

impl Forcing {
    /// Whether teacher forcing learns faster: its perplexity is lower after the same number of updates, with every seed.
    pub fn accelerates(&self) -> bool {
        let mut pairs = self.forced.iter().zip(&self.own);
        pairs.all(|(forced, own)| forced.perplexity < own.perplexity)
    }

    /// Whether teacher forcing is more stable: its perplexities vary less between seeds, relative to their mean.
    pub fn stabilises(&self) -> bool {
        let spread = |runs| {
            let (mean, deviation) = mean_and_deviation(runs);
            deviation / mean
        };
        spread(&self.forced) < spread(&self.own)
    }

    /// Verdict on the claim that teacher forcing accelerates and stabilises training.
    pub fn verdict(&self) -> Verdict {
        Verdict::of(&[self.accelerates(), self.stabilises()])
    }
}
