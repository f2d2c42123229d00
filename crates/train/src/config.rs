//! A training run's configuration: every choice resolved to a value, valid by construction of
//! [`Config::check`]. The command line, a configuration file and a resumed run all end here.
//!
//! TOML has no null: an `Option` that a stored configuration lacks is `None`. What was added after the first version has
//! `#[serde(default)]`, and that default is to do as before.

mod check;
mod default_of;
mod idle;
mod names;
mod parts;
mod settle;

pub(super) use idle::OF_MODEL;
pub use idle::{Idle, Origin};
pub use names::{Bptt, CellName, OptimizerName, Precision};

use super::bptt::LossNorm;
use super::optim::Scales;
use super::schedule::ScheduleKind;
use super::scheduled::Decay;
use elman_net::dims::{Activation, Sizes};
use elman_net::init::{Recurrent, Scheme};
use elman_text::{Kind, Layout};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::PathBuf;

/// All choices that decide what a run computes, down to the bit. Threads, paths and the saving
/// interval are not among them; `recompute` is, although it only trades time for memory, and so are those
/// about watching, which a resumed run keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    // Text
    pub vocab: Kind,
    pub min_count: u64,
    /// Entries of the vocabulary, special tokens included; `None`: all.
    pub max_vocab: Option<usize>,
    pub lossy: bool,
    /// The line that separates documents, each of which is read from the zero state; `None`: the text is read as one.
    #[serde(default)]
    pub document_separator: Option<String>,
    /// How often an epoch reads each training text (`text::portions`); none: each once.
    #[serde(default)]
    pub corpus_weights: Vec<f64>,
    // Network
    pub cell: CellName,
    /// Of the Elman cell.
    #[serde(with = "names::activation")]
    pub activation: Activation,
    pub embed: usize,
    /// Units of the layers.
    pub hidden: Sizes,
    pub layers: usize,
    pub tied: bool,
    // Regularisation
    /// On the input, between layers and on the output, where these have none of their own.
    pub dropout: f32,
    pub dropout_input: Option<f32>,
    pub dropout_between: Option<f32>,
    pub dropout_output: Option<f32>,
    /// Of whole rows of the embedding table.
    #[serde(default)]
    pub dropout_embed: f32,
    /// Drops the same units at all steps of a window.
    #[serde(default)]
    pub variational: bool,
    /// Of recurrent weights.
    #[serde(default)]
    pub weight_drop: f32,
    /// Penalty on the top layer's activations, and on their changes.
    #[serde(default)]
    pub ar: f64,
    #[serde(default)]
    pub tar: f64,
    #[serde(default)]
    pub label_smoothing: f32,
    // Initial weights
    pub init: Scheme,
    pub init_range: Option<f32>,
    pub init_recurrent: Recurrent,
    /// What the recurrent weights are multiplied with.
    #[serde(default = "unscaled")]
    pub init_recurrent_scale: f32,
    pub forget_bias: f32,
    // Windows
    /// A line of `sentences` is a window's lane as a whole.
    #[serde(default)]
    pub layout: Layout,
    /// Lanes of a stream; of sentences the most that are read side by side.
    pub lanes: usize,
    /// The most positions of a batch of sentences, padding included; `None`: 128 for each lane.
    #[serde(default)]
    pub batch_tokens: Option<usize>,
    pub bptt: Bptt,
    /// Steps between the beginnings of windows; `None`: as many as a window has.
    #[serde(default)]
    pub bptt_stride: Option<usize>,
    /// Draws the lengths of windows about `bptt`.
    #[serde(default)]
    pub bptt_random: bool,
    /// The probability that a line of a stream begins a text, from the zero state.
    #[serde(default)]
    pub restart: f64,
    /// Keeps the activations of about √T steps and computes the rest again.
    #[serde(default)]
    pub recompute: bool,
    /// Inputs drawn from the model instead of the text; `None`: teacher forcing alone.
    pub scheduled_sampling: Option<Decay>,
    /// The largest probability of that.
    #[serde(default = "default_of::sampling_limit")]
    pub sampling_limit: f64,
    // Update
    pub optimizer: OptimizerName,
    pub lr: f64,
    pub momentum: f32,
    /// Of SGD: Nesterov's momentum.
    #[serde(default)]
    pub nesterov: bool,
    pub beta1: f64,
    pub beta2: f64,
    pub eps: f64,
    /// Of RMSprop: decay of the mean square.
    #[serde(default = "default_of::rms_alpha")]
    pub rms_alpha: f64,
    /// Of RMSprop: the variance instead of the mean square.
    #[serde(default)]
    pub centered: bool,
    /// Of Adagrad: the rate is divided by 1 + (t − 1)·this.
    #[serde(default)]
    pub lr_decay: f64,
    /// Of Adagrad: the sums of squares at the start.
    #[serde(default)]
    pub initial_accumulator: f32,
    pub weight_decay: f64,
    /// Factors of the learning rate by group.
    #[serde(default)]
    pub lr_scale: Scales,
    /// Factors of the weight decay by group.
    #[serde(default)]
    pub decay_scale: Scales,
    /// Threshold of the gradient's global norm; `None`: no clipping.
    pub clip: Option<f64>,
    /// Largest magnitude of an element of the gradient, before `clip`; `None`: any.
    pub clip_value: Option<f64>,
    /// η of the gradient noise of variance η/(1 + t)^γ; 0: none.
    #[serde(default)]
    pub noise: f64,
    /// γ
    #[serde(default = "default_of::noise_decay")]
    pub noise_decay: f64,
    /// Windows whose mean gradient makes an update; at the end of an epoch perhaps fewer.
    #[serde(default = "default_of::accumulate")]
    pub accumulate: u64,
    /// The update whose weights are the first in their average.
    pub average_from: Option<u64>,
    /// Average the weights from the first validation on that is worse than the best before the last so many.
    pub average_trigger: Option<u32>,
    pub loss_norm: LossNorm,
    /// Of a line, only what stands after the last occurrence of this token carries loss; `None`: everything.
    #[serde(default)]
    pub loss_after: Option<String>,
    // Schedule
    pub schedule: ScheduleKind,
    pub warmup: u64,
    pub decay_after: u64,
    pub decay_factor: f64,
    pub final_lr: f64,
    /// `plateau`: validations without a better loss that are borne.
    #[serde(default)]
    pub plateau_patience: u32,
    /// `plateau`: by what part of it a loss must be below the best to be better.
    #[serde(default = "default_of::plateau_threshold")]
    pub plateau_threshold: f64,
    /// `one-cycle`: the part of the run in which the rate rises.
    #[serde(default = "default_of::cycle_start")]
    pub cycle_start: f64,
    /// `one-cycle`: the full rate over the first.
    #[serde(default = "default_of::cycle_div")]
    pub cycle_div: f64,
    /// `one-cycle`: the first rate over the last.
    #[serde(default = "default_of::cycle_final_div")]
    pub cycle_final_div: f64,
    // Budget: the first that is set; `minutes` is turned into steps at the start
    pub epochs: Option<f64>,
    pub steps: Option<u64>,
    pub minutes: Option<f64>,
    /// Steps between validations; `None`: at the end of every epoch. The end of the run validates too.
    pub valid_every: Option<u64>,
    /// Stop after this many validations without a better one.
    pub patience: Option<u32>,
    // Watching: decides no bit, but goes on when the run does
    /// Steps between texts that the present weights write; `None`: never.
    #[serde(default)]
    pub sample_every: Option<u64>,
    /// What those go on from.
    #[serde(default)]
    pub sample_prompt: Option<String>,
    /// Steps between looks at how gradients flow; `None`: never.
    #[serde(default)]
    pub watch_gradients: Option<u64>,
    /// Where event files for TensorBoard go, seen from the run's directory; `None`: there are none.
    #[serde(default)]
    pub tensorboard: Option<PathBuf>,
    pub seed: u64,
    pub precision: Precision,
}

