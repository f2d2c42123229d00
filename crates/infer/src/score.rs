//! The log-probability of a text, token by token.
//!
//! ```text
//! log p(text) = Σ ln p(w_t | w_0 … w_{t−1})      perplexity = exp(−log p / N)
//! ```
//! The text is read as evaluation reads one: from the beginning, its line ends and the `<eos>` after it predicted too. So the figures are those of
//! `evaluate`, to the bit.

use super::Model;
use crate::error::Result;
use elman_text::{self as text, ReadOptions, Source, TokenId};

/// The log-probabilities of the tokens of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// In the order of the text, the `<eos>` at its end included.
    pub tokens: Vec<ScoredToken>,
    /// White-space fields and line ends of the text, which figures per word divide by.
    pub words: u64,
}

/// A token of a text with its log-probability.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoredToken {
    /// The token as the vocabulary spells it; `<unk>` for what it lacks.
    pub text: String,
    /// Its id.
    pub id: TokenId,
    /// ln p of the token after all tokens before it; −∞ where the model excludes it.
    pub log_prob: f64,
    /// The vocabulary lacks what is in the text.
    pub unknown: bool,
}

impl Model {
    /// The log-probabilities of the tokens of `text`, read from its beginning.
    ///
    /// Errors: a text that cannot be cut into tokens, hidden states that overflow.
    pub fn score(&self, text: &str) -> Result<Score> {
        let source = Source::Reader {
            name: "text".into(),
            reader: Box::new(std::io::Cursor::new(text.to_owned())),
        };
        let (mut ids, mut unknown) = (Vec::new(), Vec::new());
        let read = ReadOptions::default();
        let stats = text::encode([source], self.vocab(), &read, &mut |symbol| -> Result<()> {
            ids.push(symbol.id);
            unknown.push(symbol.oov);
            Ok(())
        })?;
        let log_probs = self.session().score_tokens(&ids)?;
        let tokens = ids.iter().zip(log_probs).zip(unknown);
        Ok(Score {
            tokens: tokens
                .map(|((&id, log_prob), unknown)| ScoredToken {
                    text: self.vocab().token(id).into_owned(),
                    id,
                    log_prob,
                    unknown,
                })
                .collect(),
            words: stats.fields + stats.line_ends,
        })
    }
}

impl Score {
    /// ln p of the text.
    pub fn log_prob(&self) -> f64 {
        self.tokens.iter().map(|token| token.log_prob).sum()
    }

    /// The perplexity per token.
    pub fn perplexity(&self) -> f64 {
        (-self.log_prob() / self.tokens.len() as f64).exp()
    }

    /// The perplexity per word.
    pub fn perplexity_per_word(&self) -> f64 {
        (-self.log_prob() / self.words as f64).exp()
    }
}
