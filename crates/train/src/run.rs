//! A run: windows, validations and checkpoints until the budget is used up.
//!
//! The result depends on the configuration and the text alone. When a checkpoint is written, how
//! often the run was interrupted, and how many threads computed it leave no trace in it.

use super::config::{Config, Precision};
use super::folder::{Folder, Inputs, Record, read_record};
use super::guard::{UpdateDecision, uniform_nats};
use super::job::{Changes, Job, Machine};
use super::metrics::{EndLine, Line, Metrics};
use super::ranks::{Team, Wishes};
use super::state::Identity;
use super::texts::{Texts, TokenTexts};
use super::trainer::Trainer;
use super::watch::{Ending, Event, Outcome, RunPlan, Watch};
use super::windows::Windows;
use crate::error::{Result, RunError};
use elman_kernels::Cpu;
use elman_net::dims::TrainPlan;
use elman_store::Generations;
use std::path::Path;
use std::time::Instant;

mod adopt;
mod budget;
mod keeping;
mod memory;
mod outline;
mod own;
mod probe;
mod recorder;
mod restored;
mod together;
mod validation;
mod watching;

use adopt::adopt;
pub(super) use budget::steps_in;
use memory::{Open, TextSizes};
pub use memory::{available_bytes, peak_bytes, plan, plan_shapes, total_bytes};
pub use outline::{dry_run, dry_run_among, training_size};
use recorder::Recorder;
pub use together::{assist, compare, dismiss};

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

/// A run in progress: a trainer with directory, checkpoints and validation.
struct Run {
    trainer: Trainer,
    folder: Folder,
    valid: Option<Windows>,
    plan: TrainPlan,
    identity: Identity,
    generations: Generations,
    machine: Machine,
}

impl Run {
    /// Checks the plan against the memory there is, then allocates everything.
    fn new(
        config: Config,
        texts: Texts,
        folder: Folder,
        machine: &Machine,
        open: Open,
        team: Team,
    ) -> Result<Run> {
        if config.average_every > 1 && config.groups != team.count() {
            let (ranks, groups) = (team.count(), config.groups);
            return Err(RunError::LocalSteps { ranks, groups }.into());
        }
        if config.groups < team.count() {
            let (ranks, groups) = (team.count(), config.groups);
            return Err(RunError::FewGroups { ranks, groups }.into());
        }
        let identity = texts.identity();
        let train = Windows::training(texts.train, &texts.vocab, &config)?;
        let valid = texts
            .valid
            .map(|corpus| train.validation(corpus, &texts.vocab, &config));
        let valid = valid.transpose()?;
        let sizes = TextSizes {
            vocab: texts.vocab.len(),
            vocabulary_bytes: texts.vocab.memory_bytes(),
            preparation_bytes: texts.preparation_bytes.max(texts.vocab.reading_bytes()),
            train: train.order(),
            valid: valid.as_ref().map(Windows::order),
        };
        let (room, mut plan) = sizes.plan(&config);
        let numbers = plan.weights_bytes / 4;
        plan.fixed_bytes += team.buffer_bytes(config.groups, numbers as usize);
        sizes.check_memory(&plan, machine.memory_bytes, &config, open)?;

        let cpu = Cpu::new(machine.isa, machine.threads);
        let trainer = Trainer::with_room(config, texts.vocab, train, room, cpu, team);
        Ok(Run {
            generations: Generations::new(folder.state()),
            folder,
            valid,
            plan,
            trainer,
            identity,
            machine: *machine,
        })
    }

    /// Restores the newest intact checkpoint.
    fn restore(&mut self, watch: &mut dyn Watch) -> Result<()> {
        let missing = || RunError::NoCheckpoint(self.folder.path().to_path_buf());
        let loaded = self.generations.load_latest()?.ok_or_else(missing)?;
        if let Some(note) = loaded.note {
            watch.event(&Event::Note(note));
        }
        let path = self.generations.path(loaded.step);
        let params = self.trainer.engine.params_mut();
        self.trainer
            .state
            .restore(&loaded.snapshot, &path, params, &self.identity)?;
        let changed = |flaw| RunError::Changed { path, flaw };
        Ok(restored::check(&self.trainer.state, &mut self.trainer.text).map_err(changed)?)
    }

