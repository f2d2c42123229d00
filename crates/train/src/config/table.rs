//! All options of a configuration in one table, made from their declarations.

use super::Config;
use super::declare::{Absent, Declaration};
use super::error::ConfigError;
use super::value::{Kind, Setting, Source, Value};
use std::sync::LazyLock;

pub use super::idle::Origin;

/// A field of a struct of options, as it was declared.
pub struct Field<T> {
    pub(crate) field: &'static str,
    pub(crate) group: &'static str,
    pub(crate) help: &'static [&'static str],
    pub(crate) declaration: Declaration,
    pub(crate) kind: Kind,
    pub(crate) optional: bool,
    pub(crate) inner: fn() -> Vec<Inner>,
    pub(crate) get: fn(&T) -> &dyn Setting,
    pub(crate) get_mut: fn(&mut T) -> &mut dyn Setting,
}

/// A struct of options.
pub trait Declares: Default + 'static {
    /// Returns the options in order.
    fn fields() -> Vec<Field<Self>>;
}

/// An option that belongs to some values of another one.
pub struct Inner {
    facts: Facts,
    /// The values that it belongs to.
    values: Vec<&'static str>,
}

/// Properties that an option has in every struct that declares it.
#[derive(Clone, Debug)]
struct Facts {
    id: &'static str,
    name: String,
    group: &'static str,
    help: &'static [&'static str],
    declaration: Declaration,
    kind: Kind,
    optional: bool,
    default: Value,
}

impl Facts {
    fn of<T>(field: &Field<T>, default: &T) -> Facts {
        Facts {
            id: field.field,
            name: hyphened(field.field),
            group: field.group,
            help: field.help,
            declaration: field.declaration,
            kind: field.kind,
            optional: field.optional,
            default: (field.get)(default).value(),
        }
    }
}

/// Adds to `all` the options of `T`, which are those of the value `owner`. Options of one name are one option.
pub(crate) fn join<T: Declares>(all: &mut Vec<Inner>, owner: &'static str) {
    let default = T::default();
    for field in T::fields() {
        let facts = Facts::of(&field, &default);
        match all.iter_mut().find(|inner| inner.facts.name == facts.name) {
            Some(inner) => {
                let same = inner.facts.default == facts.default
                    && inner.facts.help == facts.help
                    && inner.facts.declaration.range == facts.declaration.range;
                assert!(same, "{} is declared in two ways", facts.name);
                inner.values.push(owner);
            }
            None => all.push(Inner {
                facts,
                values: vec![owner],
            }),
        }
    }
}

/// The value of the option `name` of `options`.
pub(crate) fn value_of<T: Declares>(options: &T, name: &str) -> Option<Value> {
    let mut fields = T::fields().into_iter();
    let field = fields.find(|field| hyphened(field.field) == name)?;
    Some((field.get)(options).value())
}

/// Changes the option `name` of `options`; `false` if there is none, or the value is of another kind.
pub(crate) fn take_value<T: Declares>(options: &mut T, name: &str, value: &Value) -> bool {
    let mut fields = T::fields().into_iter();
    let field = fields.find(|field| hyphened(field.field) == name);
    field.is_some_and(|field| (field.get_mut)(options).take(value))
}

fn hyphened(field: &str) -> String {
    field.replace('_', "-")
}

/// An option of a configuration.
pub struct ConfigOption {
    /// Name as an identifier, with underscores.
    pub id: &'static str,
    /// Name in files, which follows two hyphens on the command line.
    pub name: String,
    /// Heading of the option's group in the help.
    pub group: &'static str,
    /// Effect of the option in one sentence.
    pub help: String,
    /// Further explanation, if there is one.
    pub details: Option<String>,
    /// Name of the flag that switches the option off; `None` if it is off by default, or is not a switch.
    pub off_name: Option<String>,
    /// Further properties.
    pub declaration: Declaration,
    /// Kind of its values.
    pub kind: Kind,
    /// Whether the value may be `none`.
    pub optional: bool,
    /// Default value.
    pub default: Value,
    /// Option whose value decides whether this one applies; `None` if it always applies.
    pub owner: Option<Owner>,
    get: fn(&Config) -> &dyn Setting,
    get_mut: fn(&mut Config) -> &mut dyn Setting,
}

/// Option, and those of its values that have options of their own.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The name of another option.
    pub option: String,
    /// The values of that option which have this one.
    pub values: Vec<&'static str>,
}

