//! Files that survive: snapshots (named arrays and a JSON header), the generations of a training
//! state, model directories, and the one door through which anything is written.
//!
//! - [`disk`] writes: atomically, durably, or line by line; locks a run's directory.
//! - [`snapshot`] is the value; [`mod@write`] and [`mod@read`] move it to and from a safetensors file that
//!   carries its own BLAKE3, so that no flipped byte and no cut goes unnoticed.
//! - `npy` writes single arrays for NumPy.
//! - [`generations`] keeps the two newest states of a run; [`model_dir`] ties a model's weights to its
//!   configuration and tokenizer.
//!
//! The formats are specified in `docs/FORMAT.md`. This crate knows no network, no text and no training:
//! what the arrays mean is the business of whoever made them.
#![forbid(unsafe_code)]

use std::io;
use std::path::{Path, PathBuf};

pub mod disk;
mod flaw;
pub mod generations;
mod layout;
pub mod model_dir;
mod npy;
pub mod read;
pub mod snapshot;
pub mod write;

pub use disk::{AppendLog, AtomicFile, Lock, RecordLog, write_atomic};
pub use flaw::Flaw;
pub use generations::{Generations, Loaded};
pub use model_dir::{ModelFiles, write_model_dir};
pub use npy::write_npy;
pub use read::{
    Described, Head, Integrity, borrow_snapshot, read_head, read_snapshot, verify_snapshot,
};
pub use snapshot::{Array, Data, Snapshot};
pub use write::write_snapshot;

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

    /// Scratch files cannot be made or written.
    #[error(
        "scratch files cannot be kept in {} ({source})",
        directory.display()
    )]
    Scratch {
        directory: PathBuf,
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

    /// A file is called like the lock and holds something else.
    #[error(
        "{} is not a lock of elman, which would overwrite it: choose another directory",
        path.display()
    )]
    ForeignLock { path: PathBuf },

    /// The file is not the snapshot it should be.
    #[error("{}: {flaw}", path.display())]
    Snapshot { path: PathBuf, flaw: Flaw },

    /// There are training states, and all of them are damaged.
    #[error(
        "no training state in {} can be read: {reasons}; \
         put a copy of one there, or start anew from a model",
        directory.display()
    )]
    NoValidGeneration { directory: PathBuf, reasons: String },

    /// One of a model's three files is not there.
    #[error(
        "{} is no model: {missing} is missing there; give the directory that holds it",
        directory.display()
    )]
    NotAModel {
        directory: PathBuf,
        missing: &'static str,
    },

    /// A file of a model is not the one its weights were saved with.
    #[error(
        "{} does not belong to the {weights} beside it: one of them was changed or damaged, comes from \
         another model, or the saving of a new model was interrupted; restore the file or save the model again",
        path.display()
    )]
    Mismatch {
        path: PathBuf,
        weights: &'static str,
    },

    /// Not UTF-8.
    #[error("{} is not text: byte {offset} is not UTF-8; restore it from a copy", path.display())]
    NotText { path: PathBuf, offset: usize },

    /// Not the JSON object it should be.
    #[error("{} is not a JSON object ({reason}); restore it from a copy", path.display())]
    NotJson { path: PathBuf, reason: String },

    /// A small file is too big.
    #[error(
        "{} has {length} bytes, more than the {limit} allowed: is it the right file?",
        path.display()
    )]
    TooLarge {
        path: PathBuf,
        length: u64,
        limit: u64,
    },
}

impl StoreError {
    /// Names the file in which a flaw was found.
    pub fn in_file(path: &Path, flaw: Flaw) -> Self {
        let path = path.to_path_buf();
        Self::Snapshot { path, flaw }
    }

    /// Names the directory of scratch files in an I/O error.
    pub fn scratch(directory: &Path, source: io::Error) -> Self {
        let directory = directory.to_path_buf();
        Self::Scratch { directory, source }
    }

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