    /// Trains to the end of the budget.
    fn follow(mut self, watch: &mut dyn Watch) -> Result<Outcome> {
        let network = self.trainer.engine.network();
        watch.event(&Event::Ready(RunPlan {
            run: self.folder.path(),
            config: &self.trainer.config,
            dims: network.dims(),
            parameters: network.layout().parameter_count(),
            plan: self.plan,
            train_tokens: self.trainer.text.tokens(),
            valid_tokens: self.valid.as_ref().map_or(0, Windows::tokens),
            windows_per_epoch: self.trainer.text.order().in_epoch(0),
            steps_per_epoch: budget::steps_in_epoch(
                self.trainer.text.order(),
                &self.trainer.config,
                0,
            ),
            step: self.trainer.state.progress.step,
            total_steps: Some(self.trainer.state.progress.total_steps),
            threads: self.trainer.engine.cpu().threads(),
            isa: self.machine.isa.name(),
        }));
        watching::note_unknown(&self.trainer.config, &self.trainer.vocab, watch)?;
        let step = self.trainer.state.progress.step;
        let (metrics, remark) = Metrics::open(&self.folder.metrics(), step, self.event_file()?)?;
        if let Some(remark) = remark {
            watch.event(&Event::Note(remark));
        }
        let mut recorder = Recorder::new(metrics, watch);
        let trained = self.train(&mut recorder);
        if matches!(&trained, Err(error) if error.is_divergence()) {
            recorder.record(Line::End(self.end(Ending::Diverged)))?;
        }
        let train_loss_nats = recorder.loss_nats();
        let ending = self.judged(trained?, train_loss_nats);
        self.gather_state();
        self.trainer.gradients.team().end();
        self.keep_a_model()?;
        recorder.sync()?;
        let checkpoint = self.save()?;
        recorder.saved(self.trainer.state.progress.step);
        let mut end = self.end(ending);
        let progress = &self.trainer.state.progress;
        let mut outcome = Outcome {
            ending,
            step: progress.step,
            total_steps: progress.total_steps,
            best: progress.best,
            train_loss_nats,
            uniform_nats: uniform_nats(self.trainer.vocab.len()),
            skipped: progress.guard.skipped,
            seconds: self.trainer.state.seconds,
            checkpoint,
            sample: None,
        };
        let cpu = Cpu::new(self.machine.isa, self.machine.threads);
        let (config, folder) = (self.trainer.config.clone(), self.folder);
        // The memory plan has no room for a second model.
        drop((self.trainer, self.valid));
        // A network that has learnt answers alone has no idea of the rest.
        if matches!(ending, Ending::Finished | Ending::Stalled) && config.loss_after.is_none() {
            match watching::final_sample(folder.path(), &config, cpu) {
                Ok(sample) => end.sample = Some(sample),
                Err(error) => recorder.note(format!("no sample: {error}")),
            }
        }
        outcome.sample.clone_from(&end.sample);
        recorder.record(Line::End(end))?;
        Ok(outcome)
    }

    /// Says which words are read as `<unk>`, if any are.
    fn note_unknowns(&self, watch: &mut dyn Watch) {
        let (words, rate) = (
            self.trainer.text.unknown_words(),
            self.trainer.config.unknown_rate,
        );
        if words > 0 {
            watch.event(&Event::Note(format!(
                "the vocabulary has every word of the training text, so <unk> would not be learnt: each of the {words} words that occur once is read as <unk> with probability {rate} (`unknown-rate`)"
            )));
        }
    }

    /// Whether all ranks have the same weights after this step: always, unless each makes updates by itself for a while.
    fn is_together(&self) -> bool {
        let progress = &self.trainer.state.progress;
        let every = self.trainer.config.average_every;
        let done = progress.step == progress.total_steps;
        !self.trainer.gradients.local
            || progress.step.is_multiple_of(every)
            || done
            || self.validation_due()
    }

    fn end(&self, ending: Ending) -> EndLine {
        EndLine {
            step: self.trainer.state.progress.step,
            ending,
            seconds: self.trainer.state.seconds,
            plan: Some(self.plan),
            peak_bytes: peak_bytes(),
            sample: None,
        }
    }

    /// Steps, validations, samples and checkpoints, until something ends them.
    fn train(&mut self, recorder: &mut Recorder) -> Result<Ending> {
        let team = self.trainer.gradients.team().clone();
        let mut saved = Instant::now();
        let mut last_step = None;
        loop {
            let progress = &self.trainer.state.progress;
            if progress.step >= progress.total_steps {
                return Ok(Ending::Finished);
            }
            if self
                .trainer
                .config
                .patience
                .is_some_and(|most| progress.stale >= most)
            {
                if let Some(step) = &last_step {
                    let seconds = self.trainer.state.seconds;
                    recorder.rest(step, &mut self.trainer.state.progress.unlogged, seconds)?;
                }
                return Ok(Ending::Stalled);
            }
            // Several ranks stop where one of them wished it in the step before.
            let stop = recorder.stop_requested();
            let wished = self.trainer.wishes.stop && self.is_together();
            if wished || (stop && !team.is_several()) {
                return Ok(Ending::Stopped);
            }
            let save = team.writes() && saved.elapsed() >= self.machine.save_every;
            self.trainer.wishes = Wishes { stop, save };
            let at = progress.cursor();
            if team.writes()
                && self.probe_is_due()
                && let Some(flow) = self.probe()
            {
                recorder.record(Line::Gradients(flow))?;
            }
            let (step, verdict) = self.trainer.next_step();
            self.trainer.state.seconds += step.seconds;
            let seconds = self.trainer.state.seconds;
            recorder.step(&step, &mut self.trainer.state.progress.unlogged, seconds)?;
            if step.skipped {
                recorder.note(self.skipped_note(&step, at));
                self.refuse_overflow()?;
                if verdict == UpdateDecision::Stop {
                    return Err(self.diverged().into());
                }
            }
            if self.trainer.gradients.local && self.is_together() {
                self.trainer.average();
            }
            if let Some(note) = self.average_note(&step) {
                recorder.note(note);
            }
            if self.validation_due() {
                let validation = self.validate()?;
                recorder.record(Line::Valid(validation.clone()))?;
                for note in self.draw_conclusions(&validation) {
                    recorder.note(note);
                }
            }
            if team.writes() && self.sample_due() {
                match self.sample() {
                    Ok(sample) => recorder.record(Line::Sample(sample))?,
                    Err(error) => recorder.note(format!("no sample: {error}")),
                }
            }
            let save = match team.is_several() {
                true => self.trainer.wishes.save && self.is_together(),
                false => saved.elapsed() >= self.machine.save_every,
            };
            if save {
                self.refuse_overflow()?;
                self.gather_state();
            }
            if save && team.writes() {
                recorder.sync()?;
                self.save()?;
                recorder.saved(self.trainer.state.progress.step);
                saved = Instant::now();
            }
            last_step = Some(step);
        }
    }
}
