//! The GRU cell; K. Cho et al., "Learning Phrase Representations using RNN Encoder–Decoder", 2014,
//! in the form of PyTorch and cuDNN, where the reset gate acts on the product W_hn h. Gates are in
//! PyTorch's order r, z, n.
//!
//! Forward, with a_t = W_x x_t + b given for all three gates:
//!
//! ```text
//! r, z = σ(a + W_h h_{t−1})              q  = W_hn h_{t−1} + b_hn
//! n    = tanh(a_n + r ⊙ q)              h_t = (1 − z) ⊙ n + z ⊙ h_{t−1}
//! ```
//!
//! Backward, dh_t being the gradient from above and dh_next the one from step t+1. The gradient at
//! the x-part is (dr, dz, dn), at the h-part (dr, dz, dn ⊙ r):
//!
//! ```text
//! dh = dh_t + dh_next                    dn = dh ⊙ (1 − z) ⊙ (1 − n²)
//! dz = dh ⊙ (h_{t−1} − n) ⊙ z(1 − z)     dr = dn ⊙ q ⊙ r(1 − r)
//! dh_next = dh ⊙ z + W_hᵀ (dr, dz, dn ⊙ r)
//! ```

use super::{Pieces, Window, recurrent};
use crate::cpu::{Cpu, Parts};
use crate::ledger::Kernel;
use crate::pack::Packed;
use crate::product::{Region, Start};
use crate::rows::{read, write};
use crate::simd::{Op, Vector};
use crate::vmath;

const GATES: usize = 3;

/// All steps of a window. `w_h` is (3H, H) packed transposed.
pub fn gru_forward(
    cpu: &Cpu,
    w_h: &Packed,
    b_hn: &[f32],      // (H)
    h0: &[f32],        // (B, H)
    gates: &mut [f32], // (T, B, 3H); in: x·w_xᵀ + b; out: r, z, n
    q: &mut [f32],     // (T, B, H); out: W_hn h_{t−1} + b_hn
    h: &mut [f32],     // (T, B, H); out
) {
    let _time = cpu.time(Kernel::SweepForward);
    let window = Window::new(w_h.cols(), h0.len(), h.len());
    window.check_weights(w_h, window.units, GATES);
    window.check("gates", GATES, gates.len());
    window.check("q", 1, q.len());
    let (state, units) = (window.state(), window.units);
    assert!(
        b_hn.len() == units,
        "b_hn has {} numbers, not {units}",
        b_hn.len()
    );
    let (gates, q, h) = (Parts::new(gates), Parts::new(q), Parts::new(h));
    window.sweep(cpu, w_h, window.steps, &|t, region| {
        let gates = gates.as_ptr().wrapping_add(t * state * GATES);
        let q = q.as_ptr().wrapping_add(t * state);
        let h = h.as_ptr().wrapping_add(t * state);
        let h_prev = match t {
            0 => h0.as_ptr(),
            _ => h.wrapping_sub(state),
        };
        let stride = GATES * units;
        let (isa, start) = (cpu.isa(), Start::Accumulate);
        isa.run(recurrent(h_prev, w_h, 0..2, start, gates, stride, region));
        isa.run(recurrent(
            h_prev,
            w_h,
            2..3,
            Start::Bias(b_hn),
            q,
            units,
            region,
        ));
        isa.run(Forward {
            units,
            region,
            gates,
            q,
            h_prev,
            h,
        });
    });
}

