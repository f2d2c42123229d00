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
//! in suffix order, where the probability of the shorter n-gram is at hand. No order needs memory beyond its share.

use super::NEVER_LOG10;
use super::count::{Counts, Tally, adjusted};
use super::key::Packing;
use super::sort::{Record, Records, SortMemory, Sorter, Spool, key};
use elman_kernels::ln;
use elman_store::StoreError;
use std::f64::consts::LOG10_E;
use std::sync::{Mutex, PoisonError};

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
        let discounts = self.discounts();
        let (packing, memory, begin) = (self.packing, self.memory, self.words.begin());
        let threads = self.options.threads;
        let (terms, weights) =
            terms_of_orders(packing, self.orders, &discounts[1..], &memory, threads)?;
        // The weights of order n come from the contexts of order n + 1; the highest order has none.
        let mut weights = weights.into_iter().map(Some).chain([None]);

        let mut lower = Spool::new(&memory);
        let mut of_contexts = MergeJoin::new(weights.next().flatten());
        for (id, p) in (0..).zip(unigram_probabilities(&self.unigrams, &discounts[0])) {
            let gram = packing.pack(&[id]);
            lower.push(gram, p.to_bits())?;
            emit(&[id], log10(p), of_contexts.weight_log10(gram)?)?;
        }
        let weight = of_contexts.weight_log10(packing.pack(&[begin]))?;
        emit(&[begin], NEVER_LOG10, weight)?;

        for (n, mut terms) in (2..).zip(terms) {
            let mut shorter = MergeJoin::new(Some(lower.finish()?));
            let mut of_contexts = MergeJoin::new(weights.next().flatten());
            let mut ids = vec![0; n];
            lower = Spool::new(&memory);
            while let Some(record) = terms.next()? {
                let gram = key(&record);
                let Some(p_shorter) = shorter.seek(packing.suffix(gram))? else {
                    unreachable!("an n-gram that is kept ends in one that is kept")
                };
                let term = Term::from_bits(record[2]);
                let p_shorter = f64::from_bits(p_shorter);
                let p = f64::from(term.discounted) + f64::from(term.weight) * p_shorter;
                let p = p.min(1.0); // the terms are rounded
                if n < packing.order() {
                    lower.push(gram, p.to_bits())?;
                }
                packing.unpack(gram, &mut ids);
                emit(&ids, log10(p), of_contexts.weight_log10(gram)?)?;
            }
        }
        Ok(())
    }
}

/// p(w), by id. The words that no text has share what the discounts leave, evenly with all others.
fn unigram_probabilities(adjusted: &[u64], discounts: &Discounts) -> impl Iterator<Item = f64> {
    let total = adjusted.iter().sum::<u64>() as f64;
    let taken = adjusted
        .iter()
        .map(|&a| discounts.take(a, false))
        .sum::<f64>();
    let share = taken / total / adjusted.len() as f64;
    adjusted
        .iter()
        .map(move |&a| (a as f64 - discounts.take(a, false)) / total + share)
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

/// Of the orders 2 … N: the [`Term`]s of the n-grams that are kept, and γ (f64) of their contexts, both in suffix order.
fn terms_of_orders(
    packing: Packing,
    orders: Vec<Sorter>,
    discounts: &[Discounts],
    memory: &SortMemory,
    threads: usize,
) -> Result<(Vec<Records>, Vec<Records>), StoreError> {
    let mut done = Vec::new();
    // The highest orders are the largest: they come first, so that no thread is left alone with one.
    let queue = Mutex::new((2..).zip(orders).collect::<Vec<_>>());
    let work = || -> Result<Vec<_>, StoreError> {
        let mut done = Vec::new();
        let take = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
        while let Some((n, grams)) = take() {
            done.push((
                n,
                terms_of_order(packing, n, grams, &discounts[n - 2], memory)?,
            ));
        }
        Ok(done)
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (1..threads.max(1)).map(|_| scope.spawn(work)).collect();
        done.extend(work()?);
        for worker in workers {
            match worker.join() {
                Ok(orders) => done.extend(orders?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(())
    })?;
    done.sort_by_key(|(n, _)| *n);
    Ok(done.into_iter().map(|(_, order)| order).unzip())
}

fn terms_of_order(
    packing: Packing,
    n: usize,
    grams: Sorter,
    discounts: &Discounts,
    memory: &SortMemory,
) -> Result<(Records, Records), StoreError> {
    let mut grams = grams.finish()?;
    let (mut terms, mut weights) = (Sorter::new(memory), Spool::new(memory));
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
            None => return Ok((terms.finish()?, weights.finish()?)),
        }
    }
}

/// Values by key, read alongside keys that ascend.
struct MergeJoin {
    records: Option<Records>,
    at: Option<Record>,
}

impl MergeJoin {
    fn new(records: Option<Records>) -> MergeJoin {
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
