//! The choices that decide what a run computes, as given on the command line or in a file. How
//! layers of them become one configuration is the business of `resolve`.

use crate::args::{Activation, Limit, finite, finite32, named};
use crate::output::usage;
use anyhow::Result;
use clap::{Arg, Args, ValueHint};
use elman::infer::VocabularyFrom;
use elman::net::init::{Recurrent, Scheme};
use elman::text::Kind;
use elman::train::NewBudget;
use elman::train::bptt::LossNorm;
use elman::train::config::{Bptt, CellName, Config, OptimizerName, Precision};
use elman::train::schedule::ScheduleKind;
use serde::Deserialize;
use std::path::PathBuf;

/// A vocabulary that is there already. [`VocabularyArgs::from`] says so in the library's terms.
#[derive(Args, Clone, Debug)]
pub struct VocabularyArgs {
    /// Use the vocabulary in this file: a token a line, or a tokenizer.json
    #[arg(long, value_name = "FILE", help_heading = "Text", value_hint = ValueHint::FilePath,
        conflicts_with_all = ["min_count", "max_vocab"])]
    pub vocab_file: Option<PathBuf>,
    /// Use the vocabulary of this model or run
    #[arg(long, value_name = "MODEL", help_heading = "Text", value_hint = ValueHint::AnyPath,
        conflicts_with_all = ["vocab_file", "vocab", "min_count", "max_vocab"])]
    pub vocab_from: Option<PathBuf>,
}

impl VocabularyArgs {
    pub fn from(&self) -> VocabularyFrom {
        match (&self.vocab_file, &self.vocab_from) {
            (Some(file), _) => VocabularyFrom::File(file.clone()),
            (None, Some(model)) => VocabularyFrom::Model(model.clone()),
            (None, None) => VocabularyFrom::Text,
        }
    }
}

