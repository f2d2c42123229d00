//! Files that grow: [`AppendLog`] line by line, [`RecordLog`] by records of bytes.
//!
//! What is appended reaches the operating system before the call returns, so that it survives a kill,
//! and is seen by whoever follows the file. Nothing is synced unless that is asked for.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::StoreError;

/// No line of a log is longer; one that is can only be damage, and is cut off with what follows it.
pub const LINE_MAX_BYTES: u64 = 1 << 20;

/// A text file that grows line by line, such as `metrics.jsonl`.
#[derive(Debug)]
pub struct AppendLog {
    pub(super) records: RecordLog,
}

impl AppendLog {
    /// Opens or creates the log. Of the lines already there the first ones are kept, as long as `keep`
    /// (given the line without its newline) holds; the rest is cut off, and so is a last line that a kill
    /// left without its newline, or one that is not text.
    pub fn open(path: &Path, keep: impl FnMut(&str) -> bool) -> Result<Self, StoreError> {
        let error = |error| StoreError::io(path, "open", error);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(error)?;
        let length = kept_bytes(&file, keep).map_err(error)?;
        file.set_len(length).map_err(error)?;
        file.seek(SeekFrom::Start(length)).map_err(error)?;
        let records = RecordLog {
            file,
            path: path.to_path_buf(),
            length,
        };
        Ok(Self { records })
    }

    /// Appends `line` and a newline. After an error the log ends with its last complete line.
    pub fn append(&mut self, line: &str) -> Result<(), StoreError> {
        assert!(!line.contains('\n'), "a log line holds no newline");
        let mut bytes = Vec::with_capacity(line.len() + 1);
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
        self.records.append(&bytes)
    }

    /// Makes all lines so far survive a power cut. Call it before a checkpoint that counts on them.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        let RecordLog { file, path, .. } = &self.records;
        file.sync_data()
            .map_err(|error| StoreError::io(path, "write", error))
    }
}

/// A binary file that grows record by record.
#[derive(Debug)]
pub struct RecordLog {
    pub(super) file: File,
    path: PathBuf,
    /// Bytes of complete records.
    length: u64,
}

impl RecordLog {
    /// Creates the file `path`, where none may be yet.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path)
            .map_err(|error| StoreError::io(path, "create", error))?;
        Ok(Self {
            file,
            path: path.to_path_buf(),
            length: 0,
        })
    }

    /// Appends `record`. After an error the file ends with its last complete record.
    pub fn append(&mut self, record: &[u8]) -> Result<(), StoreError> {
        if let Err(error) = self.file.write_all(record) {
            // Best effort: readers pass over a torn record at the end.
            let _ = self.file.set_len(self.length);
            let _ = self.file.seek(SeekFrom::Start(self.length));
            return Err(StoreError::io(&self.path, "append to", error));
        }
        self.length += record.len() as u64;
        Ok(())
    }
}

/// The bytes of the leading complete lines for which `keep` holds.
fn kept_bytes(file: &File, mut keep: impl FnMut(&str) -> bool) -> io::Result<u64> {
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    let mut kept = 0;
    loop {
        line.clear();
        let read = reader
            .by_ref()
            .take(LINE_MAX_BYTES)
            .read_until(b'\n', &mut line)?;
        let complete = line.strip_suffix(b"\n");
        match complete.map(std::str::from_utf8) {
            Some(Ok(text)) if keep(text) => kept += read as u64,
            _ => return Ok(kept),
        }
    }
}
