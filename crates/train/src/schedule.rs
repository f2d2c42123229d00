//! The learning rate over a run.
//!
//! * `constant`
//! * `step`: full rate for the first n epochs, then times a factor at every epoch (Zaremba et al.
//!   2014: n = 4, factor 0.5 for the small LSTM)
//! * `cosine`: from the full rate down to a fraction of it along half a cosine over the whole
//!   budget (Loshchilov and Hutter 2017, without restarts)
//! * `plateau`: times a factor whenever validation stops getting better ("newbob"), see [`plateau`]
//! * `one-cycle`: up to the full rate and far down again over the whole budget, see [`one_cycle`]
//! * `inverse-sqrt`: from the warm-up on with 1/√step (Vaswani et al. 2017, section 5.3): at step
//!   s (from 1) and warm-up n, lr·min(s/n, √(n/s)). Their rate at the top is 1/√(model size · n).
//!
//! Each but `one-cycle`, which has its own, may start with a linear warm-up.

pub mod one_cycle;
pub mod plateau;

pub use one_cycle::OneCycle;
pub use plateau::{Patience, Plateau};

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleKind {
    Constant,
    Step,
    Cosine,
    Plateau,
    OneCycle,
    InverseSqrt,
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
    /// `step`: the factor of every later epoch; `plateau`: that of a reduction.
    pub decay_factor: f64,
    /// `cosine`: the last rate as a fraction of the full one; `plateau`: the lowest.
    pub final_fraction: f64,
    /// `plateau`: when the rate is reduced.
    pub patience: Patience,
    /// `one-cycle`
    pub cycle: OneCycle,
}

/// A place in a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place<'a> {
    /// From 0.
    pub step: u64,
    /// From 0.
    pub epoch: u64,
    pub total_steps: u64,
    pub plateau: &'a Plateau,
}

impl Schedule {
    /// The rate of the step at `place`.
    pub fn rate(&self, place: Place) -> f64 {
        let Place {
            step,
            epoch,
            total_steps,
            plateau,
        } = place;
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
            ScheduleKind::Plateau => {
                libm::pow(self.decay_factor, f64::from(plateau.reductions)).max(self.final_fraction)
            }
            ScheduleKind::InverseSqrt => {
                let risen = self.warmup.max(1) as f64;
                (risen / (step + 1) as f64).sqrt().min(1.0)
            }
            ScheduleKind::OneCycle => return self.lr * self.cycle.shape(step, total_steps),
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
            patience: Patience {
                validations: 0,
                threshold: 0.0,
            },
            cycle: OneCycle {
                start: 0.3,
                div: 25.0,
                final_div: 1e4,
            },
        }
    }

    fn rate(schedule: &Schedule, step: u64, epoch: u64, total_steps: u64) -> f64 {
        let plateau = &Plateau::default();
        schedule.rate(Place {
            step,
            epoch,
            total_steps,
            plateau,
        })
    }

    #[test]
    fn step_decay_keeps_the_full_rate_for_the_named_epochs() {
        let s = schedule(ScheduleKind::Step);
        let rates: Vec<f64> = (0..7)
            .map(|epoch| rate(&s, 100 * epoch, epoch, 700))
            .collect();
        assert_eq!(rates, [2.0, 2.0, 2.0, 2.0, 1.0, 0.5, 0.25]);
    }

    #[test]
    fn cosine_goes_from_full_to_the_final_fraction() {
        let s = schedule(ScheduleKind::Cosine);
        assert_eq!(rate(&s, 0, 0, 100), 2.0);
        assert!((rate(&s, 50, 0, 100) - 2.0 * 0.55).abs() < 1e-12);
        assert!((rate(&s, 100, 0, 100) - 0.2).abs() < 1e-12);
        assert!((rate(&s, 5000, 0, 100) - 0.2).abs() < 1e-12);
    }

    #[test]
    fn warm_up_is_linear_and_precedes_the_cosine() {
        let mut s = schedule(ScheduleKind::Cosine);
        s.warmup = 4;
        let rates: Vec<f64> = (0..5).map(|step| rate(&s, step, 0, 104)).collect();
        assert_eq!(rates, [0.5, 1.0, 1.5, 2.0, 2.0]);
    }

    #[test]
    fn inverse_sqrt_is_highest_at_the_end_of_the_warm_up() {
        let mut s = schedule(ScheduleKind::InverseSqrt);
        s.warmup = 4;
        let rates: Vec<f64> = (0..6).map(|step| rate(&s, step, 0, 1)).collect();
        assert_eq!(rates[..4], [0.5, 1.0, 1.5, 2.0]);
        assert!((rates[4] - 2.0 * (4.0f64 / 5.0).sqrt()).abs() < 1e-12);
        assert_eq!(rate(&s, 15, 0, 1), 1.0);
        s.warmup = 0;
        assert_eq!([0, 3].map(|step| rate(&s, step, 0, 1)), [2.0, 1.0]);
    }

    #[test]
    fn plateaus_reduce_the_rate_down_to_the_lowest() {
        let s = schedule(ScheduleKind::Plateau);
        let rates = [0, 1, 2, 3, 4, 4000].map(|reductions| {
            let plateau = &Plateau {
                reductions,
                ..Plateau::default()
            };
            let (step, epoch, total_steps) = (7, 7, 70);
            s.rate(Place {
                step,
                epoch,
                total_steps,
                plateau,
            })
        });
        assert_eq!(rates, [2.0, 1.0, 0.5, 0.25, 0.2, 0.2]);
    }
}
