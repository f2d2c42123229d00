//! Understanding: the chapter's claims as measurements of a model on a text.
//!
//! Looks at training and inference from above and changes neither. Results are plain numbers that serialise; docs/INSPECT.md says
//! what each means.
//!
//! ```text
//! gradients    ‖∂h_t/∂h_k‖ by lag beside its bound; the double sum term by term; units; a verdict
//! exposure     divergence from a known source after true prefixes, and after the model's own
//! truncation   the gradient of short windows beside that of long ones; what the carried state is worth
//! ```
//! What it does not do: it prints and draws nothing.

mod contribution;
pub mod exposure;
pub mod gradients;
pub mod passages;
mod remedies;
pub mod truncation;
mod untrained;

pub use contribution::{Contribution, LagShare};
pub use exposure::{Exposure, exposure};
pub use gradients::{Gradients, gradients};
pub use truncation::{Truncation, truncation};
pub use untrained::untrained;
