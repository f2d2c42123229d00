//! Recurrent cells: the equations of one hidden unit, forward and backward, and the list of all cells.
//!
//! A cell says what one unit does in one time step; [`Equations`] is all that it has to implement.
//! The time loop, the matrix products, threads, vector instructions and memory belong to
//! [`crate::recurrence`], which is written once for every cell.
//!
//! A new cell is a file beside `lstm.rs` and an entry in [`Cell::ALL`].

mod elman;
mod gru;
mod lstm;
mod number;

pub use elman::Elman;
pub use gru::Gru;
pub use lstm::Lstm;
pub use number::Number;
pub(crate) use number::Units;

use crate::cpu::Cpu;
use crate::recurrence::{BackwardRow, BackwardWindow, ForwardWindow, Recurrence, TimeLoop};
use std::fmt;

/// The nonlinearity of a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    Sigmoid,
    Tanh,
    Relu,
}

impl Activation {
    /// All activations.
    pub const ALL: [Activation; 3] = [Activation::Sigmoid, Activation::Tanh, Activation::Relu];

    /// The name in commands and files.
    pub fn name(self) -> &'static str {
        match self {
            Activation::Sigmoid => "sigmoid",
            Activation::Tanh => "tanh",
            Activation::Relu => "relu",
        }
    }

    /// The activation called `name`, if there is one.
    pub fn named(name: &str) -> Option<Activation> {
        Activation::ALL.into_iter().find(|act| act.name() == name)
    }

    /// y = φ(x).
    #[inline(always)]
    pub fn apply<N: Number>(self, x: N) -> N {
        match self {
            Activation::Sigmoid => x.sigmoid(),
            Activation::Tanh => x.tanh(),
            Activation::Relu => x.relu(),
        }
    }

    /// d · φ′(x), computed from y = φ(x): φ′ is y(1 − y) for σ, 1 − y² for tanh, [y > 0] for ReLU.
    #[inline(always)]
    pub fn backward<N: Number>(self, y: N, d: N) -> N {
        match self {
            Activation::Sigmoid => d * (y * (N::constant(1.0) - y)),
            Activation::Tanh => d * y.neg_mul_add(y, N::constant(1.0)),
            Activation::Relu => y.where_positive(d),
        }
    }
}

/// One gate of a cell: a block of H rows in the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gate {
    /// The letter that the literature gives it.
    pub name: &'static str,
    /// What is applied to its pre-activation.
    pub activation: Activation,
}

/// The equations of a recurrent cell for one hidden unit in one time step.
///
/// `G` is the number of gates and `S` the number of vectors in the state: 1 for h alone, 2 for h and
/// a memory cell c. Mark both methods `#[inline(always)]`: they are compiled into the time loop of
/// every instruction set.
pub trait Equations<const G: usize, const S: usize>: Copy + Send + Sync + 'static {
    /// The name in commands and files.
    const NAME: &'static str;
    /// The last gate's recurrent product W_h h_{t−1} has a bias of its own and is not added to its
    /// input product, but given to [`forward`](Equations::forward) as `q` (the reset gate of the GRU).
    const SEPARATE: bool = false;
    /// h_{t−1} reaches the new state only through W_h, so that the gradient that
    /// [`backward`](Equations::backward) returns for it is zero.
    const THROUGH_WEIGHTS_ONLY: bool = false;
    /// The single gate is the new h, so that both share memory.
    const GATE_IS_OUTPUT: bool = false;

    /// The gates in the order in which their weights are stacked.
    fn gates(&self) -> [Gate; G];

    /// From the pre-activations z and the state before the step to the gates and the new state.
    fn forward<N: Number>(
        &self,
        step: Forward<N, G, S>,
    ) -> (/* gates */ [N; G], /* state */ [N; S]);

    /// From the gradient at the new state to the gradients at what [`forward`](Equations::forward) read.
    fn backward<N: Number>(&self, step: Backward<N, G, S>) -> Gradients<N, G, S>;
}

/// What a unit reads in a forward step.
#[derive(Clone, Copy)]
pub struct Forward<N, const G: usize, const S: usize> {
    /// W_x x_t + b + W_h h_{t−1} of every gate; without the recurrent part for the last gate of a
    /// cell that is [`SEPARATE`](Equations::SEPARATE).
    pub z: [N; G],
    /// The recurrent part of that gate, its bias included; zero for other cells.
    pub q: N,
    /// The state before the step, h first.
    pub before: [N; S],
}

