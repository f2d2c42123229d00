//! Suggestions against all words of a small vocabulary, and keys that are counted by hand.

use super::*;
use crate::testing::{CELLS, bigrams, model_of, vocab};
use elman_text::{Layout, ReadOptions, Source, Vocab, count};

const STEPS: usize = 100_000;

/// A model whose words are short: letters a, b and c, a space and a newline.
fn letters() -> Model {
    model_of(CELLS[4], false, vocab(Kind::Chars, "abc \n")).into()
}

fn pairs(text: &str) -> Vocab {
    let source = Source::Reader {
        name: "text".into(),
        reader: Box::new(std::io::Cursor::new(text.to_owned())),
    };
    let counted = count([source], Kind::Bpe, &ReadOptions::default(), 1 << 30).unwrap();
    counted.0.into_vocab(1, Some(262)).unwrap()
}

/// ln p of tokens after a text.
fn log_prob(model: &Model, text: &str, tokens: &[TokenId]) -> f64 {
    let mut session = model.clone().with_layout(Layout::Stream).session();
    session.feed(text).unwrap();
    session.score_tokens(tokens).unwrap().iter().sum()
}

#[test]
fn suggestions_are_the_most_probable_of_all_words() {
    let model = letters();
    let completer = Completer::new(&model).unwrap();
    // All words of up to seven letters; longer ones are less probable than those that are suggested.
    let mut words = vec![String::new()];
    let mut all: Vec<String> = Vec::new();
    for _ in 0..7 {
        let longer = words
            .iter()
            .flat_map(|word| ["a", "b", "c"].map(|c| format!("{word}{c}")));
        words = longer.collect();
        all.extend(words.clone());
    }
    let id = |token: &[u8]| model.vocab().id(token).unwrap();
    let ends = [id(b" "), id(b"\n"), model.vocab().eos()];
    for (text, typed) in [
        ("", ""),
        ("ab ", ""),
        ("cab a ", "b"),
        ("c\n", "ca"),
        ("", "b"),
    ] {
        let mut expected: Vec<(f64, &String)> = all
            .iter()
            .filter(|word| word.starts_with(typed))
            .map(|word| {
                let tokens = model.vocab().tokenize(word.as_bytes()).unwrap().ids;
                let ended =
                    ends.map(|end| log_prob(&model, text, &[&tokens[..], &[end]].concat()).exp());
                (ended.iter().sum::<f64>().ln(), word)
            })
            .collect();
        expected.sort_by(|a, b| b.0.total_cmp(&a.0));
        let found = completer
            .suggest(&format!("{text}{typed}"), 4, STEPS)
            .unwrap();
        assert_eq!(found.bound, None);
        assert_eq!(found.words.len(), 4);
        for (found, (log_prob, word)) in found.words.iter().zip(&expected) {
            assert_eq!(&found.word, *word, "{text:?} {typed:?}");
            assert!(
                (found.log_prob - log_prob).abs() < 1e-9,
                "{text:?} {typed:?}"
            );
        }
    }
}

#[test]
fn tokens_that_are_words_are_ranked_by_their_probability() {
    let model = Model::from(bigrams(vocab(Kind::Fields, "ab abc b abba")));
    let completer = Completer::new(&model).unwrap();
    let found = completer.suggest("b ", 10, 1).unwrap();
    let words: Vec<&str> = found.words.iter().map(|word| &*word.word).collect();
    assert_eq!(words.len(), 4, "{words:?}");
    for word in &found.words {
        let id = model.vocab().id(word.word.as_bytes()).unwrap();
        assert!((word.log_prob - log_prob(&model, "b ", &[id])).abs() < 1e-9);
        assert_eq!(word.tokens, 1);
    }
    assert!(found.words.is_sorted_by(|a, b| a.log_prob >= b.log_prob));
    // What was typed is completed, and is a word itself.
    let found = completer.suggest("b ab", 10, 1).unwrap();
    let mut words: Vec<&str> = found.words.iter().map(|word| &*word.word).collect();
    words.sort_unstable();
    assert_eq!(words, ["ab", "abba", "abc"]);
    assert_eq!(completer.suggest("b x", 10, 1).unwrap().words, []);
}

