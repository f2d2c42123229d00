//! The networks that several claims share, of one width, trained on the same text for as long.

use crate::error::Result;
use crate::lab::Lab;
use crate::trained::Trained;
use elman_infer::NetworkModel;
use elman_net::dims::{Activation, Sizes};
use elman_net::init::{Recurrent, Scheme};
use elman_text::{ReadOptions, Source};
use elman_train::Config;
use elman_train::config::{Bptt, CellName};
use serde::{Deserialize, Serialize};

/// A network of the laboratory: its cell and its initialisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Net {
    /// Elman cell with sigmoid.
    Sigmoid,
    /// Elman cell with tanh.
    Tanh,
    /// Elman cell with tanh and initial recurrent weights four times as large.
    TanhLarge,
    /// Elman cell with ReLU.
    Relu,
    /// Elman cell with ReLU and the identity as initial W_hh (Le, Jaitly and Hinton 2015).
    Irnn,
    /// Gated recurrent unit.
    Gru,
    /// Long short-term memory.
    Lstm,
}

impl Net {
    /// All networks of the laboratory.
    pub const ALL: [Net; 7] = [
        Net::Sigmoid,
        Net::Tanh,
        Net::TanhLarge,
        Net::Relu,
        Net::Irnn,
        Net::Gru,
        Net::Lstm,
    ];
    /// The networks that are trained on the text.
    pub const TRAINED: [Net; 4] = [Net::Tanh, Net::Irnn, Net::Gru, Net::Lstm];

    /// Name of the network on pages.
    pub fn name(self) -> &'static str {
        match self {
            Net::Sigmoid => "sigmoid",
            Net::Tanh => "tanh",
            Net::TanhLarge => "tanh, W_hh × 4",
            Net::Relu => "ReLU",
            Net::Irnn => "IRNN",
            Net::Gru => "GRU",
            Net::Lstm => "LSTM",
        }
    }

    /// Name of the network in file names.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Net::Sigmoid => "sigmoid",
            Net::Tanh => "tanh",
            Net::TanhLarge => "tanh-large",
            Net::Relu => "relu",
            Net::Irnn => "irnn",
            Net::Gru => "gru",
            Net::Lstm => "lstm",
        }
    }

    /// Sets the cell and its initialisation in `config`.
    pub(crate) fn set(self, config: &mut Config) {
        (config.cell, config.activation) = match self {
            Net::Sigmoid => (CellName::ELMAN, Activation::Sigmoid),
            Net::Tanh | Net::TanhLarge => (CellName::ELMAN, Activation::Tanh),
            Net::Relu | Net::Irnn => (CellName::ELMAN, Activation::Relu),
            Net::Gru => (CellName::GRU, Activation::Tanh),
            Net::Lstm => (CellName::LSTM, Activation::Tanh),
        };
        if self == Net::TanhLarge {
            config.init_recurrent_scale = 4.0;
        }
        if self == Net::Irnn {
            (config.init, config.init_recurrent) = (Scheme::Xavier, Recurrent::Identity);
        }
    }

    /// The rate that suits it on the text: cells without gates want smaller steps.
    fn rate(self) -> f64 {
        match self {
            Net::Gru | Net::Lstm => 0.004,
            Net::Irnn | Net::Relu => 0.001,
            Net::Sigmoid | Net::Tanh | Net::TanhLarge => 0.002,
        }
    }
}

impl Lab<'_> {
    /// The configuration of `net` for the text.
    pub(crate) fn config(&self, net: Net) -> Config {
        let scale = self.scale();
        let mut config = Config {
            max_vocab: Some(scale.max_vocab),
            embed: scale.hidden,
            hidden: Sizes::Same(scale.hidden),
            dropout: 0.0,
            batch_size: 16,
            bptt: Bptt::Steps(35),
            restart: 0.0,
            lr: net.rate(),
            epochs: Some(scale.epochs),
            seed: self.plan().seed,
            ..Config::default()
        };
        net.set(&mut config);
        config
    }

    /// A small configuration for sources of characters.
    pub(crate) fn small(&self, net: Net, hidden: usize, steps: usize) -> Config {
        let mut config = Config {
            vocab: elman_text::Kind::Chars,
            max_vocab: None,
            embed: 16,
            hidden: Sizes::Same(hidden),
            tied: false,
            dropout: 0.0,
            batch_size: 16,
            bptt: Bptt::Steps(steps),
            restart: 0.0,
            lr: 0.005,
            epochs: None,
            steps: Some(self.scale().steps),
            seed: self.plan().seed,
            ..Config::default()
        };
        net.set(&mut config);
        config
    }

    /// Trains the network `net` on the text, or loads it if it was trained before.
    ///
    /// # Errors
    /// [`LabError::Stopped`](crate::LabError::Stopped), and the errors of training.
    pub fn net(&mut self, net: Net) -> Result<Trained> {
        let config = self.config(net);
        self.learn(net.key(), config)
    }

    /// Model of a trained network, and the held-out tokens of the text.
    pub(crate) fn model(&mut self, net: Net) -> Result<(NetworkModel, Vec<u32>)> {
        let model = NetworkModel::load(&self.net(net)?.run)?;
        let ids = self.held_out(&model)?;
        Ok((model, ids))
    }

    /// The held-out part in the tokens of `model`.
    pub(crate) fn held_out(&self, model: &NetworkModel) -> Result<Vec<u32>> {
        let source = Source::File(self.texts().valid.clone());
        let mut ids = Vec::new();
        let read = ReadOptions::default();
        elman_text::encode(
            [source],
            model.vocab(),
            &read,
            &mut |symbol| -> Result<()> {
                ids.push(symbol.id);
                Ok(())
            },
        )?;
        Ok(ids)
    }
}
