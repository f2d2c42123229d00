//! How much of ∂E_t/∂W comes from each lag, from the terms of the double sum.
//!
//! With g_n the term of lag n = t − k, over all weights of a layer that step k uses (W_x, W_h, b), and g = Σ g_n = ∂E_t/∂W:
//!
//! ```text
//! share_n = ⟨g_n, g⟩ / ‖g‖²         adds up to 1; negative where a term points against the whole
//! size_n  = ‖g_n‖ / ‖g‖
//! beyond_n = ‖Σ_{m>n} g_m‖ / ‖g‖     the error of a gradient that stops after lag n
//! ```
//! A term is an outer product, so inner products of terms are products of inner products, ⟨a xᵀ, a′ x′ᵀ⟩ = ⟨a, a′⟩⟨x, x′⟩, and no
//! matrix of the size of W is ever formed.

use crate::dims::Cell;
use crate::flow::jacobian::Jacobians;
use crate::flow::terms::{Injection, double_sum};
use crate::flow::trace::{Trace, transposed};
use elman_kernels::{Cpu, product_f64};
use serde::Serialize;

/// What one lag gives of the gradient, as means over the injected losses.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LagShare {
    pub lag: usize,
    pub share: f64,
    pub size: f64,
    pub beyond: f64,
}

/// Where the gradient of the late losses comes from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contribution {
    pub lags: Vec<LagShare>,
    /// The smallest n with beyond_n ≤ 0.1, in steps: median and largest over the injected losses.
    pub horizon_90: usize,
    pub horizon_90_most: usize,
    /// And with beyond_n ≤ 0.01.
    pub horizon_99: usize,
    pub horizon_99_most: usize,
}

/// Inner products of the terms of every injected loss, (R) of (T, T) by lag.
type Grams = Vec<Vec<f64>>;

/// Injects the losses `last` of the last step, one in each lane: contributions for each layer, then for all together. `d_top` as
/// for [`double_sum`].
pub(super) fn contributions(
    cpu: &Cpu,
    layers: &[Jacobians],
    trace: &Trace,
    last: &[Injection],
    d_top: &[f64],
) -> (Vec<Contribution>, Contribution) {
    let (steps, lanes) = (trace.steps, trace.lanes);
    // (R, T, G·H) for each layer, lag 0 first.
    let mut dz_x = vec![vec![Vec::new(); lanes]; layers.len()];
    let mut dz_h = dz_x.clone();
    double_sum(cpu, layers, last, d_top, &mut |terms| {
        let wide = terms.dz_x.len() / terms.rows;
        for row in 0..terms.rows {
            let part = row * wide..(row + 1) * wide;
            dz_x[terms.layer][row].extend_from_slice(&terms.dz_x[part.clone()]);
            dz_h[terms.layer][row].extend_from_slice(&terms.dz_h[part]);
        }
    });
    let mut all: Grams = vec![vec![0.0; steps * steps]; lanes];
    let mut each = Vec::new();
    for (k, layer) in layers.iter().enumerate() {
        let mut grams: Grams = Vec::new();
        for lane in 0..lanes {
            let gram = layer_gram(cpu, layer, trace, k, lane, &dz_x[k][lane], &dz_h[k][lane]);
            all[lane].iter_mut().zip(&gram).for_each(|(a, g)| *a += g);
            grams.push(gram);
        }
        each.push(Contribution::from(&grams, steps));
    }
    (each, Contribution::from(&all, steps))
}

