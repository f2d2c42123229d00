//! Schedules that depend on the place in the run alone.

use super::{Curve, Place};
use crate::config::declare::options;

options! {
    /// The full rate throughout the run.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct Constant {}
}

impl Curve for Constant {
    fn factor(&self, _place: &Place, _warmup: u64) -> f64 {
        1.0
    }
}

options! {
    /// The full rate for some epochs, then less in every epoch.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct StepDecay {
        in "Schedule";
            /// 'step': epochs at the full rate
            decay_after: u64 = 4, option("N");

            /// 'step': factor of every epoch after those; 'plateau': of every reduction
            decay_factor: f64 = 0.5, option("X").above(0.0).at_most(1.0);
    }
}

impl Curve for StepDecay {
    fn factor(&self, place: &Place, _warmup: u64) -> f64 {
        let late = (place.epoch + 1).saturating_sub(self.decay_after);
        libm::pow(self.decay_factor, late as f64)
    }
}

options! {
    /// Half a cosine from the full rate to a fraction of it.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct Cosine {
        in "Schedule";
            /// 'cosine': last rate as a fraction of `lr`; 'plateau': lowest rate
            final_lr: f64 = 0.05, option("X").at_least(0.0).at_most(1.0);
    }
}

impl Curve for Cosine {
    fn factor(&self, place: &Place, warmup: u64) -> f64 {
        let span = place.total_steps.saturating_sub(warmup).max(1);
        let done = place.step.saturating_sub(warmup) as f64 / span as f64;
        let cosine = libm::cos(std::f64::consts::PI * done.min(1.0));
        self.final_lr + (1.0 - self.final_lr) * 0.5 * (1.0 + cosine)
    }
}

options! {
    /// 1/√step after the warm-up.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct InverseSqrt {}
}

impl Curve for InverseSqrt {
    fn factor(&self, place: &Place, warmup: u64) -> f64 {
        let risen = warmup.max(1) as f64;
        (risen / (place.step + 1) as f64).sqrt().min(1.0)
    }
}
