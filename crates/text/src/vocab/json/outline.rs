//! A `tokenizer.json` without its long lists, so that its kind is known before the vocabulary is in memory.

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// All of a file but the entries of each `vocab` and of `merges`: there an object is empty, and a list has at most one entry, `null`.
pub struct Outline(pub Value);

impl<'de> Deserialize<'de> for Outline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Outline, D::Error> {
        Reader { is_short: false }
            .deserialize(deserializer)
            .map(Outline)
    }
}

/// Reads a value, of which the entries are left out if it is to be short.
#[derive(Clone, Copy)]
struct Reader {
    is_short: bool,
}

impl<'de> DeserializeSeed<'de> for Reader {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if self.is_short {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let is_short = ["vocab", "merges"].contains(&&*name);
            entries.insert(name, map.next_value_seed(Reader { is_short })?);
        }
        Ok(Value::Object(entries))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        if self.is_short {
            while list.next_element::<IgnoredAny>()?.is_some() {
                entries = vec![Value::Null];
            }
        } else {
            while let Some(entry) = list.next_element_seed(self)? {
                entries.push(entry);
            }
        }
        Ok(Value::Array(entries))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_of_a_vocabulary_are_left_out_and_nothing_else() {
        let file = json!({
            "a": [1, -2, 0.5, "x", true, null, {"b": [[]]}],
            "model": {"type": "BPE", "vocab": {"a": 0, "b": [1, {"c": 2}]}, "merges": [["a", "b"], "b c"]},
            "pre": {"vocab": [], "merges": []},
        });
        let Outline(outline) = serde_json::from_str(&file.to_string()).unwrap();
        let mut expected = file;
        expected["model"]["vocab"] = json!({});
        expected["model"]["merges"] = json!([null]);
        assert_eq!(outline, expected);
        assert!(serde_json::from_str::<Outline>("{\"vocab\": {\"a\": }}").is_err());
        let Outline(text) = serde_json::from_str("\"x\"").unwrap();
        assert_eq!(text, json!("x"));
    }
}
