//! `--shard i/n`: one of n processes scores its part of a corpus, and never does finished work again.
//!
//! ```text
//! DIR/00003-of-00012.tsv     the output of shard 3 of 12, which appears when it is complete
//! DIR/00003-of-00012.done    the marker, written last: what was computed, and the sums
//! DIR/00003-of-00012.parts/  while the shard is not finished: parts of this number of lines, each a file of rows and one of sums
//! ```
//! A part counts once the file of its sums is there. A process that is killed loses the part that it was writing, and the next one with the same choices
//! continues after the last whole part. With another model, text (a name or the size) or choice it refuses to continue, and so it does where the output is a file
//! that no shard has written. The header of a table is in the first shard alone, so that
//! the outputs in order are the output of one process.

use super::{Choices, Destination, Job, ScoreArgs, score};
use crate::args::Share;
use crate::commands::{is_stdin, name_of};
use crate::output::{grouped, say, usage};
use crate::outputs::{Making, refuse_existing};
use anyhow::{Context, Result, bail};
use elman::Model;
use elman::infer::LineSums;
use elman::store::disk::{self, AtomicFile, Lock};
use elman::store::write_atomic;
use elman::text::Shard;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Work of a shard; work that was begun is continued only if it is equal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Task {
    model: String,
    texts: Vec<String>,
    bytes: u64,
    shard: [u64; 2],
    choices: String,
}

/// The marker of a finished shard.
#[derive(Serialize, Deserialize)]
struct Done {
    task: Task,
    sums: LineSums,
}

/// Files of a shard.
struct Files {
    output: PathBuf,
    marker: PathBuf,
    parts: PathBuf,
}

impl Files {
    fn new(directory: &Path, Share { index, count }: Share, ending: &str) -> Files {
        let file = |ending: &str| directory.join(format!("{index:05}-of-{count:05}.{ending}"));
        Files {
            output: file(ending),
            marker: file("done"),
            parts: file("parts"),
        }
    }

    fn task(&self) -> PathBuf {
        self.parts.join("task.json")
    }

    fn rows(&self, part: u64) -> PathBuf {
        self.parts.join(format!("{part:06}.rows"))
    }

    fn sums(&self, part: u64) -> PathBuf {
        self.parts.join(format!("{part:06}.json"))
    }
}

/// Scores a shard, or what is left of it.
pub fn run(
    args: &ScoreArgs,
    which: Share,
    directory: &Path,
    choices: Choices,
    model: &Model,
) -> Result<()> {
    let texts = args.text.paths();
    if texts.iter().any(|text| is_stdin(text)) {
        return Err(usage(
            "standard input can be read only once, and shards share their text: name files",
        ));
    }
    if args.filter.is_some_and(|filter| filter.by_rank()) {
        return Err(usage(
            "ranks need all lines, and a shard has only a part of them: filter shards by perplexity, such as --filter ..500",
        ));
    }
    let shard = Shard::find(&texts, model.vocab().kind(), which.index, which.count)?;
    let task = Task {
        model: model.id().to_owned(),
        texts: texts
            .iter()
            .map(|path| path.to_string_lossy().into_owned())
            .collect(),
        bytes: shard.total_bytes,
        shard: [which.index, which.count],
        choices: args.described(choices),
    };
    let files = Files::new(directory, which, args.ending());
    disk::create_dir_all(directory)?;
    let finished = || {
        say(format_args!(
            "shard {which} is finished: {}",
            files.output.display()
        ));
    };
    if files.finished(&task)? && !files.parts.exists() {
        finished();
        return Ok(());
    }
    disk::create_dir_all(&files.parts)?;
    let lock = Lock::acquire(&files.parts)?;
    disk::sweep_temporaries(&files.parts)?;
    // Another process may have finished it until the lock was free, or may have been killed when it had.
    if files.finished(&task)? {
        files.clear()?;
        drop(lock);
        finished();
        return Ok(());
    }
    match read::<Task>(&files.task())? {
        Some(begun) => refuse_other(&files.parts, &begun, &task)?,
        None => {
            let refused = refuse_existing(&files.output, Making::File, args.force);
            if refused.is_err() {
                files.clear()?;
            }
            refused?;
            write(&files.task(), &task)?;
        }
    }
    let mut parts = Parts::found(&files, args.part_lines)?;
    if parts.lines > 0 && !args.quiet {
        let lines = grouped(parts.lines);
        say(format_args!(
            "continuing after {lines} lines that are already scored"
        ));
    }
    let job = Job {
        name: format!("shard {which} of {}", name_of(&texts)),
        bytes: Some(shard.bytes.clone()),
        lines_before: shard.lines_before,
        skip: parts.lines,
        sums: parts.sums,
        header: which.index == 1 && parts.lines == 0,
    };
    let (sums, summary) = match shard.bytes.is_empty() {
        // There are more shards than lines.
        true => (LineSums::default(), Vec::new()),
        false => score(args, choices, model, job, &mut parts)?,
    };
    parts.close()?;
    let count = parts.count;
    write_atomic(&files.output, |file| {
        for part in 0..count {
            io::copy(&mut File::open(files.rows(part))?, file)?;
        }
        file.write_all(&summary)
    })?;
    write(&files.marker, &Done { task, sums })?;
    files.clear()?;
    drop(lock);
    Ok(())
}

