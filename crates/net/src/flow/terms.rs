//! The gradient of backpropagation through time as the chapter's double sum, term by term.
//!
//! ```text
//! ∂E/∂W = Σ_t Σ_{k≤t} ∂E_t/∂ŷ_t · ∂ŷ_t/∂h_t · (Π_{j=k+1}^{t} ∂h_j/∂h_{j−1}) · ∂⁺h_k/∂W
//! ```
//! Backpropagation adds up all t on its way and never sees a term. Here the loss E_t of one step is injected alone, carried
//! back, and what it leaves at step k is handed out: the gradients at the products of every layer at k, whose outer products
//! with what these multiply are the term (t, k) of that layer's weights.
//!
//! With several layers the path from E_t to step k of a layer may go down at any step between; a path counts where it ends,
//! at k. So the terms of every layer add up to its whole gradient.

use super::jacobian::{Jacobians, Vectors, Work};
use super::trace::{Trace, widened};
use crate::{Network, Params};
use elman_kernels::{Cpu, product_f64};

/// Rows of W_S that are in memory as f64 at a time.
const VOCAB_ROWS: usize = 4096;

/// Position whose loss is differentiated alone: E_t of one sequence, with t = `step` + 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Injection {
    /// Index of the sequence in the batch.
    pub sequence: usize,
    /// Step of the loss, from 0.
    pub step: usize,
}

/// Gradients that the injected losses cause at one step of one layer.
pub struct Terms<'a> {
    /// Step k, counted from 0 as [`Injection::step`].
    pub step: usize,
    /// Index of the layer, from below.
    pub layer: usize,
    /// Number of injections at or after this step, which are the first ones; each has a row in the fields below.
    pub rows: usize,
    /// Gradient at W_x x + b, (rows, G·H).
    pub dz_x: &'a [f64],
    /// Gradient at W_h h, (rows, G·H).
    pub dz_h: &'a [f64],
    /// Gradient at the layer's input, (rows, in).
    pub dx: &'a [f64],
}

/// Propagates each injected loss back on its own and reports the gradients at every step and layer.
///
/// Calls come from the last step to the first and from the top layer down. `layers` are in order from below,
/// `injections` from the last step to the first; `d_top` (R, H) is the gradient of each loss at the top layer's h of
/// its step.
pub fn double_sum(
    cpu: &Cpu,
    layers: &[Jacobians],
    injections: &[Injection],
    d_top: &[f64],
    visit: &mut dyn FnMut(Terms),
) {
    assert!(injections.is_sorted_by(|a, b| a.step >= b.step));
    let Some(top) = layers.last() else { return };
    let width = top.weights.hidden;
    assert_eq!(d_top.len(), injections.len() * width);
    let mut gradients: Vec<Vectors> = layers
        .iter()
        .map(|layer| Vectors::zeros(layer.weights, injections.len()))
        .collect();
    let mut work = Work::default();
    let (mut at, mut dz_x, mut dx) = (Vec::new(), Vec::new(), Vec::new());
    for step in (0..top.steps).rev() {
        let rows = injections.partition_point(|injection| injection.step >= step);
        let new = injections.partition_point(|injection| injection.step > step)..rows;
        at.clear();
        at.extend(
            injections[..rows]
                .iter()
                .map(|i| step * top.batch_size + i.sequence),
        );
        let top_h = &mut gradients[layers.len() - 1].h[new.start * width..new.end * width];
        top_h.copy_from_slice(&d_top[new.start * width..new.end * width]);
        for (k, layer) in layers.iter().enumerate().rev() {
            let weights = layer.weights;
            let (wide, hidden) = (weights.gate_rows(), weights.hidden);
            if k + 1 < layers.len() {
                let from_above = gradients[k].h.iter_mut().zip(&dx);
                from_above.for_each(|(h, dx)| *h += dx);
            }
            layer.vjp(cpu, &at, &mut gradients[k], &mut work);
            dz_x.clear();
            dz_x.extend_from_slice(&work.dz);
            // The last gate of a separate cell has another gradient at its input product.
            let parts = dz_x.chunks_exact_mut(wide);
            for (dz, dn) in parts.zip(work.dn.chunks_exact(hidden)) {
                dz[wide - hidden..].copy_from_slice(dn);
            }
            dx.resize(rows * weights.input, 0.0);
            product_f64(cpu, &dz_x, &weights.w_x, wide, &mut dx);
            visit(Terms {
                step,
                layer: k,
                rows,
                dz_x: &dz_x,
                dz_h: &work.dz,
                dx: &dx,
            });
        }
    }
}

