//! A run: windows, validations and checkpoints until the budget is used up.
//!
//! The result depends on the configuration and the text alone. When a checkpoint is written, how
//! often the run was interrupted, and how many threads computed it leave no trace in it.

use super::config::Config;
use super::folder::Folder;
use super::guard::{UpdateDecision, uniform_nats};
use super::job::Machine;
use super::metrics::{EndLine, Line, Metrics};
use super::ranks::{Team, Wishes};
use super::state::Identity;
use super::texts::Texts;
use super::trainer::Trainer;
use super::watch::{Ending, Event, Outcome, RunPlan, Watch};
use super::windows::Windows;
use crate::error::{Result, RunError};
use elman_kernels::Cpu;
use elman_net::dims::TrainPlan;
use elman_store::Generations;
use std::time::Instant;

mod adopt;
mod begin;
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

pub use begin::{resume, resume_together, start, start_on, start_together};
pub(super) use budget::steps_in;
use memory::{Open, TextSizes};
pub use memory::{available_bytes, peak_bytes, plan, plan_shapes, total_bytes};
pub use outline::{dry_run, dry_run_among, training_size};
use recorder::Recorder;
pub use together::{assist, compare, dismiss};

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
