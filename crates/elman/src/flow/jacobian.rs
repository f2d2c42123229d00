//! The steps of a layer, linearised: J_t = ∂s_t/∂s_{t−1} times a vector, and J_tᵀ times a vector.
//!
//! The state s is h, or h and c. With a = W_h δh the change of the recurrent product, a step of one unit is linear in the
//! a of its gates and in the unit's own state:
//!
//! ```text
//! δs'_i = Σ_g κ_ig a_g + Σ_j λ_ij δs_j          κ_ig = ∂s'_i/∂a_g        λ_ij = ∂s'_i/∂s_j beside W_h
//! ```
//! κ and λ are what the backward equations of the cell give for a gradient of 1 at s'_i, in f64; docs/MATH.md, sections 5
//! to 7, writes them out. The same numbers give products of Jacobians here and local gradients in `terms`. Rows of a batch
//! belong to any step and sequence: W_h is the same for all, and one product serves them together.

use super::trace::{LayerTrace, LayerWeights, Trace};
use elman_kernels::{Cpu, UnitStep, product_f64};

/// All steps of one layer in a window.
pub struct Jacobians<'a> {
    pub weights: &'a LayerWeights,
    /// The activations at which the steps are linearised.
    pub trace: &'a LayerTrace,
    /// T
    pub steps: usize,
    /// B
    pub lanes: usize,
    /// For each part of the state after the step, (T, B, G·H): κ.
    pub gain: Vec<Vec<f64>>,
    /// For each part of the state after the step, (T, B, S·H): λ, for the parts of the state before the step.
    pub direct: Vec<Vec<f64>>,
    /// For each part of the state after the step, (T, B, H): the gain at the input product of a separate cell's last gate,
    /// where κ is that at its recurrent product.
    pub input_gain: Vec<Vec<f64>>,
}

/// Vectors in the space of a layer's states, one a row.
#[derive(Clone, Debug)]
pub struct Vectors {
    /// (R, H)
    pub h: Vec<f64>,
    /// (R, H); empty for cells without a memory cell.
    pub c: Vec<f64>,
}

/// Between the two halves of a step; reused from step to step.
#[derive(Default)]
pub struct Work {
    /// (R, G·H): gradients, or changes, at the recurrent product.
    pub dz: Vec<f64>,
    /// (R, H): the gradient at the input product of a separate cell's last gate.
    pub dn: Vec<f64>,
    /// (R, H)
    product: Vec<f64>,
    /// (S, H): the state of a row as it was.
    before: Vec<f64>,
}

impl Vectors {
    /// `rows` zero vectors of the layer.
    pub fn zeros(weights: &LayerWeights, rows: usize) -> Vectors {
        let h = vec![0.0; rows * weights.hidden];
        let c = match weights.cell.has_memory_cell() {
            true => h.clone(),
            false => Vec::new(),
        };
        Vectors { h, c }
    }

    /// The parts of the state of row `row`, h first, of a layer with `n` units.
    fn parts(&mut self, row: usize, n: usize) -> impl Iterator<Item = &mut [f64]> {
        let range = row * n..(row + 1) * n;
        [&mut self.h, &mut self.c]
            .into_iter()
            .filter_map(move |part| part.get_mut(range.clone()))
    }
}

