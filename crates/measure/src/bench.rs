//! How fast elman is on this machine, and how fast it could be: named configurations with random
//! weights and random tokens, beside the measured peaks of the machine.
//!
//! ```text
//! case      what is measured: a configuration and a vocabulary's size, by name
//! work      what is done with it: training steps, scoring, generation, many states
//! clock     when: warming up, then laps
//! report    the laps beside the peaks: tokens/s, GFLOP/s, shares
//! ```
//! Speed depends on sizes and not on what the numbers say, so no text, no file and no training is
//! needed; steps are the very ones that runs and inference take. Peak memory is a process's, so
//! whoever wants it compared with the plan measures in a process of its own.
//!
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
