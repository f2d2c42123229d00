//! The recurrent layer, the same for every cell; and the other layers in the modules below.
//!
//! A layer consumes its input (T, B, in) itself, so that cells which mix input and state fit.
//! Inference and training run the same `forward`; a single step is a window of T = 1.

pub(crate) mod begins;
pub mod dropout;
pub mod embedding;
pub(crate) mod output;
pub mod penalty;
pub(crate) mod projection;
mod state;
pub mod weight_drop;

pub use state::{LayerState, State};

use super::params::{ParamLayout, Params, Role, TensorId};
use super::tape::{Data, LayerTape};
use crate::dims::{Cell, Dims};
use crate::gradients::Gradients;
use begins::Begins;
use elman_kernels::{
    BackwardWindow, Cpu, Format, ForwardWindow, Init, Operand, Packed, PanelPair, add_column_sums,
    product, weight_gradient,
};

/// Recurrent layer: the indices of its parameters, and its cell. It holds no weights.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    cell: Cell,
    weights: Weights,
    /// (H): the bias of the recurrent product that a separate cell keeps apart.
    b_q: Option<TensorId>,
}

/// Parameters and sizes that every recurrent layer has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weights {
    /// Input weights, (G·H, in).
    pub w_x: TensorId,
    /// Recurrent weights, (G·H, H).
    pub w_h: TensorId,
    /// Bias, (G·H).
    pub b: TensorId,
    /// Width of the layer's input.
    pub input: usize,
    /// H: number of hidden units.
    pub hidden: usize,
    /// G: number of gates.
    pub gates: usize,
}

/// Weights of a layer, packed for the products of the forward pass.
pub(crate) struct Panels {
    x: Packed,
    pub(crate) h: Packed,
}

/// Transposed weights of a layer, packed for the products of the backward pass.
pub(crate) struct BackPanels {
    x: Packed,
    pub(crate) h: Packed,
}

impl Layer {
    pub(crate) fn new(dims: &Dims, layout: &ParamLayout, k: usize) -> Layer {
        let find = |name: &str| {
            let name = format!("rnn.{name}_l{k}");
            layout
                .find(&name)
                .expect("the layout has every tensor of its layers")
        };
        let weights = Weights {
            w_x: find("weight_ih"),
            w_h: find("weight_hh"),
            b: find("bias_ih"),
            input: dims.input(k),
            hidden: dims.hidden[k],
            gates: dims.cell.gates(),
        };
        let b_q = dims.cell.is_separate().then(|| find("bias_hh"));
        debug_assert!(b_q.is_none_or(|id| layout.tensor(id).role == Role::ResetBias));
        Layer {
            cell: dims.cell,
            weights,
            b_q,
        }
    }

    pub(crate) fn panels(&self, format: Format) -> Panels {
        let w = &self.weights;
        Panels {
            x: Packed::new(format, w.input, 1, w.gates * w.hidden),
            h: Packed::new(format, w.hidden, w.gates, w.hidden),
        }
    }

    pub(crate) fn back_panels(&self, format: Format) -> BackPanels {
        let w = &self.weights;
        BackPanels {
            x: Packed::new(format, w.gates * w.hidden, 1, w.input),
            h: Packed::new(format, w.gates * w.hidden, 1, w.hidden),
        }
    }

    /// (G·H, H): the recurrent weights.
    pub(crate) fn w_h(&self) -> TensorId {
        self.weights.w_h
    }

    /// Packs the input weights of `params`, and `w_h` as the recurrent weights.
    pub(crate) fn pack(&self, cpu: &Cpu, params: &Params, w_h: &[f32], panels: &mut Panels) {
        panels.x.pack_transposed(cpu, &params[self.weights.w_x]);
        panels.h.pack_transposed(cpu, w_h);
    }

    /// The same for the backward pass.
    pub(crate) fn pack_back(
        &self,
        cpu: &Cpu,
        params: &Params,
        w_h: &[f32],
        panels: &mut BackPanels,
    ) {
        panels.x.pack(cpu, &params[self.weights.w_x]);
        panels.h.pack(cpu, w_h);
    }

