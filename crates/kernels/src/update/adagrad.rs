//! Adagrad (Duchi, Hazan and Singer 2011), as `torch.optim.Adagrad`.
//!
//! s ← s + g²; w ← w − lr·g / (√s + eps). That the rate falls with the updates, as PyTorch's
//! `lr_decay` has it, is the caller's business.

use super::{Operands, Prepare, Rule, pass};
use crate::Cpu;
use crate::simd::Vector;

/// Hyperparameters of one step of Adagrad.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adagrad {
    /// Learning rate.
    pub lr: f32,
    /// Constant added to the denominator.
    pub eps: f32,
}

/// Performs one step of Adagrad; `square` is s, whose initial value is any number of at least 0.
pub fn adagrad(cpu: &Cpu, operands: Operands, prepare: Prepare, rule: Adagrad, square: &mut [f32]) {
    pass(cpu, operands, prepare, rule, [square]);
}

impl Rule<1> for Adagrad {
    #[inline(always)]
    unsafe fn step<V: Vector>(&self, weight: V, gradient: V, [square]: &mut [V; 1]) -> V {
        // SAFETY: the caller has the instructions of `V`.
        unsafe {
            *square = gradient.mul_add(gradient, *square);
            let denominator = square.sqrt().add(V::splat(self.eps));
            gradient
                .div(denominator)
                .neg_mul_add(V::splat(self.lr), weight)
        }
    }
}
