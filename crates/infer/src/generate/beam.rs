//! Beam search: the most probable texts that a search of bounded width finds.
//!
//! The K hypotheses of a prompt advance as streams of one product. At each step every hypothesis proposes its 2K most probable tokens, and
//! all proposals are ranked by the probability of the text so far. One that ends its text is finished if it is among the first
//! K; the first K of those that continue are the next hypotheses. The search ends when K texts have finished, when no hypothesis can
//! become better than the N best finished ones, or when tokens run out, which finishes what is left.
//!
//! Finished texts are ranked by their length-normalised score (Wu et al. 2016, "Google's Neural Machine Translation System", equation 14,
//! without the coverage of attention, which a language model does not have):
//!
//! ```text
//! score(y) = ln p(y) / lp(y)     lp(y) = (5 + |y|)^α / 6^α     or the plain mean: lp(y) = |y|
//! ```
//! |y| counts tokens, a closing `<eos>` too. α = 0 ranks by probability. ln p is the model's own, so it adds up to what evaluation finds;
//! tokens that are banned or not allowed are left out of the search without renormalising the others.
//!
//! Ties are broken by the lower token, then by the better hypothesis before it; between finished texts by their tokens. Of two
//! texts that print the same the better one is kept. With K = 1 the search is greedy; with K as large as there are texts it finds the best.
//!
//! Temperature, filters and repetition penalty belong to sampling and are ignored.

use super::draft::{Draft, Rules};
use super::{Generation, Generator};
use crate::error::{GenerateError, Result};
use crate::sample::largest;
use std::cmp::Ordering;

/// Options of a beam search: its width, the number of results and the length penalty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beam {
    /// K, the number of hypotheses that are kept at each step.
    pub width: usize,
    /// N ≤ K, the number of texts to return.
    pub n_best: usize,
    /// How texts of different lengths are compared.
    pub length_penalty: LengthPenalty,
}

/// How beam search compares scores of texts of different lengths.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LengthPenalty {
    /// Exponent α ≥ 0 of the length penalty of Wu et al. 2016, equation 14; 0 ranks by probability.
    Alpha(f64),
    /// The mean log-probability per token.
    Mean,
}

/// A text that beam search has found, with its score.
#[derive(Clone, Debug, PartialEq)]
pub struct Hypothesis {
    /// Text and tokens of the hypothesis.
    pub text: Generation,
    /// Natural log-probability of all its tokens.
    pub logprob: f64,
    /// Length-normalised log-probability, by which the texts are ranked.
    pub score: f64,
}

/// A token that a hypothesis may be continued with.
struct Proposal {
    /// Natural log-probability of the text with the token.
    logprob: f64,
    hypothesis: usize,
    id: u32,
    /// Natural log-probability of the token alone.
    token_logprob: f64,
}

impl Beam {
    /// Checks the options.
    ///
    /// # Errors
    /// [`GenerateError::LengthPenalty`], [`GenerateError::NoResults`] or [`GenerateError::MoreThanBeam`].
    pub fn check(&self) -> Result<()> {
        let error = match (self.n_best, self.length_penalty) {
            (_, LengthPenalty::Alpha(alpha)) if !(alpha >= 0.0 && alpha.is_finite()) => {
                GenerateError::LengthPenalty
            }
            (0, _) => GenerateError::NoResults,
            (n, _) if n > self.width => GenerateError::MoreThanBeam,
            _ => return Ok(()),
        };
        Err(error.into())
    }
}

impl LengthPenalty {
    /// Length-normalised score of a text of `tokens` tokens with the natural log-probability `logprob`.
    pub fn score(self, logprob: f64, tokens: usize) -> f64 {
        let length = tokens as f64;
        match self {
            LengthPenalty::Alpha(alpha) => logprob / libm::pow((5.0 + length) / 6.0, alpha),
            LengthPenalty::Mean => logprob / length.max(1.0),
        }
    }
}