    /// The panels of the weights `id` in both directions, if they are this layer's.
    pub(crate) fn panels_of<'a>(
        &self,
        id: TensorId,
        forward: &'a mut Panels,
        backward: &'a mut BackPanels,
    ) -> Option<PanelPair<'a>> {
        if id == self.weights.w_x {
            return Some(PanelPair::new(&mut forward.x, &mut backward.x));
        }
        (id == self.weights.w_h).then(|| PanelPair::new(&mut forward.h, &mut backward.h))
    }

    /// Runs `x` (T, B, in) through the layer from `state`, which becomes the state after the
    /// window; sequences start from zero where they begin a text. Outputs are [`outputs`].
    pub(crate) fn forward(
        &self,
        cpu: &Cpu,
        params: &Params,
        panels: &Panels,
        x: &[f32],
        begins: Begins,
        state: &mut LayerState,
        tape: &mut LayerTape,
    ) {
        let w = &self.weights;
        let (rows, size) = (x.len() / w.input, state.h.len());
        let len = rows * w.hidden;
        begins.clear(0, state);
        tape.h[..size].copy_from_slice(&state.h);
        if !state.c.is_empty() {
            tape.c[..size].copy_from_slice(&state.c);
        }
        // z = x · w_xᵀ + b for all rows at once.
        let z = match self.cell.gate_is_output() {
            true => &mut tape.h[size..size + len],
            false => &mut tape.gates[..w.gates * len],
        };
        let bias = Init::Bias(&params[w.b]);
        product(cpu, Operand::rows(x, rows, w.input), &panels.x, bias, z);
        for span in begins.spans() {
            begins.clear(span.start, state);
            let end = span.end * size;
            let span = span.start * size..end;
            let steps = tape.steps(&span, w.gates, size);
            let window = ForwardWindow {
                w_h: &panels.h,
                b_q: self.b_q.map_or(&[], |id| &params[id]),
                h0: &state.h,
                c0: &state.c,
                gates: steps.gates,
                q: steps.q,
                h: steps.h,
                c: steps.c,
            };
            self.cell.forward(cpu, window);
            state.h.copy_from_slice(&tape.h[end..end + size]);
            if !state.c.is_empty() {
                state.c.copy_from_slice(&tape.c[end..end + size]);
            }
        }
    }

    /// Adds to the pass's `dparams`, writes its `dx`, and leaves in its `d_state` the gradient at
    /// the state before the window.
    pub(crate) fn backward(&self, pass: Backward) {
        let Backward {
            cpu,
            panels,
            x,
            begins,
            dh,
            d_state,
            before,
            tape,
            data,
            dparams,
            dw_h,
            dx,
        } = pass;
        let (size, len) = (d_state.h.len(), dh.len());
        for span in begins.spans_back() {
            let first = span.start;
            let span = first * size..span.end * size;
            before.h.copy_from_slice(&tape.h[span.start..][..size]);
            if !before.c.is_empty() {
                before.c.copy_from_slice(&tape.c[span.start..][..size]);
            }
            begins.clear(first, before);
            let steps = tape.steps(&span, self.weights.gates, size);
            let window = BackwardWindow {
                w_h: &panels.h,
                h0: &before.h,
                c0: &before.c,
                gates: steps.gates,
                q: steps.q,
                h: steps.h,
                c: steps.c,
                dh: &mut dh[span],
                dz_h: steps.dz_h,
                dh_next: &mut d_state.h,
                dc_next: &mut d_state.c,
            };
            self.cell.backward(cpu, window);
            begins.clear(first, d_state);
        }
        // Nothing reads these outputs any more, and what begins has no state before it.
        begins.clear_before(&mut tape.h[..len]);
        // The gradients at the input product and at the recurrent product.
        let gates = self.weights.gates * len;
        let dz: &[f32] = match self.cell.gate_is_output() {
            true => dh,
            false => &tape.gates[..gates],
        };
        let dz_h = match self.cell.is_separate() {
            true => &tape.dz_h[..gates],
            false => dz,
        };
        let h_prev = &tape.h[..len];
        self.weights
            .gradients(cpu, (dz, dz_h), (x, h_prev), data, dparams, dw_h);
        if let Some(b_q) = self.b_q {
            // Only the last gate's recurrent product has a bias.
            let db_q = dparams.sums(b_q);
            let (width, first) = (
                self.weights.gates * db_q.len(),
                (self.weights.gates - 1) * db_q.len(),
            );
            add_column_sums(cpu, dz_h, width, first, db_q);
        }
        let width = self.weights.gates * self.weights.hidden;
        let dz = Operand::rows(dz, dz.len() / width, width);
        product(cpu, dz, &panels.x, Init::Zero, dx);
    }
}

/// What a layer's backward pass works with.
pub(crate) struct Backward<'a> {
    pub(crate) cpu: &'a Cpu,
    pub(crate) panels: &'a BackPanels,
    /// (T, B, in): what the layer read.
    pub(crate) x: &'a [f32],
    pub(crate) begins: Begins<'a>,
    /// (T, B, H): the gradient at its outputs; used up.
    pub(crate) dh: &'a mut [f32],
    /// The gradient arriving at the state after the window; becomes that before it.
    pub(crate) d_state: &'a mut LayerState,
    /// Capacity for the state before a span.
    pub(crate) before: &'a mut LayerState,
    pub(crate) tape: &'a mut LayerTape,
    pub(crate) data: &'a mut Data,
    pub(crate) dparams: &'a mut Gradients,
    /// Where the gradient of the recurrent weights is summed, if not in `dparams`.
    pub(crate) dw_h: Option<&'a mut [f32]>,
    /// (T, B, in): the gradient at what it read.
    pub(crate) dx: &'a mut [f32],
}

/// h_1 … h_T of a window of `rows` = T·B rows; `size` = B·H.
pub(crate) fn outputs(tape: &LayerTape, rows: usize, hidden: usize, size: usize) -> &[f32] {
    &tape.h[size..size + rows * hidden]
}

impl Weights {
    /// The gradients of the weights, one product over all T·B rows each, from the last row to the first:
    /// dw_x += dzᵀ x, dw_h += dz_hᵀ h_prev, db += Σ dz. `dz_h` differs from `dz` only for a separate cell.
    fn gradients(
        &self,
        cpu: &Cpu,
        (dz, dz_h): (&[f32], &[f32]),
        (x, h_prev): (&[f32], &[f32]),
        data: &mut Data,
        dparams: &mut Gradients,
        dw_h: Option<&mut [f32]>,
    ) {
        let data_x = data.of_width(self.input);
        data_x.pack_last_first(cpu, x);
        let (init, [dw_x, db]) = dparams.matrix_and_bias(self.w_x, self.b);
        weight_gradient(cpu, dz, data_x, init, dw_x, Some(db));

        let data_h = data.of_width(self.hidden);
        data_h.pack_last_first(cpu, h_prev);
        let (init, dw_h) = match dw_h {
            Some(apart) => (Init::Accumulate, apart),
            None => dparams.matrix(self.w_h),
        };
        weight_gradient(cpu, dz_h, data_h, init, dw_h, None);
    }
}
