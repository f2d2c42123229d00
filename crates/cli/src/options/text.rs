//! What a token is, and which tokens there are.

use super::set;
use crate::args::{Limit, Vocabulary};
use clap::Args;
use elman::train::Config;
use serde::{Deserialize, Serialize};

/// Choices of the group; `None`: not chosen here.
#[derive(Args, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct TextOptions {
    /// What a token is: words, whitespace, fields, chars, bytes, or bpe:N, byte-pair encoding with N entries
    #[arg(long, value_name = "KIND", help_heading = "Text")]
    pub vocab: Option<Vocabulary>,
    /// Leave out of the vocabulary what occurs fewer times
    #[arg(long, value_name = "N", help_heading = "Text")]
    pub min_count: Option<u64>,
    /// Most entries of the vocabulary, the special tokens included; 'all' keeps every one
    #[arg(long, value_name = "N|all", help_heading = "Text")]
    pub max_vocab: Option<Limit<usize>>,
    /// Read invalid UTF-8 as U+FFFD instead of refusing it
    #[arg(
        long,
        help_heading = "Text",
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub lossy: Option<bool>,
    /// Take lines that are LINE as ends of documents; each document is read from the zero state and <eos>
    #[arg(
        long,
        value_name = "LINE",
        help_heading = "Text",
        allow_hyphen_values = true
    )]
    pub document_separator: Option<String>,
}

impl TextOptions {
    /// Puts these choices over those of `config`. Taken apart without `..`, so that none is forgotten.
    pub(super) fn apply(self, config: &mut Config) {
        let TextOptions {
            vocab,
            min_count,
            max_vocab,
            lossy,
            document_separator,
        } = self;
        set(&mut config.vocab, vocab.map(|vocab| vocab.kind));
        let entries = vocab.and_then(|vocab| vocab.entries);
        set(&mut config.max_vocab, entries.map(Some));
        set(&mut config.min_count, min_count);
        set(&mut config.max_vocab, max_vocab.map(Limit::value));
        set(&mut config.lossy, lossy);
        set(&mut config.document_separator, document_separator.map(Some));
    }
}
