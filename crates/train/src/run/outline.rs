//! A run that is planned and not started: `elman train --dry-run`.
//!
//! The texts are read and counted as a run would, and all of it is closed form from there on; nothing is written and nothing of the
//! run's size is allocated.

use super::adopt::adopt;
use super::budget::{steps_in, steps_in_epoch};
use super::memory::{Open, TextSizes};
use super::watching;
use crate::error::Result;
use crate::job::Job;
use crate::texts::{Surveys, survey};
use crate::watch::{Event, RunPlan, Watch};
use crate::windows::Order;
use elman_net::Network;

/// Reports to `watch` what [`super::start`] would do: its notes, then [`Event::Ready`] with minutes not measured; nothing is
/// written.
///
/// # Errors
/// The errors with which the run would be refused; memory that does not fit is reported after the plan. The run's directory is not
/// checked.
pub fn dry_run(job: &Job, watch: &mut dyn Watch) -> Result<()> {
    dry_run_among(job, &mut Surveys::default(), watch)
}

/// Reports as [`dry_run`] does, and reads a text that one of several jobs has surveyed before only to find that it is the same.
///
/// # Errors
/// As for [`dry_run`].
pub fn dry_run_among(job: &Job, surveys: &mut Surveys, watch: &mut dyn Watch) -> Result<()> {
    let mut config = job.config.clone();
    if let Some(path) = &job.init_from {
        adopt(&mut config, path, watch)?;
    }
    config.check()?;
    let job = Job {
        config,
        ..job.clone()
    };
    let found = surveys.of(&job)?;
    for remark in &found.remarks {
        watch.event(&Event::Note(remark.clone()));
    }
    let mut config = job.config.clone();
    config.vocab = found.vocab.kind();
    if job.fit_to_text
        && let Some(note) = config.fit_to(found.train.tokens())
    {
        watch.event(&Event::Note(note));
    }
    let train = Order::training(found.train.clone(), &config)?;
    let valid = train.validation(found.valid.clone(), &config)?;
    let sizes = TextSizes {
        vocab: found.vocab.len(),
        vocabulary_bytes: found.vocab.memory_bytes(),
        preparation_bytes: found.preparation_bytes.max(found.vocab.reading_bytes()),
        train: &train,
        valid: Some(&valid),
    };
    let (_, plan) = sizes.plan(&config);
    let dims = config.dims(found.vocab.len());
    let total_steps = match config.epochs {
        Some(epochs) => Some(steps_in(&train, &config, epochs)),
        None => config.steps,
    };
    for note in total_steps.iter().flat_map(|&total| config.settle(total)) {
        watch.event(&Event::Note(note));
    }
    watch.event(&Event::Ready(RunPlan {
        run: &job.run,
        config: &config,
        dims: &dims,
        parameters: Network::new(dims.clone()).layout().parameter_count(),
        plan,
        train_tokens: train.tokens(),
        valid_tokens: valid.tokens(),
        windows_per_epoch: train.in_epoch(0),
        steps_per_epoch: steps_in_epoch(&train, &config, 0),
        step: 0,
        total_steps,
        threads: job.machine.threads,
        isa: job.machine.isa.name(),
    }));
    watching::note_unknown(&config, &found.vocab, watch)?;
    let open = Open::of(&job);
    sizes.check_memory(&plan, job.machine.memory_bytes, &config, open)
}

/// Determines the size of the vocabulary that a job would train with, and the number of tokens of its training text without the
/// validation part.
///
/// # Errors
/// [`Error::Text`](crate::Error::Text) and others if the texts cannot be read.
pub fn training_size(job: &Job) -> Result<(usize, usize)> {
    let found = survey(job)?;
    Ok((found.vocab.len(), found.train.tokens()))
}
