//! The bytes of a network at work: every number is closed form, so that a plan can be printed, and refused, before a
//! byte is allocated.

use super::{Dims, Room, TENSOR_ALIGN, WindowPlan, logit_rows};
use elman_kernels::{Format, Packed};
use serde::{Deserialize, Serialize};

/// The bytes of a training run, before anything is allocated.
///
/// Not in it: the token files, which are mapped and not loaded, and the checkpoint
/// that a resumed run holds for a moment beside its own arrays until it has been copied into them
/// (weights, moments and carried states a second time).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainPlan {
    /// Weights, f32.
    pub weights_bytes: u64,
    /// Their gradients, without those of rows that have theirs in the window.
    pub gradients_bytes: u64,
    /// The optimiser's moments.
    pub moments_bytes: u64,
    /// The average of the weights, if one is kept.
    pub average_bytes: u64,
    /// Copies of the weights in panels, forward and backward.
    pub packed_bytes: u64,
    /// Activations and their gradients, linear in T; recomputed, in √T, but for a few numbers a position.
    pub window: WindowPlan,
    /// What lanes carry, linear in B: states at five places, and the output after a segment.
    pub states_bytes: u64,
    /// The vocabulary: its tokens, their index, what cuts pieces into them; and for a moment the file of it in a model that is saved.
    #[serde(default)]
    pub vocabulary_bytes: u64,
    /// Independent of T: a block of logits, recurrent weights under a mask, what is known about the text.
    pub fixed_bytes: u64,
    /// What making or reading the vocabulary takes before anything of the above is there.
    #[serde(default)]
    pub preparation_bytes: u64,
}

/// The numbers that an update keeps for each parameter beside its weight and gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    pub moments: usize,
    /// 1 if the weights are averaged.
    pub averages: usize,
}

/// Memory that only some ways to train need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slots {
    /// Outputs of the layers after dropout, beside those before it.
    pub dropped: bool,
    /// Recurrent weights that are used in another form than they are stored, or their gradient.
    pub recurrent: bool,
    /// With a table that is not tied: no gradient of the whole of it, only of the rows that an update's windows read, since
    /// nothing else moves the others.
    pub rows_read: bool,
}

impl Slots {
    /// Whether the gradient of the embedding table is not among those of the other parameters.
    pub fn leaves_table_out(self, dims: &Dims) -> bool {
        self.rows_read && !dims.tied
    }
}

impl TrainPlan {
    /// The plan for windows that fit into `room`, with an update that keeps `kept`, and products in `format`.
    pub fn new(
        dims: &Dims,
        arena_len: usize,
        kept: Kept,
        slots: Slots,
        format: Format,
        room: Room,
    ) -> TrainPlan {
        let f32s = |n: usize| 4 * n as u64;
        let block = logit_rows(room.segment);
        let recurrent: usize = match slots.recurrent {
            true => dims.hidden.iter().map(|h| dims.cell.gates() * h * h).sum(),
            false => 0,
        };
        let apart = match slots.leaves_table_out(dims) {
            true => (dims.vocab * dims.embed).next_multiple_of(TENSOR_ALIGN),
            false => 0,
        };
        TrainPlan {
            weights_bytes: f32s(arena_len),
            gradients_bytes: f32s(arena_len - apart),
            moments_bytes: kept.moments as u64 * f32s(arena_len),
            average_bytes: kept.averages as u64 * f32s(arena_len),
            packed_bytes: packed_forward_bytes(dims, format) + packed_backward_bytes(dims, format),
            window: WindowPlan::new(dims, slots, format, room),
            // Carried, running, their gradients, and those of validation.
            states_bytes: 5 * f32s(room.lanes * dims.state_len())
                // The output after a segment.
                + f32s(room.lanes * dims.top()),
            vocabulary_bytes: 0,
            preparation_bytes: 0,
            fixed_bytes: f32s(block * dims.vocab)
                + Packed::bytes(format, block, 1, dims.output()) as u64
                + f32s(recurrent),
        }
    }

    /// What it is for, and the bytes.
    pub fn parts(&self) -> [(&'static str, u64); 9] {
        [
            ("weights", self.weights_bytes),
            ("gradients", self.gradients_bytes),
            ("moments", self.moments_bytes),
            ("average", self.average_bytes),
            ("packed copies", self.packed_bytes),
            ("window", self.window.total_bytes()),
            ("states", self.states_bytes),
            ("vocabulary", self.vocabulary_bytes),
            ("other", self.fixed_bytes),
        ]
    }

    /// Everything together, or what comes before, if that is more.
    pub fn total_bytes(&self) -> u64 {
        total(&self.parts()).max(self.preparation_bytes)
    }

    /// What the parameters alone decide, whatever windows there are.
    pub fn static_bytes(&self) -> u64 {
        total(&self.parts()[..5])
    }
}

/// The bytes of `parts` together.
pub(super) fn total(parts: &[(&str, u64)]) -> u64 {
    parts
        .iter()
        .fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes))
}

/// The largest number from 1 to `most` that `fits`; `None`: 1 does not. Where one fits, smaller ones do.
pub fn largest(most: usize, fits: impl Fn(usize) -> bool) -> Option<usize> {
    if most == 0 || !fits(1) {
        return None;
    }
    // `low` fits, and `high` does not unless it is `most` + 1, which nobody asks.
    let (mut low, mut high) = (1, most + 1);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        match fits(middle) {
            true => low = middle,
            false => high = middle,
        }
    }
    Some(low)
}

/// What drawing inputs takes in training: for each lane a row of the top layer, a draw and its place.
pub fn drawing_bytes(dims: &Dims, lanes: usize) -> u64 {
    (lanes * (4 * dims.top() + 8 + 8 + 4)) as u64
}

/// Lanes and most steps of a window that a look at gradients takes, see `train::run::look`.
pub const LOOK_LANES: usize = 2;
pub const LOOK_STEPS: usize = 64;

/// What looking at gradients takes in windows of at most `steps` steps: the matrices of the layers in f64, W_h twice; and the
/// activations of a few rows.
pub fn look_bytes(dims: &Dims, steps: usize) -> u64 {
    let rows = steps.min(LOOK_STEPS) * LOOK_LANES;
    let gates = dims.cell.gates();
    let activations = dims.layer_numbers(1, 0, false) as usize / dims.units();
    let layer = |k| {
        let hidden = dims.hidden[k];
        gates * hidden * (dims.input(k) + 2 * hidden) + rows * activations * hidden
    };
    let layers = (0..dims.layers()).map(layer).sum::<usize>();
    8 * (layers + rows * dims.embed) as u64
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
    let layers = dims.layer_numbers(rows as u128, lanes as u128, false) as usize;
    let projected = if dims.projected() {
        rows * dims.output()
    } else {
        0
    };
    let logits = logit_rows(rows) * dims.vocab;
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
