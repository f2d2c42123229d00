//! Files that survive: snapshots (named arrays and a JSON header), the generations of a training
//! state, model directories, and the one door through which anything is written.
//!
//! - [`disk`] writes: atomically, durably, or line by line; locks a run's directory.
//! - [`snapshot`] is the value; [`mod@write`] and [`mod@read`] move it to and from a safetensors file that
//!   carries its own BLAKE3, so that no flipped byte and no cut goes unnoticed.
//! - [`generations`] keeps the two newest states of a run; [`model_dir`] ties a model's weights to its
//!   configuration and tokenizer.
//!
//! The formats are specified in `docs/FORMAT.md`. This room knows no network, no text and no training:
//! what the arrays mean is the business of whoever made them.

use std::io;
use std::path::{Path, PathBuf};

pub mod disk;

pub use disk::{AppendLog, AtomicFile, Lock, write_atomic};

/// What can go wrong between a value and its file. Every message names the file and, where there is
/// something to do, says what.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The device or the user's quota is full. What was under `path` before is untouched.
    #[error(
        "no space left to write {}: free some space and run again; \
         files written before, the previous checkpoint among them, are intact",
        path.display()
    )]
    DiskFull { path: PathBuf },

    /// Any other refusal by the operating system.
    #[error("cannot {action} {}: {source}{}", path.display(), advice(source))]
    Io {
        path: PathBuf,
        /// What was being tried, as a verb: "open", "write", "rename".
        action: &'static str,
        source: io::Error,
    },

    /// A directory, a device or a pipe stands where a file is needed.
    #[error("{} is {what}, and a regular file is needed: give the path of a file", path.display())]
    NotAFile { path: PathBuf, what: &'static str },

    /// Another living process holds the lock of this directory.
    #[error(
        "{} is in use by {holder}: wait until it has ended or stop it, or choose another directory",
        directory.display()
    )]
    Locked { directory: PathBuf, holder: String },
}

impl StoreError {
    /// Names the file and the action of an I/O error; a full disk becomes [`StoreError::DiskFull`].
    pub fn io(path: &Path, action: &'static str, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Io {
                path,
                action,
                source,
            },
        }
    }
}

/// What to do about an I/O error, where its kind tells.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "; check the path",
        io::ErrorKind::PermissionDenied => "; check who owns it and its permissions",
        io::ErrorKind::ReadOnlyFilesystem => "; choose a directory on a writable file system",
        io::ErrorKind::NotADirectory => "; a part of the path is a file, choose another path",
        io::ErrorKind::FileTooLarge => {
            "; raise the limit on file sizes (ulimit -f) or choose another disk"
        }
        _ => "",
    }
}
