//! Files of the user: nothing is deleted that elman did not write, nothing is overwritten unasked, and no input at all.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests may stop, and write where they like"
)]

use crate::common::{Room, TINY, contents};

/// A project that has nothing to do with elman, but the same names.
const PROJECT: [&str; 8] = [
    "project/config.toml",
    "project/model/config.json",
    "project/model/weights.bin",
    "project/state/000000000001.safetensors",
    "project/tokens/tokenizer.json",
    "project/metrics.jsonl",
    "project/report.html",
    "project/notes.txt",
];

fn project(room: &Room) {
    for name in PROJECT {
        room.write(name, format!("[app]\nname = \"{name}\"\n"));
    }
}

#[test]
fn a_directory_of_the_user_is_no_run_whatever_its_files_are_called() {
    let room = Room::new();
    project(&room);
    let before = contents(&room.path("project"));
    let train = ["train", "text.txt", "--run", "project", "--steps", "1"];
    let sweep = ["sweep", "text.txt", "--run", ".", "--hidden", "4,8"];
    let refused = |args: &[&str]| {
        let said = room.fails(1, args);
        assert!(
            said.contains("project does not hold a run of elman"),
            "{said}"
        );
        assert!(contents(&room.path("project")) == before, "{args:?}");
    };
    for more in [
        &[][..],
        &["--force"],
        &["--dry-run"],
        &["--dry-run", "--force"],
    ] {
        refused(&[&train[..], &TINY[..], more].concat());
    }
    // Without its config.toml each of the other files is enough.
    std::fs::remove_file(room.path("project/config.toml")).unwrap();
    for name in &PROJECT[1..7] {
        if *name == "project/model/weights.bin" {
            continue;
        }
        let alone = Room::new();
        alone.write(name, "mine");
        for more in [&[][..], &["--force"]] {
            let said = alone.fails(1, &[&train[..], &TINY[..], more].concat());
            assert!(said.contains(&format!("overwrite {name}")), "{said}");
            assert_eq!(alone.read(name), "mine");
            assert_eq!(contents(&alone.path("project")).len(), 1);
        }
    }
    // A sweep finds it before the first run is trained.
    room.write("hidden=8/model/config.json", "mine");
    let said = room.fails(1, &[&sweep[..], &["--steps", "1"]].concat());
    assert!(said.contains("does not hold a run of elman"), "{said}");
    assert!(!room.path("hidden=4").exists());
}

#[test]
fn standard_input_is_kept_beside_no_file_of_the_user() {
    let room = Room::new();
    room.write("here/stdin.txt", "mine");
    let args = [&["train", "-", "--run", "here", "--steps", "1"], &TINY[..]].concat();
    let assert = room
        .elman(&args)
        .write_stdin(crate::common::story(60))
        .assert()
        .code(1);
    let said = crate::common::stderr(assert);
    assert!(said.contains("overwrite here/stdin.txt"), "{said}");
    assert_eq!(room.read("here/stdin.txt"), "mine");
}

#[test]
fn force_leaves_what_the_user_keeps_in_a_run() {
    let room = Room::new();
    room.train("run", "2", &["--tensorboard"]);
    let mine = [
        "run/model/README.md",
        "run/state/notes.txt",
        "run/tokens/list.txt",
        "run/tensorboard/events.out.tfevents.17.other",
        "run/figures/a.svg",
    ];
    for name in mine {
        room.write(name, name);
    }
    room.train("run", "1", &["--force"]);
    for name in mine {
        assert_eq!(room.read(name), name);
    }
    let events = std::fs::read_dir(room.path("run/tensorboard")).unwrap();
    assert_eq!(events.count(), 1);
    assert_eq!(
        room.json(&["info", "run", "--json"])["checkpoint"]["progress"]["step"],
        1
    );
    // With --force a run may be there, and a dry run leaves it alone.
    let before = contents(&room.path("run"));
    let args = [
        "train",
        "text.txt",
        "--run",
        "run",
        "--steps",
        "5",
        "--force",
        "--dry-run",
    ];
    room.stdout(&[&args[..], &TINY[..]].concat());
    assert!(contents(&room.path("run")) == before);
}

