//! Choices by the names that they have in a configuration file and on the command line.

use elman_kernels::{Format, Isa};
use elman_net::dims::{Activation, Cell};

/// The recurrent cell by name, one of [`Cell::names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellName(&'static str);

impl CellName {
    /// The cell of Elman (1990), with an activation of choice.
    pub const ELMAN: CellName = CellName("elman");
    /// Long short-term memory (Hochreiter and Schmidhuber 1997).
    pub const LSTM: CellName = CellName("lstm");
    /// Gated recurrent unit (Cho et al. 2014).
    pub const GRU: CellName = CellName("gru");

    /// The cell called `name`, if there is one.
    pub fn named(name: &str) -> Option<CellName> {
        let mut names = Cell::names().into_iter();
        names.find(|known| *known == name).map(CellName)
    }

    /// The name.
    pub fn name(self) -> &'static str {
        self.0
    }

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

/// Arithmetic of the products; weights, moments and everything else are f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// 32-bit floats, which give equal bits on every machine.
    F32,
    /// Operands rounded to bf16, sums in f32; the same bits on the same instruction set.
    Bf16,
}

impl Precision {
    /// Returns the precision that trains fastest with the instruction set `isa`.
    pub fn fastest(isa: Isa) -> Precision {
        match isa.prefers_bf16() {
            true => Precision::Bf16,
            false => Precision::F32,
        }
    }

    /// Name of the precision in a configuration: `f32` or `bf16`.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bptt {
    /// A fixed number of steps.
    Steps(usize),
    /// To the beginning of the text.
    Full,
}
