//! One word for how gradients fare.
//!
//! Judged by γ, the factor of a step: the geometric mean of ‖∂s_t/∂s_k‖ over passages, at the longest lag N, to the power 1/N.
//!
//! ```text
//! vanishing   γ < 2^(−1/10)     at least halved in ten steps: at lag 100 less than a thousandth
//! exploding   γ > 2^(1/10)      at least doubled in ten steps
//! healthy     between the two
//! ```

use serde::{Deserialize, Serialize};

/// Steps in which a norm is halved or doubled at the borders of *healthy*.
const STEPS: f64 = 10.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Vanishing,
    Exploding,
    Healthy,
}

impl Verdict {
    /// Of the factor γ of a step; 0 where nothing is left.
    pub fn of(factor: f64) -> Verdict {
        let border = libm::exp2(1.0 / STEPS);
        if factor > border {
            Verdict::Exploding
        } else if factor < 1.0 / border {
            Verdict::Vanishing
        } else {
            Verdict::Healthy
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Verdict::Vanishing => "vanishing",
            Verdict::Exploding => "exploding",
            Verdict::Healthy => "healthy",
        }
    }

    /// A network explodes if one of its layers does, and vanishes if all do: a gradient takes the best way back.
    pub fn together(layers: &[Verdict]) -> Verdict {
        if layers.contains(&Verdict::Exploding) {
            Verdict::Exploding
        } else if layers.contains(&Verdict::Healthy) {
            Verdict::Healthy
        } else {
            Verdict::Vanishing
        }
    }
}

/// γ from log10 of the norm at `lag`.
pub fn factor(norm_log10: f64, lag: usize) -> f64 {
    libm::pow(10.0, norm_log10 / lag as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders() {
        assert_eq!(Verdict::of(0.0), Verdict::Vanishing);
        assert_eq!(Verdict::of(0.93), Verdict::Vanishing);
        assert_eq!(Verdict::of(1.0), Verdict::Healthy);
        assert_eq!(Verdict::of(1.08), Verdict::Exploding);
        let all = [Verdict::Vanishing, Verdict::Healthy];
        assert_eq!(Verdict::together(&all), Verdict::Healthy);
        assert_eq!(Verdict::together(&all[..1]), Verdict::Vanishing);
    }
}
