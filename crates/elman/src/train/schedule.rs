//! The learning rate over a run.
//!
//! * `constant`
//! * `step`: full rate for the first n epochs, then times a factor at every epoch (Zaremba et al.
//!   2014: n = 4, factor 0.5 for the small LSTM)
//! * `cosine`: from the full rate down to a fraction of it along half a cosine over the whole
//!   budget (Loshchilov and Hutter 2017, without restarts)
//!
//! Each may start with a linear warm-up.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleKind {
    Constant,
    Step,
    Cosine,
}

/// A schedule with its numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    pub kind: ScheduleKind,
    /// The full rate.
    pub lr: f64,
    /// Steps of linear warm-up from 0; the first step has lr / warmup.
    pub warmup: u64,
    /// `step`: epochs at full rate.
    pub decay_after: u64,
    /// `step`: the factor of every later epoch.
    pub decay_factor: f64,
    /// `cosine`: the last rate as a fraction of the full one.
    pub final_fraction: f64,
}

impl Schedule {
    /// The rate of step `step` (from 0) in epoch `epoch` (from 0) of a run of `total_steps`.
    pub fn rate(&self, step: u64, epoch: u64, total_steps: u64) -> f64 {
        let warmup = match self.warmup {
            0 => 1.0,
            n => ((step + 1) as f64 / n as f64).min(1.0),
        };
        let shape = match self.kind {
            ScheduleKind::Constant => 1.0,
            ScheduleKind::Step => {
                let late = (epoch + 1).saturating_sub(self.decay_after);
                libm::pow(self.decay_factor, late as f64)
            }
            ScheduleKind::Cosine => {
                let span = total_steps.saturating_sub(self.warmup).max(1);
                let done = step.saturating_sub(self.warmup) as f64 / span as f64;
                let cosine = libm::cos(std::f64::consts::PI * done.min(1.0));
                self.final_fraction + (1.0 - self.final_fraction) * 0.5 * (1.0 + cosine)
            }
        };
        self.lr * warmup * shape
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(kind: ScheduleKind) -> Schedule {
        Schedule {
            kind,
            lr: 2.0,
            warmup: 0,
            decay_after: 4,
            decay_factor: 0.5,
            final_fraction: 0.1,
        }
    }

    #[test]
    fn step_decay_keeps_the_full_rate_for_the_named_epochs() {
        let s = schedule(ScheduleKind::Step);
        let rates: Vec<f64> = (0..7)
            .map(|epoch| s.rate(100 * epoch, epoch, 700))
            .collect();
        assert_eq!(rates, [2.0, 2.0, 2.0, 2.0, 1.0, 0.5, 0.25]);
    }

    #[test]
    fn cosine_goes_from_full_to_the_final_fraction() {
        let s = schedule(ScheduleKind::Cosine);
        assert_eq!(s.rate(0, 0, 100), 2.0);
        assert!((s.rate(50, 0, 100) - 2.0 * 0.55).abs() < 1e-12);
        assert!((s.rate(100, 0, 100) - 0.2).abs() < 1e-12);
        assert!((s.rate(5000, 0, 100) - 0.2).abs() < 1e-12);
    }

    #[test]
    fn warm_up_is_linear_and_precedes_the_cosine() {
        let mut s = schedule(ScheduleKind::Cosine);
        s.warmup = 4;
        let rates: Vec<f64> = (0..5).map(|step| s.rate(step, 0, 104)).collect();
        assert_eq!(rates, [0.5, 1.0, 1.5, 2.0, 2.0]);
    }
}
