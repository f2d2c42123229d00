//! File operations of the workspace: every write to disk goes through this module.
//!
//! A file is replaced as a whole or not at all: the new bytes go to a temporary beside the target, are
//! flushed and synced, and take the target's name in one rename; then the directory is synced. A kill, a
//! full disk or a power cut leaves either the old file or the new one. `clippy.toml` forbids the standard
//! library's writing calls everywhere else.
//!
//! Temporaries are called `.<pid>-<n>.elman-tmp` and are locked by the process that writes them, so that
//! [`sweep_temporaries`] removes those that a killed process left behind and keeps those in use.
//!
//! This module knows no format. [`AppendLog`] and [`RecordLog`] write files that grow.
#![allow(clippy::disallowed_methods)] // This is the door that clippy.toml points to.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use super::StoreError;

mod lock;
mod log;
pub use lock::Lock;
pub use log::{AppendLog, Damage, LineDecision, Lines, ReadLine, RecordLog, read_line};

const TEMPORARY_SUFFIX: &str = ".elman-tmp";

/// Replaces the file at `path` with what `write` writes, atomically and durably.
///
/// After any error, from `write` or from the disk, the old file (or its absence) is unchanged and no
/// temporary remains. A symbolic link is followed: the file it points to is replaced.
pub fn write_atomic(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), StoreError> {
    let mut file = AtomicFile::create(path)?;
    write(&mut file.writer).map_err(|error| file.error(error))?;
    file.commit()
}

/// Replaces the file at `path` with `bytes` as [`write_atomic`] does; only its owner may read the new file.
///
/// Systems other than Unix give it the permissions of every other file.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let mut file = AtomicFile::create(path)?;
    restrict(file.writer.get_ref()).map_err(|error| file.error(error))?;
    file.writer
        .write_all(bytes)
        .map_err(|error| file.error(error))?;
    file.commit()
}

#[cfg(unix)]
fn restrict(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn restrict(_: &File) -> io::Result<()> {
    Ok(())
}

/// File under construction: written to a temporary, which [`AtomicFile::commit`] renames to its final path.
///
/// A value that is dropped without a commit removes its temporary.
#[derive(Debug)]
pub struct AtomicFile {
    writer: BufWriter<File>,
    target: PathBuf,
    /// None once it has become the target.
    temporary: Option<PathBuf>,
    ahead: SyncAhead,
}

/// Bytes that are written before the disk is asked to begin.
const AHEAD_BYTES: u64 = 256 << 20;

/// Makes the beginning of a large file durable while the rest is written, so that less is left at the end.
#[derive(Debug, Default)]
struct SyncAhead {
    written: u64,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl SyncAhead {
    /// Notes that bytes were written to `file`.
    fn wrote(&mut self, file: &File, bytes: usize) -> io::Result<()> {
        self.written += bytes as u64;
        let busy = |thread: &JoinHandle<_>| !thread.is_finished();
        if self.written < AHEAD_BYTES || self.thread.as_ref().is_some_and(busy) {
            return Ok(());
        }
        self.finish()?;
        self.written = 0;
        let file = file.try_clone()?;
        self.thread = Some(std::thread::spawn(move || file.sync_data()));
        Ok(())
    }

    /// Waits, and says what went wrong: the system reports a failure once.
    fn finish(&mut self) -> io::Result<()> {
        match self.thread.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(synced)) => synced,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
        }
    }
}

impl AtomicFile {
    /// Opens a temporary beside `path`. The directory must exist; `path`, if it exists, must be a regular file.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        let target = final_target(path)?;
        let directory = parent(&target);
        let mut attempt = 0;
        loop {
            let temporary = directory.join(format!(
                ".{}-{attempt}{TEMPORARY_SUFFIX}",
                std::process::id()
            ));
            let opened = OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .open(&temporary);
            match opened {
                Ok(file) => {
                    // Marks the temporary as being in use; where locks are unknown nobody sweeps either.
                    let _ = file.try_lock();
                    return Ok(Self {
                        writer: BufWriter::with_capacity(1 << 16, file),
                        target,
                        temporary: Some(temporary),
                        ahead: SyncAhead::default(),
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 10_000 => {
                    attempt += 1;
                }
                Err(error) => return Err(StoreError::io(&target, "create", error)),
            }
        }
    }

    /// Makes everything written durable and renames the temporary to its final path, replacing any file there.
    pub fn commit(mut self) -> Result<(), StoreError> {
        self.writer.flush().map_err(|error| self.error(error))?;
        self.ahead.finish().map_err(|error| self.error(error))?;
        self.writer
            .get_ref()
            .sync_all()
            .map_err(|error| self.error(error))?;
        if let Some(temporary) = &self.temporary {
            fs::rename(temporary, &self.target)
                .map_err(|error| StoreError::io(&self.target, "replace", error))?;
            self.temporary = None;
        }
        sync_directory(&parent(&self.target))
    }

    /// The temporary, for writing at any place in it. What was written through [`Write`] is in it.
    pub fn file(&mut self) -> Result<&File, StoreError> {
        self.writer.flush().map_err(|error| self.error(error))?;
        Ok(self.writer.get_ref())
    }

    /// Converts an I/O error of a write to this file into a [`StoreError`] that names the file.
    pub fn error(&self, error: io::Error) -> StoreError {
        StoreError::io(&self.target, "write", error)
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.writer.write(bytes)?;
        self.ahead.wrote(self.writer.get_ref(), written)?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.writer.seek(position)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // Nothing can be done about a failure here; the next sweep tries again.
            let _ = fs::remove_file(temporary);
        }
    }
}

/// Creates a file without a name in `directory`, for scratch data; the system removes it when the process ends.
pub fn scratch(directory: &Path) -> Result<File, StoreError> {
    tempfile::tempfile_in(directory).map_err(|error| StoreError::scratch(directory, error))
}

/// Removes the temporaries that killed processes left in `directory` and returns their number.
///
/// Temporaries of running processes are kept.
pub fn sweep_temporaries(directory: &Path) -> Result<usize, StoreError> {
    let list_error = |error| StoreError::io(directory, "list", error);
    let mut removed = 0;
    for entry in fs::read_dir(directory).map_err(list_error)? {
        let entry = entry.map_err(list_error)?;
        let name = entry.file_name();
        let is_temporary = name
            .to_str()
            .is_some_and(|name| name.starts_with('.') && name.ends_with(TEMPORARY_SUFFIX));
        if !is_temporary || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let path = entry.path();
        let abandoned = File::open(&path).is_ok_and(|file| file.try_lock().is_ok());
        if abandoned && fs::remove_file(&path).is_ok() {
            removed += 1;
        }
    }
    Ok(removed)
}

/// Creates the directory `path` and all missing directories above it, durably.
pub fn create_dir_all(path: &Path) -> Result<(), StoreError> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    let above = parent(path);
    create_dir_all(&above)?;
    match fs::create_dir(path) {
        Ok(()) => sync_directory(&above),
        // Somebody else was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(StoreError::io(path, "create the directory", error)),
    }
}

