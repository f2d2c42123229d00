//! A recurrent language model in f64 with its own backward pass, written as plainly as it can be.
//!
//! It computes what `docs/MATH.md` derives, and uses nothing of elman: the tests take it as the oracle that the fast
//! kernels are compared with. A sequence of the batch never sees another, so one sequence after the
//! other is taken through the whole network: every loop below is over the steps of ONE sequence, every
//! value a vector. With the weights of the softmax written W_S, b_2 the network is
//!
//! ```text
//!   x_t   = m⁰_t ⊙ embed[input_t]                      m^k: dropout multipliers of site k (0 or 1/(1−p))
//!   h¹_t  = cell¹(x_t, h¹_{t−1})      …                layer k reads m^{k−1}_t ⊙ h^{k−1}_t
//!   y_t   = P (m^L_t ⊙ h^L_t)                          P only if tied with E ≠ H, otherwise absent
//!   logits_t = W_S y_t + b_2                           W_S = embed if tied
//!   nats_t   = −ln softmax(logits_t)[target_t]
//!   loss     = Σ weight_t nats_t / Σ weight_t          Norm::Tokens
//!            = Σ weight_t nats_t / B                   Norm::Sequences (sum over steps, mean over sequences)
//!   objective  the same of (1−ε) nats_t + ε/V Σ_v −ln softmax(logits_t)_v, plus in both norms that of the penalties
//!              α mean (m^L_t ⊙ h^L_t)² and β mean (h^L_t − h^L_{t−1})² at every position: means over real positions,
//!              or pairs of them, and units
//! ```
//!
//! and the cells (σ the logistic function, ⊙ the product by elements) are
//!
//! ```text
//!   Elman   h_t = f(W_x x_t + W_h h_{t−1} + b)         f = σ, tanh or max(0, ·)
//!   LSTM    i, f, o = σ(…), g = tanh(…) of W_x x_t + W_h h_{t−1} + b, in the order i, f, g, o;
//!           c_t = f ⊙ c_{t−1} + i ⊙ g,   h_t = o ⊙ tanh(c_t)
//!   GRU     r, z = σ(W_x x_t + W_h h_{t−1} + b),   n = tanh(W_xn x_t + b_n + r ⊙ (W_hn h_{t−1} + b_hn));
//!           h_t = (1 − z) ⊙ n + z ⊙ h_{t−1}
//! ```
//!
//! (Elman 1990; Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000; Cho et al. 2014
//! in the variant of cuDNN and PyTorch.) Gradients are those of `objective + ⟨d_final, s_T⟩`, so that a window can
//! be differentiated as one part of a longer text.
//!
//! Not here: speed, random numbers, optimisers, any check of the input beyond what indexing does.

#![allow(dead_code)] // the example and each test use their own part

mod layer;

pub use layer::Step;

use layer::{Layer, add, add_outer, times, transposed_times};
use std::collections::BTreeMap;

/// Tensors by their names on disk: shape and row-major values.
pub type Tensors = BTreeMap<String, (Vec<usize>, Vec<f64>)>;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell {
    Sigmoid,
    Tanh,
    Relu,
    Lstm,
    Gru,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Norm {
    Tokens,
    Sequences,
}

/// What the network is made of.
#[derive(Clone, Debug)]
pub struct Network {
    pub cell: Cell,
    pub vocab: usize,
    pub embed: usize,
    /// H: the number of units of each layer, from below.
    pub hidden: Vec<usize>,
    pub tied: bool,
}

/// A recurrent state: for each layer (B, H). `c` is empty unless the cell is an LSTM.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    pub h: Vec<Vec<f64>>,
    pub c: Vec<Vec<f64>>,
}

/// What the objective has beside the loss; 0: nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Regularisers {
    /// ε
    pub smoothing: f64,
    /// α
    pub ar: f64,
    /// β
    pub tar: f64,
}

/// One window of a batch. All (T, B) arrays are time-major.
pub struct Window<'a> {
    pub steps: usize,
    pub batch_size: usize,
    pub inputs: &'a [usize],
    pub targets: &'a [usize],
    /// 1 for a real position, 0 for padding, (T, B).
    pub weights: &'a [f64],
    /// For each site 0..=L what its values are multiplied by: (T, B, E) for site 0, otherwise (T, B, H).
    /// Empty: no dropout.
    pub multipliers: &'a [Vec<f64>],
    pub norm: Norm,
    pub regularisers: Regularisers,
    pub initial: &'a State,
    /// Gradient arriving at the final state from after the window.
    pub d_final: &'a State,
}

