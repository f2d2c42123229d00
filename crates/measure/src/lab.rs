//! A laboratory: the chapter's claims, each held against small networks and texts that are made on the spot.
//!
//! ```text
//! text         a text, cut into a part to learn and a part to be tested on; sources whose laws are known
//! nets         the networks that several claims share, trained once
//! perplexity   its meaning, its identity with exp(loss), what it owes to the vocabulary
//! exposure     networks on their own words, beside a source that is known
//! forcing      teacher forcing beside a network's own words
//! reach        what truncation cuts, what the state carries, which lags are learnt
//! flow         ‖∂h_t/∂h_k‖ of seven networks beside their bounds
//! clipping     steps with and without it
//! sizes        networks and n-gram models as the text grows
//! costs        memory and time of windows over T
//! order        speed over T/B, one and several threads
//! ```
//! Every measurement is a plain value that is kept in the laboratory's directory (`measured/NAME.json`) as soon as it is there, and training
//! runs are runs like all others (`runs/NAME`), so a second start goes on where the first one ended. Verdicts follow from the numbers by rules that
//! stand beside them. What it does not do: it writes no page and draws nothing.

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
pub mod text;

use crate::error::{LabError, Result};
use elman_infer::Model;
use elman_kernels::Cpu;
use elman_store::{Lock, disk, write_atomic};
use elman_text::Source;
use elman_train::look::{Doing, Look};
use elman_train::{Config, Event, Job, Machine, NewBudget, VocabularyFrom, Watch, resume, start};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use text::Texts;

/// Whether a claim holds where it was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    Holds,
    Partly,
    Fails,
}

impl Verdict {
    /// All of the parts hold, some do, or none.
    pub fn of(parts: &[bool]) -> Verdict {
        match parts.iter().filter(|part| **part).count() {
            0 => Verdict::Fails,
            n if n == parts.len() => Verdict::Holds,
            _ => Verdict::Partly,
        }
    }
}

/// How large everything is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    /// Most bytes of the text.
    pub text_bytes: usize,
    /// H and E of networks that learn the text.
    pub hidden: usize,
    pub max_vocab: usize,
    /// Passes over the text of the networks that several claims share.
    pub epochs: f64,
    /// Updates of networks that learn a source whose law is known.
    pub steps: u64,
    /// Seeds, where the claim is about chance.
    pub seeds: u64,
    /// The longest lag of Jacobian products.
    pub lags: usize,
    pub passages: usize,
    /// Seconds for each speed.
    pub seconds: f64,
}

impl Scale {
    /// Some minutes on two cores.
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
    /// Some seconds: to see that everything works. Little of what it finds means anything.
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

/// What a laboratory is made of; kept beside its measurements, which mean nothing to another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub scale: Scale,
    pub seed: u64,
    /// BLAKE3 (hex) of what is read of the text.
    pub text_hash: String,
    /// The version of elman.
    pub elman: String,
}

/// The file of a laboratory's [`Plan`], by which it is known.
const PLAN: &str = "lab.json";

/// A laboratory in its directory.
pub struct Lab<'a> {
    directory: PathBuf,
    plan: Plan,
    texts: Texts,
    machine: Machine,
    cpu: Arc<Cpu>,
    watch: &'a mut dyn Watch,
}

impl<'a> Lab<'a> {
    /// Opens the laboratory in `directory`, or founds it, on `text`, of which at most [`Scale::text_bytes`] are read.
    ///
    /// Errors: another laboratory is there, a text that is too short or not UTF-8, and what the system refuses.
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

    /// Refuses a directory that holds anything but a laboratory.
    pub fn refuse_foreign(directory: &Path) -> Result<()> {
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        let mut others = entries.filter(|entry| entry.file_name() != Lock::NAME);
        if others.next().is_none() || read_json::<Plan>(&directory.join(PLAN)).is_some() {
            return Ok(());
        }
        Err(LabError::Foreign(directory.to_path_buf()).into())
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    pub fn texts(&self) -> &Texts {
        &self.texts
    }

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

    /// A second arithmetic unit, for what takes one of its own.
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
        let there = Look::at(&run).ok();
        let doing = there.as_ref().map(Look::doing);
        if !matches!(doing, Some(Doing::Finished | Doing::Diverged)) {
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
        Trained::look(&run)
    }

    /// [`Lab::train`] on the laboratory's text.
    fn learn(&mut self, name: &str, config: Config) -> Result<Trained> {
        let (train, valid) = (self.texts.train.clone(), self.texts.valid.clone());
        self.train(name, config, VocabularyFrom::Text, &train, &valid)
    }
}

/// A training run that has ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trained {
    pub run: PathBuf,
    pub parameters: usize,
    /// Whether its numbers stopped to be numbers.
    pub diverged: bool,
    /// Of the best validation; infinite without one.
    pub perplexity: f64,
    /// (step, nats a token) of training, and of validation.
    pub loss: Vec<(f64, f64)>,
    pub valid_loss: Vec<(f64, f64)>,
    /// (step, ‖g‖) before clipping.
    pub norm: Vec<(f64, f64)>,
    pub clipped: u64,
    pub skipped: u64,
    pub steps: u64,
    pub seconds: f64,
}

impl Trained {
    fn look(run: &Path) -> Result<Trained> {
        let look = Look::at(run)?;
        // JSON has no infinity.
        let finite = |points: Vec<(f64, f64)>| {
            let finite = points.into_iter().filter(|(_, y)| y.is_finite());
            finite.collect()
        };
        let lines = || look.training();
        let loss = lines().map(|line| (line.step as f64, line.loss_nats));
        let norm = lines().map(|line| (line.step as f64, line.grad_norm));
        let valid = look.validations().map(|v| (v.step as f64, v.loss_nats));
        Ok(Trained {
            run: run.to_path_buf(),
            parameters: look.parameters().unwrap_or_default(),
            diverged: look.doing() == Doing::Diverged,
            perplexity: match look.best() {
                Some(best) => best.loss_nats.exp().min(f64::MAX),
                None => f64::MAX,
            },
            loss: finite(loss.collect()),
            valid_loss: finite(valid.collect()),
            norm: finite(norm.collect()),
            clipped: lines().map(|line| line.clipped).sum(),
            skipped: lines().map(|line| line.skipped).sum(),
            steps: look.step(),
            seconds: look.seconds(),
        })
    }
}

/// What the file holds; nothing if it is missing or is no such thing.
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
