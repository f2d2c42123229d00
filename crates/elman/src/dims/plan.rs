//! The bytes of a network at work: every number is closed form, so that a plan can be printed, and refused, before a
//! byte is allocated.

use super::{Cell, Dims, LOGIT_ROWS, Room};
use elman_kernels::{Format, Packed};
use serde::{Deserialize, Serialize};

/// The bytes of a training run, before anything is allocated.
///
/// Not in it: the vocabulary, the token files, which are mapped and not loaded, and the checkpoint
/// that a resumed run holds for a moment beside its own arrays until it has been copied into them
/// (weights, moments and carried states a second time).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainPlan {
    /// Weights, f32.
    pub weights_bytes: u64,
    /// Their gradients.
    pub gradients_bytes: u64,
    /// The optimiser's moments, and the average of the weights if one is kept.
    pub moments_bytes: u64,
    /// Copies of the weights in panels, forward and backward.
    pub packed_bytes: u64,
    /// Activations and their gradients, linear in T; recomputed, in √T, but for a few numbers a position.
    pub window_bytes: u64,
    /// Independent of T: carried states, a block of logits, recurrent weights under a mask.
    pub fixed_bytes: u64,
}

/// Memory that only some ways to train need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slots {
    /// Outputs of the layers after dropout, beside those before it.
    pub dropped: bool,
    /// Recurrent weights that are used in another form than they are stored, or their gradient.
    pub recurrent: bool,
}

impl TrainPlan {
    /// The plan for windows that fit into `room`, with an optimiser that keeps `kept` numbers for
    /// each parameter, and products in `format`.
    pub fn new(
        dims: &Dims,
        arena_len: usize,
        kept: usize,
        slots: Slots,
        format: Format,
        room: Room,
    ) -> TrainPlan {
        let f32s = |n: usize| 4 * n as u64;
        let block = room.segment.min(LOGIT_ROWS);
        let recurrent: usize = match slots.recurrent {
            true => dims.hidden.iter().map(|h| dims.cell.gates() * h * h).sum(),
            false => 0,
        };
        TrainPlan {
            weights_bytes: f32s(arena_len),
            gradients_bytes: f32s(arena_len),
            moments_bytes: kept as u64 * f32s(arena_len),
            packed_bytes: packed_forward_bytes(dims, format) + packed_backward_bytes(dims, format),
            window_bytes: window_bytes(dims, slots, format, room),
            fixed_bytes: f32s(block * dims.vocab)
                + Packed::bytes(format, block, 1, dims.output()) as u64
                // Carried, running, their gradients, and those of validation.
                + 4 * f32s(room.lanes * dims.state_len())
                // The output after a segment.
                + f32s(room.lanes * dims.top())
                + f32s(recurrent),
        }
    }

    /// Everything together.
    pub fn total_bytes(&self) -> u64 {
        let parts = [
            self.weights_bytes,
            self.gradients_bytes,
            self.moments_bytes,
            self.packed_bytes,
            self.window_bytes,
            self.fixed_bytes,
        ];
        parts.into_iter().fold(0, u64::saturating_add)
    }
}

/// What drawing inputs takes in training: for each lane a row of the top layer, a draw and its place.
pub fn drawing_bytes(dims: &Dims, lanes: usize) -> u64 {
    (lanes * (4 * dims.top() + 8 + 8 + 4)) as u64
}

/// Lanes and most steps of a window that a look at gradients takes, see `train::run::look`.
pub(crate) const LOOK_LANES: usize = 2;
pub(crate) const LOOK_STEPS: usize = 64;

/// What looking at gradients takes in windows of at most `steps` steps: the matrices of the layers in f64, W_h twice; activations
/// of a few rows; and their slopes, of one layer at a time.
pub(crate) fn look_bytes(dims: &Dims, steps: usize) -> u64 {
    let rows = steps.min(LOOK_STEPS) * LOOK_LANES;
    let gates = dims.cell.gates();
    let per_unit = match dims.cell {
        Cell::Elman(_) => 1,
        Cell::Lstm | Cell::Gru => gates + 2,
    };
    let layer = |k| {
        let hidden = dims.hidden[k];
        gates * hidden * (dims.input(k) + 2 * hidden) + rows * per_unit * hidden
    };
    let layers = (0..dims.layers()).map(layer).sum::<usize>();
    8 * (layers + rows * (dims.embed + per_unit * dims.widest())) as u64
}

