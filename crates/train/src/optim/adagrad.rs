//! Adagrad (Duchi, Hazan and Singer 2011).

use super::rule::{Rule, Step};
use crate::config::declare::options;
use elman_kernels::adagrad;

options! {
    /// Constants of Adagrad.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct Adagrad {
        in "Optimiser";
            /// Added to the denominator of adam, adamw, rmsprop and adagrad
            eps: f64 = 1e-8, option("X").above(0.0);

            /// Divide the rate of adagrad by 1 + X·(updates so far)
            lr_decay: f64 = 0.0, option("X").at_least(0.0).off_at(0.0);

            /// Sums of squares that adagrad starts with
            initial_accumulator: f32 = 0.0, option("X").at_least(0.0).off_at(0.0);
    }
}

impl Rule for Adagrad {
    fn moments(&self) -> usize {
        1
    }

    fn initial(&self) -> f32 {
        self.initial_accumulator
    }

    fn step(&self, mut update: Step) {
        let before = (update.update - 1) as f64;
        let rule = elman_kernels::Adagrad {
            lr: (update.lr / (1.0 + before * self.lr_decay)) as f32,
            eps: self.eps as f32,
        };
        let square = update.moment();
        adagrad(update.cpu, update.operands, update.prepare, rule, square);
    }
}
