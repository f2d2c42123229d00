//! From a configuration to what the parts of a run are made from.

use super::{Config, WATCHING, options};
use crate::objective::Objective;
use crate::optim::{Method, Start};
use crate::schedule::LearningRate;
use elman_net::dims::{Dims, Sizes, TrainingBuffers};
use elman_net::init::Init;
use elman_net::layer::dropout::Rates;
use elman_text::ReadOptions;
use std::ops::Range;

impl Config {
    /// The network's sizes for a vocabulary of `vocab` entries, where [`Config::check`] refuses nothing.
    pub fn dims(&self, vocab: usize) -> Dims {
        let hidden = self.hidden.of_layers(self.layers);
        Dims {
            cell: self.cell.cell(self.activation),
            vocab,
            embed: self.embed,
            hidden: hidden.expect("a checked configuration has a size for every layer"),
            tied: self.tied,
        }
    }

    /// Takes the network's sizes from `dims`.
    pub fn set_dims(&mut self, dims: &Dims) {
        self.cell = dims.cell.into();
        if let Some(activation) = dims.cell.activation() {
            self.activation = activation;
        }
        self.embed = dims.embed;
        self.hidden = Sizes::describing(&dims.hidden);
        self.layers = dims.layers();
        self.tied = dims.tied;
    }

    /// How the texts are read, or the bytes `range` of them.
    pub fn reading(&self, range: Option<Range<u64>>) -> ReadOptions {
        ReadOptions {
            lossy: self.lossy,
            range,
            separator: self.document_separator.clone(),
            ..ReadOptions::default()
        }
    }

    /// The most positions of a batch of sentences.
    pub fn batch_positions(&self) -> usize {
        const STEPS: usize = 128;
        self.batch_tokens.unwrap_or(self.batch_size * STEPS)
    }

    /// How the weights are initialised.
    pub fn init(&self) -> Init {
        Init {
            scheme: self.init,
            range: self.init_range,
            recurrent: self.init_recurrent,
            recurrent_scale: self.init_recurrent_scale,
            forget_bias: self.forget_bias,
            seed: self.seed,
        }
    }

    /// What is dropped in training.
    pub fn rates(&self) -> Rates {
        let unless_given = |p: Option<f32>| p.unwrap_or(self.dropout);
        Rates {
            input: unless_given(self.dropout_input),
            between: unless_given(self.dropout_between),
            output: unless_given(self.dropout_output),
            embed: self.dropout_embed,
            weight: self.weight_drop,
            variational: self.variational,
        }
    }

    /// What memory this way to train needs.
    pub fn buffers(&self) -> TrainingBuffers {
        TrainingBuffers {
            // Groups of a batch read different rows.
            rows_read: self.method().moves_by_gradient_only()
                && self.noise == 0.0
                && self.groups == 1,
            ..self.rates().buffers()
        }
    }

    /// The objective of training: averaging of losses, label smoothing and penalties.
    pub fn objective(&self) -> Objective {
        Objective {
            norm: self.loss_norm,
            smoothing: self.label_smoothing,
            ar: self.ar,
            tar: self.tar,
        }
    }

    /// This configuration without what is written beside: two runs that agree in it compute the same.
    pub fn unwatched(&self) -> Config {
        let mut config = self.clone();
        for option in options().iter().filter(|option| option.group == WATCHING) {
            option.put(&mut config, &option.default);
        }
        config
    }

    /// The update rule with its weight decay, factors for groups of parameters, and averaging.
    pub fn method(&self) -> Method {
        let from = self.average_from.map(Start::Update);
        Method {
            optimizer: self.optimizer,
            weight_decay: self.weight_decay,
            lr_scale: self.lr_scale,
            decay_scale: self.decay_scale,
            average: from.or(self.average_trigger.map(Start::Trigger)),
        }
    }

    /// The standard deviation of the gradient noise after `updates` updates, if there is any: √(η/(1 + t)^γ).
    pub fn noise_sigma(&self, updates: u64) -> Option<f32> {
        let variance = self.noise / libm::pow(1.0 + updates as f64, self.noise_decay);
        (self.noise > 0.0).then_some(variance.sqrt() as f32)
    }

    /// The learning rate of every step.
    pub fn learning_rate(&self) -> LearningRate {
        LearningRate {
            lr: self.lr,
            warmup: self.warmup,
            schedule: self.schedule,
        }
    }
}
