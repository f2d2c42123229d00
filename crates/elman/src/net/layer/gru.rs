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

use super::{Backward, Forward, Weights};
use crate::net::params::TensorId;
use elman_kernels::{add_column_sums, gru_backward, gru_forward};

#[derive(Clone, Copy, Debug)]
pub struct Gru {
    pub(crate) weights: Weights,
    /// (H)
    pub(crate) b_hn: TensorId,
}

impl Gru {
    /// Leaves activated gates, q and h in the tape.
    pub(crate) fn forward(&self, pass: Forward) {
        let Forward {
            cpu,
            params,
            panels,
            x,
            rows,
            size,
            tape,
        } = pass;
        let len = rows * self.weights.hidden;
        let gates = &mut tape.gates[..3 * len];
        self.weights.input_product(cpu, params, panels, x, gates);
        let (h0, h) = tape.h.split_at_mut(size);
        let (q, h) = (&mut tape.hn[..len], &mut h[..len]);
        let b_hn = &params[self.b_hn];
        gru_forward(cpu, &panels.h, b_hn, h0, gates, q, h);
    }

    pub(crate) fn backward(&self, pass: Backward) {
        let Backward {
            cpu,
            panels,
            x,
            dh,
            d_state,
            tape,
            data,
            dparams,
            dx,
        } = pass;
        let (size, len) = (d_state.h.len(), dh.len());
        let (h0, h) = (&tape.h[..size], &tape.h[size..size + len]);
        let (dz, dz_h) = (&mut tape.gates[..3 * len], &mut tape.dz_h[..3 * len]);
        let (q, dh_next) = (&tape.hn[..len], &mut d_state.h);
        gru_backward(cpu, &panels.h, h0, h, q, dz, dz_h, dh, dh_next);
        let (dz, dz_h, h_prev) = (&*dz, &*dz_h, &tape.h[..len]);
        self.weights
            .gradients(cpu, panels, (dz, dz_h), (x, h_prev), data, dparams, dx);
        // Only the n part of the recurrent product has a bias.
        let hidden = self.weights.hidden;
        let mut sums = vec![0.0; 3 * hidden];
        add_column_sums(cpu, dz_h, &mut sums);
        let db_hn = dparams[self.b_hn].iter_mut();
        db_hn
            .zip(&sums[2 * hidden..])
            .for_each(|(d, sum)| *d += sum);
    }
}
