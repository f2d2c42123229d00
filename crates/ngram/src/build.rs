//! The builder of a model from n-grams, which may come in any order within their order n.
//!
//! Each order is collected as it comes. When the next one begins, its n-grams are sorted and find the place of their context
//! in the order below (`climb.rs`), so the arcs of a context lie together. At the end the links are found level by level
//! (`link.rs`). Memory: of the order that is being collected, 4 bytes for each word of an n-gram and 24 more; of the others
//! 16 bytes an n-gram; and the model itself.
//!
//! What a file may leave out: `<unk>` (then log10 p = −100, KenLM's value), `<s>`, back-off weights, and the n-gram of an
//! n-gram's first words, which is inserted (`gap.rs`). Every other word must have a 1-gram.

use rayon::prelude::*;

use super::NEVER_LOG10;
use super::automaton::Automaton;
use super::binary::Image;
use super::model::Model;
use super::tables::TablesMut;
use super::words::Words;

mod climb;
pub(super) mod file;
mod link;

use climb::Place;

/// Largest order N that is accepted, which limits the memory that a damaged file can demand.
pub const MAX_ORDER: usize = 32;
/// log10 p of `<unk>` in a model that does not list it.
const MISSING_UNK: f32 = -100.0;
/// A logarithm beyond this is damage. Sums of MAX_ORDER smaller ones are finite.
const LARGEST_LOG10: f32 = 1e30;
/// With the empty one, and the end of the last one's arcs, they can be numbered in 32 bits.
pub(super) const MOST_NGRAMS: u64 = u32::MAX as u64 - 2;

/// Why n-grams do not form a model.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BuildError {
    /// log10 p is not a number of at most 0.
    #[error("log10 p is {0}, and it must be a number that is not above 0")]
    Probability(f32),
    /// The log10 of the back-off weight is not a finite number.
    #[error("the log10 of the back-off weight is {0}, and it must be a number")]
    Backoff(f32),
    /// An n-gram of the highest order has a back-off weight.
    #[error(
        "n-grams of the highest order are no contexts and have no back-off weight, but this one has {0}"
    )]
    TopBackoff(f32),
    /// An n-gram was pushed twice.
    #[error("this {order}-gram is listed twice")]
    Twice {
        /// Order of the n-gram.
        order: usize,
        /// Number of the second push within its order, from 0.
        index: usize,
    },
    /// A word has no 1-gram.
    #[error("the word {word} has no 1-gram: list it, for every text needs it")]
    NoUnigram {
        /// The word in question.
        word: String,
    },
    /// There are more n-grams than 32-bit numbers can index.
    #[error("there are more than 4 billion n-grams: prune the model")]
    TooMany,
}

/// Builder of a [`Model`] from its n-grams.
pub struct Builder {
    words: Words,
    order: usize,
    /// The orders that are complete.
    levels: Vec<Level>,
    open: Grams,
    /// n-grams of the next order that memory is taken for as soon as it begins.
    expected: usize,
    /// All n-grams so far.
    total: u64,
    /// Those of them that were not listed.
    inserted: u64,
    notes: Vec<String>,
}

/// The n-grams of an order, sorted.
#[derive(Default)]
struct Level {
    /// The last word of each.
    words: Vec<u32>,
    log10_p: Vec<f32>,
    /// Empty in the highest order.
    log10_backoff: Vec<f32>,
    /// Where in the order above the n-grams begin that continue each, and the end of the last one's; empty until it is complete.
    arcs: Vec<u32>,
}

/// n-grams of one order as they come.
pub(super) struct Grams {
    order: usize,
    /// The words of each, end to end.
    words: Vec<u32>,
    log10_p: Vec<f32>,
    log10_backoff: Vec<f32>,
}

impl Builder {
    /// Begins a model with the words `words` and of order 1 to [`MAX_ORDER`].
    pub fn new(words: Words, order: usize) -> Builder {
        assert!(
            (1..=MAX_ORDER).contains(&order),
            "no model has order {order}"
        );
        Builder {
            words,
            order,
            levels: Vec::new(),
            open: Grams::new(1),
            expected: 0,
            total: 0,
            inserted: 0,
            notes: Vec::new(),
        }
    }

    /// Adds a remark about the model for its users, which [`Model::notes`] returns.
    pub fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Takes memory for this number of n-grams at once when the next order begins, which saves copying them while they grow in number.
    pub(super) fn expect(&mut self, n_grams: usize) {
        self.expected = n_grams;
    }

