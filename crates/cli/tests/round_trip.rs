//! Train, look, evaluate, write, tokenise: the way a person goes.

use crate::common::{Room, TINY, contents, story};
use serde_json::Value;

#[test]
fn a_first_run_says_what_it_does_and_what_comes_next() {
    let room = Room::new();
    let args = [&["train", "text.txt", "--steps", "8"], &TINY[..]].concat();
    let assert = room.elman(&args).assert().success();
    let output = assert.get_output();
    assert!(output.stdout.is_empty(), "standard output is for results");
    let said = String::from_utf8_lossy(&output.stderr);
    for part in [
        "text.txt: ",
        "tokens for training",
        "kind words",
        "LSTM, 1 layer of 8 units, embedding 8, tied weights",
        "planned: weights",
        "8 steps = ",
        "1 thread, ",
        "step 8/8 (100 %)",
        "tokens/s",
        "s left",
        "gradient norm ",
        "validation perplexity",
        "the best so far, saved",
        "sample:\n",
        "elman eval runs/text TEXT",
        "elman generate runs/text",
        "elman train --resume runs/text --epochs",
    ] {
        assert!(said.contains(part), "{part}\nis missing in:\n{said}");
    }

    // A second run on the same text takes a new directory.
    room.elman(&args).assert().success();
    assert!(room.path("runs/text/model").is_dir() && room.path("runs/text-2/model").is_dir());
}

