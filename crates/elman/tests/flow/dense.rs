//! Jacobians as whole matrices, from the cells' equations element by element, and their largest singular value by Jacobi
//! rotations: slow, plain, and without anything of the crate under test.

use elman::net::dims::Activation;
use elman::net::flow::trace::{LayerWeights, Trace};

/// Row by row.
pub struct Dense {
    pub size: usize,
    pub cells: Vec<f64>,
}

/// ∂s_{t+1}/∂s_t of layer `k` in `sequence`, t counted from 0; s = h, or (h, c).
pub fn step(weights: &LayerWeights, trace: &Trace, k: usize, t: usize, sequence: usize) -> Dense {
    let (n, batch_size, layer) = (weights.hidden, trace.batch_size, &trace.layers[k]);
    let size = weights.state();
    let mut cells = vec![0.0; size * size];
    let state = |values: &[f64], t: usize, j: usize| values[(t * batch_size + sequence) * n + j];
    let gates = weights.cell.gates();
    let gate =
        |g: usize, j: usize| layer.gates[(t * batch_size + sequence) * gates * n + g * n + j];
    let w = |g: usize, j: usize, i: usize| weights.w_h[(g * n + j) * n + i];
    for j in 0..n {
        for i in 0..n {
            let same = f64::from(i == j);
            match (weights.cell.name(), weights.cell.activation()) {
                (_, Some(activation)) => {
                    let h = state(&layer.h, t + 1, j);
                    let slope = match activation {
                        Activation::Sigmoid => h - h * h,
                        Activation::Tanh => 1.0 - h * h,
                        Activation::Relu => f64::from(h > 0.0),
                    };
                    cells[j * size + i] = slope * w(0, j, i);
                }
                ("gru", _) => {
                    let (r, z, new) = (gate(0, j), gate(1, j), gate(2, j));
                    let q = layer.q[(t * batch_size + sequence) * n + j];
                    let dr = r * (1.0 - r) * w(0, j, i);
                    let dz = z * (1.0 - z) * w(1, j, i);
                    let dnew = (1.0 - new * new) * (dr * q + r * w(2, j, i));
                    let h = state(&layer.h, t, j);
                    cells[j * size + i] = (1.0 - z) * dnew + dz * (h - new) + z * same;
                }
                ("lstm", _) => {
                    let (input, f, g, o) = (gate(0, j), gate(1, j), gate(2, j), gate(3, j));
                    let u = state(&layer.c, t + 1, j).tanh();
                    let di = input * (1.0 - input) * w(0, j, i);
                    let df = f * (1.0 - f) * w(1, j, i);
                    let dg = (1.0 - g * g) * w(2, j, i);
                    let d_o = o * (1.0 - o) * w(3, j, i);
                    let by_h = di * g + df * state(&layer.c, t, j) + input * dg;
                    let by_c = f * same;
                    let slope = o * (1.0 - u * u);
                    cells[j * size + i] = d_o * u + slope * by_h;
                    cells[j * size + n + i] = slope * by_c;
                    cells[(n + j) * size + i] = by_h;
                    cells[(n + j) * size + n + i] = by_c;
                }
                (other, _) => panic!("no Jacobian of {other} here"),
            }
        }
    }
    Dense { size, cells }
}

impl Dense {
    pub fn identity(size: usize) -> Dense {
        let mut cells = vec![0.0; size * size];
        cells.iter_mut().step_by(size + 1).for_each(|x| *x = 1.0);
        Dense { size, cells }
    }

    pub fn times(&self, other: &Dense) -> Dense {
        let n = self.size;
        let mut cells = vec![0.0; n * n];
        for i in 0..n {
            for k in 0..n {
                let a = self.cells[i * n + k];
                for j in 0..n {
                    cells[i * n + j] += a * other.cells[k * n + j];
                }
            }
        }
        Dense { size: n, cells }
    }

    /// log10 of the largest singular value, by one-sided Jacobi rotations of the columns (Hestenes 1958).
    pub fn norm_log10(&self) -> f64 {
        let n = self.size;
        let largest = self.cells.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
        if largest == 0.0 {
            return f64::NEG_INFINITY;
        }
        let mut columns: Vec<Vec<f64>> = (0..n)
            .map(|j| (0..n).map(|i| self.cells[i * n + j] / largest).collect())
            .collect();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        for _ in 0..60 {
            let mut turned = false;
            for p in 0..n {
                for q in p + 1..n {
                    let (a, b) = columns.split_at_mut(q);
                    let (a, b) = (&mut a[p], &mut b[0]);
                    let (aa, bb, ab) = (dot(a, a), dot(b, b), dot(a, b));
                    if ab.abs() <= 1e-15 * (aa * bb).sqrt() {
                        continue;
                    }
                    turned = true;
                    let zeta = (bb - aa) / (2.0 * ab);
                    let t = zeta.signum() / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
                    let c = 1.0 / (1.0 + t * t).sqrt();
                    for (x, y) in a.iter_mut().zip(b.iter_mut()) {
                        (*x, *y) = (c * (*x - t * *y), c * (t * *x + *y));
                    }
                }
            }
            if !turned {
                break;
            }
        }
        let squares = columns.iter().map(|column| dot(column, column));
        largest.log10() + 0.5 * squares.fold(0.0, f64::max).log10()
    }
}