/// What a unit reads in a backward step.
#[derive(Clone, Copy)]
pub struct Backward<N, const G: usize, const S: usize> {
    /// The gates that the forward step returned.
    pub gates: [N; G],
    /// As in [`Forward`].
    pub q: N,
    /// The state before the step, h first.
    pub before: [N; S],
    /// The state after the step.
    pub after: [N; S],
    /// The gradient at the state after the step.
    pub d_after: [N; S],
}

/// The gradients of a backward step.
#[derive(Clone, Copy)]
pub struct Gradients<N, const G: usize, const S: usize> {
    /// At the pre-activations z.
    pub dz: [N; G],
    /// At q; zero for a cell that is not [`SEPARATE`](Equations::SEPARATE).
    pub dq: N,
    /// At the state before the step, without what passes through W_h.
    pub d_before: [N; S],
}

/// A recurrent cell.
#[derive(Clone, Copy)]
pub struct Cell(&'static dyn Recurrence);

impl Cell {
    /// All cells.
    pub const ALL: [Cell; 5] = [
        Cell(&TimeLoop(Elman(Activation::Sigmoid))),
        Cell(&TimeLoop(Elman(Activation::Tanh))),
        Cell(&TimeLoop(Elman(Activation::Relu))),
        Cell::LSTM,
        Cell::GRU,
    ];

    /// Long short-term memory.
    pub const LSTM: Cell = Cell(&TimeLoop(Lstm));

    /// The gated recurrent unit.
    pub const GRU: Cell = Cell(&TimeLoop(Gru));

    /// The simple recurrent cell with this activation.
    pub const fn elman(activation: Activation) -> Cell {
        match activation {
            Activation::Sigmoid => Cell::ALL[0],
            Activation::Tanh => Cell::ALL[1],
            Activation::Relu => Cell::ALL[2],
        }
    }

    /// The cell called `name`, with this activation if it has a choice. `None` if there is no such cell, or
    /// no activation for one that needs it.
    pub fn named(name: &str, activation: Option<Activation>) -> Option<Cell> {
        let wanted = |cell: &Cell| {
            cell.name() == name && (cell.activation().is_none() || cell.activation() == activation)
        };
        Cell::ALL.into_iter().find(wanted)
    }

    /// The names of all cells, each once.
    pub fn names() -> Vec<&'static str> {
        let mut names = Cell::ALL.map(Cell::name).to_vec();
        names.dedup();
        names
    }

    /// The name in commands and files.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// Gates stacked along the first axis of a weight, G.
    pub fn gates(self) -> usize {
        self.0.gates().len()
    }

    /// Name and activation of every gate, in the order of the weights.
    pub fn gate_list(self) -> Vec<Gate> {
        self.0.gates()
    }

    /// The activation of a cell whose only gate is its output, which can be chosen.
    pub fn activation(self) -> Option<Activation> {
        self.gate_is_output().then(|| self.0.gates()[0].activation)
    }

    /// Where the gate called `name` is among the gates.
    pub fn gate(self, name: &str) -> Option<usize> {
        self.0.gates().iter().position(|gate| gate.name == name)
    }

    /// Vectors in the state of a layer: 1 for h alone, 2 for h and c.
    pub fn states(self) -> usize {
        self.0.states()
    }

    /// Whether the state has a memory cell c beside h.
    pub fn has_memory_cell(self) -> bool {
        self.states() == 2
    }

    /// Whether the last gate's recurrent product is kept apart and has a bias, see [`Equations::SEPARATE`].
    pub fn is_separate(self) -> bool {
        self.0.is_separate()
    }

    /// Whether the only gate is the new h, see [`Equations::GATE_IS_OUTPUT`].
    pub fn gate_is_output(self) -> bool {
        self.0.gate_is_output()
    }

    /// Runs the T steps of a window of B sequences, the first step first.
    pub fn forward(self, cpu: &Cpu, window: ForwardWindow) {
        self.0.forward(cpu, window);
    }

    /// Runs the gradient through the T steps of a window, the last step first.
    pub fn backward(self, cpu: &Cpu, window: BackwardWindow) {
        self.0.backward(cpu, window);
    }

    /// Runs one backward step of the H units of one sequence, in f64 and without the recurrent product.
    pub fn backward_row(self, row: BackwardRow) {
        self.0.backward_row(row);
    }
}

impl PartialEq for Cell {
    fn eq(&self, other: &Cell) -> bool {
        self.name() == other.name() && self.activation() == other.activation()
    }
}

impl Eq for Cell {}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// For people: `lstm`, or `elman (tanh)`.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.activation() {
            Some(activation) => write!(f, "{} ({})", self.name(), activation.name()),
            None => f.write_str(self.name()),
        }
    }
}
