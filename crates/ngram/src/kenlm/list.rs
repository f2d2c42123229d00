//! The list of a trie's n-grams, with ids in place of indices.

use super::query::Search;
use super::trie::{Children, View};
use super::vocabulary::Ids;
use crate::NEVER_LOG10;
use crate::model::Visit;

/// Visits all n-grams of an order from 2, by their last words, then the words before them.
///
/// A trie also has n-grams that KenLM added because longer ones end with them; they are listed with the probability that the model gives
/// them.
pub fn visit<E>(
    view: &View<'_>,
    ids: &Ids,
    order: usize,
    visit: &mut Visit<'_, E>,
) -> Result<(), E> {
    let mut listing = Listing {
        view,
        ids: ids.of_indices(),
        order,
        gram: vec![0; order],
        visit,
    };
    (0..ids.bound()).try_for_each(|word| listing.below(1, word.into(), word))
}

/// Visits all words.
pub fn visit_words<E>(
    view: &View<'_>,
    ids: &Ids,
    words: u32,
    visit: &mut Visit<'_, E>,
) -> Result<(), E> {
    for id in 0..words {
        let index = ids.index(id);
        let found = view.unigram(index);
        let log10_p = match index {
            // The file lacks `<s>`, for which KenLM takes the values of `<unk>`.
            0 if id == ids.begin_id() => NEVER_LOG10,
            _ => found.log10_p,
        };
        visit(&[id], log10_p, found.log10_backoff + 0.0)?;
    }
    Ok(())
}

struct Listing<'a, 'v, E> {
    view: &'a View<'a>,
    ids: Vec<u32>,
    order: usize,
    gram: Vec<u32>,
    visit: &'a mut Visit<'v, E>,
}

impl<E> Listing<'_, '_, E> {
    /// Visits the n-grams that end with n-gram `index` of `length`, whose first word is `word`.
    fn below(&mut self, length: usize, index: u64, word: u32) -> Result<(), E> {
        let first = self.order - length;
        self.gram[first] = self.ids[word as usize];
        if first == 0 {
            let (log10_p, log10_backoff) = self.view.values(length, index);
            return (self.visit)(&self.gram, log10_p, log10_backoff + 0.0);
        }
        let Children { start, end } = self.view.children(length, index);
        for child in start..end {
            let word = self.view.word(length + 1, child) as u32;
            self.below(length + 1, child, word)?;
        }
        Ok(())
    }
}
