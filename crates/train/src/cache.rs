//! The cache of encoded texts: files that were encoded in the same way before are not encoded again.
//!
//! ```text
//! CACHE/texts/KEY/entry.json       which texts, and notes about them
//!                 tokenizer.json   \
//!                 train.tok         } as in RUN/tokens
//!                 valid.tok        /
//! CACHE/encoding/  turns of processes that need the same text at once
//! ```
//!
//! KEY is the BLAKE3 hash of everything that decides the outcome: the program's version, the names and the bytes of all files, and
//! every choice of vocabulary and reading. A file that has changed has another key, so nothing here is ever out of date.
//!
//! A run has the files under names of its own, which remain when the cache is emptied; where the file system can, they are the same
//! bytes on disk. Nothing depends on the cache: a damaged entry is made again, and a failure to keep one is a note.

use super::folder::Folder;
use super::job::Job;
use crate::error::Result;
use elman_store::{StoreError, disk, write_atomic};
use elman_text::Vocab;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

mod turn;
pub(crate) use turn::EncodingTurn;

/// Largest size of all entries together in bytes, 16 GiB; entries unused for longest are deleted first.
pub(crate) const MOST_BYTES: u64 = 16 << 30;
/// Version of the encoding, to be raised whenever a text is cut, counted or split differently than before.
const READING: u32 = 2;
/// Age after which a half-made entry is taken to be left by a killed process.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);
/// More than any entry's description.
const DESCRIPTION_BYTES: u64 = 1 << 20;
const DESCRIPTION: &str = "entry.json";
const TOKENIZER: &str = "tokenizer.json";

/// Cache of the encoded texts of earlier runs, in a directory that may be deleted at any time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    directory: PathBuf,
}

/// Description of an entry of the cache: its texts and their encoding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Files of the training text.
    pub train: Vec<PathBuf>,
    /// Files of the validation text; `None` if it is a part of the training text.
    pub valid: Option<Vec<PathBuf>>,
    /// Kind of the vocabulary.
    pub kind: String,
    /// V, the size of the vocabulary.
    pub vocab: usize,
    /// Number of tokens of the training text.
    pub train_tokens: u64,
    /// Number of tokens of the validation text.
    pub valid_tokens: u64,
    /// Notes for people about the texts.
    pub remarks: Vec<String>,
}

/// An entry of the cache as it is on disk.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Directory of the entry.
    pub path: PathBuf,
    /// Size of its files in bytes.
    pub bytes: u64,
    /// Time of the last use, in seconds since 1970.
    pub last_used: u64,
    /// Description of the texts.
    #[serde(flatten)]
    pub description: Description,
}

impl Cache {
    /// Makes a cache in `directory`, which need not exist yet.
    pub fn new(directory: impl Into<PathBuf>) -> Cache {
        Cache {
            directory: directory.into(),
        }
    }

    /// Directory of the cache.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Lists all entries, the one used last first.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store) if the directory cannot be read.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        let listed = match std::fs::read_dir(self.texts()) {
            Ok(listed) => listed,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(StoreError::io(&self.texts(), "list", error).into()),
        };
        let paths = listed.filter_map(|found| Some(found.ok()?.path()));
        let mut entries: Vec<Entry> = paths
            .filter(|path| is_entry(path))
            .filter_map(|path| Entry::read(&path))
            .collect();
        entries.sort_by(|a, b| (b.last_used, &a.path).cmp(&(a.last_used, &b.path)));
        Ok(entries)
    }

    /// Deletes all entries and no other files; runs keep their texts.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store) if a file cannot be deleted.
    pub fn clear(&self) -> Result<()> {
        let listed = std::fs::read_dir(self.texts());
        for path in listed.into_iter().flatten().flatten().map(|at| at.path()) {
            if is_entry(&path) || is_half_made(&path) {
                remove(&path)?;
            }
        }
        turn::clear(self);
        Ok(disk::remove_empty_dir(&self.texts())?)
    }

    fn texts(&self) -> PathBuf {
        self.directory.join("texts")
    }

    fn encoding(&self) -> PathBuf {
        self.directory.join("encoding")
    }

    /// Gives `folder` the files of the entry `key` and returns the notes about them; `None` if there is no such entry.
    pub(super) fn fetch(&self, key: &str, folder: &Folder) -> Option<Vec<String>> {
        let entry = self.texts().join(key);
        let description = read_description(&entry).ok()?;
        for (name, path) in files(folder) {
            disk::share(&entry.join(name), &path).ok()?;
        }
        // A clock that cannot be set only ages the entry.
        let _ = File::open(entry.join(DESCRIPTION))
            .and_then(|file| file.set_modified(SystemTime::now()));
        Some(description.remarks)
    }

    /// Keeps the files of `folder` as the entry `key`, and deletes old entries.
    pub(super) fn keep(&self, key: &str, folder: &Folder, description: &Description) -> Result<()> {
        let (texts, entry) = (self.texts(), self.texts().join(key));
        let half_made = texts.join(format!(".{key}-{}", std::process::id()));
        disk::create_dir_all(&half_made)?;
        let made = self.fill(&half_made, folder, description).and_then(|()| {
            remove(&entry)?;
            Ok(disk::rename(&half_made, &entry)?)
        });
        if made.is_err() {
            remove(&half_made)?;
            // Another run may have kept the same a moment ago.
            return if entry.is_dir() { Ok(()) } else { made };
        }
        self.tidy(MOST_BYTES)
    }

    fn fill(&self, entry: &Path, folder: &Folder, description: &Description) -> Result<()> {
        for (name, path) in files(folder) {
            disk::share(&path, &entry.join(name))?;
        }
        write_atomic(&entry.join(DESCRIPTION), |file| {
            file.write_all(&serde_json::to_vec_pretty(description)?)
        })?;
        Ok(())
    }

    /// Deletes the entries unused for longest until all take `most` bytes, and what kills have left.
    fn tidy(&self, most: u64) -> Result<()> {
        let mut bytes = 0;
        for entry in self.entries()? {
            bytes += entry.bytes;
            if bytes > most {
                remove(&entry.path)?;
            }
        }
        let listed = std::fs::read_dir(self.texts());
        for path in listed.into_iter().flatten().flatten().map(|at| at.path()) {
            let age = path.metadata().and_then(|about| about.modified());
            let age = age.map(|time| time.elapsed().unwrap_or_default());
            if is_half_made(&path) && age.is_ok_and(|age| age > ABANDONED) {
                remove(&path)?;
            }
        }
        Ok(())
    }
}

