//! From a text to windows: T time steps of B sequences that are read side by side.
//!
//! A [`Window`] is the input of the network in either layout: [`stream`] cuts the whole text into B parts,
//! [`sentences`] makes every line a sequence. Padding is a mask: positions without a token have weight 0, and neither
//! loss nor gradient depends on them. Positions outside answers have weight 0 too, where a [`AnswerMask`] says where
//! answers begin.
//!
//! It carries no hidden state, which belongs to training.

mod answer_mask;
mod restarts;
pub mod sentences;
pub mod stream;
mod unknowns;

pub use answer_mask::AnswerMask;
pub use restarts::Restarts;
pub use sentences::Sentences;
pub use stream::Stream;
pub use unknowns::Unknowns;

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Layout of a training text: one continuous stream, or a sequence for each line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// The whole text is one sequence, and the state is carried through it.
    #[default]
    Stream,
    /// Every line is a sequence, which begins with `<eos>` and the zero state.
    Sentences,
}

impl Layout {
    /// Name on the command line and in files: `stream` or `sentences`.
    pub fn name(self) -> &'static str {
        match self {
            Layout::Stream => "stream",
            Layout::Sentences => "sentences",
        }
    }
}

/// Window of T time steps of B sequences, time-major: entry (t, b) is at index `t * batch_size + b`.
///
/// The memory is reused from window to window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    /// T: number of time steps.
    pub steps: usize,
    /// B: number of sequences, the batch size.
    pub batch_size: usize,
    /// Input tokens, (T, B).
    pub inputs: Vec<u32>,
    /// Target tokens, (T, B).
    pub targets: Vec<u32>,
    /// Loss weights, (T, B): 1 where a token is predicted, otherwise 0.
    ///
    /// It is 0 for padding, outside answers, and where an overlapping window has predicted the token already.
    pub weight: Vec<f32>,
    /// Number of predicted tokens: the sum of `weight`.
    pub real: usize,
    /// Number of steps after which the next window begins: all of them, unless windows overlap.
    pub carry: usize,
    /// Whether a sequence begins a text at each position, from the zero state, (T, B).
    ///
    /// Empty if none does after the window's first step.
    pub begins: Vec<bool>,
    /// Part of the text that each sequence reads, (B); parts are numbered in the order of the text.
    pub parts: Vec<u32>,
}

impl Window {
    /// Allocates a window for up to `positions` positions and batch size `batch_size`.
    pub fn with_room(positions: usize, batch_size: usize) -> Window {
        Window {
            inputs: Vec::with_capacity(positions),
            targets: Vec::with_capacity(positions),
            weight: Vec::with_capacity(positions),
            begins: Vec::with_capacity(positions),
            parts: Vec::with_capacity(batch_size),
            ..Window::default()
        }
    }

    /// Makes `to` a window of the sequences in the range `sequences`, with all steps of this one.
    pub fn copy_sequences(&self, sequences: Range<usize>, to: &mut Window) {
        fn copy<T: Copy>(from: &[T], batch_size: usize, sequences: &Range<usize>, to: &mut Vec<T>) {
            to.clear();
            for step in from.chunks_exact(batch_size) {
                to.extend_from_slice(&step[sequences.clone()]);
            }
        }
        let (all, these) = (self.batch_size, &sequences);
        copy(&self.inputs, all, these, &mut to.inputs);
        copy(&self.targets, all, these, &mut to.targets);
        copy(&self.weight, all, these, &mut to.weight);
        copy(&self.begins, all, these, &mut to.begins);
        to.parts.clear();
        to.parts.extend_from_slice(&self.parts[sequences.clone()]);
        (to.steps, to.batch_size, to.carry) = (self.steps, sequences.len(), self.carry);
        to.real = to.weight.iter().filter(|weight| **weight > 0.0).count();
    }

    /// Becomes a window of padding, whose inputs are `pad`.
    fn clear(&mut self, steps: usize, batch_size: usize, pad: u32) {
        let cells = steps * batch_size;
        (self.steps, self.batch_size, self.real, self.carry) = (steps, batch_size, 0, steps);
        for (ids, value) in [(&mut self.inputs, pad), (&mut self.targets, 0)] {
            ids.clear();
            ids.resize(cells, value);
        }
        self.weight.clear();
        self.weight.resize(cells, 0.0);
        self.begins.clear();
        self.parts.clear();
    }

    /// Sets the weight of the first `steps` steps to 0, because the previous window has predicted them.
    pub fn mask(&mut self, steps: usize) {
        let seen = &mut self.weight[..steps * self.batch_size];
        self.real -= seen.iter().filter(|weight| **weight > 0.0).count();
        seen.fill(0.0);
    }

    /// Makes `sequence` begin a text at step `t`, with the input `eos`.
    fn begin(&mut self, t: usize, sequence: usize, eos: u32) {
        // Most windows have no beginning, and need no flags.
        self.begins.resize(self.steps * self.batch_size, false);
        self.begins[t * self.batch_size + sequence] = true;
        self.inputs[t * self.batch_size + sequence] = eos;
    }

    /// Whether `sequence` begins a text at step `t`.
    pub fn begins_at(&self, t: usize, sequence: usize) -> bool {
        let cell = t * self.batch_size + sequence;
        self.begins.get(cell).is_some_and(|begins| *begins)
    }

    /// Part of [`Window::begins`] for the given rows; empty if no text begins in the window.
    pub fn begins_of(&self, rows: Range<usize>) -> &[bool] {
        self.begins.get(rows).unwrap_or(&[])
    }

    /// Adds a sequence that reads `targets` and predicts those of the range `predicted`, its first input being `input`; it is part
    /// `part` of the text.
    fn push_sequence(&mut self, part: u32, input: u32, targets: &[u32], predicted: Range<usize>) {
        let sequence = self.parts.len();
        self.parts.push(part);
        self.real += predicted.len();
        let mut input = input;
        for (t, &target) in targets.iter().enumerate() {
            let cell = t * self.batch_size + sequence;
            self.inputs[cell] = input;
            self.targets[cell] = target;
            self.weight[cell] = f32::from(predicted.contains(&t));
            input = target;
        }
    }
}
