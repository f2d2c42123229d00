//! Questions to an n-gram model: every word in many of its states, in all the ways there are.

use elman::ngram::Model;
use std::collections::HashSet;

/// States from which everything is asked; a few hundred reach every corner of what a fuzzer makes.
const STATES: usize = 200;

/// Asks a model for every word in many of its states, in all the ways there are, and for all of its n-grams.
pub fn ask(model: &Model) {
    let v = model.vocab().len();
    let mut distribution = vec![0.0; v];
    let mut waiting = vec![model.start(), model.empty()];
    let mut seen = HashSet::from([model.start(), model.empty()]);
    while let Some(state) = waiting.pop() {
        let mut saved = Vec::new();
        state.write(&mut saved);
        assert_eq!(model.state(&saved), Some(state));
        model.distribution(state, &mut distribution);
        for word in 0..model.words().len() as u32 {
            let scored = model.full_score(state, word);
            assert_eq!(model.score(state, word), (scored.log10, scored.next));
            assert!(scored.log10.is_finite());
            assert!((1..=model.order()).contains(&scored.order));
            if let Some(log10) = distribution.get(word as usize) {
                assert_eq!(log10.to_bits(), scored.log10.to_bits());
            }
            if seen.len() < STATES && seen.insert(scored.next) {
                waiting.push(scored.next);
            }
        }
    }
    if model.check_listed().is_err() {
        return;
    }
    for order in 1..=model.order() {
        let mut count = 0;
        let visited = model.grams(order, &mut |gram, _, _| {
            assert_eq!(gram.len(), order);
            count += 1;
            Ok::<(), ()>(())
        });
        assert_eq!((visited, count), (Ok(()), model.counts()[order - 1]));
    }
}

/// The bits of log10 p of each token of a text, read one by one and all at once.
pub fn read_on(model: &Model) -> [Vec<u32>; 2] {
    let v = model.vocab().len() as u32;
    let text: Vec<u32> = (0..2000u32).map(|i| i.wrapping_mul(i) / 7 % v).collect();
    let mut at_once = vec![0.0; text.len()];
    model.score_all(model.start(), &text, &mut at_once);
    let mut state = model.start();
    let mut one_by_one = Vec::new();
    for &token in &text {
        let (log10, next) = model.score(state, token);
        one_by_one.push(log10);
        state = next;
    }
    [one_by_one, at_once].map(|log10| log10.into_iter().map(f32::to_bits).collect())
}