impl Entry {
    /// `None` if there is no entry in `path`, or no longer.
    fn read(path: &Path) -> Option<Entry> {
        let description = read_description(path).ok()?;
        let used = path
            .join(DESCRIPTION)
            .metadata()
            .and_then(|about| about.modified());
        let used = used.ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        let lengths = std::fs::read_dir(path).ok()?;
        let lengths = lengths.filter_map(|file| Some(file.ok()?.metadata().ok()?.len()));
        Some(Entry {
            path: path.to_path_buf(),
            bytes: lengths.sum(),
            last_used: used.as_secs(),
            description,
        })
    }
}

fn read_description(entry: &Path) -> Result<Description> {
    let path = entry.join(DESCRIPTION);
    let (file, _) = disk::open_regular(&path)?;
    serde_json::from_reader(BufReader::new(file.take(DESCRIPTION_BYTES)))
        .map_err(|error| StoreError::io(&path, "read", error.into()).into())
}

/// Whether the name is a key.
fn is_entry(path: &Path) -> bool {
    path.file_name().and_then(OsStr::to_str).is_some_and(is_key)
}

/// Whether the name is that of an entry that a process makes, or was making when it was killed.
fn is_half_made(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str);
    let key = name.and_then(|name| name.strip_prefix('.')?.split_once('-'));
    key.is_some_and(|(key, process)| is_key(key) && process.parse::<u32>().is_ok())
}

fn is_key(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Deletes the files of an entry, and its directory if nothing else is in it.
fn remove(entry: &Path) -> Result<()> {
    if !entry.is_dir() {
        return Ok(());
    }
    disk::sweep_temporaries(entry)?;
    for name in [DESCRIPTION, TOKENIZER, "train.tok", "valid.tok"] {
        disk::remove_file(&entry.join(name))?;
    }
    Ok(disk::remove_empty_dir(entry)?)
}

/// The files of an entry under their names, and where a run has them.
fn files(folder: &Folder) -> [(&'static str, PathBuf); 3] {
    [
        (TOKENIZER, folder.tokenizer()),
        ("train.tok", folder.tokens("train")),
        ("valid.tok", folder.tokens("valid")),
    ]
}

/// The key of what the job's texts become with `vocab` (`None`: the vocabulary is counted in them). `None` if a file cannot be
/// read to its end more than once; who prepares the text says what is wrong with it.
pub(super) fn key(job: &Job, vocab: Option<&Vocab>) -> Option<String> {
    // Taken apart so that no choice is forgotten.
    let Job {
        config,
        train,
        valid,
        vocabulary: _,
        init_from: _,
        // It is written after the true text has been taken from here.
        own_text: _,
        run: _,
        cache: _,
        fit_to_text: _,
        machine: _,
    } = job;
    let counted = vocab.is_none().then(|| {
        let (kind, min, max) = (config.vocab.name(), config.min_count, config.max_vocab);
        format!("{kind} {min} {max:?}")
    });
    let weights = &config.corpus_weights;
    // The seed draws which part of a text is read.
    let drawn = (!weights.is_empty()).then_some(config.seed);
    let choices = format!(
        "{} {READING} {:?} {counted:?} {} {:?} {weights:?} {drawn:?} {}",
        env!("CARGO_PKG_VERSION"),
        vocab.map(Vocab::hash),
        config.lossy,
        config.document_separator,
        super::texts::VALIDATION_FRACTION,
    );
    let mut hash = blake3::Hasher::new();
    hash.update(choices.as_bytes());
    for path in train {
        hash.update(&file_hash("train", path)?);
    }
    for path in valid.iter().flatten() {
        hash.update(&file_hash("valid", path)?);
    }
    Some(hash.finalize().to_hex().to_string())
}

/// A hash of what a file is for, its name and its bytes.
fn file_hash(part: &str, path: &Path) -> Option<[u8; 32]> {
    let (file, _) = disk::open_regular(path).ok()?;
    let mut hash = blake3::Hasher::new();
    hash.update(format!("{part} {path:?} ").as_bytes());
    hash.update_reader(file).ok()?;
    Some(*hash.finalize().as_bytes())
}

#[cfg(test)]
mod tests;