impl<'a> Jacobians<'a> {
    /// Linearises layer `k` at `trace`.
    pub fn new(weights: &'a LayerWeights, trace: &'a Trace, k: usize) -> Jacobians<'a> {
        let rows = trace.steps * trace.lanes;
        let (cell, n) = (weights.cell, weights.hidden);
        let (gates, states) = (cell.gates(), cell.states());
        let each = |numbers: usize| vec![vec![0.0; numbers]; states];
        let mut jacobians = Jacobians {
            weights,
            trace: &trace.layers[k],
            steps: trace.steps,
            lanes: trace.lanes,
            gain: each(rows * gates * n),
            direct: each(rows * states * n),
            input_gain: each(if cell.is_separate() { rows * n } else { 0 }),
        };
        let (mut dz, mut d_before) = (vec![0.0; gates], vec![0.0; states]);
        let (mut values, mut before, mut after) = (dz.clone(), d_before.clone(), d_before.clone());
        for at in 0..rows * n {
            let (row, unit) = (at / n, at % n);
            let layer = jacobians.trace;
            layer.read_unit(&mut before, at);
            layer.read_unit(&mut after, at + trace.lanes * n);
            match cell.gate_is_output() {
                true => values[0] = after[0],
                false => {
                    let gates = layer.gates[row * gates * n + unit..].iter().step_by(n);
                    values
                        .iter_mut()
                        .zip(gates)
                        .for_each(|(to, gate)| *to = *gate);
                }
            }
            for part in 0..states {
                let mut d_after = [0.0; 2];
                d_after[part] = 1.0;
                let step = UnitStep {
                    gates: &values,
                    q: layer.q.get(at).copied().unwrap_or(0.0),
                    before: &before,
                    after: &after,
                    d_after: &d_after[..states],
                };
                let dq = cell.backward_unit(step, &mut dz, &mut d_before);
                if cell.is_separate() {
                    jacobians.input_gain[part][at] = std::mem::replace(&mut dz[gates - 1], dq);
                }
                scatter(&dz, &mut jacobians.gain[part][row * gates * n + unit..], n);
                scatter(
                    &d_before,
                    &mut jacobians.direct[part][row * states * n + unit..],
                    n,
                );
            }
        }
        jacobians
    }

    /// Row r of the first `at.len()` vectors becomes Jᵀ times itself, J that of the step and lane at[r] = t·B + b. `work.dz` and
    /// `work.dn` are then the gradients inside that step.
    pub fn pull(&self, cpu: &Cpu, at: &[usize], vectors: &mut Vectors, work: &mut Work) {
        let (n, wide) = (self.weights.hidden, self.weights.gate_rows());
        let separate = self.weights.cell.is_separate();
        work.dz.clear();
        work.dz.resize(at.len() * wide, 0.0);
        work.dn.clear();
        work.dn.resize(if separate { at.len() * n } else { 0 }, 0.0);
        for (row, &at) in at.iter().enumerate() {
            work.take(vectors.parts(row, n));
            for (part, d) in work.before.chunks_exact(n).enumerate() {
                add_products(
                    &mut work.dz[row * wide..][..wide],
                    d,
                    &self.gain[part][at * wide..],
                );
                if separate {
                    let dn = &mut work.dn[row * n..][..n];
                    add_products(dn, d, &self.input_gain[part][at * n..]);
                }
                let direct = self.direct_of(part, at).chunks_exact(n);
                for (to, direct) in vectors.parts(row, n).zip(direct) {
                    add_products(to, d, direct);
                }
            }
        }
        work.product.resize(at.len() * n, 0.0);
        product_f64(cpu, &work.dz, &self.weights.w_h, wide, &mut work.product);
        for (h, through) in vectors.h.iter_mut().zip(&work.product) {
            *h += through;
        }
    }

    /// Row r of the first `at.len()` vectors becomes J times itself.
    pub fn push(&self, cpu: &Cpu, at: &[usize], vectors: &mut Vectors, work: &mut Work) {
        let (n, wide) = (self.weights.hidden, self.weights.gate_rows());
        work.dz.resize(at.len() * wide, 0.0);
        let h = &vectors.h[..at.len() * n];
        product_f64(cpu, h, &self.weights.w_h_t, n, &mut work.dz);
        for (row, &at) in at.iter().enumerate() {
            work.take(vectors.parts(row, n));
            for (part, to) in vectors.parts(row, n).enumerate() {
                let direct = self.direct_of(part, at).chunks_exact(n);
                for (before, direct) in work.before.chunks_exact(n).zip(direct) {
                    add_products(to, before, direct);
                }
                let gates = work.dz[row * wide..][..wide].chunks_exact(n);
                let gain = self.gain[part][at * wide..][..wide].chunks_exact(n);
                for (a, gain) in gates.zip(gain) {
                    add_products(to, a, gain);
                }
            }
        }
    }

    /// (S, H): λ of one part of the state after a step and lane.
    fn direct_of(&self, part: usize, at: usize) -> &[f64] {
        let width = self.weights.state();
        &self.direct[part][at * width..][..width]
    }
}

impl Work {
    /// Moves the parts of a state into `before` and leaves zeros.
    fn take<'a>(&mut self, parts: impl Iterator<Item = &'a mut [f64]>) {
        self.before.clear();
        for part in parts {
            self.before.extend_from_slice(part);
            part.fill(0.0);
        }
    }
}

/// Every `n`-th number of `to` becomes the next of `from`.
fn scatter(from: &[f64], to: &mut [f64], n: usize) {
    let to = to.iter_mut().step_by(n);
    to.zip(from).for_each(|(to, from)| *to = *from);
}

/// to += x ⊙ gain for all blocks of x.len() numbers in `to`.
fn add_products(to: &mut [f64], x: &[f64], gain: &[f64]) {
    let blocks = to.chunks_exact_mut(x.len()).zip(gain.chunks_exact(x.len()));
    for (to, gain) in blocks {
        for ((to, x), gain) in to.iter_mut().zip(x).zip(gain) {
            *to += x * gain;
        }
    }
}
