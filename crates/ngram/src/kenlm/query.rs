//! Queries, the same for every structure: from the word to longer and longer n-grams that end with it.
//!
//! ```text
//! p(w | h):   w, h₁ w, h₂ h₁ w, …  (h₁ the last word) until one is not stored or the state ends: the probability is that of the longest found,
//!             Σ log10 b over the parts of the state that are longer than its context
//! next state: the longest of the n-grams found that something continues or that has a weight; its words and weights
//! ```
//! KenLM marks with the weight −0 that nothing continues an n-gram, and with 0 that something does though the weight is 1.
//! So a state has the least words that decide what follows, and its weights are at hand when they are paid.
//! Sums are in the order of KenLM, so the bits are the same.

use crate::MAX_ORDER;
use std::hash::{Hash, Hasher};

/// A state has fewer words than the longest n-grams.
const MOST: usize = MAX_ORDER - 1;
/// The weight of an n-gram that nothing continues: −0.
const NOT_CONTINUED: u32 = 1 << 31;

/// The n-grams of a file, by their last word and then the words before it, one after the other.
pub trait Search {
    /// An n-gram that was found.
    type Node: Copy;

    /// Finds a word. Indices that the vocabulary does not have are a mistake of the caller.
    fn unigram(&self, word: u32) -> Found<Self::Node>;

    /// Finds the n-gram of `order` (from 2, below the highest) that has `word` before the n-gram `node`.
    fn middle(&self, order: usize, word: u32, node: Self::Node) -> Option<Found<Self::Node>>;

    /// Finds log10 p of the n-gram of the highest order that has `word` before the n-gram `node`.
    fn longest(&self, word: u32, node: Self::Node) -> Option<f32>;
}

/// An n-gram below the highest order.
#[derive(Clone, Copy, Debug)]
pub struct Found<N> {
    pub log10_p: f32,
    pub log10_backoff: f32,
    pub node: N,
    /// Whether any n-gram has another word before it.
    pub extends: bool,
}

/// State of a query: the last words, as many as decide what follows, and the back-off weights of the n-grams that they form.
#[derive(Clone, Copy)]
pub struct Recent {
    len: u8,
    /// Indices of the file's vocabulary; the last word first.
    words: [u32; MOST],
    /// log10 of the weight of the last word, of the last two words, ….
    log10_backoffs: [f32; MOST],
}

impl Default for Recent {
    /// The state without words.
    fn default() -> Recent {
        Recent {
            len: 0,
            words: [0; MOST],
            log10_backoffs: [0.0; MOST],
        }
    }
}

impl Recent {
    /// The words, the last one first.
    pub fn words(&self) -> &[u32] {
        &self.words[..usize::from(self.len)]
    }

    /// Appends the words to `bytes`; [`Recent::restore`] reads them.
    pub fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.words().iter().flat_map(|word| word.to_le_bytes()));
    }

    /// The state of one word, whatever follows it, as after `<s>`.
    pub fn of_word<S: Search>(search: &S, word: u32) -> Recent {
        let mut state = Recent {
            len: 1,
            ..Recent::default()
        };
        state.words[0] = word;
        state.log10_backoffs[0] = search.unigram(word).log10_backoff;
        state
    }

    /// The state of the words that [`Recent::write`] has written, under a model of `order` and of words below `bound`.
    pub fn restore<S: Search>(
        search: &S,
        order: usize,
        bound: u32,
        bytes: &[u8],
    ) -> Option<Recent> {
        let (words, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() || words.len() >= order {
            return None;
        }
        let mut state = Recent::default();
        let mut node = None;
        for (place, word) in words.iter().enumerate() {
            let word = u32::from_le_bytes(*word);
            if word >= bound {
                return None;
            }
            let found = match node {
                None => search.unigram(word),
                Some(node) => search.middle(place + 1, word, node)?,
            };
            node = Some(found.node);
            state.words[place] = word;
            state.log10_backoffs[place] = found.log10_backoff;
        }
        state.len = words.len() as u8;
        Some(state)
    }

    /// Whether this can be a state of a model of `order` and of words below `bound`.
    pub fn fits(&self, order: usize, bound: u32) -> bool {
        self.words().len() < order && self.words().iter().all(|&word| word < bound)
    }

    /// Computes log10 p of a word and the length of the n-gram that was found; `self` becomes the state after the word.
    #[inline]
    pub fn advance<S: Search>(&mut self, search: &S, order: usize, word: u32) -> (f32, usize) {
        let mut weights = [0.0; MOST];
        let (log10, length, next) = self.search(search, order, word, |place, log10_backoff| {
            weights[place] = log10_backoff;
        });
        self.words.copy_within(0..next.saturating_sub(1), 1);
        self.words[0] = word;
        self.log10_backoffs[..next].copy_from_slice(&weights[..next]);
        self.len = next as u8;
        (log10, length)
    }

    /// Computes log10 p of a word.
    #[inline]
    pub fn log10_p<S: Search>(&self, search: &S, order: usize, word: u32) -> f32 {
        self.search(search, order, word, |_, _| ()).0
    }

    /// log10 p of a word, the length of the n-gram that was found, and the number of words of the next state, whose weights go
    /// to `weight`.
    #[inline]
    fn search<S: Search>(
        &self,
        search: &S,
        order: usize,
        word: u32,
        mut weight: impl FnMut(usize, f32),
    ) -> (f32, usize, usize) {
        let mut found = search.unigram(word);
        weight(0, found.log10_backoff);
        let mut next = usize::from(is_continued(found.log10_backoff));
        let (mut log10, mut length) = (found.log10_p, 1);
        for (place, &before) in self.words().iter().enumerate() {
            if !found.extends {
                break;
            }
            if place + 2 == order {
                if let Some(log10_p) = search.longest(before, found.node) {
                    (log10, length) = (log10_p, order);
                }
                break;
            }
            let Some(longer) = search.middle(place + 2, before, found.node) else {
                break;
            };
            found = longer;
            length = place + 2;
            log10 = found.log10_p;
            weight(place + 1, found.log10_backoff);
            if is_continued(found.log10_backoff) {
                next = length;
            }
        }
        let weights = &self.log10_backoffs[..self.words().len()];
        for log10_backoff in weights.iter().skip(length - 1) {
            log10 += log10_backoff;
        }
        (log10, length, next)
    }
}

/// Whether a state that ends here says anything about what follows.
fn is_continued(log10_backoff: f32) -> bool {
    log10_backoff.to_bits() != NOT_CONTINUED
}

impl PartialEq for Recent {
    fn eq(&self, other: &Recent) -> bool {
        self.words() == other.words()
    }
}

impl Eq for Recent {}

impl Hash for Recent {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.words().hash(state);
    }
}

impl std::fmt::Debug for Recent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recent({:?})", self.words())
    }
}
