//! What a token is, and which tokens there are.

use crate::args::{Limit, Vocabulary};
use clap::Args;
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
