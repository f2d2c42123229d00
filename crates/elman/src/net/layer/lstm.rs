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

use super::{BackPanels, Data, LayerState, Panels, Weights};
use crate::net::params::Params;
use crate::net::tape::LayerTape;
use elman_kernels::{Cpu, lstm_backward, lstm_forward};

#[derive(Clone, Copy, Debug)]
pub struct Lstm {
    pub(crate) weights: Weights,
}

impl Lstm {
    /// `x` (T, B, in) → h and c in the tape; `size` = B·H.
    pub(crate) fn forward(
        &self,
        cpu: &Cpu,
        params: &Params,
        panels: &Panels,
        x: &[f32],
        rows: usize,
        size: usize,
        tape: &mut LayerTape,
    ) {
        let len = rows * self.weights.hidden;
        let gates = &mut tape.gates[..4 * len];
        self.weights
            .input_product(cpu, params, panels, x, rows, gates);
        let (h0, h) = tape.h.split_at_mut(size);
        let (c0, c) = tape.c.split_at_mut(size);
        lstm_forward(cpu, &panels.h, h0, c0, gates, &mut c[..len], &mut h[..len]);
    }

    pub(crate) fn backward(
        &self,
        cpu: &Cpu,
        panels: &BackPanels,
        x: &[f32],
        dh: &mut [f32],
        d_state: &mut LayerState,
        tape: &mut LayerTape,
        data: Data,
        dparams: &mut Params,
        dx: &mut [f32],
    ) {
        let (size, len) = (d_state.h.len(), dh.len());
        let (c0, c) = (&tape.c[..size], &tape.c[size..size + len]);
        let dz = &mut tape.gates[..4 * len];
        let LayerState {
            h: dh_next,
            c: dc_next,
        } = d_state;
        lstm_backward(cpu, &panels.h, c0, dz, c, dh, dh_next, dc_next);
        let h_prev = &tape.h[..len];
        self.weights
            .gradients(cpu, panels, dz, dz, x, h_prev, data, dparams, dx);
    }
}
