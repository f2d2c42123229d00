//! The steps of a layer, linearised: J_t = ∂s_t/∂s_{t−1} times a vector, and J_tᵀ times a vector.
//!
//! The state s is h, for the LSTM (h, c). With a = W_h δh the change of the pre-activations:
//!
//! ```text
//! Elman   δh' = φ′ ⊙ a
//! GRU     δh' = z ⊙ δh + κ_r ⊙ a_r + κ_z ⊙ a_z + κ_n ⊙ a_n
//!         κ_r = (1−z)(1−n²) q r(1−r)    κ_z = (h_{t−1} − n) z(1−z)    κ_n = (1−z)(1−n²) r
//! LSTM    δc' = f ⊙ δc + κ_i ⊙ a_i + κ_f ⊙ a_f + κ_g ⊙ a_g            δh' = ρ ⊙ δc' + κ_o ⊙ a_o
//!         κ_i = g i(1−i)    κ_f = c_{t−1} f(1−f)    κ_g = i(1−g²)    κ_o = u o(1−o)    ρ = o(1−u²)    u = tanh c_t
//! ```
//! The transposed step is the backward step of the cell (docs/MATH.md, sections 5 to 7), so the same numbers give
//! products of Jacobians here and local gradients in `terms`. Rows of a batch belong to any step and lane: W_h is the same for
//! all, and one product serves them together.

use super::trace::{LayerTrace, LayerWeights, Trace};
use crate::dims::{Activation, Cell};
use elman_kernels::{Cpu, product_f64};

/// All steps of one layer in a window.
pub struct Jacobians<'a> {
    pub weights: &'a LayerWeights,
    /// T
    pub steps: usize,
    /// B
    pub lanes: usize,
    /// (T, B, G·H): κ, what each pre-activation's change adds to the state; φ′ for Elman.
    pub gain: Vec<f64>,
    /// (T, B, H): what passes W_h by: f (LSTM, of c), z (GRU).
    pub carry: Vec<f64>,
    /// (T, B, H): ρ = ∂h_t/∂c_t (LSTM).
    pub out: Vec<f64>,
    /// (T, B, H): (1−z)(1−n²), the gain at the n part of the input product, behind the reset gate (GRU).
    pub input_gain: Vec<f64>,
}

/// Vectors in the space of a layer's states, one a row.
#[derive(Clone, Debug)]
pub struct Vectors {
    /// (R, H)
    pub h: Vec<f64>,
    /// (R, H) for the LSTM, empty otherwise.
    pub c: Vec<f64>,
}

/// Between the two halves of a step; reused from step to step.
#[derive(Default)]
pub struct Work {
    /// (R, G·H): gradients, or changes, at the recurrent product.
    pub dz: Vec<f64>,
    /// (R, H): the gradient at the n part of the input product (GRU).
    pub dn: Vec<f64>,
    /// (R, H)
    product: Vec<f64>,
}

impl Vectors {
    /// `rows` zero vectors of the layer.
    pub fn zeros(weights: &LayerWeights, rows: usize) -> Vectors {
        let h = vec![0.0; rows * weights.hidden];
        let c = match weights.cell {
            Cell::Lstm => h.clone(),
            Cell::Elman(_) | Cell::Gru => Vec::new(),
        };
        Vectors { h, c }
    }
}

