//! Activations of a window in f64: the point at which everything is differentiated.
//!
//! The numbers are those of the program's own forward pass, widened. f64 arithmetic from there on has eight digits to
//! spare, so what is measured is the network and not rounding.

use crate::dims::Cell;
use crate::{Network, Params, Tape};

/// Error: the hidden states are not finite, so there is nothing to differentiate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the hidden states overflow, so there is nothing to differentiate: the recurrent weights are far too large; use fewer steps, or scale the weights down"
)]
pub struct Overflow;

/// Weights of one recurrent layer in f64.
#[derive(Clone, Debug)]
pub struct LayerWeights {
    /// Kind of recurrent cell.
    pub cell: Cell,
    /// Width of the layer's input.
    pub input: usize,
    /// H: number of hidden units.
    pub hidden: usize,
    /// Input weights, (G·H, in).
    pub w_x: Vec<f64>,
    /// Recurrent weights, (G·H, H).
    pub w_h: Vec<f64>,
    /// Transposed recurrent weights, (H, G·H).
    pub w_h_t: Vec<f64>,
}

impl LayerWeights {
    /// Makes the layer from `w_x` (G·H, in) and `w_h` (G·H, H).
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

    /// Copies the weights of every layer of a network, from below.
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

    /// G·H: number of rows of the weights.
    pub fn gate_rows(&self) -> usize {
        self.cell.gates() * self.hidden
    }

    /// Numbers in a state: H for h, and H for c if the cell has one.
    pub fn state(&self) -> usize {
        self.cell.states() * self.hidden
    }
}

/// Activations of one layer in a window.
#[derive(Clone, Debug, Default)]
pub struct LayerTrace {
    /// Hidden states, (T+1, B, H); first the state before the window.
    pub h: Vec<f64>,
    /// Memory cells, (T+1, B, H); empty for cells without one.
    pub c: Vec<f64>,
    /// Gates after their activations, (T, B, G·H); empty if the gate is the output (Elman).
    pub gates: Vec<f64>,
    /// Recurrent product of a separate cell's last gate (GRU: W_hn h_{t−1} + b_hn), (T, B, H); otherwise empty.
    pub q: Vec<f64>,
}

/// Activations of all layers in a window of T steps and B sequences.
#[derive(Clone, Debug)]
pub struct Trace {
    /// T: number of steps.
    pub steps: usize,
    /// B: batch size.
    pub batch_size: usize,
    /// Embedded inputs, (T, B, E).
    pub x: Vec<f64>,
    /// Activations of every layer, from below.
    pub layers: Vec<LayerTrace>,
}

impl Trace {
    /// Copies the activations of the last forward pass, of `steps` steps without dropout, from the tape.
    ///
    /// Error: [`Overflow`] if a hidden state is not finite.
    pub fn record(layers: &[LayerWeights], tape: &Tape, steps: usize) -> Result<Trace, Overflow> {
        let (batch_size, rows) = (tape.batch_size, steps * tape.batch_size);
        let layer = |(weights, tape): (&LayerWeights, &crate::tape::LayerTape)| {
            let (hidden, states) = (weights.hidden, (rows + batch_size) * weights.hidden);
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
            batch_size,
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

    /// Copy of the last `steps` steps alone.
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
            batch_size: self.batch_size,
            x: tail(&self.x, self.steps),
            layers: self.layers.iter().map(layer).collect(),
        }
    }

    /// Input of layer `k`, (T, B, in), of which `width` is the number per row.
    pub fn input(&self, k: usize, width: usize) -> &[f64] {
        match k {
            0 => &self.x,
            _ => &self.layers[k - 1].h[self.batch_size * width..],
        }
    }
}

/// The numbers as f64, without a change.
pub(crate) fn widened(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&x| f64::from(x)).collect()
}

/// Transposes `matrix` (M, N), whose rows have `width` = N numbers, to (N, M).
pub fn transposed(matrix: &[f64], width: usize) -> Vec<f64> {
    // As long as it becomes, for the memory plan.
    let mut out = Vec::with_capacity(matrix.len());
    for n in 0..width.min(matrix.len()) {
        out.extend(matrix[n..].iter().step_by(width));
    }
    out
}
