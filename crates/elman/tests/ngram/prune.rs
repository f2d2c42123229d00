//! Pruning by entropy, held against the definition.

use super::texts::{model, sentences, sources, text};
use elman::ngram::{History, Model, State, prune};
use elman::text::{Kind, ReadOptions};
use std::collections::{BTreeMap, HashSet};

type Grams = BTreeMap<Vec<u32>, (f64, f64)>;

/// All n-grams with ln p and ln of the weight.
fn grams(model: &Model) -> Grams {
    let mut all = Grams::new();
    for order in 1..=model.order() {
        model
            .grams(order, &mut |gram, p, weight| {
                let ln = |log10: f32| f64::from(log10) * std::f64::consts::LN_10;
                all.insert(gram.to_vec(), (ln(p), ln(weight)));
                Ok::<(), ()>(())
            })
            .unwrap();
    }
    all
}

fn ln_p(grams: &Grams, context: &[u32], word: u32) -> f64 {
    let gram: Vec<u32> = context.iter().copied().chain([word]).collect();
    match grams.get(&gram) {
        Some((p, _)) => *p,
        None => {
            grams.get(context).map_or(0.0, |(_, weight)| *weight) + ln_p(grams, &context[1..], word)
        }
    }
}

fn pruned(model: &Model, text: &str, threshold: f64) -> Model {
    let history = History::read(model, sources(text), &ReadOptions::default()).unwrap();
    prune(model, &history, threshold).unwrap()
}

/// All states that reading the text leads through.
fn states(model: &Model, text: &str) -> HashSet<State> {
    let mut found = HashSet::new();
    for sentence in sentences(text, model.words()) {
        let mut state = model.start();
        for word in sentence {
            found.insert(state);
            state = model.score(state, word).1;
        }
    }
    found
}

#[test]
fn probabilities_still_sum_to_one() {
    let text = text(300);
    let model = model(&text, Kind::Whitespace, 4);
    for threshold in [1e-7, 1e-5, 1e-3, 1e9] {
        let pruned = pruned(&model, &text, threshold);
        let mut log10 = vec![0.0; pruned.vocab().len()];
        let mut worst = 0.0f64;
        for state in states(&pruned, &text) {
            pruned.distribution(state, &mut log10);
            let sum: f64 = log10.iter().map(|&x| 10f64.powf(f64::from(x))).sum();
            worst = worst.max((sum - 1.0).abs());
        }
        assert!(worst < 1e-6, "{threshold}: {worst}");
    }
}

/// One bigram's fate computed by hand from relative entropies between whole distributions.
#[test]
fn what_goes_is_what_the_definition_says() {
    let text = text(80);
    let model = model(&text, Kind::Whitespace, 2);
    let whole = grams(&model);
    let begin = model.words().begin();
    let mut occurrences = BTreeMap::<u32, f64>::new();
    let mut tokens = 0.0;
    for sentence in sentences(&text, model.words()) {
        let before = [begin].into_iter().chain(sentence.iter().copied());
        for (context, _) in before.zip(&sentence) {
            *occurrences.entry(context).or_default() += 1.0;
            tokens += 1.0;
        }
    }
    let read = History::read(&model, sources(&text), &ReadOptions::default()).unwrap();
    let share = |h: u32| occurrences[&h] / tokens;
    check_choice(&model, &prune(&model, &read, 2e-4).unwrap(), share, 2e-4);
    // By the model's own probabilities: a sentence begins as often as one ends.
    let of_ends = ln_p(&whole, &[], model.vocab().eos()).exp();
    let own = |h: u32| match h == begin {
        true => of_ends,
        false => ln_p(&whole, &[], h).exp(),
    };
    let pruned = prune(&model, &History::own(&model).unwrap(), 2e-4).unwrap();
    check_choice(&model, &pruned, own, 2e-4);
}

/// Compares the bigrams that pruning has left out with those of the definition, given P(h).
fn check_choice(model: &Model, pruned: &Model, p: impl Fn(u32) -> f64, threshold: f64) {
    let (whole, kept) = (grams(model), grams(pruned));
    let v = model.vocab().len() as u32;
    let (mut gone, mut close) = (0, 0);
    for gram in whole.keys().filter(|gram| gram.len() == 2) {
        let (h, w) = (gram[0], gram[1]);
        // The distribution after h without this one bigram: it backs off, and the weight makes the sum one.
        let listed = |v: u32| v != w && whole.contains_key(&vec![h, v]);
        let lower = |v: u32| ln_p(&whole, &[], v).exp();
        let rest: f64 = (0..v).filter(|&v| !listed(v)).map(lower).sum();
        let taken: f64 = (0..v)
            .filter(|&v| listed(v))
            .map(|v| ln_p(&whole, &[h], v).exp())
            .sum();
        let weight = (1.0 - taken) / rest;
        let entropy: f64 = (0..v)
            .filter(|&v| !listed(v))
            .map(|v| {
                let p = ln_p(&whole, &[h], v);
                p.exp() * (p - (weight * lower(v)).ln())
            })
            .sum();
        let rise = (p(h) * entropy).exp_m1();
        if (rise / threshold - 1.0).abs() < 1e-3 {
            close += 1;
            continue;
        }
        assert_eq!(
            kept.contains_key(gram),
            rise >= threshold,
            "{gram:?}: {rise}"
        );
        gone += usize::from(rise < threshold);
    }
    let bigrams = whole.keys().filter(|gram| gram.len() == 2).count();
    assert!(
        gone > bigrams / 10 && gone < bigrams * 9 / 10 && close < 3,
        "{gone} of {bigrams}"
    );
}

#[test]
fn nothing_to_gain_keeps_everything_and_everything_keeps_the_words() {
    let text = text(100);
    let model = model(&text, Kind::Whitespace, 3);
    let same = pruned(&model, &text, 1e-300);
    // Only n-grams that change nothing at all may go.
    let (before, after) = (grams(&model), grams(&same));
    for (gram, (p, weight)) in &after {
        assert!(
            (p - before[gram].0).abs() < 1e-6 && (weight - before[gram].1).abs() < 1e-4,
            "{gram:?}"
        );
    }
    assert!(after.len() + after.len() / 20 >= before.len());
    let least = pruned(&model, &text, 1e9);
    assert_eq!(least.counts(), [model.counts()[0], 0, 0]);
}

#[test]
fn an_n_gram_stays_while_a_longer_one_begins_with_it() {
    let text = text(300);
    let model = model(&text, Kind::Whitespace, 4);
    let kept = grams(&pruned(&model, &text, 1e-5));
    for gram in kept.keys().filter(|gram| gram.len() > 1) {
        assert!(kept.contains_key(&gram[..gram.len() - 1]));
    }
}