/// All options, in the order in which a file has them: what belongs to an option follows it.
pub fn options() -> &'static [ConfigOption] {
    static OPTIONS: LazyLock<Vec<ConfigOption>> = LazyLock::new(|| {
        let default = Config::default();
        let mut options = Vec::new();
        for field in Config::fields() {
            let option = |facts: Facts, owner| ConfigOption::new(facts, owner, &field);
            let facts = Facts::of(&field, &default);
            let name = facts.name.clone();
            options.push(option(facts, None));
            for Inner { facts, values } in (field.inner)() {
                let option_name = name.clone();
                let owner = Owner {
                    option: option_name,
                    values,
                };
                options.push(option(facts, Some(owner)));
            }
        }
        options
    });
    &OPTIONS
}

/// The option called `name`, or once called so.
pub fn find(name: &str) -> Result<&'static ConfigOption, ConfigError> {
    let is_called =
        |option: &&ConfigOption| option.name == name || option.declaration.aliases.contains(&name);
    if let Some(option) = options().iter().find(is_called) {
        return Ok(option);
    }
    let alike = |option: &&ConfigOption| strsim::jaro(name, &option.name);
    let nearest = options()
        .iter()
        .max_by(|a, b| alike(a).total_cmp(&alike(b)));
    Err(ConfigError::Unknown {
        name: name.to_owned(),
        near: nearest
            .filter(|option| alike(option) > 0.8)
            .map(|option| option.name.as_str()),
    })
}

impl ConfigOption {
    fn new(facts: Facts, owner: Option<Owner>, field: &Field<Config>) -> ConfigOption {
        let lines = facts.help.iter().map(|line| line.trim());
        let text = lines.collect::<Vec<_>>().join("\n");
        let joined = |text: &str| text.replace('\n', " ");
        let (help, details) = match text.split_once("\n\n") {
            Some((help, details)) => (joined(help), Some(joined(details))),
            None => (joined(&text), None),
        };
        let is_on = facts.default == Value::Flag(true);
        ConfigOption {
            id: facts.id,
            off_name: is_on.then(|| format!("no-{}", facts.name)),
            name: facts.name,
            group: facts.group,
            help,
            details,
            declaration: facts.declaration,
            kind: facts.kind,
            optional: facts.optional,
            default: facts.default,
            owner,
            get: field.get,
            get_mut: field.get_mut,
        }
    }

    /// Returns the option's value in `config`; `None` if it does not apply there.
    pub fn value(&self, config: &Config) -> Option<Value> {
        let setting = (self.get)(config);
        match self.owner {
            None => Some(setting.value()),
            Some(_) => setting.inner(&self.name),
        }
    }

    /// Whether the option applies to `config`.
    pub fn applies_to(&self, config: &Config) -> bool {
        self.value(config).is_some()
    }

    /// Makes `value`, which it has accepted, its value in `config`, if it applies there.
    pub(super) fn put(&self, config: &mut Config, value: &Value) {
        let setting = (self.get_mut)(config);
        match self.owner {
            None => assert!(setting.take(value), "{} is {value}", self.name),
            Some(_) => drop(setting.take_inner(&self.name, value)),
        }
    }

    /// Returns the value that a stored configuration without the option means.
    pub(super) fn absent(&'static self) -> Result<Value, ConfigError> {
        match self.declaration.absent {
            _ if self.optional => Ok(Value::None),
            Absent::Refused => Err(ConfigError::Missing { option: &self.name }),
            Absent::Default => Ok(self.default.clone()),
            Absent::Number(number) => Ok(match self.default {
                Value::Count(_) => Value::Count(number as u64),
                _ => Value::Real(number),
            }),
        }
    }

    /// Whether `value` switches the option off.
    pub fn is_off(&self, value: &Value) -> bool {
        match value {
            Value::None | Value::Flag(false) => true,
            number => number.as_real().is_some() && number.as_real() == self.declaration.off,
        }
    }

    /// Whether the option is a switch, on or off.
    pub fn is_switch(&self) -> bool {
        matches!(self.kind, Kind::Flag)
    }

    /// Reads a value from a command line.
    pub fn parse(&'static self, text: &str) -> Result<Value, ConfigError> {
        let number = |text: &str| match text.trim().parse() {
            Ok(number) => Value::Count(number),
            Err(_) => Value::Text(text.to_owned()),
        };
        let raw = match self.kind {
            Kind::Flag => match text {
                "true" => Value::Flag(true),
                "false" => Value::Flag(false),
                _ => Value::Text(text.to_owned()),
            },
            Kind::Count(_) | Kind::CountOr(_) => number(text),
            Kind::Counts if text.contains(',') => {
                Value::List(text.split(',').map(number).collect())
            }
            Kind::Counts => number(text),
            Kind::Real | Kind::Single => match text.parse() {
                Ok(number) => Value::Real(number),
                Err(_) => Value::Text(text.to_owned()),
            },
            Kind::Directory if text.is_empty() => Value::Flag(true),
            _ => Value::Text(text.to_owned()),
        };
        self.accept(raw, Source::Person)
    }

