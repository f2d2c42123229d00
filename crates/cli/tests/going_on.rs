//! Runs that go on: after their patience has ended them, watched in another way, and by the commands that are printed.

use crate::common::{Room, TINY, stderr, story};

/// The arguments of the command that stands in `text` after "elman train".
fn printed(text: &str) -> Vec<String> {
    let line = text
        .lines()
        .find(|line| line.contains("elman train --resume"));
    let line = line.unwrap_or_else(|| panic!("no command in {text}"));
    let command = &line[line.find("train --resume").unwrap_or_default()..];
    let command = command.split("  #").next().unwrap_or_default();
    command.split_whitespace().map(str::to_owned).collect()
}

fn run(room: &Room, args: &[String]) -> String {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    stderr(room.elman(&args).assert().success())
}

#[test]
fn the_commands_that_are_printed_go_on_with_a_run() {
    let room = Room::new();
    let args = [
        "train",
        "text.txt",
        "--run=-odd",
        "--lr",
        "1e-30",
        "--valid-every",
        "2",
        "--patience",
        "2",
        "--steps",
        "12",
    ];
    let said = stderr(room.elman(&[&args[..], &TINY].concat()).assert().success());
    assert!(
        said.contains("validation did not improve after 6 of 12 steps"),
        "{said}"
    );
    let command = printed(&said);
    assert_eq!(command[1..], ["--resume", "./-odd", "--patience", "none"]);
    let info = room.stdout(&["info", "./-odd"]);
    assert_eq!(printed(&info), command);
    let watch = room.stdout(&["watch", "./-odd", "--once"]);
    assert_eq!(printed(&watch), command);
    let said = run(&room, &command);
    assert!(said.contains("finished after 12 of 12 steps"), "{said}");
    // And the one that it then prints.
    let said = run(&room, &printed(&said));
    assert!(said.contains("finished after "), "{said}");
    assert!(!room.stdout(&["info", "./-odd"]).contains("--patience"));
}

#[test]
fn a_resumed_run_is_watched_in_another_way() {
    let room = Room::new();
    room.train("run", "4", &[]);
    let resume = ["train", "--resume", "run", "--steps", "8"];
    let more = [
        "--sample-every",
        "2",
        "--sample-prompt",
        "The king",
        "--valid-every",
        "3",
        "--tensorboard",
        "--patience",
        "9",
    ];
    room.elman(&[&resume[..], &more].concat())
        .assert()
        .success();
    let metrics = room.read("run/metrics.jsonl");
    assert_eq!(
        metrics.matches(r#""kind":"sample""#).count(),
        2,
        "{metrics}"
    );
    assert!(room.path("run/tensorboard").is_dir());
    let config = &room.json(&["info", "run", "--json"])["record"]["config"];
    assert_eq!(
        (&config["valid-every"], &config["patience"]),
        (&3.into(), &9.into())
    );
    let off = [
        "train",
        "--resume",
        "run",
        "--steps",
        "12",
        "--sample-every",
        "none",
        "--tensorboard=none",
        "--patience",
        "none",
    ];
    room.elman(&off).assert().success();
    let metrics = room.read("run/metrics.jsonl");
    assert_eq!(
        metrics.matches(r#""kind":"sample""#).count(),
        2,
        "{metrics}"
    );
    let config = &room.json(&["info", "run", "--json"])["record"]["config"];
    for name in ["patience", "sample-every", "tensorboard"] {
        assert!(config[name].is_null(), "{name}: {config}");
    }
    let error = room.fails(
        2,
        &[
            "train",
            "--resume",
            "run",
            "--lr",
            "1",
            "--no-tied",
            "--steps",
            "9",
        ],
    );
    assert!(
        error.contains("lr, tied cannot change") && error.contains("--patience"),
        "{error}"
    );
}

#[test]
fn a_small_text_has_a_small_batch_and_more_epochs_unless_told_otherwise() {
    let room = Room::new();
    room.write("text.txt", story(300));
    room.write("epochs.toml", "epochs = 2\n");
    let tiny = [
        "train",
        "text.txt",
        "--hidden",
        "6",
        "--threads",
        "1",
        "--dry-run",
    ];
    let note = |more: &[&str]| {
        let said = stderr(room.elman(&[&tiny[..], more].concat()).assert().success());
        said.contains("the text is small: batch size 4 and 20 epochs instead of 32 and 2")
    };
    assert!(note(&[]) && note(&["--lr", "0.01"]));
    for more in [
        &["--batch-size", "32"][..],
        &["--batch-size", "32"],
        &["--epochs", "2"],
        &["--steps", "9"],
        &["--config", "epochs.toml"],
        &["--preset", "irnn"],
    ] {
        assert!(!note(more), "{more:?}");
    }
    // A sweep compares what was asked for.
    let sweep = [
        "sweep",
        "text.txt",
        "--hidden",
        "6",
        "--threads",
        "1",
        "--lr",
        "0.01,0.02",
        "--max-vocab",
        "20",
    ];
    let said = stderr(room.elman(&sweep).assert().success());
    assert!(!said.contains("the text is small"), "{said}");
    let config = room.read("runs/text-sweep/lr=0.01/config.toml");
    assert!(
        config.contains("batch-size = 32") && config.contains("epochs = 2.0"),
        "{config}"
    );
    // It is stored, and a resumed run keeps it.
    let start = [
        "train",
        "text.txt",
        "--hidden",
        "6",
        "--threads",
        "1",
        "--run",
        "small",
        "-q",
        "--max-vocab",
        "20",
    ];
    room.elman(&start).assert().success();
    let config = room.read("small/config.toml");
    assert!(
        config.contains("batch-size = 4") && config.contains("epochs = 20.0"),
        "{config}"
    );
    let planned = [
        "inspect",
        "memory",
        "--untrained",
        "text.txt",
        "--hidden",
        "6",
    ];
    assert!(
        room.stdout(&planned).contains("4 sequences"),
        "as the run is planned"
    );
}

#[test]
fn a_warm_up_longer_than_the_run_is_noted() {
    let room = Room::new();
    let args = [
        "train", "text.txt", "--steps", "20", "--run", "run", "--warmup", "70",
    ];
    let said = stderr(room.elman(&[&args[..], &TINY].concat()).assert().success());
    assert!(
        said.contains("the warm-up of 70 steps is longer than the run of 20: it is cut to 2"),
        "{said}"
    );
    let dry = [&args[..4], &args[6..], &["--dry-run"], &TINY].concat();
    let told = stderr(room.elman(&dry).assert().success());
    assert!(told.contains("it is cut to 2"), "{told}");
}
