//! Files that a command was asked to write: none that is there is replaced unless that was asked for, and none that is read.
//!
//! This holds for every `-o`, `--svg`, `--npy` and `--safetensors`. Where a run goes is the business of `rundir`.

use anyhow::{Result, bail};
use elman::infer::files::is_model_file;
use elman::store::model_dir;
use elman::train::Folder;
use std::path::{Path, PathBuf};

/// What a command makes.
#[derive(Clone, Copy, PartialEq)]
pub enum Making {
    File,
    /// The directory of a model.
    Model,
}

/// Makes sure that a command replaces nothing at `path` that it was not asked to replace.
pub fn refuse_existing(path: &Path, making: Making, force: bool) -> Result<()> {
    let shown = path.display();
    let is_empty = || {
        path.read_dir()
            .is_ok_and(|mut entries| entries.next().is_none())
    };
    let is_of_a_run = || {
        let above = path.canonicalize().ok();
        above.is_some_and(|path| {
            path.parent().is_some_and(Folder::is_run) && path.ends_with("model")
        })
    };
    match (making, path.is_dir()) {
        _ if !path.exists() => Ok(()),
        (Making::File, true) => {
            bail!("{shown} is a directory, and a file is to be written: give its name")
        }
        (Making::File, false) if !path.is_file() => {
            bail!("{shown} is a device or a pipe, and a file is to be written: give its name")
        }
        (Making::Model, false) => {
            bail!("{shown} is a file, and a model is a directory: choose another name")
        }
        (Making::Model, true) if is_empty() => Ok(()),
        (Making::Model, true) if Folder::is_run(path) => {
            bail!("{shown} is a run: choose another directory")
        }
        (Making::Model, true) if is_of_a_run() => {
            bail!("{shown} is the model of a run: choose another directory")
        }
        (Making::Model, true) if !path.join(model_dir::CONFIG).exists() => {
            bail!("{shown} is a directory that holds other things than a model: choose another one")
        }
        (Making::Model, true) if !model_dir::is_ours(path) => {
            bail!("{shown} holds a model of another program: choose another directory")
        }
        _ if !force => bail!("{shown} exists: choose another name, or replace it with --force"),
        _ => Ok(()),
    }
}

/// [`refuse_existing`] for several files, before the first of them is written.
pub fn refuse_any<'a>(paths: impl IntoIterator<Item = &'a PathBuf>, force: bool) -> Result<()> {
    let mut paths = paths.into_iter();
    paths.try_for_each(|path| refuse_existing(path, Making::File, force))
}

/// Makes sure that a command does not write what it reads, with --force either. A directory is written where a model goes, and is
/// read as a model or a run: then it stands for the files that those have.
pub fn refuse_inputs<'a>(
    output: &Path,
    inputs: impl IntoIterator<Item = &'a PathBuf>,
) -> Result<()> {
    let written = output.canonicalize().unwrap_or_default();
    for input in inputs {
        let Ok(read) = input.canonicalize() else {
            continue;
        };
        let same = match (read.is_dir(), written.is_dir()) {
            (false, false) => read == written,
            (false, true) => read.parent() == Some(&written) && is_a_model_s(&read),
            (true, false) => {
                let place = written.strip_prefix(&read);
                place.is_ok_and(|place| is_read(place) && is_a_model_s(place))
            }
            (true, true) => written == read || written == read.join("model"),
        };
        if same {
            bail!(
                "{} is read here, and would be overwritten: give another name for the output",
                output.display()
            );
        }
    }
    Ok(())
}

/// Whether a file in a directory that is given as a model or a run is in the place of one that is read.
fn is_read(place: &Path) -> bool {
    place
        .parent()
        .is_some_and(|parent| parent == Path::new("") || parent == Path::new("model"))
}

/// Whether the file has the name of a file of a model or a run.
fn is_a_model_s(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    is_model_file(&name) || ["config.toml", "metrics.jsonl"].contains(&&*name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use elman::store::{disk, write_atomic};
    use std::io::Write;

    #[test]
    fn nothing_is_overwritten_unasked_and_no_input_at_all() {
        let room = tempfile::tempdir().unwrap();
        let place = |name: &str| room.path().join(name);
        for (name, text) in [
            ("text.txt", "a"),
            ("run/config.toml", "elman = \"0\""),
            ("run/model/config.json", "{\"elman\":{}}"),
            ("ours/config.json", "{\"elman\":{}}"),
            ("theirs/config.json", "{}"),
            ("notes/a.txt", ""),
        ] {
            disk::create_dir_all(place(name).parent().unwrap()).unwrap();
            write_atomic(&place(name), |file| file.write_all(text.as_bytes())).unwrap();
        }
        let says = |name: &str, making, force| match refuse_existing(&place(name), making, force) {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        };
        assert_eq!(says("new", Making::File, false), "");
        assert!(says("text.txt", Making::File, false).contains("replace it with --force"));
        assert_eq!(says("text.txt", Making::File, true), "");
        assert!(says("run", Making::File, true).contains("is a directory"));
        assert!(says("ours", Making::Model, false).contains("replace it with --force"));
        assert_eq!(says("ours", Making::Model, true), "");
        for (name, part) in [
            ("run", "is a run"),
            ("run/model", "the model of a run"),
            ("theirs", "another program"),
            ("notes", "other things"),
            ("text.txt", "is a file"),
        ] {
            let said = says(name, Making::Model, true);
            assert!(said.contains(part), "{name}: {said}");
        }
        for (output, input, is_refused) in [
            ("text.txt", "text.txt", true),
            ("run/../text.txt", "text.txt", true),
            ("new", "text.txt", false),
            ("run/config.toml", "run", true),
            ("run/model/config.json", "run", true),
            ("run/other.onnx", "run", false),
            ("ours/config.json", "ours", true),
            ("ours", "ours", true),
            ("run/model", "run", true),
            ("ours", "ours/config.json", true),
            ("ours", "text.txt", false),
            ("theirs", "ours", false),
        ] {
            let refused = refuse_inputs(&place(output), [&place(input)]).is_err();
            assert_eq!(refused, is_refused, "{input} to {output}");
        }
        #[cfg(unix)]
        {
            let error = refuse_existing(Path::new("/dev/null"), Making::File, true).unwrap_err();
            assert!(error.to_string().contains("a device"), "{error}");
        }
    }
}
