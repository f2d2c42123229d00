//! What an update rule is, and the list of them. Each has a file with its constants, which are options of a configuration, and with
//! PyTorch's order of operations.
//!
//! The equations are with the kernels, a file for each rule; docs/MATH.md has them side by side.

use super::adagrad::Adagrad;
use super::adam::Adam;
use super::rmsprop::RmsProp;
use super::sgd::Sgd;
use crate::config::ConfigError;
use crate::config::declare::choice;
use elman_kernels::{Cpu, Operands, Prepare};

/// An update rule: how weights follow from gradients.
pub trait Rule {
    /// The number of values that the rule keeps for each parameter.
    fn moments(&self) -> usize;

    /// Initial value of the rule's moments, before the first update.
    fn initial(&self) -> f32 {
        0.0
    }

    /// Makes one update of a tensor.
    fn step(&self, update: Step);

    /// Short description of the variant that the constants choose, for people.
    fn variant(&self) -> &'static str {
        ""
    }

    /// Checks that the constants do not contradict each other.
    fn check(&self) -> Result<(), ConfigError> {
        Ok(())
    }
}

/// Operands of the update of one tensor.
pub struct Step<'a, 'm> {
    /// Threads and instruction set.
    pub cpu: &'a Cpu,
    /// Weights, gradient, running average and packed weights of the weights.
    pub operands: Operands<'a>,
    /// Changes of gradient and weights before the rule: clipping, scaling, noise, decay.
    pub prepare: Prepare,
    /// Learning rate.
    pub lr: f64,
    /// The number of the update, from 1.
    pub update: u64,
    /// The values that the rule keeps for this tensor.
    pub moments: &'a mut dyn Iterator<Item = &'m mut [f32]>,
}

impl<'m> Step<'_, 'm> {
    /// Returns the next moment that the rule keeps for the tensor.
    pub fn moment(&mut self) -> &'m mut [f32] {
        let next = self.moments.next();
        next.expect("an optimiser keeps its rule's moments")
    }
}

choice! {
    /// An update rule with its constants, chosen by name.
    pub enum Optimizer as rule: Rule {
        "sgd", "SGD": Sgd(Sgd),
        "adam", "Adam": Adam(Adam),
        "adamw", "AdamW": Adamw(Adam),
        "rmsprop", "RMSprop": RmsProp(RmsProp),
        "adagrad", "Adagrad": Adagrad(Adagrad),
    }
}

impl Optimizer {
    /// Whether weight decay shrinks the weights themselves (Loshchilov and Hutter 2019); otherwise it joins the gradient, as the
    /// derivative of ½·decay·‖w‖².
    pub fn decouples_decay(&self) -> bool {
        matches!(self, Optimizer::Adamw(_))
    }
}
