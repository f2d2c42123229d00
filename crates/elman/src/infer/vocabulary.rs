//! Where the vocabulary of a new model comes from.

use super::read_vocab;
use crate::error::Result;
use crate::text::{self, Kind, ReadOptions, Source, Vocab};
use std::path::PathBuf;

/// Memory that counting a vocabulary may take.
const COUNT_LIMIT_BYTES: u64 = 2 << 30;

/// Where the vocabulary comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VocabularyFrom {
    /// Counted in the training text.
    Text,
    /// One token a line, or a tokenizer.json.
    File(PathBuf),
    /// The one of another model.
    Model(PathBuf),
}

impl VocabularyFrom {
    /// Reads or counts the vocabulary; `sources` are the training text, and the other choices hold where it is counted.
    ///
    /// Errors: what reading the text, the file or the model can find, and a text of which nothing is left.
    pub fn vocab(
        &self,
        sources: Vec<Source>,
        kind: Kind,
        read: &ReadOptions,
        min_count: u64,
        max_vocab: Option<usize>,
    ) -> Result<Vocab> {
        Ok(match self {
            VocabularyFrom::Model(path) => read_vocab(path)?,
            VocabularyFrom::File(path) => Vocab::from_file(path, kind)?,
            VocabularyFrom::Text => {
                let (counts, _) = text::count(sources, kind, read, COUNT_LIMIT_BYTES)?;
                counts.into_vocab(min_count, max_vocab)?
            }
        })
    }
}
