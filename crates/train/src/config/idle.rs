//! Choices that have no effect beside others, in one table: `elman train` notes them, wherever they were made, and `elman sweep`
//! trains only one of several runs that differ in nothing else.
//!
//! What contradicts another choice is not here: [`Config::check`] refuses it. [`OF_MODEL`] is what a run from a model takes from
//! the model; where the run chose something else, that is noted when the model is read.

use super::Config;
use super::OptimizerName::{Adagrad, Adam, Adamw, RmsProp, Sgd};
use crate::schedule::ScheduleKind::{Cosine, OneCycle, Plateau, Step};
use elman_net::init::Scheme;
use elman_text::{Kind, Layout};

/// Choices that a run takes from the model that it starts from.
pub(crate) const OF_MODEL: [&str; 7] = [
    "vocab",
    "cell",
    "activation",
    "embed",
    "hidden",
    "layers",
    "tied",
];

/// What a run is made of beside its configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// It starts from the weights of a model.
    pub model: bool,
    /// Its vocabulary is that of a file or of a model.
    pub vocabulary: bool,
}

/// A choice without effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idle {
    /// As in a configuration file.
    pub name: &'static str,
    pub because: &'static str,
    /// The value that asks for nothing, as [`Config::choices`] writes it, if there is one.
    off: Option<&'static str>,
}

impl Idle {
    /// Whether a run that chose `value`, as [`Config::choices`] writes it, should be told.
    pub fn is_worth_a_note(&self, value: &str) -> bool {
        self.off != Some(value)
    }
}

/// The names and the values of them that ask for nothing; why they have no effect, and when.
struct Rule {
    names: &'static [(&'static str, Option<&'static str>)],
    because: &'static str,
    when: fn(&Config, &Origin) -> bool,
}

const RULES: &[Rule] = &[
    // The model and its vocabulary
    Rule {
        names: &[
            ("init", None),
            ("init-range", Some("none")),
            ("init-recurrent", None),
            ("init-recurrent-scale", None),
            ("forget-bias", None),
        ],
        because: "the run starts from the weights of a model",
        when: |_, origin| origin.model,
    },
    Rule {
        names: &[("min-count", None), ("max-vocab", None)],
        because: "the vocabulary is given and not counted in the text",
        when: |_, origin| origin.vocabulary || origin.model,
    },
    Rule {
        names: &[("min-count", None), ("max-vocab", None)],
        because: "the vocabulary of kind bytes is always the same",
        when: |config, _| config.vocab == Kind::Bytes,
    },
    Rule {
        names: &[("lossy", Some("false"))],
        because: "kind bytes takes any bytes as they are",
        when: |config, _| config.vocab == Kind::Bytes,
    },
    // The network
    Rule {
        names: &[("activation", None)],
        because: "only the cell elman has a choice of activations",
        when: |config, _| config.cell.cell(config.activation).activation().is_none(),
    },
    Rule {
        names: &[("forget-bias", None)],
        because: "the cell has no forget gate",
        when: |config, _| config.cell.cell(config.activation).gate("f").is_none(),
    },
    Rule {
        names: &[("init-range", Some("none"))],
        because: "it belongs to the initial weights uniform",
        when: |config, _| config.init != Scheme::Uniform,
    },
    // Regularisation
    Rule {
        names: &[("dropout-between", Some("none"))],
        because: "nothing is between layers where there is one",
        when: |config, _| config.layers == 1,
    },
    Rule {
        names: &[("dropout", None)],
        because: "every place has a dropout of its own",
        when: |config, _| {
            let between = config.layers == 1 || config.dropout_between.is_some();
            config.dropout_input.is_some() && config.dropout_output.is_some() && between
        },
    },
    Rule {
        names: &[("variational", Some("false"))],
        because: "no unit is dropped",
        when: |config, _| {
            let rates = config.rates();
            let between = config.layers > 1 && rates.between > 0.0;
            rates.input == 0.0 && rates.output == 0.0 && !between
        },
    },
    // Windows
    Rule {
        names: &[("restart", Some("0.0"))],
        because: "in layout sentences every line begins a text",
        when: |config, _| config.layout == Layout::Sentences,
    },
    Rule {
        names: &[("sampling-limit", None)],
        because: "there is no scheduled sampling",
        when: |config, _| config.scheduled_sampling.is_none(),
    },
    Rule {
        names: &[("scheduled-sampling", Some("none"))],
        because: "--sampling-limit lets it draw nothing",
        when: |config, _| config.sampling_limit == 0.0,
    },
    // Gradient and update
    Rule {
        names: &[("noise-decay", None)],
        because: "no noise is added to the gradient",
        when: |config, _| config.noise == 0.0,
    },
    Rule {
        names: &[("momentum", Some("0.0"))],
        because: "it belongs to the optimizers sgd and rmsprop",
        when: |config, _| !matches!(config.optimizer, Sgd | RmsProp),
    },
    Rule {
        names: &[("beta1", None), ("beta2", None)],
        because: "it belongs to the optimizers adam and adamw",
        when: |config, _| !matches!(config.optimizer, Adam | Adamw),
    },
    Rule {
        names: &[("eps", None)],
        because: "it belongs to the optimizers adam, adamw, rmsprop and adagrad",
        when: |config, _| config.optimizer == Sgd,
    },
    Rule {
        names: &[("rms-alpha", None)],
        because: "it belongs to the optimizer rmsprop",
        when: |config, _| config.optimizer != RmsProp,
    },
    Rule {
        names: &[
            ("lr-decay", Some("0.0")),
            ("initial-accumulator", Some("0.0")),
        ],
        because: "it belongs to the optimizer adagrad",
        when: |config, _| config.optimizer != Adagrad,
    },
    Rule {
        names: &[("decay-scale", None)],
        because: "there is no weight decay",
        when: |config, _| config.weight_decay == 0.0,
    },
    // Schedule
    Rule {
        names: &[("warmup", Some("0"))],
        because: "the schedule one-cycle has a rise of its own",
        when: |config, _| config.schedule == OneCycle,
    },
    Rule {
        names: &[("decay-after", None)],
        because: "it belongs to the schedule step",
        when: |config, _| config.schedule != Step,
    },
    Rule {
        names: &[("decay-factor", None)],
        because: "it belongs to the schedules step and plateau",
        when: |config, _| !matches!(config.schedule, Step | Plateau),
    },
    Rule {
        names: &[("final-lr", None)],
        because: "it belongs to the schedules cosine and plateau",
        when: |config, _| !matches!(config.schedule, Cosine | Plateau),
    },
    Rule {
        names: &[("plateau-patience", None), ("plateau-threshold", None)],
        because: "it belongs to the schedule plateau",
        when: |config, _| config.schedule != Plateau,
    },
    Rule {
        names: &[
            ("cycle-start", None),
            ("cycle-div", None),
            ("cycle-final-div", None),
        ],
        because: "it belongs to the schedule one-cycle",
        when: |config, _| config.schedule != OneCycle,
    },
];

