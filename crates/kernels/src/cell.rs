//! Recurrent cells: the equations of one hidden unit, forward and backward, and the list of all cells.
//!
//! A cell says what one unit does in one time step; [`Equations`] is all that it has to implement.
//! The time loop, the matrix products, threads, vector instructions and memory belong to
//! the module `recurrence`, which is written once for every cell.
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

/// Activation function of a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Logistic function σ(x) = 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// Rectifier max(x, 0).
    Relu,
}

impl Activation {
    /// All activations.
    pub const ALL: [Activation; 3] = [Activation::Sigmoid, Activation::Tanh, Activation::Relu];

    /// Name on the command line and in files: `sigmoid`, `tanh` or `relu`.
    pub fn name(self) -> &'static str {
        match self {
            Activation::Sigmoid => "sigmoid",
            Activation::Tanh => "tanh",
            Activation::Relu => "relu",
        }
    }

    /// Finds the activation called `name`.
    pub fn named(name: &str) -> Option<Activation> {
        Activation::ALL.into_iter().find(|act| act.name() == name)
    }

    /// Computes y = φ(x).
    #[inline(always)]
    pub fn apply<N: Number>(self, x: N) -> N {
        match self {
            Activation::Sigmoid => x.sigmoid(),
            Activation::Tanh => x.tanh(),
            Activation::Relu => x.relu(),
        }
    }

    /// Computes d · φ′(x) from y = φ(x): φ′ is y(1 − y) for σ, 1 − y² for tanh, 1 for ReLU where y > 0.
    #[inline(always)]
    pub fn backward<N: Number>(self, y: N, d: N) -> N {
        match self {
            Activation::Sigmoid => d * (y * (N::constant(1.0) - y)),
            Activation::Tanh => d * y.neg_mul_add(y, N::constant(1.0)),
            Activation::Relu => y.where_positive(d),
        }
    }
}

/// Gate of a cell: a block of H rows in the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Letter of the gate in the literature, such as `f`; `h` where the gate is the output.
    pub name: &'static str,
    /// Activation of the gate's pre-activation.
    pub activation: Activation,
}

/// The equations of a recurrent cell for one hidden unit in one time step.
///
/// `G` is the number of gates and `S` the number of vectors in the state: 1 for h alone, 2 for h and
/// a memory cell c. Mark both methods `#[inline(always)]`: they are compiled into the time loop of
/// every instruction set.
pub trait Equations<const G: usize, const S: usize>: Copy + Send + Sync + 'static {
    /// Name of the cell on the command line and in files.
    const NAME: &'static str;
    /// Whether the last gate's recurrent product W_h h_{t−1} is kept apart and has a bias of its own (GRU).
    ///
    /// It is then not added to the gate's input product but passed to [`forward`](Equations::forward) as `q`.
    const SEPARATE: bool = false;
    /// Whether h_{t−1} reaches the new state only through W_h (Elman, LSTM).
    ///
    /// The gradient that [`backward`](Equations::backward) returns for h_{t−1} is then zero.
    const THROUGH_WEIGHTS_ONLY: bool = false;
    /// Whether the single gate is the new h, so that both share memory (Elman).
    const GATE_IS_OUTPUT: bool = false;

    /// Gates in the order in which their weights are stacked.
    fn gates(&self) -> [Gate; G];

    /// Computes the gates and the new state from the pre-activations z and the state before the step.
    fn forward<N: Number>(
        &self,
        step: Forward<N, G, S>,
    ) -> (/* gates */ [N; G], /* state */ [N; S]);

    /// Computes the gradients at the inputs of [`forward`](Equations::forward) from the gradient at the new state.
    fn backward<N: Number>(&self, step: Backward<N, G, S>) -> Gradients<N, G, S>;
}

/// Inputs of one unit in a forward step.
#[derive(Clone, Copy)]
pub struct Forward<N, const G: usize, const S: usize> {
    /// Pre-activation of every gate, W_x x_t + b + W_h h_{t−1}.
    ///
    /// The last gate of a cell that is [`SEPARATE`](Equations::SEPARATE) has no recurrent part here.
    pub z: [N; G],
    /// Recurrent part of the last gate of a separate cell, its bias included; zero for other cells.
    pub q: N,
    /// State before the step, h first.
    pub before: [N; S],
}

