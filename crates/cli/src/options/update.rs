//! From a gradient to new weights.

use super::set;
use crate::args::{Limit, finite, finite32, named};
use clap::Args;
use elman::train::Config;
use elman::train::config::{OptimizerName, Precision};
use serde::Deserialize;

/// Choices of the group; `None`: not chosen here.
#[derive(Args, Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct UpdateOptions {
    /// The update rule
    #[arg(long, value_name = "NAME", help_heading = "Optimiser",
        value_parser = named::<OptimizerName>(&["sgd", "adam", "adamw"]))]
    pub optimizer: Option<OptimizerName>,
    /// Learning rate
    #[arg(long, value_name = "X", help_heading = "Optimiser", value_parser = finite)]
    pub lr: Option<f64>,
    /// Momentum of sgd
    #[arg(long, value_name = "X", help_heading = "Optimiser", value_parser = finite32)]
    pub momentum: Option<f32>,
    /// Decay of adam's first moment
    #[arg(long, value_name = "X", help_heading = "Optimiser", value_parser = finite)]
    pub beta1: Option<f64>,
    /// Decay of adam's second moment
    #[arg(long, value_name = "X", help_heading = "Optimiser", value_parser = finite)]
    pub beta2: Option<f64>,
    /// Added to the denominator of adam
    #[arg(long, value_name = "X", help_heading = "Optimiser", value_parser = finite)]
    pub eps: Option<f64>,
    /// Weight decay; decoupled from the gradient in adamw
    #[arg(long, value_name = "X", help_heading = "Optimiser", value_parser = finite)]
    pub weight_decay: Option<f64>,
    /// Longest gradient (global norm); 'none' leaves it as it is
    #[arg(long, value_name = "X|none", help_heading = "Optimiser")]
    pub clip: Option<Limit<f64>>,
    /// Arithmetic of the products [default: bf16 where the CPU has instructions for it, else f32]
    ///
    /// f32 gives the same bits on every machine. bf16 rounds what is multiplied to eight bits of precision and is up to
    /// twice as fast; a run in bf16 resumes only on the instruction set that it was started on.
    #[arg(long, value_name = "NAME", help_heading = "Optimiser", value_parser = named::<Precision>(&["f32", "bf16"]))]
    pub precision: Option<Precision>,
}

impl UpdateOptions {
    /// Puts these choices over those of `config`. Taken apart without `..`, so that none is forgotten.
    pub(super) fn apply(self, config: &mut Config) {
        let UpdateOptions {
            optimizer,
            lr,
            momentum,
            beta1,
            beta2,
            eps,
            weight_decay,
            clip,
            precision,
        } = self;
        set(&mut config.optimizer, optimizer);
        set(&mut config.lr, lr);
        set(&mut config.momentum, momentum);
        set(&mut config.beta1, beta1);
        set(&mut config.beta2, beta2);
        set(&mut config.eps, eps);
        set(&mut config.weight_decay, weight_decay);
        set(&mut config.clip, clip.map(Limit::value));
        set(&mut config.precision, precision);
    }
}
