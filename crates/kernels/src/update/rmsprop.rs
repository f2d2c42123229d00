//! RMSprop (Hinton 2012, lecture 6e), centred (Graves 2013, eqs. 38–45) or not, with momentum or
//! not, as `torch.optim.RMSprop`.
//!
//! s ← α·s + (1 − α)·g²; centred also ḡ ← ḡ + (1 − α)(g − ḡ) and d = √(s − ḡ²) + eps, else
//! d = √s + eps; then w ← w − lr·g/d, or with momentum μ: b ← μ·b + g/d; w ← w − lr·b.
//!
//! s − ḡ² is a variance, which rounding may make negative: then it counts as zero, where PyTorch
//! has a NaN.

use super::{Operands, Prepare, Rule, pass};
use crate::Cpu;
use crate::simd::Vector;

/// Hyperparameters of one step of RMSprop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp {
    /// Learning rate.
    pub lr: f64,
    /// Decay rate α of the running averages.
    pub alpha: f64,
    /// Constant added to the denominator.
    pub eps: f64,
    /// Momentum μ, used where [`RmsMoments::buffer`] exists.
    pub momentum: f32,
}

/// Moments of RMSprop, zero before the first step.
pub struct RmsMoments<'a> {
    /// Running average s of the squared gradient.
    pub square: &'a mut [f32],
    /// Running average ḡ of the gradient, for the centred form.
    pub mean: Option<&'a mut [f32]>,
    /// Momentum buffer b, for the form with momentum.
    pub buffer: Option<&'a mut [f32]>,
}

/// Performs one step of RMSprop; the moments that exist decide its form.
pub fn rmsprop(
    cpu: &Cpu,
    operands: Operands,
    prepare: Prepare,
    rule: RmsProp,
    moments: RmsMoments,
) {
    let RmsProp {
        lr,
        alpha,
        eps,
        momentum,
    } = rule;
    let step = Step {
        lr: lr as f32,
        alpha: alpha as f32,
        rate: (1.0 - alpha) as f32,
        eps: eps as f32,
        mu: momentum,
    };
    let RmsMoments {
        square,
        mean,
        buffer,
    } = moments;
    match (mean, buffer) {
        (None, None) => pass(cpu, operands, prepare, Form::<false, false>(step), [square]),
        (Some(mean), None) => {
            let moments = [square, mean];
            pass(cpu, operands, prepare, Form::<true, false>(step), moments);
        }
        (None, Some(buffer)) => {
            let moments = [square, buffer];
            pass(cpu, operands, prepare, Form::<false, true>(step), moments);
        }
        (Some(mean), Some(buffer)) => {
            let moments = [square, mean, buffer];
            pass(cpu, operands, prepare, Form::<true, true>(step), moments);
        }
    }
}

#[derive(Clone, Copy)]
struct Step {
    lr: f32,
    alpha: f32,
    rate: f32,
    eps: f32,
    mu: f32,
}

impl Step {
    /// g/d, after s and ḡ have taken g in.
    ///
    /// # Safety
    /// The instructions of `V` are there.
    #[inline(always)]
    unsafe fn normal<V: Vector>(&self, gradient: V, square: &mut V, mean: Option<&mut V>) -> V {
        // SAFETY: the caller has the instructions of `V`.
        unsafe {
            let (alpha, rate) = (V::splat(self.alpha), V::splat(self.rate));
            *square = gradient.mul(gradient).mul_add(rate, square.mul(alpha));
            let variance = match mean {
                None => *square,
                Some(mean) => {
                    *mean = gradient.sub(*mean).mul_add(rate, *mean);
                    V::splat(0.0).max(mean.neg_mul_add(*mean, *square))
                }
            };
            gradient.div(variance.sqrt().add(V::splat(self.eps)))
        }
    }

    /// The weights after a step in the direction `step`.
    ///
    /// # Safety
    /// The instructions of `V` are there.
    #[inline(always)]
    unsafe fn apply<V: Vector>(&self, weight: V, step: V, buffer: Option<&mut V>) -> V {
        // SAFETY: the caller has the instructions of `V`.
        unsafe {
            let step = match buffer {
                None => step,
                Some(buffer) => {
                    *buffer = buffer.mul(V::splat(self.mu)).add(step);
                    *buffer
                }
            };
            step.neg_mul_add(V::splat(self.lr), weight)
        }
    }
}

#[derive(Clone, Copy)]
struct Form<const CENTRED: bool, const MOMENTUM: bool>(Step);

impl Rule<1> for Form<false, false> {
    #[inline(always)]
    unsafe fn step<V: Vector>(&self, weight: V, gradient: V, [square]: &mut [V; 1]) -> V {
        // SAFETY: the caller has the instructions of `V`.
        unsafe {
            let step = self.0.normal(gradient, square, None);
            self.0.apply(weight, step, None)
        }
    }
}

impl Rule<2> for Form<true, false> {
    #[inline(always)]
    unsafe fn step<V: Vector>(&self, weight: V, gradient: V, [square, mean]: &mut [V; 2]) -> V {
        // SAFETY: the caller has the instructions of `V`.
        unsafe {
            let step = self.0.normal(gradient, square, Some(mean));
            self.0.apply(weight, step, None)
        }
    }
}

impl Rule<2> for Form<false, true> {
    #[inline(always)]
    unsafe fn step<V: Vector>(&self, weight: V, gradient: V, [square, buffer]: &mut [V; 2]) -> V {
        // SAFETY: the caller has the instructions of `V`.
        unsafe {
            let step = self.0.normal(gradient, square, None);
            self.0.apply(weight, step, Some(buffer))
        }
    }
}

impl Rule<3> for Form<true, true> {
    #[inline(always)]
    unsafe fn step<V: Vector>(&self, weight: V, gradient: V, moments: &mut [V; 3]) -> V {
        let [square, mean, buffer] = moments;
        // SAFETY: the caller has the instructions of `V`.
        unsafe {
            let step = self.0.normal(gradient, square, Some(mean));
            self.0.apply(weight, step, Some(buffer))
        }
    }
}
