//! From logits to a token.
//!
//! The steps, in the order of Hugging Face `transformers`; each works on what the one before has left:
//!
//! 1. repetition penalty θ (Keskar et al. 2019, CTRL, section 4.1, in the form of `transformers`): the logit of a token
//!    that is among the recent ones is divided by θ where positive and multiplied by θ where negative;
//! 2. tokens that are banned, or that a constraint does not allow here, get probability 0: the others are renormalised;
//! 3. temperature τ: z ← z / τ; τ = 0 takes the largest logit at once (greedy);
//! 4. top-k (Fan et al. 2018): the k largest;
//! 5. top-p (Holtzman et al. 2020): the fewest of the most probable that together have probability ≥ p;
//! 6. min-p (Nguyen et al. 2024): those with at least `min_p` times the probability of the most probable;
//! 7. locally typical (Meister et al. 2023, section 4): the fewest tokens whose information −ln p is nearest to its mean, the
//!    entropy, that together have probability ≥ P;
//! 8. one draw from what is left, in proportion.
//!
//! Equal logits are ranked by id, the lower first, so exactly k tokens pass top-k. A constant added to all logits changes
//! nothing but the penalty, which is why it is given logits and not log-probabilities: only then it is that of other programs.
//!
//! Each step at its neutral value (θ = 1, τ = 1, all k, p = 1, min-p 0, P = 1) changes nothing. llama.cpp has the same filters, but
//! takes typical before top-p and min-p and the temperature last: from the same settings it draws from a slightly other distribution.
//!
//! Draws are counter-based (`rng::Stream`), and all arithmetic is our own: a seed gives the same text on every machine.

use super::Sampling;
use crate::error::{GenerateError, Result};
use elman_kernels::rng::{Stream, pick};
use elman_kernels::{Isa, draw_weights, largest_score};
use std::collections::VecDeque;

mod filter;
use filter::Filters;

/// Chooses tokens one after the other by the options of [`Sampling`].
pub(crate) struct Sampler {
    sampling: Sampling,
    stream: Stream,
    /// Tokens that the repetition penalty counts, oldest first; empty without a penalty.
    recent: VecDeque<u32>,
    /// (V): how often each token occurs in `recent`.
    seen: Vec<u32>,
    /// (V)
    scores: Vec<f32>,
    /// (V): probabilities, not normalised; the largest is 1.
    weights: Vec<f32>,
    filters: Filters,
    /// The weights of what the filters have left.
    kept_weights: Vec<f32>,
}

impl Sampler {
    /// Makes a sampler for logits of `vocab` tokens. Errors: options that are invalid or ban every token.
    pub(crate) fn new(sampling: &Sampling, vocab: usize, stream: Stream) -> Result<Sampler> {
        sampling.check()?;
        let mut sampling = sampling.clone();
        sampling.banned.retain(|&id| (id as usize) < vocab);
        sampling.banned.sort_unstable();
        sampling.banned.dedup();
        if sampling.banned.len() == vocab {
            return Err(GenerateError::AllBanned.into());
        }
        Ok(Sampler {
            sampling,
            stream,
            recent: VecDeque::new(),
            seen: vec![0; vocab],
            scores: vec![0.0; vocab],
            weights: vec![0.0; vocab],
            filters: Filters::default(),
            kept_weights: Vec::new(),
        })
    }

    /// Adds `id` to the tokens that the repetition penalty counts. Panics if `id ≥ V`.
    pub(crate) fn observe(&mut self, id: u32) {
        if self.sampling.repetition_penalty == 1.0 {
            return;
        }
        self.recent.push_back(id);
        self.seen[id as usize] += 1;
        let window = self.sampling.repetition_window.unwrap_or(usize::MAX);
        if self.recent.len() > window
            && let Some(oldest) = self.recent.pop_front()
        {
            self.seen[oldest as usize] -= 1;
        }
    }