/// Removes a file; a file that does not exist is no error.
pub fn remove_file(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::io(path, "remove", error))
        }
        _ => Ok(()),
    }
}

/// Removes a directory if it is empty; one that is not empty or does not exist is no error.
pub fn remove_empty_dir(path: &Path) -> Result<(), StoreError> {
    use io::ErrorKind::{DirectoryNotEmpty, NotADirectory, NotFound};
    match fs::remove_dir(path) {
        Err(error) if !matches!(error.kind(), DirectoryNotEmpty | NotADirectory | NotFound) => {
            Err(StoreError::io(path, "remove", error))
        }
        _ => Ok(()),
    }
}

/// Renames a file or directory within one file system.
pub fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(|error| StoreError::io(from, "rename", error))
}

/// Makes `to` a file with the bytes of `from`: a hard link where the file system allows it, otherwise a copy.
///
/// Any file at `to` is replaced. Use it only for files that are never changed in place.
pub fn share(from: &Path, to: &Path) -> Result<(), StoreError> {
    remove_file(to)?;
    let (mut file, _) = open_regular(from)?;
    if fs::hard_link(from, to).is_ok() {
        return sync_directory(&parent(to));
    }
    write_atomic(to, |copy| io::copy(&mut file, copy).map(|_| ()))
}

/// Opens a regular file for reading and returns it with its length in bytes.
///
/// Directories, devices and pipes are refused ([`StoreError::NotAFile`]) before opening them could block.
pub fn open_regular(path: &Path) -> Result<(File, u64), StoreError> {
    let open_error = |error| StoreError::io(path, "open", error);
    refuse_irregular(path, &fs::metadata(path).map_err(open_error)?)?;
    let file = File::open(path).map_err(open_error)?;
    let length = file.metadata().map_err(open_error)?.len();
    Ok((file, length))
}

/// Reads a UTF-8 file of at most `most` bytes.
///
/// Errors: [`StoreError::TooLarge`], [`StoreError::NotText`], and those of [`open_regular`].
pub fn read_text(path: &Path, most: u64) -> Result<String, StoreError> {
    let (file, length) = open_regular(path)?;
    let mut bytes = Vec::new();
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| StoreError::io(path, "read", error))?;
    if bytes.len() as u64 > most {
        return Err(StoreError::TooLarge {
            path: path.to_path_buf(),
            length: length.max(most + 1),
            limit: most,
        });
    }
    String::from_utf8(bytes).map_err(|error| StoreError::NotText {
        path: path.to_path_buf(),
        offset: error.utf8_error().valid_up_to(),
    })
}

/// Where a write to `path` must land: behind symbolic links, and never on a directory or a device.
fn final_target(path: &Path) -> Result<PathBuf, StoreError> {
    let look_error = |error| StoreError::io(path, "write", error);
    if path.file_name().is_none() {
        return Err(StoreError::NotAFile {
            path: path.to_path_buf(),
            what: "a directory",
        });
    }
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => {
            let target = fs::canonicalize(path).map_err(look_error)?;
            refuse_irregular(path, &fs::metadata(&target).map_err(look_error)?)?;
            Ok(target)
        }
        Ok(metadata) => {
            refuse_irregular(path, &metadata)?;
            Ok(path.to_path_buf())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path.to_path_buf()),
        Err(error) => Err(look_error(error)),
    }
}

fn refuse_irregular(path: &Path, metadata: &fs::Metadata) -> Result<(), StoreError> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(StoreError::NotAFile {
        path: path.to_path_buf(),
        what: if metadata.is_dir() {
            "a directory"
        } else {
            "a device or a pipe"
        },
    })
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// Makes the names in a directory durable. Only Unix opens directories; some of its network file systems
/// answer that they cannot sync one, which is no failure of the write.
fn sync_directory(directory: &Path) -> Result<(), StoreError> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    match File::open(directory).and_then(|directory| directory.sync_all()) {
        Err(error)
            if !matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
            ) =>
        {
            Err(StoreError::io(directory, "sync the directory", error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
