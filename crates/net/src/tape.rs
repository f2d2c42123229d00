//! The activation arena: everything a window leaves behind, allocated once.
//!
//! A [`Tape`] is laid out for windows up to a number of rows (t, sequence) and a batch size; smaller windows use a
//! prefix of every buffer. Buffers are separate and aligned rather than ranges of one: they are disjoint
//! by construction, so layers can borrow several mutably, and none is ever reallocated.
//! `dims.rs` knows what they add up to.

use super::layer::State;
use crate::dims::{Capacity, Dims, TrainingBuffers, logit_rows};
use elman_kernels::{Buffer, Format, Packed};
use std::ops::Range;

/// Activations of a window, kept for the backward pass.
pub struct Tape {
    /// B of the window that was read last.
    pub(crate) batch_size: usize,
    max_rows: usize,
    max_batch_size: usize,
    /// (T, B, E): embedded inputs, after dropout.
    pub(crate) x: Buffer,
    /// Activations of every recurrent layer, from below.
    pub layers: Vec<LayerTape>,
    /// With dropout, (T, B, H) for each layer: its output as the layer above sees it.
    pub(crate) dropped: Vec<Buffer>,
    /// With a projection, (T, B, E): what the output layer reads.
    pub(crate) projected: Buffer,
    /// (R, V): one block of logits.
    pub(crate) logits: Buffer,
}

/// Activations of one layer; which buffers are used depends on the cell.
#[derive(Default)]
pub struct LayerTape {
    /// Gates before and after activation, then their gradients, (T, B, G·H); empty if the gate is the output (Elman).
    pub gates: Buffer,
    /// Hidden states h_0, h_1 … h_T, (T+1, B, H); the first is the state before the window.
    pub h: Buffer,
    /// Memory cells c_0, c_1 … c_T of the LSTM, (T+1, B, H); empty for cells without one.
    pub c: Buffer,
    /// Recurrent product of a separate cell's last gate (GRU: W_hn h_{t−1} + b_hn), (T, B, H).
    pub q: Buffer,
    /// Gradient at the recurrent product of a separate cell (GRU), (T, B, G·H); in training only.
    pub dz_h: Buffer,
}

impl Tape {
    /// Allocates a tape for forward passes over at most `max_steps` steps and batch size `batch_size`.
    pub fn forward_only(dims: &Dims, max_steps: usize, batch_size: usize) -> Tape {
        Tape::new(dims, max_steps * batch_size, batch_size, false, false)
    }

    /// Allocates a tape for segments of windows that are also differentiated.
    pub fn training(dims: &Dims, capacity: Capacity, buffers: TrainingBuffers) -> Tape {
        Tape::new(
            dims,
            capacity.segment,
            capacity.batch_size,
            true,
            buffers.dropped,
        )
    }

    fn new(dims: &Dims, rows: usize, batch_size: usize, training: bool, dropout: bool) -> Tape {
        let layer = |&hidden: &usize| {
            let gates = dims.cell.gates() * hidden;
            let states = (rows + batch_size) * hidden; // (T+1, B, H)
            let mut tape = LayerTape {
                h: Buffer::zeros(states),
                ..LayerTape::default()
            };
            if !dims.cell.gate_is_output() {
                tape.gates = Buffer::zeros(rows * gates);
            }
            if dims.cell.has_memory_cell() {
                tape.c = Buffer::zeros(states);
            }
            if dims.cell.is_separate() {
                tape.q = Buffer::zeros(rows * hidden);
                if training {
                    tape.dz_h = Buffer::zeros(rows * gates);
                }
            }
            tape
        };
        let dropped = if dropout { &dims.hidden[..] } else { &[] };
        let projected = match dims.projected() {
            true => rows * dims.output(),
            false => 0,
        };
        Tape {
            batch_size,
            max_rows: rows,
            max_batch_size: batch_size,
            x: Buffer::zeros(rows * dims.embed),
            layers: dims.hidden.iter().map(layer).collect(),
            dropped: dropped
                .iter()
                .map(|hidden| Buffer::zeros(rows * hidden))
                .collect(),
            projected: Buffer::zeros(projected),
            logits: Buffer::zeros(logit_rows(rows) * dims.vocab),
        }
    }

    /// Largest batch size of a window.
    pub(crate) fn max_batch_size(&self) -> usize {
        self.max_batch_size
    }

