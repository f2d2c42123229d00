//! The network: embedding → L recurrent layers → softmax with bias.
//!
//! It computes windows of T time steps for B sequences, forward and backward, from a flat arena of parameters. It
//! never sees a file or a text.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod dims;
pub mod flow;
pub mod gradients;
pub mod init;
pub mod layer;
pub mod network;
pub mod params;
pub mod tape;
mod view;

pub use gradients::Gradients;
pub use layer::{LayerState, State};
pub use network::{Network, WindowRef};
pub use params::{Params, TensorId};
pub use tape::Tape;
pub use view::NetworkView;
pub use view::Workspace;
