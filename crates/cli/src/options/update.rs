//! From a gradient to new weights.

use crate::args::{Limit, finite, finite32, named};
use clap::Args;
use elman::train::config::{OptimizerName, Precision};
use elman::train::optim::Scales;
use serde::{Deserialize, Serialize};

/// Choices of the group; `None`: not chosen here.
#[derive(Args, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct UpdateOptions {
    /// The update rule
    #[arg(long, value_name = "NAME", help_heading = "Optimiser",
        value_parser = named::<OptimizerName>(&["sgd", "adam", "adamw", "rmsprop", "adagrad"]))]
    pub optimizer: Option<OptimizerName>,
    /// Learning rate
    #[arg(long, value_name = "X", help_heading = "Optimiser", value_parser = finite)]
    pub lr: Option<f64>,
    /// Momentum of sgd and rmsprop
    #[arg(long, value_name = "X", help_heading = "Optimiser", value_parser = finite32)]
    pub momentum: Option<f32>,
    /// Nesterov's form of the momentum of sgd
    #[arg(
        long,
        help_heading = "Optimiser",
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub nesterov: Option<bool>,
    /// Decay of adam's first moment
    #[arg(long, value_name = "X", help_heading = "Optimiser", value_parser = finite)]
    pub beta1: Option<f64>,
    /// Decay of adam's second moment
    #[arg(long, value_name = "X", help_heading = "Optimiser", value_parser = finite)]
    pub beta2: Option<f64>,
    /// Added to the denominator of adam, rmsprop and adagrad
    #[arg(long, value_name = "X", help_heading = "Optimiser", value_parser = finite)]
    pub eps: Option<f64>,
    /// Decay of rmsprop's mean square
    #[arg(long, value_name = "X", help_heading = "Optimiser", value_parser = finite)]
    pub rms_alpha: Option<f64>,
    /// Divide by the standard deviation in rmsprop instead of the root mean square
    #[arg(
        long,
        help_heading = "Optimiser",
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub centered: Option<bool>,
    /// Divide the rate of adagrad by 1 + X·(updates so far)
    #[arg(long, value_name = "X", help_heading = "Optimiser", value_parser = finite)]
    pub lr_decay: Option<f64>,
    /// Sums of squares that adagrad starts with
    #[arg(long, value_name = "X", help_heading = "Optimiser", value_parser = finite32)]
    pub initial_accumulator: Option<f32>,
    /// Weight decay; decoupled from the gradient in adamw
    #[arg(long, value_name = "X", help_heading = "Optimiser", value_parser = finite)]
    pub weight_decay: Option<f64>,
    /// Factors of the learning rate by group: embed, input, recurrent, output, bias [default: 1]
    #[arg(long, value_name = "GROUP=X,…", help_heading = "Optimiser")]
    pub lr_scale: Option<Scales>,
    /// Factors of the weight decay by group, such as bias=0,embed=0 [default: 1]
    #[arg(long, value_name = "GROUP=X,…", help_heading = "Optimiser")]
    pub decay_scale: Option<Scales>,
    /// Validate and save the average of the weights from this update on [default: none]
    #[arg(long, value_name = "N|none", help_heading = "Optimiser")]
    pub average_from: Option<Limit<u64>>,
    /// The same, from the first validation worse than the best before the last N on [default: none]
    #[arg(long, value_name = "N|none", help_heading = "Optimiser")]
    pub average_trigger: Option<Limit<u32>>,
    /// Arithmetic of the products [default: bf16 where the CPU multiplies it faster, else f32]
    ///
    /// f32 gives the same bits on every machine. bf16 rounds what is multiplied to eight bits of precision and is up to
    /// twice as fast; a run in bf16 resumes only on the instruction set that it was started on.
    #[arg(long, value_name = "NAME", help_heading = "Optimiser", value_parser = named::<Precision>(&["f32", "bf16"]))]
    pub precision: Option<Precision>,
}