/// Computes ∂E_t/∂h_t at the top layer, (R, H), for the loss −ln ŷ of each injection's target; `targets` is (T, B).
pub fn loss_gradients(
    cpu: &Cpu,
    network: &Network,
    params: &Params,
    trace: &Trace,
    injections: &[Injection],
    targets: &[u32],
) -> Vec<f64> {
    let layout = network.layout();
    let tensor = |name: &str| layout.find(name).map(|id| &params[id]);
    // What multiplies W_S: h, or its projection.
    let projection = tensor("projection.weight").map(widened);
    let top = &trace.layers[trace.layers.len() - 1].h;
    let width = top.len() / (trace.steps + 1) / trace.batch_size;
    let row =
        |i: &Injection| &top[((i.step + 1) * trace.batch_size + i.sequence) * width..][..width];
    let rows = injections.len();
    let h: Vec<f64> = injections.iter().flat_map(row).copied().collect();
    let y = match &projection {
        None => h,
        Some(p) => {
            let p_t = super::trace::transposed(p, width);
            let mut y = vec![0.0; rows * (p.len() / width)];
            product_f64(cpu, &h, &p_t, width, &mut y);
            y
        }
    };
    let y_width = y.len() / rows;
    let y_t = super::trace::transposed(&y, y_width);
    let (Some(w_s), Some(b_s)) = (
        tensor("decoder.weight").or_else(|| tensor("encoder.weight")),
        tensor("decoder.bias"),
    ) else {
        unreachable!("every network has an output layer");
    };

    // Logits (V, R) become their gradients, column by column.
    let mut logits = vec![0.0; b_s.len() * rows];
    let blocks = w_s.chunks(VOCAB_ROWS * y_width);
    for (block, out) in blocks.zip(logits.chunks_mut(VOCAB_ROWS * rows)) {
        product_f64(cpu, &widened(block), &y_t, y_width, out);
    }
    for (r, injection) in injections.iter().enumerate() {
        let target = targets[injection.step * trace.batch_size + injection.sequence];
        let column = || (0..b_s.len()).map(|v| v * rows + r);
        for (at, bias) in column().zip(b_s) {
            logits[at] += f64::from(*bias);
        }
        let largest = column().fold(f64::NEG_INFINITY, |most, at| most.max(logits[at]));
        let sum: f64 = column().map(|at| libm::exp(logits[at] - largest)).sum();
        column().for_each(|at| logits[at] = libm::exp(logits[at] - largest) / sum);
        logits[target as usize * rows + r] -= 1.0;
    }
    let mut dy = vec![0.0; rows * y_width];
    let mut part = vec![0.0; rows * y_width];
    let blocks = w_s.chunks(VOCAB_ROWS * y_width);
    for (block, dlogits) in blocks.zip(logits.chunks(VOCAB_ROWS * rows)) {
        let dlogits_t = super::trace::transposed(dlogits, rows);
        let words = block.len() / y_width;
        product_f64(cpu, &dlogits_t, &widened(block), words, &mut part);
        dy.iter_mut().zip(&part).for_each(|(sum, x)| *sum += x);
    }
    match &projection {
        None => dy,
        Some(p) => {
            let mut dh = vec![0.0; rows * width];
            product_f64(cpu, &dy, p, y_width, &mut dh);
            dh
        }
    }
}