/// One layer of choices; `None`: not chosen here. The names of the fields are those of [`Config`].
#[derive(Args, Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct TrainOptions {
    /// What a token is
    #[arg(long, value_name = "KIND", help_heading = "Text",
        value_parser = named::<Kind>(&["words", "whitespace", "chars", "bytes"]))]
    pub vocab: Option<Kind>,
    /// Leave out of the vocabulary what occurs fewer times
    #[arg(long, value_name = "N", help_heading = "Text")]
    pub min_count: Option<u64>,
    /// Most entries of the vocabulary, the special tokens included; 'all' keeps every one
    #[arg(long, value_name = "N|all", help_heading = "Text")]
    pub max_vocab: Option<Limit<usize>>,
    /// Read invalid UTF-8 as U+FFFD instead of refusing it
    #[arg(
        long,
        help_heading = "Text",
        num_args = 0,
        default_missing_value = "true"
    )]
    pub lossy: Option<bool>,

    /// The recurrent cell
    #[arg(long, value_name = "CELL", help_heading = "Network",
        value_parser = named::<CellName>(&["elman", "lstm", "gru"]))]
    pub cell: Option<CellName>,
    /// Activation of the Elman cell
    #[arg(long, value_name = "NAME", help_heading = "Network",
        value_parser = named::<Activation>(&["sigmoid", "tanh", "relu"]))]
    pub activation: Option<Activation>,
    /// Units of a recurrent layer
    #[arg(long, short = 'H', value_name = "N", help_heading = "Network")]
    pub hidden: Option<usize>,
    /// Size of the embedding; follows --hidden while weights are tied
    #[arg(long, short = 'E', value_name = "N", help_heading = "Network")]
    pub embed: Option<usize>,
    /// Recurrent layers
    #[arg(long, short = 'L', value_name = "N", help_heading = "Network")]
    pub layers: Option<usize>,
    /// Let the output layer share the embedding's weights (undo with --no-tied)
    #[arg(
        long,
        help_heading = "Network",
        num_args = 0,
        default_missing_value = "true"
    )]
    pub tied: Option<bool>,
    /// Give the output layer weights of its own
    #[arg(long, help_heading = "Network", conflicts_with = "tied")]
    #[serde(skip)]
    pub no_tied: bool,
    /// Probability of dropping a unit between layers in training
    #[arg(long, value_name = "P", help_heading = "Network", value_parser = finite32)]
    pub dropout: Option<f32>,

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
    /// Added to the bias of the LSTM's forget gate
    #[arg(long, value_name = "X", help_heading = "Initial weights", value_parser = finite32, allow_negative_numbers = true)]
    pub forget_bias: Option<f32>,
    /// Seed of everything random
    #[arg(long, value_name = "N", help_heading = "Initial weights")]
    pub seed: Option<u64>,

    /// Parallel streams that the text is cut into (the batch size)
    #[arg(
        long,
        short = 'B',
        alias = "batch",
        value_name = "N",
        help_heading = "Windows"
    )]
    pub lanes: Option<usize>,
    /// Steps that the gradient goes back; 'full' for the whole text, if memory allows
    #[arg(long, short = 'T', value_name = "N|full", help_heading = "Windows")]
    pub bptt: Option<Bptt>,
    /// Keep the activations of about √T steps and compute the rest again: the same model in the memory of short windows, for 5 to 40 % more time
    #[arg(
        long,
        help_heading = "Windows",
        num_args = 0,
        default_missing_value = "true"
    )]
    pub recompute: Option<bool>,
    /// What the learning rate refers to: the mean over tokens, or the sum over time and mean over lanes
    #[arg(long, value_name = "NAME", help_heading = "Windows",
        value_parser = named::<LossNorm>(&["tokens", "lanes"]))]
    pub loss_norm: Option<LossNorm>,

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

    /// How the learning rate changes over the run
    #[arg(long, value_name = "NAME", help_heading = "Schedule",
        value_parser = named::<ScheduleKind>(&["constant", "step", "cosine"]))]
    pub schedule: Option<ScheduleKind>,
    /// Steps in which the learning rate rises from 0
    #[arg(long, value_name = "N", help_heading = "Schedule")]
    pub warmup: Option<u64>,
    /// 'step': epochs at the full rate
    #[arg(long, value_name = "N", help_heading = "Schedule")]
    pub decay_after: Option<u64>,
    /// 'step': factor of every epoch after those
    #[arg(long, value_name = "X", help_heading = "Schedule", value_parser = finite)]
    pub decay_factor: Option<f64>,
    /// 'cosine': last rate as a fraction of --lr
    #[arg(long, value_name = "X", help_heading = "Schedule", value_parser = finite)]
    pub final_lr: Option<f64>,

    /// Train for so many passes over the text
    #[arg(long, value_name = "X", help_heading = "Budget", value_parser = finite, conflicts_with_all = ["steps", "minutes"])]
    pub epochs: Option<f64>,
    /// Train for so many updates
    #[arg(
        long,
        value_name = "N",
        help_heading = "Budget",
        conflicts_with = "minutes"
    )]
    pub steps: Option<u64>,
    /// Train for about so many minutes: the speed is measured at the start and turned into steps
    #[arg(long, value_name = "X", help_heading = "Budget", value_parser = finite)]
    pub minutes: Option<f64>,
    /// Steps between validations [default: one at the end of every epoch]
    #[arg(long, value_name = "N", help_heading = "Budget")]
    pub valid_every: Option<u64>,
    /// Stop after this many validations without a better one [default: never]
    #[arg(long, value_name = "N", help_heading = "Budget")]
    pub patience: Option<u32>,
}

impl TrainOptions {
    /// Whether nothing but a budget is chosen: all that a resumed run takes.
    pub fn is_only_budget(&self) -> bool {
        let TrainOptions {
            epochs,
            steps,
            minutes,
            ..
        } = *self;
        *self
            == TrainOptions {
                epochs,
                steps,
                minutes,
                ..TrainOptions::default()
            }
    }

