//! Files of pairs as they are found, and the figures of made-up scores.

#![allow(
    clippy::disallowed_methods,
    reason = "tests write the files that are read"
)]

use super::*;
use crate::Error;
use elman_infer::testing::{bigrams, vocab};
use elman_infer::{LineOptions, Model};
use elman_text::Kind;
use std::path::PathBuf;
use tempfile::TempDir;

/// Reads a file of this name and text.
fn read(name: &str, text: &str, fields: &Fields) -> crate::Result<(Vec<Pair>, Vec<String>)> {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join(name);
    std::fs::write(&path, text).unwrap();
    read_pairs(&[path], fields)
}

fn flaw(name: &str, text: &str, fields: &Fields) -> (u64, PairsFlaw) {
    match read(name, text, fields) {
        Err(Error::Pairs(PairsError::Line { file, line, flaw })) => {
            assert!(file.ends_with(name));
            (line, flaw)
        }
        other => panic!("{other:?}"),
    }
}

fn pair(good: &str, bad: &str, paradigm: usize) -> Pair {
    Pair {
        good: good.into(),
        bad: bad.into(),
        paradigm,
    }
}

#[test]
fn json_lines_have_blimp_s_fields_or_named_ones() {
    let text = concat!(
        "{\"sentence_good\": \"She runs.\", \"sentence_bad\": \"She run.\", \"UID\": \"agreement\", \"pairID\": \"0\"}\n\n",
        "{\"good\": \"a\", \"bad\": \"b\"}\n",
    );
    let (pairs, names) = read("x.jsonl", text, &Fields::default()).unwrap();
    assert_eq!(pairs, [pair("She runs.", "She run.", 0), pair("a", "b", 1)]);
    assert_eq!(names, ["agreement", "x"]);
    let fields = Fields {
        good: Some("g".into()),
        bad: Some("b".into()),
        paradigm: Some("term".into()),
        header: false,
    };
    let line = "{\"g\": \"é\\u0301\", \"b\": \"z\", \"term\": \"t\"}";
    let (pairs, names) = read("of.no.ending", line, &fields).unwrap();
    assert_eq!((pairs[0].good.as_str(), &*names[0]), ("é\u{301}", "t"));
    let (line, missing) = flaw("x.jsonl", text, &fields);
    assert_eq!(line, 1);
    assert!(
        missing
            .to_string()
            .contains("no field 'term'; the line has UID"),
        "{missing}"
    );
}

#[test]
fn tables_have_a_header_or_none() {
    let text = "UID\tsentence_bad\tsentence_good\np\tbad\tgood\nq\tb\tg\r\n";
    let (pairs, names) = read("x.tsv", text, &Fields::default()).unwrap();
    assert_eq!(pairs, [pair("good", "bad", 0), pair("g", "b", 1)]);
    assert_eq!(names, ["p", "q"]);
    let (pairs, names) = read("x.csv", "\"a, b\",c\nd,e\n", &Fields::default()).unwrap();
    assert_eq!(pairs, [pair("a, b", "c", 0), pair("d", "e", 0)]);
    assert_eq!(names, ["x"]);
    let (pairs, names) = read("x", "a\tb\tp1\nc\td\tp2\n", &Fields::default()).unwrap();
    assert_eq!(pairs, [pair("a", "b", 0), pair("c", "d", 1)]);
    assert_eq!(names, ["p1", "p2"]);
    // By number, below a header of other names.
    let fields = Fields {
        good: Some("3".into()),
        bad: Some("1".into()),
        paradigm: None,
        header: true,
    };
    let (pairs, names) = read("x.tsv", "B\tuid\tG\nb\tp\tg\n", &fields).unwrap();
    assert_eq!(pairs, [pair("g", "b", 0)]);
    assert_eq!(names, ["p"]);
}

#[test]
fn a_line_that_is_no_pair_is_named() {
    let none = Fields::default();
    assert_eq!(
        flaw("x.tsv", "a\tb\n\nc\n", &none),
        (
            3,
            PairsFlaw::TooFewCells {
                cells: 1,
                column: 2
            }
        )
    );
    assert_eq!(flaw("x.tsv", "a\t \n", &none), (1, PairsFlaw::Empty("bad")));
    let newline = "{\"good\": \"a\\nb\", \"bad\": \"c\"}";
    assert_eq!(
        flaw("x.jsonl", newline, &none),
        (1, PairsFlaw::Newline("good"))
    );
    let number = "{\"good\": 1, \"bad\": \"c\"}";
    assert_eq!(
        flaw("x.jsonl", number, &none),
        (1, PairsFlaw::NotText("good".into()))
    );
    assert!(matches!(
        flaw("x.jsonl", "[1]\n", &none),
        (1, PairsFlaw::Json(_))
    ));
    let (_, column) = flaw("x.tsv", "good\tbad\na\tb\n", &{
        Fields {
            paradigm: Some("field".into()),
            ..Fields::default()
        }
    });
    assert!(column.to_string().contains("has good, bad"), "{column}");
    assert!(matches!(
        read("x.tsv", "good\tbad\n", &none),
        Err(Error::Pairs(PairsError::NoPairs(_)))
    ));
    assert!(matches!(
        read("x.csv", "a,b\n\"c,d\n", &none),
        Err(Error::Pairs(PairsError::Line { line: 2, .. }))
    ));
}

