//! Files on disk: snapshots (named arrays and a JSON header), the training states of a run, model directories, and
//! the module that does all writing.
//!
//! - [`disk`] writes atomically, durably or line by line, and locks a run's directory.
//! - [`Snapshot`] is the value; [`write_snapshot`] and [`read_snapshot`] move it to and from a safetensors file that
//!   carries its own BLAKE3, so that no flipped byte and no cut goes unnoticed.
//! - [`write_npy`] writes single arrays for NumPy.
//! - [`Generations`] keeps the two newest states of a run; [`model_dir`] ties a model's weights to its
//!   configuration and tokenizer.
//!
//! The formats are specified in `docs/FORMAT.md`. This crate knows no network, no text and no training:
//! the meaning of the arrays is up to the caller.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use std::io;
use std::path::{Path, PathBuf};

pub mod disk;
mod flaw;
mod generations;
mod layout;
pub mod model_dir;
mod npy;
mod read;
mod snapshot;
mod write;

pub use disk::{AppendLog, AtomicFile, Lock, RecordLog, write_atomic};
pub use flaw::Flaw;
pub use generations::{Generations, Loaded};
pub use model_dir::{ModelFiles, write_model_dir};
pub use npy::write_npy;
use read::borrow_snapshot;
pub use read::{Described, Head, Integrity, read_head, read_snapshot, verify_snapshot};
pub use snapshot::{Array, Data, Snapshot};
pub use write::write_snapshot;

/// Error of reading or writing files.
///
/// Every message names the file and, where something can be done about it, says what.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The device or the user's quota is full; the previous contents of `path` are intact.
    #[error(
        "no space left to write {}: free some space and run again; \
         files written before, the previous checkpoint among them, are intact",
        path.display()
    )]
    DiskFull {
        /// File that was being written.
        path: PathBuf,
    },

    /// Any other error of the operating system.
    #[error("cannot {action} {}: {source}{}", path.display(), advice(source))]
    Io {
        /// File or directory of the failed operation.
        path: PathBuf,
        /// Operation that failed, as a verb: "open", "write", "rename".
        action: &'static str,
        /// Error of the operating system.
        source: io::Error,
    },

    /// Scratch files cannot be created or written.
    #[error(
        "scratch files cannot be kept in {} ({source})",
        directory.display()
    )]
    Scratch {
        /// Directory of the scratch files.
        directory: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },

    /// The path is a directory, a device or a pipe where a regular file is needed.
    #[error("{} is {what}, and a regular file is needed: give the path of a file", path.display())]
    NotAFile {
        /// The path in question.
        path: PathBuf,
        /// The kind of file found, such as "a directory".
        what: &'static str,
    },

    /// Another running process holds the lock of the directory.
    #[error(
        "{} is in use by {holder}: wait until it has ended or stop it, or choose another directory",
        directory.display()
    )]
    Locked {
        /// Directory that is locked.
        directory: PathBuf,
        /// Process that holds the lock, such as "process 4711".
        holder: String,
    },

    /// A file named `lock` in the directory was not written by elman.
    #[error(
        "{} is not a lock of elman, which would overwrite it: choose another directory",
        path.display()
    )]
    ForeignLock {
        /// Path of that file.
        path: PathBuf,
    },

    /// The file is not the expected snapshot.
    #[error("{}: {flaw}", path.display())]
    Snapshot {
        /// File with the flaw.
        path: PathBuf,
        /// The flaw that was found.
        flaw: Flaw,
    },

    /// The directory holds training states, and all of them are damaged.
    #[error(
        "no training state in {} can be read: {reasons}; \
         put a copy of one there, or start again from a model",
        directory.display()
    )]
    NoValidGeneration {
        /// Directory of the training states.
        directory: PathBuf,
        /// Flaws of all states, separated by semicolons.
        reasons: String,
    },

    /// One of a model's three files is missing.
    #[error(
        "{} is not a model: {missing} is missing there; give the directory that holds it",
        directory.display()
    )]
    NotAModel {
        /// Directory that was opened as a model.
        directory: PathBuf,
        /// Name of the missing file.
        missing: &'static str,
    },

    /// A file of a model does not match the hash that the model's weights hold for it.
    #[error(
        "{} does not belong to the {weights} beside it: one of them was changed or damaged, comes from \
         another model, or the saving of a new model was interrupted; restore the file or save the model again",
        path.display()
    )]
    Mismatch {
        /// File with other contents than the weights were saved with.
        path: PathBuf,
        /// Name of the file of weights.
        weights: &'static str,
    },

    /// The file is not UTF-8.
    #[error("{} is not text: byte {offset} is not UTF-8; restore it from a copy", path.display())]
    NotText {
        /// File that was read.
        path: PathBuf,
        /// Byte offset of the first invalid sequence.
        offset: usize,
    },

    /// The file does not hold a JSON object.
    #[error("{} is not a JSON object ({reason}); restore it from a copy", path.display())]
    NotJson {
        /// File that was read.
        path: PathBuf,
        /// Message of the JSON parser.
        reason: String,
    },

    /// The file exceeds the size limit of its kind.
    #[error(
        "{} has {length} bytes, more than the {limit} allowed: is it the right file?",
        path.display()
    )]
    TooLarge {
        /// File that was to be read.
        path: PathBuf,
        /// Length of the file in bytes.
        length: u64,
        /// Largest length accepted, in bytes.
        limit: u64,
    },
}

impl StoreError {
    /// Adds the path of the file to a [`Flaw`].
    pub fn in_file(path: &Path, flaw: Flaw) -> Self {
        let path = path.to_path_buf();
        Self::Snapshot { path, flaw }
    }

    /// Adds the directory of scratch files to an I/O error.
    pub fn scratch(directory: &Path, source: io::Error) -> Self {
        let directory = directory.to_path_buf();
        Self::Scratch { directory, source }
    }

    /// Adds the path and the action to an I/O error; a full disk becomes [`StoreError::DiskFull`].
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
