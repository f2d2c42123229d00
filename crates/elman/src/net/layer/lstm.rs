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
use std::ops::Range;

#[derive(Clone, Copy, Debug)]
pub struct Lstm;

impl Lstm {
    /// From z in `tape.gates`, over the steps of `span`, which counts T·B·H, and from `state`. Leaves activated gates, h and c.
    pub(crate) fn forward(
        &self,
        cpu: &Cpu,
        w_h: &Packed,
        span: Range<usize>,
        state: &LayerState,
        tape: &mut LayerTape,
    ) {
        let (size, LayerState { h: h0, c: c0 }) = (state.h.len(), state);
        let gates = &mut tape.gates[4 * span.start..4 * span.end];
        let (h, c) = (&mut tape.h[size..][span.clone()], &mut tape.c[size..][span]);
        lstm_forward(cpu, w_h, h0, c0, gates, c, h);
    }

    /// The gates of the steps of `span` become dz; `before` is the state before them, `dh` (T, B, H) theirs.
    pub(crate) fn backward(
        &self,
        cpu: &Cpu,
        w_h: &Packed,
        span: Range<usize>,
        before: &LayerState,
        dh: &[f32],
        d_state: &mut LayerState,
        tape: &mut LayerTape,
    ) {
        let gates = &mut tape.gates[4 * span.start..4 * span.end];
        let (c0, c) = (&before.c, &tape.c[before.c.len()..][span]);
        let (dh_next, dc_next) = (&mut d_state.h, &mut d_state.c);
        lstm_backward(cpu, w_h, c0, gates, c, dh, dh_next, dc_next);
    }
}
