//! Forks of the process: a child has the memory of its parent, and none of its threads.
//!
//! A pool that waits for threads of the parent would wait for ever. The pools of a child are therefore known as such, and their work stays on
//! the calling thread, with the same bits. A fork is a fact about the whole process, so this is the one counter that is not an argument.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

static FORKS: AtomicUsize = AtomicUsize::new(0);

/// Records that this process is a fork of the one that called it into being; to be called in the child, before anything is computed.
///
/// A [`Cpu`](crate::Cpu) that was made before has a single thread from now on; one that is made later has as many as are asked for.
pub fn forked() {
    FORKS.fetch_add(1, Relaxed);
}

/// Number of forks that lie between this process and the first one.
pub(crate) fn forks() -> usize {
    FORKS.load(Relaxed)
}
