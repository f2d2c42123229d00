//! The activation arena: everything a window leaves behind, allocated once.
//!
//! A [`Tape`] is laid out for windows of at most so many rows (t, lane) and so many lanes; smaller
//! windows use a prefix of every slot. Slots are separate aligned buffers rather than ranges of one: they are disjoint
//! by construction, so layers can borrow several mutably, and none is ever reallocated.
//! `dims.rs` knows what they add up to.

use super::layer::State;
use crate::dims::{Dims, Room, Slots, logit_rows};
use elman_kernels::{Buffer, Format, Packed};
use std::ops::Range;

/// Activations of one window.
pub struct Tape {
    /// B of the window that was read last.
    pub(crate) lanes: usize,
    max_rows: usize,
    max_lanes: usize,
    /// (T, B, E): embedded inputs, after dropout.
    pub(crate) x: Buffer,
    pub layers: Vec<LayerTape>,
    /// With dropout, (T, B, H) for each layer: its output as the layer above sees it.
    pub(crate) dropped: Vec<Buffer>,
    /// With a projection, (T, B, E): what the output layer reads.
    pub(crate) projected: Buffer,
    /// (R, V): one block of logits.
    pub(crate) logits: Buffer,
}

/// Activations of one layer; which slots are used depends on the cell.
#[derive(Default)]
pub struct LayerTape {
    /// (T, B, G·H): gates before and after activation, then their gradients; empty if the gate is the output (Elman).
    pub gates: Buffer,
    /// (T+1, B, H): h_0 first, then h_1 … h_T, so that "h one step earlier" is the same memory.
    pub h: Buffer,
    /// (T+1, B, H): the memory cell, likewise (LSTM).
    pub c: Buffer,
    /// (T, B, H): W_h h_{t−1} + b of the last gate of a separate cell (GRU: W_hn h_{t−1} + b_hn).
    pub q: Buffer,
    /// (T, B, G·H): gradient at the recurrent product of a separate cell (GRU), in training only.
    pub dz_h: Buffer,
}

impl Tape {
    /// For windows of at most `max_steps` steps that go forward only.
    pub fn forward_only(dims: &Dims, max_steps: usize, lanes: usize) -> Tape {
        Tape::new(dims, max_steps * lanes, lanes, false, false)
    }

    /// For segments of windows that are also differentiated.
    pub fn training(dims: &Dims, room: Room, slots: Slots) -> Tape {
        Tape::new(dims, room.segment, room.lanes, true, slots.dropped)
    }

    fn new(dims: &Dims, rows: usize, lanes: usize, training: bool, dropout: bool) -> Tape {
        let layer = |&hidden: &usize| {
            let gates = dims.cell.gates() * hidden;
            let states = (rows + lanes) * hidden; // (T+1, B, H)
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
            lanes,
            max_rows: rows,
            max_lanes: lanes,
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

    /// The most lanes of a window.
    pub fn max_lanes(&self) -> usize {
        self.max_lanes
    }

    /// The most rows of a window.
    pub fn max_rows(&self) -> usize {
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

/// What the backward pass needs beside the tape.
pub struct Scratch {
    /// (T, B, the largest of E and every H): the gradient on its way down, in and out of a layer.
    pub(crate) d_above: Buffer,
    pub(crate) d_below: Buffer,
    pub(crate) data: Data,
    /// (R, H), or (R, E) with a projection, in panels: the rows of one block of logits.
    pub(crate) data_block: Packed,
    /// (R, E): the gradient of the embedding rows that are read, see [`Room::own_rows`]. With tied weights it is summed apart
    /// from that of the output layer, which has the same table.
    pub d_table: Buffer,
    /// With weight drop, (G·H, H) of every layer: the gradient of the weights that a window uses; while these are packed, the
    /// weights themselves. Zero in between.
    pub(crate) recurrent: Vec<Buffer>,
    /// (B, H): the top layer's output after the segment that is differentiated, where its window goes on.
    pub(crate) after: Buffer,
    /// Gradients with respect to the states: of the last step on entry, of the first on exit.
    pub d_state: State,
    /// The states before a span of steps, of as many lanes.
    pub before: State,
}

impl Scratch {
    /// For windows that fit into `room`, with operands in `format`.
    pub fn new(dims: &Dims, room: Room, slots: Slots, format: Format) -> Scratch {
        let rows = room.segment;
        let width = dims.widest();
        let recurrent = if slots.recurrent {
            &dims.hidden[..]
        } else {
            &[]
        };
        Scratch {
            d_above: Buffer::zeros(rows * width),
            d_below: Buffer::zeros(rows * width),
            data: Data::new(dims, rows, format),
            data_block: Packed::new(format, logit_rows(rows), 1, dims.output()),
            d_table: Buffer::zeros(room.own_rows(dims, slots) * dims.embed),
            recurrent: recurrent
                .iter()
                .map(|hidden| Buffer::zeros(dims.cell.gates() * hidden * hidden))
                .collect(),
            after: Buffer::zeros(room.lanes * dims.top()),
            d_state: State::zeros(dims, room.lanes),
            before: State::zeros(dims, room.lanes),
        }
    }
}

/// Room for the data operands of the weight gradients, rows of activations in panels: one matrix for each width that
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
