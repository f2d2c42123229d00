//! The choices that decide what a run computes, as given on the command line or in a file, and
//! their way to a resolved [`Config`]: defaults ← file ← flags, then `Config::check`.
//!
//! Two rules go beyond "the later one wins":
//! * a budget (epochs, steps or minutes) replaces the budget below it, whichever it is;
//! * with tied weights, embed follows hidden and the reverse when only one of them is given; two
//!   different sizes untie the weights unless tying was asked for.

use crate::args::{Activation, Limit, finite, finite32, named};
use crate::output::usage;
use anyhow::{Context, Result};
use clap::{Arg, Args};
use elman::net::init::{Recurrent, Scheme};
use elman::text::Kind;
use elman::train::bptt::LossNorm;
use elman::train::config::{Bptt, CellName, Config, OptimizerName, Precision};
use elman::train::schedule::ScheduleKind;
use elman::train::{NewBudget, Record};
use serde::Deserialize;
use std::path::Path;

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
    #[arg(long, help_heading = "Text", num_args = 0, default_missing_value = "true")]
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
    #[arg(long, help_heading = "Network", num_args = 0, default_missing_value = "true")]
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
    #[arg(long, short = 'B', alias = "batch", value_name = "N", help_heading = "Windows")]
    pub lanes: Option<usize>,
    /// Steps that the gradient goes back; 'full' for the whole text, if memory allows
    #[arg(long, short = 'T', value_name = "N|full", help_heading = "Windows")]
    pub bptt: Option<Bptt>,
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
    /// Arithmetic of the products
    #[arg(long, value_name = "NAME", help_heading = "Optimiser", value_parser = named::<Precision>(&["f32"]))]
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
    #[arg(long, value_name = "N", help_heading = "Budget", conflicts_with = "minutes")]
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

/// A configuration file: choices, and the configuration that they change.
#[derive(Debug)]
pub struct Layered {
    pub base: Config,
    pub choices: TrainOptions,
}

impl Layered {
    /// No file: no choices, over the defaults.
    pub fn none() -> Layered {
        Layered { base: Config::default(), choices: TrainOptions::default() }
    }

    /// Reads a TOML file, either of choices or the `config.toml` of a run, which is a whole
    /// configuration. Errors name the line.
    pub fn from_file(path: &Path) -> Result<Layered> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Layered::from_toml(&text).with_context(|| format!("{}: not a configuration for `elman train`", path.display()))
    }

    fn from_toml(text: &str) -> Result<Layered, toml::de::Error> {
        if toml::from_str::<toml::Table>(text)?.contains_key("config") {
            let run: Record = toml::from_str(text)?;
            return Ok(Layered { base: run.config, choices: TrainOptions::default() });
        }
        Ok(Layered { base: Config::default(), choices: toml::from_str(text)? })
    }
}

/// The configuration that a file and flags amount to. Errors: contradictions, and whatever
/// [`Config::check`] refuses.
pub fn resolve(file: Layered, flags: TrainOptions) -> Result<Config> {
    let Layered { base: mut config, choices: file } = file;
    let embed = flags.embed.or(file.embed);
    let hidden = flags.hidden.or(file.hidden);
    let tied = flags.tied().or(file.tied());
    file.apply(&mut config)?;
    flags.apply(&mut config)?;
    match (embed, hidden) {
        (Some(embed), Some(hidden)) => config.tied = tied.unwrap_or(embed == hidden),
        (None, Some(size)) if config.tied => config.embed = size,
        (Some(size), None) if config.tied => config.hidden = size,
        _ => {}
    }
    config.check().map_err(|error| usage(error.to_string()))?;
    Ok(config)
}

impl TrainOptions {
    /// Whether nothing but a budget is chosen: all that a resumed run takes.
    pub fn is_only_budget(&self) -> bool {
        let TrainOptions { epochs, steps, minutes, .. } = *self;
        *self == TrainOptions { epochs, steps, minutes, ..TrainOptions::default() }
    }

    pub fn budget(&self) -> NewBudget {
        NewBudget { epochs: self.epochs, steps: self.steps, minutes: self.minutes }
    }

    fn tied(&self) -> Option<bool> {
        if self.no_tied { Some(false) } else { self.tied }
    }

