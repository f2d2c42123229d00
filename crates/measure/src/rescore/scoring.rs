//! Features of the hypotheses of an utterance: the scores of the list, log10 p of the model, and counts.
//!
//! The words of a hypothesis, with one space between two, are a sentence: log10 p is the one that [`elman_infer::score_lines`] gives to that line. The model reads each
//! prefix of tokens that hypotheses share once.

use super::{Features, Utterance};
use crate::error::Result;
use elman_infer::{LineSums, Model, PrefixCounts, PrefixScorer, ScoredLine, Unknown};
use elman_text::{LineEncoder, LineEnd, Located, ReadOptions, TokenId};
use std::f64::consts::LN_10;

/// Options of scoring hypotheses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScoringOptions {
    /// Whether the end of the sentence is scored too.
    pub ends: bool,
    /// Whether an utterance is scored after the first hypotheses of all utterances before it (Mikolov's convention), instead of from the beginning of a text.
    pub carry_history: bool,
    /// Treatment of unknown tokens in log10 p.
    pub unknown: Unknown,
}

impl Default for ScoringOptions {
    fn default() -> ScoringOptions {
        ScoringOptions {
            ends: true,
            carry_history: false,
            unknown: Unknown::Include,
        }
    }
}

/// Scorer of the utterances of n-best lists, one after the other.
pub struct Scorer<'m> {
    model: &'m Model,
    options: ScoringOptions,
    encoder: LineEncoder<'m>,
    prefixes: PrefixScorer,
}

impl<'m> Scorer<'m> {
    /// Makes a scorer with a model of any family.
    pub fn new(model: &'m Model, options: ScoringOptions) -> Scorer<'m> {
        Scorer {
            encoder: LineEncoder::new(model.vocab(), &ReadOptions::default()),
            prefixes: PrefixScorer::new(model),
            model,
            options,
        }
    }

    /// Counts of everything that was scored so far: hypotheses, tokens, distinct prefixes, steps of networks.
    pub fn counts(&self) -> PrefixCounts {
        self.prefixes.counts()
    }

    /// Computes the features of each hypothesis of an utterance.
    ///
    /// # Errors
    /// [`Error::Text`](crate::Error::Text) if a foreign tokenizer fails; [`Error::Model`](crate::Error::Model) if hidden states overflow.
    pub fn features(&mut self, utterance: &Utterance) -> Result<Vec<Features>> {
        let end = match self.options.ends {
            true => LineEnd::Sentence,
            false => LineEnd::None,
        };
        let mut tokens: Vec<Vec<Located>> = Vec::with_capacity(utterance.hypotheses.len());
        for hypothesis in &utterance.hypotheses {
            let mut line = Vec::new();
            self.encoder
                .encode(hypothesis.text.as_bytes(), end, &mut line)?;
            tokens.push(line);
        }
        let ids = |line: &Vec<Located>| line.iter().map(|token| token.symbol.id).collect();
        let ids: Vec<Vec<TokenId>> = tokens.iter().map(ids).collect();
        let nats = match self.options.carry_history {
            true => self.prefixes.score_after(&ids, 0)?,
            false => self.prefixes.score(&ids)?,
        };
        let all = utterance.hypotheses.iter().zip(&tokens).zip(&nats);
        let features = all.map(|((hypothesis, tokens), nats)| {
            let line = ScoredLine {
                number: hypothesis.number,
                text: hypothesis.text.as_bytes(),
                fields: hypothesis.words as u64,
                tokens,
                nats,
            };
            let sums = LineSums::of(&line, self.model);
            [
                hypothesis.score,
                hypothesis.lm_score,
                // Without a sign where it is zero.
                sums.log_prob(self.options.unknown) / LN_10 + 0.0,
                hypothesis.words as f64,
                sums.unknown as f64,
            ]
        });
        Ok(features.collect())
    }
}
