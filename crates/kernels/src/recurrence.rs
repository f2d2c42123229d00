//! The time loop of every recurrent cell: a window of T steps of B sequences, forward and backward.
//!
//! A step is the product of the last step's output with the recurrent weights and then the cell's
//! equations. Both are local to a sequence and a block of sixteen units, so a thread owns some
//! (sequences × unit blocks) for the whole window and computes, step by step, first the product and
//! then the equations of what it owns. Only the product reads what others wrote, and that was one
//! step ago: one barrier per step is all the synchronisation.
//!
//! Forward, the input part (W_x x_t + b of all steps) is in memory already and the recurrent product is
//! accumulated onto it. Backward, the gradients of the pre-activations, dz, replace the gates;
//! products with them give the gradients of weights and inputs afterwards, outside.
//!
//! `dh_next` is always rounded to memory before the next step adds to it, so a window of 2T steps
//! and two windows of T with carried state and gradient give the same bits.
//!
//! The equations are in [`crate::cell`]. Shapes are time-major: (T, B, ·).

mod blocks;
mod step;

use crate::cell::{Backward, Equations, Gate};
use crate::cpu::{Cpu, Parts, Worker};
use crate::pack::Packed;
use crate::product::{Region, Start};
use crate::simd::WIDTH;
use crate::timer::Kernel;
use step::{BackwardStep, ForwardStep, recurrent};

/// Multiply-adds of one step from which a second thread saves more than a barrier costs.
const SHARED_FROM: usize = 50_000;

/// Operands of a forward pass over a window. Slices that a cell does not have are empty.
pub struct ForwardWindow<'a> {
    /// Recurrent weights (G·H, H), packed transposed.
    pub w_h: &'a Packed,
    /// Bias (H) of the recurrent product that a separate cell keeps apart (GRU).
    pub b_q: &'a [f32],
    /// Hidden state h before the window, (B, H).
    pub h0: &'a [f32],
    /// Memory cell c before the window, (B, H).
    pub c0: &'a [f32],
    /// Gates (T, B, G·H); on entry W_x x_t + b, on return the activated gates.
    ///
    /// Empty for a cell whose gate is its output, because `h` holds both.
    pub gates: &'a mut [f32],
    /// Output: recurrent product W_h h_{t−1} + b of the last gate of a separate cell, (T, B, H).
    pub q: &'a mut [f32],
    /// Hidden states (T, B, H), an output. For a cell whose gate is its output, on entry W_x x_t + b.
    pub h: &'a mut [f32],
    /// Output: memory cells, (T, B, H).
    pub c: &'a mut [f32],
}

/// Operands of a backward pass over a window. Slices that a cell does not have are empty.
pub struct BackwardWindow<'a> {
    /// Recurrent weights (G·H, H), packed without transposition.
    pub w_h: &'a Packed,
    /// Hidden state h before the window, (B, H).
    pub h0: &'a [f32],
    /// Memory cell c before the window, (B, H).
    pub c0: &'a [f32],
    /// Gates (T, B, G·H); on entry the activated gates, on return the gradient dz at the pre-activations.
    pub gates: &'a mut [f32],
    /// Recurrent product of the last gate of a separate cell, (T, B, H), from the forward pass.
    pub q: &'a [f32],
    /// Hidden states (T, B, H), from the forward pass.
    pub h: &'a [f32],
    /// Memory cells (T, B, H), from the forward pass.
    pub c: &'a [f32],
    /// Gradient at h_t from the layer above, (T, B, H); on return dz of a cell whose gate is its output.
    pub dh: &'a mut [f32],
    /// Output: gradient at the recurrent product of a separate cell, (T, B, G·H).
    pub dz_h: &'a mut [f32],
    /// Gradient (B, H): on entry at h_T from the steps after the window, on return at h_0.
    pub dh_next: &'a mut [f32],
    /// Gradient (B, H): on entry at c_T from the steps after the window, on return at c_0.
    pub dc_next: &'a mut [f32],
}

