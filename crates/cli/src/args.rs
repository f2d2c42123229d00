//! How single arguments are read. Every error names what was expected.

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use elman::text::{Kind, MOST_WEIGHT};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as NameError, StrDeserializer};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// One of the library's choices, by the name that it has in a configuration file. `names` are all
/// of them, in the order in which the help lists them.
pub fn named<T>(
    names: impl IntoIterator<Item = impl Into<PossibleValue>>,
) -> impl TypedValueParser<Value = T>
where
    T: for<'de> Deserialize<'de> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names).try_map(|name| {
        let name: StrDeserializer<'_, NameError> = name.as_str().into_deserializer();
        T::deserialize(name)
    })
}

/// How a table is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
    Csv,
    Markdown,
}

/// One of n shares of some work, such as 3/12; shares are counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    pub index: u64,
    pub count: u64,
}

impl Share {
    /// Largest number of shares.
    pub const MOST: u64 = 99_999;
    /// All of the work.
    pub const WHOLE: Share = Share { index: 1, count: 1 };
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Share, String> {
        let most = Share::MOST;
        let expected = || format!("expected i/n, such as 3/12, with 1 ≤ i ≤ n ≤ {most}");
        let (index, count) = text.split_once('/').ok_or_else(expected)?;
        let number = |text: &str| text.parse::<u64>().map_err(|_| expected());
        let (index, count) = (number(index)?, number(count)?);
        match index {
            0 => Err("shares are counted from 1: 1/n is the first one (--array=1-n)".into()),
            _ if index > count || count > most => Err(expected()),
            _ => Ok(Share { index, count }),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

/// What a token is, and of `bpe:N` how many there are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vocabulary {
    pub kind: Kind,
    pub entries: Option<usize>,
}

impl FromStr for Vocabulary {
    type Err = String;

    fn from_str(text: &str) -> Result<Vocabulary, String> {
        let (name, entries) = match text.split_once(':') {
            None => (text, None),
            Some((name, entries)) => (name, Some(entries)),
        };
        let kind = name.parse::<Kind>().map_err(|error| error.to_string())?;
        let entries = match (kind, entries) {
            (Kind::Foreign, _) => {
                return Err("a tokenizer.json of another program is named with --tokenizer".into());
            }
            (_, None) => None,
            (Kind::Bpe, Some(entries)) => Some(entries.parse().map_err(|_| {
                format!("`{entries}` is not a number of entries; write, for example, bpe:8000")
            })?),
            (kind, Some(_)) => {
                return Err(format!(
                    "{kind} takes no number; --max-vocab limits its entries"
                ));
            }
        };
        Ok(Vocabulary { kind, entries })
    }
}

/// A text and how often an epoch reads it: `FILE` or `FILE:WEIGHT`. A file that is called so comes first.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighted {
    pub path: PathBuf,
    pub weight: f64,
}

impl FromStr for Weighted {
    type Err = String;

    fn from_str(text: &str) -> Result<Weighted, String> {
        let whole = Weighted {
            path: text.into(),
            weight: 1.0,
        };
        let Some((path, number)) = text.rsplit_once(':') else {
            return Ok(whole);
        };
        match number.parse::<f64>() {
            _ if whole.path.exists() => Ok(whole),
            Ok(weight) if weight > 0.0 && weight <= MOST_WEIGHT && !path.is_empty() => {
                Ok(Weighted {
                    path: path.into(),
                    weight,
                })
            }
            Ok(_) => Err(format!(
                "the weight after the colon must be above 0 and at most {MOST_WEIGHT}, such as 2 or 0.5"
            )),
            Err(_) => Ok(whole),
        }
    }
}

/// A finite number: `nan` and `inf` are numbers to Rust's parser, but no choice that makes sense.
pub fn finite(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err("expected a number, such as 0.5 or 1e-3".into()),
    }
}

/// As [`finite`], in single precision.
pub fn finite32(text: &str) -> Result<f32, String> {
    let number = finite(text)? as f32;
    if number.is_finite() {
        Ok(number)
    } else {
        Err("the number is too large".into())
    }
}

