//! One step of a recurrent layer and its way back, in plain loops.

use super::{Cell, Network, Tensors};

/// The weights of one recurrent layer.
pub struct Layer<'a> {
    pub cell: Cell,
    pub hidden: usize,
    pub w_x: &'a [f64],
    pub w_h: &'a [f64],
    pub b: &'a [f64],
    pub b_hn: &'a [f64],
}

/// What one step of a layer leaves for the way back.
pub struct Step {
    pub x: Vec<f64>,
    pub h_prev: Vec<f64>,
    pub c_prev: Vec<f64>,
    /// Activated gates, (G·H).
    pub gates: Vec<f64>,
    /// GRU: W_hn h_{t−1} + b_hn.
    pub hn: Vec<f64>,
    pub c: Vec<f64>,
    pub h: Vec<f64>,
    pub kink_distance: f64,
}

/// What one step of a layer sends back: gradients at W_x x + b, at W_h h_{t−1}, and at the state before.
pub struct Back {
    pub dz_x: Vec<f64>,
    pub dz_h: Vec<f64>,
    pub dh_prev: Vec<f64>,
    pub dc_prev: Vec<f64>,
}

impl<'a> Layer<'a> {
    pub fn new(network: &Network, weights: &'a Tensors, k: usize) -> Layer<'a> {
        let b_hn = match network.cell {
            Cell::Gru => &weights[&format!("rnn.bias_hh_l{k}")].1[2 * network.hidden[k]..],
            _ => &[],
        };
        Layer {
            cell: network.cell,
            hidden: network.hidden[k],
            w_x: &weights[&format!("rnn.weight_ih_l{k}")].1,
            w_h: &weights[&format!("rnn.weight_hh_l{k}")].1,
            b: &weights[&format!("rnn.bias_ih_l{k}")].1,
            b_hn,
        }
    }

    pub fn forward(&self, x: &[f64], h_prev: &[f64], c_prev: &[f64]) -> Step {
        let n = self.hidden;
        let mut z_x = times(self.w_x, x);
        add(&mut z_x, self.b);
        let z_h = times(self.w_h, h_prev);
        let mut step = Step {
            x: x.to_vec(),
            h_prev: h_prev.to_vec(),
            c_prev: c_prev.to_vec(),
            gates: vec![0.0; z_x.len()],
            hn: Vec::new(),
            c: Vec::new(),
            h: vec![0.0; n],
            kink_distance: f64::INFINITY,
        };
        match self.cell {
            Cell::Sigmoid | Cell::Tanh | Cell::Relu => {
                for j in 0..n {
                    let z = z_x[j] + z_h[j];
                    step.gates[j] = match self.cell {
                        Cell::Sigmoid => sigmoid(z),
                        Cell::Tanh => z.tanh(),
                        _ => z.max(0.0),
                    };
                    if self.cell == Cell::Relu {
                        step.kink_distance = step.kink_distance.min(z.abs());
                    }
                }
                step.h = step.gates.clone();
            }
            Cell::Lstm => {
                step.c = vec![0.0; n];
                for j in 0..n {
                    let i = sigmoid(z_x[j] + z_h[j]);
                    let f = sigmoid(z_x[n + j] + z_h[n + j]);
                    let g = (z_x[2 * n + j] + z_h[2 * n + j]).tanh();
                    let o = sigmoid(z_x[3 * n + j] + z_h[3 * n + j]);
                    step.c[j] = f * c_prev[j] + i * g;
                    step.h[j] = o * step.c[j].tanh();
                    for (gate, value) in [i, f, g, o].into_iter().enumerate() {
                        step.gates[gate * n + j] = value;
                    }
                }
            }
            Cell::Gru => {
                step.hn = z_h[2 * n..].to_vec();
                add(&mut step.hn, self.b_hn);
                for j in 0..n {
                    let r = sigmoid(z_x[j] + z_h[j]);
                    let z = sigmoid(z_x[n + j] + z_h[n + j]);
                    let new = (z_x[2 * n + j] + r * step.hn[j]).tanh();
                    step.h[j] = (1.0 - z) * new + z * h_prev[j];
                    for (gate, value) in [r, z, new].into_iter().enumerate() {
                        step.gates[gate * n + j] = value;
                    }
                }
            }
        }
        step
    }

    /// `dh` and `dc`: the whole gradient at this step's h and, from the step after, at its c.
    pub fn backward(&self, step: &Step, dh: &[f64], dc: &[f64]) -> Back {
        let n = self.hidden;
        let mut dz_x = vec![0.0; step.gates.len()];
        let mut dz_h = vec![0.0; step.gates.len()];
        let mut dh_direct = vec![0.0; n]; // what reaches h_{t−1} past the matrix W_h
        let mut dc_prev = Vec::new();
        let gate = |index: usize, j: usize| step.gates[index * n + j];
        match self.cell {
            Cell::Sigmoid | Cell::Tanh | Cell::Relu => {
                for j in 0..n {
                    let h = step.h[j];
                    dz_x[j] = dh[j]
                        * match self.cell {
                            Cell::Sigmoid => h * (1.0 - h),
                            Cell::Tanh => 1.0 - h * h,
                            _ => f64::from(h > 0.0),
                        };
                }
                dz_h.copy_from_slice(&dz_x);
            }
            Cell::Lstm => {
                dc_prev = vec![0.0; n];
                for j in 0..n {
                    let (i, f, g, o) = (gate(0, j), gate(1, j), gate(2, j), gate(3, j));
                    let tanh_c = step.c[j].tanh();
                    let dc = dc[j] + dh[j] * o * (1.0 - tanh_c * tanh_c);
                    dz_x[j] = dc * g * i * (1.0 - i);
                    dz_x[n + j] = dc * step.c_prev[j] * f * (1.0 - f);
                    dz_x[2 * n + j] = dc * i * (1.0 - g * g);
                    dz_x[3 * n + j] = dh[j] * tanh_c * o * (1.0 - o);
                    dc_prev[j] = dc * f;
                }
                dz_h.copy_from_slice(&dz_x);
            }
            Cell::Gru => {
                for j in 0..n {
                    let (r, z, new) = (gate(0, j), gate(1, j), gate(2, j));
                    let dnew = dh[j] * (1.0 - z) * (1.0 - new * new);
                    dz_x[j] = dnew * step.hn[j] * r * (1.0 - r);
                    dz_x[n + j] = dh[j] * (step.h_prev[j] - new) * z * (1.0 - z);
                    dz_x[2 * n + j] = dnew;
                    dz_h[j] = dz_x[j];
                    dz_h[n + j] = dz_x[n + j];
                    dz_h[2 * n + j] = dnew * r;
                    dh_direct[j] = dh[j] * z;
                }
            }
        }
        let mut dh_prev = transposed_times(self.w_h, &dz_h);
        add(&mut dh_prev, &dh_direct);
        Back {
            dz_x,
            dz_h,
            dh_prev,
            dc_prev,
        }
    }
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// y = W x, with W (rows, x.len()).
pub fn times(w: &[f64], x: &[f64]) -> Vec<f64> {
    w.chunks(x.len())
        .map(|row| row.iter().zip(x).map(|(a, b)| a * b).sum())
        .collect()
}

/// x = Wᵀ y, with W (y.len(), columns).
pub fn transposed_times(w: &[f64], y: &[f64]) -> Vec<f64> {
    let mut x = vec![0.0; w.len() / y.len()];
    for (row, value) in w.chunks(x.len()).zip(y) {
        for (sum, weight) in x.iter_mut().zip(row) {
            *sum += weight * value;
        }
    }
    x
}

/// W += y xᵀ.
pub fn add_outer(w: &mut [f64], y: &[f64], x: &[f64]) {
    for (row, value) in w.chunks_mut(x.len()).zip(y) {
        for (weight, element) in row.iter_mut().zip(x) {
            *weight += value * element;
        }
    }
}

pub fn add(a: &mut [f64], b: &[f64]) {
    for (sum, value) in a.iter_mut().zip(b) {
        *sum += value;
    }
}
