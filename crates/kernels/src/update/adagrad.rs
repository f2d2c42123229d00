//! Adagrad (Duchi, Hazan and Singer 2011), as `torch.optim.Adagrad`.
//!
//! s ← s + g²; w ← w − lr·g / (√s + eps). That the rate falls with the updates, as PyTorch's
//! `lr_decay` has it, is the caller's business.

use super::{Operands, Prepare, Rule, pass};
use crate::Cpu;
use crate::simd::Vector;

/// The numbers of one step of Adagrad.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adagrad {
    pub lr: f32,
    pub eps: f32,
}

/// One step of Adagrad; `square` is s, at the start any number of at least 0.
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