/// A number of seconds, at least 0.
pub fn seconds(text: &str) -> Result<f64, String> {
    finite(text)
        .ok()
        .filter(|s| *s >= 0.0)
        .ok_or_else(|| "expected a number of seconds, such as 60".into())
}

/// A number of threads, no more than a system surely starts.
pub fn thread_count() -> impl TypedValueParser<Value = u16> {
    clap::value_parser!(u16).range(1..=1024)
}

/// A finite number above 0.
pub fn positive(text: &str) -> Result<f64, String> {
    finite(text)
        .ok()
        .filter(|x| *x > 0.0)
        .ok_or_else(|| "expected a number above 0, such as 1e-7".into())
}

/// A size in bytes: `2GiB`, `500MB`, `4G` (binary, as in `ls -h`), plain bytes, or a share of the machine's memory: `80%`.
pub fn size(text: &str) -> Result<u64, String> {
    let expected = || "expected a size, such as 2GiB, 500MB, 80% or 1000000".to_owned();
    if let Some(percent) = text.strip_suffix('%') {
        let percent: f64 = percent.trim().parse().map_err(|_| expected())?;
        if !(percent > 0.0 && percent <= 100.0) {
            return Err("a share of the memory is above 0 and at most 100%".into());
        }
        let unknown = "this system does not say how much memory it has: give a number of bytes";
        let total = elman::train::total_bytes().ok_or(unknown)?;
        return Ok((total as f64 * percent / 100.0) as u64);
    }
    let digits = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().map_err(|_| expected())?;
    let unit = unit.trim().to_ascii_lowercase();
    let (prefix, base) = match unit.strip_suffix("ib") {
        Some(prefix) if !prefix.is_empty() => (prefix, 1024.0_f64),
        _ => match unit.strip_suffix('b') {
            Some(prefix) => (prefix, 1000.0),
            None => (unit.as_str(), 1024.0),
        },
    };
    let power = ["", "k", "m", "g", "t"]
        .iter()
        .position(|p| *p == prefix)
        .ok_or_else(expected)?;
    let bytes = number * base.powi(power as i32);
    if bytes < u64::MAX as f64 {
        Ok(bytes as u64)
    } else {
        Err("the size is too large".into())
    }
}

/// Counts by order up to which n-grams are left out: `0,0,1`, or `0 0 1` as `lmplz` has them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thresholds(pub Vec<u64>);

impl FromStr for Thresholds {
    type Err = String;

    fn from_str(text: &str) -> Result<Thresholds, String> {
        let parts = text.split([',', ' ', '\t']).filter(|part| !part.is_empty());
        let counts: Result<Vec<u64>, _> = parts.map(str::parse).collect();
        match counts {
            Ok(counts) if !counts.is_empty() => Ok(Thresholds(counts)),
            _ => Err("expected a count for each order, such as 0,0,1 or \"0 0 1\"".into()),
        }
    }
}

/// A number, or a word that says there is no limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit<T> {
    At(T),
    Off,
}

impl<T> Limit<T> {
    pub fn value(self) -> Option<T> {
        match self {
            Limit::At(value) => Some(value),
            Limit::Off => None,
        }
    }
}

impl<T: FromStr> FromStr for Limit<T> {
    type Err = String;
    fn from_str(text: &str) -> Result<Limit<T>, String> {
        match text {
            "none" | "all" => Ok(Limit::Off),
            _ => text
                .parse()
                .map(Limit::At)
                .map_err(|_| "expected a number, or none (all)".into()),
        }
    }
}

/// The name of an activation or of an instruction set, which the kernels do not serialise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Activation(pub elman::net::dims::Activation);

impl<'de> Deserialize<'de> for Activation {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Activation, D::Error> {
        let name = String::deserialize(deserializer)?;
        elman::net::dims::Activation::named(&name)
            .map(Activation)
            .ok_or_else(|| {
                serde::de::Error::custom(format!(
                    "unknown activation `{name}`, expected one of sigmoid, tanh, relu"
                ))
            })
    }
}

