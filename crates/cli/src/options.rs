//! The choices that decide what a run computes, as given on the command line or in a file. How
//! layers of them become one configuration is the business of `resolve`.
//!
//! A group of options is a room of this folder; the names of its fields are those of [`Config`]. In a
//! file all groups stand in one flat table.

mod budget;
mod gradient;
mod init;
mod network;
mod regularise;
mod schedule;
mod text;
mod update;
mod vocabulary;
mod watching;
mod windows;

pub use init::InitOptions;
pub use network::NetworkOptions;
pub use text::TextOptions;
pub use vocabulary::VocabularyArgs;

use crate::args::{Limit, NO_LIMIT, Vocabulary};
use crate::output::usage;
use anyhow::Result;
use clap::{Arg, Args};
use elman::net::dims::Sizes;
use elman::train::{Changes, Config, NewWatching};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use watching::EventFiles;

/// One layer of choices.
#[derive(Args, Clone, Debug, Default, PartialEq)]
pub struct TrainOptions {
    #[command(flatten)]
    pub text: text::TextOptions,
    #[command(flatten)]
    pub network: network::NetworkOptions,
    #[command(flatten)]
    pub init: init::InitOptions,
    #[command(flatten)]
    pub regularise: regularise::RegulariseOptions,
    #[command(flatten)]
    pub windows: windows::WindowOptions,
    #[command(flatten)]
    pub gradient: gradient::GradientOptions,
    #[command(flatten)]
    pub update: update::UpdateOptions,
    #[command(flatten)]
    pub schedule: schedule::ScheduleOptions,
    #[command(flatten)]
    pub budget: budget::BudgetOptions,
    #[command(flatten)]
    pub watching: watching::WatchingOptions,
}

impl TrainOptions {
    /// Reads choices from a TOML table. Errors name the line.
    pub fn from_toml(text: &str) -> Result<TrainOptions, toml::de::Error> {
        // Every group takes its own keys, so nothing but this sees those that are nobody's.
        toml::from_str::<BTreeMap<Key, IgnoredAny>>(text)?;
        Ok(TrainOptions {
            text: toml::from_str(text)?,
            network: toml::from_str(text)?,
            init: toml::from_str(text)?,
            regularise: toml::from_str(text)?,
            windows: toml::from_str(text)?,
            gradient: toml::from_str(text)?,
            update: toml::from_str(text)?,
            schedule: toml::from_str(text)?,
            budget: toml::from_str(text)?,
            watching: toml::from_str(text)?,
        })
    }

    /// The choices that were made, by their names in a file. Those that lift a limit are tables with [`NO_LIMIT`].
    fn table(&self) -> Map<String, Value> {
        let TrainOptions {
            text,
            network,
            init,
            regularise,
            windows,
            gradient,
            update,
            schedule,
            budget,
            watching,
        } = self;
        let groups = [
            made(text),
            made(network),
            made(init),
            made(regularise),
            made(windows),
            made(gradient),
            made(update),
            made(schedule),
            made(budget),
            made(watching),
        ];
        let untied = network.no_tied.then(|| ("tied".to_owned(), false.into()));
        groups.into_iter().flatten().chain(untied).collect()
    }

    /// The names of the choices that are infinite or no numbers.
    fn not_finite(&self) -> Vec<String> {
        let numbers = [
            not_finite(&self.init),
            not_finite(&self.regularise),
            not_finite(&self.windows),
            not_finite(&self.gradient),
            not_finite(&self.update),
            not_finite(&self.schedule),
            not_finite(&self.budget),
        ];
        numbers.into_iter().flatten().collect()
    }

    /// The names of the choices that were made, as in a file.
    pub fn given(&self) -> BTreeSet<String> {
        self.table().into_iter().map(|(name, _)| name).collect()
    }

    /// The names of the choices that were made and that a resumed run cannot change.
    pub fn fixed(&self) -> BTreeSet<String> {
        let rest = TrainOptions {
            budget: budget::BudgetOptions::default(),
            watching: watching::WatchingOptions::default(),
            ..self.clone()
        };
        rest.given()
    }

