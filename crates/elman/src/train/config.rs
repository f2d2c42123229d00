//! A training run's configuration: every choice resolved to a value, valid by construction of
//! [`Config::check`]. The command line, a configuration file and a resumed run all end here.

use super::bptt::LossNorm;
use super::optim::Rule;
use super::schedule::{Schedule, ScheduleKind};
use crate::dims::{Activation, Cell, Dims};
use crate::error::{Error, Result};
use crate::net::init::{Init, Recurrent, Scheme};
use crate::text::Kind;
use elman_kernels::{Format, Isa};
use serde::{Deserialize, Serialize};

/// All choices that decide what a run computes, down to the bit. Threads, paths and the saving
/// interval are not among them; `recompute` is, although it only trades time for memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    // Text
    pub vocab: Kind,
    pub min_count: u64,
    /// Entries of the vocabulary, special tokens included; `None`: all.
    pub max_vocab: Option<usize>,
    pub lossy: bool,
    // Network
    pub cell: CellName,
    /// Of the Elman cell.
    #[serde(with = "activation_name")]
    pub activation: Activation,
    pub embed: usize,
    pub hidden: usize,
    pub layers: usize,
    pub tied: bool,
    pub dropout: f32,
    // Initial weights
    pub init: Scheme,
    pub init_range: Option<f32>,
    pub init_recurrent: Recurrent,
    pub forget_bias: f32,
    // Windows
    pub lanes: usize,
    pub bptt: Bptt,
    /// Keeps the activations of about √T steps and computes the rest again.
    #[serde(default)]
    pub recompute: bool,
    // Update
    pub optimizer: OptimizerName,
    pub lr: f64,
    pub momentum: f32,
    pub beta1: f64,
    pub beta2: f64,
    pub eps: f64,
    pub weight_decay: f64,
    /// Threshold of the gradient's global norm; `None`: no clipping.
    pub clip: Option<f64>,
    pub loss_norm: LossNorm,
    // Schedule
    pub schedule: ScheduleKind,
    pub warmup: u64,
    pub decay_after: u64,
    pub decay_factor: f64,
    pub final_lr: f64,
    // Budget: the first that is set; `minutes` is turned into steps at the start
    pub epochs: Option<f64>,
    pub steps: Option<u64>,
    pub minutes: Option<f64>,
    /// Steps between validations; `None`: at the end of every epoch. The end of the run validates too.
    pub valid_every: Option<u64>,
    /// Stop after this many validations without a better one.
    pub patience: Option<u32>,
    pub seed: u64,
    pub precision: Precision,
}

/// The recurrent cell by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CellName {
    Elman,
    Lstm,
    Gru,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerName {
    Sgd,
    Adam,
    Adamw,
}

/// Arithmetic of the products; weights, moments and everything else are f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// The same bits on every machine.
    F32,
    /// Operands rounded to bf16, sums in f32; the same bits on the same instruction set.
    Bf16,
}

impl Precision {
    /// What a CPU with the instructions `isa` is fastest with.
    pub fn fastest(isa: Isa) -> Precision {
        match isa.has_bf16() {
            true => Precision::Bf16,
            false => Precision::F32,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::Bf16 => "bf16",
        }
    }

    pub(crate) fn format(self) -> Format {
        match self {
            Precision::F32 => Format::F32,
            Precision::Bf16 => Format::Bf16,
        }
    }
}

/// How far the gradient reaches back: a number of steps, or the whole text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BpttText", into = "BpttText")]
pub enum Bptt {
    Steps(usize),
    Full,
}

/// `35` or `"full"` in a configuration file.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum BpttText {
    Steps(usize),
    Name(String),
}

impl TryFrom<BpttText> for Bptt {
    type Error = String;
    fn try_from(text: BpttText) -> std::result::Result<Bptt, String> {
        match text {
            BpttText::Steps(n) => Ok(Bptt::Steps(n)),
            BpttText::Name(name) => name.parse(),
        }
    }
}

impl From<Bptt> for BpttText {
    fn from(bptt: Bptt) -> BpttText {
        match bptt {
            Bptt::Steps(n) => BpttText::Steps(n),
            Bptt::Full => BpttText::Name("full".into()),
        }
    }
}