    /// Adds an n-gram, given by the ids of its words.
    ///
    /// Its length must not be less than that of the previous one. In the highest order the weight must be 0, which
    /// elsewhere too means "no back-off weight". Errors: an invalid number; and with the first n-gram of an order,
    /// any error of the order before.
    pub fn push(
        &mut self,
        gram: &[u32],
        log10_p: f32,
        log10_backoff: f32,
    ) -> Result<(), BuildError> {
        assert!(
            (self.open.order..=self.order).contains(&gram.len()),
            "orders come in turn"
        );
        let words = self.words.len() as u32;
        assert!(gram.iter().all(|&word| word < words), "no such word");
        check_log10s(gram.len() == self.order, log10_p, log10_backoff)?;
        while self.open.order < gram.len() {
            self.close()?;
        }
        if self.total == MOST_NGRAMS {
            return Err(BuildError::TooMany);
        }
        self.total += 1;
        self.open.push(gram, log10_p, log10_backoff);
        Ok(())
    }

    /// Adds n-grams of one order as [`Builder::push`] does; false, and nothing is added, if it would refuse any of them.
    ///
    /// Errors: what is wrong with the order before.
    pub(super) fn push_all(&mut self, grams: &Grams) -> Result<bool, BuildError> {
        assert!(
            (self.open.order..=self.order).contains(&grams.order),
            "orders come in turn"
        );
        let words = self.words.len() as u32;
        assert!(grams.words.iter().all(|&word| word < words), "no such word");
        let top = grams.order == self.order;
        let fits_order = |log10_backoff: f32| !top || log10_backoff == 0.0;
        let weights = grams.log10_backoff.iter();
        let good = grams.log10_p.iter().all(|&log10| is_log10_p(log10))
            && weights
                .copied()
                .all(|log10| is_log10_backoff(log10) && fits_order(log10));
        if !good {
            return Ok(false);
        }
        while self.open.order < grams.order {
            self.close()?;
        }
        let total = self.total + grams.count() as u64;
        if total > MOST_NGRAMS {
            return Ok(false);
        }
        self.total = total;
        self.open.words.extend_from_slice(&grams.words);
        self.open.log10_p.extend_from_slice(&grams.log10_p);
        self.open
            .log10_backoff
            .extend_from_slice(&grams.log10_backoff);
        Ok(true)
    }

    /// Completes the model.
    ///
    /// Errors: [`BuildError::NoUnigram`], [`BuildError::Twice`] or [`BuildError::TooMany`].
    pub fn finish(self) -> Result<Model, BuildError> {
        Ok(self.finish_automaton()?.into())
    }

    pub(super) fn finish_automaton(mut self) -> Result<Automaton, BuildError> {
        while self.levels.len() < self.order {
            self.close()?;
        }
        if self.inserted > 0 {
            self.notes.push(format!(
                "{} n-grams were inserted, with the probability that the model gives them, because longer ones begin with them",
                self.inserted
            ));
        }
        let counts: Vec<u64> = self
            .levels
            .iter()
            .map(|level| level.words.len() as u64)
            .collect();
        let mut image = Image::new(&self.words, &counts).ok_or(BuildError::TooMany)?;
        fill(&mut image.tables_mut(), self.levels);
        link::set_links(&mut image.tables_mut());
        Ok(image.into_automaton(self.words, self.notes))
    }

    /// Completes the order that is open.
    fn close(&mut self) -> Result<(), BuildError> {
        let order = self.open.order;
        let expected = std::mem::take(&mut self.expected);
        let mut open = std::mem::replace(&mut self.open, Grams::new(order + 1));
        if order == 1 {
            self.complete_unigrams(&mut open)?;
        }
        let (places, inserted) = climb::places(&mut self.levels, &open.words, order);
        self.inserted += inserted as u64;
        self.total += inserted as u64;
        let twice = places.par_windows(2);
        let twice = twice.filter(|pair| pair[0].key() == pair[1].key());
        if let Some(index) = twice.map(|pair| pair[1].index()).min() {
            let index = index as usize;
            return Err(BuildError::Twice { order, index });
        }
        if let Some(below) = self.levels.last_mut() {
            below.arcs = starts(&places, below.words.len());
        }
        let in_order = |log10: &[f32]| {
            let log10s = places.par_iter().map(|place| log10[place.index() as usize]);
            log10s.collect()
        };
        self.levels.push(Level {
            words: places.par_iter().map(|place| place.word()).collect(),
            log10_p: in_order(&open.log10_p),
            log10_backoff: match order < self.order {
                true => in_order(&open.log10_backoff),
                false => Vec::new(),
            },
            arcs: Vec::new(),
        });
        drop(open);
        self.open.reserve(expected);
        Ok(())
    }

    /// Gives every word a 1-gram, or says which one lacks it.
    fn complete_unigrams(&mut self, open: &mut Grams) -> Result<(), BuildError> {
        let mut listed = vec![false; self.words.len()];
        for &word in &open.words {
            listed[word as usize] = true;
        }
        for (id, log10_p) in missing_unigrams(&self.words, &listed, &mut self.notes)? {
            open.push(&[id], log10_p, 0.0);
            self.total += 1;
        }
        Ok(())
    }
}

