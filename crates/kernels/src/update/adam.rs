//! Adam (Kingma and Ba 2015, Algorithm 1) and, with decoupled decay, AdamW (Loshchilov and Hutter
//! 2019), as `torch.optim.Adam` and `AdamW`.
//!
//! m ← m + (1 − β₁)(g − m); v ← β₂·v + (1 − β₂)·g²;
//! w ← w − (lr / bias1) · m / (√v / √bias2 + eps).

use super::{Operands, Prepare, Rule, pass};
use crate::Cpu;
use crate::simd::Vector;

/// Hyperparameters of one step of Adam, in f64 as in PyTorch.
///
/// In f32, 1 − 0.999 would be wrong in the fifth digit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Learning rate.
    pub lr: f64,
    /// Decay rate β₁ of the first moment.
    pub beta1: f64,
    /// Decay rate β₂ of the second moment.
    pub beta2: f64,
    /// Constant added to the denominator.
    pub eps: f64,
    /// Bias correction 1 − β₁ᵗ of the first moment at step t = 1, 2, …; see [`Adam::bias`].
    pub bias1: f64,
    /// Bias correction 1 − β₂ᵗ of the second moment.
    pub bias2: f64,
}

impl Adam {
    /// Computes the bias correction 1 − βᵗ by repeated squaring, with the same bits on every machine.
    pub fn bias(beta: f64, step: u64) -> f64 {
        let (mut power, mut square, mut bits) = (1.0, beta, step);
        while bits > 0 {
            if bits & 1 == 1 {
                power *= square;
            }
            square *= square;
            bits >>= 1;
        }
        1.0 - power
    }
}

/// Performs one step of Adam; `m` and `v` are the moments, zero before the first step.
pub fn adam(
    cpu: &Cpu,
    operands: Operands,
    prepare: Prepare,
    adam: Adam,
    m: &mut [f32],
    v: &mut [f32],
) {
    let Adam {
        lr,
        beta1,
        beta2,
        eps,
        bias1,
        bias2,
    } = adam;
    let rule = Step {
        rate1: (1.0 - beta1) as f32,
        beta2: beta2 as f32,
        rate2: (1.0 - beta2) as f32,
        root2: bias2.sqrt() as f32,
        eps: eps as f32,
        step: (lr / bias1) as f32,
    };
    pass(cpu, operands, prepare, rule, [m, v]);
}

#[derive(Clone, Copy)]
struct Step {
    rate1: f32,
    beta2: f32,
    rate2: f32,
    root2: f32,
    eps: f32,
    step: f32,
}

impl Rule<2> for Step {
    #[inline(always)]
    unsafe fn step<V: Vector>(&self, weight: V, gradient: V, [first, second]: &mut [V; 2]) -> V {
        // SAFETY: the caller has the instructions of `V`.
        unsafe {
            *first = gradient.sub(*first).mul_add(V::splat(self.rate1), *first);
            let kept = second.mul(V::splat(self.beta2));
            *second = gradient.mul(gradient).mul_add(V::splat(self.rate2), kept);
            let root = second.sqrt().div(V::splat(self.root2));
            let denominator = root.add(V::splat(self.eps));
            first
                .div(denominator)
                .neg_mul_add(V::splat(self.step), weight)
        }
    }
}
