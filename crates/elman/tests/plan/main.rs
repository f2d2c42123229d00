//! The bytes that are planned are the bytes that are taken. Alone in its process, and one test after the other, because it
//! counts every allocation in it.
//!
//! ```text
//! cargo test -p elman --test plan -- --nocapture      prints every run and the worst one
//! ```

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // as in tests/run

mod dice;
mod runs;
mod slope;
mod vocabulary;

use elman_kernels::Buffer;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Bytes that are allocated now.
fn live() -> i64 {
    (ALLOCATOR.current_usage() + Buffer::mapped_bytes()) as i64
}

/// The most there have been since [`reset_peak`], if no large buffer has gone since.
fn peak() -> i64 {
    (ALLOCATOR.peak_usage() + Buffer::mapped_bytes()) as i64
}

/// The most that was allocated since [`reset_peak`], large buffers aside.
fn heap_peak() -> i64 {
    ALLOCATOR.peak_usage() as i64
}

fn reset_peak() {
    ALLOCATOR.reset_peak_usage();
}

#[test]
fn the_plan_is_what_is_taken() {
    slope::every_step_takes_exactly_what_is_planned();
    vocabulary::the_steps_of_a_vocabulary_are_within_what_is_planned();
    vocabulary::a_vocabulary_takes_what_is_planned();
    runs::a_run_takes_what_is_planned();
    runs::a_longer_text_changes_neither_parameters_nor_memory();
}
