//! Optimiser steps: weights and moments from the gradient, in one pass.
//!
//! Every rule has a file of its own, which says how sixteen weights follow from their gradient and their moments. The
//! steps that all rules share are here, and happen to each number in this order:
//!
//! 1. g ← min(max(g, −limit), limit), clipping by value;
//! 2. g ← scale·g: the mean over windows and clipping by norm;
//! 3. g ← g + σ·ε, gradient noise (see [`noise`]);
//! 4. w ← keep·w and g ← g + join·w: weight decay, decoupled (Loshchilov and Hutter 2019) or L2;
//! 5. the rule;
//! 6. a ← a + rate·(w − a), a running average of the weights (Polyak and Juditsky 1992);
//! 7. a weight matrix goes into its panels while it is in the cache.
//!
//! The order of operations in a rule is PyTorch's, so that runs can be compared. This module knows no
//! norm and no schedule, and does not look for NaN.

mod adagrad;
mod adam;
mod noise;
mod rmsprop;
mod sgd;

pub use adagrad::{Adagrad, adagrad};
pub use adam::{Adam, adam};
pub use noise::Noise;
pub use rmsprop::{RmsMoments, RmsProp, rmsprop};
pub use sgd::{Momentum, sgd, sgd_momentum};

use crate::Cpu;
use crate::cpu::{Parts, SHARED_FROM};
use crate::pack::PanelPair;
use crate::rows::{read, share_in_vectors, write};
use crate::simd::{Op, Vector, WIDTH};
use crate::timer::Kernel;
use std::ops::Range;

/// Operands of one update besides a rule's moments, all of one length.
pub struct Operands<'a> {
    /// Weights, which are updated.
    pub w: &'a mut [f32],
    /// Gradient.
    pub g: &'a [f32],
    /// Running average of the weights, if one is kept.
    pub average: Option<Average<'a>>,
    /// Packed form of a weight matrix, which receive the new weights.
    pub panels: Option<PanelPair<'a>>,
}

/// Running average of the weights, and its rate.
///
/// A rate of 1/n makes it the mean of n weights, a rate of 1 a copy of the new weights.
pub struct Average<'a> {
    /// Averaged weights.
    pub values: &'a mut [f32],
    /// Share of the way that the average moves towards the new weights, in [0, 1].
    pub rate: f32,
}

/// Changes of gradient and weights before the rule: clipping, scaling, noise and decay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prepare {
    /// Largest magnitude of an element of the gradient; infinity for no limit.
    pub limit: f32,
    /// Factor of the gradient.
    pub scale: f32,
    /// Gaussian noise on the gradient, if any.
    pub noise: Option<Noise>,
    /// Decoupled weight decay: factor of the weights, 1 without decay.
    pub keep: f32,
    /// L2 weight decay: the multiple of the weights that is added to the gradient, 0 without decay.
    pub join: f32,
}

impl Prepare {
    /// Neutral settings, which leave the gradient and the weights unchanged.
    pub const NOTHING: Prepare = Prepare {
        limit: f32::INFINITY,
        scale: 1.0,
        noise: None,
        keep: 1.0,
        join: 0.0,
    };
}

/// How sixteen weights follow from their gradient and N moments each.
trait Rule<const N: usize>: Copy + Sync {
    /// The new weights; `moments` become those after the step.
    ///
    /// # Safety
    /// As for the methods of [`Vector`].
    unsafe fn step<V: Vector>(&self, weight: V, gradient: V, moments: &mut [V; N]) -> V;
}

/// One update of a tensor by `rule`; all slices have the same length.
fn pass<R: Rule<N>, const N: usize>(
    cpu: &Cpu,
    operands: Operands,
    prepare: Prepare,
    rule: R,
    moments: [&mut [f32]; N],
) {
    let time = cpu.time(Kernel::Update);
    let Operands {
        w,
        g,
        average,
        mut panels,
    } = operands;
    let n = w.len();
    assert_eq!(g.len(), n, "update: gradient and weights differ in length");
    for moment in &moments {
        let len = moment.len();
        assert_eq!(len, n, "update: a moment and weights differ in length");
    }
    if let Some(average) = &average {
        let len = average.values.len();
        assert_eq!(len, n, "update: average and weights differ in length");
    }
    if let Some(panels) = &panels {
        assert_eq!(panels.numbers(), n, "update: panels of other weights");
    }
    // Noise is drawn for sixteen elements of the tensor, and a stripe may begin among them.
    let stripes = match prepare.noise {
        None => panels.as_mut().and_then(PanelPair::stripes),
        Some(_) => None,
    };
    let parts = Elements {
        w: Parts::new(w),
        g,
        average: average.map(|average| (Parts::new(average.values), average.rate)),
        moments: moments.map(Parts::new),
    };
    let update = |elements| {
        // SAFETY: every element is updated once.
        let op = unsafe { parts.pass(elements, prepare, rule) };
        cpu.isa().run(op);
    };
    match &stripes {
        Some(stripes) => cpu.parallel_from(SHARED_FROM, n, &|worker| {
            for stripe in worker.share(stripes.count()) {
                let elements = stripes.numbers(stripe);
                update(elements.clone());
                // SAFETY: shares of stripes are disjoint, in the weights and in the panels.
                unsafe { stripes.pack(cpu.isa(), parts.w.part(elements), stripe) };
            }
        }),
        None => cpu.parallel_from(SHARED_FROM, n, &|worker| {
            update(share_in_vectors(worker, n))
        }),
    }
    let striped = stripes.is_some();
    drop((stripes, time));
    if let Some(panels) = panels.filter(|_| !striped) {
        panels.pack(cpu, w);
    }
}

