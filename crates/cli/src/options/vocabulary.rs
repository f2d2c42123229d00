//! A vocabulary that is there already.

use clap::{Args, ValueHint};
use elman::infer::VocabularyFrom;
use std::path::PathBuf;

/// A vocabulary that is there already. [`VocabularyArgs::from`] says so in the library's terms.
#[derive(Args, Clone, Debug, Default, PartialEq)]
pub struct VocabularyArgs {
    /// Use the vocabulary in this file: a token a line, or a tokenizer.json
    #[arg(long, value_name = "FILE", help_heading = "Text", value_hint = ValueHint::FilePath,
        conflicts_with_all = ["min_count", "max_vocab"])]
    pub vocab_file: Option<PathBuf>,
    /// Use the vocabulary of this model or run
    #[arg(long, value_name = "MODEL", help_heading = "Text", value_hint = ValueHint::AnyPath,
        conflicts_with_all = ["vocab_file", "vocab", "min_count", "max_vocab"])]
    pub vocab_from: Option<PathBuf>,
}

impl VocabularyArgs {
    pub fn from(&self) -> VocabularyFrom {
        match (&self.vocab_file, &self.vocab_from) {
            (Some(file), _) => VocabularyFrom::File(file.clone()),
            (None, Some(model)) => VocabularyFrom::Model(model.clone()),
            (None, None) => VocabularyFrom::Text,
        }
    }
}
