//! The gated recurrent unit (K. Cho et al., "Learning Phrase Representations", 2014) in PyTorch's form: the
//! reset gate acts after the recurrent product, whose n part therefore has a bias of its own. Gates r, z, n.
//!
//! Forward, with z = W_x x_t + b + W_h h_{t−1} for the gates r and z, and only W_x x_t + b for n:
//!
//! ```text
//! r, z = σ(z_r), σ(z_z)                  q = W_hn h_{t−1} + b_hn
//! n = tanh(z_n + r ⊙ q)                  h_t = (1 − z) ⊙ n + z ⊙ h_{t−1}
//! ```
//!
//! Backward, dh being the gradient at h_t:
//!
//! ```text
//! dz_n = dh ⊙ (1 − z) ⊙ (1 − n²)         dz_z = dh ⊙ (h_{t−1} − n) ⊙ z(1 − z)
//! dz_r = dz_n ⊙ q ⊙ r(1 − r)             dq   = dz_n ⊙ r
//! dh_{t−1} = dh ⊙ z
//! ```

use super::Activation::{Sigmoid, Tanh};
use super::{Backward, Equations, Forward, Gate, Gradients, Number};

/// Equations of the gated recurrent unit, in PyTorch's form.
#[derive(Clone, Copy, Debug)]
pub struct Gru;

impl Equations<3, 1> for Gru {
    const NAME: &'static str = "gru";
    const SEPARATE: bool = true;

    fn gates(&self) -> [Gate; 3] {
        let gates = [("r", Sigmoid), ("z", Sigmoid), ("n", Tanh)];
        gates.map(|(name, activation)| Gate { name, activation })
    }

    #[inline(always)]
    fn forward<N: Number>(&self, step: Forward<N, 3, 1>) -> ([N; 3], [N; 1]) {
        let ([z_r, z_z, z_n], [h_before]) = (step.z, step.before);
        let (r, z) = (z_r.sigmoid(), z_z.sigmoid());
        let n = r.mul_add(step.q, z_n).tanh();
        // (1 − z) ⊙ n + z ⊙ h with one operation less.
        let h = z.mul_add(h_before - n, n);
        ([r, z, n], [h])
    }

    #[inline(always)]
    fn backward<N: Number>(&self, step: Backward<N, 3, 1>) -> Gradients<N, 3, 1> {
        let ([r, z, n], [h_before], [dh]) = (step.gates, step.before, step.d_after);
        let one = N::constant(1.0);
        let dz_n = (dh * (one - z)) * n.neg_mul_add(n, one);
        let dz_z = (dh * (h_before - n)) * (z * (one - z));
        let dz_r = (dz_n * step.q) * (r * (one - r));
        Gradients {
            dz: [dz_r, dz_z, dz_n],
            dq: dz_n * r,
            d_before: [dh * z],
        }
    }
}