    /// Largest number of rows of a window.
    pub(crate) fn max_rows(&self) -> usize {
        self.max_rows
    }
}

/// Some steps of a layer's tape; what the cell does not have is empty.
pub(crate) struct Steps<'a> {
    pub(crate) gates: &'a mut [f32],
    pub(crate) h: &'a mut [f32],
    pub(crate) c: &'a mut [f32],
    pub(crate) q: &'a mut [f32],
    pub(crate) dz_h: &'a mut [f32],
}

impl LayerTape {
    /// The steps of `span`, which counts numbers of (T, B, H), of a cell with `gates` gates; `size` = B·H.
    pub(crate) fn steps(&mut self, span: &Range<usize>, gates: usize, size: usize) -> Steps<'_> {
        fn cut(slot: &mut Buffer, range: Range<usize>) -> &mut [f32] {
            match slot.is_empty() {
                true => &mut [],
                false => &mut slot[range],
            }
        }
        let gates = gates * span.start..gates * span.end;
        let after = size + span.start..size + span.end;
        Steps {
            gates: cut(&mut self.gates, gates.clone()),
            h: cut(&mut self.h, after.clone()),
            c: cut(&mut self.c, after),
            q: cut(&mut self.q, span.clone()),
            dz_h: cut(&mut self.dz_h, gates),
        }
    }
}

/// Working memory of the backward pass, beside the tape.
pub struct Scratch {
    /// (T, B, the largest of E and every H): the gradient on its way down, in and out of a layer.
    pub(crate) d_above: Buffer,
    pub(crate) d_below: Buffer,
    pub(crate) data: Data,
    /// (R, H), or (R, E) with a projection, in panels: the rows of one block of logits.
    pub(crate) data_block: Packed,
    /// Gradient of the embedding rows that are read, (R, E); see [`Capacity::own_rows`].
    ///
    /// With tied weights it is summed apart from the gradient of the output layer, which has the same table.
    pub d_table: Buffer,
    /// With weight drop, (G·H, H) of every layer: the gradient of the weights that a window uses; while these are packed, the
    /// weights themselves. Zero in between.
    pub(crate) recurrent: Vec<Buffer>,
    /// (B, H): the top layer's output after the segment that is differentiated, where its window continues.
    pub(crate) after: Buffer,
    /// Gradient with respect to the state: of the last step on entry, of the first step on return.
    pub d_state: State,
    /// State before a span of steps.
    pub before: State,
}

impl Scratch {
    /// Allocates memory for windows within `capacity`, with packed operands in `format`.
    pub fn new(
        dims: &Dims,
        capacity: Capacity,
        buffers: TrainingBuffers,
        format: Format,
    ) -> Scratch {
        let rows = capacity.segment;
        let width = dims.widest();
        let recurrent = if buffers.recurrent {
            &dims.hidden[..]
        } else {
            &[]
        };
        Scratch {
            d_above: Buffer::zeros(rows * width),
            d_below: Buffer::zeros(rows * width),
            data: Data::new(dims, rows, format),
            data_block: Packed::new(format, logit_rows(rows), 1, dims.output()),
            d_table: Buffer::zeros(capacity.own_rows(dims, buffers) * dims.embed),
            recurrent: recurrent
                .iter()
                .map(|hidden| Buffer::zeros(dims.cell.gates() * hidden * hidden))
                .collect(),
            after: Buffer::zeros(capacity.batch_size * dims.top()),
            d_state: State::zeros(dims, capacity.batch_size),
            before: State::zeros(dims, capacity.batch_size),
        }
    }
}

/// Capacity for the data operands of the weight gradients, rows of activations in panels: one matrix for each width that
/// there is, which serves all layers in turn.
pub(crate) struct Data {
    /// (T·B, width)
    packed: Vec<Packed>,
}

impl Data {
    fn new(dims: &Dims, rows: usize, format: Format) -> Data {
        let widths = dims.widths().into_iter();
        Data {
            packed: widths
                .map(|width| Packed::new(format, rows, 1, width))
                .collect(),
        }
    }

    /// That for rows of `width` numbers.
    pub(crate) fn of_width(&mut self, width: usize) -> &mut Packed {
        let found = self
            .packed
            .iter_mut()
            .find(|packed| packed.width() == width);
        found.expect("there is one for every width of the network")
    }
}
