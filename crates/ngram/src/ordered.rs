//! Blocks that several threads make, in the order in which one thread takes them.
//!
//! Blocks belong to numbered tasks, which are begun in order. What comes before its turn waits, until too much does: then the
//! threads that make it wait. The task whose turn it is never waits, so there is always one that continues.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Queue of blocks by task.
pub struct Ordered<B> {
    queue: Mutex<Queue<B>>,
    changed: Condvar,
    /// Bytes that may wait.
    most: usize,
}

struct Queue<B> {
    /// The task whose turn it is.
    turn: usize,
    /// From that one on: its blocks and their bytes, and whether it is finished.
    tasks: VecDeque<(VecDeque<(B, usize)>, bool)>,
    tasks_in_all: usize,
    bytes: usize,
    /// Nobody takes or makes blocks any more.
    ended: bool,
}

/// What a thread that makes blocks receives after an error elsewhere.
#[derive(Debug)]
pub struct Ended;

impl<B> Ordered<B> {
    pub fn new(tasks: usize, most: usize) -> Ordered<B> {
        Ordered {
            queue: Mutex::new(Queue {
                turn: 0,
                tasks: VecDeque::new(),
                tasks_in_all: tasks,
                bytes: 0,
                ended: false,
            }),
            changed: Condvar::new(),
            most,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue<B>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, queue: MutexGuard<'a, Queue<B>>) -> MutexGuard<'a, Queue<B>> {
        self.changed
            .wait(queue)
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a block of this number of bytes to a task.
    pub fn add(&self, task: usize, block: B, bytes: usize) -> Result<(), Ended> {
        let mut queue = self.lock();
        while !queue.ended && queue.turn != task && queue.bytes >= self.most {
            queue = self.wait(queue);
        }
        if queue.ended {
            return Err(Ended);
        }
        queue.bytes += bytes;
        queue.task(task).0.push_back((block, bytes));
        self.changed.notify_all();
        Ok(())
    }

    /// Ends a task.
    pub fn finish(&self, task: usize) {
        self.lock().task(task).1 = true;
        self.changed.notify_all();
    }

    /// Ends everything, after an error.
    pub fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// Ends everything if the thread that holds it panics, so that no other one waits for it for ever.
    pub fn end_on_panic(&self) -> EndOnPanic<'_, B> {
        EndOnPanic(self)
    }

    /// The next block in order; `None` after the last one of all tasks, and after [`Ordered::end`].
    pub fn next(&self) -> Option<B> {
        let mut queue = self.lock();
        loop {
            if queue.ended || queue.turn == queue.tasks_in_all {
                return None;
            }
            let turn = queue.turn;
            let (blocks, finished) = queue.task(turn);
            if let Some((block, bytes)) = blocks.pop_front() {
                queue.bytes -= bytes;
                self.changed.notify_all();
                return Some(block);
            }
            if *finished {
                queue.tasks.pop_front();
                queue.turn += 1;
                self.changed.notify_all();
            } else {
                queue = self.wait(queue);
            }
        }
    }
}

/// See [`Ordered::end_on_panic`].
pub struct EndOnPanic<'a, B>(&'a Ordered<B>);

impl<B> Drop for EndOnPanic<'_, B> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.end();
        }
    }
}

impl<B> Queue<B> {
    fn task(&mut self, task: usize) -> &mut (VecDeque<(B, usize)>, bool) {
        let place = task - self.turn;
        while self.tasks.len() <= place {
            self.tasks.push_back((VecDeque::new(), false));
        }
        &mut self.tasks[place]
    }
}

#[cfg(test)]
mod tests {
    use super::super::parallel;
    use super::*;

    #[test]
    fn blocks_come_in_the_order_of_tasks() {
        for (threads, most) in [(1, 0), (2, 0), (3, 10), (4, 1000)] {
            let ordered = Ordered::new(50, most);
            let work = |(): &mut (), task: usize| {
                for i in 0..task % 7 {
                    ordered.add(task, (task, i), 5)?;
                }
                ordered.finish(task);
                Ok::<_, Ended>(())
            };
            let found: Vec<_> = std::thread::scope(|scope| {
                scope.spawn(|| parallel::tasks(threads, 50, || (), work).unwrap());
                std::iter::from_fn(|| ordered.next()).collect()
            });
            let expected = (0..50).flat_map(|task| (0..task % 7).map(move |i| (task, i)));
            assert_eq!(found, expected.collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_panic_ends_both_sides() {
        let ordered = Ordered::<()>::new(1, 0);
        std::thread::scope(|scope| {
            let panics = scope.spawn(|| {
                let _guard = ordered.end_on_panic();
                panic!("as it should");
            });
            assert_eq!(ordered.next(), None);
            assert!(panics.join().is_err());
        });
    }

    #[test]
    fn an_error_ends_both_sides() {
        let ordered = Ordered::new(2, 0);
        ordered.add(0, 'a', 1).unwrap();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| ordered.add(1, 'b', 1).is_err());
            assert_eq!(ordered.next(), Some('a'));
            ordered.add(0, 'c', 1).unwrap();
            ordered.end();
            let _ = waits.join().unwrap();
        });
        assert!(ordered.add(0, 'd', 1).is_err());
        assert_eq!(ordered.next(), None);
    }
}
