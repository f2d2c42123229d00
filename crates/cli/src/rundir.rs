//! Where a new run goes, and making room for it.

use crate::args::Quoted;
use anyhow::{Context, Result, bail};
use elman::infer::read_vocab;
use elman::store::{Lock, disk};
use elman::text::TextError;
use elman::train::Folder;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Everything that a run keeps in its directory, the file that makes it a run first: a removal that
/// is cut short leaves no half of one.
const ENTRIES: [&str; 7] = [
    "config.toml",
    "state",
    "metrics.jsonl",
    "model",
    "tokens",
    "report.html",
    STDIN,
];
/// The copy of standard input.
pub const STDIN: &str = "stdin.txt";

/// The directory for a run on `text` that nobody named: `runs/kjv`, or `runs/kjv-2` and so on where
/// there is something already.
pub fn unused(text: &Path) -> PathBuf {
    let name = text
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let stem = match name.as_deref() {
        None | Some("-") => "stdin".to_owned(),
        // All extensions go: kjv.txt.gz is kjv. A leading dot is part of a name.
        Some(name) => match name.char_indices().skip(1).find(|(_, c)| *c == '.') {
            Some((dot, _)) => name[..dot].to_owned(),
            None => name.to_owned(),
        },
    };
    let runs = Path::new("runs");
    let numbered = (2..).map(|n| runs.join(format!("{stem}-{n}")));
    let mut candidates = std::iter::once(runs.join(&stem)).chain(numbered);
    candidates
        .find(|path| !path.exists())
        .unwrap_or_else(|| runs.join(stem))
}

/// Says what to do about a run that stands where another shall go.
pub fn refuse_existing(path: &Path) -> Result<()> {
    if Folder::is_run(path) {
        let run = Quoted(path);
        bail!(
            "{} already holds a run: go on with it by `elman train --resume {run}`, replace it with --force, or choose another directory with --run",
            path.display()
        );
    }
    Ok(())
}

/// Makes sure, before anything is deleted in `run`, that the inputs of the run that will take its
/// place are there and are not in it.
pub fn check_inputs<'a>(
    run: &Path,
    files: impl Iterator<Item = &'a PathBuf>,
    models: impl Iterator<Item = &'a PathBuf>,
) -> Result<()> {
    let mut inputs = Vec::new();
    for path in files {
        match path.metadata() {
            Ok(meta) if meta.is_dir() => return Err(TextError::Directory(path.clone()).into()),
            Ok(_) => inputs.push(path),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(TextError::Missing(path.clone()).into());
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        }
    }
    for path in models {
        read_vocab(path)?;
        inputs.push(path);
    }
    let Ok(run) = run.canonicalize() else {
        return Ok(());
    };
    for input in inputs {
        if input
            .canonicalize()
            .is_ok_and(|input| input.starts_with(&run))
        {
            bail!(
                "{} is in the run that --force would delete: choose another directory with --run",
                input.display()
            );
        }
    }
    Ok(())
}

/// Deletes the run in `path`, if there is one, and nothing else that lies there. Returns what was deleted.
/// Errors: a process is at work on it, or the system refuses.
pub fn clear(path: &Path) -> Result<Vec<&'static str>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let _lock = Lock::acquire(path)?;
    let mut deleted = Vec::new();
    for entry in ENTRIES {
        let entry_path = path.join(entry);
        let Ok(meta) = entry_path.symlink_metadata() else {
            continue;
        };
        if meta.is_dir() {
            std::fs::remove_dir_all(&entry_path)
                .with_context(|| format!("cannot delete {}", entry_path.display()))?;
        } else {
            disk::remove_file(&entry_path)?;
        }
        deleted.push(entry);
    }
    Ok(deleted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_named_after_their_text() {
        for (text, run) in [
            ("data/kjv.txt", "runs/kjv"),
            ("kjv.txt.gz", "runs/kjv"),
            ("-", "runs/stdin"),
            (".hidden", "runs/.hidden"),
            ("..", "runs/stdin"),
            ("dir/plain", "runs/plain"),
        ] {
            assert_eq!(unused(Path::new(text)), Path::new(run));
        }
    }

    #[test]
    fn clearing_takes_the_run_and_nothing_else() {
        let room = tempfile::tempdir().unwrap();
        for part in ["state", "mine"] {
            disk::create_dir_all(&room.path().join(part)).unwrap();
        }
        for file in ["config.toml", "state/a", "notes.txt"] {
            elman::store::write_atomic(&room.path().join(file), |_| Ok(())).unwrap();
        }
        assert!(
            refuse_existing(room.path())
                .unwrap_err()
                .to_string()
                .contains("--resume")
        );
        assert_eq!(clear(room.path()).unwrap(), ["config.toml", "state"]);
        refuse_existing(room.path()).unwrap();
        assert!(room.path().join("notes.txt").exists() && room.path().join("mine").exists());
        assert!(clear(&room.path().join("absent")).unwrap().is_empty());
    }
}
