//! A room with a text and tiny models in it.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests write the files that the command meets, and may stop where they cannot"
)]

use assert_cmd::Command;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A directory of its own for a test, in which the command runs.
pub struct Room {
    dir: TempDir,
}

/// Small enough to train in a moment.
pub const TINY: [&str; 10] = [
    "--hidden",
    "8",
    "--batch-size",
    "2",
    "--bptt",
    "5",
    "--threads",
    "1",
    "--save-every",
    "0",
];

impl Room {
    /// With `text.txt` and `other.txt`.
    pub fn new() -> Room {
        let room = Room {
            dir: tempfile::tempdir().unwrap(),
        };
        room.write("text.txt", story(120));
        room.write("other.txt", story(7));
        room
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The command with these arguments, not run yet.
    pub fn elman(&self, args: &[&str]) -> Command {
        let mut command = assert_cmd::cargo::cargo_bin_cmd!("elman");
        command
            .current_dir(self.dir.path())
            .env_remove("RUST_BACKTRACE")
            // Where sweeps take turns: each room by itself.
            .env("XDG_RUNTIME_DIR", self.dir.path())
            .env("XDG_CACHE_HOME", self.path("cache"))
            .args(args);
        command
    }

    /// Trains a tiny model for `steps` in `run`.
    pub fn train(&self, run: &str, steps: &str, more: &[&str]) {
        let args = [
            &["train", "text.txt", "--run", run, "--steps", steps],
            &TINY[..],
            more,
        ]
        .concat();
        self.elman(&args).assert().success();
    }

    /// Standard output of a command that must succeed.
    pub fn stdout(&self, args: &[&str]) -> String {
        let output = self
            .elman(args)
            .assert()
            .success()
            .get_output()
            .stdout
            .clone();
        String::from_utf8(output).unwrap()
    }

    /// All commands, nested ones too, as the arguments that call them; those of the manual pages.
    pub fn commands(&self) -> Vec<Vec<String>> {
        self.stdout(&["man", "-o", "man"]);
        let mut pages: Vec<String> = std::fs::read_dir(self.path("man"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        pages.sort();
        pages
            .iter()
            .map(|page| {
                let name = page.trim_start_matches("elman-").trim_end_matches(".1");
                match name {
                    "elman" => Vec::new(),
                    "minimal-pairs" => vec![name.to_owned()],
                    nested => nested.split('-').map(ToOwned::to_owned).collect(),
                }
            })
            .collect()
    }

    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.stdout(args)).unwrap()
    }

    /// Standard error of a command that must end with `code`, in one of ours and not in a panic.
    pub fn fails(&self, code: i32, args: &[&str]) -> String {
        let assert = self.elman(args).assert().code(code);
        let stderr = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
        assert!(
            stderr.contains("error: ") && !stderr.contains("panicked"),
            "{stderr}"
        );
        stderr
    }
}

/// `lines` lines in which something can be learnt.
pub fn story(lines: usize) -> String {
    let who = [
        "The king",
        "A lamb",
        "The prophet",
        "My brother",
        "The people of the city",
    ];
    let did = ["went up to", "looked upon", "spoke of", "was afraid of"];
    let what = ["the mountain", "the sea", "the house of the Lord"];
    let line = |i: usize| format!("{} {} {}.\n", who[i % 5], did[i % 4], what[i % 3]);
    (0..lines).map(line).collect()
}

/// All that lies in `directory`, with contents.
pub fn contents(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(contents(&path));
        } else {
            all.push((path.clone(), std::fs::read(&path).unwrap()));
        }
    }
    all.sort();
    all
}

/// What a command has said to people.
pub fn stderr(assert: assert_cmd::assert::Assert) -> String {
    String::from_utf8(assert.get_output().stderr.clone()).unwrap()
}
