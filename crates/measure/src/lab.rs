//! A laboratory: the chapter's claims, each tested with small networks and texts that are made for it.
//!
//! ```text
//! text         a text, split into a training part and a held-out part; sources whose laws are known
//! nets         the networks that several claims share, trained once
//! perplexity   its meaning, its identity with exp(loss), its dependence on the vocabulary
//! exposure     networks conditioned on their own words, against a known source
//! forcing      teacher forcing against a network conditioned on its own words
//! reach        what truncation cuts, what the state carries, which lags are learnt
//! flow         ‖∂h_t/∂h_k‖ of seven networks beside their bounds
//! clipping     steps with and without it
//! sizes        networks and n-gram models as the text grows
//! costs        memory and time of windows over T
//! order        speed over T/B, one and several threads
//! ```
//! Every measurement is a plain value that is kept in the laboratory's directory (`measured/NAME.json`) as soon as it is made, and
//! training runs are ordinary runs (`runs/NAME`), so opening the laboratory again continues where it ended. Verdicts follow from
//! the numbers by rules in the same files. What it does not do: it writes no page and draws nothing.

pub mod clipping;
pub mod costs;
pub mod exposure;
pub mod flow;
pub mod forcing;
pub mod nets;
pub mod order;
pub mod perplexity;
pub mod reach;
pub mod sizes;
mod text;

use crate::error::{LabError, Result};
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
use text::Texts;

/// Whether a claim of the chapter holds in the setting in which it was tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// The claim holds.
    Holds,
    /// The claim holds in part.
    Partly,
    /// The claim does not hold in this setting.
    Fails,
}

impl Verdict {
    /// Verdict on a claim of several parts: it holds if all parts do, and in part if some do.
    pub fn of(parts: &[bool]) -> Verdict {
        match parts.iter().filter(|part| **part).count() {
            0 => Verdict::Fails,
            n if n == parts.len() => Verdict::Holds,
            _ => Verdict::Partly,
        }
    }
}

/// Size of a laboratory: text, networks and measurements.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    /// Largest number of bytes of the text that are used.
    pub text_bytes: usize,
    /// Hidden size H and embedding size E of networks that learn the text.
    pub hidden: usize,
    /// Largest vocabulary of networks that learn the text.
    pub max_vocab: usize,
    /// Number of passes over the text of the networks that several claims share.
    pub epochs: f64,
    /// Number of updates of networks that learn a source whose law is known.
    pub steps: u64,
    /// Number of seeds for claims about chance.
    pub seeds: u64,
    /// Longest lag of Jacobian products, in steps.
    pub lags: usize,
    /// Number of excerpts of the text for inspections.
    pub passages: usize,
    /// Seconds for each measurement of speed.
    pub seconds: f64,
}

impl Scale {
    /// The full size, which takes some minutes on two cores.
    pub const FULL: Scale = Scale {
        text_bytes: 440_000,
        hidden: 96,
        max_vocab: 2000,
        epochs: 4.0,
        steps: 2000,
        seeds: 3,
        lags: 100,
        passages: 4,
        seconds: 0.5,
    };
    /// A size that takes some seconds, to see that everything works; its figures mean little.
    pub const QUICK: Scale = Scale {
        text_bytes: 48_000,
        hidden: 8,
        max_vocab: 200,
        epochs: 0.25,
        steps: 40,
        seeds: 2,
        lags: 20,
        passages: 2,
        seconds: 0.0,
    };
}

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
    /// [`LabError::FewLines`] for an unusable text; [`Error::Store`](crate::Error::Store) if a file cannot be read or written.
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

    fn cpu(&self) -> &Cpu {
        &self.cpu
    }

    /// A model that computes on the lab's threads.
    fn computing(&self, model: impl Into<Model>) -> Model {
        model.into().with_cpu(self.cpu.clone())
    }

    /// A second [`Cpu`] for computations that take one of their own.
    fn own_cpu(&self) -> Cpu {
        Cpu::new(self.machine.isa, self.machine.threads)
    }

    /// A file in the laboratory.
    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The measurement called `name`, as it was kept or as `make` finds it.
    fn measured<T: Serialize + DeserializeOwned>(
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

    /// Ends what is being done if that is wished.
    fn go_on(&self) -> Result<()> {
        match self.watch.stop_requested() {
            true => Err(LabError::Stopped.into()),
            false => Ok(()),
        }
    }

    /// Trains `config` on `train`, with the validation text `valid`, in the run `name`, or finds that it was trained. That it diverged is a result.
    fn train(
        &mut self,
        name: &str,
        config: Config,
        vocabulary: VocabularyFrom,
        train: &Path,
        valid: &Path,
    ) -> Result<Trained> {
        let run = self.directory.join("runs").join(name);
        let there = RunSnapshot::at(&run).ok();
        let doing = there.as_ref().map(RunSnapshot::status);
        if !matches!(doing, Some(RunStatus::Finished | RunStatus::Diverged)) {
            self.go_on()?;
            let outcome = match doing {
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
    fn learn(&mut self, name: &str, config: Config) -> Result<Trained> {
        let (train, valid) = (self.texts.train.clone(), self.texts.valid.clone());
        self.train(name, config, VocabularyFrom::Text, &train, &valid)
    }
}

/// Result of a training run of the laboratory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trained {
    /// Directory of the run.
    pub run: PathBuf,
    /// Number of parameters of the network.
    pub parameters: usize,
    /// Whether the training diverged: its loss or gradient was not finite.
    pub diverged: bool,
    /// Perplexity of the best validation; infinite without one.
    pub perplexity: f64,
    /// Training loss: (step, nats per token).
    pub loss: Vec<(f64, f64)>,
    /// Validation loss: (step, nats per token).
    pub valid_loss: Vec<(f64, f64)>,
    /// Norm of the gradient before clipping: (step, ‖g‖).
    pub norm: Vec<(f64, f64)>,
    /// Number of updates that were clipped.
    pub clipped: u64,
    /// Number of updates that were skipped because a value was not finite.
    pub skipped: u64,
    /// Number of updates.
    pub steps: u64,
    /// Duration of the training in seconds.
    pub seconds: f64,
}

impl Trained {
    fn load(run: &Path) -> Result<Trained> {
        let snapshot = RunSnapshot::at(run)?;
        // JSON has no infinity.
        let finite = |points: Vec<(f64, f64)>| {
            let finite = points.into_iter().filter(|(_, y)| y.is_finite());
            finite.collect()
        };
        let lines = || snapshot.training();
        let loss = lines().map(|line| (line.step as f64, line.loss_nats));
        let norm = lines().map(|line| (line.step as f64, line.grad_norm));
        let valid = snapshot.validations().map(|v| (v.step as f64, v.loss_nats));
        Ok(Trained {
            run: run.to_path_buf(),
            parameters: snapshot.parameters().unwrap_or_default(),
            diverged: snapshot.status() == RunStatus::Diverged,
            perplexity: match snapshot.best() {
                Some(best) => best.loss_nats.exp().min(f64::MAX),
                None => f64::MAX,
            },
            loss: finite(loss.collect()),
            valid_loss: finite(valid.collect()),
            norm: finite(norm.collect()),
            clipped: lines().map(|line| line.clipped).sum(),
            skipped: lines().map(|line| line.skipped).sum(),
            steps: snapshot.step(),
            seconds: snapshot.seconds(),
        })
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