    /// What a resumed run takes of them: its budget, and what only watches.
    pub fn changes(&self) -> Result<Changes> {
        let watching = self.watching.clone();
        let tensorboard = watching.tensorboard.map(EventFiles::path).transpose()?;
        Ok(Changes {
            budget: self.budget.new_budget(),
            watching: NewWatching {
                valid_every: self.budget.valid_every.map(Limit::value),
                patience: self.budget.patience.map(Limit::value),
                sample_every: watching.sample_every.map(Limit::value),
                sample_prompt: watching.sample_prompt.map(Some),
                watch_gradients: watching.watch_gradients.map(Limit::value),
                tensorboard,
            },
        })
    }

    /// Puts these choices over those of `config`.
    ///
    /// Errors: a number that is not finite, more than one budget, a directory for event files that has no path.
    pub fn apply(&self, config: &mut Config) -> Result<()> {
        // A table has no place for them.
        if let Some(name) = self.not_finite().first() {
            return Err(usage(format!("{name} must be a finite number")));
        }
        let mut choices = self.table();
        for value in choices.values_mut() {
            if value.get(NO_LIMIT).is_some() {
                *value = Value::Null;
            }
        }
        // Choices that say something about more than one field.
        if let Some(Vocabulary { kind, entries }) = self.text.vocab {
            choices.insert("vocab".into(), json!(kind));
            if let Some(entries) = entries {
                choices.entry("max-vocab").or_insert(entries.into());
            }
        }
        if let Some(Sizes::Each(sizes)) = &self.network.hidden {
            choices.entry("layers").or_insert(sizes.len().into());
        }
        if let Some(files) = &self.watching.tensorboard {
            choices.insert("tensorboard".into(), json!(files.clone().path()?));
        }
        let budgets = ["epochs", "steps", "minutes"];
        match budgets
            .iter()
            .filter(|name| choices.contains_key(**name))
            .count()
        {
            0 => {}
            1 => {
                for name in budgets {
                    choices.entry(name).or_insert(Value::Null);
                }
            }
            _ => return Err(usage("give only one of epochs, steps and minutes")),
        }
        *config = config.with(choices)?;
        Ok(())
    }
}

/// The choices of a group that were made.
fn made<T: Serialize>(group: &T) -> Vec<(String, Value)> {
    let Ok(Value::Object(choices)) = serde_json::to_value(group) else {
        unreachable!("a group of options is a table of plain values");
    };
    choices
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .collect()
}

/// The names of the choices of a group that are infinite or no numbers.
fn not_finite<T: Serialize>(group: &T) -> Vec<String> {
    let table = toml::Table::try_from(group).unwrap_or_default();
    let numbers = table.into_iter();
    let not_finite = numbers.filter(|(_, value)| value.as_float().is_some_and(|x| !x.is_finite()));
    not_finite.map(|(name, _)| name).collect()
}

/// The name of a choice.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key, D::Error> {
        let key = String::deserialize(deserializer)?;
        let options = TrainOptions::augment_args(clap::Command::new("train"));
        // In a file `tied = false` says what `--no-tied` says.
        let names = options
            .get_arguments()
            .map(name)
            .filter(|name| !name.starts_with("no-"));
        let alike = |name: &String| strsim::jaro(&key, name);
        let Some(nearest) = names.max_by(|a, b| alike(a).total_cmp(&alike(b))) else {
            unreachable!("there are options");
        };
        if nearest == key {
            return Ok(Key(key));
        }
        let mut message = format!("there is no choice `{key}`");
        if alike(&nearest) > 0.8 {
            message += &format!("; did you mean `{nearest}`?");
        }
        Err(D::Error::custom(message))
    }
}

/// What an option is called in a file.
fn name(arg: &Arg) -> String {
    arg.get_id().as_str().replace('_', "-")
}

/// Adds to the help of a choice its default, from [`Config::default`] itself.
pub fn with_default(arg: Arg) -> Arg {
    // Every command builds every option, so the defaults are written once.
    static DEFAULTS: OnceLock<Value> = OnceLock::new();
    let defaults = DEFAULTS.get_or_init(|| {
        let defaults = serde_json::to_string(&Config::default()).unwrap_or_default();
        serde_json::from_str(&defaults).unwrap_or_default()
    });
    let default = match &defaults[name(&arg)] {
        serde_json::Value::Bool(true) => "yes".to_owned(),
        serde_json::Value::String(name) if !name.is_empty() => name.clone(),
        serde_json::Value::Number(number) => {
            let text = number.to_string();
            text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
        }
        _ => return arg,
    };
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    arg.help(format!("{help} [default: {default}]"))
}
