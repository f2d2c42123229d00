//! The lock of a directory: at most one process works in it.

use crate::StoreError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

/// Longer than the number of any process.
const LOCK_BYTES: u64 = 32;
/// So often, and after such pauses, a lock is tried again that another process holds.
const LOCK_TRIES: u32 = 3;
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// Exclusive lock of a directory, held by this process through the file `lock` in it.
///
/// The operating system releases the lock when the value is dropped and when the process ends, for whatever reason;
/// the file itself remains.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Name of the lock file in every directory.
    pub const NAME: &str = "lock";

    /// Whether `directory` has a file named `lock` that elman did not write, that is one without a process number.
    pub fn is_foreign(directory: &Path) -> Result<bool, StoreError> {
        let path = directory.join(Self::NAME);
        let mut bytes = Vec::new();
        let read = File::open(&path).and_then(|file| file.take(LOCK_BYTES).read_to_end(&mut bytes));
        match read {
            Ok(_) => Ok(!bytes
                .iter()
                .all(|byte| byte.is_ascii_digit() || byte.is_ascii_whitespace())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(StoreError::io(&path, "open", error)),
        }
    }

    /// Acquires the lock of `directory`, which must exist.
    ///
    /// Errors: [`StoreError::Locked`], which names the holder; [`StoreError::ForeignLock`] if another program wrote
    /// the file.
    pub fn acquire(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join(Self::NAME);
        let error = |error| StoreError::io(&path, "lock", error);
        if Self::is_foreign(directory)? {
            return Err(StoreError::ForeignLock { path });
        }
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(error)?;
        let mut tries = LOCK_TRIES;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                // It may be somebody who only looks: see `is_held`.
                Err(TryLockError::WouldBlock) if tries > 0 => {
                    tries -= 1;
                    std::thread::sleep(LOCK_PAUSE);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::Locked {
                        directory: directory.to_path_buf(),
                        holder: holder(&mut file),
                    });
                }
                Err(TryLockError::Error(source)) => return Err(error(source)),
            }
        }
        // Only a help for whoever reads the error message: a full disk must not stop a run here.
        let _ = file.set_len(0);
        let _ = writeln!(file, "{}", std::process::id());
        Ok(Self { _file: file })
    }

    /// Whether a process holds the lock of `directory` now; `false` also where this cannot be determined.
    pub fn is_held(directory: &Path) -> bool {
        // A lock that is shared for an instant: nobody who looks is in the way of another, and `acquire` tries again.
        File::open(directory.join(Self::NAME))
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

/// The process named in a lock file, if it can be read.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let process = match file.take(LOCK_BYTES).read_to_string(&mut text) {
        Ok(_) => text.trim().parse::<u32>().ok(),
        Err(_) => None,
    };
    process.map_or_else(
        || "another process".to_owned(),
        |id| format!("process {id}"),
    )
}
