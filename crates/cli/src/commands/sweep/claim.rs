//! Claims: of several processes that share a sweep, one at a time works on a combination, and what has ended is not done again.
//!
//! ```text
//! SWEEP/sweep/tasks/NAME/lock          held while a process works on the combination
//!                        begun.json    the last process that began
//!                        done.json     the combination is finished: how it ended
//!                        failed.json   the last error; a later process tries again
//! ```
//! The operating system takes the lock back however a process ends, so that after `kill -9` the next process continues. Every file
//! appears by one rename. `done.json` is written after the run has written all that it writes.

use anyhow::{Context, Result};
use elman::store::{Lock, StoreError, disk, write_atomic};
use elman::train::status::RunStatus;
use serde::{Deserialize, Serialize};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

const BEGUN: &str = "begun.json";
const DONE: &str = "done.json";
const FAILED: &str = "failed.json";

/// What a process has noted about a combination.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// Version of elman.
    pub elman: String,
    pub host: String,
    pub process: u32,
    /// The job of Slurm, such as `41_3` for task 3 of array 41.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// How often work on the combination has begun.
    pub attempt: u32,
    /// Seconds since 1970.
    pub time: u64,
    /// How the run ended, in `done.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<String>,
    /// What went wrong, in `failed.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Mark {
    fn new(attempt: u32) -> Mark {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let array = variable("SLURM_ARRAY_JOB_ID").zip(variable("SLURM_ARRAY_TASK_ID"));
        let array = array.map(|(job, task)| format!("{job}_{task}"));
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
        let host = host.map(|host| host.trim().to_owned());
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Mark {
            elman: env!("CARGO_PKG_VERSION").into(),
            host: host
                .or_else(|| variable("HOSTNAME"))
                .unwrap_or_else(|| "unknown".into()),
            process: std::process::id(),
            job: array.or_else(|| variable("SLURM_JOB_ID")),
            attempt,
            time: now.unwrap_or_default().as_secs(),
            ending: None,
            error: None,
        }
    }

    /// Description of the process: its Slurm job, its number and its host.
    pub fn worker(&self) -> String {
        let job = self.job.as_ref();
        let job = job.map_or(String::new(), |job| format!("Slurm job {job}, "));
        format!("{job}process {} on {}", self.process, self.host)
    }
}

/// What is known of a combination beside its run.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    pub begun: Option<Mark>,
    pub done: Option<Mark>,
    pub failed: Option<Mark>,
    /// A process works on it now.
    pub held: bool,
}

impl Marks {
    /// Reads the files in `directory`, which need not exist.
    pub fn read(directory: &Path) -> Result<Marks> {
        // The lock first: a process that has let go of it has written its files.
        let held = Lock::is_held(directory);
        Ok(Marks {
            held,
            begun: read(&directory.join(BEGUN))?,
            done: read(&directory.join(DONE))?,
            failed: read(&directory.join(FAILED))?,
        })
    }

    /// The error of the last attempt, if that has ended with one.
    pub fn failure(&self) -> Option<&Mark> {
        let attempt = self.begun.as_ref().map_or(0, |begun| begun.attempt);
        self.failed
            .as_ref()
            .filter(|failed| failed.attempt >= attempt)
    }
}

/// A combination that this process works on, until this is dropped.
pub struct Claim {
    directory: PathBuf,
    attempt: u32,
    /// It was finished before.
    done: bool,
    _lock: Lock,
}

/// Result of claiming a combination.
pub enum Taken {
    Mine(Claim),
    /// Another process has it; describes that process.
    Busy(String),
}

impl Claim {
    /// Claims the combination of the files in `directory`.
    pub fn take(directory: &Path) -> Result<Taken> {
        disk::create_dir_all(directory)?;
        let lock = match Lock::acquire(directory) {
            Ok(lock) => lock,
            Err(StoreError::Locked { holder, .. }) => return Ok(Taken::Busy(holder)),
            Err(error) => return Err(error.into()),
        };
        disk::sweep_temporaries(directory)?;
        let before = Marks::read(directory)?;
        Ok(Taken::Mine(Claim {
            directory: directory.to_path_buf(),
            attempt: before.begun.map_or(0, |begun| begun.attempt),
            done: before.done.is_some(),
            _lock: lock,
        }))
    }

    /// Whether the combination was finished before.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Notes that work begins.
    pub fn begin(&mut self) -> Result<()> {
        self.attempt += 1;
        self.write(BEGUN, &Mark::new(self.attempt))
    }

    /// Notes how the run has ended. The completion file appears by one rename, when all else is on disk.
    pub fn finish(self, ending: RunStatus) -> Result<()> {
        let mark = Mark {
            ending: Some(ending.name().into()),
            ..Mark::new(self.attempt)
        };
        self.write(DONE, &mark)?;
        Ok(disk::remove_file(&self.directory.join(FAILED))?)
    }

    /// Notes what went wrong.
    pub fn fail(self, error: String) -> Result<()> {
        let mark = Mark {
            error: Some(error),
            ..Mark::new(self.attempt)
        };
        self.write(FAILED, &mark)
    }

    fn write(&self, name: &str, mark: &Mark) -> Result<()> {
        let text = serde_json::to_vec_pretty(mark)?;
        Ok(write_atomic(&self.directory.join(name), |file| {
            file.write_all(&text)
        })?)
    }
}

/// Largest size of a mark in bytes.
const MOST_BYTES: u64 = 1 << 20;

fn read(path: &Path) -> Result<Option<Mark>> {
    match disk::read_text(path, MOST_BYTES) {
        Ok(text) => {
            let mark = serde_json::from_str(&text);
            let damaged = || format!("{} is damaged: remove it", path.display());
            Ok(Some(mark.with_context(damaged)?))
        }
        Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mine(directory: &Path) -> Claim {
        match Claim::take(directory).unwrap() {
            Taken::Mine(claim) => claim,
            Taken::Busy(holder) => panic!("{holder} has it"),
        }
    }

    #[test]
    fn a_combination_has_one_process_at_a_time_and_failures_are_tried_again() {
        let room = tempfile::tempdir().unwrap();
        let task = room.path().join("tasks/lr=1");
        let marks = || Marks::read(&task).unwrap();
        assert!(!marks().held && marks().begun.is_none());

        let mut claim = mine(&task);
        claim.begin().unwrap();
        assert!(marks().held && marks().failure().is_none());
        assert!(matches!(Claim::take(&task).unwrap(), Taken::Busy(_)));
        claim.fail("no memory".into()).unwrap();
        let failure = marks().failure().cloned().unwrap();
        assert_eq!(
            (failure.error.as_deref(), failure.attempt),
            (Some("no memory"), 1)
        );

        // The second attempt is killed: the error is that of the first, and no longer what happened last.
        let mut claim = mine(&task);
        claim.begin().unwrap();
        drop(claim);
        assert!(marks().failed.is_some() && marks().failure().is_none() && !marks().held);

        let mut claim = mine(&task);
        assert!(!claim.is_done());
        claim.begin().unwrap();
        claim.finish(RunStatus::Finished).unwrap();
        let done = marks().done.unwrap();
        assert_eq!(
            (done.ending.as_deref(), done.attempt),
            (Some("finished"), 3)
        );
        assert!(marks().failed.is_none() && mine(&task).is_done());
    }
}
