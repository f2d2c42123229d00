//! The effect of clipping: a network with too large recurrent weights and a too high learning rate, trained with a threshold and
//! without.

use super::nets::Net;
use super::{Lab, Trained, Verdict};
use crate::error::Result;
use elman_train::Config;
use elman_train::optim::{Optimizer, Sgd};
use elman_train::schedule::Schedule;
use serde::{Deserialize, Serialize};

/// Two runs of one configuration, one of which clips gradients.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Clipping {
    /// Threshold of the gradient's norm.
    pub threshold: f64,
    /// Learning rate of both runs.
    pub rate: f64,
    /// The run with clipping.
    pub with: Trained,
    /// The run without clipping.
    pub without: Trained,
}

const THRESHOLD: f64 = 0.5;
const RATE: f64 = 2.0;

/// Trains the two runs, or loads them if they were trained before.
///
/// # Errors
/// [`LabError::Stopped`](crate::LabError::Stopped), and the errors of training.
pub fn clipping(lab: &mut Lab) -> Result<Clipping> {
    let base = Config {
        optimizer: Optimizer::Sgd(Sgd::default()),
        lr: RATE,
        schedule: Schedule::CONSTANT,
        warmup: 0,
        epochs: lab.scale().epochs.min(1.0).into(),
        ..lab.config(Net::TanhLarge)
    };
    let of = |clip| Config {
        clip,
        ..base.clone()
    };
    Ok(Clipping {
        threshold: THRESHOLD,
        rate: RATE,
        with: lab.learn("clipped", of(Some(THRESHOLD)))?,
        without: lab.learn("not-clipped", of(None))?,
    })
}

impl Clipping {
    /// Whether clipping occurred and improved the training.
    pub fn verdict(&self) -> Verdict {
        Verdict::of(&[
            self.with.clipped > 0,
            !self.with.diverged && self.with.perplexity < self.without.perplexity,
        ])
    }
}