    /// Makes sure that a value is of its kind and in its range, and brings it into one form.
    pub fn accept(&'static self, raw: Value, source: Source) -> Result<Value, ConfigError> {
        self.accepted(&raw, source)
            .map_err(|must| ConfigError::OutOfRange {
                option: &self.name,
                must,
                got: match &raw {
                    Value::Text(text) => format!("'{text}'"),
                    // Without the point that a file would have.
                    number => number.to_string().trim_end_matches(".0").to_owned(),
                },
            })
    }

    fn accepted(&self, raw: &Value, source: Source) -> Result<Value, String> {
        let must = || Err(self.must());
        let counts = |value: &Value, most: u64| match *value {
            Value::Count(number) => number <= most && self.declaration.range.holds(number as f64),
            _ => false,
        };
        const MOST: u64 = i64::MAX as u64;
        let value = raw.clone();
        match (self.kind, raw) {
            (_, Value::None) => self.optional.then_some(value).ok_or_else(|| self.must()),
            (Kind::Text, Value::Text(_)) => Ok(value),
            (_, Value::Text(word)) if self.optional && ["none", "all"].contains(&word.as_str()) => {
                Ok(Value::None)
            }
            (Kind::Flag, Value::Flag(_)) => Ok(value),
            (Kind::Count(most), number) if counts(number, most) => Ok(value),
            (Kind::Count(most), Value::Count(number)) if *number > most => {
                Err(format!("at most {most}"))
            }
            (Kind::CountOr(word), Value::Text(text)) if text == word => Ok(value),
            (Kind::CountOr(_) | Kind::Counts, number) if counts(number, MOST) => Ok(value),
            (Kind::Counts, Value::List(list)) if list.iter().all(|n| counts(n, MOST)) => Ok(value),
            (Kind::Real | Kind::Single, number) => match number.as_real() {
                Some(number) if !self.declaration.range.holds(number) => must(),
                Some(number) if matches!(self.kind, Kind::Real) => Ok(Value::Real(number)),
                Some(number) if (number as f32).is_finite() => Ok(Value::single(number as f32)),
                _ => must(),
            },
            (Kind::Reals, Value::List(list)) => {
                let number = |value: &Value| {
                    let number = value.as_real();
                    number.filter(|number| self.declaration.range.holds(*number))
                };
                let numbers = list.iter().map(|value| number(value).map(Value::Real));
                numbers
                    .collect::<Option<_>>()
                    .map(Value::List)
                    .ok_or_else(|| self.must())
            }
            (Kind::Name(names), Value::Text(name)) if names().contains(&name.as_str()) => Ok(value),
            (Kind::Name(_), Value::Text(name)) => {
                let mut renamed = self.declaration.renamed.iter();
                let today = renamed.find(|(earlier, _)| earlier == name);
                today.map_or_else(must, |(_, today)| Ok(Value::Text((*today).to_owned())))
            }
            (Kind::Notation(read), Value::Text(text)) => read(text, source).map(Value::Text),
            (Kind::Directory, Value::Flag(wanted)) => Ok(match self.declaration.alone {
                Some(path) if *wanted => Value::Text(path.into()),
                _ => Value::None,
            }),
            (Kind::Directory, Value::Text(path)) => match source {
                // A record is moved with its run; a person means where they are.
                Source::Record => Ok(value),
                Source::Person => match std::path::absolute(path) {
                    Ok(path) => Ok(Value::Text(path.to_string_lossy().into_owned())),
                    Err(error) => Err(format!("a path ({error})")),
                },
            },
            _ => must(),
        }
    }

    /// Describes the valid values, such as `above 0`.
    pub fn must(&self) -> String {
        let range = self.declaration.range;
        let bounded = range != super::range::Range::ANY;
        let whole = match bounded {
            true => format!("a whole number, {range}"),
            false => "a whole number".to_owned(),
        };
        let kind = match self.kind {
            Kind::Flag => "true or false".to_owned(),
            Kind::Count(_) => whole,
            Kind::CountOr(word) => format!("{whole}, or {word}"),
            Kind::Counts => format!("{whole}, or a list of them"),
            Kind::Real | Kind::Single => range.to_string(),
            Kind::Reals => format!("a list of numbers, {range}"),
            Kind::Name(names) => format!("one of {}", names().join(", ")),
            Kind::Text | Kind::Notation(_) => "a text".to_owned(),
            Kind::Directory => "true, false or the path of a directory".to_owned(),
        };
        match self.optional && !matches!(self.kind, Kind::Text | Kind::Directory) {
            true => format!("{kind}, or none"),
            false => kind,
        }
    }
}