#[test]
fn a_directory_is_its_files_by_name() {
    let directory = TempDir::new().unwrap();
    for (name, text) in [
        ("b.jsonl", "{\"good\": \"a\", \"bad\": \"b\"}"),
        ("a.tsv", "c\td\n"),
        ("notes.txt", "no pairs\n"),
    ] {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    let paths: Vec<PathBuf> = vec![directory.path().into()];
    let (pairs, names) = read_pairs(&paths, &Fields::default()).unwrap();
    assert_eq!(pairs, [pair("c", "d", 0), pair("a", "b", 1)]);
    assert_eq!(names, ["a", "b"]);
    std::fs::create_dir(directory.path().join("empty")).unwrap();
    assert!(matches!(
        read_pairs(&[directory.path().join("empty")], &Fields::default()),
        Err(Error::Pairs(PairsError::NoFiles(_)))
    ));
}

#[test]
fn both_sentences_have_the_scores_of_the_model() {
    let model = Model::from(bigrams(vocab(Kind::Fields, "a b c")));
    let pairs = [pair("a b", "b zz a", 0), pair("c", "c", 0)];
    let mut done = 0;
    let options = LineOptions::default();
    let scores = score_pairs(&model, &pairs, &options, &mut |pairs| done = pairs).unwrap();
    assert_eq!((scores.len(), done), (2, 2));
    for (score, pair) in scores.iter().zip(&pairs) {
        for (found, sentence) in [(score.good, &pair.good), (score.bad, &pair.bad)] {
            let text = format!("{sentence}\n");
            let expected = model.score(&text).unwrap();
            let expected: f64 = expected.tokens.iter().map(|token| token.log_prob).sum();
            assert!((found.log_prob - expected).abs() < 1e-12);
        }
    }
    assert_eq!((scores[0].bad.tokens, scores[0].bad.unknown), (4, 1));
    assert!(scores[0].has_unknown() && !scores[1].has_unknown());
}

/// A pair with these log-probabilities, of 2 tokens and 4 tokens.
fn score(good: f64, bad: f64) -> PairScore {
    let sentence = |log_prob, tokens| SentenceScore {
        log_prob,
        tokens,
        unknown: 0,
    };
    PairScore {
        good: sentence(good, 2),
        bad: sentence(bad, 4),
    }
}

#[test]
fn ties_count_as_they_are_said_to() {
    let tie = score(f64::NEG_INFINITY, f64::NEG_INFINITY);
    let credits =
        [Ties::Wrong, Ties::Half, Ties::Right].map(|ties| tie.credit(Compared::Sentences, ties));
    assert_eq!(credits, [0.0, 0.5, 1.0]);
    // −4 against −6 for the sentences, −2 against −1.5 per token.
    let longer = score(-4.0, -6.0);
    assert_eq!(longer.credit(Compared::Sentences, Ties::Wrong), 1.0);
    assert_eq!(longer.credit(Compared::Tokens, Ties::Wrong), 0.0);
}

#[test]
fn a_report_has_both_means_and_the_paired_test() {
    let (right, wrong, tie) = (score(-1.0, -2.0), score(-2.0, -1.0), score(-1.0, -1.0));
    let model = |name: &str, scores: Vec<PairScore>| ModelScores {
        name: name.into(),
        scores,
    };
    // Paradigm 0 has four pairs, paradigm 1 one.
    let models = [
        model("a", vec![right, right, right, tie, right]),
        model("b", vec![right, wrong, right, tie, wrong]),
    ];
    let names = ["first".to_owned(), "second".to_owned()];
    let with = |ties| {
        report(
            &models,
            &[0, 0, 0, 0, 1],
            &names,
            Compared::Sentences,
            ties,
            Tests::default(),
        )
    };
    let found = with(Ties::Wrong);
    let accuracies = |of: &[Accuracy]| -> Vec<f64> { of.iter().map(|a| a.accuracy).collect() };
    assert_eq!(accuracies(&found.paradigms[0].models), [0.75, 0.5]);
    assert_eq!(accuracies(&found.paradigms[1].models), [1.0, 0.0]);
    assert_eq!(accuracies(&found.over_pairs), [0.8, 0.4]);
    assert_eq!(accuracies(&found.over_paradigms), [0.875, 0.25]);
    let all = found.over_pairs[0];
    assert_eq!((all.right, all.ties), (4, 1));
    assert!(all.interval.low < 0.8 && all.interval.high > 0.8);
    let half = with(Ties::Half);
    assert_eq!(accuracies(&half.over_pairs), [0.9, 0.5]);
    let test = found.tests[0];
    assert_eq!((test.a, test.b, test.only_a, test.only_b), (0, 1, 2, 0));
    assert!((test.difference - 0.4).abs() < 1e-12);
    // McNemar's exact test: two coins that fall alike have p = 1/2.
    assert!((test.p_value - 0.5).abs() < 0.02, "{}", test.p_value);
    // Models that decide alike do not differ.
    let same = [models[0].clone(), models[0].clone()];
    let none = report(
        &same,
        &[0; 5],
        &names[..1],
        Compared::Sentences,
        Ties::Wrong,
        Tests::default(),
    );
    assert_eq!(none.tests[0].p_value, 1.0);
}
