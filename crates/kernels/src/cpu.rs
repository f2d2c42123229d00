//! The machine as the kernels see it: an instruction set and a few threads.
//!
//! Work is divided statically: tiles are fixed by the sizes, and a thread's number only decides
//! which of them it computes. That is why the thread count changes no bit.

use crate::isa::Isa;
use crate::pool::Pool;
pub(crate) use crate::pool::Worker;
use crate::timer::{Kernel, KernelTimer, Timed};
use std::marker::PhantomData;
use std::ops::Range;

/// Numbers that an element-by-element kernel must have before it is worth several threads. The unit
/// tests share even the smallest work, so that their odd sizes meet every division.
pub(crate) const SHARED_FROM: usize = if cfg!(test) { 0 } else { 16 * 1024 };

/// Instruction set and pool of threads; every kernel takes one.
pub struct Cpu {
    isa: Isa,
    pool: Option<Pool>,
    timer: Option<Box<KernelTimer>>,
}

impl Cpu {
    /// Makes a machine of `threads` threads, the calling one included; `threads` is at least 1.
    pub fn new(isa: Isa, threads: usize) -> Cpu {
        assert!(threads >= 1, "a Cpu needs at least one thread");
        let pool = (threads > 1).then(|| Pool::for_this_machine(threads));
        Cpu {
            isa,
            pool,
            timer: None,
        }
    }

    /// Starts timing every kernel; [`Cpu::take_kernel_times`] returns the times.
    pub fn time_kernels(&mut self) {
        self.timer = Some(Box::default());
    }

    /// Seconds of each kernel since the last call; empty if kernels are not timed.
    pub fn take_kernel_times(&self) -> Vec<(Kernel, f64)> {
        self.timer.as_ref().map_or(Vec::new(), |timer| timer.take())
    }

    /// The first line of every public kernel: its time, until the result is dropped.
    pub(crate) fn time(&self, kernel: Kernel) -> Option<Timed<'_>> {
        self.timer.as_ref().map(|timer| timer.time(kernel))
    }

    /// Instruction set of the kernels.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Number of threads that share a kernel's work, the calling one included.
    pub fn threads(&self) -> usize {
        self.pool().map_or(1, Pool::threads)
    }

    /// [`Cpu::parallel`] for a job of at least `least` operations; a smaller `work` stays on the
    /// calling thread, where handing it over would cost more than it saves.
    pub(crate) fn parallel_from(&self, least: usize, work: usize, job: &(dyn Fn(Worker) + Sync)) {
        if work < least {
            job(Worker::alone());
        } else {
            self.parallel(job);
        }
    }

    /// Runs `job` on every thread at once and returns when all are done. Concurrent callers take
    /// turns. A job must not call `parallel` again.
    pub(crate) fn parallel(&self, job: &(dyn Fn(Worker) + Sync)) {
        match self.pool() {
            None => job(Worker::alone()),
            Some(pool) => pool.run(job),
        }
    }

    /// Runs `job` on each of `items`, which the threads share, and returns the results in their order. A job must not call a
    /// kernel that takes a [`Cpu`].
    pub fn map<T: Send, U: Send>(&self, items: Vec<T>, job: impl Fn(T) -> U + Sync) -> Vec<U> {
        let mut slots: Vec<_> = items.into_iter().map(|item| (Some(item), None)).collect();
        let count = slots.len();
        let shared = Parts::new(&mut slots);
        self.parallel_from(2, count, &|worker| {
            // SAFETY: shares of items are disjoint.
            for (item, result) in unsafe { shared.part(worker.share(count)) } {
                *result = item.take().map(&job);
            }
        });
        slots.into_iter().filter_map(|(_, result)| result).collect()
    }

    /// The threads, if there are any in this process.
    fn pool(&self) -> Option<&Pool> {
        self.pool.as_ref().filter(|pool| pool.is_here())
    }
}

/// A slice whose disjoint parts are written by several threads.
pub(crate) struct Parts<'a, T> {
    start: *mut T,
    len: usize,
    owner: PhantomData<&'a mut [T]>,
}

// SAFETY: a `Parts` is a mutable slice that is handed out in pieces; sending or sharing it is
// sending its elements, and `part` puts disjointness on its caller.
unsafe impl<T: Send> Send for Parts<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Parts<'_, T> {}

impl<'a, T> Parts<'a, T> {
    pub(crate) fn new(slice: &'a mut [T]) -> Parts<'a, T> {
        Parts {
            start: slice.as_mut_ptr(),
            len: slice.len(),
            owner: PhantomData,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn as_ptr(&self) -> *mut T {
        self.start
    }

    /// The elements in `range`.
    ///
    /// # Safety
    /// While the result lives, no other thread, and no other part, reads or writes them.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)]
    pub(crate) unsafe fn part(&self, range: Range<usize>) -> &'a mut [T] {
        assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: the range is inside the slice, and the caller promises that it is not aliased.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    #[test]
    fn every_share_is_taken_once_and_barriers_order_the_phases() {
        for threads in [1, 2, 3, 7] {
            let cpu = Cpu::new(Isa::detect(), threads);
            for n in [0, 1, 5, 64, 1000] {
                let mut first = vec![0usize; n];
                let mut second = vec![0usize; n];
                let (a, b) = (Parts::new(&mut first), Parts::new(&mut second));
                cpu.parallel(&|worker| {
                    for i in worker.share(n) {
                        // SAFETY: shares are disjoint.
                        unsafe { a.part(i..i + 1)[0] += i + 1 };
                    }
                    worker.barrier();
                    for i in worker.share(n) {
                        let mirrored = n - 1 - i;
                        // SAFETY: after the barrier `a` is only read, and shares of `b` are disjoint.
                        unsafe { b.part(i..i + 1)[0] = *a.as_ptr().add(mirrored) };
                    }
                });
                assert!(second.iter().enumerate().all(|(i, x)| *x == n - i));
            }
        }
    }

    #[test]
    fn results_are_in_the_order_of_the_items() {
        for threads in [1, 2, 3] {
            for n in [0, 1, 2, 7] {
                let items = (0..n).map(|i| i.to_string()).collect();
                let cpu = Cpu::new(Isa::detect(), threads);
                let longer = cpu.map(items, |item: String| item + "!");
                let expected: Vec<_> = (0..n).map(|i| format!("{i}!")).collect();
                assert_eq!(longer, expected);
            }
        }
    }

    #[test]
    fn callers_from_several_threads_take_turns() {
        let cpu = Cpu::new(Isa::detect(), 2);
        let total = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        cpu.parallel(&|_| {
                            total.fetch_add(1, SeqCst);
                        });
                    }
                });
            }
        });
        assert_eq!(total.into_inner(), 3 * 200 * 2);
    }
}
