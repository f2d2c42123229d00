//! Runs from start to end, through `elman::train::{start, resume}` alone: what a run promises,
//! however often it is stopped, killed, damaged or asked for what cannot be.

// Helpers of tests, which clippy.toml does not recognise as such; and tests damage files on purpose.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod bench;

mod budgets;
mod changes;
mod crash;
mod groups;
mod guard;
mod idle;
mod memory;
mod models;
mod optimisers;
mod own_text;
mod ranks;
mod refusals;
mod same_bits;
mod sentences;
mod watching;
mod windows;
