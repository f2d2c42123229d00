//! What clipping does: the same network, too large in its recurrent weights and its rate, with a threshold and without one.

use super::nets::Net;
use super::{Lab, Trained, Verdict};
use crate::error::Result;
use elman_train::Config;
use elman_train::config::OptimizerName;
use elman_train::schedule::ScheduleKind;
use serde::{Deserialize, Serialize};

/// Two runs, of which one clips.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Clipping {
    pub threshold: f64,
    pub rate: f64,
    pub with: Trained,
    pub without: Trained,
}

const THRESHOLD: f64 = 0.5;
const RATE: f64 = 2.0;

pub fn clipping(lab: &mut Lab) -> Result<Clipping> {
    let base = Config {
        optimizer: OptimizerName::Sgd,
        lr: RATE,
        schedule: ScheduleKind::Constant,
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
    /// It was needed, and it helped.
    pub fn verdict(&self) -> Verdict {
        Verdict::of(&[
            self.with.clipped > 0,
            !self.with.diverged && self.with.perplexity < self.without.perplexity,
        ])
    }
}
