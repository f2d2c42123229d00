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

use super::{BackPanels, Data, LayerState, Panels, Weights};
use crate::net::params::{Params, TensorId};
use crate::net::tape::LayerTape;
use elman_kernels::{Cpu, add_column_sums, gru_backward, gru_forward};

#[derive(Clone, Copy, Debug)]
pub struct Gru {
    pub(crate) weights: Weights,
    /// (H)
    pub(crate) b_hn: TensorId,
}

impl Gru {
    /// `x` (T, B, in) → h in the tape; `size` = B·H.
    pub(crate) fn forward(
        &self,
        cpu: &Cpu,
        params: &Params,
        panels: &Panels,
        x: &[f32],
        rows: usize,
        size: usize,
        tape: &mut LayerTape,
    ) {
        let len = rows * self.weights.hidden;
        let gates = &mut tape.gates[..3 * len];
        self.weights
            .input_product(cpu, params, panels, x, rows, gates);
        let (h0, h) = tape.h.split_at_mut(size);
        let (hn, h) = (&mut tape.hn[..len], &mut h[..len]);
        gru_forward(cpu, &panels.h, &params[self.b_hn], h0, gates, hn, h);
    }

    pub(crate) fn backward(
        &self,
        cpu: &Cpu,
        panels: &BackPanels,
        x: &[f32],
        dh: &mut [f32],
        d_state: &mut LayerState,
        tape: &mut LayerTape,
        data: Data,
        dparams: &mut Params,
        dx: &mut [f32],
    ) {
        let (size, len) = (d_state.h.len(), dh.len());
        let (h0, h) = (&tape.h[..size], &tape.h[size..size + len]);
        let (dz, dz_h) = (&mut tape.gates[..3 * len], &mut tape.dz_h[..3 * len]);
        gru_backward(
            cpu,
            &panels.h,
            h0,
            h,
            &tape.hn[..len],
            dz,
            dz_h,
            dh,
            &mut d_state.h,
        );
        let h_prev = &tape.h[..len];
        self.weights
            .gradients(cpu, panels, dz, dz_h, x, h_prev, data, dparams, dx);
        // Only the n part of the recurrent product has a bias.
        let mut sums = vec![0.0; 3 * self.weights.hidden];
        add_column_sums(cpu, dz_h, &mut sums);
        for (d, sum) in dparams[self.b_hn]
            .iter_mut()
            .zip(&sums[2 * self.weights.hidden..])
        {
            *d += sum;
        }
    }
}
