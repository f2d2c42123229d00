//! Options of generation: how each token is chosen, and when a text ends.

use super::{Allow, Eos};
use crate::error::{GenerateError, Result};
use elman_text::{Kind, TokenId};

/// Options of generation; the default samples up to 200 tokens from the model's own distribution.
///
/// The first eight fields choose a token, in the order of `sample.rs`; the others say what a text may be and when it ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// Temperature τ ≥ 0: above 1 the text is more varied than the model, below 1 less; 0 is greedy.
    pub temperature: f32,
    /// Sample from the `top_k` most probable tokens only (Fan et al. 2018); `None`: from all.
    pub top_k: Option<usize>,
    /// Nucleus sampling: only the most probable tokens that together have this probability, in (0, 1] (Holtzman et al. 2020); 1:
    /// all.
    pub top_p: f32,
    /// Only tokens with at least this share of the largest probability, in [0, 1] (Nguyen et al. 2024); 0: all.
    pub min_p: f32,
    /// Only the locally most typical tokens that together have this probability, in (0, 1] (Meister et al. 2023); 1: all.
    pub typical: f32,
    /// Repetition penalty θ > 0: above 1 the text repeats less; 1: no penalty (Keskar et al. 2019, section 4.1).
    pub repetition_penalty: f32,
    /// Number of the last tokens that count as repeated; `None`: all.
    pub repetition_window: Option<usize>,
    /// Ids of tokens that are never chosen.
    pub banned: Vec<TokenId>,
    /// Seed of the draws; equal seeds write equal texts on every machine.
    pub seed: u64,
    /// Largest number of generated tokens, the closing `<eos>` included.
    pub max_tokens: usize,
    /// Strings that end the text; they are not part of it.
    pub stop: Vec<String>,
    /// Effect of a generated `<eos>`.
    pub eos: Eos,
    /// Whether `<unk>` may be generated.
    pub allow_unk: bool,
    /// Constraint on the text; it excludes stop strings.
    pub allow: Option<Allow>,
    /// Whether the log-probability of every token is kept.
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
    /// Options that always choose the most probable token.
    pub fn greedy() -> Sampling {
        Sampling {
            temperature: 0.0,
            ..Sampling::default()
        }
    }

    /// Options for a sample of about sixty words that shows what a model has learnt.
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

    /// Whether top-k, top-p, min-p or typical sampling is on.
    pub(super) fn filters(&self) -> bool {
        self.top_k.is_some() || self.top_p < 1.0 || self.min_p > 0.0 || self.typical < 1.0
    }

    /// Checks the options.
    ///
    /// # Errors
    /// [`GenerateError::Sampling`], [`GenerateError::EmptyStop`] or [`GenerateError::StopWithConstraint`].
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
