//! The kernels from outside: all tests in one program, since every program takes its time to link.

mod cells;
mod common;
mod int8;
mod product;
mod recurrence;
