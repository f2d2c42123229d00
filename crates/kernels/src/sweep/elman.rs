//! The Elman (simple recurrent) cell; J. L. Elman, "Finding Structure in Time", 1990.
//!
//! Forward, with a_t = W_x x_t + b given:
//!
//! ```text
//! h_t = φ(a_t + W_h h_{t−1})
//! ```
//!
//! Backward, dh_t being the gradient from above and dh_next the one from step t+1:
//!
//! ```text
//! dz_t    = (dh_t + dh_next) ⊙ φ'      φ' = h(1 − h) for σ, 1 − h² for tanh, [h > 0] for ReLU
//! dh_next = W_hᵀ dz_t
//! ```

use super::{Pieces, Window, recurrent};
use crate::cpu::{Cpu, Parts};
use crate::ledger::Kernel;
use crate::pack::Packed;
use crate::product::{Region, Start};
use crate::rows::{read, write};
use crate::simd::{Op, Vector};
use crate::vmath;

/// The function φ of the Elman cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    Sigmoid,
    Tanh,
    Relu,
}

impl Activation {
    /// Every one.
    pub const ALL: [Activation; 3] = [Activation::Sigmoid, Activation::Tanh, Activation::Relu];

    /// As in commands and files.
    pub fn name(self) -> &'static str {
        match self {
            Activation::Sigmoid => "sigmoid",
            Activation::Tanh => "tanh",
            Activation::Relu => "relu",
        }
    }

    /// The one called `name`.
    pub fn named(name: &str) -> Option<Activation> {
        Activation::ALL.into_iter().find(|act| act.name() == name)
    }
}

/// All steps of a window. `w_h` is (H, H) packed transposed.
pub fn elman_forward(
    cpu: &Cpu,
    act: Activation,
    w_h: &Packed,
    h0: &[f32],    // (B, H)
    h: &mut [f32], // (T, B, H); in: x·w_xᵀ + b; out: h_t
) {
    let _time = cpu.time(Kernel::SweepForward);
    let window = Window::new(w_h.cols(), h0.len(), h.len());
    window.check_weights(w_h, window.units, 1);
    let (state, units) = (window.state(), window.units);
    let h = Parts::new(h);
    window.sweep(cpu, w_h, window.steps, &|t, region| {
        let out = h.as_ptr().wrapping_add(t * state);
        let prev = match t {
            0 => h0.as_ptr(),
            _ => out.wrapping_sub(state),
        };
        let isa = cpu.isa();
        isa.run(recurrent(
            prev,
            w_h,
            0..1,
            Start::Accumulate,
            out,
            units,
            region,
        ));
        isa.run(Forward {
            act,
            units,
            region,
            h: out,
        });
    });
}

/// All steps of a window, the last first. `w_h` is (H, H) packed as it is.
pub fn elman_backward(
    cpu: &Cpu,
    act: Activation,
    w_h: &Packed,
    h: &[f32],           // (T, B, H)
    dh: &mut [f32],      // (T, B, H); in: gradient at h_t from above; out: dz_t
    dh_next: &mut [f32], // (B, H); in: gradient at h_T from after the window; out: gradient at h_0
) {
    let _time = cpu.time(Kernel::SweepBackward);
    let window = Window::new(w_h.cols(), dh_next.len(), h.len());
    window.check_weights(w_h, window.units, 1);
    window.check("dh", 1, dh.len());
    let (state, units) = (window.state(), window.units);
    let (dh, dh_next) = (Parts::new(dh), Parts::new(dh_next));
    window.sweep(cpu, w_h, window.steps + 1, &|phase, region| {
        let (isa, t) = (cpu.isa(), window.steps - phase);
        if phase > 0 {
            let dz = dh.as_ptr().wrapping_add(t * state);
            let next = dh_next.as_ptr();
            isa.run(recurrent(dz, w_h, 0..1, Start::Zero, next, units, region));
        }
        if t > 0 {
            isa.run(Backward {
                act,
                units,
                region,
                h: h.as_ptr().wrapping_add((t - 1) * state),
                dh: dh.as_ptr().wrapping_add((t - 1) * state),
                dh_next: dh_next.as_ptr(),
            });
        }
    });
}

/// φ of one step's region, in place.
struct Forward<'a> {
    act: Activation,
    units: usize,
    region: &'a Region,
    h: *mut f32, // (B, H)
}

impl Op for Forward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        for piece in Pieces::of(self.region, self.units) {
            let n = piece.len;
            // SAFETY: n units of this lane begin here, and the region is this thread's.
            unsafe {
                let h = self.h.add(piece.at(self.units));
                let a: V = read(h, n);
                let y = match self.act {
                    Activation::Sigmoid => vmath::sigmoid(a),
                    Activation::Tanh => vmath::tanh(a),
                    // In this order NaN stays NaN.
                    Activation::Relu => V::splat(0.0).max(a),
                };
                write(y, h, n);
            }
        }
    }
}

/// dz of one step's region, in place of dh.
struct Backward<'a> {
    act: Activation,
    units: usize,
    region: &'a Region,
    h: *const f32,       // (B, H)
    dh: *mut f32,        // (B, H)
    dh_next: *const f32, // (B, H)
}

impl Op for Backward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        for piece in Pieces::of(self.region, self.units) {
            let n = piece.len;
            let at = piece.at(self.units);
            // SAFETY: n units of this lane begin here, and the region is this thread's.
            unsafe {
                let (zero, one) = (V::splat(0.0), V::splat(1.0));
                let h: V = read(self.h.add(at), n);
                let d = read::<V>(self.dh.add(at), n).add(read(self.dh_next.add(at), n));
                let dz = match self.act {
                    Activation::Sigmoid => d.mul(h.mul(one.sub(h))),
                    Activation::Tanh => d.mul(h.neg_mul_add(h, one)),
                    Activation::Relu => zero.select_lt(h, d, zero),
                };
                write(dz, self.dh.add(at), n);
            }
        }
    }
}
