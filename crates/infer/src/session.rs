//! One stream of text under a model: it is fed, asked what may come next, copied, saved and restored.
//!
//! ```text
//! let mut session = model.session();
//! session.feed("In the beginning God")?;
//! for (token, p) in session.next()?.top(5) { … }
//! ```
//! A session begins at the beginning of a text. How a text is cut into parts changes no bit of its results, and neither do other
//! sessions that advance with it. It owns the memory of its computations; what it remembers of the text is a few kilobytes,
//! whatever the text's length.

mod saved;
#[cfg(test)]
mod tests;

use super::streams::Streams;
use super::{Distribution, Model, ModelError};
use crate::error::Result;
use elman_net::State;
use elman_text::{TokenId, Vocab};

/// One stream of text under a model, which is fed and asked for the distribution of its next token.
#[derive(Clone)]
pub struct Session {
    model: Model,
    streams: Streams<'static>,
    /// Number of tokens that have been fed or scored.
    tokens: u64,
}

impl Model {
    /// Starts a session at the beginning of a text.
    pub fn session(&self) -> Session {
        Session::new(self.clone(), self.streams(1))
    }

    /// Starts a session whose network takes at most `window` steps at once, which changes no bit.
    pub(crate) fn session_in_windows(&self, window: usize) -> Session {
        Session::new(self.clone(), self.streams_in_windows(1, window))
    }
}

/// Feeds one token to each session and returns the distributions of their next tokens; a network computes one product for all.
///
/// The numbers are those of [`Session::feed_tokens`] and [`Session::next`], to the bit.
///
/// # Errors
/// [`ModelError::DifferentModels`], [`ModelError::UnknownToken`], or [`ModelError::Overflow`] if hidden states overflow.
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

    /// Model of the session.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Appends `text` to the text of the session; it is tokenized by itself.
    ///
    /// # Errors
    /// [`Error::Text`](crate::Error::Text) if it cannot be tokenized.
    pub fn feed(&mut self, text: &str) -> Result<()> {
        let ids = self.model.vocab().tokenize(text.as_bytes())?.ids;
        self.feed_tokens(&ids)
    }

    /// Appends tokens to the text of the session.
    ///
    /// # Errors
    /// [`ModelError::UnknownToken`] if an id is not below V.
    pub fn feed_tokens(&mut self, ids: &[TokenId]) -> Result<()> {
        check_ids(self.model.vocab(), ids)?;
        self.tokens += ids.len() as u64;
        self.streams.feed(&[ids]);
        Ok(())
    }

    /// Computes the distribution of the next token; the session does not move.
    ///
    /// # Errors
    /// [`ModelError::Overflow`] if hidden states overflow, in a network that was trained badly.
    #[expect(
        clippy::should_implement_trait,
        reason = "a distribution does not move the session"
    )]
    pub fn next(&mut self) -> Result<Distribution> {
        let mut scores = self.streams.scores();
        Distribution::new(self.model.clone(), scores.swap_remove(0), self.tokens)
    }

    /// Computes the logits of the next token (V): its natural log-probabilities up to a constant.
    pub fn logits(&mut self) -> Vec<f32> {
        let mut logits = vec![0.0; self.model.vocab().len()];
        self.streams.logits(&mut logits);
        logits
    }

    /// The hidden states of a network after the text, layer by layer; `None` for models of other families.
    ///
    /// Of an LSTM each layer has h and the memory cell c. The session does not move.
    pub fn hidden_state(&mut self) -> Option<State> {
        self.streams.hidden_state(0)
    }

    /// Appends tokens to the text and returns the natural log-probability of each after all tokens before it.
    ///
    /// It is −∞ where the model excludes the token, and never NaN.
    ///
    /// # Errors
    /// [`ModelError::UnknownToken`] if an id is not below V; [`ModelError::Overflow`] if hidden states overflow.
    pub fn score_tokens(&mut self, ids: &[TokenId]) -> Result<Vec<f64>> {
        let mut nats = vec![0.0; ids.len()];
        self.nats(ids, &mut nats)?;
        nats.iter_mut().for_each(|nats| *nats = -*nats);
        Ok(nats)
    }

    /// Appends tokens to the text and writes the loss −ln p of each into `nats`; see [`Session::score_tokens`].
    ///
    /// # Errors
    /// As for [`Session::score_tokens`].
    pub fn nats(&mut self, ids: &[TokenId], nats: &mut [f64]) -> Result<()> {
        check_ids(self.model.vocab(), ids)?;
        self.streams.score(ids, nats);
        self.checked(nats)
    }

    /// Scores tokens as [`Session::nats`] does, in layout `stream`, where a new text begins after each token `end`.
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

    /// Forgets the text: the session is at the beginning of a text again.
    pub fn reset(&mut self) {
        self.streams.reset(0);
    }

    /// Copies the session: both continue independently from the same place.
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
