//! Initial weights.
//!
//! Every tensor draws from its own key (seed and place in the layout), so the length of one changes
//! no other.
//!
//! * `uniform`: every parameter, biases too, from U(−a, a); unless given, a = 1/√H with the H of its layer, for the
//!   embedding that of the first layer, for projection and output layer (as in PyTorch) with what they read.
//! * `xavier`: matrices from U(−a, a) with a = √(6 / (in + out)) (Glorot and Bengio 2010), each
//!   gate a matrix of its own; embedding rows with variance 1/E; biases zero.
//! * The recurrent matrix W_hh may instead be orthogonal (Saxe et al. 2014; each gate on its own)
//!   or the identity (Le, Jaitly and Hinton 2015: with ReLU the IRNN).
//! * W_hh, however it starts, may be scaled, to see gradients vanish or explode from the first step.
//! * The forget bias is added to what the scheme gives for a forget gate (LSTM).

use super::params::{Params, Role, Tensor};
use crate::dims::Dims;
use elman_kernels::rng::{Site, Stream, key};
use serde::{Deserialize, Serialize};

/// Distribution of the initial weights.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// All parameters from U(−a, a), biases too; a is 1/√H unless given, as in PyTorch's recurrent layers.
    Uniform,
    /// Matrices by Glorot and Bengio (2010), embedding rows with variance 1/E, biases zero.
    Xavier,
}

/// Initialisation of the recurrent weights W_hh.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recurrent {
    /// Use the distribution of all other matrices ([`Scheme`]).
    Same,
    /// A random orthogonal matrix for each gate (Saxe et al. 2014).
    Orthogonal,
    /// The identity for each gate (Le, Jaitly and Hinton 2015).
    Identity,
}

/// Initialisation of all parameters of a network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Init {
    /// Distribution of all weights except those that `recurrent` decides.
    pub scheme: Scheme,
    /// a of [`Scheme::Uniform`]; `None` for 1/√H of each layer.
    pub range: Option<f32>,
    /// Initialisation of W_hh.
    pub recurrent: Recurrent,
    /// Factor by which W_hh is multiplied; 1 leaves it unchanged.
    pub recurrent_scale: f32,
    /// Number added to the bias of the forget gate, if the cell has one (LSTM).
    pub forget_bias: f32,
    /// Seed of the random numbers.
    pub seed: u64,
}

impl Init {
    /// Initialises all parameters of a network with the sizes `dims`.
    pub fn fill(&self, dims: &Dims, params: &mut Params) {
        let layout = params.layout().clone();
        for (index, (id, tensor)) in layout.tensors().enumerate() {
            let mut stream = Stream::new(key(self.seed, Site::Init, index as u64));
            let values = &mut params[id];
            match (tensor.role, self.recurrent) {
                (Role::RecurrentWeight, Recurrent::Orthogonal) => {
                    let hidden = tensor.shape[1];
                    for gate in values.chunks_exact_mut(hidden * hidden) {
                        orthogonal(&mut stream, hidden, gate);
                    }
                }
                (Role::RecurrentWeight, Recurrent::Identity) => {
                    let hidden = tensor.shape[1];
                    for gate in values.chunks_exact_mut(hidden * hidden) {
                        gate.fill(0.0);
                        gate.iter_mut().step_by(hidden + 1).for_each(|x| *x = 1.0);
                    }
                }
                _ => {
                    let a = self.bound(dims, tensor);
                    values
                        .iter_mut()
                        .for_each(|x| *x = (2.0 * stream.uniform() - 1.0) * a);
                }
            }
            if tensor.role == Role::RecurrentWeight {
                values.iter_mut().for_each(|x| *x *= self.recurrent_scale);
            }
            if let (Role::Bias, Some(forget)) = (tensor.role, dims.cell.gate("f")) {
                let hidden = tensor.shape[0] / tensor.gates;
                values[forget * hidden..][..hidden]
                    .iter_mut()
                    .for_each(|b| *b += self.forget_bias);
            }
        }
    }

    /// a of the uniform distribution that `tensor` is drawn from.
    fn bound(&self, dims: &Dims, tensor: &Tensor) -> f32 {
        match self.scheme {
            Scheme::Uniform => {
                let width = match tensor.role {
                    Role::Embed => dims.hidden[0],
                    Role::InputWeight | Role::Bias | Role::ResetBias => {
                        tensor.shape[0] / tensor.gates
                    }
                    Role::RecurrentWeight | Role::Projection | Role::OutputWeight => {
                        tensor.shape[1]
                    }
                    Role::OutputBias => dims.output(),
                };
                self.range.unwrap_or(1.0 / (width as f32).sqrt())
            }
            Scheme::Xavier => match tensor.role {
                Role::Embed => (3.0 / dims.embed as f32).sqrt(),
                Role::Bias | Role::ResetBias | Role::OutputBias => 0.0,
                Role::InputWeight
                | Role::RecurrentWeight
                | Role::Projection
                | Role::OutputWeight => {
                    let fan = tensor.shape[0] / tensor.gates + tensor.shape[1];
                    (6.0 / fan as f32).sqrt()
                }
            },
        }
    }
}

