//! The Elman cell (Elman 1990), the recurrent network of the chapter.
//!
//! ```text
//! z_t = W_hx x_t + W_hh h_{t−1} + b          h_t = σ(z_t)          σ: sigmoid, tanh or relu
//! ```
//! Backward, from dh_t (from above) and dh_next (from t+1):
//! ```text
//! dz_t = (dh_t + dh_next) ⊙ σ′(z_t)          dh_next ← W_hhᵀ dz_t
//! σ′ through the output alone: sigmoid h(1−h), tanh 1−h², relu [h > 0]
//! ```

use super::LayerState;
use crate::net::tape::LayerTape;
use elman_kernels::{Activation, Cpu, Packed, elman_backward, elman_forward};
use std::ops::Range;

#[derive(Clone, Copy, Debug)]
pub struct Elman {
    pub(crate) activation: Activation,
}

impl Elman {
    /// From z in the place of h, over the steps of `span`, which counts T·B·H, and from `state`. Leaves h in the tape.
    pub(crate) fn forward(
        &self,
        cpu: &Cpu,
        w_h: &Packed,
        span: Range<usize>,
        state: &LayerState,
        tape: &mut LayerTape,
    ) {
        let h = &mut tape.h[state.h.len()..][span];
        elman_forward(cpu, self.activation, w_h, &state.h, h);
    }

    /// dh (T, B, H) of the steps of `span` becomes dz.
    pub(crate) fn backward(
        &self,
        cpu: &Cpu,
        w_h: &Packed,
        span: Range<usize>,
        dh: &mut [f32],
        d_state: &mut LayerState,
        tape: &LayerTape,
    ) {
        let h = &tape.h[d_state.h.len()..][span];
        elman_backward(cpu, self.activation, w_h, h, dh, &mut d_state.h);
    }
}
