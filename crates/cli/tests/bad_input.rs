//! What is wrong in the world: a clear error, exit code 1, nothing lost.

use crate::common::{Room, TINY, contents, story};
use std::io::Read;
use std::path::PathBuf;
use std::process::Stdio;

/// Training on `text` must fail with all of `parts` in the message, and leave no run behind.
#[track_caller]
fn refused(room: &Room, text: &str, parts: &[&str]) {
    let said = room.fails(
        1,
        &[&["train", text, "--run", "run", "--steps", "1"], &TINY[..]].concat(),
    );
    for part in parts {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!room.path("run").exists(), "nothing of it is left");
}

#[test]
fn files_that_are_no_text() {
    let room = Room::new();
    room.write("empty.txt", "");
    room.write("bom.txt", "\u{feff}");
    room.write("latin1.txt", b"caf\xe9 and more\n");
    room.write("directory/file", "x");
    room.write("cut.gz", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x01");
    refused(&room, "empty.txt", &["empty.txt", "empty"]);
    refused(&room, "bom.txt", &["too short"]);
    refused(&room, "absent.txt", &["absent.txt", "no such file"]);
    refused(&room, "directory", &["directory", "is a directory"]);
    refused(&room, "latin1.txt", &["latin1.txt", "byte 3", "--lossy"]);
    refused(&room, "cut.gz", &["cut.gz", "gzip"]);
    for text in ["empty.txt", "absent.txt", "directory", "latin1.txt"] {
        room.fails(
            1,
            &["tokenize", "--vocab", "words", "--save", "t.json", text],
        );
    }
    assert!(!room.path("t.json").exists());
}

#[test]
fn texts_that_are_read_all_the_same() {
    let room = Room::new();
    let odd = [
        (
            "latin1.txt",
            [story(40).as_bytes(), b"caf\xe9\n"].concat(),
            "U+FFFD",
        ),
        (
            "bom.txt",
            [&b"\xef\xbb\xbf"[..], story(40).as_bytes()].concat(),
            "byte order mark",
        ),
        (
            "crlf.txt",
            story(40).replace('\n', "\r\n").into_bytes(),
            "CR LF",
        ),
        ("nul.txt", [story(40).as_bytes(), b"\0\0\n"].concat(), ""),
        (
            "no-newline.txt",
            story(40).trim_end().as_bytes().to_vec(),
            "",
        ),
    ];
    for (name, bytes, note) in odd {
        room.write(name, bytes);
        let args = [
            &[
                "train",
                name,
                "--valid",
                "other.txt",
                "--run",
                name.trim_end_matches(".txt"),
                "--steps",
                "1",
                "--lossy",
            ],
            &TINY[..],
        ]
        .concat();
        let assert = room.elman(&args).assert().success();
        let said = String::from_utf8_lossy(&assert.get_output().stderr);
        assert!(said.contains(note), "{name}: {said}");
    }
    // Kind bytes takes anything.
    let args = [
        &[
            "train",
            "latin1.txt",
            "--vocab",
            "bytes",
            "--run",
            "bytes",
            "--steps",
            "1",
        ],
        &TINY[..],
    ]
    .concat();
    room.elman(&args).assert().success();
}

#[test]
fn a_text_that_vanishes_does_not_hurt_a_run() {
    let room = Room::new();
    room.train("run", "3", &[]);
    std::fs::remove_file(room.path("text.txt")).unwrap();
    room.elman(&["train", "--resume", "run", "--steps", "5", "--threads", "1"])
        .assert()
        .success();
    room.fails(1, &["eval", "run", "text.txt"]);
}

#[test]
fn an_existing_run_is_never_overwritten_unasked() {
    let room = Room::new();
    room.train("run", "2", &[]);
    room.write("run/my-notes.txt", "mine");
    let before = contents(&room.path("run"));
    let again = [
        &["train", "text.txt", "--run", "run", "--steps", "1"],
        &TINY[..],
    ]
    .concat();
    let said = room.fails(1, &again);
    assert!(
        said.contains("--resume run") && said.contains("--force"),
        "{said}"
    );
    assert_eq!(contents(&room.path("run")), before);

    let assert = room
        .elman(&[&again[..], &["--force"]].concat())
        .assert()
        .success();
    let said = String::from_utf8_lossy(&assert.get_output().stderr);
    assert!(
        said.contains(
            "replaced the run in run: deleted its config.toml, state, metrics.jsonl, model, tokens"
        ),
        "{said}"
    );
    assert_eq!(
        room.json(&["info", "run", "--json"])["checkpoint"]["progress"]["step"],
        1
    );
    assert_eq!(room.read("run/my-notes.txt"), "mine");
}

#[test]
fn force_deletes_nothing_before_the_new_run_is_sure_of_its_inputs() {
    let room = Room::new();
    room.train("run", "2", &[]);
    let before = contents(&room.path("run"));
    let forced = |text: &str, more: &[&str]| {
        let args = [&["train", text, "--run", "run", "--force"], more].concat();
        room.fails(1, &args)
    };
    assert!(forced("absent.txt", &[]).contains("no such file"));
    let itself = room.fails(2, &["train", "run", "-o", "run", "--force"]);
    assert!(
        itself.contains("`elman train --resume run` continues it"),
        "{itself}"
    );
    assert!(forced("text.txt", &["--valid", "absent.txt"]).contains("no such file"));
    assert!(forced("text.txt", &["--vocab-file", "absent.json"]).contains("no such file"));
    for option in ["--init-from", "--vocab-from"] {
        assert!(forced("text.txt", &[option, "run"]).contains("--force would delete"));
        assert!(forced("text.txt", &[option, "absent"]).contains("absent"));
    }
    assert!(forced("run/metrics.jsonl", &[]).contains("--force would delete"));
    // What is found only when the text has been read: the old run is put back.
    assert!(forced("text.txt", &["--memory", "1000"]).contains("training needs"));
    // But for the lock, which names the last process.
    let same = |files: Vec<_>| -> Vec<_> {
        let locked = |(path, _): &(PathBuf, _)| path.ends_with("lock");
        files.into_iter().filter(|file| !locked(file)).collect()
    };
    assert!(same(contents(&room.path("run"))) == same(before));
}

#[test]
fn what_was_meant_is_printed_as_a_command() {
    let room = Room::new();
    room.train("run", "1", &[]);
    room.stdout(&["ngram", "train", "text.txt", "-o", "lm.bin"]);
    for (args, meant) in [
        (
            &["eval", "--json", "text.txt", "run"][..],
            "elman eval --json run text.txt",
        ),
        (
            &["score", "text.txt", "lm.bin"],
            "elman score lm.bin text.txt",
        ),
        (
            &["surprisal", "text.txt", "run"],
            "elman surprisal run text.txt",
        ),
        (
            &["rescore", "text.txt", "run"],
            "elman rescore run text.txt",
        ),
        (
            &["compress", "text.txt", "run"],
            "elman compress run text.txt",
        ),
        (
            &["finetune", "text.txt", "run"],
            "elman finetune run text.txt",
        ),
        (
            &["inspect", "gradients", "text.txt", "run"],
            "elman inspect gradients run text.txt",
        ),
        (
            &["generate", "run", "In", "the beginning"],
            "elman generate run --prompt 'In the beginning'",
        ),
        (&["train", "run"], "elman train --resume run"),
        (
            &["sweep", "run", "--lr", "0.1,0.2"],
            "elman train --resume run",
        ),
    ] {
        let output = room.elman(args).assert().failure();
        let said = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        assert!(said.contains(meant), "{args:?}: {said}");
    }
    for (args, said) in [
        (
            &["inspect", "states", "lm.bin", "text.txt"][..],
            "lm.bin: an n-gram model, and a network is needed here",
        ),
        (
            &["report", "lm.bin"],
            "it is a file, and a run is the directory",
        ),
    ] {
        let error = room.fails(1, args);
        assert!(error.contains(said), "{args:?}: {error}");
    }
    let error = room.fails(2, &["train", "lm.bin"]);
    assert!(
        error.contains("lm.bin is an n-gram model, not a text"),
        "{error}"
    );
}

#[test]
fn a_text_that_says_nothing_is_noted() {
    let room = Room::new();
    room.write("one.txt", "word\n".repeat(300));
    let notes = |args: &[&str]| {
        let output = room
            .elman(&[&["train", "--dry-run"], args].concat())
            .assert()
            .success();
        String::from_utf8_lossy(&output.get_output().stderr).into_owned()
    };
    assert!(notes(&["one.txt"]).contains("only one kind of token"));
    let same = notes(&["text.txt", "--valid", "text.txt"]);
    assert!(
        same.contains("the validation text is the training text"),
        "{same}"
    );
    let among = notes(&["text.txt", "one.txt", "--valid", "one.txt"]);
    assert!(
        among.contains("one.txt is both a training text and a validation text"),
        "{among}"
    );
    assert!(!notes(&["text.txt", "--valid", "one.txt"]).contains("training text"));
}

#[test]
fn what_is_no_run_or_model_is_named() {
    let room = Room::new();
    room.train("run", "1", &[]);
    room.write("plain/file.txt", "x");
    for (args, part) in [
        (&["train", "--resume", "absent"][..], "absent"),
        (&["train", "--resume", "plain"], "plain"),
        (&["eval", "absent", "other.txt"], "absent"),
        (&["eval", "plain", "other.txt"], "plain"),
        (&["eval", "text.txt", "other.txt"], "text.txt"),
        (&["generate", "run/model/config.json"], "directory"),
        (&["info", "absent"], "absent"),
        (&["info", "text.txt"], "text.txt"),
        (&["info", "plain"], "plain"),
        (&["tokenize", "other.txt", "text.txt"], "other.txt"),
        (&["train", "text.txt", "--vocab-from", "plain"], "plain"),
        (&["train", "text.txt", "--init-from", "absent"], "absent"),
        (
            &["train", "text.txt", "--vocab-file", "absent.json"],
            "absent.json",
        ),
    ] {
        let said = room.fails(1, args);
        assert!(said.contains(part), "{args:?}: {said}");
    }
}

#[test]
fn a_damaged_model_is_refused() {
    let room = Room::new();
    room.train("run", "1", &[]);
    room.train("chars", "1", &["--vocab", "chars"]);
    // The vocabulary of another model.
    std::fs::remove_file(room.path("run/model/tokenizer.json")).unwrap();
    room.fails(1, &["eval", "run", "other.txt"]);
    let foreign = room.read("chars/model/tokenizer.json");
    room.write("run/model/tokenizer.json", foreign);
    room.fails(1, &["generate", "run"]);
    // A flipped byte in the weights.
    let weights = room.path("chars/model/model.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    room.write("chars/model/model.safetensors", bytes);
    let said = room.fails(1, &["eval", "chars", "other.txt"]);
    assert!(said.contains("model.safetensors"), "{said}");
}

#[test]
fn a_damaged_checkpoint_costs_no_run() {
    let room = Room::new();
    room.train("run", "6", &[]);
    let mut states: Vec<_> = std::fs::read_dir(room.path("run/state"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    states.sort();
    let newest = states.last().unwrap();
    let mut bytes = std::fs::read(newest).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let name = newest.file_name().unwrap().to_str().unwrap();
    room.write(&format!("run/state/{name}"), bytes);
    let assert = room
        .elman(&["train", "--resume", "run", "--steps", "8", "--threads", "1"])
        .assert()
        .success();
    let said = String::from_utf8_lossy(&assert.get_output().stderr);
    assert!(
        said.contains("note: ") && said.contains("checksum"),
        "{said}"
    );
    assert_eq!(
        room.json(&["info", "run", "--json"])["checkpoint"]["progress"]["step"],
        8
    );
}

#[test]
fn ids_outside_the_vocabulary_are_refused_with_their_line() {
    let room = Room::new();
    room.elman(&[
        "tokenize", "--vocab", "bytes", "--save", "t.json", "text.txt",
    ])
    .assert()
    .success();
    for ids in ["257\n", "72 105\nx\n"] {
        let assert = room
            .elman(&["tokenize", "t.json", "--decode"])
            .write_stdin(ids)
            .assert()
            .code(1);
        let said = String::from_utf8_lossy(&assert.get_output().stderr);
        assert!(
            said.contains("not an id below 257") && said.contains("line "),
            "{said}"
        );
    }
}

#[test]
fn too_little_memory_is_said_before_training() {
    let room = Room::new();
    let said = room.fails(
        1,
        &[
            "train", "text.txt", "--memory", "1KiB", "--run", "run", "--steps", "1",
        ],
    );
    assert!(said.contains("MiB"), "{said}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let room = Room::new();
    room.train("run", "1", &[]);
    let binary = assert_cmd::cargo::cargo_bin!("elman");
    for args in [
        &["generate", "run", "-n", "100000", "--ignore-eos"][..],
        &["tokenize", "run", "text.txt", "--ids"],
        &["eval", "run", "other.txt"],
        &["info", "run"],
        &["train", "--help"],
        &["completions", "bash"],
        &["man"],
        &[
            "train", "text.txt", "--json", "--steps", "100000", "--hidden", "8", "--run", "long",
        ],
    ] {
        let mut child = std::process::Command::new(binary)
            .args(args)
            .current_dir(room.path(""))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // One byte, and the pipe is closed.
        let mut stdout = child.stdout.take().unwrap();
        let _ = stdout.read(&mut [0]).unwrap();
        drop(stdout);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {said}");
        assert!(
            !said.contains("error") && !said.contains("panicked"),
            "{args:?}: {said}"
        );
    }
}

#[test]
fn more_threads_than_a_system_starts_are_refused_by_every_command() {
    let room = Room::new();
    for args in [
        &["train", "text.txt"][..],
        &["eval", "run", "text.txt"],
        &["generate", "run"],
        &["compare", "run", "text.txt"],
        &["inspect", "gradients", "run", "text.txt"],
        &["ngram", "train", "text.txt", "-o", "k.bin"],
        &["bench"],
    ] {
        let said = room.fails(2, &[args, &["--threads", "65535"]].concat());
        assert!(said.contains("1..=1024"), "{args:?}: {said}");
    }
}
