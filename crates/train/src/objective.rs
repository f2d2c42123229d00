//! The objective that a window's gradient minimises: its losses as one number, with label smoothing and penalties if they are on.
//!
//! ```text
//! J = 1/D · Σ_r w_r loss_r  +  N/D · ( α · mean (m ⊙ h)²  +  β · mean (h_t − h_{t−1})² )
//! ```
//! over the N positions that carry loss (w_r = 1), with D = N ([`LossNorm::Tokens`]) or B ([`LossNorm::Sequences`]). Means are
//! over these positions, or the pairs of neighbours among them, and all units of the top layer: so with D = N the
//! coefficients are those of the published code (Merity, Keskar and Socher 2018), and in the other norm a penalty keeps its
//! size beside the loss. docs/MATH.md, section 8, says more.
//!
//! What is reported as a loss is −ln ŷ alone.

use super::bptt::LossNorm;
use elman_net::layer::penalty::Penalties;
use elman_text::Window;

/// The objective of training: how losses are averaged, label smoothing and penalties.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// How the losses of positions are averaged.
    pub norm: LossNorm,
    /// Share of each label that is spread over the vocabulary (label smoothing), in [0, 1).
    pub smoothing: f32,
    /// α of activation regularisation: penalty on the top layer's activations (Merity et al. 2017).
    pub ar: f64,
    /// β of temporal activation regularisation: penalty on their changes from step to step (Merity et al. 2017).
    pub tar: f64,
}

impl From<LossNorm> for Objective {
    /// The mean loss without smoothing and penalties.
    fn from(norm: LossNorm) -> Objective {
        Objective {
            norm,
            smoothing: 0.0,
            ar: 0.0,
            tar: 0.0,
        }
    }
}

/// Counts of a batch that its objective is averaged over; they are those of the whole batch where a window holds a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LossCounts {
    /// N, the number of positions that carry loss.
    positions: usize,
    /// B, the number of sequences.
    sequences: usize,
    /// Number of pairs of neighbours that TAR is a mean over; not counted without TAR.
    pairs: usize,
}

/// The sequences of a batch that a window holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchPart {
    /// Number of sequences of the batch before those of the window.
    pub first: usize,
    /// Counts of the whole batch.
    pub counts: LossCounts,
}

impl Objective {
    /// Counts the positions, sequences and pairs of `window`.
    pub fn counts(&self, window: &Window) -> LossCounts {
        let mut pairs = 0;
        if self.tar > 0.0 {
            let weight = &window.weight;
            let neighbours = weight.iter().zip(weight.iter().skip(window.batch_size));
            let begins = |row: usize| window.begins.get(row + window.batch_size) == Some(&true);
            let pairs_of = neighbours
                .enumerate()
                .filter(|(row, (a, b))| **a > 0.0 && **b > 0.0 && !begins(*row));
            pairs = pairs_of.count();
        }
        LossCounts {
            positions: window.real,
            sequences: window.batch_size,
            pairs,
        }
    }

    /// The whole of the batch `window`.
    pub fn whole(&self, window: &Window) -> BatchPart {
        BatchPart {
            first: 0,
            counts: self.counts(window),
        }
    }

    /// D of a batch.
    pub(super) fn divisor(&self, counts: LossCounts) -> usize {
        match self.norm {
            LossNorm::Tokens => counts.positions.max(1),
            LossNorm::Sequences => counts.sequences,
        }
    }

    /// The penalties for the part of `window` that begins at row `start`; `weight` (T, B) are the factors of its positions,
    /// `units` is the H of the top layer, and `counts` are those of the batch.
    pub(super) fn penalties<'a>(
        &self,
        counts: LossCounts,
        window: &'a Window,
        weight: &'a [f32],
        start: usize,
        units: usize,
    ) -> Penalties<'a> {
        let scale = 2.0 / (self.divisor(counts) * units) as f64;
        let mut tar = 0.0;
        if self.tar > 0.0 {
            tar = self.tar * scale * counts.positions as f64 / counts.pairs.max(1) as f64;
        }
        Penalties {
            ar: (self.ar * scale) as f32,
            tar: tar as f32,
            weight,
            begins: &window.begins,
            start,
        }
    }
}
