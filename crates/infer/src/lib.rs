//! Inference: immutable models, the sessions in which they score and continue texts, evaluation and generation.
//!
//! ```text
//! model       a model of any family                                → sessions, scores, texts
//! session     one stream of text                                   → the distribution of the next token; bytes
//! streams     several streams that advance together                → logits
//! score       a text                                               → the log-probability of each token
//! line_scores the lines of a text, of any number                 → the log-probabilities of each line, in batches
//! prefixes    token sequences that share prefixes                  → the log-probability of each token, each prefix read once
//! surprisal   the words of a text, of any number                 → surprisal, entropy and reduction of entropy of each word
//! complete    the beginning of a text                               → the most probable whole words
//! compress    any bytes                                             → a file of as many bits as the model's −log2 p of them, and back
//! perplexity  a model and a text                                   → every figure, with what was counted
//! scoring     windows of a text in memory                          → the loss of each part of it
//! answers     a model, a text and a mark                           → how often it knows what follows the mark
//! accuracy    which targets were the most likely tokens            → accuracy
//! sampling    how a text is written                                sample: logits → a token
//! constraint  a regular expression and a vocabulary                → the tokens that may come next
//! generate    prompts                                              → texts, piece by piece, or the best of a search
//! network     a network with its weights and vocabulary            files: its directory in the Hugging Face shape
//! cache       a model of what was written lately                  mixture: several models as one
//! ```
//! A model is shared between threads; each stream of text has its own session. Nothing here knows gradients, optimisers or runs.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod accuracy;
mod answers;
mod cache;
mod complete;
mod compress;
mod constraint;
mod distribution;
mod error;
pub mod files;
mod generate;
mod line_scores;
mod mixture;
mod model;
mod network;
pub mod perplexity;
mod prefixes;
pub mod sample;
mod sampling;
mod score;
pub mod scoring;
mod session;
mod streams;
mod surprisal;
#[cfg(any(test, feature = "testing"))]
#[doc(hidden)]
pub mod testing;
mod vocabulary;

pub use accuracy::Accuracy;
pub use answers::{Answered, evaluate_answers};
pub use cache::Cache;
pub use complete::{
    Completer, CompletionOptions, Completions, Suggestion, Suggestions, evaluate_completions,
};
pub use compress::{CompressError, Compressed, Decompressed, compress, decompress};
pub use constraint::Allow;
pub use distribution::Distribution;
pub use elman_net::{NetworkView, State, Workspace};
pub use error::{
    ConstraintError, Error, EvalError, FileError, GenerateError, ModelError, NotAModel,
    OwnTextError, Result, StateFlaw,
};
pub use files::{About, disk_bytes, read_layout, read_vocab, save_model};
pub use generate::{
    Beam, Eos, Finish, Generated, Generation, Generator, Hypothesis, LengthPenalty, OwnSequences,
    OwnText, Writer, generate, write_own,
};
pub use line_scores::ngram_lengths::NgramLengths;
pub use line_scores::sums::{LineSums, Unknown};
pub use line_scores::{LineOptions, ScoredLine, score_lines, score_sentences};
pub use mixture::Mixture;
pub use mixture::{mix, relative};
pub use model::{Model, load};
pub use network::{NetworkModel, Weights};
pub use perplexity::lost_note;
pub use perplexity::{EvalOptions, Evaluation, Progress, evaluate};
pub use prefixes::{PrefixCounts, PrefixScorer};
pub use sampling::Sampling;
pub use score::{Score, ScoredToken};
pub use session::{Session, advance};
pub use streams::Streams;
pub use streams::WINDOW;
pub use surprisal::{
    Adapt, LineSurprisals, Spelling, SurprisalOptions, WordSurprisal, Words, adaptive_surprisals,
    corrects_words, surprisals,
};
pub use vocabulary::{VocabularyFrom, count_vocab};
