//! The Elman (simple recurrent) cell; J. L. Elman, "Finding Structure in Time", 1990.
//!
//! Forward:
//!
//! ```text
//! h_t = φ(W_x x_t + b + W_h h_{t−1})        φ: σ, tanh or ReLU
//! ```
//!
//! Backward, dh being the gradient at h_t from above and from step t+1:
//!
//! ```text
//! dz = dh ⊙ φ′          and outside, for every cell: dh_{t−1} = W_hᵀ dz
//! ```

use super::{Activation, Backward, Equations, Forward, Gate, Gradients, Number};

/// Equations of the Elman cell, h_t = φ(z) with the given φ.
#[derive(Clone, Copy, Debug)]
pub struct Elman(pub Activation);

impl Equations<1, 1> for Elman {
    const NAME: &'static str = "elman";
    const THROUGH_WEIGHTS_ONLY: bool = true;
    const GATE_IS_OUTPUT: bool = true;

    fn gates(&self) -> [Gate; 1] {
        let Elman(activation) = *self;
        let name = "h";
        [Gate { name, activation }]
    }

    #[inline(always)]
    fn forward<N: Number>(&self, step: Forward<N, 1, 1>) -> ([N; 1], [N; 1]) {
        let h = self.0.apply(step.z[0]);
        ([h], [h])
    }

    #[inline(always)]
    fn backward<N: Number>(&self, step: Backward<N, 1, 1>) -> Gradients<N, 1, 1> {
        let ([h], [dh]) = (step.after, step.d_after);
        let zero = N::constant(0.0);
        Gradients {
            dz: [self.0.backward(h, dh)],
            dq: zero,
            d_before: [zero],
        }
    }
}
