//! The sizes of a network, and the bytes that follow from them.
//!
//! Capitals of the literature: V vocabulary, E embedding, H hidden, L layers, G gates, B lanes,
//! T time steps. This room alone knows what anything costs; every number is closed form, so that
//! a plan can be printed, and refused, before a byte is allocated.

pub use elman_kernels::Activation;
use elman_kernels::{Format, Packed};
use std::fmt;
use std::ops::Range;

/// The recurrent cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// h_t = σ(W_hx x_t + W_hh h_{t−1} + b) with the given σ.
    Elman(Activation),
    Lstm,
    Gru,
}

impl Cell {
    /// G: gates stacked along the first axis of a weight.
    pub fn gates(self) -> usize {
        match self {
            Cell::Elman(_) => 1,
            Cell::Lstm => 4,
            Cell::Gru => 3,
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Cell::Elman(activation) => write!(f, "elman ({})", activation.name()),
            Cell::Lstm => f.write_str("lstm"),
            Cell::Gru => f.write_str("gru"),
        }
    }
}

/// The sizes of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dims {
    pub cell: Cell,
    /// V
    pub vocab: usize,
    /// E
    pub embed: usize,
    /// H
    pub hidden: usize,
    /// L
    pub layers: usize,
    /// W_S is the embedding table; requires E = H.
    pub tied: bool,
}

impl Dims {
    /// Width of the input of layer `k`.
    pub fn input(&self, k: usize) -> usize {
        if k == 0 { self.embed } else { self.hidden }
    }

    /// Numbers that one lane carries from step to step: h of every layer, and c for the LSTM.
    pub fn state_len(&self) -> usize {
        let per_layer = if self.cell == Cell::Lstm { 2 } else { 1 };
        self.layers * per_layer * self.hidden
    }
}

/// Numbers in the file of a model of these sizes, both biases of every layer included; wide, because
/// the sizes may come from a file that lies.
pub fn file_numbers(dims: &Dims) -> u128 {
    let [v, e, h, l] = [dims.vocab, dims.embed, dims.hidden, dims.layers].map(|n| n as u128);
    let gates = dims.cell.gates() as u128;
    let layers = gates * h * (e + h + 2) + (l - 1) * gates * h * (2 * h + 2);
    let output = if dims.tied { v } else { v * h + v };
    v * e + layers + output
}

/// Weights that a token is multiplied with: those of inputs, states and the output layer, without biases. Nothing is
/// multiplied with the embedding table, unless it is the output layer's too.
pub fn matrix_parameters(dims: &Dims) -> u64 {
    let gates = dims.cell.gates();
    let layer = |k| gates * dims.hidden * (dims.input(k) + dims.hidden);
    ((0..dims.layers).map(layer).sum::<usize>() + dims.vocab * dims.hidden) as u64
}

/// Rows of logits that are in memory at a time. Smaller blocks re-read the gradient of `w_s` too
/// often, larger ones leave the cache; the bits do not depend on it.
pub const LOGIT_ROWS: usize = 256;

/// Room for windows, whose rows are the pairs (time step, lane): what the largest of them needs.
///
/// All windows may have the same shape, (T, B), or each its own, as sentences do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Rows of a window, T·B.
    pub window: usize,
    /// Rows whose activations are in memory together, a *segment*; fewer than a window's where they are recomputed.
    pub segment: usize,
    /// B
    pub lanes: usize,
    /// Lanes whose states are kept between the segments of a window.
    pub starts: usize,
}

impl Room {
    /// For windows of `steps` steps and `lanes` lanes that are in memory as a whole.
    pub fn whole(steps: usize, lanes: usize) -> Room {
        Room::for_all([(steps, lanes)], false)
    }

    /// For windows of each of the `shapes` (T, B), kept whole or recomputed.
    pub fn for_all(
        shapes: impl IntoIterator<Item = (usize, usize), IntoIter: Clone>,
        recompute: bool,
    ) -> Room {
        let shapes = shapes.into_iter();
        let most =
            |size: &dyn Fn((usize, usize)) -> usize| shapes.clone().map(size).max().unwrap_or(0);
        let mut room = Room {
            window: most(&|(steps, lanes)| steps.saturating_mul(lanes)),
            segment: most(&|(steps, lanes)| match recompute {
                true => recomputed_steps(steps, lanes).saturating_mul(lanes),
                false => steps.saturating_mul(lanes),
            }),
            lanes: most(&|(_, lanes)| lanes),
            starts: 0,
        };
        room.starts = most(&|(steps, lanes)| (room.segments(steps, lanes).len() - 1) * lanes);
        room
    }

