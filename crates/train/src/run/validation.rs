//! Validation during a run: when it falls, and the loss over the validation text.

use super::Run;
use super::budget::steps_in_epoch;
use crate::bptt::Engine;
use crate::error::Result;
use crate::groups::sequences_of;
use crate::ranks::Team;
use crate::schedule::Schedule;
use crate::state::{Progress, TrainState};
use crate::watch::{Best, Validation};
use crate::windows::Windows;
use elman_infer::Accuracy;
use elman_infer::scoring::{Filled, Scored, WindowSource, score_windows};
use elman_text::Window;
use std::time::Instant;

impl Run {
    /// Whether a validation is due: every N steps, or at the ends of the equal parts of an epoch; and at the end of the run.
    pub(super) fn validation_due(&self) -> bool {
        let progress = &self.trainer.state.progress;
        let config = &self.trainer.config;
        let regular = match config.valid_every {
            Some(every) => progress.step.is_multiple_of(every),
            None if progress.position == 0 => true,
            None => {
                let parts = self.validations_in_epoch(progress.total_steps);
                let steps = steps_in_epoch(self.trainer.text.order(), config, progress.epoch);
                let done = progress.window.div_ceil(config.accumulate);
                parts * done / steps > parts * done.saturating_sub(1) / steps
            }
        };
        self.valid.is_some() && (regular || progress.step == progress.total_steps)
    }

    /// Validations in an epoch of a run of `total_steps` steps, the one at its end included.
    pub(super) fn validations_in_epoch(&self, total_steps: u64) -> u64 {
        let text = &self.trainer.text;
        let config = &self.trainer.config;
        let steps = steps_in_epoch(text.order(), config, 0);
        let valid = self.valid.as_ref().map_or(0, Windows::tokens);
        config.validations_in_epoch(total_steps as f64 / steps as f64, text.tokens(), valid)
    }

    /// Resets the count of validations of a run that ended by its patience; returns a note if there was one.
    pub(super) fn be_patient_again(&mut self) -> Option<String> {
        let stale = &mut self.trainer.state.progress.stale;
        let most = self
            .trainer
            .config
            .patience
            .filter(|most| *stale >= *most)?;
        let (had, s) = (std::mem::take(stale), if most == 1 { "" } else { "s" });
        Some(format!(
            "{had} validations in a row were no better than the best; the run continues until {most} more validation{s} in a row are not"
        ))
    }

    /// Scores the validation text; keeps the model if it is the best so far. Training's own state is not touched.
    pub(super) fn validate(&mut self) -> Result<Validation> {
        let started = Instant::now();
        let valid = self.valid.as_mut().expect("validation needs a text");
        let approximate = valid.carries();
        let optimiser = &mut self.trainer.state.optimiser;
        let averaged = optimiser.averaged();
        let mut average = optimiser.average.as_mut().filter(|a| a.is_on());
        if let Some(average) = &mut average {
            self.trainer.engine.swap_params(&mut average.weights);
        }
        let counting = self.trainer.config.loss_after.is_some();
        let found = score_text(
            &mut self.trainer.engine,
            valid,
            self.trainer.config.groups,
            self.trainer.gradients.team(),
            counting,
        );
        if let Some(average) = &mut average {
            self.trainer.engine.swap_params(&mut average.weights);
        }
        let found = found?;
        let loss_nats = found.parts.iter().sum::<f64>() / found.tokens as f64;
        let progress = &mut self.trainer.state.progress;
        let best =
            progress.best.is_none_or(|best| loss_nats < best.loss_nats) && loss_nats.is_finite();
        let epoch = progress.epochs(self.trainer.text.length());
        if best {
            let step = progress.step;
            progress.best = Some(Best { step, loss_nats });
            progress.stale = 0;
            self.refuse_overflow()?;
            if self.trainer.gradients.team().writes() {
                self.save_model()?;
            }
        } else {
            progress.stale += 1;
        }
        Ok(Validation {
            step: self.trainer.state.progress.step,
            epoch,
            loss_nats,
            perplexity: loss_nats.exp(),
            approximate,
            tokens: found.tokens as usize,
            accuracy: found.accuracy.of_tokens(),
            line_accuracy: found.accuracy.of_lines(),
            best,
            averaged,
            seconds: started.elapsed().as_secs_f64(),
        })
    }