/// A path as it was written, for examples that the user may copy: quoted where the shell needs it.
pub struct Quoted<'a>(pub &'a std::path::Path);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.0.display().to_string();
        // It must not be taken for an option.
        let own = if path.starts_with('-') { "./" } else { "" };
        f.write_str(&shell_word(&format!("{own}{path}")))
    }
}

/// A word as the shell takes it: quoted where it needs that.
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+=:@,%".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_may_have_a_weight() {
        let parsed = |text: &str| {
            let found = text.parse::<Weighted>();
            found.map(|found| (found.path.display().to_string(), found.weight))
        };
        assert_eq!(parsed("a.txt"), Ok(("a.txt".into(), 1.0)));
        assert_eq!(parsed("a.txt:2"), Ok(("a.txt".into(), 2.0)));
        assert_eq!(parsed("c:/a.gz:0.5"), Ok(("c:/a.gz".into(), 0.5)));
        assert_eq!(parsed("c:/a.txt"), Ok(("c:/a.txt".into(), 1.0)));
        for wrong in ["a:0", "a:-1", "a:nan", "a:1e9"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_vocabulary_is_a_kind_and_perhaps_a_number() {
        let parsed = |text: &str| {
            let found = text.parse::<Vocabulary>();
            found.map(|found| (found.kind, found.entries))
        };
        assert_eq!(parsed("chars"), Ok((Kind::Chars, None)));
        assert_eq!(parsed("bpe"), Ok((Kind::Bpe, None)));
        assert_eq!(parsed("bpe:8000"), Ok((Kind::Bpe, Some(8000))));
        for wrong in ["", "bpe:", "bpe:-1", "bpe:x", "words:5", "foreign", "Bpe"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
    use std::path::Path;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", 0),
            ("1000000", 1_000_000),
            ("12b", 12),
            ("2GiB", 2 << 30),
            ("2g", 2 << 30),
            ("1.5 kib", 1536),
            ("500MB", 500_000_000),
            ("1T", 1 << 40),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in [
            "",
            "GiB",
            "1x",
            "-1",
            "1e3",
            "1.2.3",
            "ib",
            "1ib",
            "99999999999999999999999",
        ] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_size_may_be_a_share_of_the_memory() {
        if let Some(total) = elman::train::total_bytes() {
            let half = size("50%").unwrap();
            assert!(half.abs_diff(total / 2) <= 1 && size("100 %") == Ok(total));
        }
        for text in ["%", "0%", "-5%", "101%", "x%", "nan%"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn thresholds_are_written_with_commas_or_spaces() {
        for text in ["0,0,1", "0 0 1", " 0, 0,1 ", "0\t0 1"] {
            assert_eq!(text.parse(), Ok(Thresholds(vec![0, 0, 1])), "{text}");
        }
        for text in ["", " ", "0,x", "-1", "0;1", "0.5"] {
            assert!(text.parse::<Thresholds>().is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_are_finite() {
        assert_eq!(finite("1e-3"), Ok(1e-3));
        assert_eq!(finite32("-0.5"), Ok(-0.5));
        for text in ["nan", "inf", "-inf", "", "x", "1,5"] {
            assert!(finite(text).is_err(), "{text}");
        }
        assert!(finite32("1e300").is_err());
        assert!(seconds("-1").is_err());
    }

    #[test]
    fn limits() {
        assert_eq!("none".parse::<Limit<f64>>().unwrap().value(), None);
        assert_eq!("all".parse::<Limit<usize>>().unwrap().value(), None);
        assert_eq!("7".parse::<Limit<usize>>().unwrap().value(), Some(7));
        assert!("-7".parse::<Limit<usize>>().is_err());
        assert!("nothing".parse::<Limit<f64>>().is_err());
    }

    #[test]
    fn quoting_is_for_the_shell() {
        for (path, quoted) in [
            ("runs/kjv-2", "runs/kjv-2"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
            ("-run", "./-run"),
        ] {
            assert_eq!(Quoted(Path::new(path)).to_string(), quoted);
        }
    }
}
