//! The arithmetic of elman: kernels that read and write slices of numbers.
//!
//! This crate is the only one with `unsafe`. Every kernel gives the same bits on every instruction
//! set and at every thread count.

#![warn(clippy::undocumented_unsafe_blocks, clippy::missing_safety_doc)]
#![warn(missing_docs)]

mod buffer;
pub mod cell;
mod cpu;
mod draw;
mod dropout;
mod embed;
mod fork;
mod isa;
mod mapped;
mod pack;
mod peak;
mod philox;
mod placement;
mod pool;
mod product;
mod recurrence;
mod reduce;
pub mod rng;
mod rows;
mod signal;
mod simd;
mod softmax;
mod sync;
#[cfg(test)]
mod testing;
mod timer;
mod update;
pub mod vmath;
mod wide;

pub use buffer::Buffer;
pub use cell::{Activation, Cell};
pub use cpu::Cpu;
pub use draw::{draw_weights, largest_score};
pub use dropout::{drop_ids, dropout};
pub use embed::{gather, scatter_add};
pub use fork::forked;
pub use isa::Isa;
pub use mapped::Mapped;
pub use pack::{Format, Packed, PanelPair};
pub use peak::{Caches, Peaks, ReadSpeed};
pub use philox::philox;
pub use product::{Init, Operand, product, weight_gradient};
pub use recurrence::{BackwardRow, BackwardWindow, ForwardWindow};
pub use reduce::{add_column_sums, sum_limited_squares, sum_squares};
pub use softmax::{cross_entropy, exponentials, log_softmax, normaliser, target_nats};
pub use timer::Kernel;
pub use update::{
    Adagrad, Adam, Average, Momentum, Noise, Operands, Prepare, RmsMoments, RmsProp, adagrad, adam,
    rmsprop, sgd, sgd_momentum,
};
pub use vmath::ln;
pub use wide::product_f64;