#[test]
fn a_model_can_be_looked_at_evaluated_and_asked() {
    let room = Room::new();
    room.train("run", "12", &["--cell", "gru"]);

    let info = room.json(&["info", "run", "--json"]);
    assert_eq!(info["kind"], "run");
    assert_eq!(info["record"]["config"]["cell"], "gru");
    assert_eq!(info["checkpoint"]["progress"]["step"], 12);
    assert_eq!(info["checkpoint"]["hash"].as_str().unwrap().len(), 64);
    assert_eq!(info["model"]["hidden"], 8);
    assert_eq!(info["model"]["state_bytes"], 32);
    let shown = room.stdout(&["info", "run"]);
    for part in [
        "step 12 of 12",
        "validation perplexity",
        "for each stream of text",
        "gru, 1 layer of 8 units",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
    assert_eq!(
        room.json(&["info", "run/model", "--json"])["model"]["id"],
        info["model"]["id"]
    );
    let vocabulary = room.json(&["info", "run/model/tokenizer.json", "--json"]);
    assert_eq!(vocabulary["vocabulary"], info["model"]["vocabulary"]);
    let tokens = room.json(&["info", "run/tokens/train.tok", "--json"]);
    assert_eq!(tokens["vocab_hash"], info["model"]["vocabulary"]["hash"]);

    let eval = room.json(&["eval", "run", "other.txt", "--json"]);
    assert_eq!(eval["approximate"], false);
    assert_eq!(eval["oov"], 0);
    assert_eq!(eval["model_id"], info["model"]["id"]);
    let (loss, perplexity) = (
        eval["loss_nats"].as_f64().unwrap(),
        eval["perplexity"].as_f64().unwrap(),
    );
    assert!((loss.exp() - perplexity).abs() < 1e-6 * perplexity && perplexity > 1.0);
    assert!(eval["bits_per_char"].as_f64().unwrap() > 0.0);
    let table = room.stdout(&["eval", "run", "other.txt"]);
    for part in [
        "exact",
        "OOVs",
        "per word",
        "per character",
        "text hash",
        "model id",
    ] {
        assert!(table.contains(part), "{table}");
    }
    assert!(
        room.stdout(&["eval", "run", "other.txt", "--batch-size", "3"])
            .contains("approximate: 3 slices")
    );
    let piped = room
        .elman(&["eval", "run", "-", "--json"])
        .write_stdin(story(7))
        .assert()
        .success();
    let piped: Value = serde_json::from_slice(&piped.get_output().stdout).unwrap();
    assert_eq!(piped["total_nats"], eval["total_nats"]);
}

#[test]
fn texts_with_unknown_words_have_two_perplexities_and_no_bits() {
    let room = Room::new();
    room.train("run", "2", &[]);
    room.write("odd.txt", "The king spoke of xylophones.\n");
    let table = room.stdout(&["eval", "run", "odd.txt"]);
    for part in ["1 (", "with OOVs", "without OOVs"] {
        assert!(table.contains(part), "{table}");
    }
    assert!(!table.contains("per character"));
}

#[test]
fn generation_follows_its_options() {
    let room = Room::new();
    room.train("run", "20", &[]);
    let write =
        |more: &[&str]| room.stdout(&[&["generate", "run", "--max-tokens", "20"], more].concat());

    let text = write(&["--prompt", "The king"]);
    assert!(
        text.starts_with("The king") && text.ends_with('\n'),
        "{text}"
    );
    assert_eq!(
        write(&["--prompt", "The king"]),
        text,
        "the same seed, the same text"
    );
    assert_eq!(write(&["--prompt", "The king", "--threads", "2"]), text);
    assert_ne!(write(&["--prompt", "The king", "--seed", "2"]), text);
    let tail = write(&["--prompt", "The king", "--no-echo"]);
    assert_eq!(format!("The king{tail}"), text);
    assert_eq!(write(&["--greedy"]), write(&["--greedy", "--seed", "9"]));
    write(&[
        "--top-k",
        "3",
        "--top-p",
        "0.9",
        "--min-p",
        "0.01",
        "--repetition-penalty",
        "1.2",
    ]);

    room.write("prompt.txt", "The king\n");
    assert_eq!(write(&["--prompt-file", "prompt.txt"]), text);
    let piped = room
        .elman(&["generate", "run", "-", "--max-tokens", "20"])
        .write_stdin("The king\n")
        .assert()
        .success();
    assert_eq!(String::from_utf8_lossy(&piped.get_output().stdout), text);

    let lines = write(&["--json", "--samples", "3", "--prompt", "The"]);
    let samples: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(samples.len(), 3);
    assert_eq!(samples[2]["sample"], 2);
    assert_eq!(samples[0]["prompt_tokens"], 1);
    let stopped = write(&["--stop", " ", "--no-echo", "--prompt", "The", "--json"]);
    let stopped: Value = serde_json::from_str(&stopped).unwrap();
    assert!(!stopped["text"].as_str().unwrap().contains(' '));

    let odd = room
        .elman(&["generate", "run", "--prompt", "The xylophone", "-n", "3"])
        .assert()
        .success();
    let note = String::from_utf8_lossy(&odd.get_output().stderr).into_owned();
    assert!(
        note.contains("outside the vocabulary") && note.contains("xylophone"),
        "{note}"
    );
    assert!(String::from_utf8_lossy(&odd.get_output().stdout).starts_with("The xylophone"));
}

#[test]
fn every_kind_of_vocabulary_goes_round() {
    let room = Room::new();
    for kind in ["words", "whitespace", "chars", "bytes"] {
        room.train(kind, "3", &["--vocab", kind]);
        let ids = room.stdout(&["tokenize", kind, "other.txt", "--ids"]);
        let text = room
            .elman(&["tokenize", kind, "--decode"])
            .write_stdin(ids.as_str())
            .assert()
            .success();
        let text = String::from_utf8(text.get_output().stdout.clone()).unwrap();
        assert_eq!(text, story(7), "{kind}");
        let count = room.json(&["tokenize", kind, "other.txt", "--count", "--json"]);
        assert_eq!(
            count["tokens"].as_u64().unwrap() as usize,
            ids.split_whitespace().count()
        );
        // What a model of bytes writes need not be UTF-8.
        room.elman(&["generate", kind, "-n", "5"])
            .assert()
            .success();
    }
}

#[test]
fn tokens_are_shown() {
    let room = Room::new();
    room.train("run", "1", &[]);
    let shown = room
        .elman(&["tokenize", "run"])
        .write_stdin("The king saw a lamb.\n")
        .assert()
        .success();
    let output = shown.get_output();
    // The training text has neither "saw" nor a small " a".
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "\"The\" \" king\" <unk> <unk> \" lamb\" \".\" \"\\n\"\n<eos>\n"
    );
    assert!(
        String::from_utf8_lossy(&output.stderr)
            .contains("2 of 8 tokens are outside the vocabulary")
    );
    let lines = room.stdout(&["tokenize", "run", "other.txt", "--json"]);
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            line["ids"].as_array().unwrap().len(),
            line["tokens"].as_array().unwrap().len()
        );
    }
    assert_eq!(
        lines.lines().count(),
        8,
        "seven lines and the end of the document"
    );
}

#[test]
fn a_vocabulary_can_be_made_without_a_model_and_used_for_one() {
    let room = Room::new();
    room.elman(&[
        "tokenize",
        "--vocab",
        "words",
        "--max-vocab",
        "12",
        "--save",
        "t.json",
        "text.txt",
    ])
    .assert()
    .success();
    assert_eq!(
        room.json(&["info", "t.json", "--json"])["vocabulary"]["entries"],
        12
    );
    room.train("run", "1", &["--vocab-file", "t.json"]);
    room.train("run2", "1", &["--vocab-from", "run"]);
    let hash =
        |path: &str| room.json(&["info", path, "--json"])["model"]["vocabulary"]["hash"].clone();
    assert_eq!(hash("run"), hash("run2"));
}