/// All that an update reads and writes, for several threads.
struct Elements<'a, const N: usize> {
    w: Parts<'a, f32>,
    g: &'a [f32],
    average: Option<(Parts<'a, f32>, f32)>,
    moments: [Parts<'a, f32>; N],
}

impl<'a, const N: usize> Elements<'a, N> {
    /// # Safety
    /// While the result lives nobody else reads or writes these elements.
    unsafe fn pass<R: Rule<N>>(
        &self,
        elements: Range<usize>,
        prepare: Prepare,
        rule: R,
    ) -> Pass<'a, R, N> {
        // SAFETY: passed on.
        unsafe {
            Pass {
                first: elements.start,
                w: self.w.part(elements.clone()),
                g: &self.g[elements.clone()],
                average: self.average.as_ref().map(|(values, rate)| Average {
                    values: values.part(elements.clone()),
                    rate: *rate,
                }),
                moments: self.moments.each_ref().map(|m| m.part(elements.clone())),
                prepare,
                rule,
            }
        }
    }
}

struct Pass<'a, R, const N: usize> {
    /// The place of the first element in its tensor; with noise a multiple of sixteen.
    first: usize,
    w: &'a mut [f32],
    g: &'a [f32],
    average: Option<Average<'a>>,
    moments: [&'a mut [f32]; N],
    prepare: Prepare,
    rule: R,
}

impl<R: Rule<N>, const N: usize> Op for Pass<'_, R, N> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Prepare {
            limit,
            scale,
            noise,
            keep,
            join,
        } = self.prepare;
        let n = self.w.len();
        let mut fit = self.g.len() == n;
        for moment in &self.moments {
            fit &= moment.len() == n;
        }
        if let Some(average) = &self.average {
            fit &= average.values.len() == n;
        }
        assert!(fit, "update: slices of different lengths");
        let (w, g) = (self.w.as_mut_ptr(), self.g.as_ptr());
        let average = self.average.map(|a| (a.values.as_mut_ptr(), a.rate));
        let moments = self.moments.map(|m| m.as_mut_ptr());
        // SAFETY: all slices have n elements (asserted above), of which `width` from i are taken.
        unsafe {
            let (least, most) = (V::splat(-limit), V::splat(limit));
            let (scale, keep, join) = (V::splat(scale), V::splat(keep), V::splat(join));
            for i in (0..n).step_by(WIDTH) {
                let width = WIDTH.min(n - i);
                // The limits are on the left so that NaN passes (see `Vector::max`).
                let gradient = least.max(most.min(read::<V>(g.add(i), width)));
                let mut gradient = gradient.mul(scale);
                if let Some(noise) = noise {
                    gradient = noise.add_to(gradient, self.first + i);
                }
                let weight = read::<V>(w.add(i), width).mul(keep);
                let gradient = weight.mul_add(join, gradient);

                let mut after = [V::splat(0.0); N];
                for k in 0..N {
                    after[k] = read(moments[k].add(i), width);
                }
                let weight = self.rule.step(weight, gradient, &mut after);
                for k in 0..N {
                    write(after[k], moments[k].add(i), width);
                }
                write(weight, w.add(i), width);
                if let Some((values, rate)) = average {
                    let mean = read::<V>(values.add(i), width);
                    let mean = weight.sub(mean).mul_add(V::splat(rate), mean);
                    // At rate 1 the sum above may round: the first weights are taken as they are.
                    let mean = if rate == 1.0 { weight } else { mean };
                    write(mean, values.add(i), width);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
