//! The files of a run by name: which ones replacing the run deletes, and which ones a new run would overwrite.
//!
//! Files of other names belong to the user, wherever they are: beside the run, and in its `model/` too. A directory holds a run if
//! its `config.toml` is one that elman wrote. The remains of a run that was killed before it had one are recognised by the lock
//! file.

use super::LARGEST_RECORD;
use crate::error::Result;
use crate::tensorboard::is_event_file;
use elman_infer::files::is_model_file;
use elman_store::{Generations, Lock, StoreError, disk};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Name of the file with the run's configuration and the origin of its texts.
pub const RECORD: &str = "config.toml";
/// Name of the text that the initial model wrote.
pub const OWN_TEXT: &str = "own.txt";
/// Name of the run's page, which the command writes.
pub const PAGE: &str = "report.html";
/// Name of the copy of a text that is in no file: standard input, or a string.
pub const STDIN: &str = "stdin.txt";
/// Name of the default directory of event files for TensorBoard.
pub const EVENTS: &str = "tensorboard";

/// A part of a run: a file, or a directory with the names that elman gives to files there.
enum Part {
    File(&'static str),
    Directory(&'static str, fn(&str) -> bool),
}

/// All parts of a run; the file that makes a directory a run comes first.
const PARTS: [Part; 9] = [
    Part::File(RECORD),
    Part::Directory("state", Generations::is_state),
    Part::File("metrics.jsonl"),
    Part::Directory("model", is_model_file),
    Part::Directory("tokens", is_token_file),
    Part::File(PAGE),
    Part::Directory(EVENTS, is_event_file),
    Part::File(STDIN),
    Part::File(OWN_TEXT),
];

fn is_token_file(name: &str) -> bool {
    ["train.tok", "valid.tok", "tokenizer.json"].contains(&name)
}

/// Content of a directory in which a new run is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Nothing that a run would overwrite, or only the remains of a run that never began.
    Free,
    /// A run.
    Run,
    /// A file that a new run would overwrite and that elman did not write.
    Foreign(PathBuf),
}

impl Contents {
    /// Determines what the directory `path` holds; it need not exist.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store) if it cannot be read.
    pub fn of(path: &Path) -> Result<Contents> {
        if path.join(RECORD).symlink_metadata().is_ok() {
            return Ok(match record(path)? {
                Some(_) => Contents::Run,
                None => Contents::Foreign(RECORD.into()),
            });
        }
        if Lock::is_foreign(path)? {
            return Ok(Contents::Foreign(Lock::NAME.into()));
        }
        // The lock is older than all files of a run. It is looked for after them: another process may begin a run here now.
        let files = run_files(path)?;
        let was_prepared = path.join(Lock::NAME).exists();
        // Model, metrics and page are written only once there is a config.toml.
        let early = ["state", "tokens", STDIN, OWN_TEXT];
        let foreign =
            |file: &PathBuf| !was_prepared || !early.iter().any(|part| file.starts_with(part));
        let found = files.into_iter().find(foreign);
        Ok(found.map_or(Contents::Free, Contents::Foreign))
    }
}

/// Lists the files in the directory `path` that a run wrote there, by their names, relative to `path` and with `config.toml` first.
///
/// # Errors
/// [`Error::Store`](crate::Error::Store) if the directory cannot be read.
pub fn run_files(path: &Path) -> Result<Vec<PathBuf>> {
    let record = record(path)?;
    let mut files = Vec::new();
    for part in &PARTS {
        match part {
            Part::File(name) => {
                // A name that the user may well have chosen is the run's only if the run says so.
                let is_ours = record.as_ref().is_none_or(|record| record.has(name));
                let found = path.join(name).symlink_metadata();
                if is_ours && found.is_ok_and(|found| !found.is_dir()) {
                    files.push(name.into());
                }
            }
            Part::Directory(name, is_ours) => {
                for file in names_in(&path.join(name))? {
                    if is_ours(&file) {
                        files.push(Path::new(name).join(file));
                    }
                }
            }
        }
    }
    Ok(files)
}

/// The names of the files in `directory`, in order; none if there is no such directory.
fn names_in(directory: &Path) -> Result<Vec<String>> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(StoreError::io(directory, "list", error).into()),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| StoreError::io(directory, "list", error))?;
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if let (false, Ok(name)) = (is_directory, entry.file_name().into_string()) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// The parts of a `config.toml` of elman that every version has.
struct Recorded {
    inputs: toml::Table,
}

impl Recorded {
    /// Whether the run has written the file `name` of its directory.
    fn has(&self, name: &str) -> bool {
        match name {
            STDIN => ["train", "valid"].iter().any(|part| {
                let paths = self.inputs.get(*part).and_then(toml::Value::as_array);
                let mut paths = paths.into_iter().flatten().filter_map(toml::Value::as_str);
                paths.any(|path| Path::new(path).file_name() == Some(STDIN.as_ref()))
            }),
            OWN_TEXT => self.inputs.contains_key("own-text"),
            _ => true,
        }
    }
}

