//! RMSprop (Tieleman and Hinton 2012), with momentum and centered where asked for.

use super::rule::{Rule, Step};
use crate::config::declare::options;
use elman_kernels::{RmsMoments, rmsprop};

options! {
    /// Constants of RMSprop.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct RmsProp {
        in "Optimiser";
            /// Momentum of sgd and rmsprop
            momentum: f32 = 0.0, share("X").off_at(0.0);

            /// Added to the denominator of adam, adamw, rmsprop and adagrad
            eps: f64 = 1e-8, option("X").above(0.0);

            /// Decay of rmsprop's mean square
            rms_alpha: f64 = 0.99, share("X");

            /// Divide by the standard deviation in rmsprop instead of the root mean square
            centered: bool = false, switch().strict();
    }
}

impl Rule for RmsProp {
    fn moments(&self) -> usize {
        1 + usize::from(self.centered) + usize::from(self.momentum != 0.0)
    }

    fn step(&self, mut update: Step) {
        let rule = elman_kernels::RmsProp {
            lr: update.lr,
            alpha: self.rms_alpha,
            eps: self.eps,
            momentum: self.momentum,
        };
        let moments = RmsMoments {
            square: update.moment(),
            mean: self.centered.then(|| update.moment()),
            buffer: (self.momentum != 0.0).then(|| update.moment()),
        };
        rmsprop(update.cpu, update.operands, update.prepare, rule, moments);
    }
}
