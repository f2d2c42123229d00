//! Where a new run goes, and making room for it.

use anyhow::{Context, Result, bail};
use elman::infer::read_vocab;
use elman::store::{Lock, disk};
use elman::text::TextError;
use elman::train::Folder;
use elman::train::folder::contents::{Contents, OWN_TEXT, STDIN, run_files};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

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

/// Files of a run that has not begun.
const EARLY_FILES: [&str; 3] = [Lock::NAME, STDIN, OWN_TEXT];
/// Directories of a run that has not begun, which are empty.
const EARLY_DIRECTORIES: [&str; 2] = ["state", "tokens"];

/// Whether `path` holds nothing but what a run left that never began, and nobody is at work there.
fn is_abandoned(path: &Path) -> bool {
    let Ok(entries) = path.read_dir() else {
        return false;
    };
    let early = EARLY_FILES.iter().chain(&EARLY_DIRECTORIES);
    let mut names = entries.map(|entry| entry.map(|entry| entry.file_name()));
    names.all(|name| name.is_ok_and(|name| early.clone().any(|early| name == *early)))
        && matches!(Contents::of(path), Ok(Contents::Free))
        && Lock::acquire(path).is_ok()
}

/// The directory of a run that may never begin, as with a text that is empty. Then nothing of it is left when this is dropped.
#[must_use]
pub struct Beginning {
    run: PathBuf,
    /// Directories that are not there yet, `run` and those above it, the deepest first.
    missing: Vec<PathBuf>,
}

impl Beginning {
    /// Remembers what is there before the run.
    pub fn new(run: &Path) -> Beginning {
        let above = run.ancestors().take_while(|path| !path.exists());
        Beginning {
            run: run.to_owned(),
            missing: above.map(Path::to_owned).collect(),
        }
    }
}

impl Drop for Beginning {
    /// Best effort: what cannot be removed stays.
    fn drop(&mut self) {
        if !is_abandoned(&self.run) {
            return;
        }
        // Encoded texts, and a first checkpoint. The lock goes last: without it they would be taken for files of the user.
        for file in run_files(&self.run).unwrap_or_default() {
            let _ = disk::remove_file(&self.run.join(file));
        }
        for name in EARLY_FILES.iter().rev() {
            let path = self.run.join(name);
            if path.exists() {
                let _ = disk::remove_file(&path);
            }
        }
        let inside = EARLY_DIRECTORIES.map(|name| self.run.join(name));
        for directory in inside.iter().chain(&self.missing) {
            let _ = disk::remove_empty_dir(directory);
        }
    }
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
    let files = run_files(&run)?;
    for input in inputs {
        let place = input.canonicalize().unwrap_or_default();
        // A file of the run, or a directory with such files.
        if place
            .strip_prefix(&run)
            .is_ok_and(|place| files.iter().any(|file| file.starts_with(place)))
        {
            bail!(
                "{} is in the run that --force would delete: choose another directory with -o",
                input.display()
            );
        }
    }
    Ok(())
}

/// The run that another one replaces: kept aside until the new one is about to train, and put back
/// if it never gets there. Only its own files move; what else lies in its directories stays where it is.
#[must_use]
pub struct Replaced {
    run: PathBuf,
    /// The files of the run, relative to its directory.
    files: Vec<PathBuf>,
    is_deleted: bool,
}

/// Where the old run waits.
const ASIDE: &str = ".replaced";

impl Replaced {
    /// Sets the run in `path` aside, if there is one, and nothing else that lies there.
    /// Errors: files of the user that a run would overwrite; a process is at work on the run; the system refuses.
    pub fn set_aside(path: &Path) -> Result<Replaced> {
        let mut replaced = Replaced {
            run: path.to_path_buf(),
            files: Vec::new(),
            is_deleted: false,
        };
        refuse_foreign(path)?;
        if !path.exists() {
            return Ok(replaced);
        }
        let _lock = Lock::acquire(path)?;
        let aside = path.join(ASIDE);
        if refuse_foreign(path)? == Contents::Run {
            // Left by a replacement that was killed after its run had begun.
            remove(&aside)?;
        }
        for file in run_files(path)? {
            let (from, to) = (path.join(&file), aside.join(&file));
            if to.symlink_metadata().is_ok() {
                // A replacement was killed before its run had begun: what waits is the run.
                disk::remove_file(&from)?;
            } else {
                move_file(&from, &to)?;
            }
            replaced.files.push(file);
        }
        remove_empty_dirs(path, &replaced.files)?;
        Ok(replaced)
    }

