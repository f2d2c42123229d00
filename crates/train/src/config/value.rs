//! Values of options as files and command lines have them, and the types of Rust that they become.

use super::names::{Bptt, CellName, Precision};
use crate::bptt::LossNorm;
use crate::optim::Scales;
use crate::scheduled::Decay;
use elman_net::dims::{Activation, Cell, Sizes};
use elman_net::init::{Recurrent, Scheme};
use elman_text::{Kind as VocabKind, Layout};
use std::fmt;
use std::path::PathBuf;

/// The value of an option.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// The option is off.
    None,
    /// On or off.
    Flag(bool),
    /// A whole number.
    Count(u64),
    /// A number.
    Real(f64),
    /// A name, a path, or anything with a notation of its own.
    Text(String),
    /// A list of numbers.
    List(Vec<Value>),
}

impl Value {
    /// A number in single precision, with as many digits as it has.
    pub(super) fn single(number: f32) -> Value {
        let shortest = number.to_string().parse();
        Value::Real(shortest.unwrap_or(f64::from(number)))
    }

    pub(super) fn as_real(&self) -> Option<f64> {
        match *self {
            Value::Real(number) => Some(number),
            Value::Count(number) => Some(number as f64),
            _ => None,
        }
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl fmt::Display for Value {
    /// As people read it; what is off is "none".
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Value::None => f.write_str("none"),
            Value::Flag(flag) => write!(f, "{flag}"),
            Value::Count(number) => write!(f, "{number}"),
            Value::Real(number) => match serde_json::Number::from_f64(*number) {
                Some(finite) => write!(f, "{finite}"),
                None => write!(f, "{number}"),
            },
            Value::Text(text) => f.write_str(text),
            Value::List(values) => {
                let values: Vec<String> = values.iter().map(Value::to_string).collect();
                write!(f, "[{}]", values.join(","))
            }
        }
    }
}

/// Kind of an option's values, whatever their range.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// On or off.
    Flag,
    /// A whole number from 0 to this one.
    Count(u64),
    /// A whole number, or this word.
    CountOr(&'static str),
    /// A whole number, or a list of them.
    Counts,
    /// A number.
    Real,
    /// A number in single precision.
    Single,
    /// A list of numbers.
    Reals,
    /// One of some names.
    Name(fn() -> Vec<&'static str>),
    /// Any text.
    Text,
    /// The path of a directory.
    Directory,
    /// A text with a notation of its own: what is wrong with one, and how it is written in a file.
    Notation(fn(&str, Source) -> Result<String, String>),
}

/// Origin of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Chosen on the command line or in a configuration file.
    Person,
    /// Read from a stored configuration, which was resolved before.
    Record,
}

/// A type that a field of a configuration may have.
pub trait Setting {
    /// Returns the value as files have it.
    fn value(&self) -> Value;

    /// Becomes `value`, which is of its kind; `false` if it is not.
    fn take(&mut self, value: &Value) -> bool;

    /// The value of the option `name` that belongs to what is chosen here.
    fn inner(&self, _name: &str) -> Option<Value> {
        None
    }

    /// Changes the option `name` that belongs to what is chosen here; `false` if there is none.
    fn take_inner(&mut self, _name: &str, _value: &Value) -> bool {
        false
    }
}

/// The kind of a type's values.
pub trait Kinded: Setting {
    /// Kind of the type's values.
    const KIND: Kind;
    /// Whether the value may be `none`.
    const OPTIONAL: bool = false;

    /// Converts `value`; `None` if it is of another kind.
    fn read(value: &Value) -> Option<Self>
    where
        Self: Sized;

    /// The options that belong to its values.
    fn inner_options() -> Vec<super::table::Inner> {
        Vec::new()
    }
}

/// A choice among few, each with a name.
pub trait Named: Copy + PartialEq + 'static {
    /// Names and choices, in the order in which a help lists them.
    fn all() -> Vec<(&'static str, Self)>;
}

impl<T: Named> Setting for T {
    fn value(&self) -> Value {
        let all = T::all();
        let name = all.iter().find(|(_, choice)| choice == self);
        Value::Text(name.map_or("", |(name, _)| name).to_owned())
    }

    fn take(&mut self, value: &Value) -> bool {
        T::read(value).map(|choice| *self = choice).is_some()
    }
}

impl<T: Named> Kinded for T {
    const KIND: Kind = Kind::Name(|| T::all().into_iter().map(|(name, _)| name).collect());

    fn read(value: &Value) -> Option<T> {
        let mut all = T::all().into_iter();
        let found = all.find(|(name, _)| value.as_text() == Some(name));
        found.map(|(_, choice)| choice)
    }
}

/// Implements [`Named`] from a list.
macro_rules! named {
    ($Type:ty: $($name:literal $choice:ident),+) => {
        impl Named for $Type {
            fn all() -> Vec<(&'static str, Self)> {
                vec![$(($name, <$Type>::$choice)),+]
            }
        }
    };
}

named!(Scheme: "uniform" Uniform, "xavier" Xavier);
named!(Recurrent: "same" Same, "orthogonal" Orthogonal, "identity" Identity);
named!(Layout: "stream" Stream, "sentences" Sentences);
named!(LossNorm: "tokens" Tokens, "sequences" Sequences);
named!(Precision: "f32" F32, "bf16" Bf16);
named!(Activation: "sigmoid" Sigmoid, "tanh" Tanh, "relu" Relu);