/// A random orthogonal matrix: Gram–Schmidt (twice, for orthogonality to rounding) on Gaussian rows.
fn orthogonal(stream: &mut Stream, n: usize, out: &mut [f32]) {
    let mut rows: Vec<Vec<f64>> = Vec::with_capacity(n);
    while rows.len() < n {
        let mut row: Vec<f64> = (0..n).map(|_| stream.normal()).collect();
        for _ in 0..2 {
            for earlier in &rows {
                let dot = dot(&row, earlier);
                row.iter_mut().zip(earlier).for_each(|(x, e)| *x -= dot * e);
            }
        }
        let norm = dot(&row, &row).sqrt();
        // A row that the earlier ones almost span is drawn again.
        if norm > 1e-6 {
            row.iter_mut().for_each(|x| *x /= norm);
            rows.push(row);
        }
    }
    for (to, from) in out.iter_mut().zip(rows.iter().flatten()) {
        *to = *from as f32;
    }
}

/// In eight partial sums, so that it vectorises; the order is fixed.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    for (a, b) in a.chunks(8).zip(b.chunks(8)) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Network;
    use crate::dims::{Activation, Cell};

    fn filled(
        cell: Cell,
        scheme: Scheme,
        recurrent: Recurrent,
        range: Option<f32>,
    ) -> (Network, Params) {
        let dims = Dims {
            cell,
            vocab: 50,
            embed: 24,
            hidden: vec![40; 2],
            tied: false,
        };
        let network = Network::new(dims.clone());
        let mut params = Params::zeros(network.layout().clone());
        let init = Init {
            scheme,
            range,
            recurrent,
            recurrent_scale: 1.0,
            forget_bias: 1.0,
            seed: 5,
        };
        init.fill(&dims, &mut params);
        (network, params)
    }

    fn tensor<'a>(network: &Network, params: &'a Params, name: &str) -> &'a [f32] {
        &params[network.layout().find(name).unwrap()]
    }

    #[test]
    fn uniform_fills_its_range_and_forget_bias_is_added() {
        let (network, params) = filled(Cell::LSTM, Scheme::Uniform, Recurrent::Same, Some(0.1));
        let w = tensor(&network, &params, "rnn.weight_hh_l1");
        assert!(w.iter().all(|x| x.abs() <= 0.1) && w.iter().any(|x| *x > 0.09));
        let b = tensor(&network, &params, "rnn.bias_ih_l0");
        assert!(b[40..80].iter().all(|x| (x - 1.0).abs() <= 0.1));
        assert!(b[..40].iter().chain(&b[80..]).all(|x| x.abs() <= 0.1));
    }

    #[test]
    fn orthogonal_gates_are_orthogonal() {
        let (network, params) = filled(Cell::GRU, Scheme::Xavier, Recurrent::Orthogonal, None);
        for gate in tensor(&network, &params, "rnn.weight_hh_l0").chunks_exact(40 * 40) {
            for i in 0..40 {
                for j in 0..40 {
                    let dot: f32 = (0..40).map(|k| gate[i * 40 + k] * gate[j * 40 + k]).sum();
                    let expected = if i == j { 1.0 } else { 0.0 };
                    assert!((dot - expected).abs() < 1e-5, "rows {i} and {j}: {dot}");
                }
            }
        }
    }

    #[test]
    fn a_scale_is_for_recurrent_weights_alone() {
        let (network, _) = filled(Cell::GRU, Scheme::Uniform, Recurrent::Same, None);
        let fill = |recurrent_scale| {
            let mut params = Params::zeros(network.layout().clone());
            let init = Init {
                scheme: Scheme::Uniform,
                range: None,
                recurrent: Recurrent::Same,
                recurrent_scale,
                forget_bias: 0.0,
                seed: 1,
            };
            init.fill(network.dims(), &mut params);
            params
        };
        let (plain, scaled) = (fill(1.0), fill(4.0));
        for (id, tensor) in plain.layout().tensors() {
            let factor = match tensor.role {
                Role::RecurrentWeight => 4.0,
                _ => 1.0,
            };
            let pairs = plain[id].iter().zip(&scaled[id]);
            assert!(
                pairs.into_iter().all(|(a, b)| a * factor == *b),
                "{}",
                tensor.name
            );
        }
    }

    #[test]
    fn identity_is_the_identity() {
        let cell = Cell::elman(Activation::Relu);
        let (network, params) = filled(cell, Scheme::Uniform, Recurrent::Identity, None);
        let w = tensor(&network, &params, "rnn.weight_hh_l1");
        for (i, x) in w.iter().enumerate() {
            assert_eq!(*x, if i % 41 == 0 { 1.0 } else { 0.0 });
        }
    }
}
