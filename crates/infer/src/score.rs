//! The log-probability of a text, token by token.
//!
//! ```text
//! log p(text) = Σ ln p(w_t | w_0 … w_{t−1})      perplexity = exp(−log p / N)
//! ```
//! The text is scored as in evaluation: from the beginning, with its line ends and the `<eos>` after it predicted too. So the
//! figures are those of `evaluate`, to the bit.

use super::Model;
use crate::error::Result;
use elman_text::{self as text, ReadOptions, Source, TokenId};

/// Score of a text: the log-probability of each of its tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// Tokens in the order of the text, the `<eos>` at its end included.
    pub tokens: Vec<ScoredToken>,
    /// Number of words, the divisor of figures per word: white-space fields and line ends of the text.
    pub words: u64,
}

/// A token of a text with its log-probability.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoredToken {
    /// The token as the vocabulary spells it; `<unk>` for what it lacks.
    pub text: String,
    /// Id of the token.
    pub id: TokenId,
    /// Natural log-probability of the token after all tokens before it; −∞ if the model excludes it.
    pub log_prob: f64,
    /// Whether the vocabulary lacks what is in the text, so that `<unk>` was scored.
    pub unknown: bool,
}

impl Model {
    /// Scores `text` from its beginning: the log-probability of each of its tokens.
    ///
    /// # Errors
    /// [`Error::Text`](crate::Error::Text) if the text cannot be tokenized; [`ModelError::Overflow`](crate::ModelError::Overflow)
    /// if hidden states overflow.
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
    /// Natural log-probability of the text.
    pub fn log_prob(&self) -> f64 {
        self.tokens.iter().map(|token| token.log_prob).sum()
    }

    /// Perplexity per token.
    pub fn perplexity(&self) -> f64 {
        (-self.log_prob() / self.tokens.len() as f64).exp()
    }

    /// Perplexity per word.
    pub fn perplexity_per_word(&self) -> f64 {
        (-self.log_prob() / self.words as f64).exp()
    }
}
