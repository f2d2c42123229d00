//! What happens to a gradient before the optimiser sees it.

use crate::args::{Limit, finite};
use clap::Args;
use serde::{Deserialize, Serialize};

/// Choices of the group; `None`: not chosen here.
#[derive(Args, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct GradientOptions {
    /// Make an update of the mean gradient of so many windows
    #[arg(long, value_name = "N", help_heading = "Gradient")]
    pub accumulate: Option<u64>,
    /// Largest magnitude of an element, cut before --clip [default: none]
    #[arg(long, value_name = "X|none", help_heading = "Gradient")]
    pub clip_value: Option<Limit<f64>>,
    /// Longest gradient (global norm); 'none' leaves it as it is
    #[arg(long, value_name = "X|none", help_heading = "Gradient")]
    pub clip: Option<Limit<f64>>,
    /// Add Gaussian noise of variance η / (1 + t)^γ at update t: this is η; 0 adds none
    #[arg(long, value_name = "ETA", help_heading = "Gradient", value_parser = finite)]
    pub noise: Option<f64>,
    /// γ of --noise
    #[arg(long, value_name = "GAMMA", help_heading = "Gradient", value_parser = finite)]
    pub noise_decay: Option<f64>,
}
