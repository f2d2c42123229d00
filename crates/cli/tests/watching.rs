//! Watching a run: samples and event files while it trains, its chart, the list of runs, and sweeps.
#![allow(clippy::unwrap_used, reason = "tests may stop")]

mod common;
use common::Room;

#[test]
fn samples_are_printed_and_kept_and_event_files_written() {
    let room = Room::new();
    let watching = [
        "--sample-every",
        "2",
        "--sample-prompt",
        "The king",
        "--tensorboard",
    ];
    room.train("run", "4", &watching);
    let metrics = room.read("run/metrics.jsonl");
    assert_eq!(metrics.matches(r#""kind":"sample""#).count(), 2);
    assert!(metrics.contains(r#""prompt":"The king""#), "{metrics}");
    let event_files = |directory: &str| std::fs::read_dir(room.path(directory)).unwrap().count();
    assert_eq!(event_files("run/tensorboard"), 1);

    // A resumed run goes on with it, and a replaced one takes its files along.
    let resume = ["train", "--resume", "run", "--steps", "6"];
    let assert = room.elman(&resume).assert().success();
    let said = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert!(said.contains("step 6, a sample:\n  The king"), "{said}");
    assert_eq!(event_files("run/tensorboard"), 2);
    room.train("run", "4", &["--force", "--tensorboard=elsewhere"]);
    assert!(!room.path("run/tensorboard").exists());
    assert_eq!(event_files("elsewhere"), 1);

    // The same from a file.
    room.write("c.toml", "tensorboard = true\nsample-every = 3\n");
    room.train("other", "4", &["--config", "c.toml"]);
    assert_eq!(event_files("other/tensorboard"), 1);
    assert!(room.read("other/config.toml").contains("sample-every = 3"));
}

#[test]
fn an_unknown_prompt_is_remarked_and_one_for_nothing_refused() {
    let room = Room::new();
    let run = [
        "train", "text.txt", "--steps", "1", "--hidden", "8", "--run", "run",
    ];
    let prompt = ["--sample-prompt", "xyzzy"];
    let said = room.fails(2, &[&run[..], &prompt].concat());
    assert!(said.contains("sample-prompt needs sample-every"), "{said}");
    let args = [&run[..], &prompt, &["--sample-every", "1"]].concat();
    let assert = room.elman(&args).assert().success();
    let said = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert!(said.contains("the vocabulary lacks 'xyzzy'"), "{said}");
    room.fails(2, &[&run[..], &["--sample-every", "0"]].concat());
}
