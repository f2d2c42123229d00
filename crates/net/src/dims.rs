//! The sizes of a network, and the numbers and bytes that follow from them.
//!
//! Capitals of the literature: V vocabulary, E embedding, H hidden, L layers, G gates, B batch size, T time steps.
//! This module alone computes the number of parameters and the memory of a network.

mod capacity;
mod plan;
mod sizes;
mod window;

pub use capacity::Capacity;
pub use elman_kernels::{Activation, Cell};
pub use plan::{
    OptimizerBuffers, TrainPlan, TrainingBuffers, drawing_bytes, inference_bytes, largest,
    packed_forward_bytes,
};
pub use plan::{PROBE_SEQUENCES, PROBE_STEPS, probe_bytes};
pub use sizes::Sizes;
pub use window::WindowPlan;

/// Numbers in a cache line, at whose beginning every tensor of an arena starts.
pub(crate) const TENSOR_ALIGN: usize = 16;

/// Sizes of a network: vocabulary, embedding, hidden layers, and whether its tables are tied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dims {
    /// Kind of recurrent cell, the same in every layer.
    pub cell: Cell,
    /// V: number of tokens in the vocabulary.
    pub vocab: usize,
    /// E: width of the embedding.
    pub embed: usize,
    /// H: number of hidden units of every layer, from below; at least one layer.
    pub hidden: Vec<usize>,
    /// Whether the output weights W_S are the embedding table.
    ///
    /// A projection (E, H) precedes the output layer if E differs from the H of the top layer.
    pub tied: bool,
}

impl Dims {
    /// L: number of recurrent layers.
    pub fn layers(&self) -> usize {
        self.hidden.len()
    }

    /// Width of the input of layer `k`, counted from 0; for k = L, the width of the top layer's output.
    pub fn input(&self, k: usize) -> usize {
        if k == 0 {
            self.embed
        } else {
            self.hidden[k - 1]
        }
    }

    /// H of the top layer.
    pub fn top(&self) -> usize {
        self.input(self.layers())
    }

    /// Width of the input of the output layer: E if the tables are tied, otherwise the H of the top layer.
    pub fn output(&self) -> usize {
        if self.tied { self.embed } else { self.top() }
    }

    /// Whether a projection precedes the output layer: the tables are tied, and E differs from the H of the top
    /// layer.
    pub fn projected(&self) -> bool {
        self.output() != self.top()
    }

    /// Number of hidden units of all layers together.
    pub fn units(&self) -> usize {
        self.hidden.iter().sum()
    }

    /// All different widths of vectors that are multiplied with weights, ascending.
    pub fn widths(&self) -> Vec<usize> {
        let mut widths = self.hidden.clone();
        widths.push(self.embed);
        widths.sort_unstable();
        widths.dedup();
        widths
    }

    /// Largest of [`Dims::widths`].
    pub fn widest(&self) -> usize {
        self.hidden.iter().fold(self.embed, |most, h| most.max(*h))
    }

    /// Short description of the network, such as `lstm 2×650`.
    pub fn architecture(&self) -> String {
        format!("{} {}", self.cell, self.shape())
    }

    /// Short description of the layers, such as `2×200`, or `1150,1150,400` where they differ.
    pub fn shape(&self) -> String {
        match Sizes::describing(&self.hidden) {
            Sizes::Same(size) => format!("{}×{size}", self.layers()),
            sizes => format!("{sizes}"),
        }
    }

    /// Numbers in the recurrent state of one sequence: h of every layer, and c for cells with a memory cell.
    pub fn state_len(&self) -> usize {
        self.cell.states() * self.units()
    }

    /// Numbers that the layers keep of a window of `rows` rows (t, sequence) and `batch_size` sequences, see `net::tape`; in training
    /// also for the backward pass.
    fn layer_numbers(&self, rows: u128, batch_size: u128, training: bool) -> u128 {
        let (cell, gates) = (self.cell, self.cell.gates() as u128);
        let gate_copies =
            u128::from(!cell.gate_is_output()) + u128::from(cell.is_separate() && training);
        let per_row = gates * gate_copies + u128::from(cell.is_separate());
        let states = cell.states() as u128 * (rows + batch_size);
        (rows * per_row + states) * self.units() as u128
    }
}

/// Numbers that the file of a model of these sizes holds, both biases of every layer included.
///
/// The result is `u128`, because the sizes may come from a damaged file.
pub fn file_numbers(dims: &Dims) -> u128 {
    let of = |n: usize| n as u128;
    let (v, e, gates) = (of(dims.vocab), of(dims.embed), of(dims.cell.gates()));
    let layer = |k| {
        let h = of(dims.hidden[k]);
        gates * h * (of(dims.input(k)) + h + 2)
    };
    let layers: u128 = (0..dims.layers()).map(layer).sum();
    let projection = if dims.projected() {
        e * of(dims.top())
    } else {
        0
    };
    let table = if dims.tied { 0 } else { v * of(dims.top()) };
    v * e + layers + projection + table + v
}

/// Number of weights that a token is multiplied with: inputs, states, projection and output layer, without biases.
///
/// The embedding table counts only where it is also the output layer's.
pub fn matrix_parameters(dims: &Dims) -> u64 {
    let gates = dims.cell.gates();
    let layer = |k| gates * dims.hidden[k] * (dims.input(k) + dims.hidden[k]);
    let layers = (0..dims.layers()).map(layer).sum::<usize>();
    let projection = match dims.projected() {
        true => dims.output() * dims.top(),
        false => 0,
    };
    (layers + projection + dims.vocab * dims.output()) as u64
}

/// Most rows of logits that are in memory at a time. Smaller blocks re-read the gradient of `w_s` too
/// often, larger ones leave the cache; the bits do not depend on it.
const LOGIT_ROWS: usize = 384;

/// Rows of a block of logits for a window of `rows` rows; only one block is in memory at a time.
///
/// Blocks have about the same size, at most 384 rows, and an even number of rows, because bf16 multiplies rows in
/// pairs.
pub(crate) fn logit_rows(rows: usize) -> usize {
    let blocks = rows.div_ceil(LOGIT_ROWS).max(1);
    rows.div_ceil(blocks).next_multiple_of(2).min(rows)
}
