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
//! matrix of the size of W is ever formed. Figures are means over the excerpts that have a gradient: where g = 0, as with ReLU
//! units that are all inactive at t, nothing can be a part of it.

use elman_kernels::{Cpu, product_f64};
use elman_net::flow::jacobian::Jacobians;
use elman_net::flow::terms::{Injection, double_sum};
use elman_net::flow::trace::{Trace, transposed};
use serde::Serialize;

/// Rows of a matrix of inner products that are in memory at a time.
const ROWS: usize = 256;

/// Contribution of the steps at one lag to the gradient ∂E_t/∂W, as means over the excerpts with a gradient.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LagShare {
    /// Lag n = t − k in steps.
    pub lag: usize,
    /// Share ⟨g_n, g⟩ / ‖g‖² of the gradient; shares add up to 1, and one is negative where a term points against the whole.
    pub share: f64,
    /// Size ‖g_n‖ / ‖g‖ of the term relative to the gradient.
    pub size: f64,
    /// Size ‖Σ_{m>n} g_m‖ / ‖g‖ of the terms beyond this lag: the error of a gradient truncated after it.
    pub beyond: f64,
}

/// Contributions of all lags to the gradient of the losses E_t with respect to the weights.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contribution {
    /// All lags that are differentiated, from 0; an excerpt that begins later does not count in the longer ones.
    pub lags: Vec<LagShare>,
    /// Number of excerpts whose gradient is zero; they count in no other figure.
    pub without_gradient: usize,
    /// Median over the excerpts of the smallest lag n with beyond_n ≤ 0.1, in steps; `None` if no excerpt has a gradient.
    pub horizon_90: Option<f64>,
    /// The largest such lag.
    pub horizon_90_most: Option<usize>,
    /// Median over the excerpts of the smallest lag n with beyond_n ≤ 0.01, in steps; `None` if no excerpt has a gradient.
    pub horizon_99: Option<f64>,
    /// The largest such lag.
    pub horizon_99_most: Option<usize>,
    /// Number of excerpts whose 99 % horizon reaches their first step; with more context it could be longer.
    pub to_the_beginning: usize,
}

/// Inner products of a term g_n.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Inner {
    /// ⟨g_n, g_n⟩
    own: f64,
    /// Σ_{m>n} ⟨g_n, g_m⟩
    beyond: f64,
    /// Σ_m ⟨g_n, g_m⟩
    whole: f64,
}

/// Injects the loss of the last step of the only sequence of `trace`: the inner products of the terms of each layer by lag. `d_top` as
/// for [`double_sum`].
pub(super) fn inner_products(
    cpu: &Cpu,
    layers: &[Jacobians],
    trace: &Trace,
    d_top: &[f64],
) -> Vec<Vec<Inner>> {
    assert_eq!(trace.batch_size, 1, "one excerpt at a time");
    let step = trace.steps - 1;
    // (T, G·H) for each layer, lag 0 first.
    let mut dz_x = vec![Vec::new(); layers.len()];
    let mut dz_h = dz_x.clone();
    double_sum(
        cpu,
        layers,
        &[Injection { sequence: 0, step }],
        d_top,
        &mut |terms| {
            dz_x[terms.layer].extend_from_slice(terms.dz_x);
            dz_h[terms.layer].extend_from_slice(terms.dz_h);
        },
    );
    let each = layers.iter().zip(dz_x.iter().zip(&dz_h)).enumerate();
    each.map(|(k, (layer, (dz_x, dz_h)))| of_layer(cpu, layer, trace, k, dz_x, dz_h))
        .collect()
}