/// Weights in panels for x·wᵀ: all that inference needs beside embedding and biases.
pub fn packed_forward_bytes(dims: &Dims, format: Format) -> u64 {
    let gates = dims.cell.gates();
    let layer = |k| {
        let hidden = dims.hidden[k];
        Packed::bytes(format, dims.input(k), 1, gates * hidden)
            + Packed::bytes(format, hidden, gates, hidden)
    };
    let mut bytes = (0..dims.layers()).map(layer).sum::<usize>();
    if dims.projected() {
        bytes += Packed::bytes(format, dims.top(), 1, dims.output());
    }
    (bytes + Packed::bytes(format, dims.output(), 1, dims.vocab)) as u64
}

/// The bytes of a model and of one window of `steps` steps and `lanes` lanes that it reads: see `net::tape`.
pub fn inference_bytes(
    dims: &Dims,
    format: Format,
    arena_len: usize,
    steps: usize,
    lanes: usize,
) -> u64 {
    let rows = steps * lanes;
    let (units, stateful) = (dims.units(), (rows + lanes) * dims.units());
    let layers = match dims.cell {
        Cell::Elman(_) => stateful,
        Cell::Lstm => rows * 4 * units + 2 * stateful,
        Cell::Gru => rows * 4 * units + stateful,
    };
    let projected = if dims.projected() {
        rows * dims.output()
    } else {
        0
    };
    let logits = rows.min(LOGIT_ROWS) * dims.vocab;
    let window = rows * dims.embed + layers + projected + logits;
    4 * (arena_len + window + lanes * dims.state_len()) as u64 + packed_forward_bytes(dims, format)
}

/// Weights in panels for dz·w.
fn packed_backward_bytes(dims: &Dims, format: Format) -> u64 {
    let layer = |k| {
        let hidden = dims.hidden[k];
        let rows = dims.cell.gates() * hidden;
        Packed::bytes(format, rows, 1, dims.input(k)) + Packed::bytes(format, rows, 1, hidden)
    };
    let mut bytes = (0..dims.layers()).map(layer).sum::<usize>();
    if dims.projected() {
        bytes += Packed::bytes(format, dims.output(), 1, dims.top());
    }
    (bytes + Packed::bytes(format, dims.vocab, 1, dims.output())) as u64
}

/// What the tape and the two gradient buffers hold, see `net::tape` and `net::layer`, and what is
/// kept for each segment and each position, see `train::bptt`. Saturates, since `--bptt full` makes
/// anything possible.
fn window_bytes(dims: &Dims, slots: Slots, format: Format, room: Room) -> u64 {
    let of = |n: usize| n as u128;
    let (rows, starts) = (of(room.segment), of(room.lanes));
    let (embed, units) = (of(dims.embed), of(dims.units()));
    let stateful = (rows + starts) * units;
    let layers = match dims.cell {
        Cell::Elman(_) => stateful,
        Cell::Lstm => rows * 4 * units + 2 * stateful,
        // gates, their gradient at the recurrent product, W_hn h + b_hn, h
        Cell::Gru => rows * 7 * units + stateful,
    };
    let projected = if dims.projected() { rows * embed } else { 0 };
    let dropped = if slots.dropped { rows * units } else { 0 };
    let widths = dims.widths();
    let gradients = 2 * rows * of(dims.widest());
    // As `Packed::bytes`, in wider numbers.
    let words = rows.div_ceil(of(format.per_word()));
    let packed = |cols: &usize| words * of(cols.next_multiple_of(16));
    let data: u128 = widths.iter().map(packed).sum();
    let kept = of(room.starts) * of(dims.state_len());
    let positions = of(room.window);
    // With tied weights: the embedding rows' own gradient, and the place of each input's row in it.
    let own_rows = match dims.tied {
        true => positions.min(of(dims.vocab)) * embed + rows,
        false => 0,
    };
    let activations = rows * embed + layers + projected + dropped;
    let numbers = activations + gradients + data + kept + own_rows;
    let listed = 4 * (of(room.inputs) - positions);
    (4 * numbers + positions * POSITION_BYTES + listed).min(u128::from(u64::MAX)) as u64
}

/// A position's loss (f64), factor and entry in the list of touched rows, and its input, target and
/// mask in the window, once for training and once for validation.
const POSITION_BYTES: u128 = 8 + 4 + 4 + 2 * 12;
