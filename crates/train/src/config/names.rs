//! Choices by the names that they have in a configuration file and on the command line.

use elman_kernels::{Format, Isa};
use elman_net::dims::{Activation, Cell};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The recurrent cell by name, one of [`Cell::names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellName(&'static str);

impl CellName {
    pub const ELMAN: CellName = CellName("elman");
    pub const LSTM: CellName = CellName("lstm");
    pub const GRU: CellName = CellName("gru");

    /// The cell, with this activation if it has a choice.
    pub fn cell(self, activation: Activation) -> Cell {
        Cell::named(self.0, Some(activation)).expect("the name is one of `Cell::names`")
    }
}

impl From<Cell> for CellName {
    fn from(cell: Cell) -> CellName {
        CellName(cell.name())
    }
}

impl Serialize for CellName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for CellName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<CellName, D::Error> {
        let name = String::deserialize(deserializer)?;
        let names = Cell::names();
        match names.iter().find(|known| **known == name) {
            Some(known) => Ok(CellName(known)),
            None => Err(serde::de::Error::custom(format!(
                "unknown cell '{name}'; expected one of {}",
                names.join(", ")
            ))),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerName {
    Sgd,
    Adam,
    Adamw,
    #[serde(rename = "rmsprop")]
    RmsProp,
    Adagrad,
}

/// Arithmetic of the products; weights, moments and everything else are f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// The same bits on every machine.
    F32,
    /// Operands rounded to bf16, sums in f32; the same bits on the same instruction set.
    Bf16,
}

impl Precision {
    /// What a CPU with the instructions `isa` is fastest with.
    pub fn fastest(isa: Isa) -> Precision {
        match isa.prefers_bf16() {
            true => Precision::Bf16,
            false => Precision::F32,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::Bf16 => "bf16",
        }
    }

    /// How operands of products are kept.
    pub fn format(self) -> Format {
        match self {
            Precision::F32 => Format::F32,
            Precision::Bf16 => Format::Bf16,
        }
    }
}

/// How far the gradient reaches back: a number of steps, or the whole text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BpttText", into = "BpttText")]
pub enum Bptt {
    Steps(usize),
    Full,
}

/// `35` or `"full"` in a configuration file.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum BpttText {
    Steps(usize),
    Name(String),
}

impl TryFrom<BpttText> for Bptt {
    type Error = String;
    fn try_from(text: BpttText) -> std::result::Result<Bptt, String> {
        match text {
            BpttText::Steps(n) => Ok(Bptt::Steps(n)),
            BpttText::Name(name) => name.parse(),
        }
    }
}

impl From<Bptt> for BpttText {
    fn from(bptt: Bptt) -> BpttText {
        match bptt {
            Bptt::Steps(n) => BpttText::Steps(n),
            Bptt::Full => BpttText::Name("full".into()),
        }
    }
}

impl std::str::FromStr for Bptt {
    type Err = String;
    fn from_str(text: &str) -> std::result::Result<Bptt, String> {
        if text == "full" {
            return Ok(Bptt::Full);
        }
        text.parse()
            .map(Bptt::Steps)
            .map_err(|_| format!("'{text}' is neither a number of steps nor 'full'"))
    }
}

/// The activation by its name; the kernels' type knows no serialisation.
pub(super) mod activation {
    use super::Activation;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(a: &Activation, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(a.name())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Activation, D::Error> {
        let name = String::deserialize(d)?;
        Activation::named(&name).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "unknown activation '{name}'; expected sigmoid, tanh or relu"
            ))
        })
    }
}