impl Files {
    /// Whether the shard is finished: its marker and its output are there.
    ///
    /// Errors: a marker of other work.
    fn finished(&self, task: &Task) -> Result<bool> {
        let Some(Done { task: done, .. }) = read(&self.marker)? else {
            return Ok(false);
        };
        refuse_other(&self.marker, &done, task)?;
        Ok(self.output.exists())
    }

    /// Removes the parts of a shard that is finished, also those that a killed process has left.
    fn clear(&self) -> Result<()> {
        let list = || format!("cannot list {}", self.parts.display());
        for entry in std::fs::read_dir(&self.parts).with_context(list)? {
            let path = entry.with_context(list)?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let part = name.and_then(|name| name.split_once('.'));
            if part.is_some_and(|(number, ending)| {
                number.parse::<u64>().is_ok() && matches!(ending, "rows" | "json")
            }) {
                disk::remove_file(&path)?;
            }
        }
        disk::remove_file(&self.task())?;
        disk::remove_file(&self.parts.join(Lock::NAME))?;
        Ok(disk::remove_empty_dir(&self.parts)?)
    }
}

/// Lines that are saved together, and their sums.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Part {
    lines: u64,
    sums: LineSums,
}

/// The parts of a shard, and the one that is being written.
struct Parts<'f> {
    files: &'f Files,
    /// Largest number of lines of a part.
    most: u64,
    /// Number of whole parts, of their lines, and the sums of these.
    count: u64,
    lines: u64,
    sums: LineSums,
    open: Option<AtomicFile>,
    part: Part,
}

impl<'f> Parts<'f> {
    /// Finds the whole parts of a shard.
    fn found(files: &'f Files, most: u64) -> Result<Parts<'f>> {
        let mut parts = Parts {
            files,
            most,
            count: 0,
            lines: 0,
            sums: LineSums::default(),
            open: None,
            part: Part::default(),
        };
        while let Some(part) = read::<Part>(&files.sums(parts.count))? {
            parts.count += 1;
            parts.lines += part.lines;
            parts.sums += part.sums;
        }
        Ok(parts)
    }

    /// Makes the open part a whole one: first its rows get their name, then its sums.
    fn close(&mut self) -> Result<()> {
        if self.part.lines == 0 {
            return Ok(());
        }
        if let Some(file) = self.open.take() {
            file.commit()?;
        } else {
            write_atomic(&self.files.rows(self.count), |_| Ok(()))?;
        }
        let part = std::mem::take(&mut self.part);
        write(&self.files.sums(self.count), &part)?;
        self.count += 1;
        Ok(())
    }
}

impl Write for Parts<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let file = match self.open.take() {
            Some(file) => file,
            None => AtomicFile::create(&self.files.rows(self.count)).map_err(io::Error::other)?,
        };
        self.open.insert(file).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.open.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Destination for Parts<'_> {
    fn line_written(&mut self, sums: &LineSums) -> Result<bool> {
        self.part.lines += 1;
        self.part.sums += *sums;
        let is_whole = self.part.lines >= self.most;
        if is_whole {
            self.close()?;
        }
        Ok(is_whole)
    }
}

/// Refuses to continue work that differs from the work that was begun or finished.
fn refuse_other(place: &Path, before: &Task, now: &Task) -> Result<()> {
    let what = match before {
        _ if before == now => return Ok(()),
        _ if before.model != now.model => "another model",
        _ if before.texts != now.texts || before.bytes != now.bytes => "other texts",
        _ => "other options",
    };
    bail!(
        "{} was made with {what}: choose another directory with -o, or remove it",
        place.display()
    )
}

/// Reads a JSON file of the shard; `None` if it does not exist.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let text = match std::fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        text => text.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let value = serde_json::from_slice(&text);
    let value = value.with_context(|| format!("{} is damaged: remove it", path.display()))?;
    Ok(Some(value))
}

fn write<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let text = serde_json::to_vec(value)?;
    Ok(write_atomic(path, |file| file.write_all(&text))?)
}
