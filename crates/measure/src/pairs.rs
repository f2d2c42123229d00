//! Minimal pairs: a good and a bad sentence that differ in one point of grammar, and how often a model prefers the good one.
//!
//! ```text
//! read      files of JSON lines, TSV or CSV            → sentences and their paradigms
//! scores    a model, pairs                             → log p of both sentences of each pair
//! report    scores of several models                   → accuracy by paradigm and overall, intervals, paired tests
//! interval  a proportion, or a mean of proportions     → Wilson's interval, and that of MOVER
//! ```
//! A pair is right if log p(good) > log p(bad) (Warstadt et al. 2020, "BLiMP", section 4: whole sentences, not divided by their lengths). Both sentences
//! may have the same log-probability, most often because an unknown word makes them the same tokens; [`Ties`] says what such a pair counts. Models of
//! different vocabularies may be compared, since each decides between two sentences by itself.
//!
//! What it does not do: one-prefix and two-prefix methods (probabilities of a critical word), and corrections for the number of tests.

mod delimited;
mod interval;
mod read;
mod report;
mod scores;

pub use read::{Fields, Pair, PairsError, PairsFlaw, pair_files, read_pairs};
pub use report::{Accuracy, ModelScores, PairedTest, Paradigm, Report, Tests, report};
pub use scores::{Compared, PairScore, SentenceScore, Ties, score_pairs};

#[cfg(test)]
mod tests;