#[test]
fn a_resumed_run_is_the_run_that_was_never_stopped() {
    let room = Room::new();
    let checkpoint = |run: &str| room.json(&["info", run, "--json"])["checkpoint"].clone();
    // A warm-up that is longer than the run would be cut to its length.
    let rate = ["--schedule", "constant", "--warmup", "5"];
    room.train("whole", "20", &rate);
    room.train("parts", "9", &rate);
    let resume = [
        "train",
        "--resume",
        "parts",
        "--steps",
        "20",
        "--threads",
        "2",
    ];
    let said = room.elman(&resume).assert().success();
    let said = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
    assert!(said.contains("of which 9 are done"), "{said}");
    let (whole, parts) = (checkpoint("whole"), checkpoint("parts"));
    assert_eq!(parts["progress"]["step"], 20);
    // Validation at the end of the first part is part of a run's history, the weights are the same.
    let evaluate =
        |run: &str| room.json(&["eval", run, "other.txt", "--json"])["total_nats"].clone();
    assert_eq!(whole["progress"]["position"], parts["progress"]["position"]);
    assert_eq!(evaluate("whole"), evaluate("parts"));
}

#[test]
fn training_goes_on_with_other_text() {
    let room = Room::new();
    room.train("first", "3", &["--embed", "6"]);
    room.elman(&[
        "train",
        "other.txt",
        "--init-from",
        "first",
        "--run",
        "second",
        "--steps",
        "2",
        "--batch-size",
        "1",
        "--bptt",
        "4",
    ])
    .assert()
    .success();
    let model = room.json(&["info", "second", "--json"])["model"].clone();
    assert_eq!(model["embed"], 6);
}

#[test]
fn json_is_all_that_stands_on_standard_output() {
    let room = Room::new();
    let args = [
        &[
            "train",
            "text.txt",
            "--valid",
            "other.txt",
            "--json",
            "--steps",
            "6",
            "--valid-every",
            "3",
        ],
        &TINY[..],
    ]
    .concat();
    let output = room.elman(&args).assert().success().get_output().clone();
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let events: Vec<Value> = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    let named = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    assert_eq!(named("ready"), 1);
    assert_eq!(named("step"), 6);
    assert_eq!(named("validation"), 2);
    assert!(named("saved") >= 1);
    let end = events.last().unwrap();
    assert_eq!(
        (&end["event"], &end["ending"]),
        (&"end".into(), &"finished".into())
    );
    assert!(end["sample"].is_string() && end["checkpoint"].is_string());
    let step = events
        .iter()
        .find(|event| event["event"] == "step")
        .unwrap();
    for key in [
        "step",
        "total_steps",
        "epoch",
        "loss_nats",
        "grad_norm",
        "lr",
        "tokens",
        "seconds",
        "clipped",
        "skipped",
    ] {
        assert!(!step[key].is_null(), "{key}: {step}");
    }
}

#[test]
fn quiet_is_quiet() {
    let room = Room::new();
    room.write("held-out.txt", story(20));
    let args = [
        &[
            "train",
            "text.txt",
            "--valid",
            "held-out.txt",
            "--quiet",
            "--steps",
            "2",
            "--warmup",
            "1",
        ],
        &TINY[..],
    ]
    .concat();
    room.elman(&args).assert().success().stdout("").stderr("");
}

#[test]
fn standard_input_is_a_text_like_any_other() {
    let room = Room::new();
    let args = [&["train", "-", "--run", "piped", "--steps", "4"], &TINY[..]].concat();
    room.elman(&args).write_stdin(story(120)).assert().success();
    room.train("named", "4", &[]);
    let hash = |run: &str| room.json(&["info", run, "--json"])["checkpoint"]["hash"].clone();
    assert_eq!(hash("piped"), hash("named"));
    let args = [&["train", "-", "--steps", "1"], &TINY[..]].concat();
    room.elman(&args).write_stdin(story(20)).assert().success();
    assert!(room.path("runs/stdin/model").is_dir());
}

#[test]
fn looking_changes_nothing() {
    let room = Room::new();
    room.train("run", "2", &[]);
    let before = contents(&room.path("run"));
    room.stdout(&["info", "run"]);
    room.stdout(&["eval", "run", "other.txt"]);
    room.stdout(&["generate", "run", "-n", "2"]);
    room.stdout(&["tokenize", "run", "other.txt"]);
    assert_eq!(contents(&room.path("run")), before);
}