    /// Puts these choices over those of `config`. Taken apart without `..`, so that none is forgotten.
    fn apply(self, config: &mut Config) -> Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn options(toml: &str) -> TrainOptions {
        toml::from_str(toml).unwrap()
    }

    fn layered(file: &str) -> Layered {
        Layered::from_toml(file).unwrap()
    }

    fn resolved(file: &str, flags: &str) -> Config {
        resolve(layered(file), options(flags)).unwrap()
    }

    #[test]
    fn nothing_chosen_is_the_default() {
        assert_eq!(resolve(Layered::none(), TrainOptions::default()).unwrap(), Config::default());
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let config = resolved("lr = 1\nseed = 7\ncell = 'gru'", "lr = 0.5");
        assert_eq!((config.lr, config.seed, config.cell), (0.5, 7, CellName::Gru));
    }

    #[test]
    fn the_file_of_a_run_is_a_whole_configuration() {
        // What is None in it is none, not the default.
        let of_run = resolved("clip = 'none'\nmax-vocab = 'all'\nsteps = 7\nhidden = 64\nlr = 0.25", "");
        let config = toml::to_string(&of_run).unwrap();
        let record = format!("elman = '1.0'\nisa = 'avx2'\ntotal-steps = 7\n[inputs]\ntrain = ['a']\n[config]\n{config}");
        assert_eq!(resolved(&record, ""), of_run);
        assert_eq!(resolved(&record, "lr = 1"), Config { lr: 1.0, ..of_run });
        assert!(Layered::from_toml("[config]\nrate = 1").is_err());
    }

    #[test]
    fn words_for_no_limit() {
        let config = resolved("clip = 'none'\nmax-vocab = 'all'\nbptt = 'full'", "");
        assert_eq!((config.clip, config.max_vocab, config.bptt), (None, None, Bptt::Full));
        let config = resolved("clip = 'none'\nmax-vocab = 'all'", "clip = 5\nmax-vocab = 99\nbptt = 20");
        assert_eq!((config.clip, config.max_vocab, config.bptt), (Some(5.0), Some(99), Bptt::Steps(20)));
    }

    #[test]
    fn a_budget_replaces_the_one_below() {
        let config = resolved("steps = 100", "");
        assert_eq!((config.epochs, config.steps, config.minutes), (None, Some(100), None));
        let config = resolved("steps = 100", "minutes = 2");
        assert_eq!((config.epochs, config.steps, config.minutes), (None, None, Some(2.0)));
        let error = resolve(layered("steps = 100\nepochs = 1"), TrainOptions::default()).unwrap_err();
        assert!(error.to_string().contains("only one of epochs, steps and minutes"));
    }

    #[test]
    fn sizes_follow_each_other_while_tied() {
        let sizes = |file, flags| {
            let config = resolved(file, flags);
            (config.embed, config.hidden, config.tied)
        };
        assert_eq!(sizes("", "hidden = 64"), (64, 64, true));
        assert_eq!(sizes("", "embed = 64"), (64, 64, true));
        assert_eq!(sizes("", "embed = 64\nhidden = 128"), (64, 128, false));
        assert_eq!(sizes("embed = 64", "hidden = 128"), (64, 128, false));
        assert_eq!(sizes("", "embed = 64\nhidden = 64"), (64, 64, true));
        assert_eq!(sizes("tied = false", "hidden = 64"), (256, 64, false));
        let both = options("embed = 64\nhidden = 128\ntied = true");
        assert!(resolve(Layered::none(), both).unwrap_err().to_string().contains("tied"));
    }

    #[test]
    fn files_with_mistakes_are_refused() {
        for text in ["hiden = 5", "hidden = 'x'", "clip = 'nothing'", "cell = 'rnn'", "hidden = -1", "activation = 'elu'"] {
            assert!(toml::from_str::<TrainOptions>(text).is_err(), "{text}");
        }
        for text in ["lr = nan", "dropout = 1.0", "clip = inf", "lanes = 0"] {
            assert!(resolve(Layered::none(), options(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn a_resumed_run_takes_only_a_budget() {
        assert!(options("epochs = 3").is_only_budget());
        assert!(!options("epochs = 3\nlr = 1").is_only_budget());
        let untied = TrainOptions { no_tied: true, ..TrainOptions::default() };
        assert!(!untied.is_only_budget());
    }
}
