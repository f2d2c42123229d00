//! Sources of a new model's vocabulary: a training text, a file or another model.

use super::read_vocab;
use crate::error::Result;
use elman_text::{self as text, Kind, ReadOptions, Source, Vocab};
use std::path::{Path, PathBuf};

/// Memory that counting a vocabulary may take.
const COUNT_LIMIT_BYTES: u64 = 2 << 30;

/// Source of the vocabulary of a new model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VocabularyFrom {
    /// The vocabulary is counted in the training text.
    Text,
    /// A file with one token per line, or a `tokenizer.json` of the kind that was chosen.
    File(PathBuf),
    /// A `tokenizer.json` of any program.
    Tokenizer {
        /// Path of the `tokenizer.json`.
        file: PathBuf,
        /// The token that ends a text; `None`: as the file says, or a usual name.
        eos: Option<String>,
    },
    /// The vocabulary of the model at this path.
    Model(PathBuf),
}

impl VocabularyFrom {
    /// Path of the file or model that holds the vocabulary; `None` if it is counted in the text.
    pub fn path(&self) -> Option<&Path> {
        match self {
            VocabularyFrom::Text => None,
            VocabularyFrom::File(path) | VocabularyFrom::Model(path) => Some(path),
            VocabularyFrom::Tokenizer { file, .. } => Some(file),
        }
    }

    /// Loads the vocabulary, or counts it in `sources`.
    ///
    /// # Errors
    /// All errors of [`VocabularyFrom::read`] and [`count_vocab`].
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

    /// Loads the vocabulary, a list as one of kind `kind`; returns `None` if it is to be counted in a text.
    ///
    /// # Errors
    /// [`Error`](crate::Error) if the file or the model cannot be loaded.
    pub fn read(&self, kind: Kind) -> Result<Option<Vocab>> {
        Ok(Some(match self {
            VocabularyFrom::Text => return Ok(None),
            VocabularyFrom::Model(path) => read_vocab(path)?,
            VocabularyFrom::File(path) => Vocab::from_file(path, kind)?,
            VocabularyFrom::Tokenizer { file, eos } => Vocab::from_tokenizer(file, eos.as_deref())?,
        }))
    }
}

/// Counts a vocabulary of kind `kind` in `sources`: the `max_vocab` most frequent tokens that occur at least `min_count` times.
///
/// # Errors
/// [`Error::Text`](crate::Error::Text) if the text cannot be read or nothing of it is left.
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
