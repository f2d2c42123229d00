//! Accuracies of models on minimal pairs, by paradigm and overall, with intervals and paired tests.
//!
//! ```text
//! paradigm    a_i = Σ credit / n_i                     Wilson's interval
//! pairs       Σ_i n_i a_i / Σ_i n_i                    Wilson's interval: every pair has the same weight
//! paradigms   Σ_i a_i / m                              interval by MOVER: every paradigm has the same weight
//! test        d_u = credit_a − credit_b of each pair;  signs are flipped by a coin (approximate randomisation)
//! ```
//! Where no pair counts one half, the test is a Monte Carlo version of McNemar's exact test (1947): pairs on which both models agree play no part.

use super::interval::{of_mean, wilson};
use super::scores::{Compared, PairScore, Ties};
use crate::compare::{Interval, randomisation};
use serde::Serialize;
use std::cmp::Ordering;

/// Scores of all pairs under a model.
#[derive(Clone, Debug)]
pub struct ModelScores {
    /// Name of the model.
    pub name: String,
    /// Score of each pair, in order.
    pub scores: Vec<PairScore>,
}

/// Accuracy of a model on some pairs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Accuracy {
    /// Share of the pairs that are right, ties counted as the report says.
    pub accuracy: f64,
    /// Interval of 95 %.
    pub interval: Interval,
    /// Number of pairs whose good sentence has the larger log-probability.
    pub right: u64,
    /// Number of pairs whose sentences have the same log-probability.
    pub ties: u64,
    /// Number of pairs with a word that the vocabulary lacks.
    pub unknown: u64,
}

/// Pairs of one paradigm and the accuracy of each model.
#[derive(Clone, Debug, Serialize)]
pub struct Paradigm {
    /// Name of the paradigm.
    pub name: String,
    /// Number of pairs.
    pub pairs: u64,
    /// Accuracy of each model, in order.
    pub models: Vec<Accuracy>,
}

/// Paired test of two models on all pairs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PairedTest {
    /// Number of the first model.
    pub a: usize,
    /// Number of the second model.
    pub b: usize,
    /// Accuracy over all pairs of the first model minus that of the second.
    pub difference: f64,
    /// Number of pairs on which the first model has the larger credit.
    pub only_a: u64,
    /// Number of pairs on which the second model has the larger credit.
    pub only_b: u64,
    /// p-value of the hypothesis that the difference is due to chance.
    pub p_value: f64,
}

/// Accuracies of several models on the same pairs.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Names of the models.
    pub models: Vec<String>,
    /// Results by paradigm.
    pub paradigms: Vec<Paradigm>,
    /// Number of all pairs.
    pub pairs: u64,
    /// Mean over all pairs, for each model.
    pub over_pairs: Vec<Accuracy>,
    /// Mean over paradigms, for each model.
    pub over_paradigms: Vec<Accuracy>,
    /// Paired tests of each two models.
    pub tests: Vec<PairedTest>,
}

/// Number and seed of the resamples of paired tests.
#[derive(Clone, Copy, Debug)]
pub struct Tests {
    /// How often signs are flipped.
    pub resamples: usize,
    /// Seed of the flips.
    pub seed: u64,
}

impl Default for Tests {
    fn default() -> Tests {
        Tests {
            resamples: 9999,
            seed: 1,
        }
    }
}

