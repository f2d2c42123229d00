//! The projection between the top layer and a tied table of another width. Press and Wolf (2017) put one there as a
//! regulariser; here it is what lets E and H differ. It has no bias, since the output layer has one.
//!
//! ```text
//! y_t = P h_t          dh_t = Pᵀ dy_t          dP += dy_t h_tᵀ
//! ```

use crate::gradients::Gradients;
use crate::params::TensorId;
use crate::tape::Data;
use elman_kernels::{Cpu, Format, Init, Operand, Packed, product, weight_gradient};

/// Linear projection from the top layer to a tied table of another width. It holds no weights.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Projection {
    /// (E, H)
    pub(crate) weight: TensorId,
    /// H of the top layer.
    pub(crate) hidden: usize,
    /// E
    pub(crate) output: usize,
}

impl Projection {
    /// Capacity for P as the forward pass reads it.
    pub(crate) fn panels(&self, format: Format) -> Packed {
        Packed::new(format, self.hidden, 1, self.output)
    }

    /// The same for the backward pass.
    pub(crate) fn back_panels(&self, format: Format) -> Packed {
        Packed::new(format, self.output, 1, self.hidden)
    }

    /// `h` (R, H) → `y` (R, E).
    pub(crate) fn forward(&self, cpu: &Cpu, panels: &Packed, h: &[f32], y: &mut [f32]) {
        let h = Operand::rows(h, h.len() / self.hidden, self.hidden);
        product(cpu, h, panels, Init::Zero, y);
    }

    /// From `dy` (R, E): writes `dh` (R, H) and adds to `dparams`, from the last row to the first.
    pub(crate) fn backward(
        &self,
        cpu: &Cpu,
        panels: &Packed,
        h: &[f32],
        dy: &[f32],
        data: &mut Data,
        dh: &mut [f32],
        dparams: &mut Gradients,
    ) {
        let rows = dy.len() / self.output;
        let data = data.of_width(self.hidden);
        data.pack_last_first(cpu, h);
        let (init, dw) = dparams.matrix(self.weight);
        weight_gradient(cpu, dy, data, init, dw, None);
        let dy = Operand::rows(dy, rows, self.output);
        product(cpu, dy, panels, Init::Zero, dh);
    }
}
