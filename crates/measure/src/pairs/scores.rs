//! Log-probabilities of both sentences of each pair under a model, and which sentence it prefers.

use super::Pair;
use crate::error::{Error, Result};
use elman_infer::{LineOptions, Model, score_sentences};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// What is compared of two sentences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compared {
    /// Log-probabilities of the sentences.
    #[default]
    Sentences,
    /// Log-probabilities per token.
    Tokens,
}

/// What a pair counts whose sentences have the same log-probability.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ties {
    /// Such a pair is wrong: the good sentence is not preferred.
    #[default]
    Wrong,
    /// Such a pair counts one half, as a guess does on average.
    Half,
    /// Such a pair is right, as in programs that take the first of the largest values.
    Right,
}

impl Ties {
    /// Credit of a pair with a tie.
    pub fn credit(self) -> f64 {
        match self {
            Ties::Wrong => 0.0,
            Ties::Half => 0.5,
            Ties::Right => 1.0,
        }
    }
}

/// Score of a sentence under a model.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SentenceScore {
    /// ln p of the sentence; −∞ if the model excludes it.
    pub log_prob: f64,
    /// Number of tokens that were scored.
    pub tokens: u64,
    /// Number of tokens that the vocabulary lacks.
    pub unknown: u64,
}

impl SentenceScore {
    fn compared(&self, compared: Compared) -> f64 {
        match compared {
            Compared::Sentences => self.log_prob,
            Compared::Tokens => self.log_prob / self.tokens.max(1) as f64,
        }
    }
}

/// Scores of a pair under a model.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PairScore {
    /// Score of the good sentence.
    pub good: SentenceScore,
    /// Score of the bad sentence.
    pub bad: SentenceScore,
}

impl PairScore {
    /// Returns which of both is larger: `Greater` if the good sentence is preferred, `Equal` for a tie.
    pub fn preference(&self, compared: Compared) -> Ordering {
        let (good, bad) = (self.good.compared(compared), self.bad.compared(compared));
        good.total_cmp(&bad)
    }

    /// Credit of the pair: 1 if it is right, 0 if it is wrong, and what a tie counts.
    pub fn credit(&self, compared: Compared, ties: Ties) -> f64 {
        match self.preference(compared) {
            Ordering::Greater => 1.0,
            Ordering::Less => 0.0,
            Ordering::Equal => ties.credit(),
        }
    }

    /// Whether the vocabulary lacks a word of one of the sentences.
    pub fn has_unknown(&self) -> bool {
        self.good.unknown + self.bad.unknown > 0
    }
}

/// Scores `pairs` under `model`; `progress` is called with the number of pairs that are done.
///
/// # Errors
/// [`Error::Model`] for a batch size out of range or if hidden states overflow; [`Error::Text`] if a tokenizer fails.
pub fn score_pairs(
    model: &Model,
    pairs: &[Pair],
    options: &LineOptions,
    progress: &mut dyn FnMut(usize),
) -> Result<Vec<PairScore>> {
    let sentences = pairs.iter().flat_map(|pair| [&*pair.good, &*pair.bad]);
    let mut scores = Vec::with_capacity(pairs.len());
    let mut good = None;
    score_sentences(model, sentences, options, &mut |line| {
        let unknown = line.tokens.iter().filter(|token| token.symbol.oov);
        let score = SentenceScore {
            log_prob: -line.nats.iter().sum::<f64>(),
            tokens: line.tokens.len() as u64,
            unknown: unknown.count() as u64,
        };
        match good.take() {
            None => good = Some(score),
            Some(good) => {
                scores.push(PairScore { good, bad: score });
                progress(scores.len());
            }
        }
        Ok::<(), Error>(())
    })?;
    Ok(scores)
}
