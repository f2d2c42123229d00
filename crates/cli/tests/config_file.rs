//! Choices in a file: under the flags, over the defaults, and never guessed at.

mod common;
use common::Room;
use serde_json::Value;

const TINY_FILE: &str = "hidden = 8\nlanes = 2\nbptt = 5\nsteps = 2\n";

fn config(room: &Room, run: &str) -> Value {
    room.json(&["info", run, "--json"])["record"]["config"].clone()
}

#[test]
fn flags_come_before_the_file_and_the_file_before_defaults() {
    let room = Room::new();
    room.write(
        "tiny.toml",
        format!("{TINY_FILE}lr = 0.5\nclip = \"none\"\nmax-vocab = \"all\"\ntied = false\n"),
    );
    let args = [
        "train",
        "text.txt",
        "--config",
        "tiny.toml",
        "--lr",
        "0.25",
        "--run",
        "run",
    ];
    room.elman(&args).assert().success();
    let config = config(&room, "run");
    assert_eq!(config["lr"], 0.25);
    assert_eq!(config["hidden"], 8);
    assert_eq!(config["clip"], Value::Null);
    assert_eq!(config["max-vocab"], Value::Null);
    assert_eq!(config["tied"], false);
    assert_eq!(config["steps"], 2);
    assert_eq!(config["epochs"], Value::Null);
    assert_eq!(config["beta1"], 0.9);
}

#[test]
fn the_config_of_a_run_makes_the_same_run() {
    let room = Room::new();
    room.write("tiny.toml", format!("{TINY_FILE}clip = \"none\"\n"));
    room.elman(&["train", "text.txt", "--config", "tiny.toml", "--run", "one"])
        .assert()
        .success();
    room.elman(&[
        "train",
        "text.txt",
        "--config",
        "one/config.toml",
        "--run",
        "two",
    ])
    .assert()
    .success();
    assert_eq!(config(&room, "one"), config(&room, "two"));
    let hash = |run: &str| room.json(&["info", run, "--json"])["checkpoint"]["hash"].clone();
    assert_eq!(hash("one"), hash("two"));
}

#[test]
fn mistakes_in_a_file_are_named_with_their_line() {
    let room = Room::new();
    for (text, parts) in [
        ("lr = 0.1\nhiden = 8\n", ["line 2", "hiden"]),
        ("hidden = 'many'\n", ["line 1", "hidden"]),
        ("cell = 'rnn'\n", ["line 1", "rnn"]),
        ("hidden = \n", ["line 1", "not a configuration"]),
    ] {
        room.write("bad.toml", text);
        let said = room.fails(1, &["train", "text.txt", "--config", "bad.toml"]);
        for part in parts {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
    assert!(
        room.fails(1, &["train", "text.txt", "--config", "absent.toml"])
            .contains("absent.toml")
    );
    room.write("two.toml", "steps = 1\nminutes = 1\n");
    room.fails(2, &["train", "text.txt", "--config", "two.toml"]);
    assert!(!room.path("runs").exists());
}
