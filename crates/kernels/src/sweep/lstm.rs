//! The LSTM cell with forget gate, without peepholes; S. Hochreiter and J. Schmidhuber, "Long
//! Short-Term Memory", 1997, and F. Gers et al., "Learning to Forget", 2000. Gates are in PyTorch's
//! order i, f, g, o.
//!
//! Forward, with a_t = W_x x_t + b given for all four gates:
//!
//! ```text
//! i, f, o = σ(a + W_h h_{t−1})     g = tanh(a + W_h h_{t−1})
//! c_t = f ⊙ c_{t−1} + i ⊙ g        h_t = o ⊙ tanh(c_t)
//! ```
//!
//! Backward, dh_t being the gradient from above, dh_next and dc_next those from step t+1; tanh(c_t)
//! is computed again, with the same bits:
//!
//! ```text
//! dh   = dh_t + dh_next                  dc = dc_next + dh ⊙ o ⊙ (1 − tanh²(c_t))
//! dz_i = dc ⊙ g ⊙ i(1 − i)               dz_f = dc ⊙ c_{t−1} ⊙ f(1 − f)
//! dz_g = dc ⊙ i ⊙ (1 − g²)               dz_o = dh ⊙ tanh(c_t) ⊙ o(1 − o)
//! dc_next = dc ⊙ f                       dh_next = W_hᵀ dz
//! ```

use super::{Pieces, Window, recurrent};
use crate::cpu::{Cpu, Parts};
use crate::ledger::Kernel;
use crate::pack::Packed;
use crate::product::{Region, Start};
use crate::rows::{read, write};
use crate::simd::{Op, Vector};
use crate::vmath;

const GATES: usize = 4;

/// All steps of a window. `w_h` is (4H, H) packed transposed.
pub fn lstm_forward(
    cpu: &Cpu,
    w_h: &Packed,
    h0: &[f32],        // (B, H)
    c0: &[f32],        // (B, H)
    gates: &mut [f32], // (T, B, 4H); in: x·w_xᵀ + b; out: i, f, g, o
    c: &mut [f32],     // (T, B, H); out
    h: &mut [f32],     // (T, B, H); out
) {
    let _time = cpu.time(Kernel::SweepForward);
    let window = Window::new(w_h.cols(), h0.len(), h.len());
    window.check_weights(w_h, window.units, GATES);
    window.check_state("c0", c0.len());
    window.check("gates", GATES, gates.len());
    window.check("c", 1, c.len());
    let (state, units) = (window.state(), window.units);
    let (gates, c, h) = (Parts::new(gates), Parts::new(c), Parts::new(h));
    window.sweep(cpu, w_h, window.steps, &|t, region| {
        let gates = gates.as_ptr().wrapping_add(t * state * GATES);
        let c = c.as_ptr().wrapping_add(t * state);
        let h = h.as_ptr().wrapping_add(t * state);
        let (h_prev, c_prev) = match t {
            0 => (h0.as_ptr(), c0.as_ptr()),
            _ => (
                h.wrapping_sub(state).cast_const(),
                c.wrapping_sub(state).cast_const(),
            ),
        };
        let stride = GATES * units;
        let (isa, start) = (cpu.isa(), Start::Accumulate);
        isa.run(recurrent(
            h_prev,
            w_h,
            0..GATES,
            start,
            gates,
            stride,
            region,
        ));
        isa.run(Forward {
            units,
            region,
            gates,
            c_prev,
            c,
            h,
        });
    });
}

