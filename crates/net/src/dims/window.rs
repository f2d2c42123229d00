//! The memory of a training window: the part of a plan that grows with T.
//!
//! What the tape and the two gradient buffers hold, see `net::tape` and `net::layer`, and what is kept for each segment and each
//! position, see `train::bptt`. Numbers saturate, since `--bptt full` makes anything possible.

use super::{Capacity, Dims, TrainingBuffers};
use elman_kernels::Format;
use serde::{Deserialize, Serialize};

/// Memory of a training window in bytes, by purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowPlan {
    /// Embedded inputs, (T, B, E).
    pub inputs_bytes: u64,
    /// States and gates of the layers.
    pub layers_bytes: u64,
    /// Outputs of the layers after dropout, and outputs of the projection.
    pub outputs_bytes: u64,
    /// Gradients at the input and output of the layer that is being differentiated.
    pub gradients_bytes: u64,
    /// Packed activations, from which the gradients of the weights are computed.
    pub operands_bytes: u64,
    /// States between the segments of a recomputed window.
    pub segments_bytes: u64,
    /// Gradient of the embedding rows that are read, where it is kept outside the gradient arena.
    pub rows_bytes: u64,
    /// Input, target, mask, beginning, loss and factor of every position.
    pub positions_bytes: u64,
}

/// A position's loss (f64), factor and entry in the list of touched rows, and its input, target, mask and whether a text begins
/// there in the window, once for training and once for validation.
const POSITION_BYTES: u128 = 8 + 4 + 4 + 2 * 13;

impl WindowPlan {
    /// Computes the plan of windows within `capacity`.
    pub fn new(
        dims: &Dims,
        buffers: TrainingBuffers,
        format: Format,
        capacity: Capacity,
    ) -> WindowPlan {
        let of = |n: usize| n as u128;
        let (rows, starts) = (of(capacity.segment), of(capacity.batch_size));
        let (embed, units) = (of(dims.embed), of(dims.units()));
        let layers = dims.layer_numbers(rows, starts, true);
        let projected = if dims.projected() { rows * embed } else { 0 };
        let dropped = if buffers.dropped { rows * units } else { 0 };
        // As `Packed::bytes`, in wider numbers.
        let words = rows.div_ceil(of(format.per_word()));
        let packed = |cols: &usize| words * of(cols.next_multiple_of(16));
        let operands: u128 = dims.widths().iter().map(packed).sum();
        let positions = of(capacity.window);
        // The rows, and the place of each input's row among them.
        let own_rows = match capacity.own_rows(dims, buffers) {
            0 => 0,
            own => of(own) * embed + rows,
        };
        let listed = 4 * (of(capacity.inputs) - positions);
        let f32s = |numbers: u128| saturated(4 * numbers);
        WindowPlan {
            inputs_bytes: f32s(rows * embed),
            layers_bytes: f32s(layers),
            outputs_bytes: f32s(dropped + projected),
            gradients_bytes: f32s(2 * rows * of(dims.widest())),
            operands_bytes: f32s(operands),
            segments_bytes: f32s(of(capacity.starts) * of(dims.state_len())),
            rows_bytes: f32s(own_rows),
            positions_bytes: saturated(positions * POSITION_BYTES + listed),
        }
    }

    /// Parts of the plan as pairs (name, bytes).
    pub fn parts(&self) -> [(&'static str, u64); 8] {
        [
            ("embedded inputs", self.inputs_bytes),
            ("states and gates", self.layers_bytes),
            ("dropped or projected outputs", self.outputs_bytes),
            ("gradients on their way down", self.gradients_bytes),
            ("operands of weight gradients", self.operands_bytes),
            ("states between segments", self.segments_bytes),
            ("gradients of embedding rows", self.rows_bytes),
            ("inputs, targets and losses", self.positions_bytes),
        ]
    }

    /// Sum of all parts in bytes.
    pub fn total_bytes(&self) -> u64 {
        super::plan::total(&self.parts())
    }
}

fn saturated(bytes: u128) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
