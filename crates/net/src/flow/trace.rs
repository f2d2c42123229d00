//! What a window leaves behind, in f64: the point at which everything is differentiated.
//!
//! The numbers are those of the program's own forward pass, widened. f64 arithmetic from there on has eight digits to
//! spare, so what is measured is the network and not rounding.

use crate::dims::Cell;
use crate::{Network, Params, Tape};

/// Hidden states that are not finite, so that there is nothing to differentiate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the hidden states overflow, so there is nothing to differentiate: the recurrent weights are far too large; look at fewer steps, or scale the weights down"
)]
pub struct Overflow;

/// The matrices of one recurrent layer.
#[derive(Clone, Debug)]
pub struct LayerWeights {
    pub cell: Cell,
    /// Width of its input.
    pub input: usize,
    /// H
    pub hidden: usize,
    /// (G·H, in)
    pub w_x: Vec<f64>,
    /// (G·H, H)
    pub w_h: Vec<f64>,
    /// (H, G·H): `w_h` transposed.
    pub w_h_t: Vec<f64>,
}

impl LayerWeights {
    /// From `w_x` (G·H, in) and `w_h` (G·H, H).
    pub fn new(cell: Cell, hidden: usize, w_x: Vec<f64>, w_h: Vec<f64>) -> LayerWeights {
        let rows = cell.gates() * hidden;
        assert!(w_h.len() == rows * hidden && w_x.len().is_multiple_of(rows));
        LayerWeights {
            cell,
            input: w_x.len() / rows,
            hidden,
            w_h_t: transposed(&w_h, hidden),
            w_x,
            w_h,
        }
    }

    /// Copies the matrices of every layer, from below.
    pub fn of(network: &Network, params: &Params) -> Vec<LayerWeights> {
        let layout = network.layout();
        let cell = network.dims().cell;
        let layer = |k: usize| {
            let find = |name: &str| layout.find(&format!("rnn.{name}_l{k}"));
            let (w_x, w_h) = (find("weight_ih")?, find("weight_hh")?);
            let hidden = layout.tensor(w_h).shape[1];
            let (w_x, w_h) = (widened(&params[w_x]), widened(&params[w_h]));
            Some(LayerWeights::new(cell, hidden, w_x, w_h))
        };
        (0..).map_while(layer).collect()
    }

    /// G·H
    pub fn gate_rows(&self) -> usize {
        self.cell.gates() * self.hidden
    }

    /// Numbers of a state: h, and c for a cell that has one.
    pub fn state(&self) -> usize {
        self.cell.states() * self.hidden
    }
}

/// The activations of one layer in a window.
#[derive(Clone, Debug, Default)]
pub struct LayerTrace {
    /// (T+1, B, H): before the window first.
    pub h: Vec<f64>,
    /// (T+1, B, H), likewise (LSTM).
    pub c: Vec<f64>,
    /// (T, B, G·H): the gates after their activations ; empty if the gate is the output (Elman).
    pub gates: Vec<f64>,
    /// (T, B, H): W_hn h_{t−1} + b_hn (GRU).
    pub q: Vec<f64>,
}

/// The activations of a window of T steps and B lanes.
#[derive(Clone, Debug)]
pub struct Trace {
    /// T
    pub steps: usize,
    /// B
    pub lanes: usize,
    /// (T, B, E): the embedded inputs.
    pub x: Vec<f64>,
    pub layers: Vec<LayerTrace>,
}

impl Trace {
    /// Copies what the last forward pass, over `steps` steps without dropout, left in the tape.
    ///
    /// Errors: hidden states that overflowed.
    pub fn record(layers: &[LayerWeights], tape: &Tape, steps: usize) -> Result<Trace, Overflow> {
        let (lanes, rows) = (tape.lanes, steps * tape.lanes);
        let layer = |(weights, tape): (&LayerWeights, &crate::tape::LayerTape)| {
            let (hidden, states) = (weights.hidden, (rows + lanes) * weights.hidden);
            let part = |slot: &[f32], len: usize| widened(&slot[..len.min(slot.len())]);
            LayerTrace {
                h: part(&tape.h, states),
                c: part(&tape.c, states),
                gates: part(&tape.gates, rows * weights.gate_rows()),
                q: part(&tape.q, rows * hidden),
            }
        };
        let trace = Trace {
            steps,
            lanes,
            x: widened(&tape.x[..rows * layers[0].input]),
            layers: layers.iter().zip(&tape.layers).map(layer).collect(),
        };
        let finite = |values: &Vec<f64>| values.iter().all(|x| x.is_finite());
        let whole = |layer: &LayerTrace| {
            [&layer.h, &layer.c, &layer.gates, &layer.q]
                .into_iter()
                .all(finite)
        };
        match trace.layers.iter().all(whole) {
            true => Ok(trace),
            false => Err(Overflow),
        }
    }

    /// The last `steps` steps alone.
    pub fn last(&self, steps: usize) -> Trace {
        let first = self.steps - steps;
        // A row of each step, and for states one more before the first.
        let tail = |values: &Vec<f64>, rows: usize| values[first * values.len() / rows..].to_vec();
        let layer = |layer: &LayerTrace| LayerTrace {
            h: tail(&layer.h, self.steps + 1),
            c: tail(&layer.c, self.steps + 1),
            gates: tail(&layer.gates, self.steps),
            q: tail(&layer.q, self.steps),
        };
        Trace {
            steps,
            lanes: self.lanes,
            x: tail(&self.x, self.steps),
            layers: self.layers.iter().map(layer).collect(),
        }
    }

    /// (T, B, in): what layer `k` read.
    pub fn input(&self, k: usize, width: usize) -> &[f64] {
        match k {
            0 => &self.x,
            _ => &self.layers[k - 1].h[self.lanes * width..],
        }
    }
}

/// The numbers as f64, without a change.
pub(crate) fn widened(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&x| f64::from(x)).collect()
}

/// (N, M) from (M, N), whose rows have `width` = N numbers.
pub fn transposed(matrix: &[f64], width: usize) -> Vec<f64> {
    // As long as it becomes, for the memory plan.
    let mut out = Vec::with_capacity(matrix.len());
    for n in 0..width.min(matrix.len()) {
        out.extend(matrix[n..].iter().step_by(width));
    }
    out
}
