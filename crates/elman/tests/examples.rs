//! The programs in `examples/` run, and the README's lines take a model of every family.
#![allow(clippy::disallowed_methods, reason = "tests make files of their own")]

#[path = "../examples/chapter/main.rs"]
pub mod chapter;
#[allow(dead_code)]
#[path = "../examples/custom_loop.rs"]
mod custom_loop;
#[allow(dead_code)]
#[path = "../examples/generate.rs"]
mod generate;
#[allow(dead_code)]
#[path = "../examples/score.rs"]
mod score;
#[allow(dead_code)]
#[path = "../examples/train.rs"]
mod train;

use elman::train::config::Bptt;
use elman::{Sampling, TrainConfig};
use std::path::Path;

const TEXT: &str = "the cat sat on the mat\nthe dog sat on the log\n";

const ARPA: &str = "\\data\\
ngram 1=7
ngram 2=3

\\1-grams:
-99\t<s>\t-0.3
-1\t</s>
-2\t<unk>
-0.7\tthe\t-0.2
-1\tcat
-1\tdog
-1\tsat

\\2-grams:
-0.2\t<s> the
-0.4\tthe cat
-0.5\tthe dog

\\end\\
";

/// What the lines of the README print.
type Printed = (Vec<(String, f64)>, f64, String);

/// The lines of the README: load, feed, the likeliest next words, a score and a text.
fn readme(path: &Path) -> elman::Result<Printed> {
    let model = elman::load(path)?;
    let mut session = model.session();
    session.feed("the")?;
    let likeliest = session.next()?.top(5);
    let score = model.score("the cat sat")?.log_prob();
    let options = Sampling {
        max_tokens: 10,
        ..Sampling::default()
    };
    let text = model.generate("the cat", &options)?;
    Ok((likeliest, score, text))
}

#[test]
fn a_model_is_trained_scored_and_writes() {
    let room = tempfile::tempdir().unwrap();
    let (text, path) = (room.path().join("text.txt"), room.path().join("model"));
    std::fs::write(&text, TEXT.repeat(30)).unwrap();
    let config = TrainConfig {
        batch_size: 4,
        bptt: Bptt::Steps(10),
        epochs: Some(10.0),
        lr: 0.01,
        ..TrainConfig::default()
    };
    train::run(&text, &path, &config).unwrap();
    let model = elman::load(&path).unwrap();
    let true_order = score::run(&model, "the cat sat on the mat\n").unwrap();
    let other_order = score::run(&model, "mat the on sat cat the\n").unwrap();
    assert!(true_order > other_order + 10.0);
    assert!(!generate::run(&model, "the").unwrap().is_empty());
    let (likeliest, score, text) = readme(&path).unwrap();
    assert_eq!(likeliest.len(), 5);
    assert!([" cat", " dog", " mat", " log"].contains(&&*likeliest[0].0));
    assert_eq!(score, model.score("the cat sat").unwrap().log_prob());
    assert!(!text.is_empty());
}

#[test]
fn the_same_lines_take_an_n_gram_model() {
    let room = tempfile::tempdir().unwrap();
    let (arpa, bin) = (room.path().join("m.arpa"), room.path().join("m.bin"));
    std::fs::write(&arpa, ARPA).unwrap();
    elman::load(&arpa).unwrap().save(&bin).unwrap();
    let found = readme(&arpa).unwrap();
    assert_eq!(readme(&bin).unwrap(), found);
    let (likeliest, score, _) = found;
    assert_eq!((&*likeliest[0].0, &*likeliest[1].0), ("cat", "dog"));
    assert!((likeliest[0].1 - 10f64.powf(-0.4)).abs() < 1e-6);
    // <s> the, the cat, sat and </s>, without back-off weights where there is none.
    let log10 = -0.2 - 0.4 - 1.0 - 1.0;
    assert!((score / (log10 * std::f64::consts::LN_10) - 1.0).abs() < 1e-5);
    let model = elman::load(&bin).unwrap();
    score::run(&model, "the dog").unwrap();
    generate::run(&model, "the").unwrap();
}

/// The chapter in plain loops learns its few lines by heart.
#[test]
fn the_chapter_learns_its_text() {
    assert!(chapter::run() < 1.1);
}

#[test]
fn a_loop_of_one_s_own_learns_to_repeat() {
    assert!(custom_loop::run(250).unwrap() < 4.0);
}