    /// The segments of a window of `steps` steps and `lanes` lanes, in time: as many steps as there is room for, with an even
    /// number of rows, since bf16 multiplies them in pairs. They are counted from the window's end, so that the first may be
    /// shorter.
    pub fn segments(
        &self,
        steps: usize,
        lanes: usize,
    ) -> impl DoubleEndedIterator<Item = Range<usize>> + ExactSizeIterator + Clone + use<> {
        let most = self.segment / lanes;
        let segment = match steps <= most {
            true => steps,
            false => most - most * lanes % 2,
        };
        let count = steps.div_ceil(segment);
        (0..count).map(move |i| {
            let end = steps - (count - 1 - i) * segment;
            end.saturating_sub(segment)..end
        })
    }
}

/// Steps of a segment where activations are recomputed: √T, so that there are as many states between segments as steps in
/// one, with an even number of rows, and whole blocks of logits where that makes it at most a quarter longer.
fn recomputed_steps(steps: usize, lanes: usize) -> usize {
    let root = steps.isqrt() + usize::from(steps.isqrt().pow(2) < steps);
    let shared = lanes.trailing_zeros().min(LOGIT_ROWS.trailing_zeros());
    let blocks = root.next_multiple_of(LOGIT_ROWS >> shared);
    let segment = if blocks <= root + root / 4 {
        blocks
    } else {
        root.next_multiple_of(1 + lanes % 2)
    };
    segment.min(steps)
}

/// The bytes of a training run, before anything is allocated.
///
/// Not in it: the vocabulary, the token files, which are mapped and not loaded, and the checkpoint
/// that a resumed run holds for a moment beside its own arrays until it has been copied into them
/// (weights, moments and carried states a second time).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrainPlan {
    /// Weights, f32.
    pub weights_bytes: u64,
    /// Their gradients.
    pub gradients_bytes: u64,
    /// The optimiser's moments.
    pub moments_bytes: u64,
    /// Copies of the weights in panels, forward and backward.
    pub packed_bytes: u64,
    /// Activations and their gradients, linear in T; recomputed, in √T, but for a few numbers a position.
    pub window_bytes: u64,
    /// Independent of T: carried states, a block of logits.
    pub fixed_bytes: u64,
}

