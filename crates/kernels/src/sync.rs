//! Threads, locks and atomic numbers: those of the standard library, or loom's where it explores the pool.

#[cfg(not(all(test, loom)))]
pub(crate) use std::{hint::spin_loop, sync::*, thread};

#[cfg(all(test, loom))]
pub(crate) use loom::{hint::spin_loop, sync::*, thread};

/// Puts what a thread wrote before it and what it reads after it into the one order of all `SeqCst` operations.
///
/// Operations that are `SeqCst` themselves need nothing more; loom takes them for acquire and release, and knows that
/// order from fences only.
#[inline(always)]
pub(crate) fn in_one_order() {
    #[cfg(all(test, loom))]
    loom::sync::atomic::fence(loom::sync::atomic::Ordering::SeqCst);
}
