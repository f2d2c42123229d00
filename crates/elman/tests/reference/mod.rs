//! The oracle of the gradient tests: the plain network of `examples/chapter`.

#[path = "../../examples/chapter/network/mod.rs"]
mod network;
pub mod program;

pub use network::*;
