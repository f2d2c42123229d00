//! Watching a run: samples and event files while it trains, its chart, and the list of runs.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests may stop, and write where they like"
)]

use crate::common::{Room, stderr};

#[test]
fn samples_are_printed_and_kept_and_event_files_written() {
    let room = Room::new();
    let watching = [
        "--sample-every",
        "2",
        "--sample-prompt",
        "The king",
        "--tensorboard",
    ];
    room.train("run", "4", &watching);
    let metrics = room.read("run/metrics.jsonl");
    assert_eq!(metrics.matches(r#""kind":"sample""#).count(), 2);
    assert!(metrics.contains(r#""prompt":"The king""#), "{metrics}");
    let event_files = |directory: &str| std::fs::read_dir(room.path(directory)).unwrap().count();
    assert_eq!(event_files("run/tensorboard"), 1);

    // A resumed run goes on with it, and a replaced one takes its files along.
    let resume = ["train", "--resume", "run", "--steps", "6"];
    let assert = room.elman(&resume).assert().success();
    let said = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert!(said.contains("step 6, a sample:\n  The king"), "{said}");
    assert_eq!(event_files("run/tensorboard"), 2);
    room.train("run", "4", &["--force", "--tensorboard=elsewhere"]);
    assert!(!room.path("run/tensorboard").exists());
    assert_eq!(event_files("elsewhere"), 1);

    // The same from a file.
    room.write("c.toml", "tensorboard = true\nsample-every = 3\n");
    room.train("other", "4", &["--config", "c.toml"]);
    assert_eq!(event_files("other/tensorboard"), 1);
    assert!(room.read("other/config.toml").contains("sample-every = 3"));
}

#[test]
fn an_unknown_prompt_is_remarked_and_begins_the_last_sample() {
    let room = Room::new();
    let run = [
        "train", "text.txt", "--steps", "1", "--hidden", "8", "--run", "run",
    ];
    let prompt = ["--sample-prompt", "xyzzy"];
    let assert = room.elman(&[&run[..], &prompt].concat()).assert().success();
    let said = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert!(said.contains("the vocabulary lacks 'xyzzy'"), "{said}");
    assert!(said.contains("sample:\n  xyzzy"), "{said}");
    assert!(
        room.read("run/report.html")
            .contains("At the end, by the model that was kept")
    );
    room.fails(2, &[&run[..], &["--sample-every", "0"]].concat());
}

#[test]
fn the_curves_of_a_run_are_drawn() {
    let room = Room::new();
    room.train("run", "40", &["--valid-every", "20"]);
    let size = ["--width", "60", "--height", "16"];
    let drawn = room.stdout(&[&["watch", "run"], &size[..]].concat());
    assert_eq!(drawn.lines().count(), 16, "{drawn}");
    assert!(
        drawn.lines().all(|line| line.chars().count() <= 60),
        "{drawn}"
    );
    for part in [
        "lstm 1×8",
        "finished, step 40 of 40 (100 %)",
        "training    loss",
        "validation  loss",
        "●",
        "└┬",
    ] {
        assert!(drawn.contains(part), "{part}: {drawn}");
    }
    assert!(!drawn.contains('\x1b'), "no colours where nobody sees them");

    // Half a line, as a process at work leaves it for a moment.
    let metrics = room.read("run/metrics.jsonl");
    room.write("run/metrics.jsonl", format!("{metrics}{{\"kind\":\"tra"));
    let csv = room.stdout(&["watch", "run", "--csv"]);
    let mut lines = csv.lines();
    assert!(
        lines
            .next()
            .unwrap()
            .starts_with("kind,step,epoch,loss_nats,perplexity,")
    );
    let kinds: Vec<_> = lines.map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(
        kinds,
        ["train", "train", "valid", "train", "train", "valid"]
    );
    assert!(
        csv.lines().all(|line| line.matches(',').count() == 10),
        "{csv}"
    );
    let json = room.json(&["watch", "run", "--json"]);
    assert_eq!(
        (&json["state"], &json["step"]),
        (&"finished".into(), &40.into())
    );

    // A run that was killed has no last line.
    let killed = metrics.lines().filter(|line| !line.contains("\"end\""));
    room.write(
        "run/metrics.jsonl",
        killed.map(|line| format!("{line}\n")).collect::<String>(),
    );
    let drawn = room.stdout(&["watch", "run", "--once"]);
    assert!(
        drawn.contains("crashed") && drawn.contains("--resume run"),
        "{drawn}"
    );
    room.write("run/metrics.jsonl", "");
    assert!(room.stdout(&["watch", "run"]).contains("no figures yet"));
    let said = room.fails(1, &["watch", "absent"]);
    assert!(
        said.contains("absent holds no run") && said.contains("elman train"),
        "{said}"
    );
}

#[test]
fn runs_are_listed_with_what_they_differ_in() {
    let room = Room::new();
    room.train("runs/a", "4", &["--lr", "0.1"]);
    room.train("runs/deep/b", "6", &["--lr", "0.2"]);
    room.write("runs/other/file", "no run");
    let table = room.stdout(&["runs"]);
    assert_eq!(table.lines().count(), 3, "{table}");
    for part in [
        "runs/a",
        "runs/deep/b",
        "finished",
        "lstm 1×8",
        "lr=0.1 steps=4",
        "lr=0.2 steps=6",
    ] {
        assert!(table.contains(part), "{part}: {table}");
    }
    let all = room.json(&["runs", "--json", "--sort", "steps"]);
    assert_eq!(all[0]["run"], "runs/deep/b");
    assert_eq!(all[0]["choices"]["hidden"], "8");
    assert!(all[0]["valid_perplexity"].as_f64().unwrap() > 1.0);
    let csv = room.stdout(&["runs", "--format", "csv"]);
    assert!(
        csv.lines()
            .next()
            .unwrap()
            .ends_with(",valid_text,lr,steps"),
        "{csv}"
    );
    assert!(
        room.stdout(&["runs", "runs/a", "--format", "markdown"])
            .contains("| runs/a |")
    );
    let sorted = ["runs", "--sort", "perplexity"];
    assert_eq!(stderr(room.elman(&sorted).assert().success()), "");
    room.train("runs/c", "4", &["--vocab", "chars"]);
    let note = stderr(room.elman(&sorted).assert().success());
    assert!(note.contains("different vocabularies"), "{note}");
    assert!(
        room.fails(1, &["runs", "absent"])
            .contains("no such directory")
    );
}

/// Training lines as they are shown: (step, loss, of how many steps).
fn shown(said: &str) -> Vec<(u64, String, u64)> {
    let mut lines = Vec::new();
    for line in said
        .lines()
        .filter(|line| line.starts_with("step ") && line.contains(" over "))
    {
        let step = line[5..].split('/').next().unwrap().parse().unwrap();
        let rest = line.split("  loss ").nth(1).unwrap();
        let (loss, rest) = rest.split_once(" over ").unwrap();
        let steps = rest.split(' ').next().unwrap().parse().unwrap();
        lines.push((step, loss.to_owned(), steps));
    }
    lines
}

#[test]
fn the_loss_shown_is_that_of_the_last_ten_steps() {
    let room = Room::new();
    room.write("small.txt", "a cat sat on a mat. ".repeat(5));
    let train = |run: &str| {
        let args = [
            "train",
            "small.txt",
            "--valid",
            "small.txt",
            "--vocab",
            "chars",
            "--run",
            run,
            "--hidden",
            "16",
            "--batch-size",
            "1",
            "--bptt",
            "20",
            "--steps",
            "300",
            "--lr",
            "0.02",
            "--dropout",
            "0",
            "--threads",
            "1",
        ];
        shown(&crate::common::stderr(room.elman(&args).assert().success()))
    };
    let (first, second) = (train("first"), train("second"));
    assert_eq!(first, second);
    assert!(first.len() >= 20, "{first:?}");
    assert_eq!((first[0].0, first[0].2), (1, 1));
    let lines: Vec<serde_json::Value> = room
        .read("first/metrics.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut compared = 0;
    for (step, loss, steps) in &first {
        let line = lines
            .iter()
            .find(|line| line["kind"] == "train" && line["step"] == *step);
        if let Some(line) = line {
            assert_eq!(*steps, 10);
            assert_eq!(*loss, format!("{:.3}", line["loss_nats"].as_f64().unwrap()));
            compared += 1;
        }
    }
    let last = first.last().unwrap();
    assert_eq!(last.0, 300);
    assert!(
        compared >= 1 && last.1.parse::<f64>().unwrap() < 1.0,
        "{first:?}"
    );
}

/// A run that fails says so everywhere, and shows no "NaN" for what is infinite.
#[test]
fn a_run_that_fails_says_so() {
    let room = Room::new();
    let wild = [
        "--optimizer",
        "sgd",
        "--lr",
        "1e7",
        "--clip",
        "1e9",
        "--dropout",
        "0",
        "--schedule",
        "constant",
        "--precision",
        "f32",
        "--steps",
        "40",
        "--valid-every",
        "20",
    ];
    let train = [
        &["train", "text.txt", "--run", "runs/wild"],
        &crate::common::TINY[..],
        &wild,
    ]
    .concat();
    let said = room.fails(1, &train);
    for part in [
        "failed after 40 of 40 steps",
        "the run has failed: the loss of its last steps is",
        "no usable model",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let rows = room.json(&["runs", "runs", "--json"]);
    assert_eq!(rows[0]["state"], "diverged");
    let watch = room.stdout(&["watch", "runs/wild", "--once"]);
    let csv = room.stdout(&["watch", "runs/wild", "--csv"]);
    let page = room.read("runs/wild/report.html");
    assert!(watch.contains("perplexity inf"), "{watch}");
    assert!(csv.contains(",inf,"), "{csv}");
    assert!(page.contains("diverged: 40 steps") && page.contains("inf"));
    for text in [&watch, &csv, &page, &said] {
        assert!(!text.contains("NaN"), "{text}");
    }
    // Quiet, and in a sweep, which takes it for a result.
    let quiet = [&train[..], &["--force", "--quiet"]].concat();
    assert!(room.fails(1, &quiet).contains("the run has failed"));
    let sweep = [
        &["sweep", "text.txt", "--run", "sweep"],
        &crate::common::TINY[..],
        &wild[..2],
        &wild[4..],
        &["--lr", "0.01,1e7"],
    ]
    .concat();
    let said = crate::common::stderr(room.elman(&sweep).assert().success());
    assert!(said.contains("note: lr=1e7: the run has failed"), "{said}");
}
