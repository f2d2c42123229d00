//! How a text is written: how each token is chosen, and when the text ends.

use super::{Allow, Eos};
use crate::error::{GenerateError, Result};
use elman_text::{Kind, TokenId};

/// How a text is written. The default draws from the model's own distribution, up to 200 tokens.
///
/// The first eight fields choose a token, in the order of `sample.rs`; the others say what a text may be and when it ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// τ ≥ 0: above 1 more varied than the model, below less; 0 is greedy.
    pub temperature: f32,
    /// Only the `top_k` most probable tokens; `None`: all.
    pub top_k: Option<usize>,
    /// Only the most probable tokens that together have this probability, in (0, 1]; 1: all.
    pub top_p: f32,
    /// Only tokens with at least this share of the largest probability, in [0, 1]; 0: all.
    pub min_p: f32,
    /// Only the most typical tokens that together have this probability, in (0, 1]; 1: all.
    pub typical: f32,
    /// θ > 0: above 1 repeats less; 1: no penalty.
    pub repetition_penalty: f32,
    /// How many of the last tokens count as repeated; `None`: all.
    pub repetition_window: Option<usize>,
    /// Ids that are never chosen.
    pub banned: Vec<TokenId>,
    /// Seed of the draws; equal seeds write equal texts on every machine.
    pub seed: u64,
    /// Tokens at most, the closing `<eos>` included.
    pub max_tokens: usize,
    /// Any of these ends the text.
    pub stop: Vec<String>,
    /// What a drawn `<eos>` does.
    pub eos: Eos,
    /// Let `<unk>` be drawn.
    pub allow_unk: bool,
    /// Only texts that these are; with it there are no stop strings.
    pub allow: Option<Allow>,
    /// Keep the log-probability of every token.
    pub logprobs: bool,
}

impl Default for Sampling {
    fn default() -> Sampling {
        Sampling {
            temperature: 1.0,
            top_k: None,
            top_p: 1.0,
            min_p: 0.0,
            typical: 1.0,
            repetition_penalty: 1.0,
            repetition_window: None,
            banned: Vec::new(),
            seed: 1,
            max_tokens: 200,
            stop: Vec::new(),
            eos: Eos::ByKind,
            allow_unk: false,
            allow: None,
            logprobs: false,
        }
    }
}

impl Sampling {
    /// Always the most probable token.
    pub fn greedy() -> Sampling {
        Sampling {
            temperature: 0.0,
            ..Sampling::default()
        }
    }

    /// About sixty words that show what a model has learnt.
    pub fn glimpse(kind: Kind) -> Sampling {
        Sampling {
            temperature: 0.8,
            max_tokens: match kind {
                Kind::Words | Kind::Whitespace | Kind::Fields => 80,
                Kind::Bpe | Kind::Foreign => 120,
                Kind::Chars | Kind::Bytes => 350,
            },
            ..Sampling::default()
        }
    }

    /// Whether top-k, top-p, min-p or typical sampling takes anything away.
    pub(super) fn filters(&self) -> bool {
        self.top_k.is_some() || self.top_p < 1.0 || self.min_p > 0.0 || self.typical < 1.0
    }

    /// Refuses what means nothing.
    pub fn check(&self) -> Result<()> {
        let rules = [
            (
                self.temperature >= 0.0 && self.temperature.is_finite(),
                "temperature",
                "a number of at least 0",
            ),
            (
                self.top_k != Some(0),
                "top-k",
                "at least 1; leave it out to keep all tokens",
            ),
            (
                self.top_p > 0.0 && self.top_p <= 1.0,
                "top-p",
                "above 0 and at most 1",
            ),
            (
                (0.0..=1.0).contains(&self.min_p),
                "min-p",
                "between 0 and 1",
            ),
            (
                self.typical > 0.0 && self.typical <= 1.0,
                "typical",
                "above 0 and at most 1",
            ),
            (
                self.repetition_penalty > 0.0 && self.repetition_penalty.is_finite(),
                "repetition-penalty",
                "above 0; 1 changes nothing, 1.1 is usual",
            ),
            (
                self.repetition_window != Some(0),
                "repetition-window",
                "at least 1; leave it out to count all tokens",
            ),
        ];
        if let Some(&(_, name, must)) = rules.iter().find(|(holds, ..)| !holds) {
            return Err(GenerateError::Sampling { name, must }.into());
        }
        if self.stop.iter().any(String::is_empty) {
            return Err(GenerateError::EmptyStop.into());
        }
        if self.allow.is_some() && !self.stop.is_empty() {
            return Err(GenerateError::StopWithConstraint.into());
        }
        Ok(())
    }
}