impl Config {
    /// This configuration with other values for some fields, by their names in a file; null is `None`.
    ///
    /// Errors: a name that is not a field, a value of another type.
    pub fn with(&self, choices: Map<String, Value>) -> Result<Config, serde_json::Error> {
        let Value::Object(mut table) = serde_json::to_value(self)? else {
            unreachable!("a configuration is a table");
        };
        table.extend(choices);
        serde_json::from_value(Value::Object(table))
    }
}

impl Default for Config {
    /// Trains on a megabyte-sized text of words in minutes; see docs/ARCHITECTURE.md for how the
    /// values were chosen.
    fn default() -> Config {
        Config {
            vocab: Kind::Words,
            min_count: 1,
            max_vocab: Some(8_000),
            lossy: false,
            document_separator: None,
            corpus_weights: Vec::new(),
            cell: CellName::LSTM,
            activation: Activation::Tanh,
            embed: 256,
            hidden: Sizes::Same(256),
            layers: 1,
            tied: true,
            dropout: 0.1,
            dropout_input: None,
            dropout_between: None,
            dropout_output: None,
            dropout_embed: 0.0,
            variational: false,
            weight_drop: 0.0,
            ar: 0.0,
            tar: 0.0,
            label_smoothing: 0.0,
            init: Scheme::Uniform,
            init_range: None,
            init_recurrent: Recurrent::Same,
            init_recurrent_scale: unscaled(),
            forget_bias: 1.0,
            layout: Layout::Stream,
            lanes: 32,
            batch_tokens: None,
            bptt: Bptt::Steps(35),
            bptt_stride: None,
            bptt_random: false,
            restart: 0.03,
            recompute: false,
            scheduled_sampling: None,
            sampling_limit: 1.0,
            optimizer: OptimizerName::Adam,
            lr: 0.004,
            momentum: 0.0,
            nesterov: false,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            rms_alpha: default_of::rms_alpha(),
            centered: false,
            lr_decay: 0.0,
            initial_accumulator: 0.0,
            weight_decay: 0.0,
            lr_scale: Scales::default(),
            decay_scale: Scales::default(),
            clip: Some(1.0),
            clip_value: None,
            noise: 0.0,
            noise_decay: default_of::noise_decay(),
            accumulate: default_of::accumulate(),
            average_from: None,
            average_trigger: None,
            loss_norm: LossNorm::Tokens,
            loss_after: None,
            schedule: ScheduleKind::Cosine,
            warmup: 50,
            decay_after: 4,
            decay_factor: 0.5,
            final_lr: 0.05,
            plateau_patience: 0,
            plateau_threshold: default_of::plateau_threshold(),
            cycle_start: default_of::cycle_start(),
            cycle_div: default_of::cycle_div(),
            cycle_final_div: default_of::cycle_final_div(),
            epochs: Some(2.0),
            steps: None,
            minutes: None,
            valid_every: None,
            patience: None,
            sample_every: None,
            sample_prompt: None,
            watch_gradients: None,
            tensorboard: None,
            seed: 1,
            precision: Precision::F32,
        }
    }
}