/// Everything that a window gives.
pub struct Outcome {
    /// (T, B, V)
    pub logits: Vec<f64>,
    /// (T, B); 0 where the weight is 0
    pub nats: Vec<f64>,
    pub loss: f64,
    pub objective: f64,
    /// The gradient of every tensor of [`Network::tensors`]; zeros where a tensor has no effect.
    pub gradients: Tensors,
    pub last: State,
    pub d_initial: State,
    /// The smallest |pre-activation| of a rectifier: finite differences need it well above their effect.
    pub kink_distance: f64,
    /// What was computed on the way, by sequence, layer and step.
    pub steps: Vec<Vec<Vec<Step>>>,
}

impl Network {
    /// Gates of the cell, the G of the shapes.
    pub fn gates(&self) -> usize {
        match self.cell {
            Cell::Sigmoid | Cell::Tanh | Cell::Relu => 1,
            Cell::Lstm => 4,
            Cell::Gru => 3,
        }
    }

    /// Names and shapes of all tensors on disk. `bias_hh` has no effect but for the n part of a GRU.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let (e, top) = (self.embed, self.width(self.hidden.len()));
        let mut list = vec![("encoder.weight".to_string(), vec![self.vocab, e])];
        for (k, &h) in self.hidden.iter().enumerate() {
            let rows = self.gates() * h;
            list.push((format!("rnn.weight_ih_l{k}"), vec![rows, self.width(k)]));
            list.push((format!("rnn.weight_hh_l{k}"), vec![rows, h]));
            list.push((format!("rnn.bias_ih_l{k}"), vec![rows]));
            list.push((format!("rnn.bias_hh_l{k}"), vec![rows]));
        }
        if !self.tied {
            list.push(("decoder.weight".to_string(), vec![self.vocab, top]));
        } else if e != top {
            list.push(("projection.weight".to_string(), vec![e, top]));
        }
        list.push(("decoder.bias".to_string(), vec![self.vocab]));
        list
    }

    /// Width of what layer `k` reads; for k = L, of what leaves the top layer. That of dropout's site k.
    pub fn width(&self, k: usize) -> usize {
        if k == 0 {
            self.embed
        } else {
            self.hidden[k - 1]
        }
    }

    /// The state before every text.
    pub fn zero_state(&self, batch_size: usize) -> State {
        let zeros: Vec<_> = self
            .hidden
            .iter()
            .map(|h| vec![0.0; batch_size * h])
            .collect();
        let c = if self.cell == Cell::Lstm {
            zeros.clone()
        } else {
            Vec::new()
        };
        State { h: zeros, c }
    }

    /// Forward and backward through a window.
    pub fn run(&self, weights: &Tensors, window: &Window) -> Outcome {
        let positions = window.steps * window.batch_size;
        let mut outcome = Outcome {
            logits: vec![0.0; positions * self.vocab],
            nats: vec![0.0; positions],
            loss: 0.0,
            objective: 0.0,
            gradients: Tensors::new(),
            last: self.zero_state(window.batch_size),
            d_initial: self.zero_state(window.batch_size),
            kink_distance: f64::INFINITY,
            steps: Vec::new(),
        };
        for (name, shape) in self.tensors() {
            let zeros = vec![0.0; shape.iter().product()];
            outcome.gradients.insert(name, (shape, zeros));
        }
        for sequence in 0..window.batch_size {
            self.run_sequence(weights, window, sequence, &mut outcome);
        }
        let total: f64 = outcome
            .nats
            .iter()
            .zip(window.weights)
            .map(|(n, w)| n * w)
            .sum();
        outcome.loss = total / window.denominator();
        outcome.objective += (1.0 - window.regularisers.smoothing) * outcome.loss;
        outcome
    }

    fn run_sequence(&self, weights: &Tensors, window: &Window, sequence: usize, out: &mut Outcome) {
        let (v, e, layers) = (self.vocab, self.embed, self.hidden.len());
        let mine = |k: usize| sequence * self.hidden[k]..(sequence + 1) * self.hidden[k];
        let embed = &weights["encoder.weight"].1;
        let decoder = if self.tied {
            "encoder.weight"
        } else {
            "decoder.weight"
        };
        let projected = self.tied && e != self.width(layers);

        // Forward. `xs` are the values that flow up: embedding, then the outputs of each layer.
        let mut xs: Vec<Vec<f64>> = (0..window.steps)
            .map(|t| {
                let id = window.inputs[window.at(t, sequence)];
                embed[id * e..(id + 1) * e].to_vec()
            })
            .collect();
        let mut tape: Vec<Vec<Step>> = Vec::new();
        for k in 0..layers {
            window.drop_out(k, sequence, &mut xs);
            let layer = Layer::new(self, weights, k);
            let mut h_prev = window.initial.h[k][mine(k)].to_vec();
            let mut c_prev = match self.cell {
                Cell::Lstm => window.initial.c[k][mine(k)].to_vec(),
                _ => Vec::new(),
            };
            let mut steps = Vec::new();
            for x in &xs {
                let step = layer.forward(x, &h_prev, &c_prev);
                (h_prev, c_prev) = (step.h.clone(), step.c.clone());
                out.kink_distance = out.kink_distance.min(step.kink_distance);
                steps.push(step);
            }
            xs = steps.iter().map(|step| step.h.clone()).collect();
            tape.push(steps);
            out.last.h[k][mine(k)].copy_from_slice(&h_prev);
            if self.cell == Cell::Lstm {
                out.last.c[k][mine(k)].copy_from_slice(&c_prev);
            }
        }
        let raw = xs.clone();
        window.drop_out(layers, sequence, &mut xs);

        // The output layer, forward and backward. `dxs` is the gradient that flows down.
        let mut dxs: Vec<Vec<f64>> = Vec::new();
        for (t, x) in xs.iter().enumerate() {
            let at = window.at(t, sequence);
            let y = match projected {
                true => times(&weights["projection.weight"].1, x),
                false => x.clone(),
            };
            let mut logits = times(&weights[decoder].1, &y);
            add(&mut logits, &weights["decoder.bias"].1);

            let largest = logits.iter().fold(f64::NEG_INFINITY, |a, &b| a.max(b));
            let sum: f64 = logits.iter().map(|z| (z - largest).exp()).sum();
            let (target, weight) = (window.targets[at], window.weights[at]);
            if weight != 0.0 {
                out.nats[at] = sum.ln() + largest - logits[target];
            }
            let Regularisers { smoothing, .. } = window.regularisers;
            let mut dlogits: Vec<f64> = logits.iter().map(|z| (z - largest).exp() / sum).collect();
            dlogits[target] -= 1.0 - smoothing;
            for (d, z) in dlogits.iter_mut().zip(&logits) {
                *d -= smoothing / v as f64;
                let nats = sum.ln() + largest - z;
                out.objective += smoothing / v as f64 * weight * nats / window.denominator();
            }
            for d in &mut dlogits {
                *d *= weight / window.denominator();
            }
            out.logits[at * v..(at + 1) * v].copy_from_slice(&logits);

            add(gradient(out, "decoder.bias"), &dlogits);
            add_outer(gradient(out, decoder), &dlogits, &y);
            let dy = transposed_times(&weights[decoder].1, &dlogits);
            if projected {
                add_outer(gradient(out, "projection.weight"), &dy, x);
                dxs.push(transposed_times(&weights["projection.weight"].1, &dy));
            } else {
                dxs.push(dy);
            }
        }
        window.penalise(sequence, &xs, &mut dxs, out, Penalty::Activations);
        window.drop_out(layers, sequence, &mut dxs);
        window.penalise(sequence, &raw, &mut dxs, out, Penalty::Changes);

        // Backward through the layers, each from its last step to its first.
        for k in (0..layers).rev() {
            let layer = Layer::new(self, weights, k);
            let mut dh_next = window.d_final.h[k][mine(k)].to_vec();
            let mut dc_next = match self.cell {
                Cell::Lstm => window.d_final.c[k][mine(k)].to_vec(),
                _ => Vec::new(),
            };
            for (t, step) in tape[k].iter().enumerate().rev() {
                add(&mut dh_next, &dxs[t]);
                let back = layer.backward(step, &dh_next, &dc_next);
                add_outer(
                    gradient(out, &format!("rnn.weight_ih_l{k}")),
                    &back.dz_x,
                    &step.x,
                );
                add_outer(
                    gradient(out, &format!("rnn.weight_hh_l{k}")),
                    &back.dz_h,
                    &step.h_prev,
                );
                add(gradient(out, &format!("rnn.bias_ih_l{k}")), &back.dz_x);
                if self.cell == Cell::Gru {
                    let n = 2 * self.hidden[k];
                    let b_hn = &mut gradient(out, &format!("rnn.bias_hh_l{k}"))[n..];
                    add(b_hn, &back.dz_h[n..]);
                }
                dxs[t] = transposed_times(layer.w_x, &back.dz_x);
                (dh_next, dc_next) = (back.dh_prev, back.dc_prev);
            }
            out.d_initial.h[k][mine(k)].copy_from_slice(&dh_next);
            if self.cell == Cell::Lstm {
                out.d_initial.c[k][mine(k)].copy_from_slice(&dc_next);
            }
            window.drop_out(k, sequence, &mut dxs);
        }
        let dembed = gradient(out, "encoder.weight");
        for (t, dx) in dxs.iter().enumerate() {
            let id = window.inputs[window.at(t, sequence)];
            add(&mut dembed[id * e..(id + 1) * e], dx);
        }
        out.steps.push(tape);
    }
}

