//! Finds the context of each n-gram of an order among those of the order below.
//!
//! All n-grams climb together, word by word. What is known of each at length m is the place of its first m words among the
//! m-grams, which are sorted; sorted by that place and the next word, all of them go through the (m+1)-grams in one pass. No
//! search, no hash table: memory is read from beginning to end. Each CPU takes a part of them, cut where the context changes.
//!
//! Some files leave out an n-gram w₁ … wₘ although longer ones begin with it. The recursion of the back-off model still finds
//! those, but a reader that continues word by word would not: nothing leads there. Such an n-gram is inserted, with the log10 p
//! that the model gives it anyway and no back-off weight: no probability changes.

use rayon::prelude::*;

use super::Level;

/// Search state of an n-gram: the position of its first words, the word that follows them, and its own number.
///
/// These are one number, 32 bits each, in this order from the highest on: sorting compares single numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(u128);

impl Place {
    fn new(context: u32, word: u32, index: u32) -> Place {
        let key = u64::from(context) << 32 | u64::from(word);
        Place(u128::from(key) << 32 | u128::from(index))
    }

    /// The context in the upper half, the word in the lower.
    pub fn key(self) -> u64 {
        (self.0 >> 32) as u64
    }

    /// The place of the words before [`Place::word`] in the order below; 0 if there are none.
    pub fn context(self) -> u32 {
        (self.0 >> 64) as u32
    }

    pub fn word(self) -> u32 {
        (self.0 >> 32) as u32
    }

    pub fn index(self) -> u32 {
        self.0 as u32
    }
}

/// The n-grams, `n` words each in `grams`, sorted by context and last word; equal ones in the order of their numbers. Also how
/// many were inserted into `levels`, the orders below.
pub fn places(levels: &mut [Level], grams: &[u32], n: usize) -> (Vec<Place>, usize) {
    let word = |index: u32, m: usize| grams[index as usize * n + m];
    // The place of a 1-gram is its id.
    let first = |i| match n {
        1 => Place::new(0, word(i, 0), i),
        _ => Place::new(word(i, 0), word(i, 1), i),
    };
    let numbers = 0..(grams.len() / n) as u32;
    let mut places: Vec<Place> = numbers.into_par_iter().map(first).collect();
    places.par_sort_unstable();
    let mut inserted = 0;
    for m in 2..n {
        let mut parts = parts(&mut places);
        let climb = |part: &mut &mut [Place]| {
            climb(levels, part, m, |index| &grams[index as usize * n..][..m])
        };
        let missing: Vec<Vec<Missing>> = parts.par_iter_mut().map(climb).collect();
        // Those that are missing in one part move the places in all later ones.
        let moves = missing.iter().scan(0, |sum, missing| {
            let before = *sum;
            *sum += missing.len() as u32;
            Some(before)
        });
        let moves: Vec<u32> = moves.collect();
        parts.into_par_iter().zip(moves).for_each(|(part, moved)| {
            for place in &mut *part {
                let context = place.context() + moved;
                *place = Place::new(context, word(place.index(), m), place.index());
            }
            // They are sorted by context already.
            for same in part.chunk_by_mut(|a, b| a.context() == b.context()) {
                same.sort_unstable();
            }
        });
        let missing = missing.concat();
        inserted += missing.len();
        insert(levels, m, &missing);
    }
    (places, inserted)
}

/// Cuts sorted n-grams into a part for each CPU, such that no context is in two parts.
fn parts(mut places: &mut [Place]) -> Vec<&mut [Place]> {
    const LEAST: usize = 1 << 12;
    let count = (places.len() / LEAST).clamp(1, rayon::current_num_threads());
    let mut parts = Vec::with_capacity(count);
    for left in (2..=count).rev() {
        let about = places.len() / left;
        let context = match places.get(about) {
            Some(place) => place.context(),
            None => break,
        };
        let end = places.partition_point(|place| place.context() <= context);
        let (part, rest) = places.split_at_mut(end);
        parts.push(part);
        places = rest;
    }
    parts.push(places);
    parts
}