/// The `config.toml` in `path`; `None` if there is none, or one that elman did not write.
fn record(path: &Path) -> Result<Option<Recorded>> {
    let text = match disk::read_text(&path.join(RECORD), LARGEST_RECORD) {
        Ok(text) => text,
        Err(StoreError::Io { source, .. })
            if matches!(
                source.kind(),
                ErrorKind::NotFound | ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        Err(error @ StoreError::Io { .. }) => return Err(error.into()),
        // A directory, a device, no text, or too much of it.
        Err(_) => return Ok(None),
    };
    let Ok(mut table) = text.parse::<toml::Table>() else {
        return Ok(None);
    };
    let is_ours = table.get("elman").is_some_and(toml::Value::is_str)
        && table.get("config").is_some_and(toml::Value::is_table);
    Ok(match table.remove("inputs") {
        Some(toml::Value::Table(inputs)) if is_ours => Some(Recorded { inputs }),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use elman_store::write_atomic;
    use std::io::Write;

    const OURS: &str = "elman = \"0.1.0\"\nisa = \"avx2\"\ntotal-steps = 3\n[inputs]\ntrain = [\"a.txt\"]\n[config]\nlr = 0.1\n";

    fn room(files: &[(&str, &str)]) -> tempfile::TempDir {
        let room = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = room.path().join(name);
            disk::create_dir_all(path.parent().unwrap()).unwrap();
            write_atomic(&path, |file| file.write_all(text.as_bytes())).unwrap();
        }
        room
    }

    fn contents(files: &[(&str, &str)]) -> Contents {
        Contents::of(room(files).path()).unwrap()
    }

    #[test]
    fn a_run_is_what_elman_recorded() {
        let foreign = |name: &str| Contents::Foreign(name.into());
        let state = ("state/000000000000.safetensors", "");
        assert_eq!(contents(&[]), Contents::Free);
        assert_eq!(
            contents(&[("notes.txt", ""), ("model/notes.txt", "")]),
            Contents::Free
        );
        assert_eq!(contents(&[("config.toml", OURS)]), Contents::Run);
        for other in ["", "[package]\nname = \"x\"\n", "elman = 1\n", "= = ="] {
            assert_eq!(contents(&[("config.toml", other)]), foreign("config.toml"));
        }
        // Files with the names of a run's, and nothing that says that elman wrote them.
        for name in [
            "state/000000000000.safetensors",
            "model/config.json",
            "tokens/tokenizer.json",
            "metrics.jsonl",
            "report.html",
            "stdin.txt",
            "tensorboard/events.out.tfevents.1.elman",
        ] {
            assert_eq!(contents(&[(name, "")]), foreign(name));
        }
        // What a run leaves that is killed while it is prepared, and more than that.
        assert_eq!(
            contents(&[("lock", "71\n"), state, ("tokens/train.tok", "")]),
            Contents::Free
        );
        assert_eq!(
            contents(&[("lock", "71\n"), state, ("model/config.json", "{}")]),
            foreign("model/config.json")
        );
        assert_eq!(contents(&[("lock", "the door"), state]), foreign("lock"));
        assert_eq!(contents(&[("lock", "keep out")]), foreign("lock"));
    }

    #[test]
    fn only_what_a_run_writes_is_its_own() {
        let others = [
            ("state/notes.txt", ""),
            ("state/7.safetensors", ""),
            ("model/pytorch_model.bin", ""),
            ("model/deeper/config.json", ""),
            ("tokens/tokens.txt", ""),
            ("tensorboard/events.out.tfevents.1.host", ""),
            ("own.txt", ""),
            ("stdin.txt", ""),
            ("lock", ""),
        ];
        let ours = [
            ("config.toml", OURS),
            ("state/000000000010.safetensors", ""),
            ("metrics.jsonl", ""),
            ("model/config.json", ""),
            ("model/model.safetensors", ""),
            ("tokens/train.tok", ""),
            ("report.html", ""),
            ("tensorboard/events.out.tfevents.1.elman", ""),
        ];
        let room = room(&[&others[..], &ours[..]].concat());
        let expected: Vec<PathBuf> = ours.iter().map(|(name, _)| name.into()).collect();
        assert_eq!(run_files(room.path()).unwrap(), expected);

        let piped = OURS.replace("a.txt", "runs/a/stdin.txt");
        let finetuned = piped.replace("[inputs]", "[inputs]\nown-text = { share = 0.5 }");
        write_atomic(&room.path().join("config.toml"), |file| {
            file.write_all(finetuned.as_bytes())
        })
        .unwrap();
        let files = run_files(room.path()).unwrap();
        assert!(files.ends_with(&["stdin.txt".into(), "own.txt".into()]));
        assert!(run_files(&room.path().join("absent")).unwrap().is_empty());
    }
}
