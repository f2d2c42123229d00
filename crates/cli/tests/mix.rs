//! Mixing n-gram models on the command line.
#![allow(clippy::unwrap_used, reason = "tests may stop")]

use crate::common::{Room, story};
use serde_json::Value;

/// A room with three models: `a.arpa` of one text, `b.bin` of another with other words, and `net`, a network.
fn room() -> Room {
    let room = Room::new();
    let b: String = story(60)
        .replace("king", "queen")
        .replace("castle", "tower");
    room.write("b.txt", b.clone() + "The queen had a crown of gold\n");
    room.write("dev.txt", story(30) + &b[..b.len() / 3]);
    room.write("test.txt", story(40) + &b[b.len() / 2..]);
    room.stdout(&["ngram", "train", "text.txt", "-o", "a.arpa", "--order", "3"]);
    room.stdout(&["ngram", "train", "b.txt", "-o", "b.bin", "--order", "2"]);
    room
}

fn eval(room: &Room, model: &str) -> Value {
    room.json(&["eval", model, "test.txt", "--json"])
}

fn number(value: &Value, name: &str) -> f64 {
    value[name]
        .as_f64()
        .unwrap_or_else(|| panic!("{name} in {value}"))
}

#[test]
fn two_models_become_one_file_with_the_perplexity_of_the_dynamic_mixture() {
    let room = room();
    let args = ["ngram", "mix", "a.arpa", "b.bin", "--dev", "dev.txt"];
    let assert = room
        .elman(&[&args[..], &["-o", "ab.arpa"]].concat())
        .assert()
        .success();
    let output = assert.get_output().clone();
    let (shown, said) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    for part in [
        " × a.arpa + ",
        "fitted on dev.txt (",
        "as a dynamic mixture",
        "ppl1",
        "n-grams",
    ] {
        assert!(shown.contains(part), "{part}\nis missing in:\n{shown}");
    }
    assert!(
        said.contains("the vocabularies differ") && said.contains("their union"),
        "{said}"
    );
    let report = room.json(&[&args[..], &["-o", "ab.bin", "--json"]].concat());
    let weights = report["weights"].as_array().unwrap();
    assert_eq!(weights.len(), 2);
    assert!((weights.iter().map(|w| w.as_f64().unwrap()).sum::<f64>() - 1.0).abs() < 1e-9);

    let compared = room.json(&[
        "compare",
        "a.arpa",
        "b.bin",
        "test.txt",
        "--dev",
        "dev.txt",
        "--charge-oov",
        "7",
        "--json",
    ]);
    assert_eq!(compared["mixture"]["weights"], report["weights"]);
    let static_ = eval(&room, "ab.arpa");
    assert_eq!(static_["oov"], compared["mixture"]["oov"]);
    let (found, dynamic) = (
        number(&static_, "perplexity"),
        number(&compared["mixture"], "perplexity"),
    );
    assert!(
        (found / dynamic - 1.0).abs() < 0.05,
        "{found} for {dynamic}"
    );
    let alone = ["a.arpa", "b.bin"].map(|model| number(&eval(&room, model), "perplexity"));
    assert!(found < alone[0].min(alone[1]), "{found} with {alone:?}");
    let notes = compared["notes"].to_string();
    assert!(
        notes.contains("over the union of the vocabularies"),
        "{notes}"
    );

    // Both forms are the same model.
    assert_eq!(number(&eval(&room, "ab.bin"), "perplexity"), found);
    // Given weights, on standard output.
    let weights = weights
        .iter()
        .map(Value::to_string)
        .collect::<Vec<_>>()
        .join(",");
    let args = [
        "ngram",
        "mix",
        "a.arpa",
        "b.bin",
        "-o",
        "-",
        "--weights",
        &weights,
    ];
    assert_eq!(room.stdout(&args), room.read("ab.arpa"));
}

#[test]
fn the_same_model_twice_is_said_and_changes_nothing() {
    let room = room();
    let args = [
        "ngram",
        "mix",
        "a.arpa",
        "a.arpa",
        "-o",
        "aa.arpa.gz",
        "--weights",
        "0.5,0.5",
    ];
    let assert = room.elman(&args).assert().success();
    let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(said.contains("are the same model"), "{said}");
    let [one, two] =
        ["a.arpa", "aa.arpa.gz"].map(|model| number(&eval(&room, model), "total_nats"));
    assert!((one / two - 1.0).abs() < 1e-5, "{one} {two}");

    let args = [
        "compare", "a.arpa", "a.arpa", "test.txt", "--dev", "dev.txt",
    ];
    let assert = room.elman(&args).assert().success();
    let output = assert.get_output();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("a.arpa is given twice"), "{said}");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(
        shown.contains("as good as a.arpa") && !shown.contains("-0.0000"),
        "{shown}"
    );
}

