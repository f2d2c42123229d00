//! Lines of Moses: `id ||| words ||| features ||| total`, and more fields.

use super::{finite, is_number};

/// The fields of a line of Moses.
pub struct Moses<'l> {
    pub id: &'l str,
    pub words: &'l str,
    pub features: &'l str,
    total: &'l str,
    /// What follows the total, if anything does.
    pub rest: Option<&'l str>,
}

impl<'l> Moses<'l> {
    /// Splits a line.
    ///
    /// Errors: fewer than four fields, no id, or a feature that is not a number.
    pub fn split(line: &'l str) -> Result<Moses<'l>, String> {
        let fields: Vec<&str> = line.splitn(5, "|||").collect();
        let (Ok(&[id, words, features, total]), rest) = (match &fields[..] {
            [first @ .., rest] if first.len() == 4 => (<&[&str; 4]>::try_from(first), Some(*rest)),
            all => (<&[&str; 4]>::try_from(all), None),
        }) else {
            return Err(format!(
                "{} fields between '|||', of at least four",
                fields.len()
            ));
        };
        let id = id.trim_ascii();
        if id.is_empty() {
            return Err("the id is missing".into());
        }
        let value = |feature: &&str| {
            let value = feature
                .rsplit_once('=')
                .map_or(*feature, |(_, value)| value);
            !(value.is_empty() || feature.ends_with(':') || is_number(value))
        };
        match features.split_ascii_whitespace().find(value) {
            Some(feature) => Err(format!("the feature '{feature}' is not a number")),
            None => Ok(Moses {
                id,
                words,
                features,
                total,
                rest,
            }),
        }
    }

    /// The total score.
    pub fn total(&self) -> Result<f64, String> {
        finite(self.total.trim_ascii())
    }
}
