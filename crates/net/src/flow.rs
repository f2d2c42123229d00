//! How changes and gradients flow through time: the steps of recurrent layers, linearised where the network has been.
//!
//! The program's own forward pass in f32 gives the activations; everything after that is f64, with digits to spare. docs/MATH.md,
//! section 16, derives it, docs/INSPECT.md says what the numbers mean.
//!
//! ```text
//! trace → jacobian → norms (lanczos), bound          ‖∂s_t/∂s_k‖ and what is promised of it
//!                  → terms                           the double sum of backpropagation, term by term
//!       → units, verdict                             what has stopped to learn, and one word for it all
//! ```
//! It knows no text and no files, and changes no weight.

pub mod bound;
pub mod jacobian;
mod lanczos;
pub mod norms;
pub mod terms;
pub mod trace;
pub mod units;
pub mod verdict;
