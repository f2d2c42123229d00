//! `elman sweep`: a run for each combination of values, and a table that ranks them.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests may stop, and write where they like"
)]

use crate::common::{Room, stderr};
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

const SWEEP: [&str; 6] = ["sweep", "text.txt", "--lr", "0.01,0.02", "--steps", "4"];

fn sweep(more: &[&str]) -> Vec<String> {
    let all = SWEEP.iter().chain(&crate::common::TINY).chain(more);
    all.map(|arg| (*arg).to_owned()).collect()
}

#[test]
fn a_sweep_trains_every_combination_once() {
    let room = Room::new();
    let run = |more: &[&str]| {
        let args = sweep(more);
        room.elman(&args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let stdout = |more: &[&str]| {
        let assert = run(more).assert().success();
        String::from_utf8(assert.get_output().stdout.clone()).unwrap()
    };
    let cells = ["--cell", "gru,elman"];
    let plan = stdout(&[&cells[..], &["--dry-run"]].concat());
    assert_eq!(plan.matches("new").count(), 4, "{plan}");
    assert!(plan.contains("runs/text-sweep/cell=gru,lr=0.01"), "{plan}");
    assert!(!room.path("runs").exists());

    let table = stdout(&cells);
    assert_eq!(table.matches("finished").count(), 4, "{table}");
    assert!(table.contains("cell=elman lr=0.02"), "{table}");
    let all = stdout(&[&cells[..], &["--json"]].concat());
    let all: serde_json::Value = serde_json::from_str(&all).unwrap();
    let losses: Vec<f64> = (0..4)
        .map(|i| all[i]["valid_loss_nats"].as_f64().unwrap())
        .collect();
    assert!(losses.is_sorted(), "the best first: {losses:?}");

    // What has ended is kept, what was interrupted goes on.
    let one = "runs/text-sweep/cell=gru,lr=0.01/metrics.jsonl";
    let cut: Vec<String> = room
        .read(one)
        .lines()
        .take(1)
        .map(|line| format!("{line}\n"))
        .collect();
    room.write(one, cut.concat());
    let said = stderr(run(&cells).assert().success());
    assert_eq!(said.matches("is there already").count(), 3, "{said}");
    assert_eq!(said.matches(", continues").count(), 1, "{said}");

    // The same names with other choices are not the same runs.
    let other = run(&[&cells[..], &["--seed", "7"]].concat())
        .assert()
        .code(1);
    let said = stderr(other);
    assert!(
        said.contains("seed = 1, not 7") && said.contains(" -o"),
        "{said}"
    );
}

#[test]
fn a_sweep_reads_all_its_texts_and_goes_on_with_the_same_files_only() {
    let room = Room::new();
    let run = |more: &[&str]| {
        let args = sweep(more);
        let assert = room
            .elman(&args.iter().map(String::as_str).collect::<Vec<_>>())
            .assert();
        let code = assert.get_output().status.code();
        (code, stderr(assert))
    };
    let corpus = ["--corpus", "other.txt:2"];
    assert_eq!(run(&corpus).0, Some(0));
    let record = room.read("runs/text-sweep/lr=0.01/config.toml");
    assert!(
        record.contains(r#"train = ["text.txt", "other.txt"]"#),
        "{record}"
    );
    assert!(record.contains("corpus-weights = [1.0, 2.0]"), "{record}");
    let (code, said) = run(&corpus);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.matches("is there already").count(), 2, "{said}");
    for (more, differs) in [
        (&["--valid", "other.txt"][..], "valid = none, not other.txt"),
        (&["--vocab", "chars"], "vocab = words, not chars"),
    ] {
        let (code, said) = run(&[&corpus[..], more].concat());
        assert!(code == Some(1) && said.contains(differs), "{said}");
    }
    let (code, said) = run(&["--corpus", "text.txt:2"]);
    let differs = "text = text.txt other.txt, not text.txt text.txt";
    assert!(code == Some(1) && said.contains(differs), "{said}");
}

#[test]
fn sweeps_take_turns() {
    let room = Room::new();
    std::fs::create_dir_all(room.path("elman/sweep")).unwrap();
    let lock = elman::store::Lock::acquire(&room.path("elman/sweep")).unwrap();
    let args = sweep(&[]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let said = room.fails(1, &args);
    assert!(
        said.contains("another sweep") && said.contains("--wait"),
        "{said}"
    );
    assert!(!room.path("runs").exists());
    // It begins when it pleases: the lock is held until it has said that it waits.
    let mut waiting = std::process::Command::new(assert_cmd::cargo::cargo_bin!("elman"))
        .current_dir(room.path(""))
        .env("XDG_RUNTIME_DIR", room.path(""))
        .env("XDG_CACHE_HOME", room.path("cache"))
        .args([&args[..], &["--wait"]].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(waiting.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert!(line.contains("waiting for another sweep"), "{line}");
    assert!(!room.path("runs").exists());
    drop(lock);
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert!(waiting.wait().unwrap().success(), "{rest}");
    assert!(rest.contains("run 1 of 2"), "{rest}");
}

#[test]
fn a_sweep_ranks_only_runs_that_predict_the_same() {
    let room = Room::new();
    let kinds = sweep(&["--vocab", "words,chars"]);
    let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
    let found = room
        .elman(&[&kinds[..], &["--json"]].concat())
        .assert()
        .success();
    let rows: serde_json::Value = serde_json::from_slice(&found.get_output().stdout).unwrap();
    let said = stderr(found);
    assert!(
        said.contains("note: these runs have different vocabularies"),
        "{said}"
    );
    let column =
        |name: &str| -> Vec<serde_json::Value> { (0..4).map(|i| rows[i][name].clone()).collect() };
    let (vocabularies, losses) = (column("vocabulary"), column("valid_loss_nats"));
    assert_eq!(vocabularies[0], vocabularies[1]);
    assert_eq!(vocabularies[2], vocabularies[3]);
    assert_ne!(vocabularies[0], vocabularies[2]);
    for pair in losses.chunks(2) {
        assert!(pair[0].as_f64() <= pair[1].as_f64(), "{losses:?}");
    }
    let list = stderr(room.elman(&["runs"]).assert().success());
    assert!(list.contains("different vocabularies"), "{list}");
    // The same words in the same text, cut at the same places.
    let sizes = sweep(&["--embed", "4,8", "--run", "runs/sizes"]);
    let sizes: Vec<&str> = sizes.iter().map(String::as_str).collect();
    let said = stderr(room.elman(&sizes).assert().success());
    assert!(!said.contains("note: these runs"), "{said}");
}
