//! How runs begin: a new one from its job, or one that is there from its last checkpoint.

use super::adopt::adopt;
use super::memory::Open;
use super::{Run, own};
use crate::config::Precision;
use crate::error::{Result, RunError};
use crate::folder::{Folder, Inputs, Record, read_record};
use crate::job::{Changes, Job, Machine};
use crate::ranks::Team;
use crate::texts::{Texts, TokenTexts};
use crate::watch::{Event, Outcome, Watch};
use std::path::Path;

/// Starts a new run and trains to the end of its budget, or until `watch` asks to stop.
///
/// # Errors
/// [`Error`](crate::Error) if the job cannot be carried out, its memory does not fit, or training diverges.
pub fn start(job: &Job, watch: &mut dyn Watch) -> Result<Outcome> {
    start_together(job, &Team::default(), watch)
}

/// Starts a new run as [`start`] does, with the ranks of `team` that wait in [`assist`].
///
/// # Errors
/// As for [`start`]; [`RunError::OtherRank`], [`RunError::FewGroups`], [`RunError::MinutesOfRanks`].
pub fn start_together(job: &Job, team: &Team, watch: &mut dyn Watch) -> Result<Outcome> {
    let mut prepare = |job: &Job, folder: &Folder, watch: &mut dyn Watch| {
        Texts::prepare(job, folder, &mut |note| watch.event(&Event::Note(note)))
    };
    begin(job, &mut prepare, team, watch)
}

/// Starts a new run as [`start`] does, on texts that are tokens already; the job names their vocabulary, and no files.
///
/// # Errors
/// As for [`start`]; [`RunError::NoVocabulary`], [`RunError::UnknownToken`] or [`RunError::TooFewTokens`] for tokens that cannot be used.
pub fn start_on(job: &Job, tokens: &TokenTexts, watch: &mut dyn Watch) -> Result<Outcome> {
    let mut prepare =
        |job: &Job, folder: &Folder, _: &mut dyn Watch| Texts::of_tokens(tokens, job, folder);
    begin(job, &mut prepare, &Team::default(), watch)
}

/// Brings the texts of a job, encoded, into the directory of its run.
type Prepare<'a> = dyn FnMut(&Job, &Folder, &mut dyn Watch) -> Result<Texts> + 'a;

/// Starts a new run on the texts that `prepare` makes.
fn begin(job: &Job, prepare: &mut Prepare, team: &Team, watch: &mut dyn Watch) -> Result<Outcome> {
    let mut job = job.clone();
    if job.config.groups == 1 {
        job.config.groups = team.count();
    }
    if team.is_several() && job.config.minutes.is_some() {
        return Err(RunError::MinutesOfRanks(team.count()).into());
    }
    let origin = match &job.init_from {
        Some(path) => Some(adopt(&mut job.config, path, watch)?),
        None => None,
    };
    job.config.check()?;
    own::check(&job)?;
    let folder = Folder::create(&job.run)?;
    let mut texts = prepare(&job, &folder, watch)?;
    if let (Some(own), Some(model)) = (&job.own_text, &origin) {
        texts = own::write_first(own, model, &job, texts, &folder, watch)?;
    }
    job.config.vocab = texts.vocab.kind();
    if job.fit_to_text
        && let Some(note) = job.config.fit_to(texts.train.ids().len())
    {
        watch.event(&Event::Note(note));
    }
    let open = Open::of(&job);
    let (config, team) = (job.config.clone(), team.clone());
    let mut run = Run::new(config, texts, folder, &job.machine, open, team)?;
    run.trainer.initialise(origin.as_ref());
    let total_steps = run.resolve_budget(origin.as_ref());
    // The memory plan has no room for a second model.
    drop(origin);
    run.trainer.state.progress.total_steps = total_steps;
    for note in run.trainer.config.settle(total_steps) {
        watch.event(&Event::Note(note));
    }
    run.note_unknowns(watch);
    job.config.clone_from(&run.trainer.config);
    run.save()?;
    let record = Record {
        elman: env!("CARGO_PKG_VERSION").into(),
        isa: job.machine.isa.name().into(),
        total_steps,
        inputs: Inputs::new(
            &job.train,
            job.valid.as_deref(),
            &job.vocabulary,
            job.init_from.as_deref(),
            job.own_text,
        ),
        config: job.config,
    };
    run.folder.write_record(&record)?;
    run.share(&record)?;
    run.follow(watch)
}

/// Resumes the run at `path` from its last checkpoint, with changes of its budget or of what is monitored.
///
/// # Errors
/// [`RunError`] if there is no run or no usable checkpoint, the budget is spent, or training diverges.
pub fn resume(
    path: &Path,
    changes: impl Into<Changes>,
    machine: &Machine,
    watch: &mut dyn Watch,
) -> Result<Outcome> {
    resume_together(path, changes, machine, &Team::default(), watch)
}

/// Resumes a run as [`resume`] does, with the ranks of `team` that wait in [`assist`]: any number, up to the groups of the run.
///
/// # Errors
/// As for [`resume`]; [`RunError::OtherRank`], [`RunError::FewGroups`].
pub fn resume_together(
    path: &Path,
    changes: impl Into<Changes>,
    machine: &Machine,
    team: &Team,
    watch: &mut dyn Watch,
) -> Result<Outcome> {
    let changes = changes.into();
    let folder = Folder::open(path)?;
    let mut record = read_record(path)?;
    record.config = changes.watched(&record.config)?;
    record.config.check()?;
    let texts = Texts::open(&folder)?;
    same_arithmetic(&record, machine, path)?;
    let (config, team) = (record.config.clone(), team.clone());
    let mut run = Run::new(config, texts, folder, machine, Open::Nothing, team)?;
    run.restore(watch)?;
    if let Some(total) = run.extend(&changes.budget)? {
        record.total_steps = total;
    }
    if !changes.is_none() {
        record.config = run.trainer.config.clone();
        run.folder.write_record(&record)?;
    }
    // The record is the authority: a checkpoint may be from before the budget was changed.
    run.trainer.state.progress.total_steps = record.total_steps;
    if changes.goes_on()
        && let Some(note) = run.be_patient_again()
    {
        watch.event(&Event::Note(note));
        run.save()?;
    }
    run.share(&record)?;
    run.follow(watch)
}

/// Checks that a bf16 run continues on its instruction set, whose rounding it needs; f32 runs may move between machines.
fn same_arithmetic(record: &Record, machine: &Machine, path: &Path) -> Result<()> {
    let here = machine.isa.name();
    if record.config.precision == Precision::F32 || record.isa == here {
        return Ok(());
    }
    let path = path.to_path_buf();
    let trained = record.isa.clone();
    Err(RunError::OtherInstructions {
        path,
        trained,
        here,
    }
    .into())
}
