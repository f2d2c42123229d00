//! Inspection: the chapter's claims as measurements of a model on a text.
//!
//! It uses training and inference and changes neither. Results are plain numbers that serialise; docs/INSPECT.md explains them.
//!
//! ```text
//! gradients    ‖∂h_t/∂h_k‖ by lag beside its bound; the double sum term by term; units; a verdict
//! exposure     divergence from a known source after true prefixes, and after the model's own
//! states       the hidden state over a text, and the units that follow something in it
//! truncation   the gradient of short windows beside that of long ones; what the carried state is worth
//! memory       the bytes of training in closed form over T and B, and what fits a budget
//! sequential   the speed of T·B positions while T/B varies, and the share of a step that threads do not speed up
//! ```
//! What it does not do: it prints and draws nothing.

mod contribution;
pub mod excerpts;
pub mod exposure;
pub mod gradients;
pub mod memory;
mod norms;
pub mod places;
mod remedies;
pub mod sequential;
pub mod states;
pub mod truncation;
mod untrained;

pub use contribution::{Contribution, LagShare};
pub use exposure::{Exposure, exposure};
pub use gradients::{Gradients, gradients};
pub use memory::{Memory, memory};
pub use sequential::{Sequential, sequential};
pub use states::{States, states};
pub use truncation::{Truncation, truncation};
pub use untrained::untrained;
