//! An open laboratory: its directory, its training runs and its measurements.

use crate::error::{LabError, Result};
use crate::scale::Scale;
use crate::text::{self, Texts};
use crate::trained::Trained;
use elman_infer::Model;
use elman_kernels::Cpu;
use elman_store::{Lock, disk, write_atomic};
use elman_text::Source;
use elman_train::status::{RunSnapshot, RunStatus};
use elman_train::{Config, Event, Job, Machine, NewBudget, VocabularyFrom, Watch, resume, start};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Inputs of a laboratory, kept beside its measurements, which are valid for these inputs only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Size of the laboratory.
    pub scale: Scale,
    /// Seed of all draws.
    pub seed: u64,
    /// BLAKE3 hash (hex) of the part of the text that is used.
    pub text_hash: String,
    /// Version of elman.
    pub elman: String,
}

/// File of a laboratory's [`Plan`], which identifies the directory as a laboratory.
const PLAN: &str = "lab.json";

/// An open laboratory, in which claims of the chapter are tested.
pub struct Lab<'a> {
    directory: PathBuf,
    plan: Plan,
    texts: Texts,
    machine: Machine,
    cpu: Arc<Cpu>,
    watch: &'a mut dyn Watch,
}

impl<'a> Lab<'a> {
    /// Opens the laboratory in `directory`, or creates it, on at most [`Scale::text_bytes`] of `text`.
    ///
    /// # Errors
    /// [`LabError::OtherPlan`] or [`LabError::Foreign`] if the directory holds something else; [`LabError::NotUtf8`] or
    /// [`LabError::FewLines`] for an unusable text; [`Error::Measure`](crate::Error::Measure) if a file cannot be read or written.
    pub fn open(
        directory: &Path,
        text: Source,
        scale: Scale,
        seed: u64,
        machine: Machine,
        watch: &'a mut dyn Watch,
    ) -> Result<Lab<'a>> {
        Lab::refuse_foreign(directory)?;
        let text = text::beginning(text, scale.text_bytes)?;
        let plan = Plan {
            scale,
            seed,
            text_hash: blake3::hash(&text).to_hex().to_string(),
            elman: env!("CARGO_PKG_VERSION").into(),
        };
        let kept = directory.join(PLAN);
        if read_json::<Plan>(&kept).is_some_and(|there| there != plan) {
            return Err(LabError::OtherPlan(directory.to_path_buf()).into());
        }
        let parts = Texts::cut(&text)?;
        disk::create_dir_all(&directory.join("measured"))?;
        // Before anything else: it says that all of this is a laboratory's.
        write_json(&kept, &plan)?;
        Ok(Lab {
            texts: Texts::write(directory, parts)?,
            directory: directory.to_path_buf(),
            plan,
            cpu: Arc::new(Cpu::new(machine.isa, machine.threads)),
            machine,
            watch,
        })
    }

    /// Checks that a directory is empty or holds a laboratory.
    ///
    /// # Errors
    /// [`LabError::Foreign`] if it holds anything else.
    pub fn refuse_foreign(directory: &Path) -> Result<()> {
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        let mut others = entries.filter(|entry| entry.file_name() != Lock::NAME);
        if others.next().is_none() || read_json::<Plan>(&directory.join(PLAN)).is_some() {
            return Ok(());
        }
        Err(LabError::Foreign(directory.to_path_buf()).into())
    }

    /// Inputs of the laboratory.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The laboratory's text in its two parts.
    pub fn texts(&self) -> &Texts {
        &self.texts
    }

    /// Size of the laboratory.
    pub fn scale(&self) -> Scale {
        self.plan.scale
    }

    /// The machine that trains and measures.
    pub(crate) fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The laboratory's directory.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Threads and instruction set of the laboratory.
    pub(crate) fn cpu(&self) -> &Cpu {
        &self.cpu
    }

    /// A model that computes on the lab's threads.
    pub(crate) fn computing(&self, model: impl Into<Model>) -> Model {
        model.into().with_cpu(self.cpu.clone())
    }

    /// A second [`Cpu`] for computations that take one of their own.
    pub(crate) fn own_cpu(&self) -> Cpu {
        Cpu::new(self.machine.isa, self.machine.threads)
    }

    /// A file in the laboratory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The measurement called `name`, as it was kept or as `make` finds it.
    pub(crate) fn measured<T: Serialize + DeserializeOwned>(
        &mut self,
        name: &str,
        make: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let path = self.directory.join("measured").join(format!("{name}.json"));
        if let Some(kept) = read_json(&path) {
            return Ok(kept);
        }
        self.go_on()?;
        self.watch.event(&Event::Note(name.to_owned()));
        let found = make(self)?;
        write_json(&path, &found)?;
        Ok(found)
    }

    /// Returns an error if the user asked to stop.
    pub(crate) fn go_on(&self) -> Result<()> {
        match self.watch.stop_requested() {
            true => Err(LabError::Stopped.into()),
            false => Ok(()),
        }
    }

    /// Trains `config` on `train`, with the validation text `valid`, in the run `name`, or finds that it was trained. That it diverged is a result.
    pub(crate) fn train(
        &mut self,
        name: &str,
        config: Config,
        vocabulary: VocabularyFrom,
        train: &Path,
        valid: &Path,
    ) -> Result<Trained> {
        let run = self.directory.join("runs").join(name);
        let there = RunSnapshot::at(&run).ok();
        let status = there.as_ref().map(RunSnapshot::status);
        if !matches!(status, Some(RunStatus::Finished | RunStatus::Diverged)) {
            self.go_on()?;
            let outcome = match status {
                Some(_) => resume(&run, &NewBudget::default(), &self.machine, self.watch),
                None => {
                    let job = Job {
                        config,
                        train: vec![train.to_path_buf()],
                        valid: Some(vec![valid.to_path_buf()]),
                        vocabulary,
                        init_from: None,
                        own_text: None,
                        fit_to_text: false,
                        run: run.clone(),
                        cache: None,
                        machine: self.machine,
                    };
                    start(&job, self.watch)
                }
            };
            match outcome {
                Err(error) if !error.is_divergence() => return Err(error.into()),
                _ => self.go_on()?,
            }
        }
        Trained::load(&run)
    }

    /// [`Lab::train`] on the laboratory's text.
    pub(crate) fn learn(&mut self, name: &str, config: Config) -> Result<Trained> {
        let (train, valid) = (self.texts.train.clone(), self.texts.valid.clone());
        self.train(name, config, VocabularyFrom::Text, &train, &valid)
    }
}

/// Reads a value from a JSON file; `None` if the file is missing or holds something else.
fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let text = std::fs::read_to_string(path).ok()?;
    serde_json::from_str(&text).ok()
}

fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let json = serde_json::to_vec(value).expect("measurements are plain numbers and text");
    Ok(write_atomic(path, |file| {
        std::io::Write::write_all(file, &json)
    })?)
}
