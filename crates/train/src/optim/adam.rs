//! Adam (Kingma and Ba 2015), and AdamW (Loshchilov and Hutter 2019), which is Adam with decoupled weight decay.

use super::rule::{Rule, Step};
use crate::config::declare::options;
use elman_kernels::adam;

options! {
    /// Constants of Adam and AdamW.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct Adam {
        in "Optimiser";
            /// Decay of Adam's first moment
            beta1: f64 = 0.9, share("X");

            /// Decay of Adam's second moment
            beta2: f64 = 0.999, share("X");

            /// Added to the denominator of adam, adamw, rmsprop and adagrad
            eps: f64 = 1e-8, option("X").above(0.0);
    }
}

impl Rule for Adam {
    fn moments(&self) -> usize {
        2
    }

    fn step(&self, mut update: Step) {
        let rule = elman_kernels::Adam {
            lr: update.lr,
            beta1: self.beta1,
            beta2: self.beta2,
            eps: self.eps,
            bias1: elman_kernels::Adam::bias(self.beta1, update.update),
            bias2: elman_kernels::Adam::bias(self.beta2, update.update),
        };
        let (first, second) = (update.moment(), update.moment());
        adam(
            update.cpu,
            update.operands,
            update.prepare,
            rule,
            first,
            second,
        );
    }
}
