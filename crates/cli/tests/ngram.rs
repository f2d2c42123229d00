//! n-gram models the way a person goes: train, look, convert, evaluate, write.
#![allow(clippy::unwrap_used, reason = "tests may stop")]

use crate::common::{Room, story};
use serde_json::Value;

/// A trained model in `out`; what the command reports.
pub fn train(room: &Room, out: &str, more: &[&str]) -> Value {
    let args = [&["ngram", "train", "text.txt", "-o", out, "--json"], more].concat();
    room.json(&args)
}

fn perplexity(room: &Room, model: &str) -> f64 {
    let figures = room.json(&["ngram", "eval", model, "other.txt", "--json"]);
    figures["perplexity"].as_f64().unwrap()
}

#[test]
fn every_form_is_the_same_model() {
    let room = Room::new();
    let report = train(&room, "lm.arpa", &["--order", "3"]);
    assert_eq!(report["orders"].as_array().unwrap().len(), 3);
    assert_eq!(report["text"]["line_ends"], 120);
    train(&room, "direct.bin", &["--order", "3"]);
    for (from, to) in [
        ("lm.arpa", "lm.bin"),
        ("lm.bin", "back.arpa"),
        ("lm.bin", "lm.arpa.gz"),
        ("lm.arpa.gz", "gz.bin"),
    ] {
        room.stdout(&["ngram", "convert", from, to]);
    }
    let id = |model: &str| room.json(&["info", model, "--json"])["id"].clone();
    for model in ["direct.bin", "lm.bin", "back.arpa", "lm.arpa.gz", "gz.bin"] {
        assert_eq!(id(model), id("lm.arpa"), "{model}");
        assert_eq!(perplexity(&room, model), perplexity(&room, "lm.arpa"));
    }
    let info = room.json(&["ngram", "info", "lm.bin", "--json"]);
    assert_eq!(
        (&info["kind"], &info["order"]),
        (&"ngram".into(), &3.into())
    );
    let arpa = room.stdout(&["ngram", "train", "text.txt", "-n", "3", "-o", "-"]);
    assert_eq!(arpa, room.read("lm.arpa"));
    assert!(
        arpa.starts_with("# elman kind=whitespace\n"),
        "{}",
        &arpa[..80]
    );
}

#[test]
fn a_model_says_how_good_it_is() {
    let room = Room::new();
    train(&room, "lm.bin", &[]);
    train(&room, "one.bin", &["--order", "1"]);
    assert!(perplexity(&room, "lm.bin") < 3.0 && perplexity(&room, "one.bin") > 5.0);
    let shown = room.stdout(&["ngram", "eval", "lm.bin", "other.txt"]);
    for part in [
        "5-gram",
        "parameters",
        "perplexity",
        "per word",
        "7 line ends",
    ] {
        assert!(shown.contains(part), "{part} is missing in:\n{shown}");
    }
    // SRILM's ppl1: the same loss over the words alone.
    let figures = room.json(&["eval", "lm.bin", "other.txt", "--json"]);
    let number = |name: &str| figures[name].as_f64().unwrap();
    let words = number("tokens") - number("line_ends") - number("oov");
    let ppl1 = (number("total_nats") / words).exp();
    assert_eq!(figures["oov"], 0);
    assert!((number("ppl1") / ppl1 - 1.0).abs() < 1e-12);
    assert!(
        shown.contains("ppl1") && shown.contains(&format!("{ppl1:.2}")),
        "{shown}"
    );
    // The sum over single tokens is what the table says.
    let rows = room.stdout(&["eval", "lm.bin", "other.txt", "--per-token"]);
    let rows: Vec<Vec<&str>> = rows.lines().map(|row| row.split('\t').collect()).collect();
    let log10: f64 = rows.iter().map(|row| row[1].parse::<f64>().unwrap()).sum();
    let by_hand = 10f64.powf(-log10 / rows.len() as f64);
    assert!((by_hand / perplexity(&room, "lm.bin") - 1.0).abs() < 1e-6);
    assert_eq!(rows.iter().filter(|row| row[0] == "<eos>").count(), 7);
    assert!(
        rows.iter()
            .all(|row| (1..=5).contains(&row[2].parse::<usize>().unwrap()))
    );
    let refused = room.fails(
        2,
        &["ngram", "eval", "lm.bin", "other.txt", "--batch-size", "2"],
    );
    assert!(
        refused.contains("--batch-size is for networks"),
        "{refused}"
    );
}

