//! A run's directory.
//!
//! ```text
//! RUN/config.toml        the resolved configuration and where its texts came from
//! RUN/tokens/            the encoded texts and their tokenizer.json
//! RUN/state/             checkpoints, two generations
//! RUN/own.txt            what the model wrote that the run starts from, for people; its tokens are in tokens/
//! RUN/model/             the best model so far, in the Hugging Face shape
//! RUN/metrics.jsonl      a line of figures for every few steps, and one for each validation
//! RUN/report.html        a page of curves and figures, made from the two above by the command
//! RUN/lock               held while a process works here
//! ```
//! `config.toml` is written last when a run is prepared, so a directory without one holds no run. Which files in a directory are a
//! run's is known in [`contents`].

use super::config::Config;
use crate::error::{Result, RunError};
use contents::{Contents, OWN_TEXT, RECORD, STDIN};
use elman_infer::{OwnText, VocabularyFrom};
use elman_store::{Lock, disk, write_atomic};
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

pub mod contents;

/// Largest size of a `config.toml` in bytes.
const LARGEST_RECORD: u64 = 16 << 20;

/// The directory of a run, locked for this process.
pub struct Folder {
    path: PathBuf,
    /// `None` where the directory is only read, and another process has the lock.
    _lock: Option<Lock>,
}

/// Content of a run's `config.toml`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Record {
    /// Version of elman that started the run.
    pub elman: String,
    /// Name of the instruction set on which the run was started.
    pub isa: String,
    /// Number of steps of the whole budget.
    pub total_steps: u64,
    /// Origin of the run's texts and vocabulary.
    pub inputs: Inputs,
    /// Resolved configuration.
    pub config: Config,
}

/// Origin of a run's texts, for people; the encoded texts are in the run's directory.
///
/// Parts of a path that are not Unicode are written as U+FFFD.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Inputs {
    /// Files of the training text.
    pub train: Vec<PathBuf>,
    /// Files of the validation text; `None` if it is a part of the training text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid: Option<Vec<PathBuf>>,
    /// File that the vocabulary was loaded from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vocab_file: Option<PathBuf>,
    /// `tokenizer.json` that the vocabulary was loaded from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<PathBuf>,
    /// Model whose vocabulary was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vocab_from: Option<PathBuf>,
    /// Model whose weights the run started from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init_from: Option<PathBuf>,
    /// Options of the text that the model of `init_from` wrote before training, and that was trained on too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_text: Option<OwnText>,
}

/// A `config.toml` that is not the record of a run, or not one that this version can read.
#[derive(Debug, thiserror::Error)]
#[error("{}{reason}", other.as_ref().map_or(String::new(), |other| format!(
    "elman {other} wrote it, and this is elman {HERE}, which does not know all that is there: "
)))]
pub struct RecordError {
    /// Version of elman that wrote it, if it is another one.
    pub other: Option<String>,
    /// Description of the flaw, with its line.
    pub reason: toml::de::Error,
}

/// Version of this program.
const HERE: &str = env!("CARGO_PKG_VERSION");

impl Record {
    /// Reads what `config.toml` holds, of this version or of an earlier one.
    pub fn from_toml(text: &str) -> std::result::Result<Record, RecordError> {
        toml::from_str(text).map_err(|reason| {
            let table = toml::from_str::<toml::Table>(text).unwrap_or_default();
            let version = table.get("elman").and_then(toml::Value::as_str);
            RecordError {
                other: version
                    .filter(|version| *version != HERE)
                    .map(str::to_owned),
                reason,
            }
        })
    }
}

impl Inputs {
    /// Records the origin of texts and vocabulary.
    pub fn new(
        train: &[PathBuf],
        valid: Option<&[PathBuf]>,
        vocabulary: &VocabularyFrom,
        init_from: Option<&Path>,
        own_text: Option<OwnText>,
    ) -> Inputs {
        let written = |path: &Path| PathBuf::from(path.to_string_lossy().into_owned());
        let path = vocabulary.path().map(written);
        let (mut vocab_file, mut tokenizer, mut vocab_from) = (None, None, None);
        match vocabulary {
            VocabularyFrom::Text => {}
            VocabularyFrom::File(_) => vocab_file = path,
            VocabularyFrom::Tokenizer { .. } => tokenizer = path,
            VocabularyFrom::Model(_) => vocab_from = path,
        }
        let all = |paths: &[PathBuf]| paths.iter().map(|path| written(path)).collect();
        Inputs {
            train: all(train),
            valid: valid.map(all),
            vocab_file,
            tokenizer,
            vocab_from,
            init_from: init_from.map(written),
            own_text,
        }
    }
}

impl Folder {
    /// Whether `path` holds a run.
    pub fn is_run(path: &Path) -> bool {
        path.join(RECORD).exists()
    }

    /// Creates and locks the directory of a new run.
    ///
    /// # Errors
    /// [`RunError::Exists`] or [`RunError::Foreign`] if it holds files that a run would overwrite;
    /// [`Error::Store`](crate::Error::Store) if it cannot be made or locked.
    pub fn create(path: &Path) -> Result<Folder> {
        // Nothing is made, not even a lock, where somebody else keeps his files.
        Folder::refuse_foreign(path)?;
        for part in ["", "tokens", "state"] {
            disk::create_dir_all(&path.join(part))?;
        }
        let folder = Folder::lock(path)?;
        // Under the lock: another process may have made a run here a moment ago.
        Folder::refuse_existing(path)?;
        Ok(folder)
    }

