//! The unigram cache: what was written lately is written again.
//!
//! ```text
//! p(w) = (c(w) + μ/V) / (k + μ)      c: occurrences among the last k = min(t, K) tokens      μ = 1
//! ```
//! (Kuhn and De Mori 1990; the cache of Grave, Joulin and Usunier 2017 without its continuous part.) The μ pseudo-tokens,
//! spread over the vocabulary, keep every probability above zero; with μ = 1 the cache holds the opinion of a uniform model
//! before the first token and soon forgets it. There is nothing to train and nothing to store: alone it is a poor model, in a
//! mixture it adds what the other models cannot know of this text.
//!
//! `<eos>` and `<unk>` are tokens like any other. The cache is not cleared at the end of a document, in keeping with the
//! network, whose state is carried to the end of the text.

use crate::error::{ModelError, Result};
use elman_kernels::ln;
use elman_text::Vocab;

/// μ.
const PSEUDO_TOKENS: f64 = 1.0;
/// The largest K: 4 bytes each.
const LONGEST: usize = 1 << 26;

/// A cache model over a vocabulary: tokens that occurred lately are likely to occur again.
///
/// It is immutable and made into a [`Model`](crate::Model) by `Model::from`; sessions remember the tokens.
#[derive(Clone, Debug)]
pub struct Cache {
    vocab: Vocab,
    window: usize,
    id: String,
}

/// The last K tokens of a text and their counts: what a stream under a [`Cache`] remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CacheState {
    /// The tokens: a ring buffer once it is full.
    recent: Vec<u32>,
    /// Index of the oldest token once the ring is full.
    oldest: usize,
    /// Number of occurrences of each token in `recent` (V).
    counts: Vec<u32>,
}

impl Cache {
    /// Makes a cache of the last `window` tokens of a text.
    ///
    /// # Errors
    /// [`ModelError::CacheWindow`] if `window` is 0 or above 2²⁶.
    pub fn new(vocab: Vocab, window: usize) -> Result<Cache> {
        match window {
            1..=LONGEST => Ok(Cache {
                id: id(&vocab, window),
                vocab,
                window,
            }),
            _ => Err(ModelError::CacheWindow {
                window,
                most: LONGEST,
            }
            .into()),
        }
    }

    /// Vocabulary of the model.
    pub fn vocab(&self) -> &Vocab {
        &self.vocab
    }

    /// K, the number of tokens that the cache remembers.
    pub fn window(&self) -> usize {
        self.window
    }

    /// Identity of the model: BLAKE3 (hex) over everything that decides its probabilities.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The state before any text.
    pub(crate) fn start(&self) -> CacheState {
        CacheState {
            recent: Vec::new(),
            oldest: 0,
            counts: vec![0; self.vocab.len()],
        }
    }

    /// −ln p(`token`) after the text in `state`. Panics if `token ≥ V`.
    pub(crate) fn nats(&self, state: &CacheState, token: u32) -> f64 {
        let count = f64::from(state.counts[token as usize]);
        let all = state.recent.len() as f64;
        ln(all + PSEUDO_TOKENS) - ln(count + PSEUDO_TOKENS / self.vocab.len() as f64)
    }

    /// Appends `token` to the text in `state`. Panics if `token ≥ V`.
    pub(crate) fn advance(&self, state: &mut CacheState, token: u32) {
        state.counts[token as usize] += 1;
        if state.recent.len() < self.window {
            state.recent.push(token);
            return;
        }
        let forgotten = std::mem::replace(&mut state.recent[state.oldest], token);
        state.counts[forgotten as usize] -= 1;
        state.oldest = (state.oldest + 1) % self.window;
    }
}

impl CacheState {
    /// The remembered tokens, the oldest first.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = u32> + '_ {
        let (newer, older) = self.recent.split_at(self.oldest);
        older.iter().chain(newer).copied()
    }
}

fn id(vocab: &Vocab, window: usize) -> String {
    let mut hash = blake3::Hasher::new();
    hash.update(b"unigram cache");
    hash.update(vocab.hash().as_bytes());
    hash.update(&(window as u64).to_le_bytes());
    hash.update(&PSEUDO_TOKENS.to_le_bytes());
    hash.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Model;
    use crate::testing::{tokens, vocab};
    use elman_text::Kind;

    fn cache(window: usize) -> Cache {
        Cache::new(vocab(Kind::Chars, "abcdefghij"), window).unwrap()
    }

    #[test]
    fn probabilities_are_the_definition_and_sum_to_one() {
        for window in [1, 2, 7, 1000] {
            let cache = cache(window);
            let v = cache.vocab().len();
            let text = tokens(v, 60);
            let mut state = cache.start();
            for (t, token) in text.iter().enumerate() {
                let recent = &text[t.saturating_sub(window)..t];
                let mut sum = 0.0;
                for w in 0..v as u32 {
                    let count = recent.iter().filter(|&&x| x == w).count() as f64;
                    let p = (count + 1.0 / v as f64) / (recent.len() as f64 + 1.0);
                    let found = (-cache.nats(&state, w)).exp();
                    assert!((found - p).abs() < 1e-14, "K = {window}, t = {t}, w = {w}");
                    sum += found;
                }
                assert!((sum - 1.0).abs() < 1e-12);
                cache.advance(&mut state, *token);
            }
            assert_eq!(state.recent.len(), window.min(60));
        }
    }

    #[test]
    fn pieces_change_nothing() {
        let model = Model::from(cache(5));
        let text = tokens(model.vocab().len(), 40);
        let whole = model.session().score_tokens(&text).unwrap();
        for piece in [1, 3, 39] {
            let mut session = model.session();
            let pieces = text.chunks(piece);
            let log_probs = pieces.flat_map(|text| session.score_tokens(text).unwrap());
            assert_eq!(log_probs.collect::<Vec<f64>>(), whole);
        }
    }

    #[test]
    fn a_cache_of_nothing_or_of_everything_is_refused() {
        for window in [0, LONGEST + 1] {
            assert!(Cache::new(vocab(Kind::Chars, "ab"), window).is_err());
        }
        assert_ne!(cache(5).id(), cache(6).id());
    }
}
