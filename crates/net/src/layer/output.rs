//! The output layer: ŷ = softmax(W_S h + b_2), with cross-entropy.
//!
//! ```text
//! J = −ln ŷ_target          dz = ŷ − onehot(target); with labels smoothed by ε, ŷ − (1 − ε) onehot(target) − ε/V
//! dh = W_Sᵀ dz              dW_S += dz hᵀ              db_2 += dz
//! ```
//! Works on blocks of rows, see `dims::logit_rows`: the logits of a whole window are never in memory, and a
//! block's gradient becomes `dh` and `dw_s` while it is in the cache.

use crate::dims::Dims;
use crate::gradients::Gradients;
use crate::params::{ParamLayout, Params, TensorId};
use elman_kernels::rng::pick;
use elman_kernels::{
    Cpu, Init, Operand, Packed, cross_entropy, exponentials, product, target_nats, weight_gradient,
};

/// Output layer: logits, softmax and cross-entropy. It holds no weights.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// (V, H); with tying the embedding table, (V, E).
    pub(crate) w_s: TensorId,
    /// (V)
    pub(crate) b_s: TensorId,
    /// Of a row that it reads.
    pub(crate) width: usize,
    pub(crate) vocab: usize,
}

impl Output {
    pub(crate) fn new(dims: &Dims, layout: &ParamLayout) -> Output {
        let find = |name| layout.find(name).expect("the layout has an output layer");
        let w_s = if dims.tied {
            "encoder.weight"
        } else {
            "decoder.weight"
        };
        Output {
            w_s: find(w_s),
            b_s: find("decoder.bias"),
            width: dims.output(),
            vocab: dims.vocab,
        }
    }

    /// `h` (R, H) → `logits` (R, V).
    pub(crate) fn logits(
        &self,
        cpu: &Cpu,
        params: &Params,
        panels: &Packed,
        h: &[f32],
        logits: &mut [f32],
    ) {
        let rows = h.len() / self.width;
        let h = Operand::rows(h, rows, self.width);
        product(cpu, h, panels, Init::Bias(&params[self.b_s]), logits);
    }

    /// A draw from ŷ of each row: the place that `uniforms[r]` in [0, 1) falls on. `block` holds logits.
    pub(crate) fn draw(
        &self,
        cpu: &Cpu,
        params: &Params,
        panels: &Packed,
        h: &[f32],
        uniforms: &[f64],
        block: &mut [f32],
        ids: &mut [u32],
    ) {
        let most = block.len() / self.vocab;
        let blocks = h.chunks(most * self.width);
        for ((h, uniforms), ids) in blocks.zip(uniforms.chunks(most)).zip(ids.chunks_mut(most)) {
            let weights = &mut block[..ids.len() * self.vocab];
            self.logits(cpu, params, panels, h, weights);
            exponentials(cpu, self.vocab, weights);
            let rows = weights.chunks(self.vocab);
            for ((row, &uniform), id) in rows.zip(uniforms).zip(ids) {
                *id = pick(uniform, row) as u32;
            }
        }
    }

    /// The loss alone: `nats[r]` = −ln ŷ of each row's target; and, where it is asked for, whether the target is the most likely
    /// token: `right[r]`. `block` holds logits.
    pub(crate) fn loss(
        &self,
        cpu: &Cpu,
        params: &Params,
        panels: &Packed,
        h: &[f32],
        targets: &[u32],
        block: &mut [f32],
        nats: &mut [f64],
        mut right: Option<&mut [bool]>,
    ) {
        let most = block.len() / self.vocab;
        let blocks = h.chunks(most * self.width);
        for (number, ((h, targets), nats)) in blocks
            .zip(targets.chunks(most))
            .zip(nats.chunks_mut(most))
            .enumerate()
        {
            let logits = &mut block[..targets.len() * self.vocab];
            self.logits(cpu, params, panels, h, logits);
            target_nats(cpu, logits, targets, nats);
            if let Some(right) = &mut right {
                let right = &mut right[number * most..][..targets.len()];
                let rows = logits.chunks(self.vocab).zip(targets);
                for (right, (row, &target)) in right.iter_mut().zip(rows) {
                    *right = is_first(row, target as usize);
                }
            }
        }
    }

    /// The loss and its gradient, from the last rows to the first. `weight[r]` scales row r's part of the loss (0: masked);
    /// its labels are smoothed by `smoothing`; `nats[r]` is the loss before both; `dh` (R, H) is overwritten, `dparams` added to.
    pub(crate) fn loss_backward(
        &self,
        cpu: &Cpu,
        params: &Params,
        panels: &Packed,
        back: &Packed,
        h: &[f32],
        targets: &[u32],
        weight: &[f32],
        smoothing: f32,
        block: &mut [f32],
        data: &mut Packed,
        nats: &mut [f64],
        dh: &mut [f32],
        dparams: &mut Gradients,
    ) {
        let (width, vocab) = (self.width, self.vocab);
        let mut end = targets.len();
        let most = block.len() / self.vocab;
        while end > 0 {
            let rows = end.min(most);
            let start = end - rows;
            let h = &h[start * width..end * width];
            let logits = &mut block[..rows * vocab];
            self.logits(cpu, params, panels, h, logits);
            let nats = &mut nats[start..end];
            let (targets, weight) = (&targets[start..end], &weight[start..end]);
            cross_entropy(cpu, logits, targets, weight, smoothing, nats);
            let dz: &[f32] = logits;
            let dh = &mut dh[start * width..end * width];
            product(cpu, Operand::rows(dz, rows, vocab), back, Init::Zero, dh);
            data.pack_last_first(cpu, h);
            let (init, [dw_s, db_s]) = dparams.matrix_and_bias(self.w_s, self.b_s);
            weight_gradient(cpu, dz, data, init, dw_s, Some(db_s));
            end = start;
        }
    }
}

/// Whether `target` has the largest of `logits` (V), and of equals the lowest id.
fn is_first(logits: &[f32], target: usize) -> bool {
    let (before, rest) = logits.split_at(target);
    let own = rest[0];
    before.iter().all(|z| *z < own) && rest.iter().all(|z| *z <= own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_is_the_most_likely() {
        let logits = [1.0, 3.0, 2.0, 3.0];
        assert_eq!(
            [0, 1, 2, 3].map(|id| is_first(&logits, id)),
            [false, true, false, false]
        );
        assert!(is_first(&[0.5], 0));
        // A network that gives no numbers is never right.
        assert!((0..2).all(|id| !is_first(&[f32::NAN, f32::NAN], id)));
    }
}