    /// Copies a text into the directory `path` of a run that is about to start, since training reads its text more than once; returns
    /// the path of the copy.
    ///
    /// # Errors
    /// As for [`Folder::create`]; [`Error::Store`](crate::Error::Store) if the text cannot be read or written.
    pub fn spool(path: &Path, text: &mut dyn Read) -> Result<PathBuf> {
        Folder::refuse_existing(path)?;
        disk::create_dir_all(path)?;
        // As whoever prepares the run does: nobody else is at work there, and the file is known as the run's.
        let _lock = Lock::acquire(path)?;
        let copy = path.join(STDIN);
        write_atomic(&copy, |file| std::io::copy(text, file).map(drop))?;
        Ok(copy)
    }

    /// Checks that a new run in the directory would overwrite nothing, neither a run nor other files.
    ///
    /// # Errors
    /// [`RunError::Exists`] or [`RunError::Foreign`].
    pub fn refuse_existing(path: &Path) -> Result<()> {
        match Folder::refuse_foreign(path)? {
            Contents::Run => Err(RunError::Exists(path.to_path_buf()).into()),
            _ => Ok(()),
        }
    }

    /// Checks that a new run in the directory would overwrite no file that elman did not write; returns what the directory holds.
    ///
    /// # Errors
    /// [`RunError::Foreign`].
    pub fn refuse_foreign(path: &Path) -> Result<Contents> {
        match Contents::of(path)? {
            Contents::Foreign(file) => {
                let path = path.to_path_buf();
                Err(RunError::Foreign { path, file }.into())
            }
            contents => Ok(contents),
        }
    }

    /// Checks that there is a run.
    fn refuse_missing(path: &Path) -> Result<()> {
        if Folder::is_run(path) {
            return Ok(());
        }
        Err(RunError::Missing(path.to_path_buf()).into())
    }

    /// Opens and locks the directory of a run that was prepared before.
    ///
    /// # Errors
    /// [`RunError::Missing`] if there is none; [`Error::Store`](crate::Error::Store) if it cannot be locked.
    pub fn open(path: &Path) -> Result<Folder> {
        Folder::refuse_missing(path)?;
        Folder::lock(path)
    }

    fn lock(path: &Path) -> Result<Folder> {
        let lock = Lock::acquire(path)?;
        for part in ["", "tokens", "state", "model"] {
            let part = path.join(part);
            if part.is_dir() {
                disk::sweep_temporaries(&part)?;
            }
        }
        Ok(Folder {
            path: path.to_path_buf(),
            _lock: Some(lock),
        })
    }

    /// The directory of a run that another process has locked and prepared, for reading.
    ///
    /// # Errors
    /// [`RunError::Missing`] if there is none.
    pub(crate) fn look(path: &Path) -> Result<Folder> {
        Folder::refuse_missing(path)?;
        Ok(Folder {
            path: path.to_path_buf(),
            _lock: None,
        })
    }

    /// Path of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Path of the token file of `part`, which is "train" or "valid".
    pub fn tokens(&self, part: &str) -> PathBuf {
        Folder::tokens_in(&self.path, part)
    }

    /// Path of the token file of `part` in the run at `path`.
    pub(crate) fn tokens_in(path: &Path, part: &str) -> PathBuf {
        path.join("tokens").join(format!("{part}.tok"))
    }

    /// Path of the run's `tokenizer.json`.
    pub fn tokenizer(&self) -> PathBuf {
        self.path.join("tokens/tokenizer.json")
    }

    /// Path of the text that the initial model wrote.
    pub fn own_text(&self) -> PathBuf {
        self.path.join(OWN_TEXT)
    }

    /// Directory of the checkpoints.
    pub fn state(&self) -> PathBuf {
        self.path.join("state")
    }

    /// Directory of the best model.
    pub fn model(&self) -> PathBuf {
        self.path.join("model")
    }

    /// Path of the metrics file.
    pub fn metrics(&self) -> PathBuf {
        Folder::metrics_in(&self.path)
    }

    /// Path of the metrics file of the run at `path`.
    pub(crate) fn metrics_in(path: &Path) -> PathBuf {
        path.join("metrics.jsonl")
    }

    /// Writes `config.toml`, which makes the directory a run.
    pub(crate) fn write_record(&self, record: &Record) -> Result<()> {
        let text = toml::to_string(record).expect("a record is plain tables, strings and numbers");
        write_atomic(&self.path.join(RECORD), |file| {
            file.write_all(text.as_bytes())
        })?;
        Ok(())
    }
}

/// Reads `config.toml` of the run at `path`.
///
/// # Errors
/// [`RunError::Missing`] if there is no run; [`RunError::Record`] if the file cannot be parsed.
pub fn read_record(path: &Path) -> Result<Record> {
    Folder::refuse_missing(path)?;
    let file = path.join(RECORD);
    let text = disk::read_text(&file, LARGEST_RECORD)?;
    let record = Record::from_toml(&text).map_err(|error| RunError::Record {
        path: file,
        flaw: error.to_string(),
    })?;
    record.config.check()?;
    Ok(record)
}
