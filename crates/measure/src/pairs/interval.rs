//! Confidence intervals of proportions.
//!
//! ```text
//! Wilson   p̂ = k/n      (p̂ + z²/2n ± z·√(p̂(1−p̂)/n + z²/4n²)) / (1 + z²/n)
//! MOVER    θ̂ = Σ p̂_i/m     [θ̂ − √Σ(p̂_i − l_i)²/m,  θ̂ + √Σ(u_i − p̂_i)²/m]
//! ```
//! The first is the score interval of one proportion (Wilson 1927), which is useful for few pairs and near 0 and 1. The second recovers the variances of m independent
//! proportions from their own limits l_i and u_i (Zou, Huang and Zhang 2009): here those of Wilson. z is the quantile of 97.5 % of the normal distribution.

use crate::compare::Interval;

/// Quantile of 97.5 % of the standard normal distribution: intervals of 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// Wilson's interval of 95 % of a proportion of `count` trials, of which there is at least one. `successes` may have a fraction.
pub(super) fn wilson(successes: f64, count: f64) -> Interval {
    let (p, z2) = (successes / count, Z * Z);
    let centre = p + z2 / (2.0 * count);
    let half = Z * (p * (1.0 - p) / count + z2 / (4.0 * count * count)).sqrt();
    let scale = 1.0 + z2 / count;
    Interval {
        low: ((centre - half) / scale).clamp(0.0, p),
        high: ((centre + half) / scale).clamp(p, 1.0),
    }
}

/// Interval of the mean of independent proportions with their own intervals, of which there is at least one.
pub(super) fn of_mean(proportions: &[(f64, Interval)]) -> Interval {
    let count = proportions.len() as f64;
    let mean = proportions.iter().map(|(p, _)| p).sum::<f64>() / count;
    let root = |distance: fn(&(f64, Interval)) -> f64| {
        let squares = proportions.iter().map(distance).map(|d| d * d);
        squares.sum::<f64>().sqrt() / count
    };
    Interval {
        low: (mean - root(|(p, interval)| p - interval.low)).max(0.0),
        high: (mean + root(|(p, interval)| interval.high - p)).min(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_s_interval_is_that_of_the_literature() {
        // Newcombe 1998, table I, method 3: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
        for (k, n, low, high) in [
            (81.0, 263.0, 0.2553, 0.3662),
            (15.0, 148.0, 0.0624, 0.1605),
            (0.0, 20.0, 0.0, 0.1611),
            (1.0, 29.0, 0.0061, 0.1718),
        ] {
            let found = wilson(k, n);
            assert!((found.low - low).abs() < 5e-5, "{found:?}");
            assert!((found.high - high).abs() < 5e-5, "{found:?}");
        }
        assert_eq!(wilson(4.0, 4.0).high, 1.0);
    }

    #[test]
    fn the_interval_of_a_mean_of_one_is_its_own_and_of_more_is_narrower() {
        let one = (0.7, wilson(70.0, 100.0));
        let single = of_mean(&[one]);
        assert!((single.low - one.1.low).abs() < 1e-15);
        assert!((single.high - one.1.high).abs() < 1e-15);
        let four = of_mean(&[one; 4]);
        let width = |interval: Interval| interval.high - interval.low;
        assert!((width(four) - width(single) / 2.0).abs() < 1e-12);
    }
}
