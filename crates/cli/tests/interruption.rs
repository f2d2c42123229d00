//! Being asked to stop: the run is saved, and goes on as if nothing had been.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests may stop")]

use crate::common::{Room, TINY};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

const LONG: [&str; 8] = [
    "train",
    "text.txt",
    "--run",
    "run",
    "--steps",
    "1000000",
    "--valid-every",
    "1000000",
];

/// A long run that has done some steps already.
fn running(room: &Room, before: &[&str]) -> (Child, BufReader<std::process::ChildStdout>) {
    let binary = assert_cmd::cargo::cargo_bin!("elman");
    let line: Vec<_> = undo_ignoring()
        .iter()
        .chain(before)
        .map(std::ffi::OsStr::new)
        .chain([binary.as_os_str()])
        .collect();
    let mut child = Command::new(line[0])
        .args(&line[1..])
        .args(LONG)
        .args(TINY)
        .arg("--json")
        .current_dir(room.path(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains(r#""step":5,"#) {
        line.clear();
        assert!(
            out.read_line(&mut line).unwrap() > 0,
            "the run ended too early"
        );
    }
    (child, out)
}

/// A shell that starts these tests in the background may have told them to ignore Ctrl-C, which programs inherit, and which
/// elman respects. The runs here must not.
fn undo_ignoring() -> &'static [&'static str] {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|l| l.strip_prefix("SigIgn:"));
    let ignored = mask.map_or(0, |m| u64::from_str_radix(m.trim(), 16).unwrap());
    match ignored & (1 << (15 - 1) | 1 << (2 - 1) | 1) {
        0 => &[],
        _ => &["env", "--default-signal=INT,TERM,HUP"], // Linux: nowhere else is there a mask
    }
}

fn signal(child: &Child, name: &str) {
    Command::new("kill")
        .args([name, &child.id().to_string()])
        .status()
        .unwrap();
}

/// The last event that a stopped run reports.
fn last_event(out: BufReader<std::process::ChildStdout>) -> serde_json::Value {
    let last = out.lines().map(Result::unwrap).last().unwrap();
    serde_json::from_str(&last).unwrap()
}

/// Goes on with the run until it has done `steps` steps.
fn resume(room: &Room, steps: u64) {
    let steps = steps.to_string();
    let run = ["train", "--resume", "run", "--threads", "1", "--steps"];
    room.elman(&[&run[..], &[&steps]].concat())
        .assert()
        .success();
}

#[test]
fn ctrl_c_and_sigterm_save_and_end_with_the_code_of_the_signal() {
    for (name, code) in [("-INT", 130), ("-TERM", 143)] {
        let room = Room::new();
        let (mut child, out) = running(&room, &[]);
        signal(&child, name);
        let end = last_event(out);
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert_eq!(end["ending"], "stopped");
        let step = end["step"].as_u64().unwrap();
        assert!(step >= 5);

        resume(&room, step + 3);
        let progress = room.json(&["info", "run", "--json"])["checkpoint"]["progress"].clone();
        assert_eq!(progress["step"], step + 3);
    }
}

#[test]
fn a_second_signal_ends_at_once_and_the_last_checkpoint_serves() {
    let room = Room::new();
    let (mut child, out) = running(&room, &[]);
    // Both arrive before the process can act on either.
    for name in ["-STOP", "-INT", "-TERM", "-CONT"] {
        signal(&child, name);
    }
    drop(out);
    let code = child.wait().unwrap().code();
    assert!([Some(130), Some(143)].contains(&code), "{code:?}");
    let step = room.json(&["info", "run", "--json"])["checkpoint"]["progress"]["step"]
        .as_u64()
        .unwrap();
    resume(&room, step + 2);
}

#[test]
fn a_run_under_nohup_ignores_the_hangup() {
    let room = Room::new();
    let (mut child, out) = running(&room, &["nohup"]);
    signal(&child, "-HUP");
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none(), "it must go on");
    signal(&child, "-TERM");
    assert_eq!(last_event(out)["ending"], "stopped");
    assert_eq!(child.wait().unwrap().code(), Some(143));
}
