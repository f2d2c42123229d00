//! Interpolated Kneser–Ney smoothing with three discounts an order (Chen and Goodman 1999, section 3).
//!
//! With the adjusted counts a of `count`, h′ for the context h without its first word, V the tokens that can be predicted:
//!
//! ```text
//! Y = t_1 / (t_1 + 2 t_2)      D_k = k − (k + 1) Y t_{k+1} / t_k      t_k: how many n-grams of the order have a = k;  D(a) = D_min(a,3)
//!
//! p(w | h) = (a(h w) − D(a(h w))) / Σ_v a(h v)  +  γ(h) p(w | h′)           p(w | nothing before the empty context) = 1 / V
//! γ(h)     = Σ_v min(a, D(a))(h v) / Σ_v a(h v)                             what the discounts leave, and the back-off weight of h
//! ```
//! What is left out by pruning stays in Σ a, and all of its count goes to γ(h), so that probabilities still sum to one.
//!
//! The discounts of an order are undefined where t_1, t_2 or t_3 is 0 or a D_k lies outside 0 … k, which happens to very small or
//! artificial texts, and to single characters; then [`FALLBACK`] serves, and the report says so. Where only t_4 is 0, D_3 = 3. This
//! is the rule of KenLM's `lmplz --discount_fallback`.
//!
//! Everything passes through sorted streams (`sort`): the terms of an order in context order, where the sums over a context are, then
//! in suffix order, where the probability of the shorter n-gram is at hand. No order needs memory beyond its share. An n-gram, its
//! suffixes and the contexts with its last words are all in the part of its last word, so threads take parts (`parallel.rs`).

use super::NEVER_LOG10;
use super::count::{Counts, Memory, Tally, adjusted};
use super::key::Packing;
use super::ordered::{Ended, Ordered};
use super::parallel::{self, Parts};
use super::sort::{Budget, Record, Records, Sorted, Sorter, Spool, Spooled, key};
use elman_kernels::ln;
use elman_store::StoreError;
use std::f64::consts::LOG10_E;
use std::sync::{Arc, Mutex, PoisonError};

pub(super) mod blocks;

/// Discounts D_1, D_2 and D_3 where the counts define none, as in KenLM's `lmplz --discount_fallback`.
pub const FALLBACK: [f64; 3] = [0.5, 1.0, 1.5];

/// Kneser–Ney discounts of one order (Chen and Goodman 1999, section 3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Discounts {
    /// Discounts of n-grams with an adjusted count of 1, 2, and 3 or more.
    pub amounts: [f64; 3],
    /// Whether the counts define no discounts, so that the amounts are [`FALLBACK`].
    pub fallback: bool,
}

impl Discounts {
    /// Computes the discounts of an order from its counts of counts.
    pub fn of(tally: &Tally) -> Discounts {
        let t = tally.of_count.map(|n| n as f64);
        let y = t[0] / (t[0] + 2.0 * t[1]);
        let amounts = [1, 2, 3].map(|k| k as f64 - (k + 1) as f64 * y * t[k] / t[k - 1]);
        match in_range(tally.of_count) {
            true => Discounts {
                // What is 0 may be less by rounding.
                amounts: amounts.map(|d| d.max(0.0)),
                fallback: false,
            },
            false => Discounts {
                amounts: FALLBACK,
                fallback: true,
            },
        }
    }

    /// D(a), of a count that may be left out as well.
    fn take(&self, count: u64, pruned: bool) -> f64 {
        match count {
            0 => 0.0,
            _ if pruned => count as f64,
            count => self.amounts[count.min(3) as usize - 1],
        }
    }
}

/// Whether D_1, D_2, D_3 are defined and lie in 0 … k. It is decided in f32, as KenLM does, because a text in which one is 0 but for
/// rounding must not have other discounts there.
fn in_range(of_count: [u64; 4]) -> bool {
    let t = of_count.map(|n| n as f32);
    let y = t[0] / (t[0] + 2.0 * t[1]);
    let amount = |k: usize| k as f32 - (k + 1) as f32 * y * t[k] / t[k - 1];
    (1..=3).all(|k| t[k - 1] > 0.0 && (0.0..=k as f32).contains(&amount(k)))
}

/// Callback that receives each estimated n-gram: its words, log10 probability and log10 back-off weight.
///
/// For the words w_1 … w_n these are log10 p(w_n | w_1 … w_{n−1}) and log10 γ(w_1 … w_n), which is 0 if no n-gram
/// continues this one.
pub type Emit<'e, E> = dyn FnMut(&[u32], f32, f32) -> Result<(), E> + 'e;

