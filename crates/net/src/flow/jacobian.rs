//! The steps of a layer, linearised: J_t = ∂s_t/∂s_{t−1} times a vector, and J_tᵀ times a vector.
//!
//! The state s is h, or h and c. With a = W_h δh the change of the recurrent product, a step of one unit is linear in the
//! a of its gates and in the unit's own state:
//!
//! ```text
//! δs'_i = Σ_g κ_ig a_g + Σ_j λ_ij δs_j          κ_ig = ∂s'_i/∂a_g        λ_ij = ∂s'_i/∂s_j beside W_h
//! ```
//! Jᵀ times a gradient is the backward step of the cell itself, in f64. κ_i and λ_i are what it gives for a gradient of 1 at
//! s'_i; docs/MATH.md, sections 5 to 7, writes them out. Nothing is kept but the activations. The same steps give products
//! of Jacobians here and local gradients in `terms`. Rows of a batch belong to any step and sequence: W_h is the same for all,
//! and one product serves them together.

use super::trace::{LayerTrace, LayerWeights, Trace};
use elman_kernels::{BackwardRow, Cpu, product_f64};

/// Jacobians of one recurrent layer at every step of a window.
pub struct Jacobians<'a> {
    /// Weights of the layer.
    pub weights: &'a LayerWeights,
    /// Activations at which the steps are linearised.
    pub trace: &'a LayerTrace,
    /// T: number of steps.
    pub steps: usize,
    /// B: batch size.
    pub batch_size: usize,
}

/// Vectors in the space of a layer's states, one per row.
#[derive(Clone, Debug)]
pub struct Vectors {
    /// Components for h, (R, H).
    pub h: Vec<f64>,
    /// Components for c, (R, H); empty for cells without a memory cell.
    pub c: Vec<f64>,
}

/// Working memory of [`Jacobians::vjp`] and [`Jacobians::jvp`], reused from step to step.
#[derive(Default)]
pub struct Work {
    /// Gradients or changes at the recurrent product, (R, G·H).
    pub dz: Vec<f64>,
    /// Gradient at the input product of the last gate of a separate cell (GRU), (R, H).
    pub dn: Vec<f64>,
    /// (R, H)
    product: Vec<f64>,
    slopes: Slopes,
}

/// Partial derivatives of one part of the state after a step, for all units: κ_i and λ_i.
#[derive(Default)]
pub struct Slopes {
    /// κ, the derivative with respect to the recurrent product, (G·H).
    pub gain: Vec<f64>,
    /// λ, the derivatives with respect to the unit's own h and c before the step, (H) each.
    pub direct: [Vec<f64>; 2],
    /// Derivative with respect to the input product of the last gate of a separate cell, (H).
    ///
    /// For such a cell `gain` holds the derivative with respect to that gate's recurrent product.
    pub input_gain: Vec<f64>,
}

impl Vectors {
    /// Makes `rows` zero vectors of the layer's state space.
    pub fn zeros(weights: &LayerWeights, rows: usize) -> Vectors {
        let h = vec![0.0; rows * weights.hidden];
        let c = match weights.cell.has_memory_cell() {
            true => h.clone(),
            false => Vec::new(),
        };
        Vectors { h, c }
    }

    /// h and c of row `row`, of a layer with `n` units.
    fn row(&mut self, row: usize, n: usize) -> [&mut [f64]; 2] {
        let range = row * n..(row + 1) * n;
        [&mut self.h, &mut self.c].map(|part| part.get_mut(range.clone()).unwrap_or_default())
    }
}

