//! N-gram models: counting, smoothing, pruning and mixing, their files, and the scoring of text.
//!
//! ```text
//! words        a vocabulary, `<s>`, and words that no text can hold
//! key, sort    n-grams as numbers, sorted in memory or on disk
//! count        a text                                  → adjusted counts
//! kneser_ney   counts                                  → n-grams with probabilities and back-off weights
//! build        n-grams in any order                    → a model
//! model        a model that never changes              → log-probabilities; a state is a plain value
//! automaton    the engine of our own models, a weighted automaton
//! kenlm        the engine of KenLM's binary files, in their own tables
//! stretch      an automaton, many tokens at once
//! backoff      probabilities                           → back-off weights
//! prune        a model and a text                      → a smaller model
//! mix          several models and their weights        → one model
//! arpa         ARPA text, from and for everybody
//! binary       the file of an automaton, mapped into memory
//! ```
//!
//! The back-off recursion that all of this represents (Katz 1987; Chen and Goodman 1999, section 2):
//!
//! ```text
//! p(w | c) = p*(c w)                 if the n-gram c w is listed
//!          = b(c) · p(w | c')        otherwise; c' is c without its first word, b(c) = 1 if c is not listed
//! ```
//! Probabilities and weights are held as log10 in f32, as ARPA files give them.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod arpa;
mod automaton;
mod backoff;
mod binary;
mod block;
mod build;
mod count;
mod error;
mod kenlm;
mod key;
mod kneser_ney;
mod mix;
mod model;
mod ordered;
mod other;
mod parallel;
mod positioned;
mod prune;
mod sort;
mod stretch;
mod tables;
mod words;

/// What ARPA files have for the log10 p of `<s>`, which is never predicted.
const NEVER_LOG10: f32 = -99.0;

pub use binary::BinaryFlaw;
pub use build::{BuildError, Builder, MAX_ORDER};
pub use count::{CountOptions, Counts, Tally};
pub use error::{NgramError, Result};
pub use kenlm::KenlmFlaw;
pub use kneser_ney::{Discounts, FALLBACK};
pub use mix::{MixProgress, mix};
pub use model::{Model, Scored, State};
pub use prune::{History, prune};
pub use words::Words;
