//! Reduction on a plateau: the rate falls by a factor when validation has stopped getting better.
//!
//! Speech recognisers and language models have long done it by the name of "newbob" (patience 0:
//! at the first validation that is not better; Mikolov's RNNLM and PyTorch's word language model are of that kind);
//! with patience it is `torch.optim.lr_scheduler.ReduceLROnPlateau` in mode `min` with a relative threshold
//! and without cool-down: a loss is better if it is below best·(1 − threshold); after more than `patience`
//! validations in a row that are not better the rate is reduced, and counting starts again.

use super::{Curve, Place};
use crate::config::declare::options;
use serde::{Deserialize, Serialize};

options! {
    /// Reduction of the learning rate when the validation loss stops improving.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct OnPlateau {
        in "Schedule";
            /// 'step': factor of every epoch after those; 'plateau': of every reduction
            decay_factor: f64 = 0.5, option("X").above(0.0).at_most(1.0);

            /// 'cosine': last rate as a fraction of `lr`; 'plateau': lowest rate
            final_lr: f64 = 0.05, option("X").at_least(0.0).at_most(1.0);

            /// 'plateau': validations without improvement before the rate is cut
            plateau_patience: u32 = 0, option("N");

            /// 'plateau': smallest relative improvement that counts
            plateau_threshold: f64 = 1e-4, share("X");
    }
}

impl Curve for OnPlateau {
    fn factor(&self, place: &Place, _warmup: u64) -> f64 {
        let reductions = f64::from(place.plateau.reductions);
        libm::pow(self.decay_factor, reductions).max(self.final_lr)
    }
}

/// State of the reductions on plateaus: the best validation, and how often the rate was reduced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plateau {
    /// Best validation loss so far, in nats; `None` before the first.
    pub best: Option<f64>,
    /// Number of validations in a row without improvement.
    pub stale: u32,
    /// Number of reductions so far.
    pub reductions: u32,
}

impl Plateau {
    /// Whether no validation was observed.
    pub fn is_untouched(&self) -> bool {
        *self == Plateau::default()
    }

    /// Observes a validation loss; returns whether the rate is reduced.
    pub fn observe(&mut self, loss: f64, schedule: &OnPlateau) -> bool {
        let better = |best| loss < best * (1.0 - schedule.plateau_threshold);
        if self.best.is_none_or(better) && loss.is_finite() {
            self.best = Some(loss);
            self.stale = 0;
            return false;
        }
        self.stale += 1;
        let reduced = self.stale > schedule.plateau_patience;
        if reduced {
            self.stale = 0;
            self.reductions += 1;
        }
        reduced
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_and_threshold_decide() {
        let losses = [5.0, 4.0, 4.1, 3.99, 3.0, 3.1, f64::NAN, 3.2, 2.999];
        for (validations, threshold, expected) in [
            (0, 0.0, vec![2, 5, 6, 7]),
            (0, 0.1, vec![2, 3, 5, 6, 7, 8]),
            (1, 0.0, vec![6]),
            (1, 0.1, vec![3, 6, 8]),
            (2, 0.0, vec![7]),
            (3, 0.0, vec![]),
        ] {
            let schedule = OnPlateau {
                plateau_patience: validations,
                plateau_threshold: threshold,
                ..OnPlateau::default()
            };
            let mut plateau = Plateau::default();
            let reduced = losses.map(|loss| plateau.observe(loss, &schedule));
            let at: Vec<usize> = (0..losses.len()).filter(|i| reduced[*i]).collect();
            assert_eq!(at, expected, "{schedule:?}");
            assert_eq!(plateau.reductions as usize, expected.len());
        }
    }
}