#[test]
fn a_model_writes() {
    let room = Room::new();
    train(&room, "lm.bin", &[]);
    let write = |seed: &str| {
        room.stdout(&[
            "ngram", "generate", "lm.bin", "--prompt", "The king", "--seed", seed, "-n", "30",
        ])
    };
    assert!(
        write("1").starts_with("The king went up to") || write("1").starts_with("The king "),
        "{}",
        write("1")
    );
    assert_eq!(write("1"), write("1"));
    assert!((2..9).any(|seed| write(&seed.to_string()) != write("1")));
    let text = room.stdout(&["generate", "lm.bin", "--greedy", "--prompt", "A", "-n", "3"]);
    assert!(text.starts_with("A lamb "), "{text}");
}

#[test]
fn every_kind_of_vocabulary_makes_a_model_that_survives_arpa_text() {
    let room = Room::new();
    room.write(
        "text.txt",
        format!("{}tab\there ▁ back\\slash\r\n\u{a0}<s> </s>\n", story(60)),
    );
    for kind in ["words", "chars", "bytes"] {
        let (arpa, bin) = (format!("{kind}.arpa"), format!("{kind}.bin"));
        train(&room, &arpa, &["--vocab", kind, "--order", "4"]);
        train(&room, &bin, &["--vocab", kind, "--order", "4"]);
        let figures = room.json(&["eval", &arpa, "text.txt", "--json"]);
        assert_eq!(
            (&figures["vocab_kind"], &figures["oov"]),
            (&kind.into(), &0.into())
        );
        assert_eq!(
            figures["total_nats"],
            room.json(&["eval", &bin, "text.txt", "--json"])["total_nats"]
        );
    }
    let refused = room.fails(1, &["ngram", "train", "text.txt", "-o", "reserved.arpa"]);
    assert!(
        refused.contains("</s>") || refused.contains("<s>"),
        "{refused}"
    );
    assert!(!room.path("reserved.arpa").exists());
    train(&room, "reserved.bin", &[]);
}

#[test]
fn a_network_and_an_n_gram_model_can_share_a_vocabulary() {
    let room = Room::new();
    room.train("run", "5", &["--max-vocab", "12"]);
    train(&room, "lm.bin", &["--vocab-from", "run"]);
    let hash =
        |model: &str| room.json(&["eval", model, "other.txt", "--json"])["vocab_hash"].clone();
    assert_eq!(hash("lm.bin"), hash("run"));
    // And the other way round.
    room.train("again", "5", &["--vocab-from", "lm.bin"]);
    assert_eq!(hash("again"), hash("run"));
}

#[test]
fn words_are_what_stands_between_ascii_white_space() {
    let room = Room::new();
    // No-break, ideographic and line-separating spaces, a vertical tab and a form feed are characters of words.
    let text = "l\u{a0}eau est\u{3000}bleue\tx\u{2028}y \u{b} a\u{c}b\r\n".repeat(30);
    room.write("text.txt", text + "rare\n");
    train(&room, "lm.arpa", &["--order", "2"]);
    train(&room, "lm.bin", &["--order", "2", "--vocab", "whitespace"]);
    room.stdout(&["ngram", "convert", "lm.arpa", "again.bin"]);
    let figures = |model: &str| room.json(&["eval", model, "text.txt", "--json"]);
    let expected = figures("lm.bin");
    for model in ["lm.arpa", "lm.bin", "again.bin"] {
        let found = figures(model);
        assert_eq!((&found["tokens"], &found["oov"]), (&182.into(), &0.into()));
        for figure in ["total_nats", "model_id", "vocab_hash"] {
            assert_eq!(found[figure], expected[figure], "{model}");
        }
    }
    // A network cuts words at all of them, and takes part all the same.
    room.train("run", "5", &["--vocab", "whitespace"]);
    let compared = room.json(&[
        "compare",
        "run",
        "lm.bin",
        "text.txt",
        "--charge-oov",
        "8",
        "--dev",
        "text.txt",
        "--json",
    ]);
    assert_eq!(compared["mixture"]["tokens"], 182);
    let notes = compared["notes"].to_string();
    assert!(notes.contains("white space beside spaces"), "{notes}");
    // Where there is no such white space, both have one vocabulary.
    room.write("text.txt", story(60));
    room.train("other", "5", &["--vocab", "whitespace"]);
    train(&room, "other.bin", &[]);
    let compared = room.json(&["compare", "other", "other.bin", "text.txt", "--json"]);
    assert_eq!(compared["measure"], "token");
    let notes = compared["notes"].to_string();
    assert!(!notes.contains("white space beside spaces"), "{notes}");
    let alone = room.json(&["eval", "other", "text.txt", "--json"]);
    assert_eq!(compared["models"][0]["total_nats"], alone["total_nats"]);
}

