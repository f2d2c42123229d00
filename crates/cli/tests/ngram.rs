//! n-gram models the way a person goes: train, look, convert, evaluate, write.
#![allow(clippy::unwrap_used, reason = "tests may stop")]

use crate::common::{Room, story};
use serde_json::Value;

/// A trained model in `out`; what the command reports.
fn train(room: &Room, out: &str, more: &[&str]) -> Value {
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
    let refused = room.fails(2, &["ngram", "eval", "lm.bin", "other.txt", "--lanes", "2"]);
    assert!(refused.contains("--lanes is for networks"), "{refused}");
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

#[test]
fn a_text_may_come_from_a_pipe_and_be_sorted_on_disk() {
    let room = Room::new();
    train(&room, "lm.arpa", &[]);
    let args = [
        "ngram",
        "train",
        "-",
        "-o",
        "piped.arpa",
        "--memory",
        "1kB",
        "--threads",
        "3",
        "--scratch",
        ".",
    ];
    room.elman(&args)
        .write_stdin(room.read("text.txt"))
        .assert()
        .success();
    assert_eq!(room.read("piped.arpa"), room.read("lm.arpa"));
}

#[cfg(unix)]
#[test]
fn pipes_are_copied_and_endless_files_refused() {
    let room = Room::new();
    train(&room, "lm.arpa", &["--order", "2"]);
    let mut writer = std::process::Command::new("sh")
        .args(["-c", "mkfifo pipe && touch made && cat text.txt > pipe"])
        .current_dir(room.path("."))
        .spawn()
        .unwrap();
    while !room.path("made").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let args = ["ngram", "train", "pipe", "-o", "piped.arpa", "--order", "2"];
    room.stdout(&args);
    assert!(writer.wait().unwrap().success());
    assert_eq!(room.read("piped.arpa"), room.read("lm.arpa"));
    let args = [
        "ngram",
        "train",
        "/dev/stdin",
        "-o",
        "stdin.arpa",
        "--order",
        "2",
    ];
    room.elman(&args)
        .write_stdin(room.read("text.txt"))
        .assert()
        .success();
    assert_eq!(room.read("stdin.arpa"), room.read("lm.arpa"));
    let refused = room.fails(1, &["ngram", "train", "/dev/zero", "-o", "zero.arpa"]);
    assert!(refused.contains("may never end"), "{refused}");
}

#[test]
fn nothing_that_is_read_is_overwritten() {
    let room = Room::new();
    train(&room, "lm.arpa", &["--order", "2"]);
    train(&room, "other.arpa", &["--order", "2"]);
    // A text that is called as a model is.
    room.write("text.arpa", story(20));
    let before = ["lm.arpa", "other.arpa", "text.arpa"].map(|name| room.read(name));
    let mut cases = vec![
        vec!["train", "text.arpa", "-o", "text.arpa"],
        vec![
            "train",
            "text.txt",
            "-o",
            "lm.arpa",
            "--vocab-from",
            "lm.arpa",
        ],
        vec!["convert", "lm.arpa", "./lm.arpa"],
        vec![
            "convert",
            "lm.arpa",
            "text.arpa",
            "--prune-entropy",
            "1e-5",
            "--history",
            "text.arpa",
        ],
        vec![
            "mix",
            "lm.arpa",
            "other.arpa",
            "--weights",
            "0.5,0.5",
            "--force",
            "-o",
            "other.arpa",
        ],
    ];
    if cfg!(unix) {
        #[cfg(unix)]
        std::os::unix::fs::symlink(room.path("lm.arpa"), room.path("link.arpa")).unwrap();
        cases.push(vec!["convert", "lm.arpa", "link.arpa"]);
        cases.push(vec!["convert", "link.arpa", "lm.arpa"]);
    }
    for case in cases {
        let refused = room.fails(2, &[&["ngram"], &case[..]].concat());
        assert!(
            refused.contains("would be overwritten"),
            "{case:?} {refused}"
        );
        let after = ["lm.arpa", "other.arpa", "text.arpa"].map(|name| room.read(name));
        assert!(after == before, "{case:?}");
    }
}

#[test]
fn scratch_directories_are_checked_before_the_work() {
    let room = Room::new();
    for scratch in ["nowhere", "text.txt"] {
        // The text is not there: it has not been looked at yet.
        let args = [
            "ngram",
            "train",
            "missing.txt",
            "-o",
            "lm.arpa",
            "--scratch",
            scratch,
        ];
        let refused = room.fails(1, &args);
        assert!(
            refused.contains(scratch) && refused.contains("another directory with --scratch"),
            "{refused}"
        );
    }
}

#[test]
fn markers_of_sentences_are_noted_and_left_out_on_demand() {
    let room = Room::new();
    train(&room, "lm.arpa", &["--order", "3"]);
    let marked = |text: String| -> String {
        let lines = text.lines().map(|line| format!("<s> {line} </s>\n"));
        lines.collect()
    };
    room.write("marked.txt", marked(room.read("text.txt")));
    let said = |args: &[&str]| {
        let assert = room.elman(args).assert().success();
        String::from_utf8_lossy(&assert.get_output().stderr).into_owned()
    };
    let eval = ["eval", "lm.arpa", "marked.txt"];
    let note = "note: 240 markers (<s> and </s>)";
    assert!(said(&eval).contains(&format!("{note} read as words")));
    let skipping = [&eval[..], &["--skip_symbols"]].concat();
    assert!(said(&skipping).contains(&format!("{note} left out")));
    let plain = room.json(&["eval", "lm.arpa", "text.txt", "--json"]);
    let found = room.json(&[&skipping[..], &["--json"]].concat());
    for figure in [
        "tokens",
        "oov",
        "total_nats",
        "fields",
        "perplexity_per_word",
    ] {
        assert_eq!(found[figure], plain[figure], "{figure}");
    }
    let found = room.json(&[&eval[..], &["--json"]].concat());
    assert_eq!(found["oov"], 240);
    // Training.
    let train = ["ngram", "train", "marked.txt", "--order", "3", "-o"];
    let refused = room.fails(1, &[&train[..], &["marked.arpa"]].concat());
    assert!(refused.contains("--skip-symbols"), "{refused}");
    let binary = [&train[..], &["marked.bin"]].concat();
    assert!(said(&binary).contains(&format!("{note} read as words")));
    let skipping = [&train[..], &["skipped.arpa", "--skip-symbols"]].concat();
    assert!(said(&skipping).contains(&format!("{note} left out")));
    assert_eq!(room.read("skipped.arpa"), room.read("lm.arpa"));
    // Fitting weights.
    let mix = |dev: &str, more: &[&str]| {
        let args = [
            "ngram",
            "mix",
            "lm.arpa",
            "skipped.arpa",
            "--dev",
            dev,
            "-o",
        ];
        room.json(&[&args[..], &["mixed.bin", "--json", "--force"], more].concat())
    };
    let (plain, found) = (mix("text.txt", &[]), mix("marked.txt", &["--skip-symbols"]));
    assert_eq!(plain["dev_perplexity"], found["dev_perplexity"]);
    // Where they are no words, the option means nothing.
    let args = [
        &train[..],
        &["x.arpa", "--vocab", "chars", "--skip-symbols"],
    ]
    .concat();
    assert!(room.fails(2, &args).contains("of kind chars"));
}

#[test]
fn options_may_be_spelled_as_those_of_lmplz() {
    let room = Room::new();
    train(
        &room,
        "commas.arpa",
        &["--prune", "0,0,1", "--memory", "64MB"],
    );
    train(
        &room,
        "spaces.arpa",
        &["--prune", "0 0 1", "-S", "10%", "-T", "."],
    );
    assert_eq!(room.read("commas.arpa"), room.read("spaces.arpa"));
    let args = [
        "ngram", "train", "text.txt", "-o", "x.arpa", "--prune", "0 x",
    ];
    assert!(room.fails(2, &args).contains("such as 0,0,1"));
}

#[test]
fn undefined_discounts_are_one_note() {
    let room = Room::new();
    room.write("text.txt", "a b\na b\n");
    let args = ["ngram", "train", "text.txt", "-o", "lm.arpa", "-n", "3"];
    let assert = room.elman(&args).assert().success();
    let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    let notes = said.lines().filter(|line| line.contains("discounts"));
    assert_eq!(notes.count(), 1, "{said}");
    assert!(
        said.contains("the discounts of orders 1, 2, 3: using 0.5, 1 and 1.5"),
        "{said}"
    );
}

#[test]
fn what_cannot_be_done_is_refused_before_the_work() {
    let room = Room::new();
    for (args, part) in [
        (&["-o", "lm.txt"][..], "the name of the file says its form"),
        (&["-o", "lm.arpa", "--order", "0"], "between 1 and 32"),
        (&["-o", "lm.arpa", "--prune", "0,2,1"], "never fall"),
        (&["-o", "lm.arpa", "--prune", "1"], "begin with 0"),
        (&["-o", "nowhere/lm.arpa"], "nowhere"),
        (&["-o", "-", "--json"], "standard output"),
    ] {
        let args = [&["ngram", "train", "text.txt"], args].concat();
        let assert = room.elman(&args).assert().failure();
        let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(
            said.contains(part) && !said.contains("panicked"),
            "{part}: {said}"
        );
    }
    room.write(
        "broken.arpa",
        "\\data\\\nngram 1=2\n\n\\1-grams:\n-1\ta\n\n\\end\\\n",
    );
    let said = room.fails(1, &["ngram", "eval", "broken.arpa", "text.txt"]);
    assert!(
        said.contains("broken.arpa") && said.contains("line"),
        "{said}"
    );
}
