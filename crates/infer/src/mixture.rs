//! A linear mixture of models as one model.
//!
//! ```text
//! p(w | h) = Σ_m λ_m p_m(w | h)      λ_m ≥ 0, Σ λ_m = 1
//! ```
//! Every model keeps its own state of the text. The models have one vocabulary with the same ids: `compare` also mixes models over the union of
//! their vocabularies while it compares them, and fits the weights; `ngram::mix` makes one n-gram model of several.

use super::{Model, ModelError};
use crate::error::Result;
use elman_kernels::ln;
use std::sync::Arc;

/// How far the sum of the weights may be from 1.
const ROUNDING: f64 = 1e-6;

/// A linear mixture of models of one vocabulary, p(w | h) = Σ λ_m p_m(w | h).
#[derive(Debug)]
pub struct Mixture {
    members: Vec<Model>,
    weights: Vec<f64>,
    id: String,
}

impl Mixture {
    /// Mixes `members`, each with its weight λ_m.
    ///
    /// A file of KenLM gets the ids of the other models if it has the same words.
    ///
    /// # Errors
    /// [`ModelError::Weights`] without models or if the weights are negative or do not sum to 1; [`ModelError::Vocabularies`] if
    /// the models have different vocabularies.
    pub fn new(members: Vec<(Model, f64)>) -> Result<Mixture> {
        let (members, weights): (Vec<Model>, Vec<f64>) = members.into_iter().unzip();
        let sum: f64 = weights.iter().sum();
        if members.is_empty()
            || !((sum - 1.0).abs() <= ROUNDING && weights.iter().all(|w| *w >= 0.0))
        {
            return Err(ModelError::Weights { sum }.into());
        }
        let members = of_one_vocabulary(members);
        let first = members[0].vocab();
        if let Some(other) = members.iter().find(|other| !other.vocab().same_ids(first)) {
            return Err(ModelError::Vocabularies {
                entries: first.len(),
                other: other.vocab().len(),
            }
            .into());
        }
        let mut id = blake3::Hasher::new();
        id.update(b"linear mixture");
        for (member, weight) in members.iter().zip(&weights) {
            id.update(member.id().as_bytes());
            id.update(&weight.to_le_bytes());
        }
        Ok(Mixture {
            id: id.finalize().to_hex().to_string(),
            members,
            weights,
        })
    }

    /// Models of the mixture, in the order in which they were given.
    pub fn members(&self) -> &[Model] {
        &self.members
    }

    /// Weights λ_m, in the order of the models.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Identity of the mixture: BLAKE3 (hex) over everything that decides its probabilities.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The mixture whose members compute on the threads of `cpu`.
    pub(super) fn with_cpu(&self, cpu: &Arc<elman_kernels::Cpu>) -> Mixture {
        let members = self.members.iter();
        Mixture {
            members: members.map(|m| m.clone().with_cpu(cpu.clone())).collect(),
            weights: self.weights.clone(),
            id: self.id.clone(),
        }
    }
}

/// The models with the ids of one of them, as far as that is possible.
fn of_one_vocabulary(members: Vec<Model>) -> Vec<Model> {
    let keeps_ids = |member: &&Model| match member.as_ngram() {
        Some(ngram) => ngram.kenlm_structure().is_none(),
        None => true,
    };
    let first = members.iter().find(keeps_ids).unwrap_or(&members[0]);
    let vocab = first.vocab().clone();
    let with_its_ids = |member: Model| {
        let same = member.vocab().same_ids(&vocab);
        let ngram = member.as_ngram().filter(|_| !same);
        match ngram.and_then(|ngram| ngram.with_vocab(&vocab)) {
            Some(ngram) => member.with_ngram(ngram),
            None => member,
        }
    };
    members.into_iter().map(with_its_ids).collect()
}

/// Loss of one token under a mixture, −ln Σ_m λ_m p_m, from the losses `nats` (−ln p_m) of the models.
pub fn mix(nats: impl Iterator<Item = f64> + Clone, weights: &[f64]) -> f64 {
    let mut weights = weights.iter();
    let mut p = 0.0;
    let least = relative(nats, |r| p += r * weights.next().unwrap_or(&0.0));
    match p > 0.0 {
        true => least - ln(p),
        false => f64::INFINITY,
    }
}

/// Calls `each` with p_m / max p for each loss −ln p_m in order, and returns −ln max p, which is infinite if all p_m are zero.
pub fn relative(nats: impl Iterator<Item = f64> + Clone, mut each: impl FnMut(f64)) -> f64 {
    let least = nats.clone().fold(f64::INFINITY, f64::min);
    for nats in nats {
        each(if nats == f64::INFINITY {
            0.0
        } else {
            libm::exp(least - nats)
        });
    }
    least
}
