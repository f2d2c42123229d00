//! Files that grow: [`AppendLog`] line by line, [`RecordLog`] by records of bytes.
//!
//! What is appended reaches the operating system before the call returns, so that it survives a kill,
//! and is seen by whoever follows the file. Nothing is synced unless that is asked for.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::{StoreError, write_atomic};

/// No line of a log is longer; one that is can only be damage.
pub const LINE_MAX_BYTES: u64 = 1 << 20;

/// What becomes of a line when its log is opened again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Keep,
    /// It is going to be written again.
    Drop,
    Unreadable,
}

/// Lines of a log that say nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    pub count: u64,
    /// The number of the first of them, from 1.
    pub first: u64,
}

/// What was wrong with a log when it was opened again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Lines that cannot be read and stand before lines that are kept. They are left as they are.
    pub left: Lines,
    /// Lines that were removed: unreadable ones at the end, and readable ones between lines that are kept.
    pub removed: Lines,
}

/// A text file that grows line by line, such as `metrics.jsonl`.
#[derive(Debug)]
pub struct AppendLog {
    pub(super) records: RecordLog,
}

impl AppendLog {
    /// Opens or creates the log. Of the lines already there those stay that `judge` (given the line without its newline)
    /// keeps, and unreadable ones before them; a line that is no text is unreadable. What follows the last line that is kept
    /// is cut off, and so is a last line that a kill left without its newline.
    pub fn open(
        path: &Path,
        judge: impl FnMut(&str) -> Verdict,
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

/// The parts of a log that stay, in order, and what was wrong with it.
fn kept(
    file: &File,
    mut judge: impl FnMut(&str) -> Verdict,
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
        match text.map_or(Verdict::Unreadable, &mut judge) {
            Verdict::Keep => {
                damage.left.add(unreadable);
                damage.removed.add(dropped);
                (unreadable, dropped) = Default::default();
                waiting.drain(..).for_each(|part| append(&mut parts, part));
                append(&mut parts, place);
            }
            Verdict::Unreadable => {
                unreadable.add(Lines {
                    count: 1,
                    first: number,
                });
                append(&mut waiting, place);
            }
            Verdict::Drop => dropped.add(Lines {
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

/// A line that [`read_line`] has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLine {
    /// In the file, its newline among them.
    pub bytes: u64,
    /// It has a newline.
    pub ended: bool,
    /// It is not longer than [`LINE_MAX_BYTES`]; otherwise only its beginning was kept.
    pub whole: bool,
}

/// Reads on to the next newline; `line` becomes the line without it. Memory is bounded, whatever the file holds.
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
