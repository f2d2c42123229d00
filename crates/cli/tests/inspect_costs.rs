//! `elman inspect memory` and `elman inspect sequential`: what training takes in memory and time.

use crate::common::Room;

#[test]
fn memory_of_a_run_as_text_json_and_csv() {
    let room = Room::new();
    room.train("run", "2", &[]);
    let args = ["inspect", "memory", "run"];
    let text = room.stdout(&args);
    for part in [
        "weights",
        "window",
        "each further time step",
        "recomputed",
        "what fits",
        "parameters",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = room.json(&[&args[..], &["--json", "--memory", "1MiB"]].concat());
    // The windows of the run: 2 sequences of 5 steps.
    assert_eq!(
        (&json["batch_size"], &json["steps"]),
        (&2.into(), &5.into())
    );
    assert_eq!(json["budget_bytes"], 1 << 20);
    let texts = json["texts"].as_array().unwrap();
    assert!(
        texts
            .iter()
            .all(|text| text["parameters"] == json["parameters"])
    );
    // What is planned for the run is what the run plans.
    let dry = [
        "train",
        "text.txt",
        "--run",
        "other",
        "--dry-run",
        "--json",
        "--steps",
        "2",
    ];
    let ready = planned(&room, &[&dry[..], &crate::common::TINY].concat());
    assert_eq!(ready["plan"]["window"], json["plan"]["window"]);
    assert_eq!(ready["total_steps"], 2);
    assert!(!room.path("other").exists());
    let csv = room.stdout(
        &[
            &args[..],
            &["--csv", "--over-steps", "1,2", "--over-batch-size", "3"],
        ]
        .concat(),
    );
    assert_eq!(csv.lines().count(), 3);
    assert!(csv.starts_with("steps,batch_size,window_bytes"));
}

/// What `elman train --dry-run --json` plans: the last of its events, after its notes.
fn planned(room: &Room, args: &[&str]) -> serde_json::Value {
    let events = room.stdout(args);
    serde_json::from_str(events.lines().last().unwrap_or_default())
        .expect("the plan is the last event")
}

#[test]
fn memory_needs_neither_text_nor_model() {
    let room = Room::new();
    let untrained = ["inspect", "memory", "--untrained"];
    let with = |more: &[&'static str]| [&untrained[..], more].concat();
    let preset = with(&[
        "--vocab-size",
        "10000",
        "--preset",
        "zaremba-large",
        "--json",
    ]);
    let json = room.json(&preset);
    // Zaremba et al. (2014) give 66 million.
    assert_eq!(json["parameters"], 66_022_000);
    let full = ["text.txt", "--hidden", "8", "--bptt", "full", "--json"];
    let of_text = room.json(&with(&full));
    let tokens = of_text["texts"][0]["tokens"].as_u64().unwrap();
    // A small text has a small batch.
    assert_eq!(of_text["batch_size"], 4);
    assert_eq!(of_text["steps"], tokens.div_ceil(4));
    // The same text as a run would train on: what validates is not part of it.
    for valid in [&[][..], &["--valid", "other.txt"]] {
        let dry = ["train", "--run", "r", "--dry-run"];
        let dry = self::planned(&room, &[&dry[..], &full, valid].concat());
        let planned = room.json(&[&with(&full)[..], valid].concat());
        assert_eq!(planned["texts"][0]["tokens"], dry["train_tokens"]);
        assert_eq!(planned["plan"]["window"], dry["plan"]["window"]);
    }
    for (args, says) in [
        (&untrained[..2], "name one model"),
        (&untrained[..], "name a text"),
        (&with(&["-"])[..], "read twice"),
        (
            &["inspect", "memory", "absent", "--hidden", "8"][..],
            "a model has its own",
        ),
    ] {
        let said = room.fails(2, args);
        assert!(said.contains(says), "{args:?}: {said}");
    }
}

#[test]
fn sequential_as_text_json_and_csv() {
    let room = Room::new();
    room.train("run", "2", &[]);
    let args = [
        "inspect",
        "sequential",
        "run",
        "--positions",
        "64",
        "--over-batch-size",
        "1,8",
        "--threads",
        "2",
        "--seconds",
        "0.001",
    ];
    let with = |more: &[&'static str]| [&args[..], more].concat();
    let text = room.stdout(&args);
    for part in ["serial", "in order", "64 positions"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = room.json(&with(&["--json"]));
    assert_eq!(json["rows"].as_array().unwrap().len(), 2);
    assert_eq!(json["rows"][1]["steps"], 8);
    assert!(json["rows"][0]["serial_share"].is_f64());
    // With one thread there is nothing to compare it with.
    let csv = {
        let mut args = with(&["--csv"]);
        args[8] = "1";
        room.stdout(&args)
    };
    assert_eq!(csv.lines().count(), 3);
    let said = room.fails(2, &with(&["--over-batch-size", "3"]));
    assert!(said.contains("choose divisors"), "{said}");
    assert!(
        room.fails(2, &with(&["--hidden", "8"]))
            .contains("a model has its own")
    );
}
