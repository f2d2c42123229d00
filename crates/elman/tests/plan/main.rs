//! The bytes that are planned are the bytes that are taken, and long lines take few. Alone in its process, and one test after
//! the other, because it counts every allocation in it.
//!
//! ```text
//! cargo test --workspace --test plan -- --nocapture      prints every run and the worst one
//! ```

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // as in tests/run

mod dice;
mod long_line;
mod runs;
mod slope;
mod vocabulary;

use elman_kernels::Buffer;
use peak_alloc::PeakAlloc;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

static ALONE: Mutex<()> = Mutex::new(());

/// Until the result is dropped, no other test runs.
fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

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
    let _alone = alone();
    slope::every_step_takes_exactly_what_is_planned();
    vocabulary::the_steps_of_a_vocabulary_are_within_what_is_planned();
    vocabulary::a_vocabulary_takes_what_is_planned();
    runs::a_run_takes_what_is_planned();
    runs::a_longer_text_changes_neither_parameters_nor_memory();
}
