use super::*;
use crate::Builder;
use elman_text::{Kind, Vocab};

/// A model whose probabilities sum to one: `grams` are sets of n-grams from order 2, each with a share of what its context has.
fn model(words: &str, order: usize, grams: &[(&str, f64)]) -> Model {
    let list = words.replace(' ', "\n");
    let vocab = Vocab::from_list("list", list.as_bytes(), Kind::Whitespace).unwrap();
    let words = Words::new(vocab);
    let v = words.vocab().len();
    let mut builder = Builder::new(words.clone(), order);
    // Unequal, and one together.
    let total: f64 = (1..=v).map(|n| n as f64).sum();
    for id in 0..v as u32 {
        let p = f64::from(id + 1) / total;
        builder.push(&[id], p.log10() as f32, 0.0).unwrap();
    }
    builder.push(&[words.begin()], -99.0, 0.0).unwrap();
    for n in 2..=order {
        for (gram, p) in grams {
            let gram: Vec<u32> = gram.split(' ').map(|word| id(&words, word)).collect();
            if gram.len() == n {
                builder.push(&gram, p.log10() as f32, 0.0).unwrap();
            }
        }
    }
    balanced(builder.finish_automaton().unwrap()).into()
}

fn id(words: &Words, name: &str) -> u32 {
    match name {
        "<s>" => words.begin(),
        "</s>" => 0,
        "<unk>" => 1,
        name => words.vocab().id(name.as_bytes()).unwrap(),
    }
}

fn a() -> Model {
    let grams = [
        ("<s> x", 0.5),
        ("<s> y", 0.25),
        ("x y", 0.6),
        ("y x", 0.3),
        ("y </s>", 0.3),
        ("<s> x y", 0.7),
        ("x y x", 0.125),
        ("x y </s>", 0.5),
    ];
    model("x y p", 3, &grams)
}

fn b() -> Model {
    let grams = [
        ("<s> y", 0.5),
        ("y z", 0.75),
        ("<unk> y", 0.9),
        ("z y", 0.2),
    ];
    model("z y q r", 2, &grams)
}

fn nothing(_: MixProgress) {}

/// p(word | history), from the empty state.
fn p(model: &Model, history: &[&str], word: &str) -> f64 {
    let words = model.words();
    let known = |name: &&str| {
        let known = ["<s>", "</s>", "<unk>"].contains(name);
        let known = known || model.vocab().id(name.as_bytes()).is_some();
        id(words, if known { name } else { "<unk>" })
    };
    let (own, mut state) = (model.own(), EMPTY);
    for name in history {
        let tables = own.tables();
        state = tables.next(own.arc(state, known(name)).1);
    }
    10f64.powf(own.score(state, id(words, word)).0.into())
}

const HISTORIES: [&[&str]; 12] = [
    &[],
    &["<s>"],
    &["x"],
    &["y"],
    &["z"],
    &["p"],
    &["<unk>"],
    &["<s>", "x"],
    &["x", "y"],
    &["z", "y"],
    &["y", "z"],
    &["<unk>", "y"],
];

#[test]
fn every_context_sums_to_one() {
    let (a, b) = (a(), b());
    for lambda in [0.5, 0.9, 1e-9] {
        let mixed = mix(&[&a, &b], &[lambda, 1.0 - lambda], &mut nothing).unwrap();
        for model in [&a, &b, &mixed] {
            for history in HISTORIES {
                let names = (0..model.vocab().len() as u32).map(|id| model.words().name(id));
                let sum: f64 = names.map(|name| p(model, history, &name)).sum();
                assert!((sum - 1.0).abs() < 1e-6, "{history:?}: {sum}");
            }
        }
    }
}

#[test]
fn listed_n_grams_have_the_probability_of_the_dynamic_mixture() {
    let (a, b) = (a(), b());
    let mixed = mix(&[&a, &b], &[0.25, 0.75], &mut nothing).unwrap();
    assert_eq!(mixed.counts(), [9, 8, 3]);
    let listed: [(&[&str], &str); 9] = [
        (&[], "y"),
        (&[], "<unk>"),
        (&[], "</s>"),
        (&["<s>"], "x"),
        (&["<s>"], "y"),
        (&["x"], "y"),
        (&["y"], "z"),
        (&["<s>", "x"], "y"),
        (&["x", "y"], "</s>"),
    ];
    for (history, word) in listed {
        let of = |model: &Model| match model.vocab().id(word.as_bytes()) {
            None if !word.starts_with('<') => 0.0,
            _ => p(model, history, word),
        };
        let (dynamic, found) = (0.25 * of(&a) + 0.75 * of(&b), p(&mixed, history, word));
        assert!(
            (found / dynamic - 1.0).abs() < 1e-5,
            "{history:?} {word}: {found} for {dynamic}"
        );
    }
    // A word that one model knows has that model's part alone; as a history it is the other model's <unk>.
    assert!((p(&mixed, &[], "p") / (0.25 * p(&a, &[], "p")) - 1.0).abs() < 1e-5);
    let x_y = 0.25 * 0.6 + 0.75 * 0.9;
    assert!((p(&mixed, &["x"], "y") - x_y).abs() < 1e-6);
}

#[test]
fn a_model_alone_or_with_itself_stays_as_it_is() {
    let a = a();
    for (models, weights) in [
        (vec![&a], vec![1.0]),
        (vec![&a, &a, &a], vec![0.5, 0.25, 0.25]),
    ] {
        let mixed = mix(&models, &weights, &mut nothing).unwrap();
        assert_eq!(mixed.counts(), a.counts());
        assert_eq!(mixed.vocab().hash(), a.vocab().hash());
        for history in HISTORIES {
            for word in ["x", "y", "p", "<unk>", "</s>"] {
                let (before, after) = (p(&a, history, word), p(&mixed, history, word));
                assert!((before / after - 1.0).abs() < 1e-6, "{history:?} {word}");
            }
        }
    }
}

#[test]
fn a_mixture_survives_its_files_and_counts_its_progress() {
    let (a, b) = (a(), b());
    let mut seen = None;
    let mixed = mix(&[&a, &b], &[0.5, 0.5], &mut |progress| {
        seen = Some(progress)
    })
    .unwrap();
    let total = a.counts().iter().chain(b.counts()).sum();
    assert_eq!(seen, Some(MixProgress { done: total, total }));
    let again = Model::from_bytes("mixed", mixed.as_bytes().to_vec()).unwrap();
    assert_eq!(again.id(), mixed.id());
    assert!(mixed.notes().is_empty());
}

#[test]
fn a_model_that_does_not_sum_to_one_is_said() {
    let broken = model("x y", 2, &[("x x", 0.75), ("x y", 0.75)]);
    let mixed = mix(&[&broken, &a()], &[0.9, 0.1], &mut nothing).unwrap();
    assert!(
        mixed.notes()[0].contains("after 1 contexts"),
        "{:?}",
        mixed.notes()
    );
}

#[test]
fn kinds_that_cut_a_text_differently_are_refused() {
    let vocab = Vocab::from_list("list", b"x\n", Kind::Words).unwrap();
    let mut builder = Builder::new(Words::new(vocab), 1);
    for id in 0..4 {
        builder.push(&[id], -1.0, 0.0).unwrap();
    }
    let other = builder.finish().unwrap();
    let error = mix(&[&a(), &other], &[0.5, 0.5], &mut nothing).unwrap_err();
    assert!(
        error.to_string().contains("kinds whitespace, words"),
        "{error}"
    );
}
