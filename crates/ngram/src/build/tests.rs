use super::*;
use elman_text::{Kind, Vocab};

/// `</s>` 0, `<unk>` 1, a 2, b 3, `<s>` 4.
fn words() -> Words {
    Words::new(Vocab::from_list("list", b"a\nb\n", Kind::Whitespace).unwrap())
}

fn with_unigrams(order: usize) -> Builder {
    let mut builder = Builder::new(words(), order);
    for word in [3, 0, 2, 1, 4] {
        builder.push(&[word], -1.0, 0.5).unwrap();
    }
    builder
}

fn log10_p(model: &Model, history: &[u32], word: u32) -> f32 {
    let state = history
        .iter()
        .fold(model.empty(), |state, &word| model.score(state, word).1);
    model.score(state, word).0
}

#[test]
fn numbers_that_are_none_are_refused() {
    let mut builder = Builder::new(words(), 2);
    let refused = |builder: &mut Builder, p, backoff| builder.push(&[2], p, backoff).unwrap_err();
    for p in [
        0.1,
        1e-30,
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        -1e30,
    ] {
        let error = refused(&mut builder, p, 0.0);
        assert!(matches!(error, BuildError::Probability(_)), "{p}: {error}");
    }
    for backoff in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30] {
        let error = refused(&mut builder, -1.0, backoff);
        assert!(
            matches!(error, BuildError::Backoff(_)),
            "{backoff}: {error}"
        );
    }
    let mut builder = with_unigrams(2);
    let error = builder.push(&[2, 3], -1.0, -0.5).unwrap_err();
    assert_eq!(error, BuildError::TopBackoff(-0.5));
    builder.push(&[2, 3], -1.0, -0.0).unwrap();
    builder.finish().unwrap();
}

#[test]
fn the_second_of_two_equal_n_grams_is_named() {
    let twice = |order, index| BuildError::Twice { order, index };
    let mut builder = with_unigrams(3);
    builder.push(&[3], -1.0, 0.0).unwrap();
    assert_eq!(builder.finish().unwrap_err(), twice(1, 5));

    let mut builder = with_unigrams(3);
    for gram in [[3, 2], [2, 2], [2, 3], [3, 3], [2, 3], [3, 2]] {
        builder.push(&gram, -1.0, 0.0).unwrap();
    }
    // Found when the order ends, which is when the next one begins.
    assert_eq!(
        builder.push(&[2, 2, 2], -1.0, 0.0).unwrap_err(),
        twice(2, 4)
    );

    // Both without their first words.
    let mut builder = with_unigrams(3);
    for _ in 0..2 {
        builder.push(&[3, 2, 2], -1.0, 0.0).unwrap();
    }
    assert_eq!(builder.finish().unwrap_err(), twice(3, 1));
}

#[test]
fn only_two_words_may_lack_a_1_gram() {
    let mut builder = Builder::new(words(), 2);
    for word in [0, 2, 3] {
        builder.push(&[word], -1.0, 0.0).unwrap();
    }
    builder.push(&[2, 3], -0.5, 0.0).unwrap();
    let model = builder.finish().unwrap();
    assert_eq!(log10_p(&model, &[], 1), -100.0);
    assert_eq!(model.start(), model.empty());
    let [unk, begin] = model.notes() else {
        panic!("{:?}", model.notes())
    };
    assert!(unk.contains("no <unk>") && begin.contains("no <s>"));

    let mut builder = Builder::new(words(), 1);
    for word in [1, 2, 4] {
        builder.push(&[word], -1.0, 0.0).unwrap();
    }
    let error = builder.finish().unwrap_err();
    assert_eq!(
        error,
        BuildError::NoUnigram {
            word: "</s>".to_owned()
        }
    );
}

#[test]
fn gaps_are_filled_in_every_order() {
    let mut builder = with_unigrams(4);
    builder.push(&[2, 3], -0.25, -0.125).unwrap();
    builder.push(&[2, 2], -0.5, -0.25).unwrap();
    builder.push(&[2, 3, 2], -0.75, 0.0).unwrap();
    // Lacks b b a, b b and, sorted between others, a b b; and once more the same.
    builder.push(&[3, 3, 2, 2], -0.0625, 0.0).unwrap();
    builder.push(&[2, 3, 3, 2], -0.5, 0.0).unwrap();
    builder.push(&[3, 3, 2, 3], -2.0, 0.0).unwrap();
    builder.push(&[2, 3, 2, 0], -3.0, 0.0).unwrap();
    let model = builder.finish().unwrap();
    assert_eq!(model.counts(), [5, 3, 3, 4]);
    assert!(
        model.notes()[0].starts_with("3 n-grams"),
        "{:?}",
        model.notes()
    );
    assert_eq!(log10_p(&model, &[3, 3, 2], 2), -0.0625);
    assert_eq!(log10_p(&model, &[3, 3, 2], 3), -2.0);
    assert_eq!(log10_p(&model, &[2, 3, 3], 2), -0.5);
    assert_eq!(log10_p(&model, &[2, 3, 2], 0), -3.0);
    // b b: weight of b 0.5, p of b −1. b b a: weight of b b none, b a: −0.5.
    assert_eq!(log10_p(&model, &[3], 3), -0.5);
    assert_eq!(log10_p(&model, &[3, 3], 2), -0.5);
    // a b b: weight of a b −0.125.
    assert_eq!(log10_p(&model, &[2, 3], 3), -0.625);
}

#[test]
fn what_is_inserted_is_no_more_than_certain() {
    let mut builder = Builder::new(words(), 3);
    for word in 0..5 {
        builder.push(&[word], -1.0, 3.0).unwrap();
    }
    builder.push(&[2, 2, 3], -1.0, 0.0).unwrap();
    let model = builder.finish().unwrap();
    assert_eq!(log10_p(&model, &[2], 2), 0.0);
}

#[test]
fn the_order_of_coming_changes_nothing() {
    let grams = [[2, 3], [3, 2], [2, 2], [4, 3], [0, 3]];
    let ids: Vec<String> = [[0, 1, 2, 3, 4], [4, 2, 0, 1, 3], [3, 4, 1, 0, 2]]
        .iter()
        .map(|order| {
            let mut builder = with_unigrams(2);
            for &i in order {
                builder.push(&grams[i], -0.5 - i as f32, 0.0).unwrap();
            }
            builder.finish().unwrap().id().to_owned()
        })
        .collect();
    assert!(ids[0] == ids[1] && ids[1] == ids[2], "{ids:?}");
}

#[test]
fn an_order_may_be_empty() {
    let mut builder = with_unigrams(4);
    builder.push(&[2, 3, 2], -0.25, 0.0).unwrap();
    let model = builder.finish().unwrap();
    assert_eq!(model.counts(), [5, 1, 1, 0]);
    assert_eq!(with_unigrams(3).finish().unwrap().counts(), [5, 0, 0]);
}
