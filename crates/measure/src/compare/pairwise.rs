//! Confidence intervals and pairwise tests of models, by resampling lines or blocks of tokens.

use super::bootstrap::{Interval, percentiles, randomisation, resampled};
use super::result::{Difference, Entry, Unit, UnitOf};
use super::units::Units;
use super::{Options, Progress, Stage};

/// Smallest number of units; with fewer there are no intervals.
const FEWEST_UNITS: usize = 10;

/// Losses of all models in the units that are resampled, for confidence intervals and pairwise tests.
pub(super) struct PairwiseTests<'a> {
    pub unit: Unit,
    counts: &'a [f64],
    columns: Vec<&'a [f64]>,
}

impl<'a> PairwiseTests<'a> {
    /// Makes the tests of the columns; `None` if there are too few units.
    pub fn new(of: UnitOf, units: &'a Units, columns: Vec<&'a [f64]>) -> Option<PairwiseTests<'a>> {
        (units.len() >= FEWEST_UNITS).then(|| PairwiseTests {
            unit: Unit {
                of,
                each: units.each(),
                count: units.len(),
            },
            counts: units.counts(),
            columns,
        })
    }

    /// Whether all losses are finite; a model that gives some token probability 0 has no interval.
    fn is_finite(&self, column: usize) -> bool {
        self.columns[column].iter().all(|nats| nats.is_finite())
    }

    /// Adds confidence intervals of perplexities and of the differences of `pairs`.
    pub fn add_intervals(
        &self,
        rows: &mut [Entry],
        pairs: &[(usize, usize)],
        differences: &mut [Difference],
        options: &Options,
        progress: &mut dyn FnMut(Progress),
    ) {
        let mut report = |done| progress(drawn(Stage::Resampling, done, options));
        let losses = resampled(
            self.counts,
            &self.columns,
            options.resamples,
            options.seed,
            &mut report,
        );
        for (column, row) in rows.iter_mut().enumerate() {
            row.interval = self.is_finite(column).then(|| {
                let Interval { low, high } = percentiles(losses[column].clone());
                Interval {
                    low: low.exp(),
                    high: high.exp(),
                }
            });
        }
        for (&(a, b), difference) in pairs.iter().zip(differences) {
            let both = self.is_finite(a) && self.is_finite(b);
            difference.difference_interval = both.then(|| {
                let both = losses[a].iter().zip(&losses[b]);
                percentiles(both.map(|(a, b)| a - b).collect())
            });
        }
    }

    /// Adds p-values to the differences of `pairs`, from a randomisation test.
    pub fn add_p_values(
        &self,
        pairs: &[(usize, usize)],
        differences: &mut [Difference],
        options: &Options,
        progress: &mut dyn FnMut(Progress),
    ) {
        let finite = |&i: &usize| self.is_finite(pairs[i].0) && self.is_finite(pairs[i].1);
        let judged: Vec<usize> = (0..pairs.len()).filter(finite).collect();
        let by_unit = |&i: &usize| {
            let (a, b) = (self.columns[pairs[i].0], self.columns[pairs[i].1]);
            a.iter().zip(b).map(|(a, b)| a - b).collect()
        };
        let by_unit: Vec<Vec<f64>> = judged.iter().map(by_unit).collect();
        let mut report = |done| progress(drawn(Stage::Testing, done, options));
        let p_values = randomisation(&by_unit, options.resamples, options.seed, &mut report);
        for (i, p_value) in judged.into_iter().zip(p_values) {
            differences[i].p_value = Some(p_value);
        }
    }
}

fn drawn(stage: Stage, done: usize, options: &Options) -> Progress {
    Progress {
        stage,
        done: done as u64,
        total: Some(options.resamples as u64),
    }
}
