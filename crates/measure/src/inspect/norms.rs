//! ‖∂s_t/∂s_k‖₂ by lag over several excerpts, which need not be equally long.
//!
//! Figures are logarithms, and a mean of logarithms is the geometric mean. Where nothing is left of a gradient the norm is 0 and has no
//! logarithm: such an excerpt is counted and is in no mean.

use elman_kernels::Cpu;
use elman_net::flow::jacobian::Jacobians;
use elman_net::flow::norms::{Chain, chain_norms};
use elman_net::flow::verdict;
use serde::Serialize;

/// log10 of ‖∂s_t/∂s_k‖₂ at one lag. `null` in JSON is a norm of 0 and only occurs if it is 0 in all excerpts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LagNorm {
    /// Lag t − k in steps.
    pub lag: usize,
    /// Number of excerpts that reach back to this lag.
    #[serde(rename = "passages")]
    pub excerpts: usize,
    /// Number of excerpts whose norm is 0; the other figures are computed from the rest.
    pub zero: usize,
    /// Mean of log10 over the excerpts: the logarithm of the geometric mean.
    pub mean_log10: f64,
    /// Smallest log10 over the excerpts.
    pub least_log10: f64,
    /// Largest log10 over the excerpts.
    pub most_log10: f64,
    /// Mean of log10 Π ‖J_j‖₂, the product of the norms of the single steps.
    pub steps_log10: f64,
    /// log10 of the upper bound of the norm.
    pub bound_log10: f64,
}

/// The norms of one excerpt, by lag from 1 on.
pub(super) struct ExcerptNorms {
    log10: Vec<f64>,
    /// log10 Π ‖J_j‖₂
    steps_log10: Vec<f64>,
}

impl ExcerptNorms {
    /// Computes the norms over all steps of the only row of `jacobians`.
    pub(super) fn of(cpu: &Cpu, jacobians: &Jacobians) -> ExcerptNorms {
        let steps = jacobians.steps;
        let chain = |end, lag| Chain {
            sequence: 0,
            end,
            lag,
        };
        let chains: Vec<Chain> = (1..=steps).map(|lag| chain(steps, lag)).collect();
        let single: Vec<Chain> = (1..=steps).rev().map(|end| chain(end, 1)).collect();
        let mut product = 0.0;
        let single = chain_norms(cpu, jacobians, &single).into_iter();
        ExcerptNorms {
            log10: chain_norms(cpu, jacobians, &chains),
            steps_log10: single
                .map(|norm| {
                    product += norm;
                    product
                })
                .collect(),
        }
    }
}

/// Every lag that an excerpt has, up to as many as `bounds` has.
pub(super) fn norms(excerpts: &[ExcerptNorms], bounds: &[f64]) -> Vec<LagNorm> {
    let lag = |(i, bound): (usize, &f64)| {
        let there = excerpts.iter().filter(|norms| norms.log10.len() > i);
        let left: Vec<&ExcerptNorms> = there
            .clone()
            .filter(|norms| norms.log10[i] > f64::NEG_INFINITY)
            .collect();
        let values = || left.iter().map(|norms| norms.log10[i]);
        let mean = |sum: f64| match left.len() {
            0 => f64::NEG_INFINITY,
            some => sum / some as f64,
        };
        LagNorm {
            lag: i + 1,
            excerpts: there.clone().count(),
            zero: there.count() - left.len(),
            mean_log10: mean(values().sum()),
            least_log10: values().reduce(f64::min).unwrap_or(f64::NEG_INFINITY),
            most_log10: values().fold(f64::NEG_INFINITY, f64::max),
            steps_log10: mean(left.iter().map(|norms| norms.steps_log10[i]).sum()),
            bound_log10: *bound,
        }
    };
    bounds.iter().enumerate().map(lag).collect()
}

/// γ from the norms of excerpts at their longest lags, and in how many excerpts nothing is left there; γ is that of the others, 0 if
/// there are none.
pub(super) fn factor(excerpts: &[ExcerptNorms]) -> (f64, usize) {
    let longest = excerpts
        .iter()
        .filter_map(|norms| Some((*norms.log10.last()?, norms.log10.len())));
    let left: Vec<(f64, usize)> = longest
        .filter(|(norm, _)| *norm > f64::NEG_INFINITY)
        .collect();
    let lags = left.iter().map(|(_, lag)| lag).sum();
    let log10: f64 = left.iter().map(|(norm, _)| norm).sum();
    let factor = match lags {
        0 => 0.0,
        lags => verdict::factor(log10, lags),
    };
    (factor, excerpts.len() - left.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(log10: &[f64]) -> ExcerptNorms {
        ExcerptNorms {
            log10: log10.to_vec(),
            steps_log10: log10.iter().map(|norm| norm + 1.0).collect(),
        }
    }

    #[test]
    fn excerpts_without_a_norm_are_counted_and_not_averaged() {
        const NONE: f64 = f64::NEG_INFINITY;
        let excerpts = [
            excerpt(&[-1.0, -2.0]),
            excerpt(&[NONE, NONE]),
            excerpt(&[-3.0]),
        ];
        let found = norms(&excerpts, &[0.5, 1.0]);
        assert_eq!((found[0].excerpts, found[0].zero), (3, 1));
        assert_eq!((found[0].mean_log10, found[0].steps_log10), (-2.0, -1.0));
        assert_eq!((found[0].least_log10, found[0].most_log10), (-3.0, -1.0));
        assert_eq!((found[1].excerpts, found[1].zero), (2, 1));
        assert_eq!((found[1].mean_log10, found[1].bound_log10), (-2.0, 1.0));
        // γ of 10⁻² over two steps and 10⁻³ over one.
        let (gamma, nothing_left) = factor(&excerpts);
        assert!((gamma - 10f64.powf(-5.0 / 3.0)).abs() < 1e-12);
        assert_eq!(nothing_left, 1);
        let none = norms(&excerpts[1..2], &[0.5]);
        assert_eq!(
            (none[0].zero, none[0].mean_log10, none[0].most_log10),
            (1, NONE, NONE)
        );
        assert_eq!(factor(&excerpts[1..2]), (0.0, 1));
    }
}
