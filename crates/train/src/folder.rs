//! A run's directory.
//!
//! ```text
//! RUN/config.toml        the resolved configuration and where its texts came from
//! RUN/tokens/            the encoded texts and their tokenizer.json
//! RUN/state/             checkpoints, two generations
//! RUN/own.txt            what the model wrote that the run starts from, for people; its tokens are in tokens/
//! RUN/model/             the best model so far, in the Hugging Face shape
//! RUN/metrics.jsonl      one line per logged step and validation
//! RUN/report.html        a page of curves and figures, made of the two above by whoever watches the run
//! RUN/lock               held while a process works here
//! ```
//! `config.toml` is written last when a run is prepared, so a directory without one holds no run. Which files in a directory are a
//! run's is known in [`contents`].

use super::config::Config;
use crate::error::{Result, RunError};
use contents::{Contents, OWN_TEXT, RECORD};
use elman_infer::{OwnText, VocabularyFrom};
use elman_store::{Lock, disk, write_atomic};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};

pub mod contents;

/// No `config.toml` is larger.
const LARGEST_RECORD: u64 = 16 << 20;

/// The directory of a run, locked for this process.
pub struct Folder {
    path: PathBuf,
    _lock: Lock,
}

/// What `config.toml` holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Record {
    /// The version of elman that started the run.
    pub elman: String,
    /// The instruction set it was started on.
    pub isa: String,
    pub total_steps: u64,
    pub inputs: Inputs,
    pub config: Config,
}

/// Where a run's texts came from; for people, since the encoded texts are in the run. What is not
/// Unicode in a path is written as U+FFFD.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Inputs {
    pub train: Vec<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid: Option<Vec<PathBuf>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vocab_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vocab_from: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init_from: Option<PathBuf>,
    /// What the model of `init_from` wrote before the run began, and was trained on too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_text: Option<OwnText>,
}

impl Inputs {
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

    /// Makes the directory of a new run. Errors: it holds a run already, or files that a run would overwrite, or cannot be made.
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

    /// Refuses a directory in which a new run would overwrite a run or anything else.
    pub fn refuse_existing(path: &Path) -> Result<()> {
        match Folder::refuse_foreign(path)? {
            Contents::Run => Err(RunError::Exists(path.to_path_buf()).into()),
            _ => Ok(()),
        }
    }

    /// Refuses a directory in which a new run would overwrite what elman did not write, and returns what is there otherwise.
    pub fn refuse_foreign(path: &Path) -> Result<Contents> {
        match Contents::of(path)? {
            Contents::Foreign(file) => {
                let path = path.to_path_buf();
                Err(RunError::Foreign { path, file }.into())
            }
            contents => Ok(contents),
        }
    }

    /// Says what to do where no run stands.
    fn refuse_missing(path: &Path) -> Result<()> {
        if Folder::is_run(path) {
            return Ok(());
        }
        Err(RunError::Missing(path.to_path_buf()).into())
    }

    /// Opens the directory of a run that was prepared before.
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
            _lock: lock,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn tokens(&self, part: &str) -> PathBuf {
        Folder::tokens_in(&self.path, part)
    }

    /// The same in the run `path`, for whoever only reads.
    pub fn tokens_in(path: &Path, part: &str) -> PathBuf {
        path.join("tokens").join(format!("{part}.tok"))
    }

    pub fn tokenizer(&self) -> PathBuf {
        self.path.join("tokens/tokenizer.json")
    }

    pub fn own_text(&self) -> PathBuf {
        self.path.join(OWN_TEXT)
    }

    pub fn state(&self) -> PathBuf {
        self.path.join("state")
    }

    pub fn model(&self) -> PathBuf {
        self.path.join("model")
    }

    pub fn metrics(&self) -> PathBuf {
        Folder::metrics_in(&self.path)
    }

    /// The same in the run `path`, for whoever only reads.
    pub fn metrics_in(path: &Path) -> PathBuf {
        path.join("metrics.jsonl")
    }

    pub fn write_record(&self, record: &Record) -> Result<()> {
        let text = toml::to_string(record).expect("a record is plain tables, strings and numbers");
        write_atomic(&self.path.join(RECORD), |file| {
            file.write_all(text.as_bytes())
        })?;
        Ok(())
    }
}

/// Reads `config.toml` of the run in `path`.
pub fn read_record(path: &Path) -> Result<Record> {
    Folder::refuse_missing(path)?;
    let file = path.join(RECORD);
    let text = disk::read_text(&file, LARGEST_RECORD)?;
    let record: Record = toml::from_str(&text).map_err(|error| RunError::Record {
        path: file,
        flaw: error.to_string(),
    })?;
    record.config.check()?;
    Ok(record)
}
