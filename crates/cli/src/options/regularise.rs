//! What keeps a network from learning its text by heart.

use crate::args::{finite, finite32};
use clap::Args;
use serde::{Deserialize, Serialize};

/// Choices of the group; `None`: not chosen here.
#[derive(Args, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct RegulariseOptions {
    /// Probability of dropping a unit in training: of the input, between layers and of the output
    #[arg(long, value_name = "P", help_heading = "Regularisation", value_parser = finite32)]
    pub dropout: Option<f32>,
    /// Of the first layer's input instead
    #[arg(long, value_name = "P", help_heading = "Regularisation", value_parser = finite32)]
    pub dropout_input: Option<f32>,
    /// Between layers instead
    #[arg(long, value_name = "P", help_heading = "Regularisation", value_parser = finite32)]
    pub dropout_between: Option<f32>,
    /// Of the last layer's output instead
    #[arg(long, value_name = "P", help_heading = "Regularisation", value_parser = finite32)]
    pub dropout_output: Option<f32>,
    /// Probability of dropping a word wherever it occurs in a step
    #[arg(long, value_name = "P", help_heading = "Regularisation", value_parser = finite32)]
    pub dropout_embed: Option<f32>,
    /// Drop the same units at every time step of a window
    #[arg(
        long,
        help_heading = "Regularisation",
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub variational: Option<bool>,
    /// Probability of dropping a recurrent weight for a window
    #[arg(long, value_name = "P", help_heading = "Regularisation", value_parser = finite32)]
    pub weight_drop: Option<f32>,
    /// Penalty on the squares of the last layer's output
    #[arg(long, value_name = "A", help_heading = "Regularisation", value_parser = finite)]
    pub ar: Option<f64>,
    /// Penalty on the squares of its changes from step to step
    #[arg(long, value_name = "B", help_heading = "Regularisation", value_parser = finite)]
    pub tar: Option<f64>,
    /// Share of every label that is spread over the vocabulary; the loss that is shown stays plain
    #[arg(long, value_name = "E", help_heading = "Regularisation", value_parser = finite32)]
    pub label_smoothing: Option<f32>,
}
