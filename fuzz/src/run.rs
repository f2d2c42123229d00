//! A tiny run that was stopped after two of its steps, and is resumed again and again with one of its files replaced.

use elman::Isa;
use elman::store::write_atomic;
use elman::text::{Kind, Layout};
use elman::train::config::{Bptt, CellName};
use elman::train::optim::{Optimizer, Sgd};
use elman::train::schedule::{OnPlateau, Schedule};
use elman::train::{
    self, Config, Event, Job, Machine, NewBudget, Outcome, Result, VocabularyFrom, Watch,
};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// Steps that a run does before it is stopped, and again after each resumption.
const STEPS: u64 = 2;
const TEXT: &str =
    "In the beginning was the Word,\nand the Word was with God,\nand the Word was God.\n";

/// The run, and the files that it had when it was stopped.
pub struct Run {
    directory: TempDir,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Run {
    /// An LSTM on a stream, with Adam and validations.
    pub fn stream() -> Run {
        Run::start(Config {
            cell: CellName::LSTM,
            valid_every: Some(1),
            ..small()
        })
    }

    /// A GRU on sentences, with momentum, an average of weights and a schedule that watches validations.
    pub fn sentences() -> Run {
        Run::start(Config {
            cell: CellName::GRU,
            layout: Layout::Sentences,
            batch_tokens: Some(40),
            optimizer: Optimizer::Sgd(Sgd {
                momentum: 0.5,
                ..Sgd::default()
            }),
            lr: 0.1,
            average_trigger: Some(0),
            schedule: Schedule::Plateau(OnPlateau::default()),
            valid_every: Some(1),
            ..small()
        })
    }

    fn start(config: Config) -> Run {
        let directory = scratch();
        let text = directory.path().join("text.txt");
        write(&text, TEXT.as_bytes());
        let job = Job {
            config,
            train: vec![text.clone()],
            valid: Some(vec![text]),
            vocabulary: VocabularyFrom::Text,
            init_from: None,
            own_text: None,
            fit_to_text: false,
            run: directory.path().join("run"),
            cache: None,
            machine: machine(),
        };
        if let Err(error) = train::start(&job, &mut Stopping(0)) {
            panic!("the run of the target: {error}");
        }
        let mut files = Vec::new();
        for part in ["", "tokens", "state"] {
            let listed = std::fs::read_dir(job.run.join(part)).expect("a run has these parts");
            for path in listed.map(|entry| entry.expect("a readable directory").path()) {
                if path.is_file() && !path.ends_with("lock") {
                    let bytes = std::fs::read(&path).expect("a file of the run");
                    files.push((path, bytes));
                }
            }
        }
        Run { directory, files }
    }

    /// The run's directory.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("run")
    }

    /// The newest checkpoint.
    pub fn checkpoint(&self) -> &Path {
        let states = self.files.iter().map(|(path, _)| path.as_path());
        let states = states.filter(|path| path.extension().is_some_and(|e| e == "safetensors"));
        states.max().expect("a run that was stopped has a state")
    }

    /// What the file `path` held when the run was stopped.
    pub fn bytes(&self, path: &Path) -> &[u8] {
        let file = self.files.iter().find(|(known, _)| known == path);
        &file.expect("a file of the run").1
    }

    /// Puts all files back as they were, `bytes` in place of `path`, and goes on with the run.
    pub fn resume_with(&self, path: &Path, bytes: &[u8]) -> Result<Outcome> {
        // States of the last resumption; with one state alone, a damaged one cannot be passed over.
        for entry in std::fs::read_dir(self.path().join("state"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let _ = elman::store::disk::remove_file(&entry.path());
        }
        let newest = self.checkpoint();
        for (file, original) in &self.files {
            let of_state = file.parent() == newest.parent();
            if !of_state || file == newest {
                write(file, if file == path { bytes } else { original });
            }
        }
        let (budget, machine) = (NewBudget::default(), machine());
        train::resume(&self.path(), &budget, &machine, &mut Stopping(0))
    }
}

/// A directory for a target's files: in memory, where there is such a place.
pub fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    };
    made.expect("a directory for the files of the target")
}

/// Writes a file.
pub fn write(path: &Path, bytes: &[u8]) {
    if let Err(error) = write_atomic(path, |file| file.write_all(bytes)) {
        panic!("{error}");
    }
}

fn small() -> Config {
    Config {
        vocab: Kind::Chars,
        embed: 4,
        hidden: 4.into(),
        layers: 1,
        tied: true,
        batch_size: 3,
        bptt: Bptt::Steps(5),
        warmup: 2,
        epochs: Some(4.0),
        min_count: 1,
        ..Config::default()
    }
}

fn machine() -> Machine {
    Machine {
        threads: 1,
        isa: Isa::detect(),
        save_every: Duration::from_secs(3600),
        memory_bytes: Some(1 << 30),
    }
}

/// Ends a run after some steps.
struct Stopping(u64);

impl Watch for Stopping {
    fn event(&mut self, event: &Event) {
        self.0 += u64::from(matches!(event, Event::Step(_)));
    }

    fn stop_requested(&self) -> bool {
        self.0 >= STEPS
    }
}
