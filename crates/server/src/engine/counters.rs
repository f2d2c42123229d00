//! What an engine has done since it started, for `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Sums of an engine's work.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    read: AtomicU64,
    written: AtomicU64,
    turns: AtomicU64,
    nanoseconds: AtomicU64,
    refused: AtomicU64,
}

/// The sums at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Totals {
    /// Tokens of prompts that were read.
    pub read: u64,
    /// Tokens that were written.
    pub written: u64,
    /// Turns in which something was read or written.
    pub turns: u64,
    /// Time of these turns.
    pub seconds: f64,
    /// Requests that were refused because the engine was as busy as it may be.
    pub refused: u64,
}

impl Counters {
    pub(super) fn read(&self, tokens: usize) {
        self.read.fetch_add(tokens as u64, Ordering::Relaxed);
    }

    pub(super) fn wrote(&self, tokens: usize) {
        self.written.fetch_add(tokens as u64, Ordering::Relaxed);
    }

    pub(super) fn turn(&self, took: Duration) {
        self.turns.fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub fn totals(&self) -> Totals {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Totals {
            read: load(&self.read),
            written: load(&self.written),
            turns: load(&self.turns),
            seconds: load(&self.nanoseconds) as f64 / 1e9,
            refused: load(&self.refused),
        }
    }
}
