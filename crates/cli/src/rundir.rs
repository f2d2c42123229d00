//! Where a new run goes, and making room for it.

use crate::options;
use crate::run_page;
use anyhow::{Context, Result, bail};
use elman::infer::read_vocab;
use elman::store::{Lock, disk};
use elman::text::TextError;
use elman::train::Folder;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Everything that a run keeps in its directory, the file that makes it a run first: a removal that
/// is cut short leaves no half of one.
const ENTRIES: [&str; 9] = [
    "config.toml",
    "state",
    "metrics.jsonl",
    "model",
    "tokens",
    run_page::NAME,
    options::TENSORBOARD,
    STDIN,
    OWN_TEXT,
];
/// The copy of standard input.
pub const STDIN: &str = "stdin.txt";
/// What the model has written that `elman finetune --on-generated` goes on from.
pub const OWN_TEXT: &str = "own.txt";

/// The directory for a run on `text` that nobody named: `runs/kjv`, or `runs/kjv-2` and so on where
/// there is something already.
pub fn unused(text: &Path) -> PathBuf {
    let stem = name_after(text);
    let runs = Path::new("runs");
    let numbered = (2..).map(|n| runs.join(format!("{stem}-{n}")));
    let mut candidates = std::iter::once(runs.join(&stem)).chain(numbered);
    candidates
        .find(|path| !path.exists() || is_abandoned(path))
        .unwrap_or_else(|| runs.join(stem))
}

/// What is called after `text`: `kjv` for data/kjv.txt.gz.
pub fn name_after(text: &Path) -> String {
    let name = text
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    match name.as_deref() {
        None | Some("-") => "stdin".to_owned(),
        // All extensions go. A leading dot is part of a name.
        Some(name) => match name.char_indices().skip(1).find(|(_, c)| *c == '.') {
            Some((dot, _)) => name[..dot].to_owned(),
            None => name.to_owned(),
        },
    }
}

/// Whether `path` holds nothing but what a run left that never began, and nobody is at work there.
fn is_abandoned(path: &Path) -> bool {
    let Ok(entries) = path.read_dir() else {
        return false;
    };
    let ours = |name: &str| name == "lock" || (name != "config.toml" && ENTRIES.contains(&name));
    let mut names = entries.map(|entry| entry.map(|entry| entry.file_name()));
    names.all(|name| name.is_ok_and(|name| name.to_str().is_some_and(ours)))
        && Lock::acquire(path).is_ok()
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

/// The run that another one replaces: kept aside until the new one is about to train, and put back
/// if it never gets there.
#[must_use]
pub struct Replaced {
    run: PathBuf,
    entries: Vec<&'static str>,
}

/// Where the old run waits.
const ASIDE: &str = ".replaced";

impl Replaced {
    /// Sets the run in `path` aside, if there is one, and nothing else that lies there.
    /// Errors: a process is at work on it, or the system refuses.
    pub fn set_aside(path: &Path) -> Result<Replaced> {
        let mut replaced = Replaced {
            run: path.to_path_buf(),
            entries: Vec::new(),
        };
        if !path.exists() {
            return Ok(replaced);
        }
        let _lock = Lock::acquire(path)?;
        let aside = path.join(ASIDE);
        if Folder::is_run(path) {
            // Left by a replacement that was killed after its run had begun.
            disk::remove_all(&aside)?;
        }
        for entry in ENTRIES {
            let (from, to) = (path.join(entry), aside.join(entry));
            if from.symlink_metadata().is_err() {
                continue;
            }
            if to.symlink_metadata().is_ok() {
                // A replacement was killed before its run had begun: what waits is the run.
                disk::remove_all(&from)?;
            } else {
                disk::create_dir_all(&aside)?;
                disk::rename(&from, &to)?;
            }
            replaced.entries.push(entry);
        }
        Ok(replaced)
    }

    /// Deletes what was set aside, and says what that was.
    pub fn delete(mut self) -> Result<Vec<&'static str>> {
        let entries = std::mem::take(&mut self.entries);
        disk::remove_all(&self.run.join(ASIDE))?;
        Ok(entries)
    }
}

impl Drop for Replaced {
    /// Puts the old run back in place of whatever the new one left. Best effort: what cannot be
    /// moved stays aside.
    fn drop(&mut self) {
        let aside = self.run.join(ASIDE);
        for entry in ENTRIES {
            let (from, to) = (aside.join(entry), self.run.join(entry));
            if from.symlink_metadata().is_ok() && disk::remove_all(&to).is_ok() {
                let _ = disk::rename(&from, &to);
            }
        }
        // Only if it is empty by now.
        let _ = std::fs::remove_dir(&aside);
    }
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
    fn a_replaced_run_is_deleted_or_put_back_and_nothing_else() {
        let room = tempfile::tempdir().unwrap();
        for part in ["state", "mine"] {
            disk::create_dir_all(&room.path().join(part)).unwrap();
        }
        for file in ["config.toml", "state/a", "notes.txt"] {
            elman::store::write_atomic(&room.path().join(file), |_| Ok(())).unwrap();
        }
        assert!(
            Folder::refuse_existing(room.path())
                .unwrap_err()
                .to_string()
                .contains("--resume")
        );
        let names = || {
            let entries = room.path().read_dir().unwrap();
            let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let before = names();

        let replaced = Replaced::set_aside(room.path()).unwrap();
        Folder::refuse_existing(room.path()).unwrap();
        // The new run gets as far as its token files, and fails.
        disk::create_dir_all(&room.path().join("state")).unwrap();
        drop(replaced);
        assert!(room.path().join("state/a").exists());
        let with_lock: Vec<_> = names().into_iter().filter(|n| n != "lock").collect();
        assert_eq!(with_lock, before);

        let replaced = Replaced::set_aside(room.path()).unwrap();
        assert_eq!(replaced.delete().unwrap(), ["config.toml", "state"]);
        assert_eq!(names(), ["lock", "mine", "notes.txt"]);
        let absent = Replaced::set_aside(&room.path().join("absent")).unwrap();
        assert!(absent.delete().unwrap().is_empty());
    }
}