/// ⟨g_n, g_m⟩ over the weights of a layer, (T, T); rows of `dz_x`, `dz_h` (T, G·H) by lag.
fn layer_gram(
    cpu: &Cpu,
    layer: &Jacobians,
    trace: &Trace,
    k: usize,
    lane: usize,
    dz_x: &[f64],
    dz_h: &[f64],
) -> Vec<f64> {
    let (hidden, width, lanes) = (layer.weights.hidden, layer.weights.input, trace.lanes);
    let wide = layer.weights.gate_rows();
    // What step k read, by lag: the last step first.
    let by_lag = |values: &[f64], width: usize| -> Vec<f64> {
        let row = |step: usize| &values[(step * lanes + lane) * width..][..width];
        (0..trace.steps).rev().flat_map(row).copied().collect()
    };
    let x = gram(cpu, &by_lag(trace.input(k, width), width), width);
    let h = gram(cpu, &by_lag(&trace.layers[k].h, hidden), hidden);
    let (z_x, z_h) = (gram(cpu, dz_x, wide), gram(cpu, dz_h, wide));
    // dW_x = δ_x xᵀ, db = δ_x, dW_h = δ_h h_{k−1}ᵀ
    let mut sum: Vec<f64> = (0..x.len())
        .map(|i| z_x[i] * (x[i] + 1.0) + z_h[i] * h[i])
        .collect();
    if layer.weights.cell == Cell::Gru {
        // db_hn, the n part of δ_h.
        let n_part = dz_h.chunks_exact(wide).flat_map(|dz| &dz[2 * hidden..]);
        let n_part: Vec<f64> = n_part.copied().collect();
        let bias = gram(cpu, &n_part, hidden);
        sum.iter_mut().zip(&bias).for_each(|(sum, b)| *sum += b);
    }
    sum
}

/// Inner products of the rows of `a`, (T, T).
fn gram(cpu: &Cpu, a: &[f64], width: usize) -> Vec<f64> {
    let rows = a.len() / width;
    let mut out = vec![0.0; rows * rows];
    product_f64(cpu, a, &transposed(a, width), width, &mut out);
    out
}

impl Contribution {
    fn from(grams: &Grams, steps: usize) -> Contribution {
        let mut lags: Vec<LagShare> = (0..steps)
            .map(|lag| LagShare {
                lag,
                share: 0.0,
                size: 0.0,
                beyond: 0.0,
            })
            .collect();
        let (mut within_90, mut within_99) = (Vec::new(), Vec::new());
        let part = 1.0 / grams.len() as f64;
        for gram in grams {
            let row = |n: usize| &gram[n * steps..(n + 1) * steps];
            let total: f64 = gram.iter().sum();
            if total <= 0.0 {
                // No gradient at all: nothing is beyond lag 0.
                within_90.push(0);
                within_99.push(0);
                continue;
            }
            let (mut tail, mut horizons) = (0.0_f64, [0, 0]);
            for n in (0..steps).rev() {
                let lag = &mut lags[n];
                let beyond = (tail.max(0.0) / total).sqrt();
                lag.share += part * row(n).iter().sum::<f64>() / total;
                lag.size += part * (row(n)[n].max(0.0) / total).sqrt();
                lag.beyond += part * beyond;
                for (horizon, error) in horizons.iter_mut().zip([0.1, 0.01]) {
                    if *horizon == 0 && beyond > error {
                        *horizon = n + 1;
                    }
                }
                tail += row(n)[n] + 2.0 * row(n)[n + 1..].iter().sum::<f64>();
            }
            within_90.push(horizons[0]);
            within_99.push(horizons[1]);
        }
        within_90.sort_unstable();
        within_99.sort_unstable();
        let middle = grams.len() / 2;
        Contribution {
            lags,
            horizon_90: within_90[middle],
            horizon_90_most: within_90[grams.len() - 1],
            horizon_99: within_99[middle],
            horizon_99_most: within_99[grams.len() - 1],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orthogonal_terms_of_known_lengths() {
        // ‖g_0‖ = 1, ‖g_1‖ = 0.5, ‖g_2‖ = 0.05.
        let squares = [1.0, 0.25, 0.0025];
        let mut gram = vec![0.0; 9];
        (0..3).for_each(|n| gram[n * 3 + n] = squares[n]);
        let contribution = Contribution::from(&vec![gram], 3);
        let total: f64 = squares.iter().sum();
        assert!((contribution.lags.iter().map(|l| l.share).sum::<f64>() - 1.0).abs() < 1e-12);
        assert!((contribution.lags[1].beyond - (0.0025 / total).sqrt()).abs() < 1e-12);
        assert_eq!(contribution.lags[2].beyond, 0.0);
        assert_eq!((contribution.horizon_90, contribution.horizon_99), (1, 2));
    }
}