    pub fn budget(&self) -> NewBudget {
        NewBudget {
            epochs: self.epochs,
            steps: self.steps,
            minutes: self.minutes,
        }
    }

    /// Whether to tie, if that was said in either way.
    pub fn tied(&self) -> Option<bool> {
        if self.no_tied { Some(false) } else { self.tied }
    }

    /// Puts these choices over those of `config`. Taken apart without `..`, so that none is forgotten.
    pub fn apply(self, config: &mut Config) -> Result<()> {
        let tied = self.tied();
        let TrainOptions {
            vocab,
            min_count,
            max_vocab,
            lossy,
            cell,
            activation,
            hidden,
            embed,
            layers,
            tied: _,
            no_tied: _,
            dropout,
            init,
            init_range,
            init_recurrent,
            forget_bias,
            seed,
            lanes,
            bptt,
            recompute,
            loss_norm,
            optimizer,
            lr,
            momentum,
            beta1,
            beta2,
            eps,
            weight_decay,
            clip,
            precision,
            schedule,
            warmup,
            decay_after,
            decay_factor,
            final_lr,
            epochs,
            steps,
            minutes,
            valid_every,
            patience,
        } = self;
        set(&mut config.vocab, vocab);
        set(&mut config.min_count, min_count);
        set(&mut config.max_vocab, max_vocab.map(Limit::value));
        set(&mut config.lossy, lossy);
        set(&mut config.cell, cell);
        set(&mut config.activation, activation.map(|a| a.0));
        set(&mut config.hidden, hidden);
        set(&mut config.embed, embed);
        set(&mut config.layers, layers);
        set(&mut config.tied, tied);
        set(&mut config.dropout, dropout);
        set(&mut config.init, init);
        set(&mut config.init_range, init_range.map(Some));
        set(&mut config.init_recurrent, init_recurrent);
        set(&mut config.forget_bias, forget_bias);
        set(&mut config.seed, seed);
        set(&mut config.lanes, lanes);
        set(&mut config.bptt, bptt);
        set(&mut config.recompute, recompute);
        set(&mut config.loss_norm, loss_norm);
        set(&mut config.optimizer, optimizer);
        set(&mut config.lr, lr);
        set(&mut config.momentum, momentum);
        set(&mut config.beta1, beta1);
        set(&mut config.beta2, beta2);
        set(&mut config.eps, eps);
        set(&mut config.weight_decay, weight_decay);
        set(&mut config.clip, clip.map(Limit::value));
        set(&mut config.precision, precision);
        set(&mut config.schedule, schedule);
        set(&mut config.warmup, warmup);
        set(&mut config.decay_after, decay_after);
        set(&mut config.decay_factor, decay_factor);
        set(&mut config.final_lr, final_lr);
        set(&mut config.valid_every, valid_every.map(Some));
        set(&mut config.patience, patience.map(Some));
        match (epochs, steps, minutes) {
            (None, None, None) => {}
            (Some(_), None, None) | (None, Some(_), None) | (None, None, Some(_)) => {
                (config.epochs, config.steps, config.minutes) = (epochs, steps, minutes);
            }
            _ => return Err(usage("give only one of epochs, steps and minutes")),
        }
        Ok(())
    }
}

fn set<T>(field: &mut T, choice: Option<T>) {
    if let Some(choice) = choice {
        *field = choice;
    }
}

/// Adds to the help of a choice its default, from [`Config::default`] itself.
pub fn with_default(arg: Arg) -> Arg {
    let defaults = serde_json::to_string(&Config::default()).unwrap_or_default();
    let defaults: serde_json::Value = serde_json::from_str(&defaults).unwrap_or_default();
    let default = match &defaults[arg.get_id().as_str().replace('_', "-")] {
        serde_json::Value::Bool(true) => "yes".to_owned(),
        serde_json::Value::String(name) => name.clone(),
        serde_json::Value::Number(number) => {
            let text = number.to_string();
            text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
        }
        _ => return arg,
    };
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    arg.help(format!("{help} [default: {default}]"))
}
