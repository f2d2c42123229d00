//! `elman sweep --task`: several processes share a sweep, any of them may be killed, and the results are those of one process.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests may stop, and write where they like"
)]

use crate::common::{Room, TINY, stderr};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const RESULTS: &str = "sweep/results.csv";

/// A sweep of six runs in the directory `output`.
fn sweep<'a>(output: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let sweep = [
        "sweep",
        "text.txt",
        "--lr",
        "0.01,0.02,0.03",
        "--cell",
        "gru,elman",
        "--steps",
        "60",
        "--valid-every",
        "20",
        "-o",
        output,
    ];
    [&sweep[..], &TINY, more].concat()
}

/// What one process finds.
fn sequential(room: &Room) -> String {
    room.stdout(&sweep("one", &[]));
    room.read(&format!("one/{RESULTS}"))
}

fn spawn(room: &Room, args: &[&str]) -> Child {
    Command::new(assert_cmd::cargo::cargo_bin!("elman"))
        .current_dir(room.path(""))
        .env("XDG_RUNTIME_DIR", room.path(""))
        .env("XDG_CACHE_HOME", room.path("cache"))
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn done(room: &Room, output: &str) -> usize {
    let tasks = std::fs::read_dir(room.path(&format!("{output}/sweep/tasks")));
    let tasks = tasks.into_iter().flatten().flatten();
    tasks
        .filter(|task| task.path().join("done.json").exists())
        .count()
}

#[test]
fn tasks_find_what_one_process_finds() {
    let room = Room::new();
    let expected = sequential(&room);
    assert_eq!(expected.lines().count(), 7, "{expected}");
    assert!(
        !expected.contains("one/") && !expected.contains("seconds"),
        "{expected}"
    );

    let collect = || {
        let assert = room
            .elman(&sweep("many", &["--collect"]))
            .assert()
            .success();
        let table = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
        (table, stderr(assert))
    };
    let (_, said) = collect();
    assert!(said.contains("6 combinations: 6 new"), "{said}");
    let (mut first, mut second) = (
        spawn(&room, &sweep("many", &["--task", "1/2"])),
        spawn(&room, &sweep("many", &["--task", "2/2"])),
    );
    // While they work.
    let (_, said) = collect();
    assert!(said.contains("6 combinations: "), "{said}");
    assert!(first.wait().unwrap().success() && second.wait().unwrap().success());
    let (table, said) = collect();
    assert_eq!(table.matches("finished").count(), 6, "{table}");
    assert!(said.contains("6 combinations: 6 finished"), "{said}");
    assert_eq!(room.read(&format!("many/{RESULTS}")), expected);
    let page = room.read("many/sweep/report.html");
    assert!(page.contains("Validation loss of the best runs") && !page.contains("Failures"));

    // The text was encoded once: all runs have the same file.
    let entries = room.path("many/sweep/cache/texts").read_dir().unwrap();
    assert_eq!(entries.count(), 1);
    assert!(!room.path("many/sweep/cache/encoding").exists());
    // A task that is run again has nothing to do.
    let again = room
        .elman(&sweep("many", &["--task", "2/2"]))
        .assert()
        .success();
    let said = stderr(again);
    assert_eq!(said.matches("is there already").count(), 3, "{said}");
}

#[test]
fn a_task_that_runs_twice_at_once_is_trained_once() {
    let room = Room::new();
    let expected = sequential(&room);
    let args = sweep("many", &["--task", "1/1"]);
    let mut twins: Vec<Child> = (0..3).map(|_| spawn(&room, &args)).collect();
    for twin in &mut twins {
        assert!(twin.wait().unwrap().success());
    }
    room.stdout(&sweep("many", &["--collect"]));
    assert_eq!(room.read(&format!("many/{RESULTS}")), expected);
    for task in room.path("many/sweep/tasks").read_dir().unwrap() {
        let task = task.unwrap().path();
        let mark = std::fs::read_to_string(task.join("begun.json")).unwrap();
        let mark: serde_json::Value = serde_json::from_str(&mark).unwrap();
        assert_eq!(mark["attempt"], 1, "{}: {mark}", task.display());
    }
    let entries = room.path("many/sweep/cache/texts").read_dir().unwrap();
    assert_eq!(entries.count(), 1);
}

#[test]
fn tasks_that_are_killed_lose_nothing() {
    let room = Room::new();
    let expected = sequential(&room);
    let args = sweep("many", &["--task", "1/1"]);
    // Killed at a later moment each time, until one comes through.
    let mut kills = 0;
    for attempt in 1u64.. {
        let mut task = spawn(&room, &args);
        let end = Instant::now() + Duration::from_millis(40 * attempt);
        let mut ended = None;
        while ended.is_none() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(2));
            ended = task.try_wait().unwrap();
        }
        if let Some(status) = ended {
            assert!(status.success());
            break;
        }
        task.kill().unwrap();
        task.wait().unwrap();
        kills += 1;
        if done(&room, "many") < 6 {
            let said = stderr(
                room.elman(&sweep("many", &["--collect"]))
                    .assert()
                    .success(),
            );
            assert!(!said.contains("running"), "{said}");
        }
    }
    assert!(kills > 0, "no task was killed");
    assert_eq!(done(&room, "many"), 6);
    room.stdout(&sweep("many", &["--collect"]));
    assert_eq!(room.read(&format!("many/{RESULTS}")), expected);
}

