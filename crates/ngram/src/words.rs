//! The words of an n-gram model: those of a vocabulary, and a few that no text holds.
//!
//! ```text
//! 0 … V−1   the vocabulary; `<eos>`, predicted at the end of a line or document, is the `</s>` of ARPA files
//! V         `<s>`, which comes before a text (kinds `whitespace` and `fields`: before every line) and is never predicted
//! V+1 …     hidden words: a foreign file lists them, but its texts are read here in such a way that they cannot occur
//!           (`<eos>` as a word); kept so that the file can be written again
//! ```

use std::borrow::Cow;

use elman_text::Vocab;

/// Words of an n-gram model, each with an id below [`Words::len`].
#[derive(Clone, Debug)]
pub struct Words {
    vocab: Vocab,
    /// Names as they stand in the file.
    hidden: Vec<Box<str>>,
}

impl Words {
    /// Makes the words of a model from `vocab` and `<s>`, without hidden words.
    pub fn new(vocab: Vocab) -> Words {
        Words::with_hidden(vocab, Vec::new())
    }

    /// Hidden words must differ from each other, from the names of all others, and hold no white space that parts fields.
    pub(super) fn with_hidden(vocab: Vocab, hidden: Vec<Box<str>>) -> Words {
        assert!(vocab.len() + 1 + hidden.len() <= u32::MAX as usize);
        Words { vocab, hidden }
    }

    /// Vocabulary of the model.
    pub fn vocab(&self) -> &Vocab {
        &self.vocab
    }

    /// Id of `<s>`, which is V.
    pub fn begin(&self) -> u32 {
        self.vocab.len() as u32
    }

    /// Number of all words: V, `<s>` and the hidden ones.
    #[expect(clippy::len_without_is_empty, reason = "there is always `<s>`")]
    pub fn len(&self) -> usize {
        self.vocab.len() + 1 + self.hidden.len()
    }

    /// Name of a word for display. Panics if there is no such word.
    pub fn name(&self, id: u32) -> Cow<'_, str> {
        let eos = self.vocab.eos();
        match id as usize {
            _ if id == eos => "</s>".into(),
            id_ if id_ < self.vocab.len() => self.vocab.token(id),
            _ if id == self.begin() => "<s>".into(),
            hidden => (&*self.hidden[hidden - self.vocab.len() - 1]).into(),
        }
    }

    /// Names of the hidden words, whose ids are V + 1, V + 2, ….
    pub fn hidden(&self) -> &[Box<str>] {
        &self.hidden
    }
}
