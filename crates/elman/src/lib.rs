//! Language models, recurrent neural networks and n-gram models: training, scoring and generation.
//!
//! The items that most programs need are at the root of the crate:
//!
//! * [`load`] and [`Model`]: a model of any family; [`Model::score`] and [`Model::generate`]
//! * [`Session`] and [`advance`]: a stream of text that is fed and asked for the [`Distribution`] of its next token
//! * [`Trainer`] and [`TrainConfig`]: training of a network on a text, or on batches of the program's own
//!
//! ```no_run
//! # fn main() -> elman::Result<()> {
//! let model = elman::load("runs/kjv")?;
//! let mut session = model.session();
//! session.feed("In the beginning God")?;
//! for (token, p) in session.next()?.top(5) {
//!     println!("{p:.3} {token}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The modules are crates of their own; each uses only those above it:
//!
//! * [`store`]: files of named arrays; all other files are written with it too
//! * [`text`]: texts, vocabularies and token ids; synthetic texts with long dependencies
//! * [`ngram`]: n-gram models with Kneser–Ney smoothing, and their binary and ARPA files
//! * [`net`]: recurrent networks: forward and backward passes over windows of tokens; gradient flow through time
//! * [`infer`]: models, sessions, evaluation and generation
//! * [`train`] (feature `train`): training, and runs that survive interruption
//! * [`exchange`] (feature `exchange`): import of networks from PyTorch; export of models to PyTorch and ONNX
//! * [`measure`] (feature `measure`): speed, comparisons of models, inspection, minimal pairs, and n-best lists in a better order
//!
//! All features are on by default. A program that only scores and generates leaves them out.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod error;

#[cfg(feature = "exchange")]
pub use elman_exchange as exchange;
pub use elman_infer as infer;
#[cfg(feature = "measure")]
pub use elman_measure as measure;
pub use elman_net as net;
pub use elman_ngram as ngram;
pub use elman_store as store;
pub use elman_text as text;
#[cfg(feature = "train")]
pub use elman_train as train;

pub use elman_infer::{Distribution, Model, Sampling, Score, Session, advance, load};
pub use elman_kernels::{Cpu, Isa, forked};
pub use elman_text::TokenId;
#[cfg(feature = "train")]
pub use elman_train::{Config as TrainConfig, Trainer};
pub use error::{Error, Result};

/// The README's example compiles.
#[cfg(all(doctest, feature = "train"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
