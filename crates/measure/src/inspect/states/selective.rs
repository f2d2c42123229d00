//! Units that follow a property of the text, chosen on one half of it and judged on the other.
//!
//! ```text
//! r  = Σ (x − x̄)(a − ā) / √(Σ (x − x̄)² Σ (a − ā)²)      of a unit's value x and an annotation a; for a flag the point-biserial correlation
//! AUC = P(x⁺ > x⁻) + ½ P(x⁺ = x⁻)                         x⁺ a value where the flag is up, x⁻ one where it is not (Mann and Whitney 1947)
//! ```
//! The best of many hundred units is partly luck on the half where it was chosen; on the other half it is not. AUC asks nothing of the
//! distributions: ½ says nothing, 1 and 0 that a threshold separates both perfectly.

use super::annotation::Annotation;
use super::{Part, States, Unit};
use serde::Serialize;

/// Smallest number of tokens of a half at which a flag must be 1, and 0, to be evaluated.
const FEWEST: usize = 20;

/// The units that follow one annotation best.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Selectivity {
    /// The annotation.
    pub annotation: Annotation,
    /// Share of the tokens at which a flag is 1; `None` for a position.
    pub share: Option<f64>,
    /// Units with the highest correlation, the best first; empty if the text shows the annotation too rarely.
    pub units: Vec<UnitScore>,
}

/// How well a unit follows an annotation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct UnitScore {
    /// The unit.
    pub unit: Unit,
    /// Correlation r on the first half of the text, by whose magnitude the unit was chosen.
    pub chosen_r: f64,
    /// Correlation r on the second half of the text.
    pub r: f64,
    /// AUC of a flag on the second half: the probability that the unit is higher where the flag is 1; `None` for a position.
    pub auc: Option<f64>,
}

/// The `best` units for each annotation, whose `values` are (A, N).
pub(super) fn selectivity(states: &States, values: &[Vec<f64>], best: usize) -> Vec<Selectivity> {
    let half = states.tokens / 2;
    // One unit's values at a time: all of them would take twice the memory of the states.
    let chosen: Vec<(Unit, Vec<f64>)> = states
        .units()
        .map(|unit| {
            let first: Vec<f64> = states.values(unit).take(half).collect();
            let of = |values: &Vec<f64>| correlation(&first, &values[..half]);
            (unit, values.iter().map(of).collect())
        })
        .collect();
    let of = |(a, annotation): (usize, Annotation)| {
        let (first, second) = values[a].split_at(half);
        let mut ranked: Vec<(Unit, f64)> = Vec::new();
        if !annotation.is_flag() || [first, second].iter().all(|half| is_shown(half)) {
            ranked.extend(chosen.iter().map(|(unit, rs)| (*unit, rs[a])));
            // The sort is stable: of equals the first unit.
            ranked.sort_by(|(_, a), (_, b)| b.abs().total_cmp(&a.abs()));
            ranked.truncate(best);
        }
        let score = |(unit, chosen_r): (Unit, f64)| {
            let column: Vec<f64> = states.values(unit).skip(half).collect();
            UnitScore {
                unit,
                chosen_r,
                r: correlation(&column, second),
                auc: annotation.is_flag().then(|| auc(&column, second)),
            }
        };
        let share = || values[a].iter().sum::<f64>() / states.tokens as f64;
        Selectivity {
            annotation,
            share: annotation.is_flag().then(share),
            units: ranked.into_iter().map(score).collect(),
        }
    };
    Annotation::ALL.into_iter().enumerate().map(of).collect()
}

/// Whether a half shows both that a flag is up and that it is not.
fn is_shown(values: &[f64]) -> bool {
    let up = values.iter().filter(|value| **value != 0.0).count();
    up.min(values.len() - up) >= FEWEST
}

/// r; 0 where one of the two is constant.
fn correlation(x: &[f64], a: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (x_mean, a_mean) = (mean(x), mean(a));
    let (mut xx, mut aa, mut xa) = (0.0, 0.0, 0.0);
    for (x, a) in x.iter().zip(a) {
        let (x, a) = (x - x_mean, a - a_mean);
        xx += x * x;
        aa += a * a;
        xa += x * a;
    }
    match xx > 0.0 && aa > 0.0 {
        true => xa / (xx.sqrt() * aa.sqrt()),
        false => 0.0,
    }
}

