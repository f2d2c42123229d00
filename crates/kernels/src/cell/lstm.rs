//! Long short-term memory with a forget gate, without peepholes; S. Hochreiter and J. Schmidhuber, "Long
//! Short-Term Memory", 1997, and F. Gers et al., "Learning to Forget", 2000. Gates are in PyTorch's
//! order i, f, g, o.
//!
//! Forward, with z = W_x x_t + b + W_h h_{t−1}:
//!
//! ```text
//! i, f, o = σ(z_i), σ(z_f), σ(z_o)       g = tanh(z_g)
//! c_t = f ⊙ c_{t−1} + i ⊙ g              h_t = o ⊙ tanh(c_t)
//! ```
//!
//! Backward, dh and dc being the gradients at h_t and c_t; tanh(c_t) is computed again, with the same bits:
//!
//! ```text
//! dc  += dh ⊙ o ⊙ (1 − tanh²(c_t))
//! dz_i = dc ⊙ g ⊙ i(1 − i)               dz_f = dc ⊙ c_{t−1} ⊙ f(1 − f)
//! dz_g = dc ⊙ i ⊙ (1 − g²)               dz_o = dh ⊙ tanh(c_t) ⊙ o(1 − o)
//! dc_{t−1} = dc ⊙ f
//! ```

use super::Activation::{Sigmoid, Tanh};
use super::{Backward, Equations, Forward, Gate, Gradients, Number};

/// Equations of long short-term memory with a forget gate.
#[derive(Clone, Copy, Debug)]
pub struct Lstm;

impl Equations<4, 2> for Lstm {
    const NAME: &'static str = "lstm";
    const THROUGH_WEIGHTS_ONLY: bool = true;

    fn gates(&self) -> [Gate; 4] {
        let gates = [("i", Sigmoid), ("f", Sigmoid), ("g", Tanh), ("o", Sigmoid)];
        gates.map(|(name, activation)| Gate { name, activation })
    }

    #[inline(always)]
    fn forward<N: Number>(&self, step: Forward<N, 4, 2>) -> ([N; 4], [N; 2]) {
        let ([z_i, z_f, z_g, z_o], [_, c_before]) = (step.z, step.before);
        let (i, f, g, o) = (z_i.sigmoid(), z_f.sigmoid(), z_g.tanh(), z_o.sigmoid());
        let c = f.mul_add(c_before, i * g);
        let h = o * c.tanh();
        ([i, f, g, o], [h, c])
    }

    #[inline(always)]
    fn backward<N: Number>(&self, step: Backward<N, 4, 2>) -> Gradients<N, 4, 2> {
        let ([i, f, g, o], [_, c_before], [_, c]) = (step.gates, step.before, step.after);
        let [dh, dc_after] = step.d_after;
        let one = N::constant(1.0);
        let tanh_c = c.tanh();
        let dc = (dh * o).mul_add(tanh_c.neg_mul_add(tanh_c, one), dc_after);
        Gradients {
            dz: [
                (dc * g) * (i * (one - i)),
                (dc * c_before) * (f * (one - f)),
                (dc * i) * g.neg_mul_add(g, one),
                (dh * tanh_c) * (o * (one - o)),
            ],
            dq: N::constant(0.0),
            d_before: [N::constant(0.0), dc * f],
        }
    }
}
