//! A vocabulary that is there already.

use clap::{Args, ValueHint};
use elman::infer::VocabularyFrom;
use std::path::PathBuf;

/// A vocabulary that is there already. [`VocabularyArgs::from`] says so in the library's terms.
#[derive(Args, Clone, Debug, Default, PartialEq)]
pub struct VocabularyArgs {
    /// Use the vocabulary in this file, a token a line
    #[arg(long, value_name = "FILE", help_heading = "Text", value_hint = ValueHint::FilePath,
        conflicts_with_all = ["min_count", "max_vocab"])]
    pub vocab_file: Option<PathBuf>,
    /// Use this tokenizer.json, of elman or of any other program (WordPiece, Unigram, BPE ...)
    #[arg(long, value_name = "FILE", help_heading = "Text", value_hint = ValueHint::FilePath,
        conflicts_with_all = ["vocab_file", "vocab", "min_count", "max_vocab"])]
    pub tokenizer: Option<PathBuf>,
    /// The token of --tokenizer that ends a text, such as '</s>' [default: as the file says, or a usual name]
    #[arg(
        long,
        value_name = "TOKEN",
        help_heading = "Text",
        requires = "tokenizer"
    )]
    pub tokenizer_eos: Option<String>,
    /// Use the vocabulary of this model or run
    #[arg(long, value_name = "MODEL", help_heading = "Text", value_hint = ValueHint::AnyPath,
        conflicts_with_all = ["vocab_file", "tokenizer", "vocab", "min_count", "max_vocab"])]
    pub vocab_from: Option<PathBuf>,
}

impl VocabularyArgs {
    pub fn from(&self) -> VocabularyFrom {
        match (&self.vocab_file, &self.tokenizer, &self.vocab_from) {
            (Some(list), _, _) => VocabularyFrom::File(list.clone()),
            (None, Some(file), _) => VocabularyFrom::Tokenizer {
                file: file.clone(),
                eos: self.tokenizer_eos.clone(),
            },
            (None, None, Some(model)) => VocabularyFrom::Model(model.clone()),
            (None, None, None) => VocabularyFrom::Text,
        }
    }
}
