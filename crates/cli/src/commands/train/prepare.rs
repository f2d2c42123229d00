//! From the arguments of `elman train` to a run that can start: choices, files, standard input, and the run that is replaced.

use super::TrainArgs;
use crate::commands::is_stdin;
use crate::output::usage;
use crate::presets;
use crate::resolve::{idle_notes, leaves_size_open, resolve};
use crate::rundir::{self, Replaced};
use anyhow::{Context, Result};
use elman::infer::read_layout;
use elman::text::Layout;
use elman::train::folder::contents::STDIN;
use elman::train::{Config, Folder, Job, Machine};
use std::io;
use std::path::{Path, PathBuf};

/// A run that can start.
pub struct Prepared {
    pub job: Job,
    /// The run that it takes the place of.
    pub replaced: Option<Replaced>,
    /// Notes about the choices, for the user.
    pub notes: Vec<String>,
}

/// Resolves the choices, makes room for the run and brings standard input into it.
pub fn prepare(args: TrainArgs, machine: Machine) -> Result<Prepared> {
    let mut resolved = args.resolved()?;
    let notes = std::mem::take(&mut resolved.notes);
    let dashes = args.dashes();
    if dashes > 1 {
        return Err(usage("'-' stands for standard input and may be given once"));
    }
    let run = args.directory();
    let mut replaced = None;
    if args.force {
        args.check_inputs(&run)?;
        replaced = Some(Replaced::set_aside(&run)?);
    }
    Folder::refuse_existing(&run)?;
    if dashes == 1 {
        spool(&run)?;
    }
    Ok(Prepared {
        job: args.job(resolved, run, machine),
        replaced,
        notes,
    })
}

/// The job of a run in `run` that is planned and not started.
pub fn planned_job(args: TrainArgs, run: PathBuf) -> Result<Job> {
    let (machine, resolved) = (args.machine()?, args.resolved()?);
    let mut job = args.job(resolved, run, machine);
    job.fit_to_text = false;
    Ok(job)
}

/// Copies standard input into the run's directory.
fn spool(run: &Path) -> Result<()> {
    // A device would fill the disk.
    elman::text::Source::stdin()?;
    Folder::spool(run, &mut io::stdin().lock()).context("cannot copy standard input")?;
    Ok(())
}

/// The choices of a new run.
pub(super) struct Resolved {
    pub config: Config,
    /// What a person should know about them.
    pub notes: Vec<String>,
    /// The size of the text decides about batch size and epochs.
    pub fit_to_text: bool,
}

impl TrainArgs {
    /// Resolves the choices of a new run, with notes on what its file says that they leave out.
    pub(super) fn resolved(&self) -> Result<Resolved> {
        let isa = crate::commands::isa(self.isa.as_deref())?;
        let mut file = presets::layered(isa, self.preset.as_deref(), self.config.as_deref())?;
        let (mut notes, mut line_by_line) = (Vec::new(), None);
        match (&file.run, &self.config) {
            (Some(run), Some(path)) => notes.extend(self.left_out(run, path)),
            _ => {
                // What a model was trained on line by line goes on like that.
                if let Some(model) = &self.init_from {
                    file.base.layout = read_layout(model)?;
                    line_by_line = (file.base.layout == Layout::Sentences).then_some(model);
                }
            }
        }
        let resolved = resolve(&file, &self.options.choices);
        let mut config = match (resolved, line_by_line) {
            (Err(error), Some(model)) => {
                return Err(usage(format!(
                    "{error} ({} was trained with layout sentences, which a run from it keeps unless --layout stream is given)",
                    model.display()
                )));
            }
            (resolved, _) => resolved?,
        };
        if config.groups == 1 {
            config.groups = crate::ranks::team().count();
        }
        let origin = self.origin();
        notes.extend(idle_notes(&file, &self.options.choices, &config, &origin));
        // They belong to the texts, not to a configuration that is used again.
        config.corpus_weights.clear();
        if self.weights.iter().any(|&weight| weight != 1.0) {
            config.corpus_weights.clone_from(&self.weights);
        }
        Ok(Resolved {
            fit_to_text: self.preset.is_none()
                && self.init_from.is_none()
                && leaves_size_open(&file, &self.options.choices),
            config,
            notes,
        })
    }

    /// Makes sure that replacing the run in `run` takes none of the inputs away.
    pub fn check_inputs(&self, run: &Path) -> Result<()> {
        let texts = self.texts.iter().chain(&self.valid);
        let files = texts
            .filter(|path| !is_stdin(path))
            .chain(&self.vocabulary.vocab_file)
            .chain(&self.vocabulary.tokenizer);
        let models = self.vocabulary.vocab_from.iter().chain(&self.init_from);
        rundir::check_inputs(run, files, models)
    }

    /// Number of times that standard input is among the texts.
    pub(super) fn dashes(&self) -> usize {
        let texts = self.texts.iter().chain(&self.valid);
        texts.filter(|path| is_stdin(path)).count()
    }

    /// The run of `config` in `run`, where standard input has been copied.
    pub(super) fn job(self, resolved: Resolved, run: PathBuf, machine: Machine) -> Job {
        let readable = |path: PathBuf| match is_stdin(&path) {
            true => run.join(STDIN),
            false => path,
        };
        let train = self.texts.into_iter().map(readable).collect();
        let valid: Vec<PathBuf> = self.valid.into_iter().map(readable).collect();
        Job {
            config: resolved.config,
            fit_to_text: resolved.fit_to_text,
            train,
            valid: (!valid.is_empty()).then_some(valid),
            vocabulary: self.vocabulary.from(),
            init_from: self.init_from,
            own_text: self.own_text,
            cache: self.keep.cache(),
            run,
            machine,
        }
    }
}
