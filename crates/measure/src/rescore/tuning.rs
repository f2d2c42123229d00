//! Weights with the fewest word errors on a development set: exact line searches (Och 2003, "Minimum error rate training in statistical machine translation", section 5).
//!
//! ```text
//! along w + γ d the total of hypothesis h is a line in γ:  w·x_h + γ d·x_h
//! the best hypothesis of an utterance is the upper envelope of its lines, so its errors are constant between the breakpoints of the envelope
//! errors(γ) = Σ_u errors of the envelope of u at γ:  a step function, whose smallest value is found by one pass over all breakpoints
//! ```
//! Directions are those of each weight, and random ones. Searches are repeated until none finds fewer errors, from the given weights and from random ones. At the end each
//! weight moves to the middle of the interval in which the errors stay the same, since an edge depends on a single utterance. Everything is drawn for (seed, start), so the result is
//! the same every time.
//!
//! Only the directions of weights matter, so one weight stays as it is: that of the list's scores, or of the model where lists bring no scores that differ.
//! Weights of features that differ in no utterance stay as they are. Weights of log-probabilities are not negative.

use super::{FEATURES, Features, RescoreError, Weights, WordErrors};
use crate::error::Result;
use elman_kernels::rng::{Site, Stream, key};

/// Weights of log-probabilities, which are not negative: the list's LM score and the model.
const LOG_PROBABILITIES: [usize; 2] = [1, 2];
/// Index of the list's scores.
const LIST: usize = 0;
/// Index of the model's log-probability.
const LM: usize = 2;
/// Cycles over all directions from one start; each but the last has found fewer errors.
const MOST_CYCLES: usize = 100;

/// Hypotheses of an utterance of the development set.
#[derive(Clone, Debug, Default)]
pub struct DevList {
    features: Vec<Features>,
    errors: Vec<WordErrors>,
}

/// Options of tuning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TuneOptions {
    /// Weights to start from; those that are not tuned stay as they are here.
    pub start: Weights,
    /// Number of random starts beside it.
    pub restarts: usize,
    /// Seed of random starts and directions.
    pub seed: u64,
}

/// Result of tuning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tuned {
    /// Weights with the fewest errors that were found.
    pub weights: Weights,
    /// Errors of the development set with these weights.
    pub errors: WordErrors,
    /// Which weights were tuned, in the order of [`Weights::to_array`].
    pub tuned: [bool; FEATURES],
    /// Number of line searches.
    pub searches: usize,
}

impl DevList {
    /// Makes a list of hypotheses with their features and errors, in the order of the list.
    ///
    /// Hypotheses that the model excludes (infinite features) are left out, as long as there are others.
    pub fn new(features: &[Features], errors: &[WordErrors]) -> DevList {
        let finite = |features: &Features| features.iter().all(|feature| feature.is_finite());
        let any = features.iter().any(finite);
        let mut list = DevList::default();
        for (features, errors) in features.iter().zip(errors) {
            if finite(features) {
                list.features.push(*features);
                list.errors.push(*errors);
            }
        }
        if !any {
            list.features
                .extend(features.first().map(|_| [0.0; FEATURES]));
            list.errors.extend(errors.first());
        }
        list
    }

    /// Errors of the hypothesis that is the best by `weights`.
    pub fn errors_at(&self, weights: Weights) -> WordErrors {
        self.errors[weights.best(&self.features)]
    }

    /// Largest difference of a feature between two hypotheses.
    fn spread(&self, feature: usize) -> f64 {
        let values = || self.features.iter().map(|features| features[feature]);
        values().fold(f64::NEG_INFINITY, f64::max) - values().fold(f64::INFINITY, f64::min)
    }
}

/// Finds the weights with the fewest word errors on the development set `lists`.
///
/// `progress` is called with the number of starts that are done.
///
/// # Errors
/// [`RescoreError::NoWords`] if the references have no words.
pub fn tune(
    lists: &[DevList],
    options: &TuneOptions,
    progress: &mut dyn FnMut(usize),
) -> Result<Tuned> {
    let mut search = Search::new(lists, options);
    let start = options.start;
    let mut best = (start, search.errors(start).total());
    if search.errors(start).words == 0 {
        return Err(RescoreError::NoWords.into());
    }
    for number in 0..=options.restarts {
        let mut stream = Stream::new(key(options.seed, Site::Tuning, number as u64));
        let from = match number {
            0 => start,
            _ => search.random_start(start, &mut stream),
        };
        let found = search.descend(from, &mut stream);
        if found.1 < best.1 {
            best = found;
        }
        progress(number + 1);
    }
    let weights = search.centred(best.0);
    Ok(Tuned {
        weights,
        errors: search.errors(weights),
        tuned: search.tuned,
        searches: search.searches,
    })
}

