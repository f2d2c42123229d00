//! Static interpolation: several back-off models become one (Stolcke 2002, section 3.2; `docs/MATH.md`, section 14).
//!
//! ```text
//! p(w | h) = Σ_m λ_m p_m(w | h)      for every n-gram h w that at least one model lists
//! α(h)     as in `backoff.rs`         for everything else, so that p(· | h) sums to one
//! ```
//! A model that does not list h w gives it the probability of its own back-off recursion, after the same words h. So listed n-grams
//! have exactly the probability of the dynamic mixture, which asks all models at every word; the others have it approximately.
//!
//! The vocabulary is the union of the models' vocabularies. A model gives probability 0 to a word that it does not know, as in SRILM:
//! its `<unk>` stands for all words that nobody knows, and giving that probability to each of many words would make the sum exceed
//! one. As a word of a history, such a word is the model's `<unk>`.
//!
//! Memory beside the models: the mixture, and for each of its n-grams about 16 bytes, 4 N + 24 in the order that is being collected.

use super::automaton::{Automaton, EMPTY};
use super::backoff;
use super::model::Model;
use super::{Builder, NgramError, Words};
use elman_text::{Union, Vocab};
use std::collections::HashMap;

/// The weight of a context whose listed words have all probability: what ARPA files have for log10 of zero.
const NOTHING_LEFT: f64 = -99.0;
/// Listed words together may exceed probability 1 by so much through rounding.
const ROUNDING: f64 = 1e-4;

/// Progress of [`mix`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MixProgress {
    /// Number of n-grams visited so far, over all models.
    pub done: u64,
    /// Number of n-grams of all models.
    pub total: u64,
}

/// Mixes `models` into one model by static interpolation.
///
/// The `weights` are positive and sum to one. `progress` is called from time to time.
///
/// Errors: vocabularies that have no union; a mixture with too many n-grams; [`NgramError::NotListed`] for a model whose n-grams
/// cannot be listed.
pub fn mix(
    models: &[&Model],
    weights: &[f64],
    progress: &mut dyn FnMut(MixProgress),
) -> Result<Model, NgramError> {
    assert!(!models.is_empty() && models.len() == weights.len());
    assert!(weights.iter().all(|&weight| weight > 0.0 && weight <= 1.0));
    assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-6);
    let listed: Vec<_> = models
        .iter()
        .map(|model| model.automaton())
        .collect::<Result<_, _>>()?;
    let models: Vec<&Automaton> = listed.iter().map(|model| &**model).collect();
    let (words, ids) = union(&models)?;
    let order = models.iter().map(|model| model.order()).max().unwrap_or(1);
    let mut members: Vec<Member> = models
        .iter()
        .zip(weights)
        .zip(ids)
        .map(|((&model, weight), own_ids)| Member::new(model, weight.log10(), own_ids))
        .collect();
    let mut builder = Builder::new(words, order);
    let total = models.iter().flat_map(|model| model.counts()).sum();
    let mut done = 0u64;
    for n in 1..=order {
        for (number, &model) in models.iter().enumerate() {
            if n > model.order() {
                continue;
            }
            let union_ids = members[number].union_ids();
            let mut gram = vec![0; n];
            model.grams(n, &mut |own, _, _| -> Result<(), NgramError> {
                for (id, &own) in gram.iter_mut().zip(own) {
                    *id = union_ids[own as usize];
                }
                if let Some(log10_p) = probability(&mut members, number, &gram) {
                    builder.push(&gram, log10_p, 0.0)?;
                }
                done += 1;
                if done.is_multiple_of(1 << 16) {
                    progress(MixProgress { done, total });
                }
                Ok(())
            })?;
        }
    }
    progress(MixProgress { done: total, total });
    drop(members);
    Ok(balanced(builder.finish_automaton()?).into())
}

/// log10 p of an n-gram that the model `number` lists; `None` if an earlier model lists it too, so that it has been added.
fn probability(members: &mut [Member], number: usize, gram: &[u32]) -> Option<f32> {
    let mut most = f64::NEG_INFINITY;
    for (m, member) in members.iter_mut().enumerate() {
        let listed = member.score(gram);
        if listed && m < number {
            return None;
        }
        most = most.max(member.log10);
    }
    let sum: f64 = members.iter().map(|m| 10f64.powf(m.log10 - most)).sum();
    // Rounding may leave a little more than 1.
    Some(((most + sum.log10()) as f32).min(0.0))
}

/// The model with the weights that make its probabilities sum to one, and a note if they cannot.
fn balanced(model: Automaton) -> Automaton {
    let mut too_much = 0u64;
    let weights = backoff::weights(
        &model,
        |_| true,
        |_, sums| {
            too_much += u64::from(sums.s < -ROUNDING);
            NOTHING_LEFT
        },
    );
    let mut model = model.with_log10_backoffs(&weights);
    if too_much > 0 {
        model.note(format!(
            "after {too_much} contexts the listed words have more than probability 1 together: the models that were mixed do not sum to one there"
        ));
    }
    model
}