impl TrainPlan {
    /// The plan for windows that fit into `room`, with an optimiser that keeps `moments` numbers for
    /// each parameter, and products in `format`.
    pub fn new(
        dims: &Dims,
        arena_len: usize,
        moments: usize,
        dropout: bool,
        format: Format,
        room: Room,
    ) -> TrainPlan {
        let f32s = |n: usize| 4 * n as u64;
        let block = room.segment.min(LOGIT_ROWS);
        TrainPlan {
            weights_bytes: f32s(arena_len),
            gradients_bytes: f32s(arena_len),
            moments_bytes: moments as u64 * f32s(arena_len),
            packed_bytes: packed_forward_bytes(dims, format) + packed_backward_bytes(dims, format),
            window_bytes: window_bytes(dims, dropout, format, room),
            fixed_bytes: f32s(block * dims.vocab)
                + Packed::bytes(format, block, 1, dims.hidden) as u64
                // Carried, running, their gradients, and those of validation.
                + 4 * f32s(room.lanes * dims.state_len()),
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
    (lanes * (4 * dims.hidden + 8 + 8 + 4)) as u64
}

/// Weights in panels for x·wᵀ: all that inference needs beside embedding and biases.
pub fn packed_forward_bytes(dims: &Dims, format: Format) -> u64 {
    let gates = dims.cell.gates();
    let layer = |k| {
        Packed::bytes(format, dims.input(k), 1, gates * dims.hidden)
            + Packed::bytes(format, dims.hidden, gates, dims.hidden)
    };
    ((0..dims.layers).map(layer).sum::<usize>() + Packed::bytes(format, dims.hidden, 1, dims.vocab))
        as u64
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
    let stateful = (rows + lanes) * dims.hidden;
    let per_layer = match dims.cell {
        Cell::Elman(_) => stateful,
        Cell::Lstm => rows * 4 * dims.hidden + 2 * stateful,
        Cell::Gru => rows * 4 * dims.hidden + stateful,
    };
    let window = rows * dims.embed + dims.layers * per_layer + rows.min(LOGIT_ROWS) * dims.vocab;
    4 * (arena_len + window + lanes * dims.state_len()) as u64 + packed_forward_bytes(dims, format)
}

/// Weights in panels for dz·w.
fn packed_backward_bytes(dims: &Dims, format: Format) -> u64 {
    let rows = dims.cell.gates() * dims.hidden;
    let layer = |k| {
        Packed::bytes(format, rows, 1, dims.input(k)) + Packed::bytes(format, rows, 1, dims.hidden)
    };
    ((0..dims.layers).map(layer).sum::<usize>() + Packed::bytes(format, dims.vocab, 1, dims.hidden))
        as u64
}

/// What the tape and the two gradient buffers hold, see `net::tape` and `net::layer`, and what is
/// kept for each segment and each position, see `train::bptt`. Saturates, since `--bptt full` makes
/// anything possible.
fn window_bytes(dims: &Dims, dropout: bool, format: Format, room: Room) -> u64 {
    let of = |n: usize| n as u128;
    let (rows, starts) = (of(room.segment), of(room.lanes));
    let (embed, hidden, layers) = (of(dims.embed), of(dims.hidden), of(dims.layers));
    let stateful = (rows + starts) * hidden;
    let per_layer = match dims.cell {
        Cell::Elman(_) => stateful,
        Cell::Lstm => rows * 4 * hidden + 2 * stateful,
        // gates, their gradient at the recurrent product, W_hn h + b_hn, h
        Cell::Gru => rows * 7 * hidden + stateful,
    };
    let dropped = if dropout { layers * rows * hidden } else { 0 };
    let gradients = 2 * rows * embed.max(hidden);
    // As `Packed::bytes`, in wider numbers.
    let words = rows.div_ceil(of(format.per_word()));
    let packed = |cols: usize| words * of(cols.next_multiple_of(16));
    let mut data = packed(dims.hidden);
    if dims.embed != dims.hidden {
        data += packed(dims.embed);
    }
    let kept = of(room.starts) * of(dims.state_len());
    let positions = of(room.window);
    // With tied weights: the embedding rows' own gradient, and the place of each input's row in it.
    let own_rows = match dims.tied {
        true => positions.min(of(dims.vocab)) * embed + rows,
        false => 0,
    };
    let numbers = rows * embed + layers * per_layer + dropped + gradients + data + kept + own_rows;
    (4 * numbers + positions * POSITION_BYTES).min(u128::from(u64::MAX)) as u64
}

/// A position's loss (f64), factor and entry in the list of touched rows, and its input, target and
/// mask in the window, once for training and once for validation.
const POSITION_BYTES: u128 = 8 + 4 + 4 + 2 * 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_cover_the_window_and_are_whole_from_its_end() {
        for lanes in [1, 2, 3, 4, 20, 32, 64, 256, 300] {
            for window in (1..200).chain([9_999, 10_000, 123_457]) {
                let room = Room::for_all([(window, lanes)], true);
                let segment = room.segment / lanes;
                for length in [1, window / 2, window].into_iter().filter(|n| *n > 0) {
                    let segments: Vec<_> = room.segments(length, lanes).collect();
                    assert_eq!(segments[0].start, 0);
                    assert_eq!(segments[segments.len() - 1].end, length);
                    assert!(segments.windows(2).all(|two| two[0].end == two[1].start));
                    for whole in &segments[1..] {
                        assert_eq!(whole.len(), segment);
                        assert_eq!(whole.len() * lanes % 2, 0, "{window} steps, {lanes} lanes");
                    }
                }
                let root = (window as f64).sqrt();
                assert!(segment as f64 <= 1.25 * root.ceil() + 1.0);
                assert!(segment as f64 >= root.floor().min(window as f64));
            }
        }
        // 256 rows are a block of logits.
        assert_eq!(recomputed_steps(10_000, 32), 104);
        let whole = Room::whole(35, 32);
        assert!(whole.segments(20, 32).eq(std::iter::once(0..20)));
    }

    #[test]
    fn room_for_many_shapes_is_room_for_each() {
        let shapes = [(1, 32), (10_000, 1), (35, 32), (999, 3), (400, 7), (2, 31)];
        for recompute in [false, true] {
            let room = Room::for_all(shapes, recompute);
            for (steps, lanes) in shapes {
                let segments: Vec<_> = room.segments(steps, lanes).collect();
                assert!(steps * lanes <= room.window && lanes <= room.lanes);
                assert!((segments.len() - 1) * lanes <= room.starts);
                assert!(segments.iter().all(|s| s.len() * lanes <= room.segment));
                assert!(segments[1..].iter().all(|s| s.len() * lanes % 2 == 0));
                assert_eq!(
                    (segments[0].start, segments[segments.len() - 1].end),
                    (0, steps)
                );
            }
            // Short batches are read at once in the room that the long ones need.
            assert_eq!(room.segments(2, 31).len(), 1);
        }
    }
}
