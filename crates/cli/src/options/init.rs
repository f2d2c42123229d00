//! The weights before the first step.

use crate::args::{finite32, named};
use clap::Args;
use elman::net::init::{Recurrent, Scheme};
use serde::{Deserialize, Serialize};

/// Choices of the group; `None`: not chosen here.
#[derive(Args, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct InitOptions {
    /// Distribution of the initial weights
    #[arg(long, value_name = "NAME", help_heading = "Initial weights",
        value_parser = named::<Scheme>(&["uniform", "xavier"]))]
    pub init: Option<Scheme>,
    /// Bound a of 'uniform', U(-a, a) [default: 1/√hidden]
    #[arg(long, value_name = "A", help_heading = "Initial weights", value_parser = finite32)]
    pub init_range: Option<f32>,
    /// Initial recurrent weights; 'identity' with --cell elman --activation relu is the IRNN
    #[arg(long, value_name = "NAME", help_heading = "Initial weights",
        value_parser = named::<Recurrent>(&["same", "orthogonal", "identity"]))]
    pub init_recurrent: Option<Recurrent>,
    /// Multiply the initial recurrent weights with this
    #[arg(long, value_name = "X", help_heading = "Initial weights", value_parser = finite32, allow_negative_numbers = true)]
    pub init_recurrent_scale: Option<f32>,
    /// Added to the bias of the LSTM's forget gate
    #[arg(long, value_name = "X", help_heading = "Initial weights", value_parser = finite32, allow_negative_numbers = true)]
    pub forget_bias: Option<f32>,
    /// Seed of everything random
    #[arg(long, value_name = "N", help_heading = "Initial weights")]
    pub seed: Option<u64>,
}
