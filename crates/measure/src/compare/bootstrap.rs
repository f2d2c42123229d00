//! Uncertainty of figures: intervals by bootstrap resampling, and tests by approximate randomisation.
//!
//! ```text
//! figure:    ℓ = Σ_u J_u / Σ_u n_u          perplexity = exp(ℓ)        u: units (lines), n: tokens or words
//! bootstrap: draw as many units as there are, with replacement, and compute ℓ* of them; R times.
//!            [ℓ*_(2.5 %), ℓ*_(97.5 %)]
//! test:      d_u = J_u(a) − J_u(b);  flip the sign of each d_u by a coin;  D* = Σ ±d_u;  R times.
//!            p = (1 + #{|D*| ≥ |Σ d_u|}) / (1 + R)
//! ```
//! The percentile interval (Efron and Tibshirani 1993, ch. 13) takes the (R+1)·q-th of the ordered values; as ranks do not care,
//! that of the perplexity is the exponential of that of the loss. All models see the same draws: differences are paired. The test is
//! approximate randomisation (Noreen 1989; for language processing Riezler and Maxwell 2005): if the two models were alike, each
//! unit could as well have been the other way round. Both tell what another text *of this kind* would give; they say nothing about
//! other seeds of training, and nothing about texts of another kind. p-values of several pairs are not corrected for their number.
//!
//! The numbers are drawn for (seed, resample), whatever the order of computing. A unit is drawn as ⌊word · U / 2³²⌋, which
//! prefers some units to others by less than U/2³².

use elman_kernels::rng::{Site, Stream, key};
use serde::Serialize;

/// Confidence level of intervals, 0.95 for 95 %.
pub(crate) const LEVEL: f64 = 0.95;
/// Running sums of a dot product: a fixed order that the compiler can turn into vector code.
const WIDTH: usize = 8;

/// A confidence interval, with the level of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

/// The figures of `columns` (each (U)) in each resample: (columns, `resamples`) of Σ column / Σ `counts`. There is at least one unit, and
/// all counts are positive.
pub(crate) fn resampled(
    counts: &[f64],
    columns: &[&[f64]],
    resamples: usize,
    seed: u64,
    progress: &mut dyn FnMut(usize),
) -> Vec<Vec<f64>> {
    let units = counts.len();
    let range = u32::try_from(units).expect("units are few");
    let mut figures = vec![Vec::with_capacity(resamples); columns.len()];
    let mut drawn = vec![0.0; units];
    for resample in 0..resamples {
        let mut stream = Stream::new(key(seed, Site::Bootstrap, resample as u64));
        drawn.fill(0.0);
        for _ in 0..units {
            drawn[stream.below(range) as usize] += 1.0;
        }
        let count = dot(&drawn, counts);
        for (figures, column) in figures.iter_mut().zip(columns) {
            figures.push(dot(&drawn, column) / count);
        }
        progress(resample + 1);
    }
    figures
}

/// The interval between two quantiles of `figures`, in any order.
pub(crate) fn percentiles(mut figures: Vec<f64>) -> Interval {
    figures.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - LEVEL) / 2.0;
    Interval {
        low: quantile(&figures, tail),
        high: quantile(&figures, 1.0 - tail),
    }
}

/// The (R+1)·q-th of R ordered values, by linear interpolation between ranks.
fn quantile(ordered: &[f64], q: f64) -> f64 {
    let last = ordered.len() - 1;
    let rank = ((ordered.len() + 1) as f64 * q - 1.0).clamp(0.0, last as f64);
    let below = rank as usize;
    let (a, b) = (ordered[below], ordered[(below + 1).min(last)]);
    a + (b - a) * (rank - below as f64)
}

/// p-values of the hypotheses that the sums of `differences` (each (U)) are zero but for chance.
pub(crate) fn randomisation(
    differences: &[Vec<f64>],
    resamples: usize,
    seed: u64,
    progress: &mut dyn FnMut(usize),
) -> Vec<f64> {
    let units = differences.first().map_or(0, Vec::len);
    // Sums of the same numbers with other signs may differ by rounding where they should be equal.
    let slack = |d: &Vec<f64>| 1e-12 * d.iter().map(|d| d.abs()).sum::<f64>();
    let ones = vec![1.0; units];
    let observed: Vec<f64> = differences
        .iter()
        .map(|d| dot(&ones, d).abs() - slack(d))
        .collect();
    let mut as_large = vec![0usize; differences.len()];
    let mut signs = vec![0.0; units];
    for resample in 0..resamples {
        let mut stream = Stream::new(key(seed, Site::SignFlips, resample as u64));
        for signs in signs.chunks_mut(32) {
            let word = stream.word();
            for (bit, sign) in signs.iter_mut().enumerate() {
                *sign = f64::from(word >> bit & 1) * 2.0 - 1.0;
            }
        }
        for ((d, observed), as_large) in differences.iter().zip(&observed).zip(&mut as_large) {
            *as_large += usize::from(dot(&signs, d).abs() >= *observed);
        }
        progress(resample + 1);
    }
    let p = |&n: &usize| (n + 1) as f64 / (resamples + 1) as f64;
    as_large.iter().map(p).collect()
}

/// Σ a_i b_i.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (a.chunks_exact(WIDTH), b.chunks_exact(WIDTH));
    let tail: f64 = a
        .remainder()
        .iter()
        .zip(b.remainder())
        .map(|(a, b)| a * b)
        .sum();
    let mut sums = [0.0; WIDTH];
    for (a, b) in a.zip(b) {
        for column in 0..WIDTH {
            sums[column] += a[column] * b[column];
        }
    }
    sums.iter().sum::<f64>() + tail
}

#[cfg(test)]
mod tests;