impl<'a> Jacobians<'a> {
    /// Linearises layer `k` at the activations of `trace`.
    pub fn new(weights: &'a LayerWeights, trace: &'a Trace, k: usize) -> Jacobians<'a> {
        Jacobians {
            weights,
            trace: &trace.layers[k],
            steps: trace.steps,
            batch_size: trace.batch_size,
        }
    }

    /// Multiplies vectors by transposed Jacobians (vector-Jacobian product): row r becomes J_tᵀ times itself.
    ///
    /// It applies to the first `at.len()` rows; `at[r]` = t·B + b is the step and sequence of row r. Afterwards
    /// `work.dz` and `work.dn` hold the gradients within these steps.
    pub fn vjp(&self, cpu: &Cpu, at: &[usize], vectors: &mut Vectors, work: &mut Work) {
        let (n, wide) = (self.weights.hidden, self.weights.gate_rows());
        let separate = self.weights.cell.is_separate();
        work.dz.resize(at.len() * wide, 0.0);
        work.dn.resize(if separate { at.len() * n } else { 0 }, 0.0);
        for (row, &at) in at.iter().enumerate() {
            let dz = &mut work.dz[row * wide..][..wide];
            let own = work.dn.get_mut(row * n..(row + 1) * n);
            self.backward(at, vectors.row(row, n), dz, own.unwrap_or_default());
        }
        work.product.resize(at.len() * n, 0.0);
        product_f64(cpu, &work.dz, &self.weights.w_h, wide, &mut work.product);
        for (h, through) in vectors.h.iter_mut().zip(&work.product) {
            *h += through;
        }
    }

    /// Multiplies vectors by Jacobians (Jacobian-vector product): row r becomes J_t times itself.
    ///
    /// `at` is that of [`Jacobians::vjp`].
    pub fn jvp(&self, cpu: &Cpu, at: &[usize], vectors: &mut Vectors, work: &mut Work) {
        let (n, wide) = (self.weights.hidden, self.weights.gate_rows());
        work.dz.resize(at.len() * wide, 0.0);
        let h = &vectors.h[..at.len() * n];
        product_f64(cpu, h, &self.weights.w_h_t, n, &mut work.dz);
        let mut after = [vec![0.0; n], vec![0.0; n]];
        for (row, &at) in at.iter().enumerate() {
            for (part, after) in self.parts().zip(&mut after) {
                after.fill(0.0);
                self.slopes(at, part, &mut work.slopes);
                for (direct, before) in work.slopes.direct.iter().zip(vectors.row(row, n)) {
                    add_products(after, direct, before);
                }
                let gates = work.dz[row * wide..][..wide].chunks_exact(n);
                for (gain, a) in work.slopes.gain.chunks_exact(n).zip(gates) {
                    add_products(after, gain, a);
                }
            }
            for (to, after) in vectors.row(row, n).into_iter().zip(&after) {
                to.copy_from_slice(&after[..to.len()]);
            }
        }
    }

    /// Indices of the parts of a state: 0 for h, and 1 for c if the cell has one.
    pub fn parts(&self) -> std::ops::Range<usize> {
        0..self.weights.cell.states()
    }

    /// Computes the derivatives of one part of the state, 0 for h or 1 for c, after the step and sequence `at` = t·B
    /// + b.
    pub fn slopes(&self, at: usize, part: usize, slopes: &mut Slopes) {
        let n = self.weights.hidden;
        for (other, direct) in slopes.direct.iter_mut().enumerate() {
            direct.clear();
            if self.parts().contains(&other) {
                direct.resize(n, f64::from(other == part));
            }
        }
        slopes.gain.resize(self.weights.gate_rows(), 0.0);
        let separate = self.weights.cell.is_separate();
        slopes.input_gain.resize(if separate { n } else { 0 }, 0.0);
        let [h, c] = &mut slopes.direct;
        self.backward(at, [h, c], &mut slopes.gain, &mut slopes.input_gain);
    }

    /// The backward step of the cell at the step and sequence `at`: `d_state` goes from after the step to before it, without what
    /// passes through W_h; `dz` is the gradient at the recurrent product, and `own` that at the input product of a separate
    /// cell's last gate.
    fn backward(&self, at: usize, d_state: [&mut [f64]; 2], dz: &mut [f64], own: &mut [f64]) {
        let (n, layer) = (self.weights.hidden, self.trace);
        let part = |values: &'a [f64], at: usize| values.get(at * n..(at + 1) * n);
        let state = |at| [&layer.h, &layer.c].map(|values| part(values, at).unwrap_or_default());
        let (wide, after) = (dz.len(), state(at + self.batch_size));
        self.weights.cell.backward_row(BackwardRow {
            gates: match self.weights.cell.gate_is_output() {
                true => after[0],
                false => &layer.gates[at * wide..][..wide],
            },
            q: part(&layer.q, at).unwrap_or_default(),
            before: state(at),
            after,
            d_state,
            dz,
            dq: own,
        });
        if self.weights.cell.is_separate() {
            dz[wide - n..].swap_with_slice(own);
        }
    }
}

/// to += slopes ⊙ x.
fn add_products(to: &mut [f64], slopes: &[f64], x: &[f64]) {
    for ((to, slope), x) in to.iter_mut().zip(slopes).zip(x) {
        *to += slope * x;
    }
}