/// A model's id of each word of the mixture; `None` where the model lacks the word.
type OwnIds = Vec<Option<u32>>;

/// Joins the words of all models; returns them with the ids of each model.
fn union(models: &[&Automaton]) -> Result<(Words, Vec<OwnIds>), NgramError> {
    let vocabs: Vec<_> = models.iter().map(|model| model.vocab()).collect();
    let Some(Union { vocab, mut ids }) = Union::new(&vocabs) else {
        let kind = |model: &&Automaton| model.vocab().kind().name();
        let kinds: Vec<&str> = models.iter().map(kind).collect();
        return Err(NgramError::NoUnion {
            kinds: kinds.join(", "),
        });
    };
    let hidden_of = |model: &Automaton| -> HashMap<Box<str>, u32> {
        let names = model.words().hidden().iter().cloned();
        names.zip(model.words().begin() + 1..).collect()
    };
    let mut hidden: Vec<Box<str>> = Vec::new();
    for model in models {
        // What cannot occur in the texts of one model may be a token of another.
        for name in model.words().hidden() {
            if !hidden.contains(name) && token_of(&vocab, name).is_none() {
                hidden.push(name.clone());
            }
        }
    }
    for (model, ids) in models.iter().zip(&mut ids) {
        let own = hidden_of(model);
        for (name, &id) in &own {
            if let Some(token) = token_of(&vocab, name) {
                ids[token as usize] = Some(id);
            }
        }
        ids.push(Some(model.words().begin()));
        ids.extend(hidden.iter().map(|name| own.get(name).copied()));
    }
    Ok((Words::with_hidden(vocab, hidden), ids))
}

/// The token that a hidden word of another model is. A hidden `<eos>` is a word, not the control token of that name.
fn token_of(vocab: &Vocab, hidden: &str) -> Option<u32> {
    let id = vocab.id(hidden.as_bytes());
    id.filter(|&id| id != vocab.eos())
}

/// A model that takes part, and where it is.
struct Member<'a> {
    model: &'a Automaton,
    log10_weight: f64,
    own_ids: OwnIds,
    /// The context that was followed last, and the states after 0, 1 … of its words.
    context: Vec<u32>,
    states: Vec<u32>,
    /// log10 of λ p of the n-gram that was scored last.
    log10: f64,
}

impl Member<'_> {
    fn new(model: &Automaton, log10_weight: f64, own_ids: Vec<Option<u32>>) -> Member<'_> {
        Member {
            model,
            log10_weight,
            own_ids,
            context: Vec::new(),
            states: vec![EMPTY],
            log10: 0.0,
        }
    }

    /// The word of the mixture for each of its own words.
    fn union_ids(&self) -> Vec<u32> {
        let mut union_ids = vec![0; self.model.words().len()];
        for (id, own) in (0..).zip(&self.own_ids) {
            if let Some(own) = own {
                union_ids[*own as usize] = id;
            }
        }
        union_ids
    }

    /// Sets `log10`. Returns whether the model lists the n-gram.
    fn score(&mut self, gram: &[u32]) -> bool {
        let (context, word) = (&gram[..gram.len() - 1], gram[gram.len() - 1]);
        self.follow(context);
        let Some(own) = self.own_ids[word as usize] else {
            self.log10 = f64::NEG_INFINITY;
            return false;
        };
        let tables = self.model.tables();
        let (backoffs, arc) = self.model.arc(self.states[context.len()], own);
        self.log10 = self.log10_weight + f64::from(backoffs) + f64::from(tables.log10_p(arc));
        let known = |word: &u32| self.own_ids[*word as usize].is_some();
        tables.layout().order_of(arc) == gram.len() && context.iter().all(known)
    }

    /// Goes to the state after `context`, from the words that it shares with the context before: n-grams come sorted.
    fn follow(&mut self, context: &[u32]) {
        let pairs = self.context.iter().zip(context);
        let shared = pairs.take_while(|(a, b)| a == b).count();
        self.context.truncate(shared);
        self.states.truncate(shared + 1);
        let tables = self.model.tables();
        for &word in &context[shared..] {
            let own = self.own_ids[word as usize].or(self.model.vocab().unk());
            let next = match own {
                // Literally: `Automaton::score` begins a new text after `</s>`.
                Some(own) => {
                    let (_, arc) = self.model.arc(self.states[self.context.len()], own);
                    tables.next(arc)
                }
                None => EMPTY,
            };
            self.context.push(word);
            self.states.push(next);
        }
    }
}

#[cfg(test)]
mod tests;
