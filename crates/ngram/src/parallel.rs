//! Work for several threads: a list of tasks from which each thread takes the next one, and the ranges of words that are tasks.
//!
//! Every n-gram belongs to the part of one of its words (the last one, the last of its context or the first one), so parts can be
//! worked on in any order and by any number of threads, and the results are the same.

use super::key::Packing;
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Does `work` for the numbers below `tasks` with `threads` threads, each of which has a state of its own that `begin` makes. Returns
/// the states, in no particular order, and the results, by number.
///
/// After an error no new task is begun.
pub fn tasks<S: Send, T: Send, E: Send>(
    threads: usize,
    tasks: usize,
    begin: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> Result<T, E> + Sync,
) -> Result<(Vec<S>, Vec<T>), E> {
    let next = AtomicUsize::new(0);
    let one_thread = || {
        let (mut state, mut results) = (begin(), Vec::new());
        loop {
            let task = next.fetch_add(1, Ordering::Relaxed);
            if task >= tasks {
                return Ok((state, results));
            }
            match work(&mut state, task) {
                Ok(result) => results.push((task, result)),
                Err(error) => {
                    next.store(tasks, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
    };
    let mut all = Vec::new();
    std::thread::scope(|scope| {
        let others = 1..threads.min(tasks).max(1);
        let others: Vec<_> = others.map(|_| scope.spawn(one_thread)).collect();
        all.push(one_thread());
        for other in others {
            all.push(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
    });
    let (mut states, mut results) = (Vec::new(), Vec::new());
    for one in all {
        let (state, of_one) = one?;
        states.push(state);
        results.extend(of_one);
    }
    results.sort_unstable_by_key(|(task, _)| *task);
    Ok((
        states,
        results.into_iter().map(|(_, result)| result).collect(),
    ))
}

/// Applies `f` to all items with `threads` threads.
pub fn map<I: Send, T: Send>(threads: usize, items: Vec<I>, f: impl Fn(I) -> T + Sync) -> Vec<T> {
    let count = items.len();
    let items: Vec<Mutex<Option<I>>> = items
        .into_iter()
        .map(|item| Mutex::new(Some(item)))
        .collect();
    let work = |(): &mut (), i: usize| -> Result<T, std::convert::Infallible> {
        let item = items[i]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match item {
            Some(item) => Ok(f(item)),
            None => unreachable!("each task is taken once"),
        }
    };
    match tasks(threads, count, || (), work) {
        Ok((_, results)) => results,
    }
}

/// Words in ranges of ids that have about the same number of n-grams.
#[derive(Clone, Debug)]
pub struct Parts {
    packing: Packing,
    /// The first word of each part, then the number of words.
    bounds: Vec<u32>,
}

/// Parts for each thread: enough that no thread is left alone with the last one for long.
const PARTS_PER_THREAD: usize = 24;
/// Fewer n-grams are not worth a part.
const LEAST: u64 = 1 << 14;

impl Parts {
    /// Cuts the words into parts for this number of threads; `n_grams` are the n-grams of each word.
    pub fn new(packing: Packing, n_grams: &[u64], threads: usize) -> Parts {
        let total: u64 = n_grams.iter().sum();
        let parts = match threads {
            1 => 1,
            threads => (threads * PARTS_PER_THREAD) as u64,
        };
        let each = (total / parts).max(LEAST);
        let (mut bounds, mut sum) = (vec![0], 0);
        for (id, &count) in (0..).zip(n_grams) {
            if sum > 0 && sum + count > each {
                bounds.push(id);
                sum = 0;
            }
            sum += count;
        }
        bounds.push(n_grams.len() as u32);
        Parts { packing, bounds }
    }

    pub fn count(&self) -> usize {
        self.bounds.len() - 1
    }

    /// The words of a part.
    pub fn words(&self, part: usize) -> Range<u32> {
        self.bounds[part]..self.bounds[part + 1]
    }

    /// The keys, of `n` digits, whose highest digit is a word of the part: the first one, and the one after the last.
    pub fn keys(&self, part: usize, n: usize) -> (u128, Option<u128>) {
        let words = self.words(part);
        let end = (part + 1 < self.count()).then(|| self.packing.first_key(words.end, n));
        (self.packing.first_key(words.start, n), end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_is_done_once_and_errors_end_the_work() {
        for threads in 1..5 {
            let work = |sum: &mut usize, i: usize| {
                *sum += i;
                Ok::<_, usize>(i * i)
            };
            let (sums, squares) = tasks(threads, 100, || 0, work).unwrap();
            assert!(sums.len() <= threads && sums.iter().sum::<usize>() == 4950);
            assert_eq!(squares, (0..100).map(|i| i * i).collect::<Vec<_>>());
            let failing = |(): &mut (), i| if i == 7 { Err(i) } else { Ok(()) };
            assert_eq!(tasks(threads, 100, || (), failing).err(), Some(7));
            assert_eq!(map(threads, vec![3, 1, 2], |i| i + 1), [4, 2, 3]);
            assert!(map(threads, Vec::<u8>::new(), |i| i).is_empty());
        }
    }

    #[test]
    fn parts_hold_each_word_once() {
        let packing = Packing::new(1000, 5).unwrap();
        let n_grams: Vec<u64> = (0..1000).map(|id| 1_000_000 / (id + 1)).collect();
        for threads in 1..5 {
            let parts = Parts::new(packing, &n_grams, threads);
            let words: Vec<u32> = (0..parts.count())
                .flat_map(|part| parts.words(part))
                .collect();
            assert_eq!(words, (0..1000).collect::<Vec<_>>());
            assert_eq!(parts.count() == 1, threads == 1);
            assert!(parts.count() <= threads * 2 * PARTS_PER_THREAD);
            let ends: Vec<_> = (0..parts.count()).map(|part| parts.keys(part, 3)).collect();
            assert!(ends.windows(2).all(|pair| pair[0].1 == Some(pair[1].0)));
            assert_eq!(ends.last().map(|last| last.1), Some(None));
        }
    }
}