impl std::str::FromStr for Bptt {
    type Err = String;
    fn from_str(text: &str) -> std::result::Result<Bptt, String> {
        if text == "full" {
            return Ok(Bptt::Full);
        }
        text.parse()
            .map(Bptt::Steps)
            .map_err(|_| format!("'{text}' is neither a number of steps nor 'full'"))
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
            cell: CellName::Lstm,
            activation: Activation::Tanh,
            embed: 256,
            hidden: 256,
            layers: 1,
            tied: true,
            dropout: 0.1,
            init: Scheme::Uniform,
            init_range: None,
            init_recurrent: Recurrent::Same,
            forget_bias: 1.0,
            lanes: 32,
            bptt: Bptt::Steps(35),
            recompute: false,
            optimizer: OptimizerName::Adam,
            lr: 0.004,
            momentum: 0.0,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: 0.0,
            clip: Some(1.0),
            loss_norm: LossNorm::Tokens,
            schedule: ScheduleKind::Cosine,
            warmup: 50,
            decay_after: 4,
            decay_factor: 0.5,
            final_lr: 0.05,
            epochs: Some(2.0),
            steps: None,
            minutes: None,
            valid_every: None,
            patience: None,
            seed: 1,
            precision: Precision::F32,
        }
    }
}

impl Config {
    /// Refuses what cannot be trained, in words that say what to change.
    pub fn check(&self) -> Result<()> {
        let sizes = [
            ("embed", self.embed),
            ("hidden", self.hidden),
            ("layers", self.layers),
            ("lanes", self.lanes),
        ];
        for (name, value) in sizes {
            require((1..=1 << 20).contains(&value), || {
                format!("{name} is {value}; it must be between 1 and 1,048,576")
            })?;
        }
        require(self.layers <= 1000, || {
            format!("layers is {}; it must be at most 1,000", self.layers)
        })?;
        let numbers = [
            ("seed", Some(self.seed)),
            ("min-count", Some(self.min_count)),
            ("max-vocab", self.max_vocab.map(|n| n as u64)),
            ("warmup", Some(self.warmup)),
            ("decay-after", Some(self.decay_after)),
            ("steps", self.steps),
            ("valid-every", self.valid_every),
        ];
        for (name, value) in numbers {
            // TOML's integers have a sign; config.toml could not hold more.
            require(value.is_none_or(|n| i64::try_from(n).is_ok()), || {
                format!("{name} must be at most {}", i64::MAX)
            })?;
        }
        require(self.bptt != Bptt::Steps(0), || {
            "bptt is 0; a window has at least one step".into()
        })?;
        require(!self.tied || self.embed == self.hidden, || {
            format!(
                "tied weights need embed = hidden, but they are {} and {}; make them equal, or untie",
                self.embed, self.hidden
            )
        })?;
        require((0.0..1.0).contains(&self.dropout), || {
            format!(
                "dropout is {}; it must be at least 0 and below 1",
                self.dropout
            )
        })?;
        let elman = self.cell == CellName::Elman;
        require(elman || self.init_recurrent != Recurrent::Identity, || {
            "identity initialisation is for the Elman cell (with relu: the IRNN); use --cell elman --activation relu".into()
        })?;
        require(
            self.init_range.is_none_or(|a| a.is_finite() && a >= 0.0),
            || "init-range must be a number of at least 0".into(),
        )?;
        require(self.lr > 0.0 && self.lr <= f64::from(f32::MAX), || {
            format!("lr is {}; it must be above 0 and a number in f32", self.lr)
        })?;
        require(self.clip.is_none_or(|c| c.is_finite() && c > 0.0), || {
            "clip must be above 0; leave clipping out with clip = none".into()
        })?;
        require((0.0..1.0).contains(&self.momentum), || {
            format!(
                "momentum is {}; it must be at least 0 and below 1",
                self.momentum
            )
        })?;
        for (name, beta) in [("beta1", self.beta1), ("beta2", self.beta2)] {
            require((0.0..1.0).contains(&beta), || {
                format!("{name} is {beta}; it must be at least 0 and below 1")
            })?;
        }
        require(self.eps > 0.0 && self.eps.is_finite(), || {
            format!("eps is {}; it must be above 0", self.eps)
        })?;
        require(
            (0.0..=f64::from(f32::MAX)).contains(&self.weight_decay),
            || {
                format!(
                    "weight-decay is {}; it must be at least 0",
                    self.weight_decay
                )
            },
        )?;
        require(self.forget_bias.is_finite(), || {
            "forget-bias must be a number".into()
        })?;
        require(self.decay_factor > 0.0 && self.decay_factor <= 1.0, || {
            format!(
                "decay-factor is {}; it must be above 0 and at most 1",
                self.decay_factor
            )
        })?;
        require((0.0..=1.0).contains(&self.final_lr), || {
            format!(
                "final-lr is {}; it is a fraction of lr, from 0 to 1",
                self.final_lr
            )
        })?;
        require(self.max_vocab.is_none_or(|n| n >= 3), || {
            "max-vocab must leave room for <eos>, <unk> and at least one word".into()
        })?;
        require(self.valid_every != Some(0), || {
            "valid-every must be at least 1 step".into()
        })?;
        require(self.patience != Some(0), || {
            "patience must be at least 1 validation".into()
        })?;
        let budgets = [
            self.epochs.map(|e| e > 0.0 && e.is_finite()),
            self.steps.map(|s| s > 0),
            self.minutes.map(|m| m > 0.0 && m.is_finite()),
        ];
        require(budgets.iter().flatten().count() == 1, || {
            "give exactly one of epochs, steps and minutes".into()
        })?;
        require(budgets.iter().flatten().all(|ok| *ok), || {
            "the budget must be above 0".into()
        })
    }