/// Takes the n-grams of an order that end in the words of a part, in suffix order.
pub(super) trait Sink {
    /// The n-gram as a key and as words, log10 p and log10 γ.
    fn push(
        &mut self,
        gram: u128,
        ids: &[u32],
        log10_p: f32,
        log10_backoff: f32,
    ) -> Result<(), Stop>;

    fn finish(self) -> Result<(), Stop>;
}

/// Why estimating ends early.
#[derive(Debug)]
pub(super) enum Stop {
    Store(StoreError),
    /// What was estimated could not be used.
    Ended,
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Stop {
        Stop::Store(error)
    }
}

impl From<Ended> for Stop {
    fn from(_: Ended) -> Stop {
        Stop::Ended
    }
}

impl Counts {
    /// Discounts of each order, from 1.
    pub fn discounts(&self) -> Vec<Discounts> {
        self.tallies().iter().map(Discounts::of).collect()
    }

    /// Estimates the probability and back-off weight of every n-gram and passes them to `emit`.
    ///
    /// Order by order from 1, tokens by id and `<s>` last, higher orders sorted by their endings.
    ///
    /// Errors: scratch files that cannot be written or read, and whatever `emit` finds.
    pub fn estimate<E: From<StoreError>>(self, emit: &mut Emit<'_, E>) -> Result<(), E> {
        self.estimate_in_order(blocks::Grams::new, &mut |grams| grams.visit(emit))
    }

    /// Estimates all n-grams into blocks that several threads make, and that `take` gets in the order of [`Counts::estimate`].
    pub(super) fn estimate_in_order<B: blocks::Block, E: From<StoreError>>(
        self,
        new: impl Fn(usize) -> B + Sync,
        take: &mut dyn FnMut(B) -> Result<(), E>,
    ) -> Result<(), E> {
        let parts = self.parts.count();
        let ordered = Ordered::new(self.packing.order() * parts, self.memory.waiting_bytes());
        std::thread::scope(|scope| {
            let (ordered, new) = (&ordered, &new);
            let estimating = scope.spawn(move || {
                let _guard = ordered.end_on_panic();
                let open =
                    |n: usize, part| blocks::InOrder::new(ordered, (n - 1) * parts + part, n, new);
                let estimated = self.estimate_parts(&open);
                if estimated.is_err() {
                    ordered.end();
                }
                estimated
            });
            let _guard = ordered.end_on_panic();
            let mut taken = Ok(());
            while let Some(block) = ordered.next() {
                taken = take(block);
                if taken.is_err() {
                    ordered.end();
                }
            }
            let estimated = estimating.join();
            match estimated.unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
                Err(Stop::Store(error)) => Err(error.into()),
                Ok(()) | Err(Stop::Ended) => taken,
            }
        })
    }

    /// Estimates all n-grams, order by order; several threads give those of a part each to a sink that `open` makes for the order
    /// and the part.
    pub(super) fn estimate_parts<S: Sink>(
        self,
        open: &(impl Fn(usize, usize) -> S + Sync),
    ) -> Result<(), Stop> {
        let discounts = self.discounts();
        let (packing, parts, memory) = (self.packing, &self.parts, &self.memory);
        let (begin, order) = (self.words.begin(), packing.order());
        let budget = Arc::new(Budget::new(memory.spool_bytes()));
        let (terms, weights) = terms_of_orders(
            packing,
            parts,
            self.orders,
            &discounts[1..],
            memory,
            &budget,
        )?;
        // The weights of order n come from the contexts of order n + 1; the highest order has none.
        let weights: Vec<Mutex<Option<Spooled>>> =
            weights.into_iter().map(Some).map(Mutex::new).collect();
        let weights_of = |n: usize, part: usize| match n < order {
            true => MergeJoin::new(take(&weights[(n - 1) * parts.count() + part])),
            false => MergeJoin::new(None),
        };

        let unigrams = UnigramProbabilities::new(&self.unigrams, &discounts[0]);
        let scratch = memory.scratch();
        let of_words = |(): &mut (), part| -> Result<Spooled, Stop> {
            let mut lower = Spool::new(&scratch, &budget);
            let mut of_contexts = weights_of(1, part);
            let mut sink = open(1, part);
            for id in parts.words(part) {
                let gram = packing.pack(&[id]);
                let log10_p = match id == begin {
                    true => NEVER_LOG10,
                    false => {
                        let p = unigrams.of(id);
                        lower.push(gram, p.to_bits())?;
                        log10(p)
                    }
                };
                sink.push(gram, &[id], log10_p, of_contexts.weight_log10(gram)?)?;
            }
            sink.finish()?;
            Ok(lower.finish()?)
        };
        let (_, mut lower) = parallel::tasks(memory.threads, parts.count(), || (), of_words)?;

        for (n, terms) in (2..).zip(terms) {
            let shorter: Vec<_> = lower.into_iter().map(Some).map(Mutex::new).collect();
            let scratch = memory.scratch();
            let of_part = |ids: &mut Vec<u32>, part: usize| -> Result<Spooled, Stop> {
                let mut lower = Spool::new(&scratch, &budget);
                let mut shorter = MergeJoin::new(take(&shorter[part]));
                let mut of_contexts = weights_of(n, part);
                let (from, end) = parts.keys(part, n);
                let mut terms = terms.records(from, end, memory.ahead())?;
                let mut sink = open(n, part);
                while let Some(record) = terms.next()? {
                    let gram = key(&record);
                    let Some(p_shorter) = shorter.seek(packing.suffix(gram))? else {
                        unreachable!("an n-gram that is kept ends in one that is kept")
                    };
                    let term = Term::from_bits(record[2]);
                    let p_shorter = f64::from_bits(p_shorter);
                    let p = f64::from(term.discounted) + f64::from(term.weight) * p_shorter;
                    let p = p.min(1.0); // the terms are rounded
                    if n < order {
                        lower.push(gram, p.to_bits())?;
                    }
                    packing.unpack(gram, ids);
                    sink.push(gram, ids, log10(p), of_contexts.weight_log10(gram)?)?;
                }
                sink.finish()?;
                Ok(lower.finish()?)
            };
            let begin = || vec![0; n];
            (_, lower) = parallel::tasks(memory.threads, parts.count(), begin, of_part)?;
        }
        Ok(())
    }
}

