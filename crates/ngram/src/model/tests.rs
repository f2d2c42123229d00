use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;

use super::*;
use crate::Builder;
use elman_text::Kind;

type Grams = BTreeMap<Vec<u32>, (f32, f32)>;

/// `</s>` 0, `<unk>` 1, a 2, b 3, `<s>` 4.
fn words() -> Words {
    Words::new(Vocab::from_list("list", b"a\nb\n", Kind::Whitespace).unwrap())
}
const WORDS: u32 = 5;
const BEGIN: u32 = 4;

fn build(grams: &Grams, order: usize) -> Model {
    let mut builder = Builder::new(words(), order);
    for n in 1..=order {
        for (gram, &(p, backoff)) in grams.iter().filter(|(gram, _)| gram.len() == n) {
            builder.push(gram, p, backoff).unwrap();
        }
    }
    builder.finish().unwrap()
}

/// The recursion as the textbook has it, on the words read so far. Also the length of the n-gram found.
fn reference(grams: &Grams, order: usize, history: &[u32], word: u32) -> (f32, usize) {
    let mut log10 = 0.0;
    for start in history.len().saturating_sub(order - 1)..=history.len() {
        let context = &history[start..];
        if let Some((p, _)) = grams.get(&[context, &[word]].concat()) {
            return (log10 + p, context.len() + 1);
        }
        if let Some((_, backoff)) = grams.get(context) {
            log10 += backoff;
        }
    }
    panic!("every word has a 1-gram")
}

/// The longest end of what was read that any n-gram goes on from, or that has a weight.
fn reference_context(grams: &Grams, order: usize, history: &[u32]) -> Vec<u32> {
    let first = history.len().saturating_sub(order - 1);
    let says_something = |context: &[u32]| {
        let goes_on = |gram: &Vec<u32>| gram.len() > context.len() && gram.starts_with(context);
        grams.keys().any(goes_on) || grams.get(context).is_some_and(|entry| entry.1 != 0.0)
    };
    let mut suffixes = (first..=history.len()).map(|start| history[start..].to_vec());
    suffixes.find(|context| says_something(context)).unwrap()
}

fn number(range: std::ops::Range<f32>) -> impl Strategy<Value = f32> {
    range.prop_map(|value| (value * 1000.0).round() / 1000.0)
}

/// n-grams of up to `order`; prefixes and suffixes may be missing.
fn any_grams(order: usize) -> impl Strategy<Value = Grams> {
    let weight = || prop_oneof![2 => number(-2.0..0.1), 1 => Just(0.0)];
    let unigrams = prop::collection::vec((number(-3.0..-0.6), weight()), WORDS as usize);
    let longer = (
        2..=order.max(2),
        prop::collection::vec(0..WORDS, order.max(2)),
    );
    let longer = prop::collection::vec((longer, number(-3.0..-0.6), weight()), 0..40);
    (unigrams, longer).prop_map(move |(unigrams, longer)| {
        let unigrams = (0..).zip(unigrams).map(|(word, entry)| (vec![word], entry));
        let longer = longer.into_iter().filter(|((n, _), ..)| *n <= order);
        let longer = longer.map(|((n, words), p, backoff)| (words[..n].to_vec(), (p, backoff)));
        let mut grams: Grams = unigrams.chain(longer).collect();
        for (gram, entry) in &mut grams {
            if gram.len() == order {
                entry.1 = 0.0;
            }
        }
        grams
    })
}

/// The same with every n-gram's first words listed.
fn closed(mut grams: Grams) -> Grams {
    for gram in grams.clone().into_keys() {
        for n in 2..gram.len() {
            grams.entry(gram[..n].to_vec()).or_insert((-1.5, -0.25));
        }
    }
    grams
}

fn any_model() -> impl Strategy<Value = (usize, Grams)> {
    (1..=5usize).prop_flat_map(|order| (Just(order), any_grams(order)))
}

