//! The sizes of a network, and the numbers and bytes that follow from them.
//!
//! Capitals of the literature: V vocabulary, E embedding, H hidden, L layers, G gates, B lanes,
//! T time steps. This module alone knows what anything costs.

mod plan;
mod room;
mod sizes;
mod window;

pub use elman_kernels::{Activation, Cell};
pub use plan::{
    Kept, Slots, TrainPlan, drawing_bytes, inference_bytes, largest, packed_forward_bytes,
};
pub use plan::{LOOK_LANES, LOOK_STEPS, look_bytes};
pub use room::Room;
pub use sizes::Sizes;
pub use window::WindowPlan;

/// Every tensor of an arena starts on a cache line, of so many numbers.
pub(crate) const TENSOR_ALIGN: usize = 16;

/// The sizes of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dims {
    pub cell: Cell,
    /// V
    pub vocab: usize,
    /// E
    pub embed: usize,
    /// H of every layer, from below; at least one.
    pub hidden: Vec<usize>,
    /// W_S is the embedding table. Where E is not the H of the top layer, a projection (E, H) stands between.
    pub tied: bool,
}

impl Dims {
    /// L
    pub fn layers(&self) -> usize {
        self.hidden.len()
    }

    /// Width of the input of layer `k`; for k = L, of what comes out of the top layer.
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

    /// Width of what W_S is multiplied with.
    pub fn output(&self) -> usize {
        if self.tied { self.embed } else { self.top() }
    }

    /// Whether a projection takes the top layer's width to that of the tied table.
    pub fn projected(&self) -> bool {
        self.output() != self.top()
    }

    /// The H of all layers together.
    pub fn units(&self) -> usize {
        self.hidden.iter().sum()
    }

    /// Every width that something in the network has which is multiplied with weights, once, ascending.
    pub fn widths(&self) -> Vec<usize> {
        let mut widths = self.hidden.clone();
        widths.push(self.embed);
        widths.sort_unstable();
        widths.dedup();
        widths
    }

    /// The largest of [`Dims::widths`].
    pub fn widest(&self) -> usize {
        self.hidden.iter().fold(self.embed, |most, h| most.max(*h))
    }

    /// The network for people: `lstm 2×650`.
    pub fn architecture(&self) -> String {
        format!("{} {}", self.cell, self.shape())
    }

    /// The layers for people: `2×200`, or `1150,1150,400`.
    pub fn shape(&self) -> String {
        match Sizes::describing(&self.hidden) {
            Sizes::Same(size) => format!("{}×{size}", self.layers()),
            sizes => format!("{sizes}"),
        }
    }

    /// Numbers that one lane carries from step to step: h of every layer, and c for a cell that has one.
    pub fn state_len(&self) -> usize {
        self.cell.states() * self.units()
    }

    /// Numbers that the layers keep of a window of `rows` rows (t, lane) and `lanes` lanes, see `net::tape`; in training
    /// also for the backward pass.
    fn layer_numbers(&self, rows: u128, lanes: u128, training: bool) -> u128 {
        let (cell, gates) = (self.cell, self.cell.gates() as u128);
        let gate_copies =
            u128::from(!cell.gate_is_output()) + u128::from(cell.is_separate() && training);
        let per_row = gates * gate_copies + u128::from(cell.is_separate());
        let states = cell.states() as u128 * (rows + lanes);
        (rows * per_row + states) * self.units() as u128
    }
}

/// Numbers in the file of a model of these sizes, both biases of every layer included; wide, because
/// the sizes may come from a file that lies.
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

/// Weights that a token is multiplied with: those of inputs, states, projection and output layer, without biases. Nothing is
/// multiplied with the embedding table, unless it is the output layer's too.
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

/// Rows of logits that are in memory at a time of `rows` rows: blocks of about the same size, of whole pairs of
/// rows, since bf16 multiplies them together.
pub fn logit_rows(rows: usize) -> usize {
    let blocks = rows.div_ceil(LOGIT_ROWS).max(1);
    rows.div_ceil(blocks).next_multiple_of(2).min(rows)
}