#[test]
fn pieces_of_words_are_put_together() {
    let text = "abba abba abc ab abc\n";
    let model = Model::from(model_of(CELLS[3], false, pairs(text)));
    let completer = Completer::new(&model).unwrap();
    for typed in ["ab", "abb", ""] {
        let found = completer.suggest(&format!("ab {typed}"), 3, 300).unwrap();
        for word in &found.words {
            assert!(
                word.word.starts_with(typed) && !word.word.contains(' '),
                "{word:?}"
            );
            assert!(word.log_prob <= 0.0);
        }
        let different: std::collections::HashSet<&str> =
            found.words.iter().map(|word| &*word.word).collect();
        assert_eq!(different.len(), found.words.len());
    }
}

#[test]
fn a_search_that_is_stopped_says_what_it_may_have_missed() {
    let completer = Completer::new(&letters()).unwrap();
    let all = completer.suggest("ab ", 5, STEPS).unwrap();
    let mut stopped = 0;
    for steps in 1..40 {
        let found = completer.suggest("ab ", 5, steps).unwrap();
        assert_eq!(found.words[..], all.words[..found.words.len()]);
        match found.bound {
            Some(bound) => {
                stopped += 1;
                assert!(all.words[found.words.len()].log_prob <= bound + 1e-12);
            }
            None => assert_eq!(found, all),
        }
    }
    assert!(stopped > 0);
}

#[test]
fn keys_are_counted() {
    let source = |text: &str| {
        vec![Source::Reader {
            name: "text".into(),
            reader: Box::new(std::io::Cursor::new(text.to_owned())),
        }]
    };
    let evaluate = |model: &Model, text: &str, options: &CompletionOptions| {
        let completer = Completer::new(model).unwrap();
        let read = ReadOptions::default();
        evaluate_completions(&completer, source(text), &read, options, &mut |_| {}).unwrap()
    };
    let model = Model::from(bigrams(vocab(Kind::Fields, "ab abc b abba")));
    let options = CompletionOptions {
        suggestions: 4,
        ..CompletionOptions::default()
    };
    // All four words are shown at once: a key for each. The unknown word costs three letters and a space.
    let found = evaluate(&model, "ab abba\nxyz b\n", &options);
    assert_eq!((found.words, found.keys_without), (4, 3 + 5 + 4 + 2));
    assert_eq!(found.keys_with, 1 + 1 + 4 + 1);
    assert!((found.savings() - 50.0).abs() < 1e-12);
    let first = CompletionOptions {
        words: Some(1),
        ..options
    };
    assert_eq!(evaluate(&model, "ab abba\n", &first).words, 1);
    // One word is shown: keys follow from the ranks that suggestions have.
    let one = CompletionOptions {
        suggestions: 1,
        ..options
    };
    for model in [model, letters()] {
        let completer = Completer::new(&model).unwrap();
        let (mut keys, mut top1, mut top3) = (0, 0, 0);
        for (before, word) in [("", "ab"), ("ab ", "abc"), ("ab abc ", "b")] {
            let words = |typed: usize, most| {
                let text = format!("{before}{}", &word[..typed]);
                let found = completer.suggest(&text, most, 1000).unwrap();
                found
                    .words
                    .into_iter()
                    .map(|found| found.word)
                    .collect::<Vec<_>>()
            };
            let shown = (0..word.len()).find(|&typed| words(typed, 1) == [word]);
            keys += shown.map_or(word.len() + 1, |typed| typed + 1) as u64;
            top1 += u64::from(words(0, 1) == [word]);
            top3 += u64::from(words(0, 3).iter().any(|found| found == word));
        }
        let found = evaluate(&model, "ab abc b\n", &one);
        assert_eq!(
            (found.keys_with, found.top1, found.top3),
            (keys, top1, top3),
            "{model:?}"
        );
        assert_eq!(found.keys_without, 3 + 4 + 2);
    }
}