/// The scale of recurrent weights that changes nothing.
fn unscaled() -> f32 {
    1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_fades_with_the_updates() {
        let config = Config {
            noise: 0.25,
            ..Config::default()
        };
        assert_eq!(config.noise_sigma(0), Some(0.5));
        let later = (0.25f64 / 100f64.powf(0.55)).sqrt() as f32;
        assert!((config.noise_sigma(99).unwrap() / later - 1.0).abs() < 1e-6);
        assert_eq!(Config::default().noise_sigma(0), None);
    }

    /// What version 0.1 wrote still means what it did.
    #[test]
    fn a_configuration_from_before_a_choice_does_as_before() {
        let first = r#"
            vocab = "words"
            min-count = 1
            max-vocab = 8000
            lossy = false
            cell = "lstm"
            activation = "tanh"
            embed = 256
            hidden = 256
            layers = 1
            tied = true
            dropout = 0.1
            init = "uniform"
            init-recurrent = "same"
            forget-bias = 1.0
            lanes = 32
            bptt = 35
            optimizer = "adam"
            lr = 0.004
            momentum = 0.0
            beta1 = 0.9
            beta2 = 0.999
            eps = 1e-8
            weight-decay = 0.0
            clip = 1.0
            loss-norm = "tokens"
            schedule = "cosine"
            warmup = 50
            decay-after = 4
            decay-factor = 0.5
            final-lr = 0.05
            epochs = 2.0
            seed = 1
            precision = "f32"
        "#;
        let as_before = Config {
            restart: 0.0,
            ..Config::default()
        };
        assert_eq!(toml::from_str::<Config>(first).unwrap(), as_before);
    }
}
