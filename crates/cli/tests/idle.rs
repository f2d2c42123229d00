//! Choices that have no effect beside others: noted wherever they were made, and one run in a sweep.

use crate::common::{Room, TINY, stderr};

fn said(room: &Room, args: &[&str]) -> String {
    stderr(room.elman(args).assert().success())
}

#[test]
fn they_are_noted_wherever_they_were_made() {
    let room = Room::new();
    room.write("base.toml", "beta1 = 0.8\noptimizer = 'sgd'\nlr = 0.1\n");
    let train = ["train", "text.txt", "--steps", "2", "--dry-run"];
    let run = |more: &[&str]| said(&room, &[&train[..], &TINY, more].concat());
    for (more, note) in [
        (
            &["--momentum", "0.9"][..],
            "momentum = 0.9 has no effect: it belongs to the optimizers sgd and rmsprop",
        ),
        (&["--activation", "relu"], "activation = relu has no effect"),
        (
            &["--decay-after", "4"],
            "decay-after = 4 has no effect: it belongs to the schedule step",
        ),
        (
            &["--schedule", "one-cycle", "--warmup", "7"],
            "warmup = 7 has no effect",
        ),
        (
            &["--cell", "gru", "--forget-bias", "2"],
            "forget-bias = 2.0 has no effect",
        ),
        (&["--noise-decay", "0.3"], "noise-decay = 0.3 has no effect"),
        (
            &["--decay-scale", "bias=0"],
            "decay-scale = bias=0 has no effect",
        ),
        (
            &["--dropout-between", "0.3"],
            "dropout-between = 0.3 has no effect",
        ),
        (
            &["--dropout", "0", "--variational"],
            "variational = true has no effect",
        ),
        (
            &["--init", "xavier", "--init-range", "0.1"],
            "init-range = 0.1 has no effect",
        ),
        (
            &["--sampling-limit", "0.5"],
            "sampling-limit = 0.5 has no effect",
        ),
        (
            &["--vocab", "bytes", "--lossy"],
            "lossy = true has no effect",
        ),
        (
            &["--vocab", "bytes", "--min-count", "2"],
            "min-count = 2 has no effect",
        ),
        (&["--config", "base.toml"], "beta1 = 0.8 has no effect"),
        (
            &["--preset", "zaremba-small", "--schedule", "cosine"],
            "decay-factor = 0.5 has no effect",
        ),
    ] {
        let text = run(more);
        // A default that a recipe repeats was no choice.
        if more[0] == "--preset" {
            assert!(!text.contains("decay-factor"), "{text}");
        } else {
            assert!(text.contains(note), "{more:?}: {text}");
        }
    }
    let text = run(&["--preset", "zaremba-large", "--schedule", "cosine"]);
    assert!(text.contains("decay-after = 14 has no effect"), "{text}");
    assert_eq!(
        run(&["--momentum", "0", "--no-tied"])
            .matches("no effect")
            .count(),
        0
    );

    // A model that a run starts from, and the file of another run.
    room.train("base", "1", &["--optimizer", "sgd", "--momentum", "0.5"]);
    room.write("init.toml", "init = 'xavier'\nmin-count = 3\nlr = 0.01\n");
    let tune = [
        "finetune",
        "base",
        "text.txt",
        "--config",
        "init.toml",
        "--dry-run",
    ];
    let text = said(&room, &[&tune[..], &TINY[2..]].concat());
    assert!(
        text.contains("init = xavier has no effect: the run starts from the weights"),
        "{text}"
    );
    assert!(
        text.contains("min-count = 3 has no effect: the vocabulary is given"),
        "{text}"
    );
    let text = run(&["--config", "base/config.toml", "--optimizer", "adam"]);
    assert!(text.contains("momentum = 0.5 has no effect"), "{text}");
    // What is looked at instead of trained.
    let inspect = [
        "inspect",
        "memory",
        "--untrained",
        "text.txt",
        "--cell",
        "gru",
        "--activation",
        "relu",
    ];
    assert!(said(&room, &inspect).contains("activation = relu has no effect"));
}

#[test]
fn a_flag_takes_a_value_that_undoes_a_recipe() {
    let room = Room::new();
    let args = [
        "train",
        "text.txt",
        "--preset",
        "awd-lstm",
        "--layers",
        "1",
        "--steps",
        "1",
        "--run",
        "run",
        "--bptt-random=false",
        "--variational=false",
        "--tied=true",
    ];
    room.elman(&[&args[..], &TINY].concat()).assert().success();
    let config = &room.json(&["info", "run", "--json"])["record"]["config"];
    assert_eq!(
        [
            &config["bptt-random"],
            &config["variational"],
            &config["tied"]
        ],
        [false, false, true]
    );
}

#[test]
fn combinations_that_differ_in_nothing_else_are_one_run() {
    let room = Room::new();
    let sweep = ["sweep", "text.txt", "--steps", "2", "--dry-run"];
    let run = |more: &[&str]| room.elman(&[&sweep[..], &TINY, more].concat());
    let grid = [
        "--optimizer",
        "sgd,adam",
        "--momentum",
        "0,0.9",
        "--nesterov=false",
    ];
    let found = run(&grid).assert().success();
    let plan = String::from_utf8_lossy(&found.get_output().stdout).into_owned();
    let names: Vec<&str> = plan
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let runs = [
        "optimizer=sgd,momentum=0",
        "optimizer=sgd,momentum=0.9",
        "optimizer=adam",
    ];
    assert_eq!(names, runs.map(|run| format!("runs/text-sweep/{run}")));
    let note = stderr(found);
    assert!(
        note.contains("optimizer=adam: momentum has no effect"),
        "{note}"
    );
    assert_eq!(note.matches("note: ").count(), 1, "{note}");

    let equal = run(&["--lr", "0.1,0.10,0.2"]).assert().success();
    let plan = String::from_utf8_lossy(&equal.get_output().stdout).into_owned();
    assert_eq!(plan.matches("new").count(), 2, "{plan}");
    let note = stderr(equal);
    assert!(note.contains("lr=0.10 is the same run as lr=0.1"), "{note}");

    for more in [&["--activation", "tanh,relu"][..], &["--lr", "1,1.0"]] {
        let error = stderr(run(more).assert().code(2));
        assert!(error.contains("all the same run"), "{error}");
    }
    let error = stderr(run(&["--variational", "true,false"]).assert().code(2));
    assert!(error.contains("--nesterov=true,false"), "{error}");
    let flags = run(&["--variational=true,false", "--dropout", "0.2"])
        .assert()
        .success();
    let plan = String::from_utf8_lossy(&flags.get_output().stdout).into_owned();
    assert!(
        plan.contains("variational=true") && plan.contains("variational=false"),
        "{plan}"
    );
}
