//! DropConnect on the recurrent weights (Wan et al. 2013; Merity et al. 2018, section 2).
//!
//! ```text
//! W̃_h = M ⊙ W_h          M: 0 with probability p, else 1/(1−p); one for all time steps of a window
//! dW_h += M ⊙ dW̃_h
//! ```
//! The layers see W̃_h in their panels. Its gradient is summed apart, over all segments of a window, and masked when it
//! is added to that of W_h: windows whose gradients come together in one update have masks of their own.

use elman_kernels::Cpu;
use elman_kernels::rng::{Site, key};

/// Masks on the recurrent weights for one training step, drawn from (seed, site, step, row, column).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeightDrop {
    /// Probability that a weight is zeroed, in (0, 1).
    pub p: f32,
    /// Seed of the masks.
    pub seed: u64,
    /// Number of the training step.
    pub step: u64,
}

impl WeightDrop {
    /// Multiplies `w` (G·H, H), the recurrent weights of layer `k` or their gradient, by the mask.
    pub(crate) fn apply(&self, cpu: &Cpu, k: usize, hidden: usize, w: &mut [f32]) {
        let key = key(self.seed, Site::RecurrentWeights(k), self.step);
        // A row of weights stands where a time step would.
        elman_kernels::dropout(cpu, key, self.p, 1, (0, 0), hidden, w);
    }
}
