//! Stochastic gradient descent, plain, with momentum (Polyak 1964) and with Nesterov's (Sutskever
//! et al. 2013), as `torch.optim.SGD` without dampening.
//!
//! * plain: w ← w − lr·g
//! * momentum μ: b ← μ·b + g; w ← w − lr·b
//! * Nesterov: b ← μ·b + g; w ← w − lr·(g + μ·b)
//!
//! A buffer b that starts at zero begins as PyTorch's does.

use super::{Operands, Prepare, Rule, pass};
use crate::Cpu;
use crate::simd::Vector;

/// Performs one step of plain SGD with learning rate `lr`.
pub fn sgd(cpu: &Cpu, operands: Operands, prepare: Prepare, lr: f32) {
    pass(cpu, operands, prepare, Plain { lr }, []);
}

/// Performs one step of SGD with momentum; `buffer` is b, zero before the first step.
pub fn sgd_momentum(
    cpu: &Cpu,
    operands: Operands,
    prepare: Prepare,
    rule: Momentum,
    buffer: &mut [f32],
) {
    pass(cpu, operands, prepare, rule, [buffer]);
}

#[derive(Clone, Copy)]
struct Plain {
    lr: f32,
}

impl Rule<0> for Plain {
    #[inline(always)]
    unsafe fn step<V: Vector>(&self, weight: V, gradient: V, _: &mut [V; 0]) -> V {
        // SAFETY: the caller has the instructions of `V`.
        unsafe { gradient.neg_mul_add(V::splat(self.lr), weight) }
    }
}

/// Hyperparameters of one step of SGD with momentum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Momentum {
    /// Learning rate.
    pub lr: f32,
    /// Momentum μ.
    pub mu: f32,
    /// Whether the momentum is Nesterov's (Sutskever et al. 2013).
    pub nesterov: bool,
}

impl Rule<1> for Momentum {
    #[inline(always)]
    unsafe fn step<V: Vector>(&self, weight: V, gradient: V, [buffer]: &mut [V; 1]) -> V {
        // SAFETY: the caller has the instructions of `V`.
        unsafe {
            let mu = V::splat(self.mu);
            *buffer = buffer.mul(mu).add(gradient);
            let step = match self.nesterov {
                true => buffer.mul_add(mu, gradient),
                false => *buffer,
            };
            step.neg_mul_add(V::splat(self.lr), weight)
        }
    }
}
