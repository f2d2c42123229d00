//! `elman inspect` as its users run it.

mod common;
use common::Room;

#[test]
fn gradients_of_a_model_as_text_json_and_csv() {
    let room = Room::new();
    room.train("run", "20", &["--cell", "gru", "--layers", "2"]);
    let args = [
        "inspect",
        "gradients",
        "run",
        "text.txt",
        "--lags",
        "12",
        "--passages",
        "3",
    ];
    let with = |more: &[&str]| room.stdout(&[&args[..], more].concat());
    let text = with(&[]);
    for part in ["layer 1", "bound", "horizon", "verdict", "3 passages"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = room.json(&[&args[..], &["--json"]].concat());
    assert_eq!(json["layers"].as_array().unwrap().len(), 2);
    assert_eq!(json["layers"][0]["bound"]["of"], "gru");
    let norms = json["layers"][1]["norms"].as_array().unwrap();
    assert_eq!(norms.len(), 12);
    let log10 = |at: usize, name: &str| norms[at][name].as_f64().unwrap();
    assert!(log10(11, "most_log10") <= log10(11, "bound_log10") + 1e-6);
    let csv = with(&["--csv"]);
    assert_eq!(csv.lines().count(), 1 + 2 * 13);
    assert!(csv.starts_with("layer,lag,mean_log10"));

    // The same figures at any number of threads, others with another seed.
    assert_eq!(csv, with(&["--csv", "--threads", "1"]));
    assert_ne!(csv, with(&["--csv", "--seed", "2"]));
}

#[test]
fn an_untrained_network_takes_the_options_of_training() {
    let room = Room::new();
    let verdict = |scale: &str| {
        let args = [
            "inspect",
            "gradients",
            "--untrained",
            "text.txt",
            "--cell",
            "elman",
            "--hidden",
            "64",
            "--init-recurrent-scale",
            scale,
            "--json",
        ];
        room.json(&args)["verdict"].clone()
    };
    assert_eq!(verdict("1"), "vanishing");
    assert_eq!(verdict("4"), "exploding");
}

#[test]
fn truncation_as_text_json_and_csv() {
    let room = Room::new();
    room.train("run", "20", &[]);
    let args = [
        "inspect",
        "truncation",
        "run",
        "text.txt",
        "--full",
        "30",
        "--windows",
        "1,10",
        "--passages",
        "2",
    ];
    let text = room.stdout(&[&args[..], &["--tensors"]].concat());
    assert!(text.contains("cosine") && text.contains("rnn.weight_hh_l0"));
    let json = room.json(&[&args[..], &["--json"]].concat());
    let windows = json["windows"].as_array().unwrap();
    let error = |at: usize| windows[at]["relative_error"].as_f64().unwrap();
    assert!(error(0) > error(1) && error(1) > 0.0);
    let longer = [&args[..5], &["20", "--windows", "20,50"]].concat();
    let said = room.fails(2, &longer);
    assert!(said.contains("shorter than full, which is 20"), "{said}");
    let csv = room.stdout(&[&args[..], &["--csv"]].concat());
    let tensors = windows[0]["tensors"].as_array().unwrap().len();
    assert_eq!(csv.lines().count(), 1 + 2 * (1 + tensors));
}

#[test]
fn what_cannot_be_looked_at_is_explained() {
    let room = Room::new();
    room.train("run", "2", &[]);
    for (code, args, says) in [
        (2, &["run"][..], "name a model and a text"),
        (2, &["run", "text.txt", "--cell", "gru"], "--untrained"),
        (2, &["run", "text.txt", "--lags", "0"], "lags is 0"),
        (2, &["--untrained", "-"], "reads the text twice"),
        (
            1,
            &["run", "other.txt", "--lags", "5000"],
            "a passage needs 5000",
        ),
        (1, &["run", "absent.txt"], "no such file"),
    ] {
        let args = [&["inspect", "gradients"], args].concat();
        let error = room.fails(code, &args);
        assert!(error.contains(says), "{args:?}: {error}");
    }
}

#[test]
fn memory_of_a_run_as_text_json_and_csv() {
    let room = Room::new();
    room.train("run", "2", &[]);
    let args = ["inspect", "memory", "run"];
    let text = room.stdout(&args);
    for part in [
        "weights",
        "window",
        "a time step more",
        "recomputed",
        "what fits",
        "parameters",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = room.json(&[&args[..], &["--json", "--memory", "1MiB"]].concat());
    // The windows of the run: 2 lanes of 5 steps.
    assert_eq!((&json["lanes"], &json["steps"]), (&2.into(), &5.into()));
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
    let ready = room.json(&[&dry[..], &common::TINY].concat());
    assert_eq!(ready["plan"]["window"], json["plan"]["window"]);
    assert_eq!(ready["total_steps"], 2);
    assert!(!room.path("other").exists());
    let csv = room.stdout(
        &[
            &args[..],
            &["--csv", "--over-steps", "1,2", "--over-lanes", "3"],
        ]
        .concat(),
    );
    assert_eq!(csv.lines().count(), 3);
    assert!(csv.starts_with("steps,lanes,window_bytes"));
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
    let of_text = room.json(&with(&[
        "text.txt", "--hidden", "8", "--bptt", "full", "--json",
    ]));
    let tokens = of_text["texts"][0]["tokens"].as_u64().unwrap();
    assert_eq!(of_text["steps"], tokens.div_ceil(32));
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
        "--over-lanes",
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
    let said = room.fails(2, &with(&["--over-lanes", "3"]));
    assert!(said.contains("choose divisors"), "{said}");
    assert!(
        room.fails(2, &with(&["--hidden", "8"]))
            .contains("a model has its own")
    );
}