/// All steps of a window, the last first. `w_h` is (3H, H) packed as it is.
pub fn gru_backward(
    cpu: &Cpu,
    w_h: &Packed,
    h0: &[f32],          // (B, H)
    h: &[f32],           // (T, B, H)
    q: &[f32],           // (T, B, H)
    gates: &mut [f32],   // (T, B, 3H); in: r, z, n; out: (dr, dz, dn), the gradient at the x-part
    dz_h: &mut [f32],    // (T, B, 3H); out: (dr, dz, dn ⊙ r), the gradient at the h-part
    dh: &[f32],          // (T, B, H), the gradient at h_t from above
    dh_next: &mut [f32], // (B, H); in: gradient at h_T from after the window; out: at h_0
) {
    let _time = cpu.time(Kernel::SweepBackward);
    let window = Window::new(w_h.cols(), h0.len(), h.len());
    window.check_weights(w_h, GATES * window.units, 1);
    window.check("q", 1, q.len());
    window.check("gates", GATES, gates.len());
    window.check("dz_h", GATES, dz_h.len());
    window.check("dh", 1, dh.len());
    window.check_state("dh_next", dh_next.len());
    let (state, units) = (window.state(), window.units);
    let (gates, dz_h) = (Parts::new(gates), Parts::new(dz_h));
    let dh_next = Parts::new(dh_next);
    window.sweep(cpu, w_h, window.steps + 1, &|phase, region| {
        let (isa, t) = (cpu.isa(), window.steps - phase);
        if phase > 0 {
            // dh_next holds dh ⊙ z.
            let dz = dz_h.as_ptr().wrapping_add(t * state * GATES);
            let (next, start) = (dh_next.as_ptr(), Start::Accumulate);
            isa.run(recurrent(dz, w_h, 0..1, start, next, units, region));
        }
        if t > 0 {
            isa.run(Backward {
                units,
                region,
                h_prev: match t {
                    1 => h0.as_ptr(),
                    _ => h.as_ptr().wrapping_add((t - 2) * state),
                },
                q: q.as_ptr().wrapping_add((t - 1) * state),
                gates: gates.as_ptr().wrapping_add((t - 1) * state * GATES),
                dz_h: dz_h.as_ptr().wrapping_add((t - 1) * state * GATES),
                dh: dh.as_ptr().wrapping_add((t - 1) * state),
                dh_next: dh_next.as_ptr(),
            });
        }
    });
}

/// The gates of one step's region.
struct Forward<'a> {
    units: usize,
    region: &'a Region,
    gates: *mut f32,    // (B, 3H)
    q: *const f32,      // (B, H)
    h_prev: *const f32, // (B, H)
    h: *mut f32,        // (B, H)
}

impl Op for Forward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        for piece in Pieces::of(self.region, self.units) {
            let m = piece.len;
            let at = piece.at(self.units);
            // SAFETY: m units of this lane begin at each of these places, and the region is
            // this thread's.
            unsafe {
                let gr = self.gates.add(piece.at(GATES * self.units));
                let gz = gr.add(self.units);
                let gn = gz.add(self.units);
                let r = vmath::sigmoid(read::<V>(gr, m));
                let z = vmath::sigmoid(read::<V>(gz, m));
                let n = vmath::tanh(r.mul_add(read(self.q.add(at), m), read(gn, m)));
                let h_prev: V = read(self.h_prev.add(at), m);
                // (1 − z)·n + z·h with one operation less.
                let h = z.mul_add(h_prev.sub(n), n);
                write(r, gr, m);
                write(z, gz, m);
                write(n, gn, m);
                write(h, self.h.add(at), m);
            }
        }
    }
}

/// The gradients of one step's region, those of the x-part in place of the gates.
struct Backward<'a> {
    units: usize,
    region: &'a Region,
    h_prev: *const f32, // (B, H)
    q: *const f32,      // (B, H)
    gates: *mut f32,    // (B, 3H)
    dz_h: *mut f32,     // (B, 3H)
    dh: *const f32,     // (B, H)
    dh_next: *mut f32,  // (B, H); in: gradient at h_t; out: dh ⊙ z
}

impl Op for Backward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        for piece in Pieces::of(self.region, self.units) {
            let m = piece.len;
            let at = piece.at(self.units);
            let gate = piece.at(GATES * self.units);
            // SAFETY: as in `Forward`.
            unsafe {
                let gr = self.gates.add(gate);
                let gz = gr.add(self.units);
                let gn = gz.add(self.units);
                let (r, z, n): (V, V, V) = (read(gr, m), read(gz, m), read(gn, m));
                let h_prev: V = read(self.h_prev.add(at), m);
                let q = read(self.q.add(at), m);
                let one = V::splat(1.0);

                let dh = read::<V>(self.dh.add(at), m).add(read(self.dh_next.add(at), m));
                let dn = dh.mul(one.sub(z)).mul(n.neg_mul_add(n, one));
                let dz = dh.mul(h_prev.sub(n)).mul(z.mul(one.sub(z)));
                let dr = dn.mul(q).mul(r.mul(one.sub(r)));
                write(dr, gr, m);
                write(dz, gz, m);
                write(dn, gn, m);
                let hr = self.dz_h.add(gate);
                write(dr, hr, m);
                write(dz, hr.add(self.units), m);
                write(dn.mul(r), hr.add(2 * self.units), m);
                write(dh.mul(z), self.dh_next.add(at), m);
            }
        }
    }
}
