//! Rescoring of n-best lists: the hypotheses of a recogniser or translator, put in a better order with a language model.
//!
//! ```text
//! format       a line of a list                         → hypothesis: its words and the scores of the list
//! lists        files of any format, line by line        → utterances, one after the other
//! score_file   scores beside the lists                    → the list's scores, where the format has none
//! scoring      an utterance and a model                 → features of each hypothesis, every shared prefix read once
//! weights      features and weights                     → total score, order
//! references   transcripts by id or in order            → word_errors: substitutions, insertions, deletions
//! tuning       features and errors of a development set → the weights with the fewest errors (line search)
//! error_rate   errors before, after and at best         → word error rates with intervals and a test
//! ```
//! ```text
//! total(h) = list_weight · score + list_lm_weight · list LM + lm_weight · log10 p(h) + word_penalty · words + unk_penalty · unknown
//! ```
//! `score` and `list LM` are the scores that the list brings, in log10 where the format says what they are; `p(h)` is the model's probability of the words and of
//! the end of the sentence. The hypothesis with the largest total is the best; equal totals keep the order of the list.
//!
//! ```no_run
//! use elman_measure::rescore::{ListFile, ListOptions, NbestLists, Scorer, ScoringOptions, Weights};
//! # fn main() -> Result<(), elman_measure::Error> {
//! let model = elman_infer::load("lm.bin")?;
//! let mut scorer = Scorer::new(&model, ScoringOptions::default());
//! let mut lists = NbestLists::new(ListOptions::default());
//! lists.read(ListFile::new("nbest.txt".as_ref()), &mut |utterance| {
//!     let features = scorer.features(&utterance)?;
//!     let best = Weights::default().best(&features);
//!     println!("{} {}", utterance.id, utterance.hypotheses[best].text);
//!     Ok::<(), elman_measure::Error>(())
//! })?;
//! # Ok(())
//! # }
//! ```
//! What it does not do: lattices, confusion networks, minimum Bayes risk decoding.

mod error;
mod error_rate;
mod format;
mod lists;
mod references;
mod score_file;
mod scoring;
mod tuning;
mod weights;
mod word_errors;

pub use error::RescoreError;
pub use error_rate::{ErrorRate, ErrorRates, ErrorSums, Significance};
pub use format::{Hypothesis, NbestFormat};
pub use lists::{ListFile, ListOptions, NbestLists, Utterance};
pub use references::References;
pub use score_file::ScoreFile;
pub use scoring::{Scorer, ScoringOptions};
pub use tuning::{DevList, TuneOptions, Tuned, tune};
pub use weights::{FEATURES, Features, Weights};
pub use word_errors::WordErrors;