impl Window<'_> {
    /// Index of step `t` of `sequence` in a (T, B) array.
    fn at(&self, t: usize, sequence: usize) -> usize {
        t * self.batch_size + sequence
    }

    /// Multiplies the values (or the gradients: the same) of a site; `xs` is (T, n) of one sequence.
    fn drop_out(&self, site: usize, sequence: usize, xs: &mut [Vec<f64>]) {
        if self.multipliers.is_empty() {
            return;
        }
        for (t, x) in xs.iter_mut().enumerate() {
            let start = self.at(t, sequence) * x.len();
            for (value, m) in x.iter_mut().zip(&self.multipliers[site][start..]) {
                *value *= m;
            }
        }
    }

    /// Adds a penalty on the values `xs` (T, H) of one sequence to the objective, and its gradient to `dxs`.
    fn penalise(
        &self,
        sequence: usize,
        xs: &[Vec<f64>],
        dxs: &mut [Vec<f64>],
        out: &mut Outcome,
        penalty: Penalty,
    ) {
        let real = |t: usize, sequence: usize| self.weights[self.at(t, sequence)] > 0.0;
        let pair = |t: usize, sequence: usize| t > 0 && real(t, sequence) && real(t - 1, sequence);
        let (coefficient, counts): (f64, &dyn Fn(usize, usize) -> bool) = match penalty {
            Penalty::Activations => (self.regularisers.ar, &real),
            Penalty::Changes => (self.regularisers.tar, &pair),
        };
        let cells =
            (0..self.steps).flat_map(|t| (0..self.batch_size).map(move |sequence| (t, sequence)));
        let terms = cells.filter(|(t, sequence)| counts(*t, *sequence)).count();
        let positions: f64 = self.weights.iter().sum();
        let factor = coefficient * positions / self.denominator() / (terms * xs[0].len()) as f64;
        for t in (0..self.steps).filter(|t| counts(*t, sequence)) {
            for j in 0..xs[t].len() {
                let change = match penalty {
                    Penalty::Activations => xs[t][j],
                    Penalty::Changes => xs[t][j] - xs[t - 1][j],
                };
                out.objective += factor * change * change;
                dxs[t][j] += 2.0 * factor * change;
                if penalty == Penalty::Changes {
                    dxs[t - 1][j] -= 2.0 * factor * change;
                }
            }
        }
    }

    fn denominator(&self) -> f64 {
        match self.norm {
            Norm::Tokens => self.weights.iter().sum(),
            Norm::Sequences => self.batch_size as f64,
        }
    }
}

/// A penalty on what comes out of the top layer.
#[derive(Clone, Copy, PartialEq)]
enum Penalty {
    Activations,
    Changes,
}

fn gradient<'a>(outcome: &'a mut Outcome, name: &str) -> &'a mut [f64] {
    &mut outcome
        .gradients
        .get_mut(name)
        .expect("the tensors were all made")
        .1
}
