//! Optimiser steps: weights and moments from the gradient, in one pass that leaves it zero.
//!
//! SGD with weight decay and momentum; Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter
//! 2019). The order of operations is PyTorch's (`torch.optim.SGD`, `Adam`, `AdamW`), so that runs
//! can be compared. The gradient is multiplied by `scale` first (its mean and its clipping); this
//! room knows no norm and no schedule, and does not look for NaN.

use crate::Cpu;
use crate::cpu::{Parts, SHARED_FROM};
use crate::ledger::Kernel;
use crate::rows::{read, share_in_vectors, write};
use crate::simd::{LANES, Op, Vector};

/// One step of SGD. All slices have the same length; `g` is left zero.
///
/// g ← scale·g + weight_decay·w; with momentum (μ, buffer): buffer ← μ·buffer + g and g ← buffer;
/// w ← w − lr·g. A buffer that starts at zero begins as PyTorch's does.
pub fn sgd(
    cpu: &Cpu,
    w: &mut [f32],
    g: &mut [f32],
    scale: f32,
    lr: f32,
    weight_decay: f32,
    momentum: Option<(f32, &mut [f32])>,
) {
    let _time = cpu.time(Kernel::Update);
    let n = w.len();
    assert_eq!(g.len(), n, "sgd: gradient and weights differ in length");
    let (mu, buffer) = momentum.unzip();
    if let Some(buffer) = &buffer {
        assert_eq!(
            buffer.len(),
            n,
            "sgd: momentum and weights differ in length"
        );
    }
    let buffer = buffer.map(Parts::new);
    let (w, g) = (Parts::new(w), Parts::new(g));
    cpu.parallel_from(SHARED_FROM, n, &|worker| {
        let share = share_in_vectors(worker, n);
        // SAFETY: shares are disjoint.
        let op = unsafe {
            Sgd {
                w: w.part(share.clone()),
                g: g.part(share.clone()),
                buffer: buffer.as_ref().map(|buffer| buffer.part(share)),
                scale,
                lr,
                weight_decay,
                mu: mu.unwrap_or(0.0),
            }
        };
        cpu.isa().run(op);
    });
}

struct Sgd<'a> {
    w: &'a mut [f32],
    g: &'a mut [f32],
    buffer: Option<&'a mut [f32]>,
    scale: f32,
    lr: f32,
    weight_decay: f32,
    mu: f32,
}

impl Op for Sgd<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let n = self.w.len();
        let (w, g) = (self.w.as_mut_ptr(), self.g.as_mut_ptr());
        let buffer = self.buffer.map(|buffer| buffer.as_mut_ptr());
        // SAFETY: all slices have n elements (asserted by `sgd`), of which `width` from i are taken.
        unsafe {
            let (scale, lr) = (V::splat(self.scale), V::splat(self.lr));
            let (decay, mu) = (V::splat(self.weight_decay), V::splat(self.mu));
            for i in (0..n).step_by(LANES) {
                let width = LANES.min(n - i);
                let weight = read::<V>(w.add(i), width);
                let mut step = read::<V>(g.add(i), width).mul(scale);
                step = weight.mul_add(decay, step);
                if let Some(buffer) = buffer {
                    step = read::<V>(buffer.add(i), width).mul(mu).add(step);
                    write(step, buffer.add(i), width);
                }
                write(step.neg_mul_add(lr, weight), w.add(i), width);
                write(V::splat(0.0), g.add(i), width);
            }
        }
    }
}

/// The numbers of one step of Adam. Hyperparameters are f64, as in PyTorch: in f32, 1 − 0.999
/// would be wrong in the fifth digit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Factor of the gradient, before everything else.
    pub scale: f32,
    pub lr: f64,
    pub beta1: f64,
    pub beta2: f64,
    pub eps: f64,
    pub weight_decay: f64,
    /// AdamW: decay shrinks the weights themselves; otherwise it joins the gradient.
    pub decoupled: bool,
    /// 1 − β₁ᵗ at step t = 1, 2, …: [`Adam::bias`].
    pub bias1: f64,
    /// 1 − β₂ᵗ.
    pub bias2: f64,
}