/// Sums the scores of all models up; `paradigm_of` has the number of the paradigm of each pair.
///
/// # Panics
/// If there is no pair, or a model has another number of scores.
pub fn report(
    models: &[ModelScores],
    paradigm_of: &[usize],
    names: &[String],
    compared: Compared,
    ties: Ties,
    tests: Tests,
) -> Report {
    assert!(!paradigm_of.is_empty(), "no pairs");
    let sums: Vec<Vec<Sums>> = models
        .iter()
        .map(|model| {
            assert_eq!(model.scores.len(), paradigm_of.len(), "scores of a model");
            let mut sums = vec![Sums::default(); names.len()];
            for (score, &paradigm) in model.scores.iter().zip(paradigm_of) {
                sums[paradigm].add(score, compared);
            }
            sums
        })
        .collect();
    let paradigms: Vec<Paradigm> = names
        .iter()
        .enumerate()
        .map(|(i, name)| Paradigm {
            name: name.clone(),
            pairs: paradigm_of
                .iter()
                .filter(|&&paradigm| paradigm == i)
                .count() as u64,
            models: sums.iter().map(|model| model[i].accuracy(ties)).collect(),
        })
        .collect();
    let total = |model: &Vec<Sums>| model.iter().fold(Sums::default(), |all, one| all.plus(one));
    let over_pairs: Vec<Accuracy> = sums.iter().map(|m| total(m).accuracy(ties)).collect();
    let over_paradigms = (0..models.len())
        .map(|model| {
            let of_paradigms = paradigms.iter().map(|paradigm| paradigm.models[model]);
            let proportions: Vec<(f64, Interval)> =
                of_paradigms.map(|a| (a.accuracy, a.interval)).collect();
            let accuracies = proportions.iter().map(|(accuracy, _)| accuracy);
            Accuracy {
                accuracy: accuracies.sum::<f64>() / proportions.len() as f64,
                interval: of_mean(&proportions),
                ..over_pairs[model]
            }
        })
        .collect();
    Report {
        models: models.iter().map(|model| model.name.clone()).collect(),
        paradigms,
        pairs: paradigm_of.len() as u64,
        over_pairs,
        over_paradigms,
        tests: paired_tests(models, compared, ties, tests),
    }
}

/// Tests of each two models.
fn paired_tests(
    models: &[ModelScores],
    compared: Compared,
    ties: Ties,
    tests: Tests,
) -> Vec<PairedTest> {
    let credits = |model: &ModelScores| -> Vec<f64> {
        let scores = model.scores.iter();
        scores.map(|score| score.credit(compared, ties)).collect()
    };
    let credits: Vec<Vec<f64>> = models.iter().map(credits).collect();
    let pairs = (0..models.len()).flat_map(|a| (a + 1..models.len()).map(move |b| (a, b)));
    pairs
        .map(|(a, b)| {
            let differences = credits[a].iter().zip(&credits[b]).map(|(a, b)| a - b);
            let differing: Vec<f64> = differences.filter(|&d| d != 0.0).collect();
            let with = |sign: f64| differing.iter().filter(|&&d| d * sign > 0.0).count() as u64;
            let (only_a, only_b) = (with(1.0), with(-1.0));
            let difference = differing.iter().sum::<f64>() / credits[a].len() as f64;
            let p_values = randomisation(&[differing], tests.resamples, tests.seed, &mut |_| {});
            PairedTest {
                a,
                b,
                difference,
                only_a,
                only_b,
                p_value: p_values.first().copied().unwrap_or(1.0),
            }
        })
        .collect()
}

/// Counts of pairs.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    pairs: u64,
    right: u64,
    ties: u64,
    unknown: u64,
}

impl Sums {
    fn add(&mut self, score: &PairScore, compared: Compared) {
        let preference = score.preference(compared);
        self.pairs += 1;
        self.right += u64::from(preference == Ordering::Greater);
        self.ties += u64::from(preference == Ordering::Equal);
        self.unknown += u64::from(score.has_unknown());
    }

    fn plus(self, other: &Sums) -> Sums {
        Sums {
            pairs: self.pairs + other.pairs,
            right: self.right + other.right,
            ties: self.ties + other.ties,
            unknown: self.unknown + other.unknown,
        }
    }

    fn accuracy(&self, ties: Ties) -> Accuracy {
        let (pairs, credit) = (
            self.pairs as f64,
            self.right as f64 + ties.credit() * self.ties as f64,
        );
        Accuracy {
            accuracy: credit / pairs,
            interval: wilson(credit, pairs),
            right: self.right,
            ties: self.ties,
            unknown: self.unknown,
        }
    }
}
