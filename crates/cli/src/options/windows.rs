//! How the text becomes windows, and what their losses become.

use crate::args::{finite, named};
use clap::Args;
use elman::text::Layout;
use elman::train::bptt::LossNorm;
use elman::train::config::Bptt;
use elman::train::scheduled::Decay;
use serde::{Deserialize, Serialize};

/// Choices of the group; `None`: not chosen here.
#[derive(Args, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct WindowOptions {
    /// Train on the text as one stream, or on each line by itself: from <eos> and the zero state, with the gradient to its beginning
    #[arg(long, value_name = "NAME", help_heading = "Windows",
        value_parser = named::<Layout>(&["stream", "sentences"]))]
    pub layout: Option<Layout>,
    /// Parallel streams that the text is cut into (the batch size); of sentences the most lines in a batch
    #[arg(
        long,
        short = 'B',
        aliases = ["batch", "batch-size"],
        value_name = "N",
        help_heading = "Windows"
    )]
    pub lanes: Option<usize>,
    /// The most tokens in a batch of sentences, padding included, but for single lines; batches of long lines have fewer lanes [default: 128 for each lane]
    #[arg(long, value_name = "N", help_heading = "Windows")]
    pub batch_tokens: Option<usize>,
    /// Steps that the gradient goes back; 'full' for the whole text, if memory allows
    #[arg(long, short = 'T', value_name = "N|full", help_heading = "Windows")]
    pub bptt: Option<Bptt>,
    /// Begin a window every N steps, so that windows overlap; only positions that are new carry loss [default: --bptt]
    #[arg(long, value_name = "N", help_heading = "Windows")]
    pub bptt_stride: Option<usize>,
    /// Draw the lengths of windows about --bptt, or half of it in one of twenty cases, and scale the learning rate with them (Merity et al. 2017)
    #[arg(
        long,
        help_heading = "Windows",
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub bptt_random: Option<bool>,
    /// Probability that a line of a stream begins a text, from <eos> and the zero state, so that the model learns how texts begin; 0: none does
    #[arg(long, value_name = "P", help_heading = "Windows", value_parser = finite)]
    pub restart: Option<f64>,
    /// Keep the activations of about √T steps and compute the rest again: the same model in the memory of short windows, for 5 to 40 % more time
    #[arg(
        long,
        help_heading = "Windows",
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub recompute: Option<bool>,
    /// What the learning rate refers to: the mean over tokens, or the sum over time and mean over lanes
    #[arg(long, value_name = "NAME", help_heading = "Windows",
        value_parser = named::<LossNorm>(&["tokens", "lanes"]))]
    pub loss_norm: Option<LossNorm>,
    /// Learn only what stands in each line between the last TOKEN and the line end, such as the answer after '=': all else is read and carries no loss
    #[arg(long, value_name = "TOKEN", help_heading = "Windows")]
    pub loss_after: Option<String>,
    /// Draw inputs from the model itself, more and more of them as training goes on: linear:C, exponential:K,
    /// inverse-sigmoid:K (Bengio et al. 2015) or constant:P
    #[arg(long, value_name = "DECAY:X", help_heading = "Windows")]
    pub scheduled_sampling: Option<Decay>,
    /// Largest share of inputs that scheduled sampling draws
    #[arg(long, value_name = "P", help_heading = "Windows", value_parser = finite)]
    pub sampling_limit: Option<f64>,
}
