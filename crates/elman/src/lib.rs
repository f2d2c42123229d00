//! Recurrent neural-network language models: training, evaluation, generation.
//!
//! The rooms, in the order in which data flows; each uses only those above it:
//!
//! * [`store`]: named arrays on disk; the only door to writing files
//! * [`text`]: characters and words become token ids
//! * [`synth`]: texts that can only be predicted by remembering
//! * [`ngram`]: counted n-grams, and the files in which they are passed on
//! * [`net`]: windows of tokens become hidden states, losses and gradients
//! * [`flow`]: how gradients flow through time
//! * [`infer`]: a model that never changes, and what it says about text
//! * [`exchange`]: networks of PyTorch come in; models go out to PyTorch and ONNX
//! * [`compare`]: models against each other, and together
//! * [`train`]: runs that survive anything
//! * [`inspect`]: what the chapter claims, measured on a model and a text
//! * [`lab`]: all of them, on networks that are made on the spot
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
pub use infer::{Distribution, Model, Score, Session, advance, load};
pub use text::TokenId;
pub use train::{Config as TrainConfig, Trainer};

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
