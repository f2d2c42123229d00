//! Dropout of activations and of words.
//!
//! Where Zaremba et al. (2014, section 3.1) put it: on the input of every layer and of the output
//! layer, never on the recurrent connection, each place with a probability of its own. *Variational*
//! (Gal and Ghahramani 2016): one mask for all time steps of a window. *Of the embedding* (the same,
//! section 4.2): all occurrences of a word in a step are dropped or kept together.
//!
//! Not here: dropout of the recurrent weights, see [`super::weight_drop`].

use super::weight_drop::WeightDrop;
use crate::dims::TrainingBuffers;
use elman_kernels::rng::{Site, key};
use elman_kernels::{Cpu, drop_ids};

/// Dropout probabilities in [0, 1), one for each place; all 0 without dropout.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// Probability for a unit of the first layer's input.
    pub input: f32,
    /// Probability for a unit between two layers.
    pub between: f32,
    /// Probability for a unit of the top layer's output.
    pub output: f32,
    /// Probability for a row of the embedding table.
    pub embed: f32,
    /// Probability for an element of a recurrent matrix (weight drop).
    pub weight: f32,
    /// Whether one mask holds for all steps of a window (Gal and Ghahramani 2016), instead of one for each step.
    pub variational: bool,
}

impl Rates {
    /// Uses the probability `p` for the input, between layers and for the output, and 0 elsewhere.
    pub fn same(p: f32) -> Rates {
        Rates {
            input: p,
            between: p,
            output: p,
            ..Rates::default()
        }
    }

    /// Whether any probability is above 0.
    pub fn any(&self) -> bool {
        let Rates {
            input,
            between,
            output,
            embed,
            weight,
            variational: _,
        } = *self;
        [input, between, output, embed, weight]
            .iter()
            .any(|p| *p > 0.0)
    }

    /// Buffers that training needs for these rates.
    pub fn buffers(&self) -> TrainingBuffers {
        TrainingBuffers {
            dropped: self.between > 0.0 || self.output > 0.0,
            recurrent: self.weight > 0.0,
            ..TrainingBuffers::default()
        }
    }

    /// At the input of layer `k` of `layers`; for k = L, of the output layer.
    fn at(&self, k: usize, layers: usize) -> f32 {
        match k {
            0 => self.input,
            k if k < layers => self.between,
            _ => self.output,
        }
    }
}

/// Dropout of one training step: probabilities, and the key of the random masks.
///
/// Forward and backward draw the same masks from (seed, site, step, t, sequence, unit), so no mask is stored.
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    /// Dropout probabilities.
    pub rates: Rates,
    /// Seed of the masks.
    pub seed: u64,
    /// Number of the training step, which makes its masks differ from those of other steps.
    pub step: u64,
    /// Time step of the window at which the inputs begin: 0 except for a later part of a window.
    pub first: usize,
    /// Sequence of the batch at which the inputs begin: 0 except for a later part of a batch.
    pub first_sequence: usize,
}

impl Dropout {
    /// Multiplies `x` (T, B, n), the input of layer `k` of `layers` (k = L: of the output layer), by its mask.
    pub(crate) fn apply(
        &self,
        cpu: &Cpu,
        (k, layers): (usize, usize),
        batch_size: usize,
        units: usize,
        x: &mut [f32],
    ) {
        let p = self.rates.at(k, layers);
        let key = key(self.seed, Site::Dropout(k), self.step);
        let first = self.first_sequence;
        if self.rates.variational {
            for x in x.chunks_exact_mut(batch_size * units) {
                elman_kernels::dropout(cpu, key, p, batch_size, (0, first), units, x);
            }
        } else {
            elman_kernels::dropout(cpu, key, p, batch_size, (self.first, first), units, x);
        }
    }

    /// Multiplies each row of `x` (T, B, E) by the multiplier of its word, `ids` (T, B).
    pub(crate) fn apply_to_words(&self, cpu: &Cpu, ids: &[u32], x: &mut [f32]) {
        let key = key(self.seed, Site::EmbeddingRows, self.step);
        drop_ids(cpu, key, self.rates.embed, ids, x);
    }

    /// Whether the layers' outputs after dropout are kept beside those before it.
    pub fn copies(&self) -> bool {
        self.rates.buffers().dropped
    }

    /// Masks of the recurrent weights; `None` if their probability is 0.
    pub fn weight_drop(&self) -> Option<WeightDrop> {
        (self.rates.weight > 0.0).then_some(WeightDrop {
            p: self.rates.weight,
            seed: self.seed,
            step: self.step,
        })
    }
}
