//! Waiting that is quick when the wait is short and polite when it is long.
//!
//! A futex wake costs 13–30 µs, a hand-over between two spinning threads half a microsecond. So a
//! waiter spins for a bounded time and then sleeps; a machine with other work, or with fewer CPUs
//! than threads, loses no more than the bound.

use crate::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use crate::sync::{Condvar, Mutex, in_one_order, spin_loop};
use std::sync::PoisonError;

/// A counter that threads wait on.
pub(crate) struct Signal {
    epoch: Apart,
    sleepers: AtomicUsize,
    lock: Mutex<()>,
    wake: Condvar,
    /// Turns of the spin loop before a waiter sleeps; 0 where threads outnumber the CPUs.
    spins: u32,
}

/// A number on cache lines of its own (two, since processors fetch pairs): who spins on it does not hold up those who write
/// to its neighbours.
#[repr(align(128))]
struct Apart(AtomicUsize);

impl Signal {
    pub(crate) fn new(spins: u32) -> Signal {
        Signal {
            epoch: Apart(AtomicUsize::new(0)),
            sleepers: AtomicUsize::new(0),
            lock: Mutex::new(()),
            wake: Condvar::new(),
            spins,
        }
    }

    pub(crate) fn epoch(&self) -> usize {
        self.epoch.0.load(SeqCst)
    }

    /// Counts on and wakes everyone. What was written before is visible to whoever is woken.
    pub(crate) fn advance(&self) {
        self.epoch.0.fetch_add(1, SeqCst);
        // A waiter registers in `sleepers` before it looks at `epoch` again, both in one total
        // order: either it sees the new epoch, or we see it here.
        in_one_order();
        if self.sleepers.load(SeqCst) > 0 {
            drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
            self.wake.notify_all();
        }
    }

    /// Returns once the epoch is no longer `seen`.
    pub(crate) fn wait_past(&self, seen: usize) {
        for _ in 0..self.spins {
            if self.epoch() != seen {
                return;
            }
            spin_loop();
        }
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.sleepers.fetch_add(1, SeqCst);
        in_one_order();
        while self.epoch() == seen {
            guard = self
                .wake
                .wait(guard)
                .unwrap_or_else(PoisonError::into_inner);
        }
        self.sleepers.fetch_sub(1, SeqCst);
    }
}
