//! Sentences, windows that overlap, windows of random lengths.
#![allow(clippy::unwrap_used, reason = "tests may stop")]

use crate::common::Room;
use std::f64::consts::LN_10;

const SENTENCES: [&str; 14] = [
    "train",
    "text.txt",
    "--run",
    "run",
    "--layout",
    "sentences",
    "--hidden",
    "8",
    "--batch-size",
    "4",
    "--batch-tokens",
    "60",
    "--steps",
    "40",
];

#[test]
fn a_model_of_sentences_reads_and_writes_lines() {
    let room = Room::new();
    room.elman(&SENTENCES).assert().success();
    let config = room.json(&["info", "run", "--json"])["record"]["config"].clone();
    assert_eq!(config["layout"], "sentences");
    assert_eq!(config["batch-tokens"], 60);
    assert!(
        room.read("run/model/config.json")
            .contains("\"layout\": \"sentences\"")
    );

    let page = room.stdout(&["eval", "run", "other.txt"]);
    assert!(page.contains("each line by itself"), "{page}");
    let eval = |more: &[&str]| {
        let args = [&["eval", "run", "other.txt", "--json"], more].concat();
        let found = room.json(&args);
        let nats = found["total_nats"].as_f64().unwrap();
        (nats, found["layout"].clone(), found["approximate"].clone())
    };
    let (nats, layout, approximate) = eval(&[]);
    assert_eq!((layout, approximate), ("sentences".into(), false.into()));
    let (stream, layout, _) = eval(&["--layout", "stream"]);
    assert_eq!(layout, "stream");
    assert_ne!(stream, nats);
    let (batch_size, _, approximate) = eval(&["--batch-size", "3"]);
    assert!((batch_size / nats - 1.0).abs() < 1e-12 && approximate == false);
    let tokens = room.stdout(&["eval", "run", "other.txt", "--per-token"]);
    let log10 = tokens
        .lines()
        .map(|line| line.split('\t').nth(1).unwrap().parse::<f64>().unwrap());
    assert!((-log10.sum::<f64>() * LN_10 / nats - 1.0).abs() < 1e-6);

    for prompt in ["", "The king"] {
        let text = room.stdout(&["generate", "run", "--prompt", prompt, "--max-tokens", "200"]);
        assert_eq!(
            text.trim_end_matches('\n').matches('\n').count(),
            0,
            "{text}"
        );
        let json = room.json(&["generate", "run", "--prompt", prompt, "--json"]);
        assert!(["line", "length"].contains(&json["finish"].as_str().unwrap()));
    }
}

