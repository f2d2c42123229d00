//! `elman score --shard`: several processes share a corpus, and nothing that was finished is done again.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests change the files that the command finds again, and may stop"
)]

use crate::common::{Room, stderr, story};
use std::process::{Command, Stdio};
use std::time::Duration;

/// With a small model, and `corpus.txt` of this number of lines.
fn room(lines: usize) -> Room {
    let room = Room::new();
    room.write("small.arpa", include_str!("score/small.arpa"));
    room.write("corpus.txt", story(lines));
    room
}

fn shard(which: &str) -> Vec<&str> {
    let args = [
        "score",
        "small.arpa",
        "corpus.txt",
        "other.txt",
        "-o",
        "out",
        "--shard",
        which,
    ];
    args.to_vec()
}

#[test]
fn outputs_of_shards_in_order_are_the_output_of_one_process() {
    let room = room(50);
    for (format, ending) in [("tsv", "tsv"), ("plain", "txt"), ("jsonl", "jsonl")] {
        let whole = room.stdout(&[
            "score",
            "small.arpa",
            "corpus.txt",
            "other.txt",
            "-f",
            format,
        ]);
        let mut joined = String::new();
        for i in 1..=7 {
            let which = format!("{i}/7");
            let directory = format!("out-{format}");
            let args = [
                "score",
                "small.arpa",
                "corpus.txt",
                "other.txt",
                "-f",
                format,
                "-o",
                &directory,
                "--shard",
                &which,
                "--part-lines",
                "3",
            ];
            assert_eq!(room.stdout(&args), "");
            joined += &room.read(&format!("{directory}/0000{i}-of-00007.{ending}"));
            assert!(
                !room
                    .path(&format!("{directory}/0000{i}-of-00007.parts"))
                    .exists()
            );
        }
        assert_eq!(joined, whole, "{format}");
    }
    // Shards without a line are finished too.
    room.write("one.txt", "the king\n");
    for which in ["1/3", "2/3", "3/3"] {
        room.stdout(&[
            "score",
            "small.arpa",
            "one.txt",
            "-o",
            "one",
            "--shard",
            which,
        ]);
    }
    assert_eq!(room.read("one/00001-of-00003.tsv").lines().count(), 2);
    assert_eq!(room.read("one/00003-of-00003.tsv"), "");
}

#[test]
fn a_finished_shard_is_skipped_and_other_work_is_refused() {
    let room = room(50);
    room.stdout(&shard("2/3"));
    let output = "out/00002-of-00003.tsv";
    // What is there is not written again.
    room.write(output, "mine\n");
    let run = room.elman(&shard("2/3")).assert().success();
    assert!(stderr(run).contains("shard 2/3 is finished: out/00002-of-00003.tsv"));
    assert_eq!(room.read(output), "mine\n");
    for (more, said) in [
        (&["--no-end"][..], "was made with other options"),
        (&["--mix", "cache:5:0.1"], "was made with another model"),
        (&["text.txt"], "was made with other texts"),
    ] {
        let error = room.fails(1, &[&shard("2/3"), more].concat());
        assert!(error.contains(said), "{error}");
    }
    for (which, said) in [
        ("0/3", "counted from 1"),
        ("4/3", "such as 3/12"),
        ("x", "such as 3/12"),
    ] {
        let error = room.fails(2, &shard(which));
        assert!(error.contains(said), "{error}");
    }
    let error = room.fails(
        2,
        &["score", "small.arpa", "-", "-o", "out", "--shard", "1/2"],
    );
    assert!(error.contains("name files"), "{error}");
}

#[test]
fn a_killed_shard_repeats_nothing_that_was_finished() {
    let room = room(60_000);
    let whole = room.stdout(&["score", "small.arpa", "corpus.txt", "other.txt"]);
    let args = [&shard("1/1")[..], &["--part-lines", "500"]].concat();
    let part = room.path("out/00001-of-00001.parts/000001.json");
    let mut killed = Command::new(assert_cmd::cargo::cargo_bin!("elman"))
        .current_dir(room.path(""))
        .args(&args)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !part.exists() && killed.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(part.exists() && !room.path("out/00001-of-00001.done").exists());
    // The rows of a finished part are taken as they are, marked or not.
    let rows = "out/00001-of-00001.parts/000001.rows";
    let marked = room.read(rows).replace('\t', " ");
    room.write(rows, &marked);
    let run = room.elman(&args).assert().success();
    assert!(stderr(run).contains("continuing after"));
    let output = room.read("out/00001-of-00001.tsv");
    assert!(output.contains(&marked));
    assert_eq!(output.replace('\t', " "), whole.replace('\t', " "));
    // The sums have the bits of a process that was not killed.
    let again = args
        .iter()
        .map(|arg| if *arg == "out" { "again" } else { arg });
    room.stdout(&again.collect::<Vec<_>>());
    let marker = |directory: &str| room.read(&format!("{directory}/00001-of-00001.done"));
    assert_eq!(marker("out"), marker("again"));
}

#[test]
fn a_marker_without_its_output_is_not_enough() {
    let room = room(50);
    room.stdout(&shard("2/3"));
    let (output, parts) = ("out/00002-of-00003.tsv", "out/00002-of-00003.parts");
    let whole = room.read(output);
    std::fs::remove_file(room.path(output)).unwrap();
    room.stdout(&shard("2/3"));
    assert_eq!(room.read(output), whole);
    // What a process left that was killed while it cleared up.
    room.write(&format!("{parts}/000000.rows"), "1\n");
    room.write(&format!("{parts}/task.json"), "{}");
    let run = room.elman(&shard("2/3")).assert().success();
    assert!(stderr(run).contains("is finished"));
    assert!(!room.path(parts).exists());
}

#[test]
fn a_file_of_the_user_is_replaced_only_by_force() {
    let room = room(50);
    let output = "out/00002-of-00003.tsv";
    room.write(output, "mine\n");
    let error = room.fails(1, &shard("2/3"));
    assert!(error.contains("--force"), "{error}");
    assert_eq!(room.read(output), "mine\n");
    assert!(!room.path("out/00002-of-00003.parts").exists());
    room.stdout(&[&shard("2/3")[..], &["--force"]].concat());
    assert_ne!(room.read(output), "mine\n");
}
