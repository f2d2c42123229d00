//! Update rules with their constants, each with PyTorch's order of operations.
//!
//! The equations stand with the kernels, one room a rule; docs/MATH.md has them side by side.

use elman_kernels::{
    Adagrad, Adam, Cpu, Momentum, Operands, Prepare, RmsMoments, RmsProp, adagrad, adam, rmsprop,
    sgd, sgd_momentum,
};

/// An update rule with its constants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// Momentum 0: plain SGD.
    Sgd { momentum: f32, nesterov: bool },
    /// With decoupled decay: AdamW.
    Adam { beta1: f64, beta2: f64, eps: f64 },
    /// Momentum 0: without.
    RmsProp {
        alpha: f64,
        eps: f64,
        momentum: f32,
        centered: bool,
    },
    /// The rate is divided by 1 + (t − 1)·lr_decay at update t; sums of squares start at `initial`.
    Adagrad {
        lr_decay: f64,
        eps: f64,
        initial: f32,
    },
}

impl Rule {
    /// Numbers that the rule keeps for each parameter.
    pub fn moments(&self) -> usize {
        match *self {
            Rule::Sgd { momentum, .. } => usize::from(momentum != 0.0),
            Rule::Adam { .. } => 2,
            Rule::RmsProp {
                momentum, centered, ..
            } => 1 + usize::from(centered) + usize::from(momentum != 0.0),
            Rule::Adagrad { .. } => 1,
        }
    }

    /// What they are before the first update.
    pub fn initial(&self) -> f32 {
        match *self {
            Rule::Adagrad { initial, .. } => initial,
            _ => 0.0,
        }
    }

    /// Update number `update` (from 1) of a tensor with these `moments`.
    pub(super) fn step<'a>(
        &self,
        cpu: &Cpu,
        operands: Operands,
        prepare: Prepare,
        lr: f64,
        update: u64,
        mut moments: impl Iterator<Item = &'a mut [f32]>,
    ) {
        let mut next = || {
            moments
                .next()
                .expect("an optimiser keeps its rule's moments")
        };
        match *self {
            Rule::Sgd { momentum: 0.0, .. } => sgd(cpu, operands, prepare, lr as f32),
            Rule::Sgd { momentum, nesterov } => {
                let rule = Momentum {
                    lr: lr as f32,
                    mu: momentum,
                    nesterov,
                };
                sgd_momentum(cpu, operands, prepare, rule, next());
            }
            Rule::Adam { beta1, beta2, eps } => {
                let rule = Adam {
                    lr,
                    beta1,
                    beta2,
                    eps,
                    bias1: Adam::bias(beta1, update),
                    bias2: Adam::bias(beta2, update),
                };
                adam(cpu, operands, prepare, rule, next(), next());
            }
            Rule::RmsProp {
                alpha,
                eps,
                momentum,
                centered,
            } => {
                let rule = RmsProp {
                    lr,
                    alpha,
                    eps,
                    momentum,
                };
                let moments = RmsMoments {
                    square: next(),
                    mean: centered.then(&mut next),
                    buffer: (momentum != 0.0).then(&mut next),
                };
                rmsprop(cpu, operands, prepare, rule, moments);
            }
            Rule::Adagrad { lr_decay, eps, .. } => {
                let rule = Adagrad {
                    lr: (lr / (1.0 + (update - 1) as f64 * lr_decay)) as f32,
                    eps: eps as f32,
                };
                adagrad(cpu, operands, prepare, rule, next());
            }
        }
    }
}