fn take(spooled: &Mutex<Option<Spooled>>) -> Option<Spooled> {
    spooled
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take()
}

/// p(w), by id. The words that no text has share what the discounts leave, evenly with all others.
struct UnigramProbabilities<'a> {
    adjusted: &'a [u64],
    discounts: &'a Discounts,
    total: f64,
    share: f64,
}

impl UnigramProbabilities<'_> {
    fn new<'a>(adjusted: &'a [u64], discounts: &'a Discounts) -> UnigramProbabilities<'a> {
        let total = adjusted.iter().sum::<u64>() as f64;
        let taken = adjusted
            .iter()
            .map(|&a| discounts.take(a, false))
            .sum::<f64>();
        UnigramProbabilities {
            adjusted,
            discounts,
            total,
            share: taken / total / adjusted.len() as f64,
        }
    }

    fn of(&self, id: u32) -> f64 {
        let a = self.adjusted[id as usize];
        (a as f64 - self.discounts.take(a, false)) / self.total + self.share
    }
}

/// What an n-gram of order 2 or more adds to p(w | h′): the first fraction of the equation, and γ(h).
struct Term {
    discounted: f32,
    weight: f32,
}

impl Term {
    fn to_bits(&self) -> u64 {
        u64::from(self.discounted.to_bits()) << 32 | u64::from(self.weight.to_bits())
    }

    fn from_bits(bits: u64) -> Term {
        Term {
            discounted: f32::from_bits((bits >> 32) as u32),
            weight: f32::from_bits(bits as u32),
        }
    }
}

/// Of the orders 2 … N the [`Term`]s of the n-grams that are kept, in suffix order; and γ (f64) of their contexts, also in suffix
/// order, by the part of the context's last word: for each order all parts.
fn terms_of_orders(
    packing: Packing,
    parts: &Parts,
    orders: Vec<Sorted>,
    discounts: &[Discounts],
    memory: &Memory,
    budget: &Arc<Budget>,
) -> Result<(Vec<Sorted>, Vec<Spooled>), StoreError> {
    let order = packing.order();
    let (scratch, of_weights) = (memory.scratch(), memory.scratch());
    // The highest orders are the largest: they come first, so that no thread is left alone with one.
    let tasks = (order - 1) * parts.count();
    let of_part = |sorters: &mut Vec<Sorter>, task: usize| {
        let (n, part) = (order - task / parts.count(), task % parts.count());
        let (from, end) = parts.keys(part, n);
        let grams = orders[n - 2].records(from, end, memory.ahead())?;
        let weights = Spool::new(&of_weights, budget);
        terms_of_part(
            packing,
            n,
            grams,
            &discounts[n - 2],
            &mut sorters[n - 2],
            weights,
        )
    };
    // Terms come in context order, so those that end in the same word are in suffix order.
    let begin = || memory.sorters_by_digit(&scratch, packing);
    let (states, weights) = parallel::tasks(memory.threads, tasks, begin, of_part)?;
    drop(orders);
    let mut sorters: Vec<Vec<Sorter>> = (2..=order).map(|_| Vec::new()).collect();
    for state in states {
        let both = sorters.iter_mut().zip(state);
        both.for_each(|(all, sorter)| all.push(sorter));
    }
    let terms = sorters.into_iter();
    let terms = terms.map(|sorters| Sorted::new(sorters, memory.threads));
    // From the lowest order on.
    let mut weights: Vec<_> = weights.into_iter().map(Some).collect();
    let ascending = (2..=order).flat_map(|n| {
        let first = (order - n) * parts.count();
        first..first + parts.count()
    });
    let weights = ascending.filter_map(|task| weights[task].take()).collect();
    Ok((terms.collect(), weights))
}

