//! Recurrent neural-network language models, and n-gram models beside them: training, scoring, generation.
//!
//! What most programs need stands at the root of the crate:
//!
//! * [`load`] and [`Model`]: a model of any family; [`Model::score`], [`Model::generate`]
//! * [`Session`] and [`advance`]: a stream of text that is fed and asked for the [`Distribution`] of its next token
//! * [`Trainer`] and [`TrainConfig`]: a network learns a text, or batches of the program's own
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
//! The modules, in the order in which data flows; each uses only those above it:
//!
//! * [`store`]: named arrays on disk; all files are written through it
//! * [`text`]: characters and words become token ids
//! * [`synth`]: texts that can only be predicted by remembering
//! * [`ngram`]: counted n-grams, and the files in which they are passed on
//! * [`net`]: windows of tokens become hidden states, losses and gradients
//! * [`flow`]: how gradients flow through time
//! * [`infer`]: models, sessions, evaluation and generation
//! * [`exchange`]: networks of PyTorch come in; models go out to PyTorch and ONNX
//! * [`compare`]: models against each other, and together
//! * [`train`]: training, and runs that survive interruption
//! * [`inspect`]: what the chapter claims, measured on a model and a text
//! * [`lab`]: the chapter's claims, tested on small networks
//! * [`bench`]: how fast all that is, and how fast it could be
#![forbid(unsafe_code)]

pub mod bench;
pub mod compare;
pub mod contain;
pub mod dims;
mod error;
pub mod exchange;
pub mod flow;
pub mod infer;
pub mod inspect;
pub mod lab;
pub mod net;
pub mod ngram;
pub mod rng;
pub mod store;
pub mod synth;
pub mod text;
pub mod train;

pub use elman_kernels::{Cpu, Isa};
pub use error::{Error, Result};
pub use infer::{Distribution, Model, Sampling, Score, Session, advance, load};
pub use text::TokenId;
pub use train::{Config as TrainConfig, Trainer};

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
