//! Classification of a network's gradients: vanishing, exploding or stable.
//!
//! Judged by γ, the factor of a step: the geometric mean of ‖∂s_t/∂s_k‖ over passages, at the longest lag N, to the power 1/N.
//!
//! ```text
//! vanishing   γ < 2^(−1/10)     at least halved in ten steps: at lag 100 less than a thousandth
//! exploding   γ > 2^(1/10)      at least doubled in ten steps
//! stable      between the two
//! ```

use serde::{Deserialize, Serialize};

/// Steps in which a norm is halved or doubled at the borders of *stable*.
const STEPS: f64 = 10.0;

/// Whether gradients vanish, explode or neither, judged by the growth factor γ of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GradientVerdict {
    /// γ < 2^(−1/10): the norm is at least halved in ten steps.
    Vanishing,
    /// γ > 2^(1/10): the norm is at least doubled in ten steps.
    Exploding,
    /// γ lies between these limits.
    // The name in files of earlier versions.
    #[serde(alias = "healthy")]
    Stable,
}

impl GradientVerdict {
    /// Classifies the growth factor γ of a step; γ is 0 where nothing of the gradient is left.
    pub fn of(factor: f64) -> GradientVerdict {
        let border = libm::exp2(1.0 / STEPS);
        if factor > border {
            GradientVerdict::Exploding
        } else if factor < 1.0 / border {
            GradientVerdict::Vanishing
        } else {
            GradientVerdict::Stable
        }
    }

    /// Name in reports: `vanishing`, `exploding` or `stable`.
    pub fn name(self) -> &'static str {
        match self {
            GradientVerdict::Vanishing => "vanishing",
            GradientVerdict::Exploding => "exploding",
            GradientVerdict::Stable => "stable",
        }
    }

    /// Combines the verdicts of all layers: exploding if one of them is, vanishing if all are.
    ///
    /// Gradients flow back through whichever layer carries them best.
    pub fn together(layers: &[GradientVerdict]) -> GradientVerdict {
        if layers.contains(&GradientVerdict::Exploding) {
            GradientVerdict::Exploding
        } else if layers.contains(&GradientVerdict::Stable) {
            GradientVerdict::Stable
        } else {
            GradientVerdict::Vanishing
        }
    }
}

/// Growth factor γ of one step, from log10 of the norm of a product of `lag` Jacobians.
pub fn factor(norm_log10: f64, lag: usize) -> f64 {
    libm::pow(10.0, norm_log10 / lag as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders() {
        assert_eq!(GradientVerdict::of(0.0), GradientVerdict::Vanishing);
        assert_eq!(GradientVerdict::of(0.93), GradientVerdict::Vanishing);
        assert_eq!(GradientVerdict::of(1.0), GradientVerdict::Stable);
        assert_eq!(GradientVerdict::of(1.08), GradientVerdict::Exploding);
        let all = [GradientVerdict::Vanishing, GradientVerdict::Stable];
        assert_eq!(GradientVerdict::together(&all), GradientVerdict::Stable);
        assert_eq!(
            GradientVerdict::together(&all[..1]),
            GradientVerdict::Vanishing
        );
    }
}