impl Adam {
    /// 1 − βᵗ, by repeated squaring: the same bits on every machine.
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

/// One step of Adam or AdamW. All slices have the same length; `g` is left zero, `m` and `v` are
/// the moments, zero before the first step.
///
/// g ← scale·g; AdamW: w ← w − lr·weight_decay·w, else g ← g + weight_decay·w;
/// m ← m + (1 − β₁)(g − m); v ← β₂·v + (1 − β₂)·g²;
/// w ← w − (lr / bias1) · m / (√v / √bias2 + eps).
pub fn adam(cpu: &Cpu, w: &mut [f32], g: &mut [f32], m: &mut [f32], v: &mut [f32], adam: Adam) {
    let _time = cpu.time(Kernel::Update);
    let n = w.len();
    assert_eq!(g.len(), n, "adam: gradient and weights differ in length");
    assert_eq!(
        m.len(),
        n,
        "adam: first moment and weights differ in length"
    );
    assert_eq!(
        v.len(),
        n,
        "adam: second moment and weights differ in length"
    );
    let (w, g, m, v) = (Parts::new(w), Parts::new(g), Parts::new(m), Parts::new(v));
    cpu.parallel_from(SHARED_FROM, n, &|worker| {
        let share = share_in_vectors(worker, n);
        // SAFETY: shares are disjoint.
        let op = unsafe {
            AdamStep {
                w: w.part(share.clone()),
                g: g.part(share.clone()),
                m: m.part(share.clone()),
                v: v.part(share),
                adam,
            }
        };
        cpu.isa().run(op);
    });
}

struct AdamStep<'a> {
    w: &'a mut [f32],
    g: &'a mut [f32],
    m: &'a mut [f32],
    v: &'a mut [f32],
    adam: Adam,
}

