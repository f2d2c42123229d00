//! Long short-term memory (Hochreiter and Schmidhuber 1997; forget gate of Gers et al. 2000), gates
//! in PyTorch's order i, f, g, o.
//!
//! ```text
//! i, f, o = σ(W_x x_t + W_h h_{t−1} + b)      g = tanh(…)
//! c_t = f ⊙ c_{t−1} + i ⊙ g                   h_t = o ⊙ tanh(c_t)
//! ```
//! Backward, with dh = dh_t + dh_next and dc arriving from t+1:
//! ```text
//! dc ← dc + dh ⊙ o ⊙ (1 − tanh²(c_t))
//! di = dc ⊙ g ⊙ i(1−i)      df = dc ⊙ c_{t−1} ⊙ f(1−f)
//! dg = dc ⊙ i ⊙ (1−g²)      do = dh ⊙ tanh(c_t) ⊙ o(1−o)
//! dc_next = dc ⊙ f          dh_next = W_hᵀ (di, df, dg, do)
//! ```
//! docs/MATH.md derives them.

use super::{Backward, Forward, Weights};
use elman_kernels::{lstm_backward, lstm_forward};

#[derive(Clone, Copy, Debug)]
pub struct Lstm {
    pub(crate) weights: Weights,
}

impl Lstm {
    /// Leaves activated gates, h and c in the tape.
    pub(crate) fn forward(&self, pass: Forward) {
        let Forward {
            cpu,
            params,
            panels,
            x,
            rows,
            size,
            tape,
        } = pass;
        let len = rows * self.weights.hidden;
        let gates = &mut tape.gates[..4 * len];
        self.weights.input_product(cpu, params, panels, x, gates);
        let (h0, h) = tape.h.split_at_mut(size);
        let (c0, c) = tape.c.split_at_mut(size);
        let (c, h) = (&mut c[..len], &mut h[..len]);
        lstm_forward(cpu, &panels.h, h0, c0, gates, c, h);
    }

    pub(crate) fn backward(&self, pass: Backward) {
        let Backward {
            cpu,
            panels,
            x,
            dh,
            d_state,
            tape,
            data,
            dparams,
            dx,
        } = pass;
        let (size, len) = (d_state.h.len(), dh.len());
        let (c0, c) = (&tape.c[..size], &tape.c[size..size + len]);
        let dz = &mut tape.gates[..4 * len];
        let (dh_next, dc_next) = (&mut d_state.h, &mut d_state.c);
        lstm_backward(cpu, &panels.h, c0, dz, c, dh, dh_next, dc_next);
        let (dz, h_prev) = (&*dz, &tape.h[..len]);
        self.weights
            .gradients(cpu, panels, (dz, dz), (x, h_prev), data, dparams, dx);
    }
}
