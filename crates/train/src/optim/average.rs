//! The running average of the weights (Polyak and Juditsky 1992): averaged SGD, with any rule.
//!
//! Training continues with the weights themselves; once the average has begun it is what is validated
//! and saved. Two ways to begin:
//!
//! * at an update: w̄ = Σ_{i ≥ n} w_i / (k − n + 1) after update k, where w_n is the first;
//! * by the non-monotone trigger of Merity et al. (2018, Algorithm 1): at the first validation whose loss
//!   is above the best of those before the last n, as their program has it. The average then begins
//!   with the weights that were validated.

use elman_net::params::{ParamLayout, Params};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// When the average of the weights begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the weights after this update, counted from 1 (averaged SGD).
    Update(u64),
    /// When a validation loss is above the best of those before the last N (NT-ASGD, Merity et al. 2018, Algorithm 1); the value is
    /// N.
    Trigger(u32),
}

/// A running average of the weights, and the state of its trigger.
#[derive(Clone)]
pub struct Average {
    /// When the average begins.
    pub start: Start,
    /// The averaged weights.
    pub weights: Params,
    /// Number of averaged weights, and the validations that the trigger observes.
    pub progress: AverageProgress,
}

/// State of a running average: how many weights it has, and the validations before it began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AverageProgress {
    /// Number of weights in the average; 0: it has not begun.
    pub count: u64,
    /// Losses of the last validations before the average began, at most as many as the trigger's N.
    pub recent: Vec<f64>,
    /// Best validation loss before those.
    pub best_before: Option<f64>,
}

impl Average {
    pub(super) fn new(start: Start, layout: &Arc<ParamLayout>) -> Average {
        Average {
            start,
            weights: Params::zeros(layout.clone()),
            progress: AverageProgress::default(),
        }
    }

    /// Whether the average has begun, so that it is validated and saved in place of the weights.
    pub fn is_on(&self) -> bool {
        self.progress.count > 0
    }

    /// How far update number `update` moves the average to its weights, if at all.
    pub(super) fn next_rate(&mut self, update: u64) -> Option<f32> {
        let begins = matches!(self.start, Start::Update(first) if update >= first);
        if !self.is_on() && !begins {
            return None;
        }
        self.progress.count += 1;
        Some((1.0 / self.progress.count as f64) as f32)
    }

    /// Lets the trigger observe the validation loss of `weights`; returns whether the average begins with them.
    pub fn observe(&mut self, loss: f64, weights: &Params) -> bool {
        let Start::Trigger(back) = self.start else {
            return false;
        };
        // What is not finite could not be written down, and says nothing of the text.
        if self.is_on() || !loss.is_finite() {
            return false;
        }
        let AverageProgress {
            count,
            recent,
            best_before,
        } = &mut self.progress;
        if best_before.is_some_and(|best| loss > best) {
            *count = 1;
            // Nothing looks at them again.
            (*recent, *best_before) = (Vec::new(), None);
            self.weights.copy_from(weights);
            return true;
        }
        recent.push(loss);
        if recent.len() > back as usize {
            let oldest = recent.remove(0);
            *best_before = Some(best_before.map_or(oldest, |best| best.min(oldest)));
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use elman_net::dims::{Cell, Dims};

    fn average(start: Start) -> Average {
        let dims = Dims {
            cell: Cell::LSTM,
            vocab: 3,
            embed: 2,
            hidden: vec![2],
            tied: false,
        };
        Average::new(start, &Arc::new(ParamLayout::new(&dims)))
    }

    /// `len(losses) > n and loss > min(losses[:-n])`, as in the program of the paper; for n = 0 the
    /// best of all that were before.
    #[test]
    fn the_trigger_is_that_of_the_paper() {
        let losses = [
            5.0, 4.0, 4.5, 4.2, 4.1, 3.9, 4.05, 3.95, 3.97, 4.3, 1.0, 9.0,
        ];
        for back in 0..8 {
            let mut average = average(Start::Trigger(back as u32));
            let weights = average.weights.clone();
            let expected = (0..losses.len()).find(|&at| {
                let before = &losses[..at];
                at > back && before[..at - back].iter().any(|best| losses[at] > *best)
            });
            let found = losses
                .iter()
                .position(|&loss| average.observe(loss, &weights));
            assert_eq!(found, expected, "looking back {back}");
            assert_eq!(average.is_on(), expected.is_some());
            if expected.is_some() {
                assert!(!average.observe(1e9, &weights), "it begins once");
            }
        }
    }

    #[test]
    fn a_validation_that_is_no_number_triggers_nothing() {
        let mut average = average(Start::Trigger(1));
        let weights = average.weights.clone();
        for loss in [5.0, 4.0, f64::NAN, f64::INFINITY] {
            assert!(!average.observe(loss, &weights));
        }
        assert!(average.observe(5.5, &weights));
    }

    #[test]
    fn a_fixed_start_is_an_update() {
        let mut average = average(Start::Update(3));
        let rates = [1, 2, 3, 4, 5].map(|update| average.next_rate(update));
        assert_eq!(rates, [None, None, Some(1.0), Some(0.5), Some(1.0 / 3.0)]);
        let weights = average.weights.clone();
        assert!(!average.observe(1e9, &weights));
    }
}