#[test]
fn log_probabilities_above_zero_are_clipped_on_demand() {
    let room = Room::new();
    let arpa = |p: &str| {
        format!(
            "\\data\\\nngram 1=4\n\n\\1-grams:\n-1\t<unk>\n-inf\t<s>\n-0.5\t</s>\n{p}\ta\n\n\\end\\\n"
        )
    };
    room.write("text.txt", "a a\n");
    room.write("rounded.arpa", arpa("1e-7"));
    let assert = room.elman(&["eval", "rounded.arpa", "text.txt"]).assert();
    let said = String::from_utf8_lossy(&assert.success().get_output().stderr).into_owned();
    assert!(
        said.contains("note: 1 n-gram has a log10 p above 0"),
        "{said}"
    );
    room.write("wrong.arpa", arpa("0.25"));
    let refused = room.fails(1, &["eval", "wrong.arpa", "text.txt"]);
    assert!(refused.contains("--clip-positive"), "{refused}");
    let convert = ["ngram", "convert", "wrong.arpa", "clipped.arpa"];
    assert!(room.fails(1, &convert).contains("line 8"));
    room.stdout(&[&convert[..], &["--clip-positive"]].concat());
    assert!(room.read("clipped.arpa").contains("\n0\ta"));
}

#[test]
fn pruning_makes_a_model_smaller_and_little_worse() {
    let room = Room::new();
    // A text whose counts define all discounts, as the story's do not: it has no rare n-grams.
    let bible = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/kjv.txt"));
    let bible: Vec<String> = bible
        .unwrap()
        .lines()
        .map(|line| format!("{line}\n"))
        .collect();
    room.write("text.txt", bible[..1500].concat());
    room.write("other.txt", bible[1500..1700].concat());
    let ngrams = |report: &Value| -> u64 {
        let orders = report["orders"].as_array().unwrap();
        orders
            .iter()
            .map(|order| order["ngrams"].as_u64().unwrap())
            .sum()
    };
    let report = train(&room, "lm.arpa", &[]);
    let orders = report["orders"].as_array().unwrap();
    assert!(orders.iter().all(|order| order["fallback"] == false));
    let whole = ngrams(&report);
    let by_count = ngrams(&train(&room, "count.arpa", &["--prune", "0,0,4"]));
    let by_entropy = ngrams(&train(&room, "entropy.arpa", &["--prune-entropy", "1e-6"]));
    assert!(
        2 * by_count < whole && 2 * by_entropy < whole,
        "{whole} {by_count} {by_entropy}"
    );
    let worse = perplexity(&room, "entropy.arpa") / perplexity(&room, "lm.arpa");
    assert!((1.0..1.02).contains(&worse), "{worse}");
    // The same afterwards, from the model and the text.
    room.stdout(&[
        "ngram",
        "convert",
        "lm.arpa",
        "after.arpa",
        "--prune-entropy",
        "1e-6",
        "--history",
        "text.txt",
    ]);
    assert_eq!(room.read("after.arpa"), room.read("entropy.arpa"));
    // Without the text, by the model's own probabilities.
    let args = [
        "ngram",
        "convert",
        "lm.arpa",
        "own.arpa",
        "--prune-entropy",
        "1e-6",
    ];
    let assert = room.elman(&args).assert().success();
    let output = assert.get_output();
    assert!(String::from_utf8_lossy(&output.stderr).contains("--history"));
    assert!(String::from_utf8_lossy(&output.stdout).contains("pruned from"));
    let worse = perplexity(&room, "own.arpa") / perplexity(&room, "lm.arpa");
    assert!((1.0..1.1).contains(&worse), "{worse}");
    let size = |name: &str| room.read(name).lines().count();
    assert!(size("own.arpa") < size("lm.arpa"));
}
