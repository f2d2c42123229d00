//! Work without the interpreter's lock, also in a process that was forked.
//!
//! A child of `fork` has none of its parent's threads. elman's own pools know that (`elman::forked`); those of rayon, which loads and hashes models, do not,
//! so a child gets a pool of its own for them.

use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// Number of forks since the module was loaded.
static FORKS: AtomicUsize = AtomicUsize::new(0);

/// The pool of this process if it is a fork, with the number of forks before it was made.
static POOL: Mutex<Option<(usize, Arc<ThreadPool>)>> = Mutex::new(None);

/// Say that this process is a fork; Python calls it in every child.
#[pyfunction]
pub fn _forked() {
    elman::forked();
    FORKS.fetch_add(1, Relaxed);
}

/// Call a function of Python, whose work for rayon a forked process does in its own pool.
#[pyfunction]
pub fn _in_process(py: Python<'_>, function: Py<PyAny>) -> PyResult<Py<PyAny>> {
    detached(py, || Python::attach(|py| function.call0(py)))
}

/// Carries out `work` without the interpreter's lock.
pub fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    py.detach(|| match pool() {
        None => work(),
        Some(pool) => pool.install(work),
    })
}

/// The pool of a forked process; `None` in a process that is none, or that can have no threads.
fn pool() -> Option<Arc<ThreadPool>> {
    let forks = FORKS.load(Relaxed);
    if forks == 0 {
        return None;
    }
    let mut pool = POOL.lock().ok()?;
    if let Some((_, of_parent)) = pool.take_if(|(made, _)| *made != forks) {
        // It waits for threads that are not here.
        std::mem::forget(of_parent);
    }
    if pool.is_none() {
        let made = ThreadPoolBuilder::new().build().ok()?;
        *pool = Some((forks, Arc::new(made)));
    }
    pool.as_ref().map(|(_, pool)| Arc::clone(pool))
}
