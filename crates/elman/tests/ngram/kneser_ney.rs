//! Every probability against the plain reference, and every context sums to one.

use crate::reference::{BEGIN, Gram, Reference};
use elman::ngram::{CountOptions, Counts, Words};
use elman::store::StoreError;
use elman::text::{Kind, ReadOptions, Source, count};
use std::collections::BTreeMap;

/// Sentences with a tail of rare words and much that repeats, so that all discounts are defined.
fn text(lines: usize) -> String {
    let mut state = 12345u64;
    let mut random = move |below: u64| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) % below
    };
    let mut text = String::new();
    for _ in 0..lines {
        let mut word = random(7);
        for _ in 0..random(12) {
            // Small steps repeat; now and then a jump, seldom far.
            let far = random(8);
            word = match random(3) {
                0 => random(1 << far),
                _ => word + random(3),
            };
            text.push_str(&format!("w{word} "));
        }
        text.push('\n');
    }
    text
}

struct Estimated {
    words: Words,
    /// By n-gram: log10 p and log10 of the weight.
    grams: BTreeMap<Gram, (f32, f32)>,
    discounts: Vec<elman::ngram::Discounts>,
}

fn sources(text: &str) -> Vec<Source> {
    let reader = Box::new(std::io::Cursor::new(text.as_bytes().to_vec()));
    vec![Source::Reader {
        name: "text".into(),
        reader,
    }]
}

fn estimate(
    text: &str,
    order: usize,
    prune: &[u64],
    memory_bytes: u64,
    threads: usize,
) -> Estimated {
    let read = ReadOptions::default();
    let (counts, _) = count(sources(text), Kind::Whitespace, &read, 1 << 20).unwrap();
    let words = Words::new(counts.into_vocab(1, None).unwrap());
    let options = CountOptions {
        order,
        prune: prune.to_vec(),
        memory_bytes,
        threads,
        scratch: std::env::temp_dir(),
    };
    let counts = Counts::of(sources(text), &read, &words, &options, &mut |_| ()).unwrap();
    let (kept, discounts) = (counts.kept(), counts.discounts());
    let mut grams = BTreeMap::new();
    let mut emitted = vec![0; order];
    counts
        .estimate(&mut |gram: &[u32], p, weight| {
            let gram: Gram = gram
                .iter()
                .map(|&id| if id == words.begin() { BEGIN } else { id })
                .collect();
            emitted[gram.len() - 1] += 1;
            assert!(grams.insert(gram, (p, weight)).is_none());
            Ok::<(), StoreError>(())
        })
        .unwrap();
    assert_eq!(emitted, kept);
    Estimated {
        words,
        grams,
        discounts,
    }
}

impl Estimated {
    /// p(word | context) by backing off, in f64.
    fn p(&self, context: &[u32], word: u32) -> f64 {
        let gram: Gram = context.iter().copied().chain([word]).collect();
        if let Some((p, _)) = self.grams.get(&gram) {
            return 10f64.powf(f64::from(*p));
        }
        let weight = self.grams.get(context).map_or(0.0, |(_, weight)| *weight);
        10f64.powf(f64::from(weight)) * self.p(&context[1..], word)
    }
}

/// The text as ids.
fn sentences(text: &str, words: &Words) -> Vec<Vec<u32>> {
    let mut all = vec![vec![]];
    elman::text::encode(
        sources(text),
        words.vocab(),
        &ReadOptions::default(),
        &mut |symbol| {
            all.last_mut().unwrap().push(symbol.id);
            if symbol.id == words.vocab().eos() {
                all.push(vec![]);
            }
            Ok::<(), elman::Error>(())
        },
    )
    .unwrap();
    all.pop();
    all
}

fn check(text: &str, order: usize, prune: &[u64]) {
    let model = estimate(text, order, prune, 1 << 24, 1);
    let v = model.words.begin();
    let reference = Reference::new(&sentences(text, &model.words), v, order, prune);
    for (ours, plain) in model.discounts.iter().zip(&reference.discounts) {
        assert_eq!(ours.amounts, *plain);
    }
    let listed = reference.grams();
    let ours = model.grams.keys().filter(|gram| gram.len() > 1);
    assert!(
        ours.eq(listed.iter()),
        "order {order}, {prune:?}: other n-grams"
    );
    for context in reference.contexts() {
        let mut sum = 0.0;
        for word in 0..v {
            let (p, plain) = (model.p(&context, word), reference.p(&context, word));
            assert!(
                (p / plain - 1.0).abs() < 2e-6,
                "{context:?} {word}: {p} for {plain}"
            );
            sum += p;
        }
        assert!((sum - 1.0).abs() < 1e-6, "{context:?}: {sum}");
    }
}

#[test]
fn every_probability_is_that_of_the_reference() {
    let text = text(150);
    for order in 1..=4 {
        check(&text, order, &[]);
    }
}

#[test]
fn so_it_is_with_n_grams_left_out() {
    let text = text(150);
    check(&text, 4, &[0, 0, 1, 1]);
    check(&text, 3, &[0, 1, 3]);
    check(&text, 2, &[0, 2]);
}

#[test]
fn texts_without_discounts_fall_back() {
    for text in ["a\n", "\n\n\n", "a b a b a b", "x y z\nx y z\nx y z\n"] {
        check(text, 3, &[]);
    }
    let model = estimate("a b a b", 2, &[], 1 << 20, 1);
    assert!(
        model
            .discounts
            .iter()
            .all(|d| d.fallback && d.amounts == elman::ngram::FALLBACK)
    );
}

#[test]
fn the_text_of_the_tests_defines_all_discounts() {
    let model = estimate(&text(150), 4, &[], 1 << 20, 1);
    assert!(
        model.discounts.iter().all(|d| !d.fallback),
        "{:?}",
        model.discounts
    );
}

#[test]
fn neither_memory_nor_threads_change_a_bit() {
    let text = text(3000);
    let whole = estimate(&text, 5, &[0, 0, 0, 1], 1 << 28, 1);
    for (memory, threads) in [(0, 1), (0, 4), (1 << 20, 2), (1 << 28, 3)] {
        let other = estimate(&text, 5, &[0, 0, 0, 1], memory, threads);
        assert!(
            other.grams == whole.grams,
            "{memory} bytes, {threads} threads"
        );
    }
}
