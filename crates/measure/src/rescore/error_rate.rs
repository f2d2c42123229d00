//! Word error rates of n-best lists before and after rescoring, and at best, with their uncertainty.
//!
//! ```text
//! WER = Σ_u errors_u / Σ_u words_u          u: utterances; words are those of the references
//! before: the first hypothesis of each list     after: the best by the total score     oracle: the one with the fewest errors
//! ```
//! Intervals are bootstrap percentiles over utterances, the p-value is that of a matched-pairs randomisation test over utterances; both are those of
//! [`compare`](crate::compare), with errors in place of losses.

use super::{RescoreError, WordErrors};
use crate::compare::{Interval, RESAMPLES, percentiles, randomisation, resampled};
use crate::error::Result;
use elman_text::OutOfRange;
use serde::Serialize;

/// Smallest number of utterances with words; with fewer there are no intervals.
const FEWEST_UTTERANCES: usize = 10;
/// Hypotheses of an utterance whose errors are summed up.
const COLUMNS: usize = 3;

/// Word errors of the utterances of n-best lists.
#[derive(Clone, Debug, Default)]
pub struct ErrorSums {
    /// Errors of each utterance before and after rescoring, and at best.
    utterances: Vec<[WordErrors; COLUMNS]>,
}

/// Word error rate of one choice of hypotheses.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ErrorRate {
    /// Errors of all utterances.
    #[serde(flatten)]
    pub errors: WordErrors,
    /// Errors per word of the references.
    pub rate: f64,
    /// 95 % confidence interval of the rate.
    pub interval: Option<Interval>,
}

/// Word error rates before and after rescoring, and at best.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ErrorRates {
    /// Number of utterances.
    pub utterances: usize,
    /// Rate of the first hypotheses of the lists.
    pub before: ErrorRate,
    /// Rate of the hypotheses with the largest totals.
    pub after: ErrorRate,
    /// Rate of the hypotheses with the fewest errors.
    pub oracle: ErrorRate,
    /// Difference between after and before, with its test; none if there are too few utterances.
    pub significance: Option<Significance>,
}

/// Whether rescoring has changed the word error rate by more than chance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Significance {
    /// Rate after minus rate before.
    pub difference: f64,
    /// 95 % confidence interval of the difference.
    pub difference_interval: Interval,
    /// Probability of a difference at least as large if rescoring changed nothing but by chance.
    pub p_value: f64,
    /// Number of resamples, and of permutations.
    pub resamples: usize,
}

impl ErrorSums {
    /// Adds an utterance: the errors of all of its hypotheses, and the index of the best one by the total score.
    pub fn add(&mut self, errors: &[WordErrors], best: usize) {
        let least = errors.iter().min_by_key(|errors| errors.total());
        if let (Some(&first), Some(&least)) = (errors.first(), least) {
            self.utterances.push([first, errors[best], least]);
        }
    }

    /// Replaces the errors after rescoring of the utterance of index `utterance`, as they are with other weights.
    pub fn choose(&mut self, utterance: usize, after: WordErrors) {
        self.utterances[utterance][1] = after;
    }

    /// Computes the rates, with `resamples` resamples for intervals and the test.
    ///
    /// # Errors
    /// [`Error::Range`](crate::Error::Range) for a number of resamples out of range; [`RescoreError::NoWords`] if the references have no words.
    pub fn rates(&self, resamples: usize, seed: u64) -> Result<ErrorRates> {
        OutOfRange::check("the number of resamples", resamples, RESAMPLES)?;
        let mut sums = [WordErrors::default(); COLUMNS];
        for utterance in &self.utterances {
            for (sum, errors) in sums.iter_mut().zip(utterance) {
                *sum += *errors;
            }
        }
        if sums[0].words == 0 {
            return Err(RescoreError::NoWords.into());
        }
        let mut rates = sums.map(|errors| ErrorRate {
            errors,
            rate: errors.rate(),
            interval: None,
        });
        let with_words = self.utterances.iter().filter(|all| all[0].words > 0);
        let enough = with_words.count() >= FEWEST_UTTERANCES;
        let significance = enough.then(|| self.resample(&mut rates, resamples, seed));
        let [before, after, oracle] = rates;
        Ok(ErrorRates {
            utterances: self.utterances.len(),
            before,
            after,
            oracle,
            significance,
        })
    }