#[test]
fn any_model_can_be_asked_to_read_lines() {
    let room = Room::new();
    room.train("run", "20", &[]);
    let ngram = ["ngram", "train", "text.txt", "-o", "lm.bin", "--order", "3"];
    room.elman(&ngram).assert().success();
    for model in ["run", "lm.bin"] {
        let eval =
            |more: &[&str]| room.json(&[&["eval", model, "other.txt", "--json"], more].concat());
        assert_eq!(eval(&[])["layout"], "stream");
        let lines = eval(&["--layout", "sentences"]);
        assert_eq!(lines["layout"], "sentences");
        assert_eq!(lines["tokens"], eval(&[])["tokens"]);
        // An n-gram model of this kind begins anew at each line anyway.
        let same = lines["total_nats"] == eval(&[])["total_nats"];
        assert_eq!(same, model == "lm.bin");
        // The last line has the numbers of a text that holds nothing else.
        let all = [
            "eval",
            model,
            "other.txt",
            "--per-token",
            "--layout",
            "sentences",
        ];
        let all = room.stdout(&all);
        let last = crate::common::story(7);
        room.write("line.txt", last.lines().last().unwrap().to_owned() + "\n");
        let line = room.stdout(&["eval", model, "line.txt", "--per-token"]);
        // Without the end of the document, a line of its own.
        let tokens = |of: &str| {
            of.lines()
                .rev()
                .skip(1)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let (all, line) = (tokens(&all), tokens(&line));
        assert!(line.len() > 5 && all.len() > 6 * line.len() - 30);
        assert_eq!(all[..line.len()], line);
    }
}

#[test]
fn strides_and_random_lengths_train() {
    let room = Room::new();
    let config = |run: &str| room.json(&["info", run, "--json"])["record"]["config"].clone();
    room.train("strides", "20", &["--bptt-stride", "2"]);
    assert_eq!(config("strides")["bptt-stride"], 2);
    room.train("random", "20", &["--bptt-random"]);
    assert_eq!(config("random")["bptt-random"], true);
    room.write(
        "file.toml",
        "bptt = 8\nbptt-stride = 3\nhidden = 8\nsteps = 3\nlanes = 2\n",
    );
    let from_file = [
        "train",
        "text.txt",
        "--config",
        "file.toml",
        "--run",
        "file",
    ];
    room.elman(&from_file).assert().success();
    assert_eq!(config("file")["bptt-stride"], 3);
}

#[test]
fn what_contradicts_itself_is_a_usage_error() {
    let room = Room::new();
    let refused = |more: &[&str], word: &str| {
        let error = room.fails(2, &[&["train", "text.txt"], more].concat());
        assert!(error.contains(word), "{error}");
    };
    refused(
        &["--layout", "sentences", "--bptt", "20"],
        "leave --bptt out",
    );
    refused(
        &["--layout", "sentences", "--bptt-random"],
        "leave --bptt-stride and --bptt-random out",
    );
    refused(&["--batch-tokens", "99"], "layout sentences");
    refused(&["--loss-after", "="], "--layout sentences");
    refused(
        &["--bptt-stride", "36"],
        "between 1 and --bptt, which is 35",
    );
    refused(
        &["--bptt-stride", "5", "--bptt-random"],
        "exclude each other",
    );
    refused(&["--layout", "lines"], "sentences");
}

/// From made-up lines to the accuracy of a model that has learnt them.
#[test]
fn answers_are_made_up_learnt_and_counted() {
    let room = Room::new();
    let adding = ["synth", "adding", "--lag", "2", "--digits", "3"];
    let three = room.stdout(&[&adding[..], &["-n", "3"]].concat());
    assert_eq!(three.lines().count(), 3);
    for line in three.lines() {
        let tokens: Vec<&str> = line.split(' ').collect();
        let digit = |place: usize| tokens[place].strip_suffix('*').unwrap();
        let [a, b, sum] = [digit(0), digit(1), tokens[3]].map(|t| t.parse::<u32>().unwrap());
        assert!(
            tokens[2] == "=" && a + b == sum && tokens.len() == 4,
            "{line}"
        );
    }
    let file = [&adding[..], &["-n", "300", "--out", "adding.txt"]].concat();
    room.elman(&file).assert().success();
    assert!(room.read("adding.txt").starts_with(&three));
    assert!(room.fails(1, &file).contains("--force"));

    let train = [
        "train",
        "adding.txt",
        "--run",
        "run",
        "--vocab",
        "whitespace",
        "--layout",
        "sentences",
        "--loss-after",
        "=",
        "--hidden",
        "16",
        "--batch-size",
        "4",
        "--dropout",
        "0",
        "--lr",
        "0.02",
        "--epochs",
        "8",
        "--tensorboard",
    ];
    let shown = room
        .elman(&train)
        .assert()
        .success()
        .get_output()
        .stderr
        .clone();
    let shown = String::from_utf8(shown).unwrap();
    assert!(shown.contains("validation accuracy 100.00 %"), "{shown}");
    let config = room.json(&["info", "run", "--json"])["record"]["config"].clone();
    assert_eq!(config["loss-after"], "=");
    let metrics = room.read("run/metrics.jsonl");
    assert!(
        metrics.contains(r#""accuracy":1.0,"line_accuracy":1.0"#),
        "{metrics}"
    );

    let eval = ["eval", "run", "adding.txt", "--loss-after", "="];
    let page = room.stdout(&eval);
    assert!(
        page.contains("300 tokens after '=', in 300 of 300 lines"),
        "{page}"
    );
    let found = room.json(&[&eval[..], &["--json"]].concat());
    assert_eq!(
        (&found["accuracy"], &found["lines"]),
        (&1.0.into(), &300.into())
    );
    let error = room.fails(1, &["eval", "run", "adding.txt", "--loss-after", "3 4"]);
    assert!(error.contains("'3 4' is 2 tokens"), "{error}");

    for (args, word) in [
        (vec!["adding", "--lag", "1"], "lag is 1"),
        (vec!["recall", "--lag", "5", "--pairs", "11"], "pairs is 11"),
        (vec!["copy", "--lag", "5", "--length", "0"], "length is 0"),
    ] {
        let error = room.fails(2, &[&["synth"], &args[..]].concat());
        assert!(error.contains(word), "{error}");
    }
}