/// Interval of γ in which the number of errors is the same.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Plateau {
    from: f64,
    to: f64,
    errors: i64,
}

struct Search<'l> {
    lists: &'l [DevList],
    tuned: [bool; FEATURES],
    /// Scale of each weight: how much it takes to make up for the feature whose weight is fixed.
    scales: [f64; FEATURES],
    searches: usize,
}

impl<'l> Search<'l> {
    fn new(lists: &'l [DevList], options: &TuneOptions) -> Search<'l> {
        let spread = |feature| lists.iter().map(|list| list.spread(feature)).sum::<f64>();
        let spreads: [f64; FEATURES] = std::array::from_fn(spread);
        let fixed = match options.start.list_weight != 0.0 && spreads[LIST] > 0.0 {
            true => LIST,
            false => LM,
        };
        let size = spreads[fixed] * options.start.to_array()[fixed].abs();
        let tuned = |feature| feature != fixed && feature != LIST && spreads[feature] > 0.0;
        Search {
            lists,
            tuned: std::array::from_fn(tuned),
            scales: spreads.map(|spread| match spread > 0.0 && size > 0.0 {
                true => size / spread,
                false => 1.0,
            }),
            searches: 0,
        }
    }

    fn errors(&self, weights: Weights) -> WordErrors {
        let mut sum = WordErrors::default();
        self.lists
            .iter()
            .for_each(|list| sum += list.errors_at(weights));
        sum
    }

    fn tuned(&self) -> Vec<usize> {
        (0..FEATURES).filter(|&i| self.tuned[i]).collect()
    }

    fn random_start(&self, start: Weights, stream: &mut Stream) -> Weights {
        let mut weights = start.to_array();
        for i in self.tuned() {
            let u = 2.0 * stream.uniform_f64() - 1.0;
            weights[i] = self.scales[i]
                * match LOG_PROBABILITIES.contains(&i) {
                    // From a tenth to ten times the scale.
                    true => libm::exp10(u),
                    false => u,
                };
        }
        Weights::from_array(weights)
    }

    /// Searches along all directions until none of them has fewer errors.
    fn descend(&mut self, mut weights: Weights, stream: &mut Stream) -> (Weights, u32) {
        let mut errors = self.errors(weights).total();
        let tuned = self.tuned();
        for _ in 0..MOST_CYCLES {
            let before = errors;
            let axes = tuned.iter().map(|&i| self.direction(|j| f64::from(i == j)));
            let mut directions: Vec<_> = axes.collect();
            for _ in 1..tuned.len() {
                let drawn: [f64; FEATURES] = std::array::from_fn(|_| stream.normal());
                directions.push(self.direction(|j| drawn[j]));
            }
            for direction in directions {
                let plateaus = self.plateaus(weights, direction);
                // The fewest errors, and of equal ones the widest interval, which comes first.
                let best = plateaus.into_iter().reduce(|best, next| {
                    let wider = next.to - next.from > best.to - best.from;
                    match (next.errors, wider) {
                        (errors, _) if errors < best.errors => next,
                        (errors, true) if errors == best.errors => next,
                        _ => best,
                    }
                });
                let Some(best) = best else { continue };
                let moved = moved(weights, direction, (best.from + best.to) / 2.0);
                let found = self.errors(moved).total();
                if found < errors {
                    (weights, errors) = (moved, found);
                }
            }
            if errors == before {
                break;
            }
        }
        (weights, errors)
    }

    /// Moves each weight to the middle of the interval in which the errors stay the same.
    fn centred(&mut self, mut weights: Weights) -> Weights {
        let errors = self.errors(weights).total();
        for i in self.tuned() {
            let direction = self.direction(|j| f64::from(i == j));
            let here = |plateau: &Plateau| plateau.from <= 0.0 && 0.0 <= plateau.to;
            let plateaus = self.plateaus(weights, direction);
            if let Some(plateau) = plateaus.into_iter().find(here) {
                let moved = moved(weights, direction, (plateau.from + plateau.to) / 2.0);
                if self.errors(moved).total() <= errors {
                    weights = moved;
                }
            }
        }
        weights
    }

    /// A direction whose parts are in units of the weights' scales; 0 for weights that are not tuned.
    fn direction(&self, part: impl Fn(usize) -> f64) -> [f64; FEATURES] {
        let part = |i: usize| match self.tuned[i] {
            true => part(i) * self.scales[i],
            false => 0.0,
        };
        std::array::from_fn(part)
    }

    /// The intervals of γ with their numbers of errors, along `direction` from `weights`. Intervals that never end are cut.
    fn plateaus(&mut self, weights: Weights, direction: [f64; FEATURES]) -> Vec<Plateau> {
        self.searches += 1;
        let (mut errors, mut steps) = (0, Vec::new());
        for list in self.lists {
            let mut last = None;
            for (from, hypothesis) in envelope(list, weights, direction) {
                let here = i64::from(list.errors[hypothesis].total());
                match last {
                    None => errors += here,
                    Some(last) if last != here => steps.push((from, here - last)),
                    Some(_) => {}
                }
                last = Some(here);
            }
        }
        steps.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (lowest, highest) = bounds(weights, direction);
        let (first, last) = match (steps.first(), steps.last()) {
            (Some(first), Some(last)) => (first.0, last.0),
            _ => return Vec::new(),
        };
        let margin = 1.0 + 0.1 * (last - first);
        let (lowest, highest) = (lowest.max(first - margin), highest.min(last + margin));
        let mut plateaus: Vec<Plateau> = Vec::new();
        let mut from = f64::NEG_INFINITY;
        for (to, step) in steps.into_iter().chain([(f64::INFINITY, 0)]) {
            let (low, high) = (from.max(lowest), to.min(highest));
            if low < high {
                match plateaus.last_mut() {
                    Some(last) if last.errors == errors => last.to = high,
                    _ => plateaus.push(Plateau {
                        from: low,
                        to: high,
                        errors,
                    }),
                }
            }
            errors += step;
            from = to;
        }
        plateaus
    }
}

fn moved(weights: Weights, direction: [f64; FEATURES], gamma: f64) -> Weights {
    let from = weights.to_array();
    let along = |i: usize| from[i] + gamma * direction[i];
    let mut to: [f64; FEATURES] = std::array::from_fn(along);
    for i in LOG_PROBABILITIES {
        // Rounding may lead a little below the bound.
        to[i] = if direction[i] == 0.0 {
            from[i]
        } else {
            to[i].max(0.0)
        };
    }
    Weights::from_array(to)
}

/// Smallest and largest γ for which no weight of a log-probability is negative.
fn bounds(weights: Weights, direction: [f64; FEATURES]) -> (f64, f64) {
    let weights = weights.to_array();
    let (mut lowest, mut highest) = (f64::NEG_INFINITY, f64::INFINITY);
    for i in LOG_PROBABILITIES {
        let zero = -weights[i] / direction[i];
        if direction[i] > 0.0 {
            lowest = lowest.max(zero);
        } else if direction[i] < 0.0 {
            highest = highest.min(zero);
        }
    }
    (lowest, highest)
}

/// The best hypotheses of a list along w + γ d: each with the γ from which on it is the best, the first from −∞.
fn envelope(list: &DevList, weights: Weights, direction: [f64; FEATURES]) -> Vec<(f64, usize)> {
    let slope = |features: &Features| -> f64 {
        let terms = direction.iter().zip(features);
        let slope: f64 = terms.map(|(d, feature)| d * feature).sum();
        // Equal slopes are the same number: a zero has no sign.
        slope + 0.0
    };
    let lines = list.features.iter();
    let lines: Vec<(f64, f64)> = lines
        .map(|features| (slope(features), weights.total(features)))
        .collect();
    let mut order: Vec<usize> = (0..lines.len()).collect();
    // Of equal slopes the highest line comes first, of equal lines the first of the list; all others are never the best.
    order.sort_by(|&i, &j| {
        let ((slope_i, height_i), (slope_j, height_j)) = (lines[i], lines[j]);
        slope_i
            .total_cmp(&slope_j)
            .then(height_j.total_cmp(&height_i))
    });
    let mut best: Vec<(f64, usize)> = Vec::new();
    for i in order {
        let (slope, height) = lines[i];
        let mut from = f64::NEG_INFINITY;
        let mut never = false;
        while let Some(&(begins, other)) = best.last() {
            let (other_slope, other_height) = lines[other];
            if slope == other_slope {
                never = true;
                break;
            }
            from = (other_height - height) / (slope - other_slope);
            if from > begins {
                break;
            }
            best.pop();
            from = f64::NEG_INFINITY;
        }
        if !never {
            best.push((from, i));
        }
    }
    best
}

#[cfg(test)]
mod tests;