    /// Adds intervals to `rates`, and tests the difference of the first two.
    fn resample(
        &self,
        rates: &mut [ErrorRate; COLUMNS],
        resamples: usize,
        seed: u64,
    ) -> Significance {
        let words: Vec<f64> = self
            .utterances
            .iter()
            .map(|u| f64::from(u[0].words))
            .collect();
        let column = |i: usize| self.utterances.iter().map(move |u| f64::from(u[i].total()));
        let columns: Vec<Vec<f64>> = (0..COLUMNS).map(|i| column(i).collect()).collect();
        let slices: Vec<&[f64]> = columns.iter().map(|column| &column[..]).collect();
        let drawn = resampled(&words, &slices, resamples, seed, &mut |_| {});
        // A resample of empty references alone has no rate.
        let finite = |figures: Vec<f64>| figures.into_iter().filter(|rate| rate.is_finite());
        for (rate, drawn) in rates.iter_mut().zip(&drawn) {
            rate.interval = Some(percentiles(finite(drawn.clone()).collect()));
        }
        let differences = drawn[1].iter().zip(&drawn[0]).map(|(a, b)| a - b);
        let by_utterance = column(1).zip(column(0)).map(|(a, b)| a - b).collect();
        let p_values = randomisation(&[by_utterance], resamples, seed, &mut |_| {});
        Significance {
            difference: rates[1].rate - rates[0].rate,
            difference_interval: percentiles(finite(differences.collect()).collect()),
            p_value: p_values[0],
            resamples,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(total: u32) -> WordErrors {
        WordErrors {
            substitutions: total,
            words: 10,
            ..WordErrors::default()
        }
    }

    #[test]
    fn rates_are_of_the_first_the_best_and_the_least_wrong() {
        let mut sums = ErrorSums::default();
        sums.add(&[errors(4), errors(1), errors(3)], 2);
        sums.add(&[errors(2), errors(2)], 0);
        let mut other = sums.clone();
        other.choose(0, errors(1));
        assert_eq!(other.rates(99, 1).unwrap().after.rate, 0.15);
        let rates = sums.rates(99, 1).unwrap();
        let found = [rates.before, rates.after, rates.oracle].map(|rate| rate.rate);
        assert_eq!(found, [0.3, 0.25, 0.15]);
        assert_eq!((rates.utterances, rates.after.errors.words), (2, 20));
        // Two utterances are too few for an interval.
        assert_eq!((rates.after.interval, rates.significance), (None, None));
        assert!(sums.rates(3, 1).is_err());
        assert!(ErrorSums::default().rates(99, 1).is_err());
    }

    #[test]
    fn a_clear_difference_is_significant_and_none_is_not() {
        let (mut clear, mut none) = (ErrorSums::default(), ErrorSums::default());
        for i in 0..40 {
            clear.add(&[errors(4 + i % 3), errors(i % 2)], 1);
            none.add(&[errors(4 + i % 3), errors(i % 2)], 0);
        }
        let rates = clear.rates(999, 1).unwrap();
        let found = rates.significance.unwrap();
        assert_eq!(found.p_value, 0.001);
        assert!((found.difference - (rates.after.rate - rates.before.rate)).abs() < 1e-15);
        let interval = found.difference_interval;
        assert!(interval.low <= found.difference && found.difference <= interval.high);
        assert!(interval.high < -0.3, "{interval:?}");
        let interval = rates.before.interval.unwrap();
        assert!(interval.low < rates.before.rate && rates.before.rate < interval.high);
        let found = none.rates(999, 1).unwrap().significance.unwrap();
        assert_eq!((found.difference, found.p_value), (0.0, 1.0));
    }
}
