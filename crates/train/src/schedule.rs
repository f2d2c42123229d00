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

mod curves;
pub mod one_cycle;
pub mod plateau;

pub use curves::{Constant, Cosine, InverseSqrt, StepDecay};
pub use one_cycle::OneCycle;
pub use plateau::{OnPlateau, Plateau};

use super::config::declare::choice;

/// How the learning rate changes over a run.
pub trait Curve {
    /// Learning rate at `place` relative to the full rate; the linear warm-up is multiplied separately.
    fn factor(&self, place: &Place, warmup: u64) -> f64;

    /// Whether the schedule may start with a linear warm-up.
    fn warms_up(&self) -> bool {
        true
    }
}

choice! {
    /// How the learning rate changes over a run, chosen by name.
    pub enum Schedule as curve: Curve {
        "constant", "constant": Constant(Constant),
        "step", "step decay": Step(StepDecay),
        "cosine", "cosine": Cosine(Cosine),
        "plateau", "reduced on plateaus": Plateau(OnPlateau),
        "one-cycle", "one cycle": OneCycle(OneCycle),
        "inverse-sqrt", "inverse square root": InverseSqrt(InverseSqrt),
    }
}

impl Schedule {
    /// A constant learning rate.
    pub const CONSTANT: Schedule = Schedule::Constant(Constant {});
}

/// The learning rate of every step of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LearningRate {
    /// Full learning rate.
    pub lr: f64,
    /// Number of steps of linear warm-up from 0; the first step has lr / warmup.
    pub warmup: u64,
    /// How the rate changes after the warm-up.
    pub schedule: Schedule,
}

/// A place in a run, from which the learning rate follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place<'a> {
    /// Number of the step, from 0.
    pub step: u64,
    /// Number of the epoch, from 0.
    pub epoch: u64,
    /// Number of steps of the whole run.
    pub total_steps: u64,
    /// State of the reductions on plateaus.
    pub plateau: &'a Plateau,
}

impl LearningRate {
    /// Learning rate of the step at `place`.
    pub fn at(&self, place: Place) -> f64 {
        let curve = self.schedule.curve();
        let factor = curve.factor(&place, self.warmup);
        let warmup = match self.warmup {
            n if n > 0 && curve.warms_up() => ((place.step + 1) as f64 / n as f64).min(1.0),
            _ => 1.0,
        };
        self.lr * warmup * factor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(schedule: Schedule) -> LearningRate {
        LearningRate {
            schedule,
            lr: 2.0,
            warmup: 0,
        }
    }

    fn cosine() -> LearningRate {
        schedule(Schedule::Cosine(Cosine { final_lr: 0.1 }))
    }

    fn rate(schedule: &LearningRate, step: u64, epoch: u64, total_steps: u64) -> f64 {
        let plateau = &Plateau::default();
        schedule.at(Place {
            step,
            epoch,
            total_steps,
            plateau,
        })
    }

    #[test]
    fn step_decay_keeps_the_full_rate_for_the_named_epochs() {
        let s = schedule(Schedule::Step(StepDecay::default()));
        let rates: Vec<f64> = (0..7)
            .map(|epoch| rate(&s, 100 * epoch, epoch, 700))
            .collect();
        assert_eq!(rates, [2.0, 2.0, 2.0, 2.0, 1.0, 0.5, 0.25]);
    }

    #[test]
    fn cosine_goes_from_full_to_the_final_fraction() {
        let s = cosine();
        assert_eq!(rate(&s, 0, 0, 100), 2.0);
        assert!((rate(&s, 50, 0, 100) - 2.0 * 0.55).abs() < 1e-12);
        assert!((rate(&s, 100, 0, 100) - 0.2).abs() < 1e-12);
        assert!((rate(&s, 5000, 0, 100) - 0.2).abs() < 1e-12);
    }

    #[test]
    fn warm_up_is_linear_and_precedes_the_cosine() {
        let mut s = cosine();
        s.warmup = 4;
        let rates: Vec<f64> = (0..5).map(|step| rate(&s, step, 0, 104)).collect();
        assert_eq!(rates, [0.5, 1.0, 1.5, 2.0, 2.0]);
    }

    #[test]
    fn inverse_sqrt_is_highest_at_the_end_of_the_warm_up() {
        let mut s = schedule(Schedule::InverseSqrt(InverseSqrt {}));
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
        let s = schedule(Schedule::Plateau(OnPlateau {
            final_lr: 0.1,
            ..OnPlateau::default()
        }));
        let rates = [0, 1, 2, 3, 4, 4000].map(|reductions| {
            let plateau = &Plateau {
                reductions,
                ..Plateau::default()
            };
            let (step, epoch, total_steps) = (7, 7, 70);
            s.at(Place {
                step,
                epoch,
                total_steps,
                plateau,
            })
        });
        assert_eq!(rates, [2.0, 1.0, 0.5, 0.25, 0.2, 0.2]);
    }
}
