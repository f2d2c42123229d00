//! Stochastic gradient descent, with momentum or without.

use super::rule::{Rule, Step};
use crate::config::ConfigError;
use crate::config::declare::options;
use elman_kernels::{Momentum, sgd, sgd_momentum};

options! {
    /// Constants of stochastic gradient descent.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct Sgd {
        in "Optimiser";
            /// Momentum of sgd and rmsprop
            momentum: f32 = 0.0, share("X").off_at(0.0);

            /// Nesterov's form of the momentum of sgd
            nesterov: bool = false, switch().strict();
    }
}

impl Rule for Sgd {
    fn moments(&self) -> usize {
        usize::from(self.momentum != 0.0)
    }

    fn step(&self, mut update: Step) {
        let lr = update.lr as f32;
        if self.momentum == 0.0 {
            return sgd(update.cpu, update.operands, update.prepare, lr);
        }
        let rule = Momentum {
            lr,
            mu: self.momentum,
            nesterov: self.nesterov,
        };
        let moment = update.moment();
        sgd_momentum(update.cpu, update.operands, update.prepare, rule, moment);
    }

    fn variant(&self) -> &'static str {
        match (self.nesterov, self.momentum > 0.0) {
            (true, _) => " with Nesterov's momentum",
            (false, true) => " with momentum",
            (false, false) => "",
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        match self.nesterov && self.momentum == 0.0 {
            true => Err(ConfigError::conflict(
                &["nesterov", "momentum"],
                "Nesterov's momentum is a momentum of sgd: use `optimizer` sgd `momentum` 0.9",
            )),
            false => Ok(()),
        }
    }
}
