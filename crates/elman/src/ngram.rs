//! N-gram models: interpolated modified Kneser–Ney, ARPA files, and a compact automaton to query.
//!
//! ```text
//! text ids → sort → count → kneser_ney → n-grams with probabilities and back-off weights
//!                                          ├→ arpa     text that other programs read, and the way back
//!                                          └→ build    → model (states and arcs) → binary (mapped)
//! ```
//!
//! An n-gram model has the shape of the network's: immutable and shared, with a state that is a plain value.

mod count;
mod key;
mod kneser_ney;
mod sort;
mod words;

pub use count::{CountOptions, Counts, Tally};
pub use kneser_ney::{Discounts, FALLBACK};
pub use words::Words;

use crate::store::StoreError;

/// What can be wrong with n-grams.
#[derive(Debug, thiserror::Error)]
pub enum NgramError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("an order of {order} is not possible: it is between 1 and {most}", most = key::MAX_ORDER)]
    Order { order: usize },
    #[error(
        "n-grams of {order} words do not fit {words} different words: at most {most} words fit; lower --order, or cut the vocabulary with --min-count or --max-vocab"
    )]
    OrderForVocabulary {
        order: usize,
        words: usize,
        most: usize,
    },
    #[error(
        "counts up to which n-grams are left out are given from order 1, never fall, and begin with 0, such as 0,0,1,1: words are never left out, and an n-gram does not stay without its parts"
    )]
    Prune,
}
