//! Where the vocabulary of a new model comes from.

use super::read_vocab;
use crate::error::Result;
use elman_text::{self as text, Kind, ReadOptions, Source, Vocab};
use std::path::{Path, PathBuf};

/// Memory that counting a vocabulary may take.
const COUNT_LIMIT_BYTES: u64 = 2 << 30;

/// Where the vocabulary comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VocabularyFrom {
    /// Counted in the training text.
    Text,
    /// One token a line, or a `tokenizer.json` of the kind that was chosen.
    File(PathBuf),
    /// A `tokenizer.json`, and which of its tokens ends a text (`None`: as the file says, or a usual name).
    Tokenizer { file: PathBuf, eos: Option<String> },
    /// The one of another model.
    Model(PathBuf),
}

impl VocabularyFrom {
    /// The file or model that holds it.
    pub fn path(&self) -> Option<&Path> {
        match self {
            VocabularyFrom::Text => None,
            VocabularyFrom::File(path) | VocabularyFrom::Model(path) => Some(path),
            VocabularyFrom::Tokenizer { file, .. } => Some(file),
        }
    }

    /// Reads the vocabulary, or counts it in `sources`.
    ///
    /// Errors: those of [`VocabularyFrom::read`] and [`count_vocab`].
    pub fn vocab(
        &self,
        sources: Vec<Source>,
        kind: Kind,
        read: &ReadOptions,
        min_count: u64,
        max_vocab: Option<usize>,
    ) -> Result<Vocab> {
        match self.read(kind)? {
            Some(vocab) => Ok(vocab),
            None => count_vocab(sources, kind, read, min_count, max_vocab),
        }
    }

    /// Reads the vocabulary of kind `kind`, or of its own; `None`: it is to be counted in a text.
    ///
    /// Errors: what reading the file or the model can find.
    pub fn read(&self, kind: Kind) -> Result<Option<Vocab>> {
        Ok(Some(match self {
            VocabularyFrom::Text => return Ok(None),
            VocabularyFrom::Model(path) => read_vocab(path)?,
            VocabularyFrom::File(path) => Vocab::from_file(path, kind)?,
            VocabularyFrom::Tokenizer { file, eos } => Vocab::from_tokenizer(file, eos.as_deref())?,
        }))
    }
}

/// Counts a vocabulary in `sources`.
///
/// Errors: what reading the text can find, and a text of which nothing is left.
pub fn count_vocab(
    sources: Vec<Source>,
    kind: Kind,
    read: &ReadOptions,
    min_count: u64,
    max_vocab: Option<usize>,
) -> Result<Vocab> {
    let (counts, _) = text::count(sources, kind, read, COUNT_LIMIT_BYTES)?;
    Ok(counts.into_vocab(min_count, max_vocab)?)
}