/// An n-gram to be inserted.
#[derive(Clone, Copy)]
struct Missing {
    context: u32,
    word: u32,
    log10_p: f32,
    /// The place before which it goes.
    before: u32,
}

/// Turns the context of each n-gram of a part from the place of its first m − 1 words into that of its first m, as it will be when the
/// missing ones of the part, which are returned, have been inserted.
fn climb<'a>(
    levels: &[Level],
    places: &mut [Place],
    m: usize,
    first_words: impl Fn(u32) -> &'a [u32],
) -> Vec<Missing> {
    let (below, level) = (&levels[m - 2], &levels[m - 1]);
    let mut missing: Vec<Missing> = Vec::new();
    let mut at = 0;
    let mut last = None;
    for place in places {
        let (context, word) = (place.context(), place.word());
        if last != Some(place.key()) {
            last = Some(place.key());
            at = at.max(below.arcs[context as usize]);
            let end = below.arcs[context as usize + 1];
            while at < end && level.words[at as usize] < word {
                at += 1;
            }
            if at == end || level.words[at as usize] != word {
                missing.push(Missing {
                    context,
                    word,
                    log10_p: backed_off(levels, first_words(place.index())),
                    before: at,
                });
            }
        }
        // One that is missing now comes before `at`, and is the last of the missing ones.
        let is_missing = missing
            .last()
            .is_some_and(|new| (new.context, new.word) == (context, word));
        let found = at + missing.len() as u32 - u32::from(is_missing);
        *place = Place::new(found, 0, place.index());
    }
    missing
}

/// log10 p of the last word after the others, as the orders below give it. Weights above 1 (there are such files) could lift it above 0.
fn backed_off(levels: &[Level], gram: &[u32]) -> f32 {
    let mut log10 = 0.0;
    for start in 1..gram.len() {
        if let Some(place) = find(levels, &gram[start - 1..gram.len() - 1]) {
            log10 += levels[gram.len() - start - 1].log10_backoff[place as usize];
        }
        if let Some(place) = find(levels, &gram[start..]) {
            log10 += levels[gram.len() - start - 1].log10_p[place as usize];
            break;
        }
    }
    log10.min(0.0)
}

/// The place of an n-gram below the order that is being filled.
fn find(levels: &[Level], gram: &[u32]) -> Option<u32> {
    let mut place = gram[0];
    for (depth, word) in gram.iter().enumerate().skip(1) {
        let [start, end] = [0, 1].map(|i| levels[depth - 1].arcs[place as usize + i] as usize);
        let at = levels[depth].words[start..end].binary_search(word).ok()?;
        place = (start + at) as u32;
    }
    Some(place)
}

/// Inserts n-grams, sorted by context and word, into the order m.
fn insert(levels: &mut [Level], m: usize, missing: &[Missing]) {
    if missing.is_empty() {
        return;
    }
    let (below, level) = levels.split_at_mut(m - 1);
    let (below, level) = (&mut below[m - 2], &mut level[0]);
    let mut contexts = missing.iter().map(|new| new.context).peekable();
    let mut shift = 0;
    for (context, start) in (0u32..).zip(&mut below.arcs) {
        while contexts.next_if(|&new| new < context).is_some() {
            shift += 1;
        }
        *start += shift;
    }
    splice(&mut level.words, missing, |new| new.word);
    splice(&mut level.log10_p, missing, |new| new.log10_p);
    splice(&mut level.log10_backoff, missing, |_| 0.0);
    if !level.arcs.is_empty() {
        // They have no arcs yet: these would begin where those of the next one do.
        let arcs = level.arcs.clone();
        splice(&mut level.arcs, missing, |new| arcs[new.before as usize]);
    }
}

/// Inserts a value for each missing n-gram at its place.
fn splice<T: Copy>(list: &mut Vec<T>, missing: &[Missing], value: impl Fn(&Missing) -> T) {
    let mut all = Vec::with_capacity(list.len() + missing.len());
    let mut done = 0;
    for new in missing {
        all.extend_from_slice(&list[done..new.before as usize]);
        all.push(value(new));
        done = new.before as usize;
    }
    all.extend_from_slice(&list[done..]);
    *list = all;
}