/// Inner products over the weights of a layer; rows of `dz_x`, `dz_h` (T, G·H) by lag.
fn of_layer(
    cpu: &Cpu,
    layer: &Jacobians,
    trace: &Trace,
    k: usize,
    dz_x: &[f64],
    dz_h: &[f64],
) -> Vec<Inner> {
    let (hidden, width) = (layer.weights.hidden, layer.weights.input);
    let wide = layer.weights.gate_rows();
    // What step k read, by lag: the last step first.
    let by_lag = |values: &[f64], width: usize| -> Vec<f64> {
        let rows = values[..trace.steps * width].chunks_exact(width);
        rows.rev().flatten().copied().collect()
    };
    // dW_x = δ_x xᵀ, db = δ_x, dW_h = δ_h h_{k−1}ᵀ
    let x = Rows::new(by_lag(trace.input(k, width), width), width);
    let h = Rows::new(by_lag(&trace.layers[k].h, hidden), hidden);
    let (z_x, z_h) = (
        Rows::new(dz_x.to_vec(), wide),
        Rows::new(dz_h.to_vec(), wide),
    );
    // The bias of a separate cell's recurrent product: the last part of δ_h.
    let last_part = layer.weights.cell.is_separate().then(|| {
        let last_part = dz_h.chunks_exact(wide).flat_map(|dz| &dz[wide - hidden..]);
        Rows::new(last_part.copied().collect(), hidden)
    });
    let mut found = Vec::with_capacity(trace.steps);
    for first in (0..trace.steps).step_by(ROWS) {
        let block = |rows: &Rows| rows.products(cpu, first, ROWS.min(trace.steps - first));
        let (x, h, z_x, z_h) = (block(&x), block(&h), block(&z_x), block(&z_h));
        let mut sum: Vec<f64> = (0..x.len())
            .map(|i| z_x[i] * (x[i] + 1.0) + z_h[i] * h[i])
            .collect();
        if let Some(bias) = last_part.as_ref().map(block) {
            sum.iter_mut().zip(&bias).for_each(|(sum, b)| *sum += b);
        }
        let rows = sum.chunks_exact(trace.steps).enumerate();
        found.extend(rows.map(|(row, products)| Inner {
            own: products[first + row],
            beyond: products[first + row + 1..].iter().sum(),
            whole: products.iter().sum(),
        }));
    }
    found
}

/// Vectors, one a row, whose inner products are wanted.
struct Rows {
    width: usize,
    rows: Vec<f64>,
    transposed: Vec<f64>,
}

impl Rows {
    fn new(rows: Vec<f64>, width: usize) -> Rows {
        Rows {
            transposed: transposed(&rows, width),
            rows,
            width,
        }
    }

    /// Multiplies `count` rows from `first` on with all rows: (count, T).
    fn products(&self, cpu: &Cpu, first: usize, count: usize) -> Vec<f64> {
        let mut out = vec![0.0; count * (self.rows.len() / self.width)];
        let rows = &self.rows[first * self.width..][..count * self.width];
        product_f64(cpu, rows, &self.transposed, self.width, &mut out);
        out
    }
}

/// The inner products over the weights of all layers together.
pub(super) fn of_all(layers: &[Vec<Inner>]) -> Vec<Inner> {
    let mut all = vec![Inner::default(); layers[0].len()];
    for layer in layers {
        for (sum, one) in all.iter_mut().zip(layer) {
            sum.own += one.own;
            sum.beyond += one.beyond;
            sum.whole += one.whole;
        }
    }
    all
}