impl Named for CellName {
    fn all() -> Vec<(&'static str, CellName)> {
        let names = Cell::names().into_iter();
        names
            .filter_map(|name| CellName::named(name).map(|cell| (name, cell)))
            .collect()
    }
}

/// Implements [`Setting`] and [`Kinded`] for a type by what it is as a value and what a value is as it.
macro_rules! setting {
    ($Type:ty, $kind:expr, |$this:ident| $value:expr, |$from:ident| $back:expr) => {
        impl Setting for $Type {
            fn value(&self) -> Value {
                let $this = self;
                $value
            }

            fn take(&mut self, value: &Value) -> bool {
                <$Type>::read(value).map(|read| *self = read).is_some()
            }
        }

        impl Kinded for $Type {
            const KIND: Kind = $kind;

            fn read($from: &Value) -> Option<$Type> {
                $back
            }
        }
    };
}

fn count<T: TryFrom<u64>>(value: &Value) -> Option<T> {
    match value {
        Value::Count(number) => T::try_from(*number).ok(),
        _ => None,
    }
}

/// TOML's integers have a sign, so a file could not hold more.
const MOST: u64 = i64::MAX as u64;

setting!(bool, Kind::Flag, |flag| Value::Flag(*flag), |value| {
    match value {
        Value::Flag(flag) => Some(*flag),
        _ => None,
    }
});
setting!(u64, Kind::Count(MOST), |n| Value::Count(*n), |v| count(v));
setting!(
    u32,
    Kind::Count(u32::MAX as u64),
    |n| Value::Count(u64::from(*n)),
    |v| count(v)
);
setting!(usize, Kind::Count(MOST), |n| Value::Count(*n as u64), |v| {
    count(v)
});
setting!(f64, Kind::Real, |x| Value::Real(*x), |v| v.as_real());
setting!(f32, Kind::Single, |x| Value::single(*x), |value| value
    .as_real()
    .map(|x| x as f32));
setting!(String, Kind::Text, |text| Value::Text(text.clone()), |v| v
    .as_text()
    .map(str::to_owned));
setting!(
    PathBuf,
    Kind::Directory,
    |path| Value::Text(path.to_string_lossy().into_owned()),
    |v| v.as_text().map(PathBuf::from)
);
setting!(
    Vec<f64>,
    Kind::Reals,
    |list| Value::List(list.iter().map(|x| Value::Real(*x)).collect()),
    |value| match value {
        Value::List(list) => list.iter().map(Value::as_real).collect(),
        _ => None,
    }
);
setting!(
    Sizes,
    Kind::Counts,
    |sizes| match sizes {
        Sizes::Same(size) => size.value(),
        Sizes::Each(sizes) => Value::List(sizes.iter().map(Setting::value).collect()),
    },
    |value| match value {
        Value::List(list) => list
            .iter()
            .map(count)
            .collect::<Option<_>>()
            .map(Sizes::Each),
        one => count(one).map(Sizes::Same),
    }
);
setting!(
    Bptt,
    Kind::CountOr("full"),
    |bptt| match bptt {
        Bptt::Steps(steps) => steps.value(),
        Bptt::Full => Value::Text("full".into()),
    },
    |value| match value.as_text() {
        Some("full") => Some(Bptt::Full),
        _ => count(value).map(Bptt::Steps),
    }
);
setting!(
    VocabKind,
    Kind::Notation(vocabulary),
    |kind| Value::Text(kind.name().into()),
    |value| value.as_text().and_then(|name| name.parse().ok())
);
setting!(
    Decay,
    Kind::Notation(|text, _| text.parse::<Decay>().map(|decay| decay.to_string())),
    |decay| Value::Text(decay.to_string()),
    |value| value.as_text().and_then(|text| text.parse().ok())
);
setting!(
    Scales,
    Kind::Notation(|text, _| text.parse::<Scales>().map(|scales| scales.to_string())),
    |scales| Value::Text(scales.to_string()),
    |value| value.as_text().and_then(|text| text.parse().ok())
);

/// A kind of vocabulary, or `bpe:N`, which [`super::Choices`] takes apart.
fn vocabulary(text: &str, source: Source) -> Result<String, String> {
    let (name, entries) = match text.split_once(':') {
        None => (text, None),
        Some((name, entries)) => (name, Some(entries)),
    };
    let kind: VocabKind = name
        .parse()
        .map_err(|error: elman_text::TextError| error.to_string())?;
    match (kind, entries) {
        (VocabKind::Foreign, _) if source == Source::Person => {
            Err("a tokenizer.json of another program is a file, not a kind of vocabulary".into())
        }
        (_, None) => Ok(text.to_owned()),
        (VocabKind::Bpe, Some(entries)) => match entries.parse::<u64>() {
            Ok(_) => Ok(text.to_owned()),
            Err(_) => Err(format!(
                "'{entries}' is not a number of entries; write, for example, bpe:8000"
            )),
        },
        (kind, Some(_)) => Err(format!(
            "{kind} takes no number; `max-vocab` limits its entries"
        )),
    }
}

impl<T: Kinded> Setting for Option<T> {
    fn value(&self) -> Value {
        self.as_ref().map_or(Value::None, Setting::value)
    }

    fn take(&mut self, value: &Value) -> bool {
        Self::read(value).map(|read| *self = read).is_some()
    }
}

impl<T: Kinded> Kinded for Option<T> {
    const KIND: Kind = T::KIND;
    const OPTIONAL: bool = true;

    fn read(value: &Value) -> Option<Option<T>> {
        match value {
            Value::None => Some(None),
            value => T::read(value).map(Some),
        }
    }
}
