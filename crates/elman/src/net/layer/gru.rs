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

#[derive(Clone, Copy, Debug)]
pub struct Gru {
    /// (H)
    pub(crate) b_hn: TensorId,
}

impl Gru {
    /// From z in `tape.gates`; `len` = T·B·H, `size` = B·H. Leaves activated gates, q and h.
    pub(crate) fn forward(
        &self,
        cpu: &Cpu,
        w_h: &Packed,
        params: &Params,
        size: usize,
        len: usize,
        tape: &mut LayerTape,
    ) {
        let gates = &mut tape.gates[..3 * len];
        let (h0, h) = tape.h.split_at_mut(size);
        let (q, h) = (&mut tape.q[..len], &mut h[..len]);
        gru_forward(cpu, w_h, &params[self.b_hn], h0, gates, q, h);
    }

    /// The gates become the gradient at the input product; `tape.dz_h` that at the recurrent one.
    pub(crate) fn backward(
        &self,
        cpu: &Cpu,
        w_h: &Packed,
        dh: &[f32],
        d_state: &mut LayerState,
        tape: &mut LayerTape,
    ) {
        let (size, len) = (d_state.h.len(), dh.len());
        let (h0, h) = (&tape.h[..size], &tape.h[size..size + len]);
        let (gates, dz_h) = (&mut tape.gates[..3 * len], &mut tape.dz_h[..3 * len]);
        let q = &tape.q[..len];
        gru_backward(cpu, w_h, h0, h, q, gates, dz_h, dh, &mut d_state.h);
    }

    /// db_hn += Σ of the n part of `dz_h` (T, B, 3H): only there the recurrent product has a bias.
    pub(crate) fn bias_gradient(&self, cpu: &Cpu, dz_h: &[f32], dparams: &mut Gradients) {
        let db_hn = dparams.sums(self.b_hn);
        let (width, first) = (3 * db_hn.len(), 2 * db_hn.len());
        add_column_sums(cpu, dz_h, width, first, db_hn);
    }
}
