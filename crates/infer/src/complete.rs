//! Completion of words: the most probable whole words after a text, also under models of characters and subwords.
//!
//! ```text
//! p(w | c) = p(t_1 … t_n | c) · p(S | c, t_1 … t_n) / p(B | c)
//! w          a run of characters that are no white space, which ends there
//! t          the tokens that spell w, with the white space before it where tokens carry it
//! S          tokens that begin the next word or end the line: w ends there       B   tokens that begin with the white space before w, which is known
//! ```
//! That is the probability of surprisals of words (`surprisal.rs`), after white space that was typed already. In kinds `whitespace` and `fields` a token is a word, and p(S) = p(B) = 1.
//!
//! The search is best first over the tokens that agree with the letters that were typed: the unfinished word with the largest p(t_1 … t_n | c) is continued, and a word that ends waits among them with its own
//! probability. Continuing never raises a probability, so the first k words that come out are the most probable ones, exactly. After a number of steps the search
//! stops, and says how probable a word can be at most that it has not found ([`Suggestions::bound`]). The steps of one place are kept while letters are typed.
//!
//! What it does not do: add up several spellings of a word in tokens (the most probable one counts), and suggest `<unk>` or the end of a line.

mod evaluate;
mod search;
#[cfg(test)]
mod tests;

pub use evaluate::{CompletionOptions, Completions, evaluate_completions};

use super::surprisal::boundaries::Boundaries;
use super::{Model, Session};
use crate::error::{ModelError, Result};
use elman_text::{Kind, TokenId};
use search::Place;
use std::sync::Arc;

/// A word that may come next.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// The whole word, with the letters that were typed.
    pub word: String,
    /// Natural logarithm of its probability after the text before it; the letters that were typed are not presumed.
    pub log_prob: f64,
    /// Number of tokens that spell it.
    pub tokens: usize,
}

/// The most probable words, the most probable first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Suggestions {
    /// The words; fewer than were asked for if there are no more.
    pub words: Vec<Suggestion>,
    /// Largest log-probability of a word that was not found, if the search was stopped; `None`: the words are the most probable ones.
    pub bound: Option<f64>,
}

/// Suggests words under a model.
#[derive(Clone)]
pub struct Completer {
    model: Model,
    tokens: Arc<Tokens>,
}

/// What the search knows about the tokens of a vocabulary.
struct Tokens {
    /// Bytes of each token as it occurs in a text; empty for tokens that are no part of a word.
    surfaces: Vec<Vec<u8>>,
    /// Whether a token begins a word, or ends a line.
    begins: Vec<bool>,
    /// Whether every token is a word.
    whole: bool,
}

impl Completer {
    /// Makes a completer of words under `model`.
    ///
    /// # Errors
    /// [`ModelError::NoWords`] for a tokenizer of another program whose tokens do not say where words begin;
    /// [`ModelError::OnlyHashes`] for a model without words.
    pub fn new(model: &Model) -> Result<Completer> {
        model.check_words("completion")?;
        let vocab = model.vocab();
        let boundaries = Boundaries::of(vocab)?;
        let whole = vocab.kind().between_spaces();
        let mut begins = vec![false; vocab.len()];
        match &boundaries {
            Boundaries::Tokens(ids) => ids.iter().for_each(|&id| begins[id as usize] = true),
            Boundaries::NoCorrection if whole => {}
            Boundaries::NoCorrection => return Err(ModelError::NoWords.into()),
        }
        let surface = |id: TokenId| -> Vec<u8> {
            if id == vocab.eos() || Some(id) == vocab.unk() {
                return Vec::new();
            }
            let printed = vocab.printed(id);
            // A decoder may drop the space before the first word of a text.
            let space = vocab.kind() == Kind::Foreign
                && vocab.token_bytes(id).starts_with("\u{2581}".as_bytes())
                && !printed.starts_with(b" ");
            match space {
                true => [b" ", printed].concat(),
                false => printed.to_vec(),
            }
        };
        Ok(Completer {
            model: model.clone(),
            tokens: Arc::new(Tokens {
                surfaces: (0..vocab.len() as TokenId).map(surface).collect(),
                begins,
                whole,
            }),
        })
    }

    /// Suggests the `most` most probable words at the end of `text`: its last word is completed, or a new one begins behind white space.
    ///
    /// The search takes at most `steps` steps of the model.
    ///
    /// # Errors
    /// [`Error::Text`](crate::Error::Text) if the text cannot be tokenized; [`ModelError::Overflow`] if hidden states overflow.
    pub fn suggest(&self, text: &str, most: usize, steps: usize) -> Result<Suggestions> {
        let start = text
            .char_indices()
            .rfind(|(_, c)| c.is_whitespace())
            .map_or(0, |(at, c)| at + c.len_utf8());
        let (before, typed) = text.split_at(start);
        // The white space before the word belongs to its first token, if it is no line end.
        let separates = before
            .chars()
            .next_back()
            .filter(|&c| c != '\n' && !self.tokens.whole);
        let separator = separates.map_or(0, char::len_utf8);
        let (context, separator) = before.split_at(before.len() - separator);
        let mut session = self.model.session();
        session.feed(context)?;
        let mut place = self.place(session, separator.as_bytes());
        place.suggest(typed.as_bytes(), most, steps)
    }

    /// A place in a text at which words are suggested: after the text of `session`, and then `separator`.
    fn place(&self, session: Session, separator: &[u8]) -> Place {
        Place::new(self.tokens.clone(), session, separator)
    }
}
