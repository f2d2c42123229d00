//! Inference: an immutable [`NetworkModel`], and a [`State`] that is a plain value.
//!
//! ```text
//! files       a model's directory in the Hugging Face shape        → NetworkModel
//! model       tokens and a state                                   → next state, log-probabilities
//! reading     a model in the middle of a text                      → the loss of each token
//! perplexity  a model and a text                                   → every figure, with what was counted
//! answers     a model, a text and a mark                           → how often it knows what follows the mark
//! hits        which targets were the most likely tokens            → accuracy
//! sample      logits                                               → a token
//! constraint  a regular expression and a vocabulary                → the tokens that may come next
//! generate    prompts                                              → texts, piece by piece, or the best of a search
//! ```
//!
//! A model is shared by reference between threads; each stream of text has its own state. Nothing here
//! knows gradients, optimisers or runs.

pub mod answers;
mod any;
mod author;
mod constraint;
pub mod files;
pub mod generate;
pub mod hits;
pub mod model;
pub mod perplexity;
pub mod reading;
pub mod sample;
#[cfg(test)]
pub(crate) mod testing;
mod vocabulary;

pub use crate::net::State;
pub use answers::{Answered, evaluate_answers};
pub use any::{AnyModel, Walk};
pub(crate) use author::PROMPT_WINDOW;
pub use author::{Author, Composing};
pub use constraint::Allow;
pub use files::{About, disk_bytes, read_layout, read_vocab, save_model};
pub use generate::{
    Beam, Eos, Finish, GenerateOptions, Generated, Generation, Generator, Hypothesis,
    LengthPenalty, OwnSequences, OwnText, generate, write_own,
};
pub use hits::Hits;
pub use model::{NetworkModel, Ready, Weights, Workspace};
pub(crate) use perplexity::lost_note;
pub use perplexity::{EvalOptions, Evaluation, Progress, evaluate, evaluate_reader};
pub use reading::{PerLine, Reader, Reading};
pub use sample::{Sampler, Sampling};
pub use vocabulary::{VocabularyFrom, count_vocab};
