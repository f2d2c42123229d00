//! Options that have no effect beside others: `elman train` notes them, wherever they were chosen, and `elman sweep`
//! trains only one of several runs that differ in nothing else.
//!
//! What an option belongs to and what switches it off is declared with it. What contradicts another choice is not here:
//! [`Config::check`] refuses it.

use super::declare::FromModel;
use super::table::{ConfigOption, Owner};
use super::{Config, Value, options};

/// Inputs of a run beside its configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Whether the run starts from the weights of a model.
    pub model: bool,
    /// Whether the vocabulary is given by a file or a model.
    pub vocabulary: bool,
}

/// An option without effect.
#[derive(Clone)]
pub struct IdleOption {
    /// Name of the option.
    pub name: &'static str,
    /// Reason, as the end of a sentence.
    pub because: String,
    option: &'static ConfigOption,
}

impl IdleOption {
    /// Whether somebody who chose `value` should hear of it: not if it asks for nothing.
    pub fn is_worth_a_note(&self, value: &Value) -> bool {
        !self.option.is_off(value)
    }
}

impl Config {
    /// The options that have no effect in a run of this configuration and of `origin`, each once.
    pub fn idle(&self, origin: &Origin) -> Vec<IdleOption> {
        let idle = |option: &'static ConfigOption| {
            let because = self.why_idle(option, origin)?;
            Some(IdleOption {
                name: &option.name,
                because,
                option,
            })
        };
        options().iter().filter_map(idle).collect()
    }

    fn why_idle(&self, option: &ConfigOption, origin: &Origin) -> Option<String> {
        if let Some(owner) = &option.owner
            && !option.applies_to(self)
        {
            // What is refused where it has no effect can only ask for nothing.
            return (!option.declaration.strict).then(|| belonging(owner));
        }
        let mut rules = option.declaration.idle.iter();
        if let Some(rule) = rules.find(|rule| (rule.when)(self, origin)) {
            return Some(rule.because.to_owned());
        }
        let unused = option.declaration.from_model == FromModel::Unused;
        (unused && origin.model).then(|| "the run starts from the weights of a model".to_owned())
    }
}

/// Returns a reason such as "it belongs to the optimizers sgd and rmsprop".
fn belonging(owner: &Owner) -> String {
    let option = &owner.option;
    match owner.values.split_last() {
        Some((last, [])) => format!("it belongs to the {option} {last}"),
        Some((last, others)) => {
            format!(
                "it belongs to the {option}s {} and {last}",
                others.join(", ")
            )
        }
        None => unreachable!("somebody has declared the option"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CellName;
    use crate::optim::{Optimizer, Sgd};
    use crate::schedule::{OneCycle, Schedule};
    use elman_text::Kind;

    fn names(config: &Config) -> Vec<&'static str> {
        let idle = config.idle(&Origin::default());
        idle.iter().map(|idle| idle.name).collect()
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
            optimizer: Optimizer::Sgd(Sgd::default()),
            schedule: Schedule::OneCycle(OneCycle::default()),
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
