//! One stream of text under a model: it is fed, asked what may come next, copied, saved and restored.
//!
//! ```text
//! let mut session = model.session();
//! session.feed("In the beginning God")?;
//! for (token, p) in session.next()?.top(5) { … }
//! ```
//! A session begins at the beginning of a text. How a text is cut into pieces changes no bit of what the session says of it, and
//! neither do other sessions that advance beside it. It owns the memory of its computations; what it remembers of the text is a
//! few kilobytes, whatever the text's length.

mod saved;
#[cfg(test)]
mod tests;

use super::streams::Streams;
use super::{Distribution, Model, ModelError};
use crate::error::Result;
use elman_text::{TokenId, Vocab};

/// One stream of text under a model.
#[derive(Clone)]
pub struct Session {
    model: Model,
    streams: Streams<'static>,
    /// Tokens that have been fed and scored.
    tokens: u64,
}

impl Model {
    /// A session at the beginning of a text.
    pub fn session(&self) -> Session {
        Session::new(self.clone(), self.streams(1))
    }

    /// As [`Model::session`]; a network reads at most `window` steps at once, which changes no bit.
    pub(crate) fn session_in_windows(&self, window: usize) -> Session {
        Session::new(self.clone(), self.streams_in_windows(1, window))
    }
}

/// Feeds one token to each session, and returns what may come next in each: of a network one matrix product for all of them.
///
/// The sessions' numbers are those of [`Session::feed_tokens`] and [`Session::next`], to the bit.
///
/// Errors: sessions of different models, an id that the vocabulary lacks, hidden states that overflow.
pub fn advance(sessions: &mut [&mut Session], tokens: &[TokenId]) -> Result<Vec<Distribution>> {
    assert_eq!(sessions.len(), tokens.len(), "a token for each session");
    let Some((first, others)) = sessions.split_first_mut() else {
        return Ok(Vec::new());
    };
    if others.iter().any(|other| !other.model.same(&first.model)) {
        return Err(ModelError::DifferentModels.into());
    }
    let model = first.model.clone();
    check_ids(model.vocab(), tokens)?;
    for session in &mut *sessions {
        session.tokens += 1;
    }
    let read = sessions.iter().map(|session| session.tokens).max();
    let mut all: Vec<_> = sessions
        .iter_mut()
        .map(|session| &mut session.streams)
        .collect();
    let texts: Vec<&[TokenId]> = tokens.chunks(1).collect();
    let scores = Streams::advance(&mut all, &texts).into_iter();
    let read = read.unwrap_or(0);
    scores
        .map(|scores| Distribution::new(model.clone(), scores, read))
        .collect()
}

impl Session {
    fn new(model: Model, streams: Streams<'static>) -> Session {
        Session {
            model,
            streams,
            tokens: 0,
        }
    }

    /// The model whose session it is.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Continues the text by `text`, which is cut into tokens by itself.
    ///
    /// Errors: those of cutting a text into tokens.
    pub fn feed(&mut self, text: &str) -> Result<()> {
        let ids = self.model.vocab().tokenize(text.as_bytes())?.ids;
        self.feed_tokens(&ids)
    }

    /// Continues the text by tokens.
    ///
    /// Errors: an id that the vocabulary lacks.
    pub fn feed_tokens(&mut self, ids: &[TokenId]) -> Result<()> {
        check_ids(self.model.vocab(), ids)?;
        self.tokens += ids.len() as u64;
        self.streams.feed(&[ids]);
        Ok(())
    }

    /// The distribution of the next token.
    ///
    /// Errors: hidden states that overflow, in a network that was trained badly.
    #[expect(
        clippy::should_implement_trait,
        reason = "a distribution does not move the session"
    )]
    pub fn next(&mut self) -> Result<Distribution> {
        let mut scores = self.streams.scores();
        Distribution::new(self.model.clone(), scores.swap_remove(0), self.tokens)
    }

    /// Logits of the next token (V): its log-probabilities up to a constant.
    pub fn logits(&mut self) -> Vec<f32> {
        let mut logits = vec![0.0; self.model.vocab().len()];
        self.streams.logits(&mut logits);
        logits
    }

    /// Continues the text by tokens, and returns the natural log-probability of each after all tokens before it.
    ///
    /// That is −∞ where the model excludes the token, and never NaN.
    ///
    /// Errors: an id that the vocabulary lacks, hidden states that overflow.
    pub fn score_tokens(&mut self, ids: &[TokenId]) -> Result<Vec<f64>> {
        let mut nats = vec![0.0; ids.len()];
        self.nats(ids, &mut nats)?;
        nats.iter_mut().for_each(|nats| *nats = -*nats);
        Ok(nats)
    }

    /// As [`Session::score_tokens`], −ln p into `nats`, one for each token.
    pub fn nats(&mut self, ids: &[TokenId], nats: &mut [f64]) -> Result<()> {
        check_ids(self.model.vocab(), ids)?;
        self.streams.score(ids, nats);
        self.checked(nats)
    }

    /// As [`Session::nats`], in layout `stream`; a new text begins after each token `end`.
    pub(crate) fn nats_apart(
        &mut self,
        ids: &[TokenId],
        end: TokenId,
        nats: &mut [f64],
    ) -> Result<()> {
        check_ids(self.model.vocab(), ids)?;
        self.streams.score_apart(ids, nats, |_, id| id == end);
        self.checked(nats)
    }

    fn checked(&mut self, nats: &[f64]) -> Result<()> {
        self.tokens += nats.len() as u64;
        // Other models may exclude a token; a network gives every one a probability.
        let network = self.model.as_network().is_some();
        match network && nats.iter().any(|nats| !nats.is_finite()) {
            false => Ok(()),
            true => Err(ModelError::Overflow {
                tokens: self.tokens,
            }
            .into()),
        }
    }

    /// Forgets the text: the next token is the first one of another.
    pub fn reset(&mut self) {
        self.streams.reset(0);
    }

    /// A second session at the same place.
    pub fn fork(&self) -> Session {
        self.clone()
    }
}

/// Refuses ids that are not below V.
fn check_ids(vocab: &Vocab, ids: &[TokenId]) -> std::result::Result<(), ModelError> {
    let vocab = vocab.len();
    match ids.iter().find(|&&id| id as usize >= vocab) {
        None => Ok(()),
        Some(&id) => Err(ModelError::UnknownToken { id, vocab }),
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({:?}, {} tokens)", self.model, self.tokens)
    }
}
