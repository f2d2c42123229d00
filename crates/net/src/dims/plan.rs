//! The memory of a network in training and in inference: every number is closed form, so that a plan can be printed,
//! and refused, before a byte is allocated.

use super::{Capacity, Dims, TENSOR_ALIGN, WindowPlan, logit_rows};
use elman_kernels::{Format, Packed};
use serde::{Deserialize, Serialize};

/// Memory plan of a training run in bytes, computed before anything is allocated.
///
/// Not included: the token files, which are mapped and not loaded, and the checkpoint of a resumed run, which is in
/// memory beside the run's own arrays until it has been copied into them (weights, moments and carried states a
/// second time).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainPlan {
    /// Weights, f32.
    pub weights_bytes: u64,
    /// Gradients of the weights, without embedding rows whose gradient is part of [`TrainPlan::window`].
    pub gradients_bytes: u64,
    /// Moments of the optimiser.
    pub moments_bytes: u64,
    /// Averaged weights, if the run averages them.
    pub average_bytes: u64,
    /// Packed form of the weights for the products, forward and backward.
    pub packed_bytes: u64,
    /// Activations and their gradients: linear in T, or in √T with recomputation, but for a few numbers per position.
    pub window: WindowPlan,
    /// Recurrent states, linear in B: five copies, and the output after a segment.
    pub states_bytes: u64,
    /// Vocabulary: tokens, index, merges; and, while a model is saved, the text of its file.
    #[serde(default)]
    pub vocabulary_bytes: u64,
    /// Memory independent of T: a block of logits, recurrent weights under a mask, and facts about the text.
    pub fixed_bytes: u64,
    /// Memory for making or reading the vocabulary, which is released before the rest is allocated.
    #[serde(default)]
    pub preparation_bytes: u64,
}

/// Numbers of an optimiser for each parameter beside its weight and gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptimizerBuffers {
    /// Number of moments: 0 for plain SGD, 2 for Adam.
    pub moments: usize,
    /// Number of averages: 1 if the weights are averaged, otherwise 0.
    pub averages: usize,
}

/// Buffers that only some ways of training need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrainingBuffers {
    /// Whether the layers' outputs after dropout are kept beside those before it.
    pub dropped: bool,
    /// Whether the recurrent weights, or their gradient, have a copy: weight drop masks them.
    pub recurrent: bool,
    /// Whether only the embedding rows that an update reads have a gradient.
    ///
    /// Applies to an untied table, if nothing else in the update moves the other rows.
    pub rows_read: bool,
}

impl TrainingBuffers {
    /// Whether the embedding table has no gradient in the gradient arena, because only the rows that were read have
    /// one.
    pub fn leaves_table_out(self, dims: &Dims) -> bool {
        self.rows_read && !dims.tied
    }
}

impl TrainPlan {
    /// Computes the plan for windows within `capacity`.
    ///
    /// `optimizer` has the buffers of the optimiser, `format` the number format of the products.
    pub fn new(
        dims: &Dims,
        arena_len: usize,
        optimizer: OptimizerBuffers,
        buffers: TrainingBuffers,
        format: Format,
        capacity: Capacity,
    ) -> TrainPlan {
        let f32s = |n: usize| 4 * n as u64;
        let block = logit_rows(capacity.segment);
        let recurrent: usize = match buffers.recurrent {
            true => dims.hidden.iter().map(|h| dims.cell.gates() * h * h).sum(),
            false => 0,
        };
        let apart = match buffers.leaves_table_out(dims) {
            true => (dims.vocab * dims.embed).next_multiple_of(TENSOR_ALIGN),
            false => 0,
        };
        TrainPlan {
            weights_bytes: f32s(arena_len),
            gradients_bytes: f32s(arena_len - apart),
            moments_bytes: optimizer.moments as u64 * f32s(arena_len),
            average_bytes: optimizer.averages as u64 * f32s(arena_len),
            packed_bytes: packed_forward_bytes(dims, format) + packed_backward_bytes(dims, format),
            window: WindowPlan::new(dims, buffers, format, capacity),
            // Carried, running, their gradients, and those of validation.
            states_bytes: f32s((capacity.carried + 4 * capacity.batch_size) * dims.state_len())
                // The output after a segment.
                + f32s(capacity.batch_size * dims.top()),
            vocabulary_bytes: 0,
            preparation_bytes: 0,
            fixed_bytes: f32s(block * dims.vocab)
                + Packed::bytes(format, block, 1, dims.output()) as u64
                + f32s(recurrent),
        }
    }

    /// Parts of the plan as pairs (name, bytes).
    pub fn parts(&self) -> [(&'static str, u64); 9] {
        [
            ("weights", self.weights_bytes),
            ("gradients", self.gradients_bytes),
            ("moments", self.moments_bytes),
            ("average", self.average_bytes),
            ("packed weights", self.packed_bytes),
            ("window", self.window.total_bytes()),
            ("states", self.states_bytes),
            ("vocabulary", self.vocabulary_bytes),
            ("other", self.fixed_bytes),
        ]
    }

    /// Peak memory in bytes: all parts together, or [`TrainPlan::preparation_bytes`] if that is more.
    pub fn total_bytes(&self) -> u64 {
        total(&self.parts()).max(self.preparation_bytes)
    }

    /// Bytes that depend on the parameters only, not on windows: weights, gradients, moments, average and packed weights.
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

/// Largest number from 1 to `most` for which `fits` holds, found by bisection; `None` if it does not hold for 1.
///
/// `fits` must be monotonic: if it holds for a number, it holds for all smaller ones.
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

/// Bytes that scheduled sampling takes: a row of the top layer, a draw and its position for each of `batch_size`
/// sequences.
pub fn drawing_bytes(dims: &Dims, batch_size: usize) -> u64 {
    (batch_size * (4 * dims.top() + 8 + 8 + 4)) as u64
}

/// Largest batch size of the window on which a run probes its gradients.
pub const PROBE_SEQUENCES: usize = 2;
/// Largest number of steps of the window on which a run probes its gradients.
pub const PROBE_STEPS: usize = 64;

/// Bytes that probing the gradients takes for windows of at most `steps` steps and `sequences` sequences.
///
/// They are the weights of the layers in f64, W_h twice, and the activations of the probed window.
pub fn probe_bytes(dims: &Dims, steps: usize, sequences: usize) -> u64 {
    let rows = steps.min(PROBE_STEPS) * sequences.min(PROBE_SEQUENCES);
    let gates = dims.cell.gates();
    let activations = dims.layer_numbers(1, 0, false) as usize / dims.units();
    let layer = |k| {
        let hidden = dims.hidden[k];
        gates * hidden * (dims.input(k) + 2 * hidden) + rows * activations * hidden
    };
    let layers = (0..dims.layers()).map(layer).sum::<usize>();
    8 * (layers + rows * dims.embed) as u64
}

/// Bytes of the weights packed for x·wᵀ: all that inference needs beside the embedding and the biases.
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

/// Bytes of a model and of one inference window of `steps` steps and batch size `batch_size`.
pub fn inference_bytes(
    dims: &Dims,
    format: Format,
    arena_len: usize,
    steps: usize,
    batch_size: usize,
) -> u64 {
    let rows = steps * batch_size;
    let layers = dims.layer_numbers(rows as u128, batch_size as u128, false) as usize;
    let projected = if dims.projected() {
        rows * dims.output()
    } else {
        0
    };
    let logits = logit_rows(rows) * dims.vocab;
    let window = rows * dims.embed + layers + projected + logits;
    4 * (arena_len + window + batch_size * dims.state_len()) as u64
        + packed_forward_bytes(dims, format)
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
