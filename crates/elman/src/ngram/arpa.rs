//! ARPA files: the text format in which everybody passes n-gram models on.
//!
//! ```text
//! \data\
//! ngram 1=5
//! ngram 2=7
//!
//! \1-grams:
//! -0.5720968    </s>    0
//! …
//! \end\
//! ```
//! Each line holds log10 p, a tab, the words, and, but for the highest order, a tab and the log10 of the back-off weight.
//! `docs/FORMAT.md`, section "ARPA files", says what elman adds: a first line that names the kind of vocabulary, and escapes.

mod name;
mod write;

pub(super) use name::check_hidden;
pub use name::{escape, unescape};
pub use write::Writer;

/// What a file of ours begins with; the name of the kind follows.
const HEADER: &str = "# elman kind=";