/// Reads `text` and compares everything that the model says with the reference.
fn compare(
    grams: &Grams,
    order: usize,
    model: &Model,
    text: &[u32],
    from_start: bool,
    exact: bool,
) {
    let mut history = if from_start { vec![BEGIN] } else { vec![] };
    let mut state = if from_start {
        model.start()
    } else {
        model.empty()
    };
    let mut contexts = HashMap::new();
    let mut distribution = [0.0; WORDS as usize - 1];
    for &token in text {
        let context = reference_context(grams, order, &history);
        let same = *contexts.entry(context.clone()).or_insert(state);
        assert_eq!(same, state, "one context, one state: {context:?}");
        model.distribution(state, &mut distribution);
        for word in 0..WORDS {
            let scored = model.full_score(state, word);
            let (log10, found) = reference(grams, order, &history, word);
            if exact {
                assert_eq!(
                    (scored.log10, scored.order),
                    (log10, found),
                    "{history:?} {word}"
                );
            } else {
                assert!(
                    (scored.log10 - log10).abs() < 1e-5,
                    "{history:?} {word}: {log10} {scored:?}"
                );
                assert!(scored.order >= found);
            }
            assert_eq!(model.score(state, word), (scored.log10, scored.next));
            if word < BEGIN {
                assert_eq!(
                    distribution[word as usize].to_bits(),
                    scored.log10.to_bits()
                );
            }
        }
        state = model.score(state, token).1;
        history.push(token);
        if token == 0 {
            history = vec![BEGIN];
            assert_eq!(state, model.start());
        }
    }
    let distinct: std::collections::HashSet<State> = contexts.values().copied().collect();
    assert_eq!(distinct.len(), contexts.len(), "one state, one context");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_model_says_what_the_recursion_says(
        (order, grams) in any_model(),
        text in prop::collection::vec(0..WORDS - 1, 1..60),
        from_start in any::<bool>(),
    ) {
        let grams = closed(grams);
        let model = build(&grams, order);
        prop_assert!(model.notes().is_empty());
        compare(&grams, order, &model, &text, from_start, true);
    }

    #[test]
    fn missing_first_words_change_no_probability(
        (order, grams) in any_model(),
        text in prop::collection::vec(0..WORDS - 1, 1..60),
    ) {
        let model = build(&grams, order);
        compare(&grams, order, &model, &text, true, false);
        let inserted = closed(grams.clone()).len() - grams.len();
        prop_assert_eq!(model.counts().iter().sum::<u64>() as usize, grams.len() + inserted);
        prop_assert_eq!(model.notes().len(), usize::from(inserted > 0));
        prop_assert!(inserted == 0 || model.notes()[0].starts_with(&inserted.to_string()));
    }

    #[test]
    fn all_n_grams_come_back_sorted((order, grams) in any_model()) {
        let grams = closed(grams);
        let model = build(&grams, order);
        let mut back = Vec::new();
        for n in 1..=order {
            model.grams(n, &mut |gram, p, backoff| {
                back.push((gram.to_vec(), (p, backoff)));
                Ok::<(), ()>(())
            }).unwrap();
        }
        let mut wanted: Vec<_> = grams.clone().into_iter().collect();
        wanted.sort_by_key(|(gram, _)| (gram.len(), gram.clone()));
        prop_assert_eq!(back, wanted);
        for n in 1..=order {
            let count = grams.keys().filter(|gram| gram.len() == n).count();
            prop_assert_eq!(model.counts()[n - 1], count as u64);
        }
        let weights = grams.values().filter(|entry| entry.1 != 0.0).count();
        prop_assert_eq!(model.parameters() as usize, grams.len() + weights);
    }
}

#[test]
fn a_visitor_may_stop() {
    let grams: Grams = (0..WORDS).map(|word| (vec![word], (-1.0, 0.0))).collect();
    let mut seen = 0;
    let stopped = build(&grams, 2).grams(1, &mut |_, _, _| {
        seen += 1;
        if seen == 2 { Err("enough") } else { Ok(()) }
    });
    assert_eq!((stopped, seen), (Err("enough"), 2));
}

#[test]
#[should_panic(expected = "no such word: 5")]
fn a_word_beyond_the_last_is_a_mistake() {
    let grams: Grams = (0..WORDS).map(|word| (vec![word], (-1.0, 0.0))).collect();
    let model = build(&grams, 1);
    model.score(model.start(), 5);
}

#[test]
fn a_model_of_bytes_begins_where_it_ends() {
    let mut builder = Builder::new(Words::new(Vocab::bytes()), 2);
    for word in 0..258 {
        builder.push(&[word], -2.0, -0.5).unwrap();
    }
    builder.push(&[257, 65], -0.125, 0.0).unwrap();
    let model = builder.finish().unwrap();
    assert_eq!(model.score(model.start(), 65).0, -0.125);
    let (log10, after) = model.score(model.score(model.start(), 65).1, 256);
    assert_eq!((log10, after), (-2.5, model.start()));
}
