//! The gradients of the f32 network: against the f64 reference and against PyTorch, and the laws that windows, formats and threads keep.
//!
//! The reference is checked by central differences in `reference_gradients.rs`; here every tensor's gradient of the program itself is
//! compared with it by ‖a − n‖ / max(‖a‖, ‖n‖), for every cell, with carried state, masks, dropout, tying and several layers. The
//! goldens add PyTorch's own numbers, and twenty updates through clipping and the optimisers.

#![allow(clippy::unwrap_used)] // as in tests/run

mod against_pytorch;
mod against_reference;
mod answers;
mod begins;
mod bf16;
mod free_running;
mod initial_ranges;
mod same_bits;
mod small;
mod windows;