impl Grams {
    pub fn new(order: usize) -> Grams {
        Grams {
            order,
            words: Vec::new(),
            log10_p: Vec::new(),
            log10_backoff: Vec::new(),
        }
    }

    fn reserve(&mut self, n_grams: usize) {
        self.words.reserve_exact(n_grams * self.order);
        self.log10_p.reserve_exact(n_grams);
        self.log10_backoff.reserve_exact(n_grams);
    }

    /// Leaves them out, and keeps their memory.
    pub fn clear(&mut self) {
        self.words.clear();
        self.log10_p.clear();
        self.log10_backoff.clear();
    }

    pub fn order(&self) -> usize {
        self.order
    }

    pub fn iter(&self) -> impl Iterator<Item = (&[u32], f32, f32)> {
        let log10s = self.log10_p.iter().zip(&self.log10_backoff);
        let grams = self.words.chunks_exact(self.order).zip(log10s);
        grams.map(|(gram, (&log10_p, &log10_backoff))| (gram, log10_p, log10_backoff))
    }

    /// The number of n-grams.
    pub fn count(&self) -> usize {
        self.log10_p.len()
    }

    pub fn push(&mut self, gram: &[u32], log10_p: f32, log10_backoff: f32) {
        self.words.extend_from_slice(gram);
        // Adding zero turns −0 into 0: a model has no two ways to say the same.
        self.log10_p.push(log10_p + 0.0);
        self.log10_backoff.push(log10_backoff + 0.0);
    }
}

/// Checks the numbers of an n-gram, which is of the highest order or not.
pub(super) fn check_log10s(top: bool, log10_p: f32, log10_backoff: f32) -> Result<(), BuildError> {
    if !is_log10_p(log10_p) {
        return Err(BuildError::Probability(log10_p));
    }
    if !is_log10_backoff(log10_backoff) {
        return Err(BuildError::Backoff(log10_backoff));
    }
    match top && log10_backoff != 0.0 {
        true => Err(BuildError::TopBackoff(log10_backoff)),
        false => Ok(()),
    }
}

/// The log10 p of the words that no 1-gram has, with notes; says which word must have one.
pub(super) fn missing_unigrams(
    words: &Words,
    listed: &[bool],
    notes: &mut Vec<String>,
) -> Result<Vec<(u32, f32)>, BuildError> {
    let mut missing = Vec::new();
    for (id, _) in (0u32..).zip(listed).filter(|(_, listed)| !**listed) {
        let log10_p = if id == words.begin() {
            notes.push("it has no <s>: every text begins with the empty context".to_owned());
            NEVER_LOG10
        } else if Some(id) == words.vocab().unk() {
            let note = format!("it has no <unk>: an unknown word has log10 p = {MISSING_UNK}");
            notes.push(note);
            MISSING_UNK
        } else {
            let word = words.name(id).into_owned();
            return Err(BuildError::NoUnigram { word });
        };
        missing.push((id, log10_p));
    }
    Ok(missing)
}

/// Whether this is the logarithm of a probability; NaN is not.
pub(super) fn is_log10_p(log10: f32) -> bool {
    log10 <= 0.0 && log10 > -LARGEST_LOG10
}

/// Whether this is the logarithm of a back-off weight, which may be above 1.
pub(super) fn is_log10_backoff(log10: f32) -> bool {
    log10.abs() < LARGEST_LOG10
}

/// Where the n-grams of each of `count` contexts begin in a sorted list, and the end of the last one's.
fn starts(places: &[Place], count: usize) -> Vec<u32> {
    let mut starts = vec![0; count + 1];
    for place in places {
        starts[place.context() as usize + 1] += 1;
    }
    for i in 0..count {
        starts[i + 1] += starts[i];
    }
    starts
}

/// Writes everything but the links.
fn fill(tables: &mut TablesMut<'_>, levels: Vec<Level>) {
    let layout = tables.layout();
    tables.set_first_arc(0, 1);
    for (order, level) in (1..).zip(levels) {
        let nodes = layout.nodes(order);
        for (place, node) in nodes.clone().enumerate() {
            tables.set_word(node, level.words[place]);
            tables.set_log10_p(node, level.log10_p[place]);
            if node < layout.top() {
                tables.set_log10_backoff(node, level.log10_backoff[place]);
                tables.set_first_arc(node, nodes.end + level.arcs[place]);
            }
        }
    }
    tables.set_first_arc(layout.top(), layout.nodes(layout.order()).end);
}

#[cfg(test)]
mod tests;
