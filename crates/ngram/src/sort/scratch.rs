//! A scratch file without a name, to which several threads write and from which they read.

use super::super::positioned::{read_at, write_at};
use elman_store::StoreError;
use elman_store::disk;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Scratch file, which is made when the first bytes are written to it. The system removes it when the process ends.
pub struct Scratch {
    directory: PathBuf,
    file: OnceLock<File>,
    end: AtomicU64,
}

impl Scratch {
    pub fn new(directory: &Path) -> Scratch {
        Scratch {
            directory: directory.to_owned(),
            file: OnceLock::new(),
            end: AtomicU64::new(0),
        }
    }

    /// Appends bytes; where they are.
    pub fn append(&self, bytes: &[u8]) -> Result<Range<u64>, StoreError> {
        let start = self.reserve(bytes.len() as u64);
        self.write(start, bytes)?;
        Ok(start..start + bytes.len() as u64)
    }

    /// Takes this number of bytes for what will be written, at the place that is returned.
    pub fn reserve(&self, bytes: u64) -> u64 {
        self.end.fetch_add(bytes, Ordering::Relaxed)
    }

    /// Writes bytes at a place that was reserved.
    pub fn write(&self, at: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let file = match self.file.get() {
            Some(file) => file,
            None => {
                let new = disk::scratch(&self.directory)?;
                self.file.get_or_init(|| new)
            }
        };
        write_at(file, at, bytes).map_err(|error| self.error(error))
    }

    /// Reads bytes that were written.
    pub fn read(&self, at: u64, bytes: &mut [u8]) -> Result<(), StoreError> {
        match self.file.get() {
            Some(file) => read_at(file, at, bytes).map_err(|error| self.error(error)),
            None if bytes.is_empty() => Ok(()),
            None => unreachable!("what is read was written"),
        }
    }

    fn error(&self, error: io::Error) -> StoreError {
        StoreError::scratch(&self.directory, error)
    }
}
