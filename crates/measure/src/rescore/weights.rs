//! Features of hypotheses, their weights, and the order that the weighted sums give.

use serde::{Deserialize, Serialize};

/// Number of features.
pub const FEATURES: usize = 5;

/// Features of a hypothesis, in the order of [`Weights::to_array`].
pub type Features = [f64; FEATURES];

/// Weights of the features of a hypothesis, as they are saved in a file.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weights {
    /// Weight of the score that the list brings.
    pub list_weight: f64,
    /// Weight of the language-model score that the list brings.
    pub list_lm_weight: f64,
    /// Weight of log10 p of the model.
    pub lm_weight: f64,
    /// Summand for each word.
    pub word_penalty: f64,
    /// Summand for each token that the vocabulary lacks.
    pub unk_penalty: f64,
}

impl Default for Weights {
    /// The list's score plus log10 p of the model.
    fn default() -> Weights {
        Weights {
            list_weight: 1.0,
            list_lm_weight: 0.0,
            lm_weight: 1.0,
            word_penalty: 0.0,
            unk_penalty: 0.0,
        }
    }
}

impl Weights {
    /// Weights as an array.
    pub fn to_array(self) -> [f64; FEATURES] {
        [
            self.list_weight,
            self.list_lm_weight,
            self.lm_weight,
            self.word_penalty,
            self.unk_penalty,
        ]
    }

    /// Weights from an array.
    pub fn from_array(array: [f64; FEATURES]) -> Weights {
        let [
            list_weight,
            list_lm_weight,
            lm_weight,
            word_penalty,
            unk_penalty,
        ] = array;
        Weights {
            list_weight,
            list_lm_weight,
            lm_weight,
            word_penalty,
            unk_penalty,
        }
    }

    /// Total score of a hypothesis. A feature with weight 0 does not count, whatever its value.
    pub fn total(self, features: &Features) -> f64 {
        let terms = self.to_array().into_iter().zip(features);
        let terms = terms.filter(|(weight, _)| *weight != 0.0);
        let total: f64 = terms.map(|(weight, feature)| weight * feature).sum();
        // Infinite terms of both signs say nothing.
        if total.is_nan() {
            f64::NEG_INFINITY
        } else {
            // Without a sign where it is zero, so that equal totals are the same number.
            total + 0.0
        }
    }

    /// Indices of hypotheses from the largest total to the smallest; equal totals keep their order.
    pub fn order(self, features: &[Features]) -> Vec<usize> {
        let totals: Vec<f64> = features
            .iter()
            .map(|features| self.total(features))
            .collect();
        let mut order: Vec<usize> = (0..features.len()).collect();
        order.sort_by(|&a, &b| totals[b].total_cmp(&totals[a]));
        order
    }

    /// Index of the hypothesis with the largest total, the first of equal ones.
    pub fn best(self, features: &[Features]) -> usize {
        let mut best = (0, f64::NEG_INFINITY);
        for (i, features) in features.iter().enumerate() {
            let total = self.total(features);
            if total > best.1 {
                best = (i, total);
            }
        }
        best.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_total_comes_first_and_equal_ones_keep_their_order() {
        let weights = Weights {
            lm_weight: 0.5,
            word_penalty: -1.0,
            ..Weights::default()
        };
        let features = [
            [-10.0, 3.0, -4.0, 2.0, 1.0],
            [-9.0, 0.0, -4.0, 3.0, 0.0],
            [-8.0, 0.0, -4.0, 3.0, 9.0],
            [-1.0, 0.0, f64::NEG_INFINITY, 1.0, 0.0],
        ];
        assert_eq!(weights.total(&features[0]), -10.0 - 2.0 - 2.0);
        assert_eq!(weights.order(&features), [2, 0, 1, 3]);
        assert_eq!(weights.best(&features), 2);
        let without_lm = Weights {
            lm_weight: 0.0,
            ..weights
        };
        assert_eq!(without_lm.total(&features[3]), -2.0);
        assert_eq!(without_lm.best(&features), 3);
        assert_eq!(Weights::from_array(weights.to_array()), weights);
        assert_eq!(weights.best(&[[0.0; FEATURES]; 3]), 0);
        let excluded = [[0.0, 0.0, f64::NEG_INFINITY, 0.0, 0.0]; 2];
        assert_eq!(weights.best(&excluded), 0);
        // A zero has no sign, also with an empty sum or a negative weight.
        let without_any = Weights::from_array([0.0; FEATURES]);
        assert!(without_any.total(&features[0]).is_sign_positive());
        let costs = Weights::from_array([-1.0, 0.0, 0.0, 0.0, 0.0]);
        let zeros = [[0.0; FEATURES], [-0.0, 0.0, 0.0, 0.0, 0.0]];
        assert_eq!(costs.order(&zeros), [0, 1]);
    }

    #[test]
    fn a_file_of_weights_may_leave_some_out_and_may_not_misspell_them() {
        let weights: Weights = serde_json::from_str(r#"{"lm_weight":0.25}"#).unwrap();
        let expected = Weights {
            lm_weight: 0.25,
            ..Weights::default()
        };
        assert_eq!(weights, expected);
        assert!(serde_json::from_str::<Weights>(r#"{"lm_weigth":1}"#).is_err());
    }
}
