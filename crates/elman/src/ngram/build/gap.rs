//! Inserts n-grams that a file leaves out although longer ones begin with them.
//!
//! Where w₁ … wₙ is listed and its context w₁ … wₙ₋₁ is not, the recursion of the back-off model still finds the former, but a
//! reader that goes on word by word would not: nothing leads to that context. It is inserted, and so are its own first words
//! where they are missing, with the log10 p that the model gives it anyway and no back-off weight: no probability changes.

use super::{Level, Open, step};

/// Inserts the contexts that `open` lacks in the orders below it. Returns how many n-grams that took.
pub fn insert_contexts(levels: &mut [Level], open: &mut Open) -> usize {
    let length = open.order - 1;
    let mut contexts: Vec<&[u32]> = open.orphan_contexts.chunks_exact(length).collect();
    contexts.sort_unstable();
    contexts.dedup();
    let mut inserted = 0;
    for n in 2..=length {
        let missing = missing_prefixes(levels, &contexts, n);
        inserted += missing.len();
        let places = insert(levels, n, &missing);
        if n == length {
            let known = open.contexts.iter_mut().filter(|place| **place != u32::MAX);
            for place in known {
                *place += places.partition_point(|before| before <= place) as u32;
            }
        }
    }
    let contexts = open.orphan_contexts.chunks_exact(length);
    for (&index, context) in open.orphans.iter().zip(contexts) {
        match find(levels, context) {
            Some(place) => open.contexts[index] = place,
            None => unreachable!("it has just been inserted"),
        }
    }
    open.sorted = false;
    inserted
}

/// An n-gram to be inserted.
struct Missing {
    /// The place of its first n − 1 words.
    context: u32,
    word: u32,
    log10_p: f32,
}

/// The first `n` words of the contexts (which are sorted), as far as they are not listed; shorter ones are.
fn missing_prefixes(levels: &[Level], contexts: &[&[u32]], n: usize) -> Vec<Missing> {
    let mut missing = Vec::new();
    let mut last: &[u32] = &[];
    for context in contexts {
        let gram = &context[..n];
        if gram == last || find(levels, gram).is_some() {
            continue;
        }
        last = gram;
        let Some(context) = find(levels, &gram[..n - 1]) else {
            unreachable!("shorter ones are listed");
        };
        missing.push(Missing {
            context,
            word: gram[n - 1],
            log10_p: backed_off(levels, gram),
        });
    }
    missing
}

/// log10 p of a last word after the others, as the orders so far give it. Weights above 1 (there are such files) could lift it above 0.
fn backed_off(levels: &[Level], gram: &[u32]) -> f32 {
    let mut log10 = 0.0;
    for start in 0..gram.len() {
        let rest = &gram[start..];
        if let Some(place) = find(levels, rest) {
            log10 += levels[rest.len() - 1].log10_p[place as usize];
            break;
        }
        if let Some(place) = find(levels, &rest[..rest.len() - 1]) {
            log10 += levels[rest.len() - 2].log10_backoff[place as usize];
        }
    }
    log10.min(0.0)
}

/// The place of an n-gram of a complete order.
fn find(levels: &[Level], gram: &[u32]) -> Option<u32> {
    let mut place = None;
    for (depth, &word) in gram.iter().enumerate() {
        place = Some(step(levels, depth, place, word)?);
    }
    place
}

/// Inserts n-grams, sorted by context and word, into order `n`. Returns for each the place before which it went.
fn insert(levels: &mut [Level], n: usize, missing: &[Missing]) -> Vec<u32> {
    let (below, level) = levels.split_at_mut(n - 1);
    let (below, level) = (&mut below[n - 2], &mut level[0]);
    let places = missing.iter().map(|new| {
        let [start, end] = [0, 1].map(|i| below.arcs[new.context as usize + i]);
        let words = &level.words[start as usize..end as usize];
        start + words.partition_point(|&word| word < new.word) as u32
    });
    let places: Vec<u32> = places.collect();
    let mut before = missing.iter().map(|new| new.context).peekable();
    let mut shift = 0;
    for (context, start) in (0u32..).zip(&mut below.arcs) {
        while before.next_if(|&new| new < context).is_some() {
            shift += 1;
        }
        *start += shift;
    }
    splice(
        &mut level.words,
        &places,
        missing.iter().map(|new| new.word),
    );
    splice(
        &mut level.log10_p,
        &places,
        missing.iter().map(|new| new.log10_p),
    );
    splice(
        &mut level.log10_backoff,
        &places,
        missing.iter().map(|_| 0.0),
    );
    if !level.arcs.is_empty() {
        // No arcs yet: they begin where those of the next one do.
        let arcs: Vec<u32> = places
            .iter()
            .map(|&place| level.arcs[place as usize])
            .collect();
        splice(&mut level.arcs, &places, arcs);
    }
    places
}

/// Inserts each value before the place given for it. Places never decrease.
fn splice<T: Copy>(list: &mut Vec<T>, places: &[u32], values: impl IntoIterator<Item = T>) {
    let mut all = Vec::with_capacity(list.len() + places.len());
    let mut done = 0;
    for (&place, value) in places.iter().zip(values) {
        all.extend_from_slice(&list[done..place as usize]);
        all.push(value);
        done = place as usize;
    }
    all.extend_from_slice(&list[done..]);
    *list = all;
}