#[test]
fn a_short_text_to_fit_on_is_said() {
    let room = room();
    room.write("four.txt", "The old king was\n");
    let args = [
        "compare",
        "a.arpa",
        "b.bin",
        "text.txt",
        "--dev",
        "four.txt",
        "--charge-oov",
        "7",
    ];
    let assert = room.elman(&args).assert().success();
    let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(said.contains("were fitted on 5 tokens only"), "{said}");
    let args = [
        "ngram", "mix", "a.arpa", "b.bin", "-o", "ab.bin", "--dev", "four.txt",
    ];
    let assert = room.elman(&args).assert().success();
    let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(said.contains("were fitted on 5 tokens only"), "{said}");
}

#[test]
fn nothing_is_overwritten_unasked_and_no_input_ever() {
    let room = room();
    let mix = ["ngram", "mix", "a.arpa", "b.bin", "--weights", "0.5,0.5"];
    room.write("there.arpa", "mine");
    let error = room.fails(1, &[&mix[..], &["-o", "there.arpa"]].concat());
    assert!(error.contains("--force"), "{error}");
    assert_eq!(room.read("there.arpa"), "mine");
    room.stdout(&[&mix[..], &["-o", "there.arpa", "--force"]].concat());
    let a = room.read("a.arpa");
    for output in ["a.arpa", "./a.arpa", "b.bin"] {
        let error = room.fails(2, &[&mix[..], &["-o", output, "--force"]].concat());
        assert!(error.contains("would be overwritten"), "{error}");
    }
    assert_eq!(room.read("a.arpa"), a);
}

#[test]
fn wrong_usage_says_what_would_be_right() {
    let room = room();
    room.train("net", "1", &[]);
    let weights = ["--weights", "0.5,0.5"];
    for (code, args, part) in [
        (2, &["a.arpa", "--weights", "1"][..], "MODEL"),
        (2, &["a.arpa", "b.bin"], "--dev"),
        (
            2,
            &["a.arpa", "b.bin", "--weights", "1"],
            "one number for each model: 1 for 2",
        ),
        (2, &["a.arpa", "b.bin", "--weights", "0.5,0.7"], "sum to 1"),
        (
            2,
            &["a.arpa", "b.bin", "--weights", "1.5,-0.5"],
            "0 or more",
        ),
        (
            2,
            &["a.arpa", "b.bin", "--dev", "a.arpa"],
            "is an n-gram model, not a text",
        ),
        (
            2,
            &["a.arpa", "net", weights[0], weights[1]],
            "is a network",
        ),
        (
            1,
            &["a.arpa", "none.arpa", weights[0], weights[1]],
            "none.arpa",
        ),
    ] {
        let error = room.fails(code, &[&["ngram", "mix", "-o", "new.arpa"], args].concat());
        assert!(error.contains(part), "{args:?}: {error}");
        assert!(!room.path("new.arpa").exists());
    }
    room.stdout(&[
        "ngram", "train", "text.txt", "-o", "c.bin", "--vocab", "chars",
    ]);
    let error = room.fails(
        1,
        &[
            "ngram",
            "mix",
            "a.arpa",
            "c.bin",
            "-o",
            "x.bin",
            "--weights",
            "0.5,0.5",
        ],
    );
    assert!(error.contains("cut a text differently"), "{error}");
}

#[test]
fn a_model_in_the_place_of_a_text_is_said() {
    let room = room();
    room.train("net", "1", &[]);
    for (args, part) in [
        (
            ["compare", "a.arpa", "b.bin"],
            "b.bin is an n-gram model, not a text: name the text after the models: elman compare a.arpa b.bin TEXT",
        ),
        (
            ["compare", "b.bin", "a.arpa"],
            "a.arpa is an n-gram model, not a text",
        ),
        (
            ["compare", "a.arpa", "net"],
            "net is the directory of a model, not a text",
        ),
        (
            ["eval", "b.bin", "a.arpa"],
            "a.arpa is an n-gram model, not a text",
        ),
    ] {
        let error = room.fails(2, &args);
        assert!(error.contains(part), "{args:?}: {error}");
    }
}
