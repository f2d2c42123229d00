//! Turns at encoding: of processes that need the same text at once, one encodes it and the others wait for the entry of the cache.
//!
//! ```text
//! CACHE/encoding/KEY/lock      held while a process encodes the text of KEY
//! ```
//! The operating system releases the lock of a process that was killed, and the next one encodes. The file is removed once the entry is
//! there. A process that still waits for a lock whose file was removed gets it, finds the entry, and is done. Where a file system
//! has no locks, every process encodes for itself, which costs time and nothing else: entries appear by one rename.

use super::{Cache, is_key};
use elman_store::{Lock, StoreError, disk};
use std::path::PathBuf;
use std::time::Duration;

/// Pause between two attempts to take the turn.
const PAUSE: Duration = Duration::from_millis(100);
/// Attempts at a directory that another process removes at the same moment.
const ATTEMPTS: u32 = 5;

/// The turn at encoding one text, which ends when this is dropped.
pub(crate) struct EncodingTurn {
    directory: PathBuf,
    /// `None` where there are no locks.
    lock: Option<Lock>,
}

impl EncodingTurn {
    /// Takes the turn at the text of `key`, waiting for the process that has it; `note` receives whom it waits for.
    pub(crate) fn take(cache: &Cache, key: &str, note: &mut dyn FnMut(String)) -> EncodingTurn {
        let directory = cache.encoding().join(key);
        let (mut attempts, mut waits) = (0, false);
        let lock = loop {
            let taken = disk::create_dir_all(&directory).and_then(|()| Lock::acquire(&directory));
            match taken {
                Ok(lock) => break Some(lock),
                Err(StoreError::Locked { holder, .. }) => {
                    if !waits {
                        note(format!(
                            "waiting for {holder}, which is encoding the same text"
                        ));
                    }
                    waits = true;
                    std::thread::sleep(PAUSE);
                }
                Err(_) if attempts < ATTEMPTS => attempts += 1,
                Err(_) => break None,
            }
        };
        EncodingTurn { directory, lock }
    }
}

impl Drop for EncodingTurn {
    /// Best effort: a file that remains is in nobody's way.
    fn drop(&mut self) {
        if self.lock.is_some() {
            let _ = disk::remove_file(&self.directory.join(Lock::NAME));
            let _ = disk::remove_empty_dir(&self.directory);
            if let Some(above) = self.directory.parent() {
                let _ = disk::remove_empty_dir(above);
            }
        }
    }
}

/// Removes what killed processes have left of their turns.
pub(super) fn clear(cache: &Cache) {
    let listed = std::fs::read_dir(cache.encoding());
    for entry in listed.into_iter().flatten().flatten() {
        let directory = entry.path();
        if entry.file_name().to_str().is_some_and(is_key)
            && let Ok(lock) = Lock::acquire(&directory)
        {
            let lock = Some(lock);
            drop(EncodingTurn { directory, lock });
        }
    }
}