impl Config {
    /// The choices that have no effect in a run of this configuration and of `origin`, each once.
    pub fn idle(&self, origin: &Origin) -> Vec<Idle> {
        let mut found: Vec<Idle> = Vec::new();
        for rule in RULES.iter().filter(|rule| (rule.when)(self, origin)) {
            for &(name, off) in rule.names {
                if found.iter().all(|idle| idle.name != name) {
                    let because = rule.because;
                    found.push(Idle { name, because, off });
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CellName, OptimizerName};
    use crate::schedule::ScheduleKind;
    use std::collections::BTreeMap;

    fn names(config: &Config) -> Vec<&'static str> {
        let idle = config.idle(&Origin::default());
        idle.iter().map(|idle| idle.name).collect()
    }

    #[test]
    fn every_rule_is_about_choices_that_there_are() {
        let choices: BTreeMap<String, String> = Config::default().choices().into_iter().collect();
        for (name, off) in RULES.iter().flat_map(|rule| rule.names) {
            let default = choices.get(*name).unwrap_or_else(|| panic!("{name}"));
            // What asks for nothing is written as the default is.
            assert!(
                off.is_none_or(|off| off == default || ["warmup", "restart"].contains(name)),
                "{name}"
            );
        }
    }

    #[test]
    fn what_has_no_effect_depends_on_the_other_choices() {
        let default = Config::default();
        let idle = names(&default);
        for name in [
            "momentum",
            "activation",
            "decay-after",
            "cycle-div",
            "rms-alpha",
            "dropout-between",
        ] {
            assert!(idle.contains(&name), "{name}");
        }
        for name in [
            "beta1",
            "eps",
            "forget-bias",
            "final-lr",
            "warmup",
            "dropout",
            "lossy",
            "max-vocab",
        ] {
            assert!(!idle.contains(&name), "{name}");
        }
        let other = Config {
            cell: CellName::GRU,
            layers: 2,
            optimizer: OptimizerName::Sgd,
            schedule: ScheduleKind::OneCycle,
            vocab: Kind::Bytes,
            ..default
        };
        let idle = names(&other);
        for name in [
            "beta1",
            "eps",
            "forget-bias",
            "final-lr",
            "warmup",
            "lossy",
            "max-vocab",
        ] {
            assert!(idle.contains(&name), "{name}");
        }
        for name in ["momentum", "cycle-div", "dropout-between"] {
            assert!(!idle.contains(&name), "{name}");
        }
        let started = other.idle(&Origin {
            model: true,
            vocabulary: false,
        });
        assert!(started.iter().any(|idle| idle.name == "init"));
    }
}
