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

impl Objective {
    /// D of `window`.
    pub(super) fn divisor(&self, window: &Window) -> usize {
        match self.norm {
            LossNorm::Tokens => window.real.max(1),
            LossNorm::Sequences => window.batch_size,
        }
    }

    /// The penalties for the part of `window` that begins at row `start`; `weight` (T, B) are the factors of its positions,
    /// `units` is the H of the top layer.
    pub(super) fn penalties<'a>(
        &self,
        window: &'a Window,
        weight: &'a [f32],
        start: usize,
        units: usize,
    ) -> Penalties<'a> {
        let scale = 2.0 / (self.divisor(window) * units) as f64;
        let mut tar = 0.0;
        if self.tar > 0.0 {
            let neighbours = weight.iter().zip(weight.iter().skip(window.batch_size));
            let begins = |row: usize| window.begins.get(row + window.batch_size) == Some(&true);
            let pairs = neighbours
                .enumerate()
                .filter(|(row, (a, b))| **a > 0.0 && **b > 0.0 && !begins(*row));
            let pairs = pairs.count().max(1);
            tar = self.tar * scale * window.real as f64 / pairs as f64;
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