impl Contribution {
    /// Computes the contributions from the inner products of each excerpt.
    pub(super) fn of(excerpts: &[Vec<Inner>]) -> Contribution {
        let longest = excerpts.iter().map(Vec::len).max().unwrap_or(0);
        let mut lags: Vec<LagShare> = (0..longest)
            .map(|lag| LagShare {
                lag,
                share: 0.0,
                size: 0.0,
                beyond: 0.0,
            })
            .collect();
        let total = |terms: &Vec<Inner>| terms.iter().map(|term| term.whole).sum::<f64>();
        let with: Vec<&Vec<Inner>> = excerpts.iter().filter(|terms| total(terms) > 0.0).collect();
        let (mut within_90, mut within_99) = (Vec::new(), Vec::new());
        let mut to_the_beginning = 0;
        let part = 1.0 / with.len() as f64;
        for terms in &with {
            let total = total(terms);
            let (mut tail, mut horizons) = (0.0_f64, [0, 0]);
            for (n, term) in terms.iter().enumerate().rev() {
                let lag = &mut lags[n];
                let beyond = (tail.max(0.0) / total).sqrt();
                lag.share += part * term.whole / total;
                lag.size += part * (term.own.max(0.0) / total).sqrt();
                lag.beyond += part * beyond;
                for (horizon, error) in horizons.iter_mut().zip([0.1, 0.01]) {
                    if *horizon == 0 && beyond > error {
                        *horizon = n + 1;
                    }
                }
                tail += term.own + 2.0 * term.beyond;
            }
            within_90.push(horizons[0]);
            within_99.push(horizons[1]);
            // The last lag that there is is one less than the steps.
            to_the_beginning += usize::from(20 * (horizons[1] + 1) >= 19 * terms.len());
        }
        Contribution {
            lags,
            without_gradient: excerpts.len() - with.len(),
            horizon_90: median(&mut within_90),
            horizon_90_most: within_90.last().copied(),
            horizon_99: median(&mut within_99),
            horizon_99_most: within_99.last().copied(),
            to_the_beginning,
        }
    }
}

/// The middle one of `values`, or the mean of the two in the middle; sorts them.
fn median(values: &mut [usize]) -> Option<f64> {
    values.sort_unstable();
    let upper = *values.get(values.len() / 2)?;
    let lower = values[(values.len() - 1) / 2];
    Some((lower + upper) as f64 / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Orthogonal terms of these squared lengths.
    fn orthogonal(squares: &[f64]) -> Vec<Inner> {
        let inner = |&square: &f64| Inner {
            own: square,
            beyond: 0.0,
            whole: square,
        };
        squares.iter().map(inner).collect()
    }

    #[test]
    fn orthogonal_terms_of_known_lengths() {
        // ‖g_0‖ = 1, ‖g_1‖ = 0.5, ‖g_2‖ = 0.05.
        let squares = [1.0, 0.25, 0.0025];
        let contribution = Contribution::of(&[orthogonal(&squares)]);
        let total: f64 = squares.iter().sum();
        assert!((contribution.lags.iter().map(|l| l.share).sum::<f64>() - 1.0).abs() < 1e-12);
        assert!((contribution.lags[1].beyond - (0.0025 / total).sqrt()).abs() < 1e-12);
        assert_eq!(contribution.lags[2].beyond, 0.0);
        let horizons = (contribution.horizon_90, contribution.horizon_99);
        assert_eq!(horizons, (Some(1.0), Some(2.0)));
    }

    #[test]
    fn excerpts_without_a_gradient_are_counted_apart() {
        let none = orthogonal(&[0.0; 4]);
        let some = orthogonal(&[1.0, 1.0]);
        let found = Contribution::of(&[none.clone(), some.clone(), none.clone()]);
        assert_eq!(found.without_gradient, 2);
        let shares: Vec<f64> = found.lags.iter().map(|lag| lag.share).collect();
        assert_eq!(shares, [0.5, 0.5, 0.0, 0.0]);
        assert_eq!(
            (found.horizon_90, found.horizon_90_most),
            (Some(1.0), Some(1))
        );
        assert_eq!(found.to_the_beginning, 1);
        let nothing = Contribution::of(&[none.clone(), none]);
        assert_eq!((nothing.without_gradient, nothing.horizon_90), (2, None));
        assert!(
            nothing
                .lags
                .iter()
                .all(|lag| lag.share == 0.0 && lag.beyond == 0.0)
        );
    }

    #[test]
    fn the_median_of_an_even_number_is_the_mean_of_the_middle_two() {
        assert_eq!(median(&mut [9, 1, 4]), Some(4.0));
        assert_eq!(median(&mut [9, 1, 4, 5]), Some(4.5));
        assert_eq!(median(&mut []), None);
    }
}