/// Operands of one backward step of one sequence, in f64.
///
/// Slices that a cell does not have are empty. The first of a pair is for h, the second for c.
pub struct BackwardRow<'a> {
    /// Activated gates (G·H); h for a cell whose gate is its output.
    pub gates: &'a [f64],
    /// Recurrent product of the last gate of a separate cell, (H).
    pub q: &'a [f64],
    /// State before the step, (H) each.
    pub before: [&'a [f64]; 2],
    /// State after the step, (H) each.
    pub after: [&'a [f64]; 2],
    /// Gradient (H) each: on entry at the state after the step, on return at the state before it.
    ///
    /// The part that passes through W_h is not included.
    pub d_state: [&'a mut [f64]; 2],
    /// Output: gradient at the pre-activations, (G·H).
    pub dz: &'a mut [f64],
    /// Output: gradient at q of a separate cell, (H).
    pub dq: &'a mut [f64],
}

/// A cell as the rest of the program uses it, without its type parameters.
pub(crate) trait Recurrence: Sync {
    fn name(&self) -> &'static str;
    fn gates(&self) -> Vec<Gate>;
    fn states(&self) -> usize;
    fn is_separate(&self) -> bool;
    fn gate_is_output(&self) -> bool;
    fn forward(&self, cpu: &Cpu, window: ForwardWindow);
    fn backward(&self, cpu: &Cpu, window: BackwardWindow);
    fn backward_row(&self, row: BackwardRow);
}

/// The time loop around the equations of a cell with G gates and S vectors in its state.
pub(crate) struct TimeLoop<C, const G: usize, const S: usize>(pub(crate) C);

impl<C: Equations<G, S>, const G: usize, const S: usize> Recurrence for TimeLoop<C, G, S> {
    fn name(&self) -> &'static str {
        C::NAME
    }

    fn gates(&self) -> Vec<Gate> {
        self.0.gates().to_vec()
    }

    fn states(&self) -> usize {
        S
    }

    fn is_separate(&self) -> bool {
        C::SEPARATE
    }

    fn gate_is_output(&self) -> bool {
        C::GATE_IS_OUTPUT
    }

    fn forward(&self, cpu: &Cpu, pass: ForwardWindow) {
        let _time = cpu.time(Kernel::SweepForward);
        let window = Window::of::<C, G, S>(pass.w_h, pass.h0, pass.h);
        window.check_weights(pass.w_h, window.units, G);
        window.check_state("c0", S - 1, pass.c0.len());
        window.check("c", S - 1, pass.c.len());
        window.check("gates", window.stored_gates, pass.gates.len());
        window.check("q", usize::from(C::SEPARATE), pass.q.len());
        let bias = usize::from(C::SEPARATE) * window.units;
        assert!(
            pass.b_q.len() == bias,
            "b_q has {} numbers, not {bias}",
            pass.b_q.len()
        );
        let (state, units) = (window.state(), window.units);
        let (gates, q) = (Parts::new(pass.gates), Parts::new(pass.q));
        let (h, c) = (Parts::new(pass.h), Parts::new(pass.c));
        window.run(cpu, pass.w_h, window.steps, &|t, region| {
            let h = h.as_ptr().wrapping_add(t * state);
            let c = c.as_ptr().wrapping_add(t * state);
            let q = q.as_ptr().wrapping_add(t * state);
            let z = match C::GATE_IS_OUTPUT {
                true => h,
                false => gates.as_ptr().wrapping_add(t * state * G),
            };
            let (h_before, c_before) = match t {
                0 => (pass.h0.as_ptr(), pass.c0.as_ptr()),
                _ => (before(h, state), before(c, state)),
            };
            let isa = cpu.isa();
            let product = |gates, start, to, stride| {
                let op = recurrent(h_before, pass.w_h, gates, start, to, stride, region);
                // SAFETY: the sizes were compared above. z and q of the region are this thread's, and h_{t−1}
                // was finished before the barrier (see `Window::run`).
                unsafe { op.run(isa) };
            };
            let summed = G - usize::from(C::SEPARATE);
            product(0..summed, Start::Accumulate, z, G * units);
            if C::SEPARATE {
                product(summed..G, Start::Bias(pass.b_q), q, units);
            }
            let step = ForwardStep {
                cell: self.0,
                units,
                region,
                z,
                q,
                before: [h_before, c_before],
                after: [h, c],
            };
            // SAFETY: as above; h and c of the region are this thread's too.
            unsafe { isa.run_raw(step) };
        });
    }

    fn backward(&self, cpu: &Cpu, pass: BackwardWindow) {
        let _time = cpu.time(Kernel::SweepBackward);
        let window = Window::of::<C, G, S>(pass.w_h, pass.dh_next, pass.h);
        window.check_weights(pass.w_h, G * window.units, 1);
        window.check_state("h0", 1, pass.h0.len());
        window.check_state("c0", S - 1, pass.c0.len());
        window.check_state("dc_next", S - 1, pass.dc_next.len());
        window.check("c", S - 1, pass.c.len());
        window.check("gates", window.stored_gates, pass.gates.len());
        window.check("q", usize::from(C::SEPARATE), pass.q.len());
        window.check("dz_h", G * usize::from(C::SEPARATE), pass.dz_h.len());
        window.check("dh", 1, pass.dh.len());
        let (state, units) = (window.state(), window.units);
        let (gates, dz_h) = (Parts::new(pass.gates), Parts::new(pass.dz_h));
        let dh = Parts::new(pass.dh);
        let (dh_next, dc_next) = (Parts::new(pass.dh_next), Parts::new(pass.dc_next));
        window.run(cpu, pass.w_h, window.steps + 1, &|phase, region| {
            let (isa, t) = (cpu.isa(), window.steps - phase);
            // Where the gradients of step `t` at z and at the recurrent product are.
            let dz_of = |t: usize| match C::GATE_IS_OUTPUT {
                true => dh.as_ptr().wrapping_add(t * state),
                false => gates.as_ptr().wrapping_add(t * state * G),
            };
            let dz_h_of = |t: usize| match C::SEPARATE {
                true => dz_h.as_ptr().wrapping_add(t * state * G),
                false => dz_of(t),
            };
            if phase > 0 {
                // What reaches h_{t−1} beside W_h is in `dh_next` already.
                let start = match C::THROUGH_WEIGHTS_ONLY {
                    true => Start::Zero,
                    false => Start::Accumulate,
                };
                let (from, to) = (dz_h_of(t), dh_next.as_ptr());
                let op = recurrent(from, pass.w_h, 0..1, start, to, units, region);
                // SAFETY: the sizes were compared above. dh_next of the region is this thread's, and all of dz
                // or dz_h of step t was finished before the barrier (see `Window::run`).
                unsafe { op.run(isa) };
            }
            if t > 0 {
                let t = t - 1;
                let at = |all: &[f32], t: usize| all.as_ptr().wrapping_add(t * state);
                let step = BackwardStep {
                    cell: self.0,
                    units,
                    region,
                    gates: match C::GATE_IS_OUTPUT {
                        true => at(pass.h, t),
                        false => dz_of(t).cast_const(),
                    },
                    q: at(pass.q, t),
                    before: match t {
                        0 => [pass.h0.as_ptr(), pass.c0.as_ptr()],
                        _ => [at(pass.h, t - 1), at(pass.c, t - 1)],
                    },
                    after: [at(pass.h, t), at(pass.c, t)],
                    dh: dh.as_ptr().wrapping_add(t * state),
                    d_next: [dh_next.as_ptr(), dc_next.as_ptr()],
                    dz: dz_of(t),
                    dz_h: dz_h_of(t),
                };
                // SAFETY: as above. What a step writes in the region is this thread's, and only the product
                // reads beyond the region: dz or dz_h of the step after this one.
                unsafe { isa.run_raw(step) };
            }
        });
    }

    fn backward_row(&self, row: BackwardRow) {
        let units = row.d_state[0].len();
        for j in 0..units {
            let pair = |parts: &[&[f64]; 2]| std::array::from_fn(|part| parts[part][j]);
            let gradients = self.0.backward(Backward {
                gates: std::array::from_fn::<f64, G, _>(|gate| row.gates[gate * units + j]),
                q: if C::SEPARATE { row.q[j] } else { 0.0 },
                before: pair(&row.before),
                after: pair(&row.after),
                d_after: std::array::from_fn::<f64, S, _>(|part| row.d_state[part][j]),
            });
            for gate in 0..G {
                row.dz[gate * units + j] = gradients.dz[gate];
            }
            if C::SEPARATE {
                row.dq[j] = gradients.dq;
            }
            for part in 0..S {
                row.d_state[part][j] = gradients.d_before[part];
            }
        }
    }
}

/// One step earlier in (T, B, H).
fn before(at: *mut f32, state: usize) -> *const f32 {
    at.wrapping_sub(state).cast_const()
}

/// The sizes of a window.
#[derive(Clone, Copy)]
struct Window {
    steps: usize, // T
    batch: usize, // B
    units: usize, // H
    /// Gates that have memory of their own.
    stored_gates: usize,
}

impl Window {
    /// From the lengths of a state (B, H) and of the outputs (T, B, H).
    fn of<C: Equations<G, S>, const G: usize, const S: usize>(
        w_h: &Packed,
        state: &[f32],
        outputs: &[f32],
    ) -> Window {
        const { assert!(S == 1 || S == 2, "a state is h, or h and c") };
        const { assert!(!C::GATE_IS_OUTPUT || G == 1, "one gate is the output") };
        let (units, state, outputs) = (w_h.cols(), state.len(), outputs.len());
        let batch = state / units;
        assert!(
            batch >= 1 && batch * units == state,
            "a state of {state} numbers for {units} units"
        );
        let steps = outputs / state;
        assert!(
            steps * state == outputs,
            "outputs of {outputs} numbers for {batch} sequences of {units} units"
        );
        Window {
            steps,
            batch,
            units,
            stored_gates: if C::GATE_IS_OUTPUT { 0 } else { G },
        }
    }

    /// Numbers in a state (B, H).
    fn state(&self) -> usize {
        self.batch * self.units
    }

    /// Asserts that `name` has `width` numbers for every unit, step and sequence.
    fn check(&self, name: &str, width: usize, len: usize) {
        let expected = self.steps * self.state() * width;
        assert!(len == expected, "{name} has {len} numbers, not {expected}");
    }

    /// Asserts that `name` has `width` numbers for every unit and sequence.
    fn check_state(&self, name: &str, width: usize, len: usize) {
        let expected = self.state() * width;
        assert!(len == expected, "{name} has {len} numbers, not {expected}");
    }

    fn check_weights(&self, w: &Packed, depth: usize, gates: usize) {
        let (units, shape) = (self.units, (w.depth(), w.gates(), w.cols()));
        assert!(
            shape == (depth, gates, units),
            "recurrent weights {shape:?}, not ({depth}, {gates}, {units})"
        );
    }

    /// Runs `phase(i, region)` for i in `0..phases` on every thread's own regions, which share no element, all
    /// threads finishing a phase before any begins the next.
    fn run(
        &self,
        cpu: &Cpu,
        weights: &Packed,
        phases: usize,
        phase: &(dyn Fn(usize, &Region) + Sync),
    ) {
        let job = |worker: Worker| {
            let regions = Region::share(&worker, self.batch, self.units.div_ceil(WIDTH));
            for i in 0..phases {
                if i > 0 {
                    worker.barrier();
                }
                regions.iter().for_each(|region| phase(i, region));
            }
        };
        let work = self.batch * weights.depth() * weights.width();
        cpu.parallel_from(SHARED_FROM, work, &job);
    }
}
