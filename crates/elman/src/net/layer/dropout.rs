//! Dropout where Zaremba et al. (2014, section 3.1) put it: on the input of every layer and of the
//! output layer, never on the recurrent connection.

use crate::rng::{Site, key};
use elman_kernels::Cpu;

/// The dropout of one training step. Forward and backward multiply by the same numbers, drawn
/// anew each time from (seed, site, step, t, lane, unit), so no mask is stored.
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    /// Probability of zeroing a unit, in [0, 1).
    pub p: f32,
    pub seed: u64,
    pub step: u64,
    /// The time step of the window at which what is read begins.
    pub first: usize,
}

impl Dropout {
    /// Multiplies `x` (T, B, n), the input of layer `k` (k = L: of the output layer), by its mask.
    pub(crate) fn apply(&self, cpu: &Cpu, k: usize, lanes: usize, units: usize, x: &mut [f32]) {
        let key = key(self.seed, Site::Dropout(k), self.step);
        elman_kernels::dropout(cpu, key, self.p, lanes, (self.first, 0), units, x);
    }
}
