//! Files that grow: [`AppendLog`] line by line, [`RecordLog`] by records of bytes.
//!
//! What is appended reaches the operating system before the call returns, so that it survives a kill,
//! and is seen by whoever follows the file. Nothing is synced unless that is asked for.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::{StoreError, write_atomic};

/// Longest line of a log in bytes; a longer one is taken for damage.
pub(crate) const LINE_MAX_BYTES: u64 = 1 << 20;

/// Decision about a line of a log that is opened again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineDecision {
    /// The line is kept.
    Keep,
    /// The line is removed, because it will be written again.
    Drop,
    /// The line cannot be parsed; it is removed if no kept line follows it.
    Unreadable,
}

/// Number and position of damaged or removed lines in a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// Number of these lines.
    pub count: u64,
    /// Line number of the first of them, counted from 1; 0 if there is none.
    pub first: u64,
}

/// Damage found in a log when it was opened again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Unreadable lines that precede a kept line; they remain in the file.
    pub left: Lines,
    /// Removed lines: unreadable ones at the end, and those that were judged [`LineDecision::Drop`] before a kept line.
    pub removed: Lines,
}

/// Text file that grows line by line, such as `metrics.jsonl`.
#[derive(Debug)]
pub struct AppendLog {
    pub(super) records: RecordLog,
}

impl AppendLog {
    /// Opens or creates a log and removes the lines that `judge` does not keep.
    ///
    /// `judge` gets each line without its newline; a line that is not UTF-8 or is too long is unreadable without
    /// being judged. Unreadable lines before a kept line remain. Everything after the last kept line is cut off, and
    /// so is a last line without a newline, which a kill left behind.
    pub fn open(
        path: &Path,
        judge: impl FnMut(&str) -> LineDecision,
    ) -> Result<(Self, Damage), StoreError> {
        let error = |error| StoreError::io(path, "open", error);
        let open = || {
            OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)
                .map_err(error)
        };
        let mut file = open()?;
        let (parts, damage) = kept(&file, judge).map_err(error)?;
        let length = parts.iter().map(|part| part.end - part.start).sum();
        match &parts[..] {
            [] => file.set_len(0).map_err(error)?,
            [part] if part.start == 0 => file.set_len(length).map_err(error)?,
            parts => {
                write_atomic(path, |copy| {
                    for part in parts {
                        file.seek(SeekFrom::Start(part.start))?;
                        io::copy(&mut (&file).take(part.end - part.start), copy)?;
                    }
                    Ok(())
                })?;
                file = open()?;
            }
        }
        file.seek(SeekFrom::Start(length)).map_err(error)?;
        let records = RecordLog {
            file,
            path: path.to_path_buf(),
            length,
        };
        Ok((Self { records }, damage))
    }

    /// Appends `line` and a newline. After an error the log ends with its last complete line.
    ///
    /// Panics if `line` contains a newline.
    pub fn append(&mut self, line: &str) -> Result<(), StoreError> {
        assert!(!line.contains('\n'), "a log line holds no newline");
        let mut bytes = Vec::with_capacity(line.len() + 1);
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
        self.records.append(&bytes)
    }

    /// Flushes all lines to the device, so that they survive a power cut. Call it before a checkpoint that relies on
    /// them.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        let RecordLog { file, path, .. } = &self.records;
        file.sync_data()
            .map_err(|error| StoreError::io(path, "write", error))
    }
}

/// Binary file that grows record by record.
#[derive(Debug)]
pub struct RecordLog {
    pub(super) file: File,
    path: PathBuf,
    /// Bytes of complete records.
    length: u64,
}

impl RecordLog {
    /// Creates the file `path`, which must not exist yet.
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

    /// Appends `record` to the file. After an error the file ends with its last complete record.
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

/// The parts of a log that stay, in order, and what was wrong with it.
fn kept(
    file: &File,
    mut judge: impl FnMut(&str) -> LineDecision,
) -> io::Result<(Vec<Range<u64>>, Damage)> {
    let mut reader = BufReader::new(file);
    let (mut line, mut at) = (Vec::new(), 0);
    let (mut parts, mut damage) = (Vec::<Range<u64>>::new(), Damage::default());
    // Since the last line that is kept: where unreadable lines are, and how many lines there are of each kind.
    let mut waiting = Vec::<Range<u64>>::new();
    let (mut unreadable, mut dropped) = (Lines::default(), Lines::default());
    for number in 1.. {
        let read = read_line(&mut reader, &mut line)?;
        if !read.ended {
            break;
        }
        let place = at..at + read.bytes;
        at = place.end;
        let text = std::str::from_utf8(&line).ok().filter(|_| read.whole);
        match text.map_or(LineDecision::Unreadable, &mut judge) {
            LineDecision::Keep => {
                damage.left.add(unreadable);
                damage.removed.add(dropped);
                (unreadable, dropped) = Default::default();
                waiting.drain(..).for_each(|part| append(&mut parts, part));
                append(&mut parts, place);
            }
            LineDecision::Unreadable => {
                unreadable.add(Lines {
                    count: 1,
                    first: number,
                });
                append(&mut waiting, place);
            }
            LineDecision::Drop => dropped.add(Lines {
                count: 1,
                first: number,
            }),
        }
    }
    damage.removed.add(unreadable);
    Ok((parts, damage))
}

fn append(parts: &mut Vec<Range<u64>>, next: Range<u64>) {
    match parts.last_mut() {
        Some(last) if last.end == next.start => last.end = next.end,
        _ => parts.push(next),
    }
}

impl Lines {
    fn add(&mut self, later: Lines) {
        if self.count == 0 {
            self.first = later.first;
        }
        self.count += later.count;
    }
}

/// Result of [`read_line`]: the length of the line and whether it is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLine {
    /// Length of the line in the file in bytes, including its newline.
    pub bytes: u64,
    /// Whether the line ends with a newline.
    pub ended: bool,
    /// Whether the line has at most 1 MiB; otherwise only its beginning was kept.
    pub whole: bool,
}

/// Reads up to the next newline; `line` becomes the line without it.
///
/// Memory is bounded: of a line longer than 1 MiB only the beginning is kept.
pub fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<ReadLine> {
    line.clear();
    let mut part = Vec::new();
    let mut read = ReadLine {
        bytes: 0,
        ended: false,
        whole: true,
    };
    loop {
        part.clear();
        let got = reader
            .by_ref()
            .take(LINE_MAX_BYTES)
            .read_until(b'\n', &mut part)?;
        read.ended = part.last() == Some(&b'\n');
        if read.bytes == 0 {
            std::mem::swap(line, &mut part);
        } else if got > 0 {
            read.whole = false;
        }
        read.bytes += got as u64;
        if read.ended || got == 0 {
            break;
        }
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(read)
}