impl Op for AdamStep<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Adam {
            scale,
            lr,
            beta1,
            beta2,
            eps,
            weight_decay,
            decoupled,
            bias1,
            bias2,
        } = self.adam;
        let n = self.w.len();
        let (w, g) = (self.w.as_mut_ptr(), self.g.as_mut_ptr());
        let (m, v) = (self.m.as_mut_ptr(), self.v.as_mut_ptr());
        let (keep, join) = if decoupled {
            (1.0 - lr * weight_decay, 0.0)
        } else {
            (1.0, weight_decay)
        };
        // SAFETY: all slices have n elements (asserted by `adam`), of which `width` from i are
        // taken.
        unsafe {
            let (scale, keep) = (V::splat(scale), V::splat(keep as f32));
            let join = V::splat(join as f32);
            let rate1 = V::splat((1.0 - beta1) as f32);
            let (beta2, rate2) = (V::splat(beta2 as f32), V::splat((1.0 - beta2) as f32));
            let (root2, eps) = (V::splat(bias2.sqrt() as f32), V::splat(eps as f32));
            let step = V::splat((lr / bias1) as f32);
            for i in (0..n).step_by(LANES) {
                let width = LANES.min(n - i);
                let weight = read::<V>(w.add(i), width).mul(keep);
                let gradient = read::<V>(g.add(i), width).mul(scale);
                let gradient = weight.mul_add(join, gradient);
                let first = read::<V>(m.add(i), width);
                let first = gradient.sub(first).mul_add(rate1, first);
                let second = read::<V>(v.add(i), width).mul(beta2);
                let second = gradient.mul(gradient).mul_add(rate2, second);
                let denominator = second.sqrt().div(root2).add(eps);
                let weight = first.div(denominator).neg_mul_add(step, weight);
                write(first, m.add(i), width);
                write(second, v.add(i), width);
                write(weight, w.add(i), width);
                write(V::splat(0.0), g.add(i), width);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{SIZES, bits, machines, numbers};

    fn gradient(n: usize, step: usize) -> Vec<f32> {
        (0..n)
            .map(|i| ((i * 53 + step * 29) % 97) as f32 / 48.0 - 1.0)
            .collect()
    }

    fn assert_close(w: &[f32], golden: &[f32]) {
        for (w, golden) in w.iter().zip(golden) {
            assert!(
                (w - golden).abs() <= 1e-6 * golden.abs(),
                "{w}, PyTorch has {golden}"
            );
        }
    }

    // def gradient(t): return torch.tensor([(i*53 + t*29) % 97 for i in range(7)], dtype=torch.float32)/48 - 1
    // w = torch.nn.Parameter(gradient(0)); o = torch.optim.…([w], …)
    // for t in range(1, 21): w.grad = 0.5*gradient(t); o.step()

    #[test]
    fn sgd_is_that_of_pytorch() {
        // SGD(lr=0.1)
        let plain = [
            -1.0895833,
            0.12291664,
            -0.8875,
            0.325,
            -0.6854167,
            0.5270832,
            -0.48333335,
        ];
        // SGD(lr=0.1, weight_decay=0.01, momentum=0.9)
        let momentum = [
            -1.2284728, 0.21191451, -1.3820304, 0.2838246, -0.9330702, 0.8277436, -0.6823516,
        ];
        for cpu in machines() {
            let mut w = gradient(7, 0);
            for t in 1..=20 {
                sgd(&cpu, &mut w, &mut gradient(7, t), 0.5, 0.1, 0.0, None);
            }
            assert_close(&w, &plain);

            let (mut w, mut buffer) = (gradient(7, 0), vec![0.0; 7]);
            for t in 1..=20 {
                let momentum = Some((0.9, &mut buffer[..]));
                sgd(&cpu, &mut w, &mut gradient(7, t), 0.5, 0.1, 0.01, momentum);
            }
            assert_close(&w, &momentum);
        }
    }

    fn adam_20_steps(cpu: &Cpu, n: usize, hyper: Adam) -> Vec<f32> {
        let (mut w, mut m, mut v) = (gradient(n, 0), vec![0.0; n], vec![0.0; n]);
        for t in 1..=20 {
            let mut g = gradient(n, t);
            let step = Adam {
                bias1: Adam::bias(hyper.beta1, t as u64),
                bias2: Adam::bias(hyper.beta2, t as u64),
                ..hyper
            };
            adam(cpu, &mut w, &mut g, &mut m, &mut v, step);
            assert!(g.iter().all(|g| g.to_bits() == 0));
        }
        w
    }

    /// Adam(lr=1e-2, weight_decay=0.01)
    const ADAM: Adam = Adam {
        scale: 0.5,
        lr: 1e-2,
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-8,
        weight_decay: 0.01,
        decoupled: false,
        bias1: 1.0,
        bias2: 1.0,
    };

    /// AdamW(lr=1e-2, weight_decay=0.1, betas=(0.8, 0.99))
    const ADAMW: Adam = Adam {
        beta1: 0.8,
        beta2: 0.99,
        weight_decay: 0.1,
        decoupled: true,
        ..ADAM
    };

    #[test]
    fn adam_is_that_of_pytorch() {
        let adam = [
            -1.0016656,
            0.10242059,
            -0.84326917,
            0.27663,
            -0.6336795,
            0.5130914,
            -0.4672786,
        ];
        let adamw = [
            -0.9911642,
            0.10269989,
            -0.82896125,
            0.28014925,
            -0.6263496,
            0.5002795,
            -0.45844224,
        ];
        for cpu in machines() {
            assert_close(&adam_20_steps(&cpu, 7, ADAM), &adam);
            assert_close(&adam_20_steps(&cpu, 7, ADAMW), &adamw);
        }
    }

    #[test]
    fn every_machine_gives_the_same_bits() {
        let reference = Cpu::new(crate::Isa::detect(), 1);
        let sgd_step = |cpu: &Cpu, n: usize| {
            let (mut w, mut g, mut buffer) = (numbers(n, 1), numbers(n, 2), numbers(n, 3));
            sgd(
                cpu,
                &mut w,
                &mut g,
                0.3,
                0.2,
                0.01,
                Some((0.9, &mut buffer)),
            );
            assert!(g.iter().all(|g| g.to_bits() == 0));
            (bits(&w), bits(&buffer))
        };
        for n in SIZES {
            let adam = bits(&adam_20_steps(&reference, n, ADAMW));
            let sgd = sgd_step(&reference, n);
            for cpu in machines() {
                assert_eq!(bits(&adam_20_steps(&cpu, n, ADAMW)), adam);
                assert_eq!(sgd_step(&cpu, n), sgd);
            }
        }
    }

    #[test]
    fn adam_without_a_gradient_stands_still() {
        let cpu = Cpu::new(crate::Isa::detect(), 1);
        let still = Adam {
            weight_decay: 0.0,
            ..ADAM
        };
        let (mut w, mut g) = ([0.5f32; 3], [0.0; 3]);
        adam(&cpu, &mut w, &mut g, &mut [0.0; 3], &mut [0.0; 3], still);
        assert_eq!(w, [0.5; 3]);
    }

    #[test]
    fn bias_corrections_are_powers() {
        assert_eq!(Adam::bias(0.9, 0), 0.0);
        assert_eq!(Adam::bias(0.5, 3), 0.875);
        for step in [1, 2, 10, 1000, 123_456] {
            let exact = 1.0 - 0.999f64.powf(step as f64);
            assert!((Adam::bias(0.999, step) - exact).abs() <= 1e-12 * exact.max(1e-3));
        }
        assert_eq!(Adam::bias(0.999, u64::MAX), 1.0);
    }
}
