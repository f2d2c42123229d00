//! The threads of a [`Cpu`](crate::Cpu): they wait for a job, run it, each with its number, and meet at barriers.
//!
//! A job is a closure on the caller's stack. It is handed over as a pointer, and the caller waits until every thread
//! has returned from it. `exploration` tries all orders in which threads may run.

use crate::fork::forks;
use crate::placement::{Placement, here};
use crate::signal::Signal;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use crate::sync::{Arc, Mutex, thread, thread::JoinHandle};
use std::ops::Range;
use std::sync::PoisonError;

/// Spin turns before a waiting thread sleeps: about 50 µs, several recurrent steps.
const SPINS: u32 = 4000;

/// One thread's place in a parallel job.
#[derive(Clone, Copy)]
pub(crate) struct Worker<'a> {
    pub(crate) index: usize,
    pub(crate) count: usize,
    barrier: Option<&'a Barrier>,
}

impl Worker<'_> {
    /// The only thread of a job that is too small to share.
    pub(crate) fn alone() -> Worker<'static> {
        Worker {
            index: 0,
            count: 1,
            barrier: None,
        }
    }

    /// This thread's contiguous share of `0..n`.
    pub(crate) fn share(&self, n: usize) -> Range<usize> {
        n * self.index / self.count..n * (self.index + 1) / self.count
    }

    /// Waits until every thread of the job is here. All threads must call it equally often.
    pub(crate) fn barrier(&self) {
        if let Some(barrier) = self.barrier {
            barrier.wait(self.count);
        }
    }
}

/// A job as the workers see it; the lifetime is ended by `Pool::run` waiting for them.
type Job = *const (dyn Fn(Worker) + Sync);

/// Threads that wait for jobs.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    handles: Vec<JoinHandle<()>>,
    turn: Mutex<()>,
    /// Number of forks before the threads were started.
    forks: usize,
}

struct Shared {
    count: usize,
    start: Signal,
    barrier: Barrier,
    finish: Barrier,
    /// The CPU that the job's caller runs on, where every thread may have one of its own.
    home: Option<AtomicUsize>,
    stop: AtomicBool,
    job: Mutex<Option<SendJob>>,
}

#[derive(Clone, Copy)]
struct SendJob(Job);
// SAFETY: the closure behind the pointer is `Sync`, and `Pool::run` keeps it alive while any
// worker may use it.
unsafe impl Send for SendJob {}

/// A place where the threads of a job wait for one another, again and again.
struct Barrier {
    arrived: AtomicUsize,
    signal: Signal,
}

impl Barrier {
    fn wait(&self, count: usize) {
        let seen = self.signal.epoch();
        if self.arrived.fetch_add(1, SeqCst) + 1 == count {
            self.arrived.store(0, SeqCst);
            self.signal.advance();
        } else {
            self.signal.wait_past(seen);
        }
    }
}

/// A panic inside a job is a mistake of ours that would leave the other threads at a barrier for
/// ever: the message is printed, then the process ends.
struct AbortOnPanic;
impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}

impl Pool {
    /// `threads` ≥ 2 that spin and keep off each other's CPU where the machine has one for each.
    pub(crate) fn for_this_machine(threads: usize) -> Pool {
        let cpus = std::thread::available_parallelism().map_or(1, |n| n.get());
        match threads > cpus {
            true => Pool::new(threads, 0, None),
            false => Pool::new(threads, SPINS, Some(AtomicUsize::new(0))),
        }
    }

    /// A pool whose waiting threads spin for `spins` turns.
    fn new(threads: usize, spins: u32, home: Option<AtomicUsize>) -> Pool {
        let barrier = || Barrier {
            arrived: AtomicUsize::new(0),
            signal: Signal::new(spins),
        };
        let shared = Arc::new(Shared {
            count: threads,
            start: Signal::new(spins),
            barrier: barrier(),
            finish: barrier(),
            home,
            stop: AtomicBool::new(false),
            job: Mutex::new(None),
        });
        let handles = (1..threads)
            .map(|index| {
                let shared = Arc::clone(&shared);
                thread::Builder::new()
                    .name(format!("elman-{index}"))
                    .spawn(move || shared.serve(index))
                    .expect("the system refuses another thread")
            })
            .collect();
        Pool {
            shared,
            handles,
            turn: Mutex::new(()),
            forks: forks(),
        }
    }

    /// Threads of a job, the calling one included.
    pub(crate) fn threads(&self) -> usize {
        self.handles.len() + 1
    }

    /// Whether the threads are those of this process, and not of one that it was forked from.
    pub(crate) fn is_here(&self) -> bool {
        self.forks == forks()
    }

    /// Runs `job` on every thread and returns when all are done.
    pub(crate) fn run(&self, job: &(dyn Fn(Worker) + Sync)) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: only the lifetime changes; `finish.wait` in `work` keeps this call, and with it
        // the borrow, alive until every worker has returned from the job.
        let job: Job = unsafe {
            std::mem::transmute::<&(dyn Fn(Worker) + Sync), &'static (dyn Fn(Worker) + Sync)>(job)
        };
        *self
            .shared
            .job
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(SendJob(job));
        if let Some(home) = &self.shared.home {
            home.store(here(), SeqCst);
        }
        self.shared.start.advance();
        self.shared.work(0, SendJob(job));
    }
}

impl Shared {
    fn serve(&self, index: usize) {
        let mut seen = 0;
        let mut placement = Placement::anywhere();
        loop {
            self.start.wait_past(seen);
            seen += 1;
            if self.stop.load(SeqCst) {
                return;
            }
            if let Some(home) = &self.home {
                placement.avoid(home.load(SeqCst));
            }
            let job = *self.job.lock().unwrap_or_else(PoisonError::into_inner);
            self.work(index, job.expect("a started pool has a job"));
        }
    }

    fn work(&self, index: usize, job: SendJob) {
        let abort = AbortOnPanic;
        // SAFETY: the job outlives this call: `Pool::run` is still waiting at `finish`.
        let job = unsafe { &*job.0 };
        job(Worker {
            index,
            count: self.count,
            barrier: Some(&self.barrier),
        });
        drop(abort);
        self.finish.wait(self.count);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if !self.is_here() {
            // There is no thread to wait for.
            self.handles.drain(..).for_each(std::mem::forget);
            return;
        }
        self.shared.stop.store(true, SeqCst);
        self.shared.start.advance();
        for handle in self.handles.drain(..) {
            // A worker that panicked has aborted the process.
            let _ = handle.join();
        }
    }
}

#[cfg(all(test, loom))]
mod exploration;