#[test]
fn a_combination_that_fails_stops_no_other_and_is_tried_again() {
    let room = Room::new();
    let small = ["--hidden", "8,600", "--memory", "40MiB"];
    let args = |more: &[&'static str]| -> Vec<&'static str> {
        let sweep = ["sweep", "text.txt", "--steps", "4", "-o", "many"];
        [&sweep[..], &TINY[2..], more].concat()
    };
    let task = [&small[..], &["--task", "1/1"]].concat();
    let said = room.fails(1, &args(&task));
    assert!(
        said.contains("error: hidden=600: ") && said.contains("1 of 2 combinations failed"),
        "{said}"
    );
    let collect = [&small[..], &["--collect"]].concat();
    let collected = room.elman(&args(&collect)).assert().success();
    let table = String::from_utf8(collected.get_output().stdout.clone()).unwrap();
    let said = stderr(collected);
    assert!(
        table.contains("hidden=8") && !table.contains("hidden=600"),
        "{table}"
    );
    assert!(
        said.contains("2 combinations: 1 finished, 1 failed")
            && said.contains("failed: hidden=600: ")
            && said.contains("MiB")
            && said.contains("process "),
        "{said}"
    );
    let page = room.read("many/sweep/report.html");
    assert!(page.contains("Failures and interruptions") && page.contains("hidden=600"));
    assert!(!room.path("many/hidden=600").exists());
    // A sequential sweep does the same.
    let said = room.fails(1, &args(&[&small[..], &["--quiet"]].concat()));
    assert!(said.contains("1 of 2 combinations failed"), "{said}");
    // With more memory the same task does what is left.
    let more = ["--hidden", "8,600", "--task", "1/1"];
    let said = stderr(room.elman(&args(&more)).assert().success());
    assert_eq!(said.matches("is there already").count(), 1, "{said}");
    assert!(
        !room
            .path("many/sweep/tasks/hidden=600/failed.json")
            .exists()
    );
}

/// Slurm sends USR1 to the script before the time of a task is over.
#[cfg(unix)]
#[test]
fn a_task_whose_time_is_over_saves_and_requeues_itself() {
    use std::os::unix::fs::PermissionsExt;
    let room = Room::new();
    let args = |more: &[&'static str]| -> Vec<&'static str> {
        let sweep = [
            "sweep",
            "text.txt",
            "--lr",
            "0.01,0.02",
            "--steps",
            "100000",
            "-o",
            "many",
        ];
        [&sweep[..], &TINY, more].concat()
    };
    room.stdout(&args(&["--slurm", "--tasks", "1"]));
    room.write("bin/scontrol", "#!/bin/sh\necho \"$@\" > requeued\n");
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(room.path("bin/scontrol"), executable).unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut task = Command::new("sh")
        .arg(room.path("many/sweep/array.sbatch"))
        .env("PATH", format!("{}:{path}", room.path("bin").display()))
        .env("SLURM_ARRAY_TASK_ID", "1")
        .env("SLURM_CPUS_PER_TASK", "1")
        .env("SLURM_JOB_ID", "77")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let run = room.path("many/lr=0.01");
    let end = Instant::now() + Duration::from_secs(60);
    while !run.join("metrics.jsonl").exists() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(10));
    }
    let signal = Command::new("kill")
        .args(["-USR1", &task.id().to_string()])
        .status();
    assert!(signal.unwrap().success());
    assert!(task.wait().unwrap().success());
    assert_eq!(room.read("requeued"), "requeue 77\n");
    // It has saved, and nobody calls it killed or failed.
    let said = stderr(room.elman(&args(&["--collect"])).assert().success());
    assert!(said.contains("2 combinations: 1 stopped, 1 new"), "{said}");
}

#[test]
fn a_job_array_has_limits_and_the_arguments_of_the_sweep() {
    let room = Room::new();
    let args = sweep("many", &["--slurm", "--tasks", "3"]);
    let path = room.stdout(&args);
    assert_eq!(path, "many/sweep/array.sbatch\n");
    let script = room.read("many/sweep/array.sbatch");
    for line in [
        "#SBATCH --array=1-3\n",
        "#SBATCH --cpus-per-task=1\n",
        "#SBATCH --requeue\n",
        "#SBATCH --time=20\n",
        "--task \"$SLURM_ARRAY_TASK_ID/3\"",
        " --lr 0.01,0.02,0.03 ",
    ] {
        assert!(script.contains(line), "{line}: {script}");
    }
    let memory = script.split("--mem=").nth(1).unwrap().split('M').next();
    assert!(
        (128..1024).contains(&memory.unwrap().parse().unwrap()),
        "{script}"
    );
    // As Slurm would start it.
    let status = Command::new("sh")
        .arg(room.path("many/sweep/array.sbatch"))
        .env("SLURM_ARRAY_TASK_ID", "2")
        .env("SLURM_CPUS_PER_TASK", "1")
        .env("SLURM_ARRAY_JOB_ID", "41")
        .stderr(Stdio::null())
        .status();
    assert!(status.unwrap().success());
    assert_eq!(done(&room, "many"), 2);
    let mark = room.read("many/sweep/tasks/cell=gru,lr=0.02/done.json");
    assert!(mark.contains("\"41_2\""), "{mark}");

    let said = room.fails(2, &sweep("many", &["--slurm", "--tasks", "7"]));
    assert!(said.contains("more than the 6 combinations"), "{said}");
    for (share, reason) in [("0/3", "counted from 1"), ("4/3", "such as 3/12")] {
        let said = room.fails(2, &sweep("many", &["--task", share]));
        assert!(said.contains(reason), "{said}");
    }
}
