//! Measurements of models and machines; everything here is built on training and inference.
//!
//! * [`mod@bench`]: how fast training and inference are, and how fast they could be on this machine
//! * [`compare`]: models against each other on one text, and mixtures of them
//! * [`inspect`]: how gradients flow, what truncation loses, what units follow, on a model and a text
//! * [`pairs`]: how often a model prefers the good sentence of a minimal pair
//! * [`rescore`]: n-best lists in a better order, and the word error rates before and after
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod bench;
pub mod compare;
mod error;
pub mod inspect;
pub mod pairs;
pub mod rescore;

pub use error::{CompareError, Error, InspectError, Result};
