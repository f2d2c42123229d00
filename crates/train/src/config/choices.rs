//! One layer of choices: values for some options. Layers are laid over each other as tables, and a configuration is read from the
//! whole.

use super::error::ConfigError;
use super::table::{ConfigOption, find, options};
use super::value::{Setting, Source, Value};
use super::{BUDGETS, Config};
use std::collections::BTreeMap;

/// Values for some options, each of its kind and in its range.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choices(pub(super) BTreeMap<&'static str, Value>);

impl Choices {
    /// Reads choices from a TOML table. Errors name the line.
    pub fn from_toml(text: &str) -> Result<Choices, toml::de::Error> {
        toml::from_str(text)
    }

    /// Chooses a value.
    pub fn set(&mut self, name: &str, value: Value) -> Result<(), ConfigError> {
        let option = find(name)?;
        let value = option.accept(value, Source::Person)?;
        self.0.insert(&option.name, value);
        Ok(())
    }

    /// Chooses a value that `option` has accepted.
    pub fn insert(&mut self, option: &'static ConfigOption, value: Value) {
        self.0.insert(&option.name, value);
    }

    /// The value of an option, if it was chosen here.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Whether an option was chosen here.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether nothing was chosen here.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names of the options that were chosen, in order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }

    /// The choices among the options for which `keep` holds.
    pub fn filtered(&self, keep: impl Fn(&ConfigOption) -> bool) -> Choices {
        let kept = options().iter().filter(|option| keep(option));
        let kept = kept.filter_map(|option| {
            let value = self.0.get(option.name.as_str())?;
            Some((option.name.as_str(), value.clone()))
        });
        Choices(kept.collect())
    }

    /// Lays `layer` over these choices: where both chose, `layer` wins.
    ///
    /// Some choices say something about other options too: a budget replaces the budget below, a list of sizes is as many layers, and
    /// `bpe:N` is a vocabulary of N entries.
    ///
    /// Errors: two budgets in `layer`.
    pub fn lay(&mut self, layer: &Choices) -> Result<(), ConfigError> {
        let mut layer = layer.0.clone();
        if let Some(Value::Text(vocab)) = layer.get("vocab")
            && let Some((kind, entries)) = vocab.split_once(':')
        {
            let (kind, entries) = (kind.to_owned(), entries.parse().map(Value::Count));
            if let Ok(entries) = entries {
                layer.entry("max-vocab").or_insert(entries);
            }
            layer.insert("vocab", Value::Text(kind));
        }
        if let Some(Value::List(sizes)) = layer.get("hidden") {
            let layers = sizes.len().value();
            layer.entry("layers").or_insert(layers);
        }
        let given = BUDGETS.iter().filter(|name| layer.contains_key(*name));
        match given.count() {
            0 => {}
            1 => {
                for name in BUDGETS {
                    layer.entry(name).or_insert(Value::None);
                }
            }
            _ => {
                return Err(ConfigError::conflict(
                    &BUDGETS,
                    "give only one of `epochs`, `steps` and `minutes`",
                ));
            }
        }
        self.0.extend(layer);
        Ok(())
    }
}

impl Config {
    /// The value of every option that applies.
    pub fn table(&self) -> Choices {
        let values = options().iter().filter_map(|option| {
            let value = option.value(self)?;
            Some((option.name.as_str(), value))
        });
        Choices(values.collect())
    }

    /// Returns this configuration with other values for some options.
    ///
    /// Errors: what [`Choices::lay`] refuses, and an option that what is chosen does not have.
    pub fn with(&self, choices: &Choices) -> Result<Config, ConfigError> {
        let mut table = self.table();
        table.lay(choices)?;
        Config::from_table(&table)
    }

    /// The configuration with the values of `table`, and the defaults for those that are not there.
    ///
    /// Errors: an option that what is chosen does not have.
    pub fn from_table(table: &Choices) -> Result<Config, ConfigError> {
        let mut config = Config::default();
        let all = || options().iter();
        let value = |option: &ConfigOption| table.0.get(option.name.as_str());
        for option in all().filter(|option| option.owner.is_none()) {
            if let Some(value) = value(option) {
                option.put(&mut config, value);
            }
        }
        for option in all() {
            let (Some(owner), Some(value)) = (&option.owner, value(option)) else {
                continue;
            };
            let foreign = !option.applies_to(&config);
            if foreign && option.declaration.strict && !option.is_off(value) {
                return Err(ConfigError::Foreign {
                    option: &option.name,
                    owner: &owner.option,
                    values: owner.values.clone(),
                });
            }
            option.put(&mut config, value);
        }
        Ok(config)
    }

    /// The configuration that was stored as `table`, by this version or by an earlier one.
    ///
    /// Errors: an option that every version has stored is missing.
    pub(super) fn stored(mut table: Choices) -> Result<Config, ConfigError> {
        for option in options().iter().filter(|option| option.owner.is_none()) {
            if !table.has(&option.name) {
                let absent = option.accept(option.absent()?, Source::Record)?;
                table.insert(option, absent);
            }
        }
        Config::from_table(&table)
    }

    /// Every choice as its name in a file and its value for people, by name.
    pub fn choices(&self) -> Vec<(String, String)> {
        let values = self.table().0.into_iter();
        values
            .map(|(name, value)| (name.to_owned(), value.to_string()))
            .collect()
    }
}
