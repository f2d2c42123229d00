//! The probability distribution of the next token, as a value.

use super::streams::Scores;
use super::{Model, ModelError};
use crate::error::Result;
use elman_text::TokenId;

/// Probability distribution over the next token of a session.
///
/// Its numbers have the bits of scoring: the log-probability of a token is the one that [`super::Session::score_tokens`] gives it.
#[derive(Clone)]
pub struct Distribution {
    model: Model,
    scores: Scores,
}

impl Distribution {
    /// Errors: scores that are no probabilities, after `tokens` tokens.
    pub(super) fn new(model: Model, scores: Scores, tokens: u64) -> Result<Distribution> {
        match scores.overflow() {
            false => Ok(Distribution { model, scores }),
            true => Err(ModelError::Overflow { tokens }.into()),
        }
    }

    /// V, the number of tokens of the vocabulary.
    #[expect(clippy::len_without_is_empty, reason = "a vocabulary has `<eos>`")]
    pub fn len(&self) -> usize {
        self.model.vocab().len()
    }

    /// Natural log-probability of the token `id`.
    ///
    /// # Panics
    /// If `id ≥ V`.
    pub fn log_prob(&self, id: TokenId) -> f64 {
        -self.scores.nats(id)
    }

    /// Probability of the token `id`.
    ///
    /// # Panics
    /// If `id ≥ V`.
    pub fn prob(&self, id: TokenId) -> f64 {
        self.log_prob(id).exp()
    }

    /// Natural log-probabilities of all tokens, indexed by id (V).
    pub fn log_probs(&self) -> Vec<f64> {
        (0..self.len() as TokenId)
            .map(|id| self.log_prob(id))
            .collect()
    }

    /// Writes the logits of all tokens, indexed by id (V): natural log-probabilities up to a constant, with the bits of
    /// [`super::Session::logits`].
    ///
    /// # Panics
    /// If there are not V of them.
    pub fn logits(&self, logits: &mut [f32]) {
        self.scores.logits(logits);
    }

    /// Texts and probabilities of the `n` most probable tokens, the most probable first; equal ones in the order of their ids.
    pub fn top(&self, n: usize) -> Vec<(String, f64)> {
        let token = |id| self.model.vocab().token(id).into_owned();
        let ids = self.top_ids(n).into_iter();
        ids.map(|id| (token(id), self.prob(id))).collect()
    }

    /// Ids of the `n` most probable tokens, in the order of [`Distribution::top`].
    pub fn top_ids(&self, n: usize) -> Vec<TokenId> {
        let nats: Vec<f64> = (0..self.len() as TokenId)
            .map(|id| self.scores.nats(id))
            .collect();
        let rank = |&a: &TokenId, &b: &TokenId| {
            let (x, y) = (nats[a as usize], nats[b as usize]);
            x.total_cmp(&y).then(a.cmp(&b))
        };
        let mut ids: Vec<TokenId> = (0..self.len() as TokenId).collect();
        if n < ids.len() {
            ids.select_nth_unstable_by(n, rank);
            ids.truncate(n);
        }
        ids.sort_unstable_by(rank);
        ids
    }
}

impl std::fmt::Debug for Distribution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.top(5)).finish()
    }
}
