//! `elman minimal-pairs`: accuracies, rows of pairs, and what is refused.

#![allow(clippy::unwrap_used, reason = "tests may stop")]

use crate::common::{Room, stderr};
use serde_json::Value;

/// Four pairs of word order and three of agreement; the model lacks the words of the latter, and two of them are ties.
pub const PAIRS: &str = include_str!("minimal_pairs/pairs.tsv");

/// With the small model of six sentences and pairs.
fn small() -> Room {
    let room = Room::new();
    room.write("small.arpa", include_str!("score/small.arpa"));
    room.write("pairs.tsv", PAIRS);
    room
}

/// The objects of a command's JSON lines.
fn objects(room: &Room, args: &[&str]) -> Vec<Value> {
    let shown = room.stdout(&[&["minimal-pairs"], args, &["--json"]].concat());
    shown
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The accuracy of the first model in a scope, or in a paradigm.
fn accuracy(objects: &[Value], name: &str) -> f64 {
    let found = |object: &&Value| object["scope"] == name || object["paradigm"] == name;
    objects.iter().find(found).unwrap()["accuracy"]
        .as_f64()
        .unwrap()
}

#[test]
fn accuracies_are_by_paradigm_over_pairs_and_over_paradigms() {
    let room = small();
    let found = objects(&room, &["small.arpa", "pairs.tsv"]);
    assert_eq!(found.len(), 4);
    assert_eq!(accuracy(&found, "order"), 1.0);
    // "was" is known and "were" is not, so one sentence is right; the other two are the same tokens or wrong.
    let agreement = &found[1];
    assert_eq!(agreement["pairs"], 3);
    assert_eq!(agreement["unknown"], 3);
    assert_eq!(agreement["ties"], 1);
    let right = agreement["right"].as_f64().unwrap();
    assert_eq!(right, 1.0);
    assert!((accuracy(&found, "pairs") - 5.0 / 7.0).abs() < 1e-12);
    assert!((accuracy(&found, "paradigms") - (1.0 + 1.0 / 3.0) / 2.0).abs() < 1e-12);
    // Ties change what they say.
    for (ties, expected) in [("half", 5.5), ("right", 6.0)] {
        let found = objects(&room, &["small.arpa", "pairs.tsv", "--ties", ties]);
        assert!((accuracy(&found, "pairs") - expected / 7.0).abs() < 1e-12);
    }
    // The same figures for people and as tables.
    let table = room.stdout(&["minimal-pairs", "small.arpa", "pairs.tsv"]);
    assert!(
        table.contains("mean over pairs            7    71.4 %"),
        "{table}"
    );
    let tsv = room.stdout(&["minimal-pairs", "small.arpa", "pairs.tsv", "-f", "tsv"]);
    let rows: Vec<&str> = tsv.lines().collect();
    assert!(
        rows[1].starts_with("paradigm\torder\tsmall.arpa\t4\t4\t0\t0\t1.000000\t"),
        "{tsv}"
    );
    assert!(
        rows[4].starts_with("paradigms\t\tsmall.arpa\t7\t5\t1\t3\t0.666667\t"),
        "{tsv}"
    );
    let csv = room.stdout(&["minimal-pairs", "small.arpa", "pairs.tsv", "-f", "csv"]);
    assert_eq!(csv, tsv.replace('\t', ","));
}

#[test]
fn rows_of_pairs_have_the_numbers_of_score() {
    let room = small();
    let tsv = room.stdout(&[
        "minimal-pairs",
        "small.arpa",
        "pairs.tsv",
        "--per",
        "pair",
        "--with-text",
    ]);
    let rows: Vec<Vec<&str>> = tsv
        .lines()
        .skip(1)
        .map(|row| row.split('\t').collect())
        .collect();
    assert_eq!(rows.len(), 7);
    let sentences: Vec<&str> = rows.iter().flat_map(|row| row[9..].to_vec()).collect();
    room.write("sentences.txt", sentences.join("\n"));
    for more in [&[][..], &["--no-end"]] {
        let of_pairs = objects(
            &room,
            &[&["small.arpa", "pairs.tsv", "--per", "pair"], more].concat(),
        );
        let of_pairs = of_pairs
            .iter()
            .flat_map(|row| ["ln_p_good", "ln_p_bad"].map(|name| row[name].as_f64().unwrap()));
        let of_score = room.stdout(
            &[
                &[
                    "score",
                    "small.arpa",
                    "sentences.txt",
                    "-f",
                    "plain",
                    "--unit",
                    "nats",
                ],
                more,
            ]
            .concat(),
        );
        let of_score: Vec<f64> = of_score.lines().map(|line| line.parse().unwrap()).collect();
        for (found, expected) in of_pairs.zip(&of_score) {
            assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
        }
        assert_eq!(of_score.len(), 14);
    }
}

#[test]
fn a_leading_space_is_a_part_of_the_sentence() {
    let room = small();
    room.train("runs/words", "2", &[]);
    room.write("pairs.tsv", "The king went\tThe king spoke\n");
    room.write("spaced.tsv", " The king went\t The king spoke\n");
    let rows = |args: &[&str]| {
        let rows = objects(&room, &[&["runs/words"], args, &["--per", "pair"]].concat());
        (rows[0]["ln_p_good"].clone(), rows[0]["ln_p_bad"].clone())
    };
    let spaced = rows(&["pairs.tsv", "--leading-space"]);
    assert_eq!(spaced, rows(&["spaced.tsv"]));
    assert_ne!(spaced, rows(&["pairs.tsv"]));
}

#[test]
fn models_are_compared_side_by_side_with_any_vocabulary() {
    let room = small();
    room.train("runs/chars", "2", &["--vocab", "chars"]);
    let args = ["small.arpa", "runs/chars", "pairs.tsv"];
    let found = objects(&room, &args);
    assert_eq!(found.len(), 9);
    let test = found.last().unwrap();
    assert_eq!(test["scope"], "test");
    let of = |model: &str| {
        let row = found
            .iter()
            .find(|row| row["scope"] == "pairs" && row["model"] == model);
        row.unwrap()["accuracy"].as_f64().unwrap()
    };
    let difference = test["difference"].as_f64().unwrap();
    assert!((of("small.arpa") - of("runs/chars") - difference).abs() < 1e-12);
    // The batch and the threads change nothing.
    for more in [["-B", "1"], ["--threads", "2"]] {
        assert_eq!(objects(&room, &[&args[..], &more].concat()), found);
    }
    // A mixture is one more model.
    let mixed = objects(&room, &["small.arpa", "pairs.tsv", "--mix", "cache:5:0.5"]);
    assert!(
        mixed
            .iter()
            .any(|row| row["model"] == "small.arpa + cache:5:0.5")
    );
}

#[test]
fn directories_and_standard_input_are_read() {
    let room = small();
    room.write(
        "blimp/b.jsonl",
        "{\"sentence_good\": \"the king was calm\", \"sentence_bad\": \"the king calm was\", \"UID\": \"u\", \"field\": \"syntax\"}\n",
    );
    room.write("blimp/a.csv", "the king was calm,was the king calm\n");
    room.write("blimp/notes.txt", "no pairs");
    let found = objects(&room, &["small.arpa", "blimp"]);
    let names: Vec<&Value> = found.iter().map(|row| &row["paradigm"]).collect();
    assert_eq!(names[..2], ["a", "u"]);
    let by_field = objects(
        &room,
        &["small.arpa", "blimp/b.jsonl", "--paradigm", "field"],
    );
    assert_eq!(by_field[0]["paradigm"], "syntax");
    let piped = room
        .elman(&["minimal-pairs", "small.arpa", "-", "-f", "tsv"])
        .write_stdin(PAIRS)
        .assert()
        .success();
    let expected = room.stdout(&["minimal-pairs", "small.arpa", "pairs.tsv", "-f", "tsv"]);
    assert_eq!(piped.get_output().stdout, expected.as_bytes());
    room.elman(&["minimal-pairs", "small.arpa", "pairs.tsv", "-o", "out.txt"])
        .assert()
        .success();
    assert!(room.read("out.txt").contains("mean over 2 paradigms"));
}

#[test]
fn what_is_no_model_or_no_pair_is_refused() {
    let room = small();
    room.write("bad.tsv", "good\tbad\nthe king\n");
    let said = room.fails(1, &["minimal-pairs", "small.arpa", "bad.tsv"]);
    assert!(
        said.contains("bad.tsv, line 2: it has 1 cells, and column 2"),
        "{said}"
    );
    for (args, expected) in [
        (&["pairs.tsv", "pairs.tsv"][..], "pairs.tsv is not a model"),
        (&["small.arpa", "small.arpa"], "all names are models"),
        (
            &["small.arpa", "pairs.tsv", "small.arpa"],
            "small.arpa is a model behind",
        ),
        (&["none", "pairs.tsv"], "none: no such file"),
        (
            &["small.arpa", "pairs.tsv", "--with-text"],
            "add --per pair",
        ),
        (
            &["small.arpa", "pairs.tsv", "--resamples", "1"],
            "resamples",
        ),
    ] {
        let said = room.fails(2, &[&["minimal-pairs"], args].concat());
        assert!(said.contains(expected), "{said}");
    }
    // An output is not written over what is read.
    let assert = room
        .elman(&[
            "minimal-pairs",
            "small.arpa",
            "pairs.tsv",
            "-o",
            "pairs.tsv",
        ])
        .assert()
        .failure();
    assert!(stderr(assert).contains("pairs.tsv"));
}

#[test]
fn a_file_of_a_directory_that_is_read_is_not_overwritten() {
    let room = small();
    room.write("pairs/order.tsv", PAIRS);
    let args = ["minimal-pairs", "small.arpa", "pairs", "--force", "-o"];
    let said = room.fails(1, &[&args[..], &["pairs/order.tsv"]].concat());
    assert!(said.contains("pairs/order.tsv is read here"), "{said}");
    let kept = std::fs::read_to_string(room.path("pairs/order.tsv")).unwrap();
    assert_eq!(kept, PAIRS);
    room.stdout(&[&args[..], &["pairs/accuracies.txt"]].concat());
}

#[test]
fn a_name_of_a_paradigm_cannot_break_a_row() {
    let room = small();
    let line = r#"{"sentence_good":"the dog","sentence_bad":"dog the","UID":"a\nb\u001b[1m"}"#;
    room.write("odd.jsonl", line);
    let table = room.stdout(&["minimal-pairs", "small.arpa", "odd.jsonl"]);
    assert!(table.contains("\na b [1m "), "{table}");
    let args = ["minimal-pairs", "small.arpa", "odd.jsonl", "-f", "tsv"];
    let shown = room.stdout(&args);
    assert!(shown.contains("\nparadigm\ta b"), "{shown}");
    assert_eq!(shown.lines().count(), 4, "{shown}");
}
