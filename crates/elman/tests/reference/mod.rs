//! The oracle of the gradient tests: the plain network of `examples/chapter`.

pub mod program;

pub use crate::examples::chapter::network::*;
