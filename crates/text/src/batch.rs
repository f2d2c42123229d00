//! From a text to windows: T time steps of B lanes that are read side by side.
//!
//! A [`Window`] is what the network is given, whichever way the text is laid out: [`stream`] cuts the whole text into B lanes,
//! [`sentences`] makes every line a sequence. Padding is a mask: positions without a token have weight 0, and neither loss nor gradient knows of them.
//! So is what is no answer, where a [`Mark`] says where answers begin.
//!
//! What it does not do: it carries no hidden state, which belongs to training.

mod mark;
mod restarts;
pub mod sentences;
pub mod stream;

pub use mark::Mark;
pub use restarts::Restarts;
pub use sentences::Sentences;
pub use stream::Stream;

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// How a text becomes sequences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// The whole text is one, and the state is carried through it.
    #[default]
    Stream,
    /// Every line is one, and begins with `<eos>` and the zero state.
    Sentences,
}

impl Layout {
    pub fn name(self) -> &'static str {
        match self {
            Layout::Stream => "stream",
            Layout::Sentences => "sentences",
        }
    }
}

/// T time steps of B lanes, time-major: entry (t, b) stands at `t * lanes + b`. Reused from window to window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    /// T
    pub steps: usize,
    /// B
    pub lanes: usize,
    /// (T, B)
    pub inputs: Vec<u32>,
    /// (T, B)
    pub targets: Vec<u32>,
    /// (T, B): 1 where a token is predicted, 0 where there is none, where it is no answer, or where the window before has
    /// predicted it.
    pub weight: Vec<f32>,
    /// How many tokens are predicted: the sum of `weight`.
    pub real: usize,
    /// Steps after which the next window begins: all of them, unless windows overlap.
    pub carry: usize,
    /// (T, B): whether the lane begins a text here, from the zero state. Empty if none does after the window's beginning.
    pub begins: Vec<bool>,
    /// (B): which part of the text each lane reads, the parts being numbered in the order of the text.
    pub parts: Vec<u32>,
}

impl Window {
    /// With room for so many positions and lanes.
    pub fn with_room(positions: usize, lanes: usize) -> Window {
        Window {
            inputs: Vec::with_capacity(positions),
            targets: Vec::with_capacity(positions),
            weight: Vec::with_capacity(positions),
            begins: Vec::with_capacity(positions),
            parts: Vec::with_capacity(lanes),
            ..Window::default()
        }
    }

    /// Becomes a window of padding, whose inputs are `pad`.
    fn clear(&mut self, steps: usize, lanes: usize, pad: u32) {
        let cells = steps * lanes;
        (self.steps, self.lanes, self.real, self.carry) = (steps, lanes, 0, steps);
        for (ids, value) in [(&mut self.inputs, pad), (&mut self.targets, 0)] {
            ids.clear();
            ids.resize(cells, value);
        }
        self.weight.clear();
        self.weight.resize(cells, 0.0);
        self.begins.clear();
        self.parts.clear();
    }

    /// Takes the weight from the first `steps` steps, which the window before has predicted.
    pub fn mask(&mut self, steps: usize) {
        let seen = &mut self.weight[..steps * self.lanes];
        self.real -= seen.iter().filter(|weight| **weight > 0.0).count();
        seen.fill(0.0);
    }

    /// Lets `lane` begin a text at step `t`, with the input `eos`.
    fn begin(&mut self, t: usize, lane: usize, eos: u32) {
        // Most windows have no beginning, and need no flags.
        self.begins.resize(self.steps * self.lanes, false);
        self.begins[t * self.lanes + lane] = true;
        self.inputs[t * self.lanes + lane] = eos;
    }

    /// Whether `lane` begins a text at step `t`.
    pub fn begins_at(&self, t: usize, lane: usize) -> bool {
        let cell = t * self.lanes + lane;
        self.begins.get(cell).is_some_and(|begins| *begins)
    }

    /// [`Window::begins`] of some rows; empty if no lane begins in the window.
    pub fn begins_of(&self, rows: Range<usize>) -> &[bool] {
        self.begins.get(rows).unwrap_or(&[])
    }

    /// Adds a lane that reads `targets` and predicts those of the range `predicted`, its first input being `input`; it is part
    /// `part` of the text.
    fn push_lane(&mut self, part: u32, input: u32, targets: &[u32], predicted: Range<usize>) {
        let lane = self.parts.len();
        self.parts.push(part);
        self.real += predicted.len();
        let mut input = input;
        for (t, &target) in targets.iter().enumerate() {
            let cell = t * self.lanes + lane;
            self.inputs[cell] = input;
            self.targets[cell] = target;
            self.weight[cell] = f32::from(predicted.contains(&t));
            input = target;
        }
    }
}