    /// The network's sizes for a vocabulary of `vocab` entries.
    pub fn dims(&self, vocab: usize) -> Dims {
        let cell = match self.cell {
            CellName::Elman => Cell::Elman(self.activation),
            CellName::Lstm => Cell::Lstm,
            CellName::Gru => Cell::Gru,
        };
        Dims {
            cell,
            vocab,
            embed: self.embed,
            hidden: self.hidden,
            layers: self.layers,
            tied: self.tied,
        }
    }

    /// Takes the network's sizes from `dims`.
    pub fn set_dims(&mut self, dims: &Dims) {
        self.cell = match dims.cell {
            Cell::Elman(activation) => {
                self.activation = activation;
                CellName::Elman
            }
            Cell::Lstm => CellName::Lstm,
            Cell::Gru => CellName::Gru,
        };
        self.embed = dims.embed;
        self.hidden = dims.hidden;
        self.layers = dims.layers;
        self.tied = dims.tied;
    }

    pub fn init(&self) -> Init {
        Init {
            scheme: self.init,
            range: self.init_range,
            recurrent: self.init_recurrent,
            forget_bias: self.forget_bias,
            seed: self.seed,
        }
    }

    pub fn rule(&self) -> Rule {
        match self.optimizer {
            OptimizerName::Sgd => Rule::Sgd {
                momentum: self.momentum,
                weight_decay: self.weight_decay as f32,
            },
            OptimizerName::Adam | OptimizerName::Adamw => Rule::Adam {
                beta1: self.beta1,
                beta2: self.beta2,
                eps: self.eps,
                weight_decay: self.weight_decay,
                decoupled: self.optimizer == OptimizerName::Adamw,
            },
        }
    }

    pub fn schedule(&self) -> Schedule {
        Schedule {
            kind: self.schedule,
            lr: self.lr,
            warmup: self.warmup,
            decay_after: self.decay_after,
            decay_factor: self.decay_factor,
            final_fraction: self.final_lr,
        }
    }
}

fn require(holds: bool, message: impl FnOnce() -> String) -> Result<()> {
    if holds {
        Ok(())
    } else {
        Err(Error::Config(message()))
    }
}

/// The activation by its name; the kernels' type knows no serialisation.
mod activation_name {
    use super::Activation;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(a: &Activation, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(a.name())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Activation, D::Error> {
        let name = String::deserialize(d)?;
        Activation::named(&name).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "unknown activation '{name}'; expected sigmoid, tanh or relu"
            ))
        })
    }
}
