//! Every probability against the plain reference, and every context sums to one.

use super::reference::{BEGIN, Gram, Reference};
use super::texts::{counts, sentences, text, words};
use elman::ngram::Words;
use elman::store::StoreError;
use elman::text::Kind;
use std::collections::BTreeMap;

struct Estimated {
    words: Words,
    /// By n-gram: log10 p and log10 of the weight.
    grams: BTreeMap<Gram, (f32, f32)>,
    discounts: Vec<elman::ngram::Discounts>,
}

fn estimate(
    text: &str,
    order: usize,
    prune: &[u64],
    memory_bytes: u64,
    threads: usize,
) -> Estimated {
    let words = words(text, Kind::Whitespace);
    let counts = counts(text, &words, order, prune, memory_bytes, threads);
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

/// log10 p and log10 of the weight, by KenLM's `lmplz -o 5 --discount_fallback`. No 4-gram of this text has an adjusted count of 4, so
/// D_3 of order 4 is 3.
#[test]
fn small_texts_have_the_probabilities_of_lmplz() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/kjv.txt");
    let bible = std::fs::read_to_string(path).unwrap();
    let text: String = bible.split_inclusive('\n').take(30).collect();
    let model = estimate(&text, 5, &[], 1 << 24, 1);
    assert_eq!(model.discounts[3].amounts[2], 3.0);
    assert!(model.discounts.iter().all(|discounts| !discounts.fallback));
    for (gram, p, weight) in [
        ("of the", -0.32583776, -0.042087466),
        ("the face of the", -0.32195747, -0.050625794),
        ("was upon the face", -0.9518272, -0.050625794),
        ("the evening and the", -0.5676224, -0.26706868),
        ("<s> And God said,", -0.49771857, -0.39874762),
        ("<s> And the evening", -1.1184478, -0.045219924),
        ("upon the face of the", -0.20520303, 0.0),
        ("<s> And God said, Let", -0.18482368, 0.0),
        ("God said, Let there be", -0.53367275, 0.0),
    ] {
        let id = |word: &str| match word {
            "<s>" => BEGIN,
            word => model.words.vocab().id(word.as_bytes()).unwrap(),
        };
        let (found_p, found_weight) = model.grams[&gram.split(' ').map(id).collect::<Gram>()];
        assert!((found_p - p).abs() < 2e-6, "{gram}: {found_p}");
        assert!(
            (found_weight - weight).abs() < 2e-6,
            "{gram}: {found_weight}"
        );
    }
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
