//! The length of the n-gram that gave a token its probability.
//!
//! An n-gram model backs off to the longest n-gram that it lists. Other models look at everything: for them the length is the whole context, `<s>` or `<eos>`
//! at its beginning included, and for a mixture the longest of its members.

use crate::Model;
use crate::model::Family;
use elman_ngram::State;
use elman_text::TokenId;

/// Counter of the lengths of the n-grams that are found in a text.
pub struct NgramLengths<'m> {
    model: &'m Model,
    /// State of the n-gram model; `None` for other families.
    state: Option<State>,
    /// The models of a mixture.
    members: Vec<NgramLengths<'m>>,
    /// Number of tokens since the beginning of the text.
    read: usize,
}

impl<'m> NgramLengths<'m> {
    /// Starts at the beginning of a text.
    pub fn new(model: &'m Model) -> NgramLengths<'m> {
        let members = match model.family() {
            Family::Mixture(mixture) => mixture.members().iter().map(Self::new).collect(),
            _ => Vec::new(),
        };
        NgramLengths {
            state: model.as_ngram().map(|ngram| ngram.start()),
            model,
            members,
            read: 0,
        }
    }

    /// Goes back to the beginning of a text.
    pub fn reset(&mut self) {
        *self = NgramLengths::new(self.model);
    }

    /// Reads a token, and returns the length of the n-gram that ends with it.
    pub fn next(&mut self, id: TokenId) -> usize {
        self.read += 1;
        if let (Some(ngram), Some(state)) = (self.model.as_ngram(), &mut self.state) {
            return ngram.full_advance(state, id).1;
        }
        let members = self.members.iter_mut().map(|member| member.next(id));
        members.max().unwrap_or(self.read + 1)
    }
}