#[test]
fn no_output_replaces_a_file_unasked() {
    let room = Room::new();
    // Two lines of metrics make a curve.
    room.train("run", "20", &[]);
    let states = ["inspect", "states", "run", "other.txt", "--tokens", "40"];
    let commands: [(&[&str], &str); 10] = [
        (&["report", "run", "-o", "page.html"], "page.html"),
        (&["report", "run", "--svg", "figures"], "figures/loss.svg"),
        (
            &[
                "tokenize", "--vocab", "words", "--save", "t.json", "text.txt",
            ],
            "t.json",
        ),
        (
            &["synth", "copy", "--lag", "3", "-n", "5", "-o", "copy.txt"],
            "copy.txt",
        ),
        (&["export", "run", "-o", "lm.onnx"], "lm.onnx"),
        (&["export", "run", "-o", "lm.safetensors"], "lm.safetensors"),
        (
            &["export", "run", "--to", "pytorch", "-o", "torch"],
            "torch/config.json",
        ),
        (&["man", "--out", "man"], "man/elman-train.1"),
        (
            &[&states[..], &["--npy", "arrays"]].concat(),
            "arrays/h_l0.npy",
        ),
        (
            &[&states[..], &["--safetensors", "s.safetensors"]].concat(),
            "s.safetensors",
        ),
    ];
    for (args, file) in commands {
        room.stdout(args);
        let written = std::fs::read(room.path(file)).unwrap();
        assert!(written.len() > 10, "{file}");
        // A model is known by its configuration, everything else is anybody's.
        let mine = match file {
            "torch/config.json" => "{\"elman\": \"mine\"}",
            _ => "mine",
        };
        room.write(file, mine);
        let said = room.fails(1, args);
        let named = said.contains("--force") && said.contains(file.split('/').next().unwrap());
        assert!(named, "{args:?}: {said}");
        assert_eq!(room.read(file), mine, "{args:?}");
        room.stdout(&[args, &["--force"]].concat());
        assert_eq!(std::fs::read(room.path(file)).unwrap(), written, "{args:?}");
    }
    // The page in its directory belongs to the run.
    room.stdout(&["report", "run"]);
}

#[test]
fn no_output_replaces_what_is_read() {
    let room = Room::new();
    room.train("run", "2", &[]);
    room.stdout(&["export", "run", "--to", "pytorch", "-o", "torch"]);
    room.write("foreign/config.json", "{\"architectures\": []}");
    let before = contents(&room.path("run"));
    let states = ["inspect", "states", "run", "other.txt", "--safetensors"];
    let commands: [&[&str]; 9] = [
        &["report", "run", "-o", "run/metrics.jsonl"],
        &[
            "tokenize", "--vocab", "words", "--save", "text.txt", "text.txt",
        ],
        &[
            "export",
            "run",
            "--to",
            "safetensors",
            "-o",
            "run/model/model.safetensors",
        ],
        &["export", "torch", "--to", "pytorch", "-o", "torch"],
        &["export", "torch", "--to", "pytorch", "-o", "run/model"],
        &["export", "torch", "--to", "pytorch", "-o", "foreign"],
        &[
            "import",
            "torch/model.safetensors",
            "--vocab-from",
            "run",
            "-o",
            "torch",
        ],
        &[&states[..], &["run/model/config.json"]].concat(),
        &[&states[..], &["other.txt"]].concat(),
    ];
    let text = room.read("text.txt");
    let torch = contents(&room.path("torch"));
    for args in commands {
        room.fails(1, &[args, &["--force"]].concat());
        assert!(contents(&room.path("run")) == before, "{args:?}");
        assert!(contents(&room.path("torch")) == torch, "{args:?}");
        assert_eq!(room.read("text.txt"), text, "{args:?}");
    }
    assert_eq!(room.read("foreign/config.json"), "{\"architectures\": []}");
}

#[test]
fn a_laboratory_is_founded_in_a_directory_of_its_own() {
    let room = Room::new();
    room.write("mine/train.txt", "mine");
    let said = room.fails(1, &["lab", "--quick", "-o", "mine"]);
    assert!(
        said.contains("mine holds other things than a laboratory"),
        "{said}"
    );
    assert_eq!(contents(&room.path("mine")).len(), 1);
    room.train("run", "1", &[]);
    let before = contents(&room.path("run"));
    room.fails(1, &["lab", "--quick", "-o", "run"]);
    assert!(contents(&room.path("run")) == before);
}
