//! Benchmarks: how fast elman is on this machine, as speed and as share of the machine's measured peaks.
//!
//! ```text
//! case      the configuration that is measured, by name, and the size of its vocabulary
//! work      what is timed: training steps, scoring, generation, many streams
//! clock     when: after warm-up steps
//! report    the timings beside the machine's peaks: tokens/s, GFLOP/s, shares
//! ```
//! Speed depends on sizes and not on values, so weights and tokens are random, and no text, file or training is needed; the steps
//! are those of training and inference. Peak memory belongs to a process, so a caller that compares it with the plan measures each
//! case in a process of its own.
//! Model operations: a token costs 2 for every weight that it is multiplied with, and in training
//! twice as many again for the gradients; activations, softmax and updates are not counted.

mod case;
mod clock;
mod report;
mod work;

pub use case::{Case, NAMES};
pub use clock::{Amount, KernelTime};
pub use report::{Machine, Report, Row, processor};
pub use work::{Measured, Settings, Work, measure};
