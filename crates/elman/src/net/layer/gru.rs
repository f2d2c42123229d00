//! The gated recurrent unit (Cho et al. 2014) in PyTorch's form: the reset gate acts after the
//! recurrent product, whose n part therefore has a bias of its own. Gates r, z, n.
//!
//! ```text
//! r, z = σ(W_x x_t + W_h h_{t−1} + b)         q = W_hn h_{t−1} + b_hn
//! n = tanh(W_xn x_t + b_n + r ⊙ q)            h_t = (1 − z) ⊙ n + z ⊙ h_{t−1}
//! ```
//! Backward, with dh = dh_t + dh_next and primes for gradients before the activation:
//! ```text
//! dn′ = dh ⊙ (1−z) ⊙ (1−n²)     dz′ = dh ⊙ (h_{t−1} − n) ⊙ z(1−z)     dr′ = dn′ ⊙ q ⊙ r(1−r)
//! at the input product (dr′, dz′, dn′), at the recurrent product (dr′, dz′, dn′ ⊙ r)
//! dh_next = dh ⊙ z + W_hᵀ (dr′, dz′, dn′ ⊙ r)
//! ```
//! docs/MATH.md derives them.

use super::LayerState;
use crate::net::gradients::Gradients;
use crate::net::params::{Params, TensorId};
use crate::net::tape::LayerTape;
use elman_kernels::{Cpu, Packed, add_column_sums, gru_backward, gru_forward};
use std::ops::Range;

#[derive(Clone, Copy, Debug)]
pub struct Gru {
    /// (H)
    pub(crate) b_hn: TensorId,
}

impl Gru {
    /// From z in `tape.gates`, over the steps of `span`, which counts T·B·H, and from `state`. Leaves activated gates, q and h.
    pub(crate) fn forward(
        &self,
        cpu: &Cpu,
        w_h: &Packed,
        params: &Params,
        span: Range<usize>,
        state: &LayerState,
        tape: &mut LayerTape,
    ) {
        let gates = &mut tape.gates[3 * span.start..3 * span.end];
        let q = &mut tape.q[span.clone()];
        let h = &mut tape.h[state.h.len()..][span];
        gru_forward(cpu, w_h, &params[self.b_hn], &state.h, gates, q, h);
    }

    /// The gates of the steps of `span` become the gradient at the input product; `tape.dz_h` that at the recurrent one.
    /// `before` is the state before them, `dh` (T, B, H) theirs.
    pub(crate) fn backward(
        &self,
        cpu: &Cpu,
        w_h: &Packed,
        span: Range<usize>,
        before: &LayerState,
        dh: &[f32],
        d_state: &mut LayerState,
        tape: &mut LayerTape,
    ) {
        let gates = 3 * span.start..3 * span.end;
        let (gates, dz_h) = (&mut tape.gates[gates.clone()], &mut tape.dz_h[gates]);
        let q = &tape.q[span.clone()];
        let (h0, h) = (&before.h, &tape.h[before.h.len()..][span]);
        gru_backward(cpu, w_h, h0, h, q, gates, dz_h, dh, &mut d_state.h);
    }

    /// db_hn += Σ of the n part of `dz_h` (T, B, 3H): only there the recurrent product has a bias.
    pub(crate) fn bias_gradient(&self, cpu: &Cpu, dz_h: &[f32], dparams: &mut Gradients) {
        let db_hn = dparams.sums(self.b_hn);
        let (width, first) = (3 * db_hn.len(), 2 * db_hn.len());
        add_column_sums(cpu, dz_h, width, first, db_hn);
    }
}