    /// Deletes what was set aside, and says which parts of the run that was.
    pub fn delete(mut self) -> Result<Vec<String>> {
        self.is_deleted = true;
        let mut parts = Vec::new();
        for file in &self.files {
            let part = file.iter().next().unwrap_or_default();
            let part = part.to_string_lossy().into_owned();
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
        remove(&self.run.join(ASIDE))?;
        Ok(parts)
    }
}

impl Drop for Replaced {
    /// Puts the old run back in place of whatever the new one left. Best effort: what cannot be
    /// moved stays aside.
    fn drop(&mut self) {
        let aside = self.run.join(ASIDE);
        if self.is_deleted || !Folder::is_run(&aside) {
            return;
        }
        for file in run_files(&self.run).unwrap_or_default() {
            let _ = disk::remove_file(&self.run.join(file));
        }
        // The file that makes it a run comes last: until then the rest waits aside.
        let files = run_files(&aside).unwrap_or_default();
        for file in files.iter().rev() {
            let _ = move_file(&aside.join(file), &self.run.join(file));
        }
        let _ =
            remove_empty_dirs(&aside, &files).and_then(|()| Ok(disk::remove_empty_dir(&aside)?));
    }
}

/// Refuses a directory in which a new run would overwrite files of the user, and returns what is there otherwise.
pub fn refuse_foreign(path: &Path) -> Result<Contents> {
    if !Folder::is_run(path) && Contents::of(&path.join(ASIDE))? == Contents::Run {
        // A replacement was killed: all that is there is of one run or the other.
        return Ok(Contents::Free);
    }
    let contents = Folder::refuse_foreign(path)?;
    if contents == Contents::Run {
        let files = run_files(path)?;
        for name in [STDIN, OWN_TEXT] {
            if path.join(name).exists() && !files.iter().any(|file| file == Path::new(name)) {
                bail!(
                    "{} was not written by the run there, and the new one might overwrite it: move it away, or choose another directory with -o",
                    path.join(name).display()
                );
            }
        }
    }
    Ok(contents)
}

/// Gives the file `from` the name `to`, in a directory that is made if it is missing.
fn move_file(from: &Path, to: &Path) -> Result<()> {
    if let Some(directory) = to.parent() {
        disk::create_dir_all(directory)?;
    }
    Ok(disk::rename(from, to)?)
}

/// Removes the files of the run in `path`, then the directories that are empty by now, `path` itself among them.
fn remove(path: &Path) -> Result<()> {
    let files = run_files(path)?;
    for file in &files {
        disk::remove_file(&path.join(file))?;
    }
    remove_empty_dirs(path, &files)?;
    Ok(disk::remove_empty_dir(path)?)
}

/// Removes the directories in `path` where `files` were, if nothing is left in them.
fn remove_empty_dirs(path: &Path, files: &[PathBuf]) -> Result<()> {
    let directories: BTreeSet<&Path> = files.iter().filter_map(|file| file.parent()).collect();
    for directory in directories {
        if directory != Path::new("") {
            disk::remove_empty_dir(&path.join(directory))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use elman::train::folder::contents::RECORD;
    use std::io::Write;

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
    fn nothing_is_left_of_a_run_that_never_began() {
        let room = tempfile::tempdir().unwrap();
        let run = room.path().join("runs/new");
        let begin = |run: &Path| {
            for name in EARLY_DIRECTORIES {
                disk::create_dir_all(&run.join(name)).unwrap();
            }
            write(&run.join(STDIN), "text");
            // A run whose memory plan does not fit has encoded its texts.
            write(&run.join("tokens/train.tok"), "tokens");
            drop(Lock::acquire(run).unwrap());
        };
        let beginning = Beginning::new(&run);
        begin(&run);
        drop(beginning);
        assert_eq!(room.path().read_dir().unwrap().count(), 0);

        // A directory of the user stays, and so does a run that has begun.
        disk::create_dir_all(&run).unwrap();
        let beginning = Beginning::new(&run);
        begin(&run);
        drop(beginning);
        assert_eq!(run.read_dir().unwrap().count(), 0);
        let beginning = Beginning::new(&run);
        begin(&run);
        write(&run.join(RECORD), "elman = \"0.1.0\"\n[inputs]\n[config]\n");
        drop(beginning);
        assert!(run.join(STDIN).exists() && run.join("state").exists());
    }

    fn write(path: &Path, text: &str) {
        disk::write_atomic(path, |file| file.write_all(text.as_bytes())).unwrap();
    }

    /// A run, and files of the user between its own.
    fn room() -> tempfile::TempDir {
        let room = tempfile::tempdir().unwrap();
        let record = "elman = \"0.1.0\"\n[inputs]\n[config]\n";
        for (file, text) in [
            ("config.toml", record),
            ("state/000000000010.safetensors", "state"),
            ("model/config.json", "{}"),
            ("model/notes.txt", "mine"),
            ("mine/state.txt", "mine"),
            ("notes.txt", "mine"),
        ] {
            let path = room.path().join(file);
            disk::create_dir_all(path.parent().unwrap()).unwrap();
            elman::store::write_atomic(&path, |out| out.write_all(text.as_bytes())).unwrap();
        }
        room
    }

    /// All files and directories, but for the lock.
    fn names(room: &Path) -> Vec<String> {
        fn visit(room: &Path, at: &Path, names: &mut Vec<String>) {
            for entry in at.read_dir().unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(room).unwrap().display().to_string();
                if path.is_dir() {
                    visit(room, &path, names);
                }
                names.push(name);
            }
        }
        let mut names = Vec::new();
        visit(room, room, &mut names);
        names.retain(|name| name != Lock::NAME);
        names.sort();
        names
    }

    #[test]
    fn a_replaced_run_is_deleted_or_put_back_and_nothing_else() {
        let room = room();
        let refused = Folder::refuse_existing(room.path()).unwrap_err();
        assert!(
            matches!(
                refused,
                elman::train::Error::Run(elman::train::RunError::Exists(_))
            ),
            "{refused}"
        );
        let before = names(room.path());

        let replaced = Replaced::set_aside(room.path()).unwrap();
        Folder::refuse_existing(room.path()).unwrap();
        // The new run gets as far as its first state, and fails.
        let state = room.path().join("state/000000000000.safetensors");
        disk::create_dir_all(state.parent().unwrap()).unwrap();
        elman::store::write_atomic(&state, |_| Ok(())).unwrap();
        drop(replaced);
        assert_eq!(names(room.path()), before);

        let replaced = Replaced::set_aside(room.path()).unwrap();
        assert_eq!(replaced.delete().unwrap(), [RECORD, "state", "model"]);
        let left = [
            "mine",
            "mine/state.txt",
            "model",
            "model/notes.txt",
            "notes.txt",
        ];
        assert_eq!(names(room.path()), left);
        let absent = Replaced::set_aside(&room.path().join("absent")).unwrap();
        assert!(absent.delete().unwrap().is_empty());
    }

    /// However a replacement was killed, the next one finds the old run whole.
    #[test]
    fn a_replacement_that_was_killed_loses_nothing() {
        let room = room();
        let before = names(room.path());
        let whole = |replaced: Replaced| {
            drop(replaced);
            assert_eq!(names(room.path()), before);
        };
        // In the middle of setting the run aside.
        let aside = room.path().join(ASIDE);
        move_file(&room.path().join(RECORD), &aside.join(RECORD)).unwrap();
        whole(Replaced::set_aside(room.path()).unwrap());
        // After that, and in the middle of putting it back.
        std::mem::forget(Replaced::set_aside(room.path()).unwrap());
        let config = Path::new("model/config.json");
        move_file(&aside.join(config), &room.path().join(config)).unwrap();
        whole(Replaced::set_aside(room.path()).unwrap());
    }

    #[test]
    fn what_is_no_run_is_not_replaced() {
        let room = room();
        let record = room.path().join(RECORD);
        elman::store::write_atomic(&record, |out| out.write_all(b"[app]\nname = \"x\"\n")).unwrap();
        let before = names(room.path());
        let Err(error) = Replaced::set_aside(room.path()) else {
            panic!("a directory of the user was replaced")
        };
        assert!(error.to_string().contains("config.toml"), "{error}");
        assert_eq!(names(room.path()), before);
        assert!(!room.path().join(Lock::NAME).exists());
    }

    #[test]
    fn a_run_without_a_name_takes_no_directory_of_the_user() {
        let room = tempfile::tempdir().unwrap();
        let directory = room.path().join("runs/kjv");
        disk::create_dir_all(&directory.join("tokens")).unwrap();
        assert!(is_abandoned(&directory));
        let mine = directory.join("tokens/tokenizer.json");
        disk::remove_file(&directory.join(Lock::NAME)).unwrap();
        elman::store::write_atomic(&mine, |_| Ok(())).unwrap();
        assert!(!is_abandoned(&directory));
    }
}
