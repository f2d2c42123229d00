//! A text of the model's own that a run trains on: written by the model that it starts from, before the first step.
//!
//! It is written once the true text is encoded, and precedes it in the run's token file, so that what the model wrote stays the
//! tokens that it wrote. Beginnings are taken from what is trained on, as often as its weights say, and never from the validation text.

use crate::error::{Result, RunError};
use crate::folder::Folder;
use crate::job::Job;
use crate::texts::Texts;
use crate::watch::{Event, Watch};
use elman_infer::{NetworkModel, OwnText, write_own};
use elman_kernels::Cpu;
use elman_store::write_atomic;
use std::io::Write;

/// Checks the options, before anything is made for the run.
pub(super) fn check(job: &Job) -> Result<()> {
    let Some(own) = &job.own_text else {
        return Ok(());
    };
    if job.init_from.is_none() {
        return Err(RunError::OwnTextWithoutModel.into());
    }
    if job.config.loss_after.is_some() {
        return Err(RunError::OwnTextOfAnswers.into());
    }
    Ok(own.check(job.config.layout)?)
}

/// Lets `model` write, and puts that before the training text of `texts` in the run's directory.
///
/// Errors: what writing can find; a disk that refuses.
pub(super) fn write_first(
    own: &OwnText,
    model: &NetworkModel,
    job: &Job,
    texts: Texts,
    folder: &Folder,
    watch: &mut dyn Watch,
) -> Result<Texts> {
    let cpu = Cpu::new(job.machine.isa, job.machine.threads);
    let (layout, seed) = (job.config.layout, job.config.seed);
    let n = texts.train.ids().len();
    let written = write_own(
        model,
        layout,
        &cpu,
        texts.train.ids(),
        own,
        seed,
        &mut |tokens, of| watch.event(&Event::Writing { tokens, of }),
    )?;
    write_atomic(&folder.own_text(), |file| file.write_all(&written.text))?;
    let all = n + written.ids.len();
    watch.event(&Event::Note(format!(
        "{} of the {all} tokens to be trained on, {:.1} %, are the model's own; {} are beginnings and line ends around them, {n} the true text",
        written.own,
        100.0 * written.own as f64 / all as f64,
        written.ids.len() - written.own,
    )));
    texts.after(&written.ids, folder)
}