    /// Chooses the token that follows, given its `logits` (V) and, if not all are, which ids are allowed, and observes it.
    ///
    /// Errors: logits that are no numbers, from hidden states that overflow; allowed tokens that are all impossible.
    pub(crate) fn choose(
        &mut self,
        isa: Isa,
        logits: &[f32],
        allowed: Option<&[u32]>,
    ) -> Result<u32> {
        assert_eq!(
            logits.len(),
            self.scores.len(),
            "logits of another vocabulary"
        );
        let id = if self.changes_scores() || allowed.is_some() {
            match allowed {
                None => self.scores.copy_from_slice(logits),
                Some(allowed) => {
                    self.scores.fill(f32::NEG_INFINITY);
                    for &id in allowed {
                        self.scores[id as usize] = logits[id as usize];
                    }
                }
            }
            self.choose_scored(isa)?
        } else {
            self.choose_by(isa, logits)?
        };
        self.chosen(id, allowed.is_some())
    }

    /// [`Sampler::choose`] by the logits that `write` writes (V).
    pub(crate) fn choose_written(
        &mut self,
        isa: Isa,
        write: impl FnOnce(&mut [f32]),
    ) -> Result<u32> {
        write(&mut self.scores);
        let id = self.choose_scored(isa)?;
        self.chosen(id, false)
    }

    /// Observes the token that was chosen, if one was possible.
    fn chosen(&mut self, id: Option<u32>, constrained: bool) -> Result<u32> {
        let id = id.ok_or(GenerateError::Impossible { constrained })?;
        self.observe(id);
        Ok(id)
    }

    /// Whether scores are not just the logits.
    fn changes_scores(&self) -> bool {
        self.sampling.repetition_penalty != 1.0 || !self.sampling.banned.is_empty()
    }

    /// All steps, by the logits in `scores`.
    fn choose_scored(&mut self, isa: Isa) -> Result<Option<u32>> {
        self.change_scores();
        let scores = std::mem::take(&mut self.scores);
        let id = self.choose_by(isa, &scores);
        self.scores = scores;
        id
    }

    /// Steps 3 to 8; none if all are impossible.
    fn choose_by(&mut self, isa: Isa, scores: &[f32]) -> Result<Option<u32>> {
        let most = largest(isa, scores)?;
        if most == f32::NEG_INFINITY {
            return Ok(None);
        }
        let temperature = self.sampling.temperature;
        if temperature == 0.0 {
            let first = scores.iter().position(|score| *score == most);
            return Ok(first.map(|id| id as u32));
        }
        draw_weights(isa, scores, most, temperature, &mut self.weights);
        Ok(Some(self.draw(scores, most)))
    }

    /// Steps 1 and 2, but for a constraint.
    fn change_scores(&mut self) {
        let penalty = self.sampling.repetition_penalty;
        if penalty != 1.0 {
            for (score, _) in self
                .scores
                .iter_mut()
                .zip(&self.seen)
                .filter(|(_, seen)| **seen > 0)
            {
                *score = if *score > 0.0 {
                    *score / penalty
                } else {
                    *score * penalty
                };
            }
        }
        for &id in &self.sampling.banned {
            self.scores[id as usize] = f32::NEG_INFINITY;
        }
    }

    /// Steps 4 to 8.
    fn draw(&mut self, scores: &[f32], most: f32) -> u32 {
        let uniform = self.stream.uniform_f64();
        if !self.sampling.filters() {
            return pick(uniform, &self.weights) as u32;
        }
        let kept = self
            .filters
            .keep(&self.sampling, scores, &self.weights, most);
        self.kept_weights.clear();
        let weights = kept.iter().map(|&id| self.weights[id as usize]);
        self.kept_weights.extend(weights);
        kept[pick(uniform, &self.kept_weights)]
    }
}

/// The largest of `scores`; −∞ if all are.
///
/// # Errors
/// [`GenerateError::NotFinite`] if NaN or +∞ is among them.
pub fn largest(isa: Isa, scores: &[f32]) -> Result<f32> {
    let most = largest_score(isa, scores);
    match most.is_nan() {
        false => Ok(most),
        true => Err(GenerateError::NotFinite.into()),
    }
}

#[cfg(test)]
mod tests;
