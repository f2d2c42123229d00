//! The guard before the weights: clipping, and skipping updates that are not finite.
//!
//! Clipping is the chapter's rule (Pascanu et al. 2013): if ‖g‖ ≥ threshold, g ← threshold/‖g‖ · g. Where
//! elements are clipped too, that comes first, so that a single large one does not make all others small, and
//! ‖g‖ is the norm after it.

use serde::{Deserialize, Serialize};

/// Number of updates in a row that may be skipped before training stops.
pub(crate) const MOST_SKIPPED_IN_ROW: u64 = 5;

/// Loss of a model that gives every token of a vocabulary of V the same probability: ln V, in nats.
pub fn uniform_nats(vocab: usize) -> f64 {
    libm::log(vocab as f64)
}

/// Whether a mean loss shows that a run has failed: it is not finite, or above ln V by another ln V, or by 2 nats if V is small.
///
/// Such a model gives its text a far smaller probability than the uniform model.
pub(crate) fn has_failed(loss_nats: f64, vocab: usize) -> bool {
    let uniform = uniform_nats(vocab);
    loss_nats.is_nan() || loss_nats > uniform + uniform.max(2.0)
}

/// Counts of the updates that were skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// Number of skipped updates of the run.
    pub skipped: u64,
    /// Number of skipped updates since the last one that was applied.
    pub skipped_in_row: u64,
}

/// Decision on the gradient of an update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum UpdateDecision {
    /// Apply the gradient times this factor: 1, or less if it is clipped.
    Apply(f32),
    /// Skip the update: its loss or norm is not finite.
    Skip,
    /// Skip the update and stop: too many in a row were skipped.
    Stop,
}

impl Guard {
    /// Decides on an update from its loss, the norm of its gradient, and the norm with its elements clipped.
    ///
    /// It is written so that NaN, for which every comparison is false, cannot pass.
    pub fn judge(
        &mut self,
        loss: f64,
        norm: f64,
        limited: f64,
        clip: Option<f64>,
    ) -> UpdateDecision {
        if !(loss.is_finite() && norm.is_finite()) {
            self.skipped += 1;
            self.skipped_in_row += 1;
            return if self.skipped_in_row >= MOST_SKIPPED_IN_ROW {
                UpdateDecision::Stop
            } else {
                UpdateDecision::Skip
            };
        }
        self.skipped_in_row = 0;
        match clip {
            Some(threshold) if limited >= threshold => {
                UpdateDecision::Apply((threshold / limited) as f32)
            }
            _ => UpdateDecision::Apply(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clips_at_the_threshold_and_above() {
        let mut guard = Guard::default();
        assert_eq!(
            guard.judge(1.0, 4.9, 4.9, Some(5.0)),
            UpdateDecision::Apply(1.0)
        );
        assert_eq!(
            guard.judge(1.0, 5.0, 5.0, Some(5.0)),
            UpdateDecision::Apply(1.0)
        );
        assert_eq!(
            guard.judge(1.0, 10.0, 10.0, Some(5.0)),
            UpdateDecision::Apply(0.5)
        );
        assert_eq!(
            guard.judge(1.0, 10.0, 10.0, None),
            UpdateDecision::Apply(1.0)
        );
        assert_eq!(
            guard.judge(1.0, 40.0, 10.0, Some(5.0)),
            UpdateDecision::Apply(0.5)
        );
        assert_eq!(
            guard.judge(1.0, 40.0, 4.9, Some(5.0)),
            UpdateDecision::Apply(1.0)
        );
    }

    #[test]
    fn nothing_that_is_not_finite_passes() {
        for (loss, norm) in [
            (f64::NAN, 1.0),
            (1.0, f64::NAN),
            (f64::INFINITY, 1.0),
            (1.0, f64::INFINITY),
        ] {
            let mut guard = Guard::default();
            for _ in 1..MOST_SKIPPED_IN_ROW {
                assert_eq!(
                    guard.judge(loss, norm, norm, Some(5.0)),
                    UpdateDecision::Skip
                );
            }
            assert_eq!(
                guard.judge(loss, norm, norm, Some(5.0)),
                UpdateDecision::Stop
            );
            assert_eq!(guard.skipped, MOST_SKIPPED_IN_ROW);
        }
    }

    #[test]
    fn a_loss_far_above_the_uniform_model_is_a_failure() {
        for (loss, vocab, failed) in [
            (9.2, 10_000, false),
            (18.4, 10_000, false),
            (18.5, 10_000, true),
            (2.6, 2, false),
            (2.7, 2, true),
            (0.0, 1, false),
            (3e6, 10_000, true),
            (f64::INFINITY, 10_000, true),
            (f64::NAN, 10_000, true),
        ] {
            assert_eq!(has_failed(loss, vocab), failed, "{loss} of {vocab}");
        }
    }

    #[test]
    fn a_good_window_ends_the_row() {
        let mut guard = Guard::default();
        guard.judge(f64::NAN, 1.0, 1.0, None);
        guard.judge(1.0, 1.0, 1.0, None);
        assert_eq!((guard.skipped, guard.skipped_in_row), (1, 0));
    }
}