/// AUC from the ranks of the values, equal ones sharing theirs.
fn auc(x: &[f64], flags: &[f64]) -> f64 {
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_unstable_by(|&i, &j| x[i].total_cmp(&x[j]));
    let (mut rank_sum, mut below) = (0.0, 0);
    for equal in order.chunk_by(|&i, &j| x[i] == x[j]) {
        let rank = below as f64 + (equal.len() + 1) as f64 / 2.0;
        rank_sum += rank * equal.iter().map(|&i| flags[i]).sum::<f64>();
        below += equal.len();
    }
    let up = flags.iter().sum::<f64>();
    (rank_sum - up * (up + 1.0) / 2.0) / (up * (x.len() as f64 - up))
}

impl States {
    /// All components of the state: layers from below, h before c.
    pub fn units(&self) -> impl Iterator<Item = Unit> + '_ {
        self.layers.iter().enumerate().flat_map(|(layer, states)| {
            let parts = [(Part::H, &states.h), (Part::C, &states.c)];
            let kept = parts.into_iter().filter(|(_, values)| !values.is_empty());
            kept.flat_map(move |(part, _)| {
                (0..states.hidden).map(move |unit| Unit { layer, unit, part })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::states::LayerStates;

    #[test]
    fn auc_counts_pairs_and_r_is_its_definition() {
        let x = [0.5_f64, -1.0, 2.0, 0.5, 3.0, 0.5];
        let flags = [1.0, 0.0, 1.0, 0.0, 0.0, 0.0];
        let mut pairs = 0.0;
        for (i, up) in flags.iter().enumerate().filter(|(_, flag)| **flag == 1.0) {
            for (j, _) in flags.iter().enumerate().filter(|(_, flag)| **flag == 0.0) {
                pairs += match x[i].total_cmp(&x[j]) {
                    std::cmp::Ordering::Greater => *up,
                    std::cmp::Ordering::Equal => 0.5,
                    std::cmp::Ordering::Less => 0.0,
                };
            }
        }
        assert!((auc(&x, &flags) - pairs / 8.0).abs() < 1e-12);
        assert!((correlation(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]) - 1.0).abs() < 1e-12);
        assert!((correlation(&[1.0, 2.0, 3.0, 4.0], &[1.0, 0.0, 0.0, 1.0])).abs() < 1e-12);
        assert_eq!(correlation(&[1.0, 1.0], &[0.0, 1.0]), 0.0);
    }

    /// Unit 1 follows the flag everywhere, unit 0 in the first half only, where it does so better.
    #[test]
    fn a_unit_that_was_lucky_where_it_was_chosen_is_seen_through() {
        let n = 400;
        let flag: Vec<f64> = (0..n).map(|t| f64::from(u8::from(t % 5 < 2))).collect();
        let mut h = Vec::new();
        for (t, flag) in flag.iter().enumerate() {
            let noise = (t * 7919 % 13) as f32 / 13.0 - 0.5;
            let lucky = if t < n / 2 { *flag as f32 } else { noise };
            h.extend([lucky, 1.0 - *flag as f32 + noise / 2.0]);
        }
        let states = States {
            tokens: n,
            layers: vec![LayerStates {
                hidden: 2,
                h,
                c: Vec::new(),
            }],
        };
        let rare = vec![0.0; n];
        let mut values = vec![rare; Annotation::ALL.len()];
        values[1] = flag;
        let found = selectivity(&states, &values, 2);
        assert!(found[0].units.is_empty() && found[0].share == Some(0.0));
        let [lucky, true_one] = &found[1].units[..] else {
            panic!("two units")
        };
        assert_eq!((lucky.unit.unit, true_one.unit.unit), (0, 1));
        assert!(lucky.chosen_r == 1.0 && lucky.r.abs() < 0.2);
        assert!(true_one.r < -0.8 && true_one.auc.unwrap() < 0.05);
    }
}