/// Inputs of one unit in a backward step.
#[derive(Clone, Copy)]
pub struct Backward<N, const G: usize, const S: usize> {
    /// Gates that the forward step returned.
    pub gates: [N; G],
    /// Recurrent part of the last gate, [`Forward::q`].
    pub q: N,
    /// State before the step, h first.
    pub before: [N; S],
    /// State after the step, h first.
    pub after: [N; S],
    /// Gradient at the state after the step.
    pub d_after: [N; S],
}

/// Gradients that a backward step of one unit returns.
#[derive(Clone, Copy)]
pub struct Gradients<N, const G: usize, const S: usize> {
    /// Gradient at the pre-activations z.
    pub dz: [N; G],
    /// Gradient at q; zero for a cell that is not [`SEPARATE`](Equations::SEPARATE).
    pub dq: N,
    /// Gradient at the state before the step, without the part that passes through W_h.
    pub d_before: [N; S],
}

/// Kind of recurrent cell: Elman, LSTM or GRU. A small value that refers to the cell's time loop.
#[derive(Clone, Copy)]
pub struct Cell(&'static dyn Recurrence);

impl Cell {
    /// All cells, the Elman cell once for each activation.
    pub const ALL: [Cell; 5] = [
        Cell(&TimeLoop(Elman(Activation::Sigmoid))),
        Cell(&TimeLoop(Elman(Activation::Tanh))),
        Cell(&TimeLoop(Elman(Activation::Relu))),
        Cell::LSTM,
        Cell::GRU,
    ];

    /// Long short-term memory (Hochreiter and Schmidhuber 1997).
    pub const LSTM: Cell = Cell(&TimeLoop(Lstm));

    /// Gated recurrent unit (Cho et al. 2014).
    pub const GRU: Cell = Cell(&TimeLoop(Gru));

    /// Elman cell (simple recurrent network) with this activation.
    pub const fn elman(activation: Activation) -> Cell {
        match activation {
            Activation::Sigmoid => Cell::ALL[0],
            Activation::Tanh => Cell::ALL[1],
            Activation::Relu => Cell::ALL[2],
        }
    }

    /// Finds the cell called `name`, with `activation` if the cell has a choice.
    ///
    /// Returns `None` if there is no such cell, or no activation for a cell that needs one.
    pub fn named(name: &str, activation: Option<Activation>) -> Option<Cell> {
        let wanted = |cell: &Cell| {
            cell.name() == name && (cell.activation().is_none() || cell.activation() == activation)
        };
        Cell::ALL.into_iter().find(wanted)
    }

    /// Names of all cells, each once.
    pub fn names() -> Vec<&'static str> {
        let mut names = Cell::ALL.map(Cell::name).to_vec();
        names.dedup();
        names
    }

    /// Name on the command line and in files: `elman`, `lstm` or `gru`.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// G: number of gates, which are stacked along the first axis of a weight.
    pub fn gates(self) -> usize {
        self.0.gates().len()
    }

    /// Name and activation of every gate, in the order of the weights.
    pub fn gate_list(self) -> Vec<Gate> {
        self.0.gates()
    }

    /// Activation of a cell whose only gate is its output; `None` for cells without a choice of activation.
    pub fn activation(self) -> Option<Activation> {
        self.gate_is_output().then(|| self.0.gates()[0].activation)
    }

    /// Index of the gate called `name`, in the order of the weights.
    pub fn gate(self, name: &str) -> Option<usize> {
        self.0.gates().iter().position(|gate| gate.name == name)
    }

    /// Number of vectors in the state of a layer: 1 for h alone, 2 for h and c.
    pub fn states(self) -> usize {
        self.0.states()
    }

    /// Whether the state has a memory cell c beside h (LSTM).
    pub fn has_memory_cell(self) -> bool {
        self.states() == 2
    }

    /// Whether the last gate's recurrent product is kept apart and has a bias (GRU); see [`Equations::SEPARATE`].
    pub fn is_separate(self) -> bool {
        self.0.is_separate()
    }

    /// Whether the only gate is the new h (Elman); see [`Equations::GATE_IS_OUTPUT`].
    pub fn gate_is_output(self) -> bool {
        self.0.gate_is_output()
    }

    /// Runs the T steps of a window of B sequences, from the first step to the last.
    pub fn forward(self, cpu: &Cpu, window: ForwardWindow) {
        self.0.forward(cpu, window);
    }

    /// Propagates the gradient through the T steps of a window, from the last step to the first.
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