fn terms_of_part(
    packing: Packing,
    n: usize,
    mut grams: Records<'_>,
    discounts: &Discounts,
    terms: &mut Sorter,
    mut weights: Spool,
) -> Result<Spooled, StoreError> {
    // The n-grams of one context, of which there are at most V.
    let mut group: Vec<Record> = Vec::new();
    loop {
        let record = grams.next()?;
        let context = record.map(|record| packing.context(key(&record)));
        if let Some(first) = group.first()
            && Some(packing.context(key(first))) != context
        {
            let total = group.iter().map(|record| adjusted(record).0).sum::<u64>() as f64;
            let taken = |record: &Record| {
                let (count, pruned) = adjusted(record);
                discounts.take(count, pruned)
            };
            let weight = group.iter().map(taken).sum::<f64>() / total;
            let mut any = false;
            for record in &group {
                let (count, pruned) = adjusted(record);
                if !pruned {
                    any = true;
                    let discounted = ((count as f64 - taken(record)) / total) as f32;
                    let term = Term {
                        discounted,
                        weight: weight as f32,
                    };
                    terms.push(packing.by_suffix(key(record), n), term.to_bits())?;
                }
            }
            if any {
                weights.push(packing.context(key(first)), weight.to_bits())?;
            }
            group.clear();
        }
        match record {
            Some(record) => group.push(record),
            None => return weights.finish(),
        }
    }
}

/// Values by key, read alongside keys that ascend.
struct MergeJoin {
    records: Option<Spooled>,
    at: Option<Record>,
}

impl MergeJoin {
    fn new(records: Option<Spooled>) -> MergeJoin {
        MergeJoin {
            records,
            at: Some([0; 3]),
        }
    }

    /// The value of `wanted`, which is not below any key asked for before.
    fn seek(&mut self, wanted: u128) -> Result<Option<u64>, StoreError> {
        let Some(records) = &mut self.records else {
            return Ok(None);
        };
        while self.at.is_some_and(|at| key(&at) < wanted) {
            self.at = records.next()?;
        }
        Ok(self.at.filter(|at| key(at) == wanted).map(|at| at[2]))
    }

    /// log10 of a γ; 0 where a context has none.
    fn weight_log10(&mut self, context: u128) -> Result<f32, StoreError> {
        Ok(self
            .seek(context)?
            .map_or(0.0, |bits| log10(f64::from_bits(bits))))
    }
}

fn log10(x: f64) -> f32 {
    (ln(x) * LOG10_E) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn discounts(of_count: [u64; 4]) -> Discounts {
        Discounts::of(&Tally {
            of_count,
            ..Tally::default()
        })
    }

    #[test]
    fn only_the_first_three_counts_must_occur() {
        let found = discounts([40, 10, 5, 0]);
        assert!(!found.fallback && found.amounts[2] == 3.0, "{found:?}");
        let y = 40.0 / 60.0;
        assert_eq!(
            found.amounts[..2],
            [1.0 - 2.0 * y * 10.0 / 40.0, 2.0 - 3.0 * y * 5.0 / 10.0]
        );
        for missing in 0..3 {
            let mut of_count = [40, 10, 5, 2];
            of_count[missing] = 0;
            let found = discounts(of_count);
            assert!(found.fallback && found.amounts == FALLBACK, "{found:?}");
        }
    }

    #[test]
    fn discounts_out_of_range_fall_back_and_none_may_be_zero() {
        // D_2 = 2 − 3 Y t_3 / t_2.
        assert!(discounts([4, 1, 2, 1]).fallback);
        let zero = discounts([4, 1, 1, 0]);
        assert!(!zero.fallback && zero.amounts[1] == 0.0, "{zero:?}");
        let zero = discounts([1, 1, 2, 0]);
        assert!(!zero.fallback && zero.amounts[1] == 0.0, "{zero:?}");
    }
}
