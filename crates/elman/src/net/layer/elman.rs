//! The Elman cell (Elman 1990), the recurrent network of the chapter.
//!
//! ```text
//! z_t = W_hx x_t + W_hh h_{t−1} + b          h_t = σ(z_t)          σ: sigmoid, tanh or relu
//! ```
//! Backward, from dh_t (from above) and dh_next (from t+1):
//! ```text
//! dz_t = (dh_t + dh_next) ⊙ σ′(z_t)          dh_next ← W_hhᵀ dz_t
//! σ′ through the output alone: sigmoid h(1−h), tanh 1−h², relu [h > 0]
//! ```

use super::{Backward, Forward, Weights};
use elman_kernels::{Activation, elman_backward, elman_forward};

#[derive(Clone, Copy, Debug)]
pub struct Elman {
    pub(crate) weights: Weights,
    pub(crate) activation: Activation,
}

impl Elman {
    /// z is computed where h will stand.
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
        let (h0, h) = tape.h.split_at_mut(size);
        let h = &mut h[..len];
        self.weights.input_product(cpu, params, panels, x, h);
        elman_forward(cpu, self.activation, &panels.h, h0, h);
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
        let h = &tape.h[size..size + len];
        elman_backward(cpu, self.activation, &panels.h, h, dh, &mut d_state.h);
        let (dz, h_prev) = (&*dh, &tape.h[..len]);
        self.weights
            .gradients(cpu, panels, (dz, dz), (x, h_prev), data, dparams, dx);
    }
}