impl<'a> Jacobians<'a> {
    /// Those of layer `k`.
    pub fn new(weights: &'a LayerWeights, trace: &Trace, k: usize) -> Jacobians<'a> {
        let rows = trace.steps * trace.lanes;
        let per_unit =
            |used: bool| Vec::with_capacity(if used { rows * weights.hidden } else { 0 });
        let mut jacobians = Jacobians {
            weights,
            steps: trace.steps,
            lanes: trace.lanes,
            gain: vec![0.0; rows * weights.gate_rows()],
            carry: per_unit(weights.cell.gates() > 1),
            out: per_unit(weights.cell == Cell::Lstm),
            input_gain: per_unit(weights.cell == Cell::Gru),
        };
        let layer = &trace.layers[k];
        match weights.cell {
            Cell::Elman(activation) => jacobians.elman(activation, layer),
            Cell::Lstm => jacobians.lstm(layer),
            Cell::Gru => jacobians.gru(layer),
        }
        jacobians
    }

    fn elman(&mut self, activation: Activation, layer: &LayerTrace) {
        let after = &layer.h[self.lanes * self.weights.hidden..];
        for (gain, &h) in self.gain.iter_mut().zip(after) {
            *gain = match activation {
                Activation::Sigmoid => h * (1.0 - h),
                Activation::Tanh => 1.0 - h * h,
                Activation::Relu => f64::from(h > 0.0),
            };
        }
    }

    fn lstm(&mut self, layer: &LayerTrace) {
        let n = self.weights.hidden;
        let (before, after) = (&layer.c, &layer.c[self.lanes * n..]);
        for at in 0..self.steps * self.lanes {
            let gates = &layer.gates[at * 4 * n..][..4 * n];
            let gain = &mut self.gain[at * 4 * n..][..4 * n];
            for j in 0..n {
                let [i, f, g, o] = [0, 1, 2, 3].map(|gate| gates[gate * n + j]);
                let u = libm::tanh(after[at * n + j]);
                gain[j] = g * i * (1.0 - i);
                gain[n + j] = before[at * n + j] * f * (1.0 - f);
                gain[2 * n + j] = i * (1.0 - g * g);
                gain[3 * n + j] = u * o * (1.0 - o);
                self.carry.push(f);
                self.out.push(o * (1.0 - u * u));
            }
        }
    }

    fn gru(&mut self, layer: &LayerTrace) {
        let n = self.weights.hidden;
        for at in 0..self.steps * self.lanes {
            let gates = &layer.gates[at * 3 * n..][..3 * n];
            let gain = &mut self.gain[at * 3 * n..][..3 * n];
            for j in 0..n {
                let [r, z, new] = [0, 1, 2].map(|gate| gates[gate * n + j]);
                let d = (1.0 - z) * (1.0 - new * new);
                gain[j] = d * layer.q[at * n + j] * r * (1.0 - r);
                gain[n + j] = (layer.h[at * n + j] - new) * z * (1.0 - z);
                gain[2 * n + j] = d * r;
                self.carry.push(z);
                self.input_gain.push(d);
            }
        }
    }

    /// Row r of the first `at.len()` vectors becomes Jᵀ times itself, J that of the step and lane at[r] = t·B + b. `work.dz` and
    /// `work.dn` are then the gradients inside that step.
    pub fn pull(&self, cpu: &Cpu, at: &[usize], vectors: &mut Vectors, work: &mut Work) {
        let (n, wide) = (self.weights.hidden, self.weights.gate_rows());
        work.dz.resize(at.len() * wide, 0.0);
        work.dn.clear();
        for (row, &at) in at.iter().enumerate() {
            let h = &mut vectors.h[row * n..][..n];
            let dz = &mut work.dz[row * wide..][..wide];
            let gain = &self.gain[at * wide..][..wide];
            let per_unit = at * n..(at + 1) * n;
            if self.weights.cell == Cell::Lstm {
                let c = &mut vectors.c[row * n..][..n];
                let (f, out) = (&self.carry[per_unit.clone()], &self.out[per_unit]);
                for j in 0..n {
                    let dc = c[j] + out[j] * h[j];
                    for gate in [j, n + j, 2 * n + j] {
                        dz[gate] = gain[gate] * dc;
                    }
                    dz[3 * n + j] = gain[3 * n + j] * h[j];
                    (c[j], h[j]) = (f[j] * dc, 0.0);
                }
                continue;
            }
            for (dz, gain) in dz.chunks_exact_mut(n).zip(gain.chunks_exact(n)) {
                for ((dz, gain), h) in dz.iter_mut().zip(gain).zip(&*h) {
                    *dz = gain * h;
                }
            }
            match self.weights.cell {
                Cell::Gru => {
                    let gains = h.iter().zip(&self.input_gain[per_unit.clone()]);
                    work.dn.extend(gains.map(|(h, gain)| h * gain));
                    for (h, z) in h.iter_mut().zip(&self.carry[per_unit]) {
                        *h *= z;
                    }
                }
                Cell::Elman(_) | Cell::Lstm => h.fill(0.0),
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
            let h = &mut vectors.h[row * n..][..n];
            let dz = &work.dz[row * wide..][..wide];
            let gain = &self.gain[at * wide..][..wide];
            let moved = |gate: usize, j: usize| gain[gate * n + j] * dz[gate * n + j];
            let per_unit = at * n..(at + 1) * n;
            match self.weights.cell {
                Cell::Elman(_) => (0..n).for_each(|j| h[j] = moved(0, j)),
                Cell::Gru => {
                    let z = &self.carry[per_unit];
                    (0..n)
                        .for_each(|j| h[j] = z[j] * h[j] + moved(0, j) + moved(1, j) + moved(2, j));
                }
                Cell::Lstm => {
                    let c = &mut vectors.c[row * n..][..n];
                    let (f, out) = (&self.carry[per_unit.clone()], &self.out[per_unit]);
                    for j in 0..n {
                        c[j] = f[j] * c[j] + moved(0, j) + moved(1, j) + moved(2, j);
                        h[j] = out[j] * c[j] + moved(3, j);
                    }
                }
            }
        }
    }
}