impl Generator<'_> {
    /// Finds the `n_best` most probable texts that follow prompt `index` by beam search, the best first; fewer if there are not as
    /// many.
    ///
    /// # Errors
    /// [`GenerateError`] if the beam is invalid, hidden states overflow, or the model gives probability 0 to all that is allowed.
    pub fn search(&mut self, index: usize, beam: &Beam) -> Result<Vec<Hypothesis>> {
        beam.check()?;
        let v = self.streams.vocab().len();
        let first = self.draft(index);
        let mut rules = Rules::new(&self.streams, &self.options, &mut self.constraint);
        let isa = self.streams.isa();
        let mut streams = self.streams.clone();
        streams.select(&[index]);
        let mut logits = self.logits[index * v..(index + 1) * v].to_vec();
        let mut finished = Finished::new(beam);
        let mut live = Vec::new();
        match first.finish {
            Some(_) => finished.add(first),
            None => live.push(first),
        }
        let mut ids = Vec::new();
        while finished.may_improve(&live, rules.options.max_tokens) {
            let mut proposals: Vec<Proposal> = Vec::new();
            for (hypothesis, draft) in live.iter().enumerate() {
                let logits = &logits[hypothesis * v..(hypothesis + 1) * v];
                largest(isa, logits)?;
                if draft.allowed(&mut rules, &mut ids).is_none() {
                    ids.clear();
                    ids.extend((0..v as u32).filter(|id| !self.banned.contains(id)));
                }
                best(&mut ids, logits, 2 * beam.width);
                let mut nats = vec![0.0; ids.len()];
                streams.nats(hypothesis, logits, &ids, &mut nats);
                let possible = ids.iter().zip(nats).filter(|(_, nats)| nats.is_finite());
                let logprob = draft.logprob();
                proposals.extend(possible.map(|(&id, nats)| Proposal {
                    logprob: logprob - nats,
                    hypothesis,
                    id,
                    token_logprob: -nats,
                }));
            }
            if proposals.is_empty() && finished.texts.is_empty() {
                let constrained = rules.constraint.is_some();
                return Err(GenerateError::Impossible { constrained }.into());
            }
            proposals.sort_unstable_by(Proposal::rank);
            let (mut next, mut from) = (Vec::new(), Vec::new());
            for (rank, proposal) in proposals.iter().enumerate() {
                if next.len() == beam.width {
                    break;
                }
                let mut draft: Draft = live[proposal.hypothesis].clone();
                draft.push(&mut rules, proposal.id, Some(proposal.token_logprob));
                match draft.finish {
                    None => {
                        next.push(draft);
                        from.push(proposal.hypothesis);
                    }
                    Some(_) if rank < beam.width => finished.add(draft),
                    Some(_) => {}
                }
            }
            live = next;
            if !live.is_empty() {
                streams.select(&from);
                streams.feed(&live.iter().map(Draft::last).collect::<Vec<_>>());
                logits.resize(live.len() * v, 0.0);
                streams.logits(&mut logits);
            }
        }
        finished.texts.truncate(beam.n_best);
        Ok(finished.texts)
    }
}

impl Proposal {
    /// The better first; a total order, since no hypothesis proposes a token twice.
    fn rank(a: &Proposal, b: &Proposal) -> Ordering {
        let better = b.logprob.total_cmp(&a.logprob);
        better.then((a.id, a.hypothesis).cmp(&(b.id, b.hypothesis)))
    }
}

/// Leaves of `ids` those of the `n` largest logits, in any order; of equal logits the lower ids.
fn best(ids: &mut Vec<u32>, logits: &[f32], n: usize) {
    if n < ids.len() {
        ids.select_nth_unstable_by(n, |&a, &b| {
            let (x, y) = (logits[a as usize], logits[b as usize]);
            y.total_cmp(&x).then(a.cmp(&b))
        });
        ids.truncate(n);
    }
}

/// The texts that have ended, the best first.
struct Finished<'a> {
    beam: &'a Beam,
    texts: Vec<Hypothesis>,
}

impl Finished<'_> {
    fn new(beam: &Beam) -> Finished<'_> {
        Finished {
            beam,
            texts: Vec::new(),
        }
    }

    fn add(&mut self, draft: Draft) {
        let logprob = draft.logprob();
        let new = Hypothesis {
            score: self.beam.length_penalty.score(logprob, draft.tokens.len()),
            logprob,
            text: Generation::from(draft),
        };
        let better = |a: &Hypothesis| {
            let by_score = new.score.total_cmp(&a.score);
            by_score.then_with(|| a.text.tokens.cmp(&new.text.tokens)) == Ordering::Less
        };
        let at = self.texts.partition_point(better);
        let same = |a: &Hypothesis| a.text.text == new.text.text;
        if self.texts[..at].iter().any(same) {
            return;
        }
        if let Some(worse) = self.texts.iter().position(same) {
            self.texts.remove(worse);
        }
        self.texts.insert(at, new);
    }

    /// Whether the search has to continue. ln p can only fall, so a hypothesis becomes no better than with its present ln p at full length.
    fn may_improve(&self, live: &[Draft], max_tokens: usize) -> bool {
        if self.texts.len() >= self.beam.width {
            return false;
        }
        let penalty = self.beam.length_penalty;
        let hope = |draft: &Draft| penalty.score(draft.logprob(), max_tokens);
        match self.texts.get(self.beam.n_best - 1) {
            None => !live.is_empty(),
            Some(last) => live.iter().any(|draft| hope(draft) >= last.score),
        }
    }
}

#[cfg(test)]
mod tests;
