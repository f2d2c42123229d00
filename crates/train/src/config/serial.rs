//! Configurations and choices as serde sees them: a flat table with the options' names as keys.
//!
//! By hand and not derived: a derived implementation is compiled for every field and every format, these are loops over the table.

use super::Config;
use super::choices::Choices;
use super::error::ConfigError;
use super::table::{ConfigOption, find, options};
use super::value::{Source, Value};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeStruct, Serializer};
use serde::{Deserialize, Serialize};
use std::fmt;

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::None => serializer.serialize_none(),
            Value::Flag(flag) => serializer.serialize_bool(*flag),
            Value::Count(number) => serializer.serialize_u64(*number),
            Value::Real(number) => serializer.serialize_f64(*number),
            Value::Text(text) => serializer.serialize_str(text),
            Value::List(values) => serializer.collect_seq(values),
        }
    }
}

impl Serialize for Config {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let table = self.table();
        // A struct, because formats without null leave a field out.
        let mut fields = serializer.serialize_struct("Config", table.0.len())?;
        for option in options() {
            match table.get(&option.name) {
                None => {}
                Some(Value::None) => fields.serialize_field(&option.name, &None::<()>)?,
                Some(value) => fields.serialize_field(&option.name, value)?,
            }
        }
        fields.end()
    }
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Config, D::Error> {
        let table = deserializer.deserialize_map(TableVisitor(Source::Record))?;
        Config::stored(table).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Choices {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Choices, D::Error> {
        deserializer.deserialize_map(TableVisitor(Source::Person))
    }
}

struct TableVisitor(Source);

impl<'de> Visitor<'de> for TableVisitor {
    type Value = Choices;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a table of options")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Choices, A::Error> {
        let mut choices = Choices::default();
        while let Some(option) = map.next_key_seed(NameSeed)? {
            let value = map.next_value_seed(ValueSeed {
                option,
                source: self.0,
                twice: choices.has(&option.name),
            })?;
            choices.insert(option, value);
        }
        Ok(choices)
    }
}

/// The name of an option. Its errors stand where the name does.
struct NameSeed;

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = &'static ConfigOption;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let name = String::deserialize(deserializer)?;
        find(&name).map_err(D::Error::custom)
    }
}

/// The value of an option. Its errors stand where the value does.
struct ValueSeed {
    option: &'static ConfigOption,
    source: Source,
    twice: bool,
}

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let raw = Value::deserialize(deserializer)?;
        let option = &self.option.name;
        match self.twice {
            true => Err(ConfigError::Twice { option }),
            false => self.option.accept(raw, self.source),
        }
        .map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a number, a text, true or false, or a list")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::None)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Count(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        // No whole number of an option is negative, but a real one may be written without a point.
        Ok(match u64::try_from(number) {
            Ok(number) => Value::Count(number),
            Err(_) => Value::Real(number as f64),
        })
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Real(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element()? {
            values.push(value);
        }
        Ok(Value::List(values))
    }
}
