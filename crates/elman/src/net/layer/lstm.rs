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

use super::LayerState;
use crate::net::tape::LayerTape;
use elman_kernels::{Cpu, Packed, lstm_backward, lstm_forward};

#[derive(Clone, Copy, Debug)]
pub struct Lstm;

impl Lstm {
    /// From z in `tape.gates`; `len` = T·B·H, `size` = B·H. Leaves activated gates, h and c.
    pub(crate) fn forward(
        &self,
        cpu: &Cpu,
        w_h: &Packed,
        size: usize,
        len: usize,
        tape: &mut LayerTape,
    ) {
        let gates = &mut tape.gates[..4 * len];
        let (h0, h) = tape.h.split_at_mut(size);
        let (c0, c) = tape.c.split_at_mut(size);
        lstm_forward(cpu, w_h, h0, c0, gates, &mut c[..len], &mut h[..len]);
    }

    /// The gates become dz.
    pub(crate) fn backward(
        &self,
        cpu: &Cpu,
        w_h: &Packed,
        dh: &[f32],
        d_state: &mut LayerState,
        tape: &mut LayerTape,
    ) {
        let (size, len) = (d_state.h.len(), dh.len());
        let (c0, c) = (&tape.c[..size], &tape.c[size..size + len]);
        let gates = &mut tape.gates[..4 * len];
        let (dh_next, dc_next) = (&mut d_state.h, &mut d_state.c);
        lstm_backward(cpu, w_h, c0, gates, c, dh, dh_next, dc_next);
    }
}
