//! The recurrent state: what a network carries from one step to the next, as a plain value.

use crate::dims::Dims;
use std::ops::Range;

/// Recurrent state of all layers for a batch of B sequences.
///
/// It is a plain value, which can be copied, compared and kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// B: batch size.
    pub batch_size: usize,
    /// State of every layer, from below.
    pub layers: Vec<LayerState>,
}

/// Recurrent state of one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerState {
    /// Hidden state, (B, H).
    pub h: Vec<f32>,
    /// Memory cell of the LSTM, (B, H); empty for cells without one.
    pub c: Vec<f32>,
}

impl State {
    /// Makes the state before any text, which is zero, for batch size `batch_size`.
    pub fn zeros(dims: &Dims, batch_size: usize) -> State {
        let layer = |hidden: &usize| LayerState {
            h: vec![0.0; batch_size * hidden],
            c: match dims.cell.has_memory_cell() {
                true => vec![0.0; batch_size * hidden],
                false => Vec::new(),
            },
        };
        State {
            batch_size,
            layers: dims.hidden.iter().map(layer).collect(),
        }
    }

    /// Resizes to the zero state of batch size `batch_size`; allocates only beyond the largest batch so far.
    pub fn reset(&mut self, batch_size: usize) {
        for numbers in self
            .layers
            .iter_mut()
            .flat_map(|layer| [&mut layer.h, &mut layer.c])
        {
            let width = numbers.len() / self.batch_size;
            numbers.clear();
            numbers.resize(batch_size * width, 0.0);
        }
        self.batch_size = batch_size;
    }

    /// Copies the sequences in the range `sequences` of `other`, which has the same layers.
    pub fn copy_sequences(&mut self, other: &State, sequences: Range<usize>) {
        assert!(
            sequences.end <= other.batch_size,
            "sequences {sequences:?} of {}",
            other.batch_size
        );
        let of = |all: &[f32]| {
            let width = all.len() / other.batch_size;
            sequences.start * width..sequences.end * width
        };
        for (layer, other) in self.layers.iter_mut().zip(&other.layers) {
            layer.h.clear();
            layer.h.extend_from_slice(&other.h[of(&other.h)]);
            layer.c.clear();
            layer.c.extend_from_slice(&other.c[of(&other.c)]);
        }
        self.batch_size = sequences.len();
    }

    /// Number of values in the state, over all sequences and layers.
    pub fn size(&self) -> usize {
        self.numbers().map(|numbers| numbers.len()).sum()
    }

    /// Copies all values into `to`, whose length is [`State::size`].
    pub fn save(&self, to: &mut [f32]) {
        let mut rest = to;
        for numbers in self.numbers() {
            let (here, after) = rest.split_at_mut(numbers.len());
            here.copy_from_slice(numbers);
            rest = after;
        }
    }

    /// Restores the values that [`State::save`] wrote for the same batch size.
    pub fn load(&mut self, from: &[f32]) {
        let mut rest = from;
        for numbers in self
            .layers
            .iter_mut()
            .flat_map(|layer| [&mut layer.h, &mut layer.c])
        {
            let (here, after) = rest.split_at(numbers.len());
            numbers.copy_from_slice(here);
            rest = after;
        }
    }

    fn numbers(&self) -> impl Iterator<Item = &Vec<f32>> {
        self.layers.iter().flat_map(|layer| [&layer.h, &layer.c])
    }

    /// Whether all values are zero, as before any text.
    pub fn is_zero(&self) -> bool {
        let numbers = |layer: &LayerState| layer.h.iter().chain(&layer.c).all(|x| *x == 0.0);
        self.layers.iter().all(numbers)
    }

    /// Copies the sequences with the indices `from`, in that order; an index may occur several times.
    pub fn select(&self, from: &[usize]) -> State {
        let gather = |all: &[f32]| {
            let width = all.len() / self.batch_size;
            let mut selected = Vec::with_capacity(from.len() * width);
            for &i in from {
                selected.extend_from_slice(&all[i * width..(i + 1) * width]);
            }
            selected
        };
        let layer = |layer: &LayerState| LayerState {
            h: gather(&layer.h),
            c: gather(&layer.c),
        };
        State {
            batch_size: from.len(),
            layers: self.layers.iter().map(layer).collect(),
        }
    }

    /// Replaces sequence `to[i]` with sequence i of `other`, which has the same layers.
    pub fn put(&mut self, to: &[usize], other: &State) {
        assert_eq!(to.len(), other.batch_size, "one place for each sequence");
        let scatter = |all: &mut [f32], other: &[f32]| {
            let width = other.len() / to.len();
            for (i, &sequence) in to.iter().enumerate() {
                all[sequence * width..(sequence + 1) * width]
                    .copy_from_slice(&other[i * width..(i + 1) * width]);
            }
        };
        for (layer, other) in self.layers.iter_mut().zip(&other.layers) {
            scatter(&mut layer.h, &other.h);
            scatter(&mut layer.c, &other.c);
        }
    }

    /// Sets all values to zero.
    pub fn set_zero(&mut self) {
        for layer in &mut self.layers {
            layer.h.fill(0.0);
            layer.c.fill(0.0);
        }
    }
}