/// All steps of a window, the last first. `w_h` is (4H, H) packed as it is.
pub fn lstm_backward(
    cpu: &Cpu,
    w_h: &Packed,
    c0: &[f32],          // (B, H)
    gates: &mut [f32],   // (T, B, 4H); in: i, f, g, o; out: dz
    c: &[f32],           // (T, B, H)
    dh: &[f32],          // (T, B, H), the gradient at h_t from above
    dh_next: &mut [f32], // (B, H); in: gradient at h_T from after the window; out: at h_0
    dc_next: &mut [f32], // (B, H); in: gradient at c_T from after the window; out: at c_0
) {
    let _time = cpu.time(Kernel::SweepBackward);
    let window = Window::new(w_h.cols(), c0.len(), c.len());
    window.check_weights(w_h, GATES * window.units, 1);
    window.check("gates", GATES, gates.len());
    window.check("dh", 1, dh.len());
    window.check_state("dh_next", dh_next.len());
    window.check_state("dc_next", dc_next.len());
    let (state, units) = (window.state(), window.units);
    let gates = Parts::new(gates);
    let (dh_next, dc_next) = (Parts::new(dh_next), Parts::new(dc_next));
    window.sweep(cpu, w_h, window.steps + 1, &|phase, region| {
        let (isa, t) = (cpu.isa(), window.steps - phase);
        if phase > 0 {
            let dz = gates.as_ptr().wrapping_add(t * state * GATES);
            let next = dh_next.as_ptr();
            isa.run(recurrent(dz, w_h, 0..1, Start::Zero, next, units, region));
        }
        if t > 0 {
            isa.run(Backward {
                units,
                region,
                gates: gates.as_ptr().wrapping_add((t - 1) * state * GATES),
                c_prev: match t {
                    1 => c0.as_ptr(),
                    _ => c.as_ptr().wrapping_add((t - 2) * state),
                },
                c: c.as_ptr().wrapping_add((t - 1) * state),
                dh: dh.as_ptr().wrapping_add((t - 1) * state),
                dh_next: dh_next.as_ptr(),
                dc_next: dc_next.as_ptr(),
            });
        }
    });
}

/// The gates of one step's region.
struct Forward<'a> {
    units: usize,
    region: &'a Region,
    gates: *mut f32,    // (B, 4H)
    c_prev: *const f32, // (B, H)
    c: *mut f32,        // (B, H)
    h: *mut f32,        // (B, H)
}

impl Op for Forward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        for piece in Pieces::of(self.region, self.units) {
            let n = piece.len;
            let at = piece.at(self.units);
            // SAFETY: n units of this lane begin at each of these places, and the region is
            // this thread's.
            unsafe {
                let gi = self.gates.add(piece.at(GATES * self.units));
                let gf = gi.add(self.units);
                let gg = gf.add(self.units);
                let go = gg.add(self.units);
                let i = vmath::sigmoid(read::<V>(gi, n));
                let f = vmath::sigmoid(read::<V>(gf, n));
                let g = vmath::tanh(read::<V>(gg, n));
                let o = vmath::sigmoid(read::<V>(go, n));
                let c = f.mul_add(read(self.c_prev.add(at), n), i.mul(g));
                let h = o.mul(vmath::tanh(c));
                write(i, gi, n);
                write(f, gf, n);
                write(g, gg, n);
                write(o, go, n);
                write(c, self.c.add(at), n);
                write(h, self.h.add(at), n);
            }
        }
    }
}

/// dz of one step's region in place of the gates, and dc_next.
struct Backward<'a> {
    units: usize,
    region: &'a Region,
    gates: *mut f32,     // (B, 4H)
    c_prev: *const f32,  // (B, H)
    c: *const f32,       // (B, H)
    dh: *const f32,      // (B, H)
    dh_next: *const f32, // (B, H)
    dc_next: *mut f32,   // (B, H)
}

impl Op for Backward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        for piece in Pieces::of(self.region, self.units) {
            let n = piece.len;
            let at = piece.at(self.units);
            // SAFETY: as in `Forward`.
            unsafe {
                let gi = self.gates.add(piece.at(GATES * self.units));
                let gf = gi.add(self.units);
                let gg = gf.add(self.units);
                let go = gg.add(self.units);
                let (i, f): (V, V) = (read(gi, n), read(gf, n));
                let (g, o): (V, V) = (read(gg, n), read(go, n));
                let c_prev = read(self.c_prev.add(at), n);
                let c = vmath::tanh(read::<V>(self.c.add(at), n));
                let one = V::splat(1.0);

                let dh = read::<V>(self.dh.add(at), n).add(read(self.dh_next.add(at), n));
                let dc_next = read(self.dc_next.add(at), n);
                let dc = dh.mul(o).mul_add(c.neg_mul_add(c, one), dc_next);
                write(dc.mul(g).mul(i.mul(one.sub(i))), gi, n);
                write(dc.mul(c_prev).mul(f.mul(one.sub(f))), gf, n);
                write(dc.mul(i).mul(g.neg_mul_add(g, one)), gg, n);
                write(dh.mul(c).mul(o.mul(one.sub(o))), go, n);
                write(dc.mul(f), self.dc_next.add(at), n);
            }
        }
    }
}
