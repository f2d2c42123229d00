//! Linear interpolation of models, with weights fitted on a development text.
//!
//! ```text
//! p(w | h) = Σ_m λ_m p_m(w | h)        λ_m ≥ 0, Σ λ_m = 1
//! EM:      γ_m(t) = λ_m p_m(t) / Σ_j λ_j p_j(t)        λ_m ← (1/N) Σ_t γ_m(t)
//! ```
//! (Jelinek and Mercer 1980; EM of Dempster, Laird and Rubin 1977.) The likelihood is concave in λ, so from the uniform start
//! every round raises it and the limit is the best there is. A mixture of distributions is a distribution: nothing has to be
//! normalised. A model that gives a token probability 0 is carried by the others.
//!
//! Probabilities are kept relative to the largest of their token, r_m = p_m / max_j p_j, so that nothing underflows, in f64,
//! and are summed in the order of the text: the same text and models give the same bits.
//!
//! What it does not do: log-linear mixtures, which need the whole distributions of all models at every token.

use crate::error::{CompareError, Result};
use elman_infer::relative;
use elman_kernels::ln;
use serde::Serialize;

/// Rounds continue until one gains less than this number of nats per token …
const LEAST_GAIN_NATS: f64 = 1e-9;
/// … or this number of rounds is done.
const MOST_ROUNDS: usize = 2000;
/// Memory for the probabilities of a text.
const LIMIT_BYTES: usize = 2 << 30;

/// The probabilities that each of M models gives each token of a text.
#[derive(Clone, Debug)]
pub(super) struct Likelihoods {
    models: usize,
    /// −ln of the largest probability of each token (N).
    least_nats: Vec<f64>,
    /// p_m / max p (N, M).
    relative: Vec<f64>,
}

/// Result of fitting mixture weights by expectation maximisation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fit {
    /// Weights λ, in the order of the models.
    pub weights: Vec<f64>,
    /// Mean loss of the mixture per token in nats, on the text that it was fitted on.
    pub loss_nats: f64,
    /// Number of rounds of expectation maximisation.
    pub rounds: usize,
    /// Whether the last round gained less than 10⁻⁹ nats per token.
    pub converged: bool,
}

impl Likelihoods {
    pub fn new(models: usize) -> Likelihoods {
        Likelihoods {
            models,
            least_nats: Vec::new(),
            relative: Vec::new(),
        }
    }

    /// Adds a token: −ln p_m for each model.
    ///
    /// Errors: a text with too many tokens, or one that no model can produce.
    pub fn push(&mut self, nats: impl Iterator<Item = f64> + Clone) -> Result<()> {
        let tokens = self.least_nats.len();
        if (tokens + 1) * (self.models + 1) * size_of::<f64>() > LIMIT_BYTES {
            let gib = LIMIT_BYTES >> 30;
            return Err(CompareError::TooMuchToFit { tokens, gib }.into());
        }
        let least = relative(nats, |r| self.relative.push(r));
        if least == f64::INFINITY {
            let token = tokens + 1;
            return Err(CompareError::Impossible { token }.into());
        }
        self.least_nats.push(least);
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.least_nats.len()
    }

    /// The best weights. There is at least one token.
    pub fn fit(&self) -> Fit {
        let tokens = self.len() as f64;
        let floor: f64 = self.least_nats.iter().sum();
        let mut weights = vec![1.0 / self.models as f64; self.models];
        let mut loss_nats = f64::INFINITY;
        let mut rounds = 0;
        loop {
            let (log_sum, posteriors) = self.expectation(&weights);
            let loss = (floor - log_sum) / tokens;
            let converged = loss_nats - loss < LEAST_GAIN_NATS;
            loss_nats = loss;
            if converged || rounds == MOST_ROUNDS {
                return Fit {
                    weights,
                    loss_nats,
                    rounds,
                    converged,
                };
            }
            rounds += 1;
            // Posteriors sum to one for each token, but for rounding.
            let total: f64 = posteriors.iter().sum();
            for (weight, posterior) in weights.iter_mut().zip(posteriors) {
                *weight = posterior / total;
            }
        }
    }

    /// Σ_t ln Σ_m λ_m r_m(t), and Σ_t γ_m(t).
    fn expectation(&self, weights: &[f64]) -> (f64, Vec<f64>) {
        let mut log_sum = 0.0;
        let mut posteriors = vec![0.0; self.models];
        for row in self.relative.chunks_exact(self.models) {
            let p: f64 = row.iter().zip(weights).map(|(r, weight)| r * weight).sum();
            log_sum += ln(p);
            for ((posterior, r), weight) in posteriors.iter_mut().zip(row).zip(weights) {
                *posterior += weight * r / p;
            }
        }
        (log_sum, posteriors)
    }
}

#[cfg(test)]
mod tests;
