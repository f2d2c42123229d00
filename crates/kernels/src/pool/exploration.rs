//! The hand-over of jobs and the barrier under loom, which runs every order of the threads' steps with a few changes of
//! thread at unforced places, and every value that their reads may see, and reports data races, deadlocks and threads
//! that are never woken.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p elman-kernels --lib --release --target-dir target/loom exploration
//! ```

use super::*;
use loom::cell::UnsafeCell;

/// A number without any lock: loom panics if two threads meet at it.
struct Number(UnsafeCell<usize>);

// SAFETY: loom checks what this promises.
unsafe impl Sync for Number {}

impl Number {
    fn add(&self, more: usize) {
        // SAFETY: loom panics if another thread looks at the number now.
        self.0.with_mut(|x| unsafe { *x += more });
    }

    fn get(&self) -> usize {
        // SAFETY: loom panics if another thread writes the number now.
        self.0.with(|x| unsafe { *x })
    }
}

/// Hands `jobs` jobs to `threads` threads. In each, every thread writes a number of its own, and after a barrier reads
/// that of its neighbour; when a job is done, the caller reads them all. At most `preemptions` times a thread
/// that could continue is interrupted.
fn explore(threads: usize, spins: u32, jobs: usize, preemptions: usize) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.check(move || {
        let pool = Pool::new(threads, spins, None);
        let numbers: Vec<_> = (0..threads).map(|_| Number(UnsafeCell::new(0))).collect();
        for job in 1..=jobs {
            pool.run(&|worker: Worker| {
                numbers[worker.index].add(1);
                worker.barrier();
                assert_eq!(numbers[(worker.index + 1) % worker.count].get(), job);
                worker.barrier();
            });
            assert!(numbers.iter().all(|number| number.get() == job));
        }
    });
}

#[test]
fn two_threads_that_sleep() {
    explore(2, 0, 2, 3);
}

#[test]
fn two_threads_that_spin() {
    explore(2, 1, 1, 3);
}

#[test]
fn three_threads() {
    explore(3, 0, 1, 2);
}
