//! The arithmetic of elman: slices in, slices out.
//!
//! This crate is the only one with `unsafe`. Every kernel gives the same bits on every instruction
//! set and at every thread count.

mod buffer;
mod cpu;
pub mod dropout;
pub mod embed;
mod isa;
pub mod mapped;
mod pack;
pub mod philox;
mod product;
pub mod reduce;
mod rows;
mod signal;
mod simd;
pub mod softmax;
pub mod sweep;
#[cfg(test)]
mod testing;
pub mod update;
pub mod vmath;

pub use buffer::Buffer;
pub use cpu::Cpu;
pub use isa::Isa;
pub use pack::Packed;
pub use product::{Init, Operand, product};