    /// Adapts learning rate and averaging to a validation; returns notes about changes.
    pub(super) fn draw_conclusions(&mut self, validation: &Validation) -> Vec<String> {
        let (step, loss_nats) = (validation.step, validation.loss_nats);
        let TrainState {
            progress,
            optimiser,
            ..
        } = &mut self.trainer.state;
        let learning_rate = self.trainer.config.learning_rate();
        let mut notes = Vec::new();
        if let Schedule::Plateau(schedule) = &learning_rate.schedule {
            let before = learning_rate.at(progress.place());
            progress.plateau.observe(loss_nats, schedule);
            let lr = learning_rate.at(progress.place());
            if lr < before {
                notes.push(format!(
                    "step {step}: validation is not improving, so the learning rate goes from {before} to {lr}"
                ));
            }
        }
        let average = optimiser.average.as_mut();
        if average.is_some_and(|average| average.observe(loss_nats, self.trainer.engine.params())) {
            notes.push(format!(
                "step {step}: validation is not improving, so the weights are averaged from here on; validation and the saved model take the average"
            ));
        }
        notes
    }
}

/// The loss over a whole text and, where `counting`, how often it is right: of a stream in parallel sequences, each from the zero state,
/// which is approximate at their seams; of sentences exact. The bits are those of `infer::evaluate`.
///
/// The text is read once for each of `groups` groups of the sequences of its windows, which the ranks of `team` share.
fn score_text(
    engine: &mut Engine,
    text: &mut Windows,
    groups: usize,
    team: &Team,
    counting: bool,
) -> Result<Scored<f64>> {
    let mut all: Option<Scored<f64>> = None;
    for group in team.own_groups(groups) {
        let window = engine.window();
        let mut pass = Pass {
            text,
            done: Progress::default(),
            whole: Window::default(),
            group,
            groups,
        };
        let scored = score_windows(&mut pass, engine, window, counting, &mut |_| Ok(()))?;
        match &mut all {
            Some(all) => all.add(&scored),
            None => all = Some(scored),
        }
    }
    let mut all = all.expect("there is at least one group");
    let found = all.accuracy;
    let mut counts = [
        all.tokens,
        found.tokens,
        found.right,
        found.lines,
        found.lines_right,
    ];
    team.gather_losses(&mut all.parts, &mut counts);
    let [scored, tokens, right, lines, lines_right] = counts;
    all.tokens = scored;
    all.accuracy = Accuracy {
        tokens,
        right,
        lines,
        lines_right,
    };
    Ok(all)
}

/// One pass over a text, for a group of the sequences of its windows.
struct Pass<'a> {
    text: &'a mut Windows,
    done: Progress,
    whole: Window,
    group: usize,
    groups: usize,
}

impl WindowSource for Pass<'_> {
    fn parts(&self) -> usize {
        self.text.parts()
    }

    fn next(&mut self, window: &mut Window) -> Option<Filled> {
        while self.done.epoch == 0 {
            let whole = match self.groups {
                1 => &mut *window,
                _ => &mut self.whole,
            };
            let first = self.done == Progress::default();
            let consumed = self.text.read(self.done.cursor(), whole);
            self.done.advance(consumed.by, self.text.length());
            let mut tokens = consumed.tokens;
            if self.groups > 1 {
                let sequences = sequences_of(self.group, self.groups, self.whole.batch_size);
                if sequences.is_empty() {
                    continue;
                }
                // The window's tokens count with its first sequences.
                tokens *= usize::from(sequences.start == 0);
                self.whole.copy_sequences(sequences, window);
            }
            return Some(Filled {
                from_zero: first || !self.text.carries(),
                tokens,
            });
        }
        None
    }
}
