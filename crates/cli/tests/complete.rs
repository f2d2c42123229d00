//! `elman complete`: suggestions, lines from standard input, and keystroke savings.

#![allow(clippy::unwrap_used, reason = "tests may stop")]

use crate::common::Room;
use serde_json::Value;

/// With the small model of six sentences, and networks of characters and words.
fn room() -> Room {
    let room = Room::new();
    room.write("small.arpa", include_str!("score/small.arpa"));
    room.write("small.txt", include_str!("score/small.txt"));
    room.train("runs/chars", "20", &["--vocab", "chars"]);
    room
}

fn words(found: &Value) -> Vec<&str> {
    let words = found["words"].as_array().unwrap().iter();
    words.map(|word| word["word"].as_str().unwrap()).collect()
}

#[test]
fn the_most_probable_words_are_suggested() {
    let room = room();
    let found = room.json(&["complete", "small.arpa", "the ", "-k", "2", "--json"]);
    assert_eq!(found["exact"], true);
    assert_eq!(words(&found).len(), 2);
    // The probabilities are those of surprisal.
    for word in found["words"].as_array().unwrap() {
        let text = format!("the {}", word["word"].as_str().unwrap());
        room.write("one.txt", &text);
        let shown = room.stdout(&[
            "surprisal",
            "small.arpa",
            "one.txt",
            "--json",
            "-q",
            "--unit",
            "nats",
        ]);
        let row: Value = serde_json::from_str(shown.lines().last().unwrap()).unwrap();
        let surprisal = row["surp"].as_f64().unwrap();
        assert!((surprisal + word["ln_p"].as_f64().unwrap()).abs() < 1e-9);
    }
    // A word that is being typed is completed.
    let typed = room.json(&["complete", "small.arpa", "the k", "--json"]);
    assert_eq!(words(&typed), ["king"]);
    let none = room.stdout(&["complete", "small.arpa", "the xyz"]);
    assert_eq!(none, "no word begins with that\n");
    // Whole words from characters.
    let found = room.json(&["complete", "runs/chars", "The ki", "-k", "2", "--json"]);
    assert_eq!(words(&found).len(), 2);
    assert!(words(&found).iter().all(|word| word.starts_with("ki")));
    let stopped = room.json(&["complete", "runs/chars", "The ki", "--steps", "1", "--json"]);
    assert_eq!(stopped["exact"], false);
    assert!(stopped["missed_p_at_most"].as_f64().unwrap() <= 1.0);
}

#[test]
fn lines_of_standard_input_are_completed_one_by_one() {
    let room = room();
    let assert = room
        .elman(&["complete", "small.arpa", "-k", "1", "--json", "-q"])
        .write_stdin("the k\r\nthe s\n\n")
        .assert()
        .success();
    let shown = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
    let found: Vec<Value> = shown
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(found.len(), 3);
    assert_eq!(
        (words(&found[0]), words(&found[1])),
        (vec!["king"], vec!["sea"])
    );
    assert_eq!(found[0]["prefix"], "the k");
}

#[test]
fn keystroke_savings_are_evaluated() {
    let room = room();
    for model in ["small.arpa", "runs/chars"] {
        let args = ["complete", model, "--evaluate", "small.txt", "--json", "-q"];
        let found = room.json(&args);
        assert_eq!(found["words"], 14);
        let number = |name: &str| found[name].as_f64().unwrap();
        let savings = 100.0 * (1.0 - number("keys_with") / number("keys_without"));
        assert!((number("keystroke_savings_percent") - savings).abs() < 1e-9);
        assert!(number("top1") <= number("top3"));
        assert_eq!(room.json(&args), found);
        let few = room.json(&[&args[..], &["--words", "3"]].concat());
        assert_eq!(few["words"], 3);
    }
    let shown = room.stdout(&["complete", "small.arpa", "--evaluate", "small.txt"]);
    assert!(shown.contains("keystroke savings  "), "{shown}");
    let said = room.fails(2, &["complete", "small.arpa", "--evaluate", "small.arpa"]);
    assert!(said.contains("not a text"), "{said}");
}
