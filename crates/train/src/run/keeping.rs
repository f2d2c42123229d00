//! What a run keeps on disk, and what it says when it must not.

use super::Run;
use crate::error::{BestModel, Result, RunError};
use crate::guard::{MOST_SKIPPED_IN_ROW, has_failed, uniform_nats};
use crate::state::VOLATILE;
use crate::watch::{Ending, StepReport};
use crate::windows::Cursor;
use elman_infer::{About, save_model};
use elman_net::Params;
use elman_text::Layout;

impl Run {
    /// A run that ends before its first validation, or has no validation text, leaves its last
    /// weights as the model.
    pub(super) fn keep_a_model(&mut self) -> Result<()> {
        if self.trainer.state.progress.best.is_none() {
            self.save_model()?;
        }
        Ok(())
    }

    pub(super) fn save_model(&self) -> Result<()> {
        self.refuse_overflow()?;
        let about = About {
            step: self.trainer.state.progress.step,
            epoch: self.trainer.state.progress.epoch,
            valid_loss_nats: self.trainer.state.progress.best.map(|best| best.loss_nats),
            averaged: self.trainer.state.optimiser.averaged(),
            restarts: self.trainer.config.layout == Layout::Stream
                && self.trainer.config.restart > 0.0,
            imported: None,
        };
        let average = self.trainer.state.optimiser.average();
        Ok(save_model(
            &self.folder.model(),
            self.trainer.engine.network(),
            average.map_or(self.trainer.engine.params(), |average| &average.weights),
            &self.trainer.vocab,
            self.trainer.config.layout,
            &about,
        )?)
    }

    /// Writes a checkpoint; returns its hash.
    pub(super) fn save(&self) -> Result<String> {
        self.refuse_overflow()?;
        let snapshot = self
            .trainer
            .state
            .snapshot(self.trainer.engine.params(), &self.identity);
        self.generations
            .save(self.trainer.state.progress.step, &snapshot)?;
        Ok(snapshot.digest(&VOLATILE))
    }

    /// Finite gradients too can push a weight beyond every number, when the rate is absurd. Such
    /// weights never replace good ones on disk.
    pub(super) fn refuse_overflow(&self) -> Result<()> {
        let kept = self
            .trainer
            .state
            .optimiser
            .arenas()
            .map(|(_, arena)| arena);
        let weights = std::iter::once(self.trainer.engine.params());
        if weights.chain(kept).all(Params::is_finite) {
            return Ok(());
        }
        let step = self.trainer.state.progress.step;
        let best = self.usable();
        Err(RunError::Overflow { step, best }.into())
    }

    /// The ending of a run, which is a failure if the loss of its last steps is too high.
    pub(super) fn judged(&self, ending: Ending, loss_nats: Option<f64>) -> Ending {
        let is_failure = loss_nats.is_some_and(|loss| has_failed(loss, self.trainer.vocab.len()));
        match ending {
            Ending::Finished | Ending::Stalled if is_failure => Ending::Diverged,
            ending => ending,
        }
    }

    /// The best model of a run that failed, if it is better than none.
    fn usable(&self) -> Option<BestModel> {
        let best = self.trainer.state.progress.best?;
        let is_usable = best.loss_nats < uniform_nats(self.trainer.vocab.len());
        is_usable.then(|| BestModel {
            path: self.folder.path().to_path_buf(),
            step: best.step,
            loss_nats: best.loss_nats,
        })
    }

    /// Says that `step` made the average begin, if it did.
    pub(super) fn average_note(&self, step: &StepReport) -> Option<String> {
        let begun = !step.skipped && self.trainer.state.optimiser.averaged() == 1;
        begun.then(|| {
            format!(
                "step {}: the weights are averaged from here on; validation and the saved model take the average",
                step.step
            )
        })
    }

    pub(super) fn skipped_note(&self, step: &StepReport, at: Cursor) -> String {
        let (first, windows) = (at.window + 1, self.trainer.text.order().in_epoch(at.epoch));
        let last = windows.min(at.window + self.trainer.config.accumulate);
        let (place, what) = match self.trainer.config.accumulate {
            1 => (format!("window {first}"), "this window was"),
            _ => (format!("windows {first} to {last}"), "these windows were"),
        };
        format!(
            "step {} (epoch {}, {place} of {windows}): the loss was {} and the gradient norm {}; {what} kept from the weights and the carried state starts from zero",
            step.step,
            at.epoch + 1,
            step.loss_nats,
            step.grad_norm,
        )
    }

    pub(super) fn diverged(&self) -> RunError {
        RunError::Diverged {
            step: self.trainer.state.progress.step,
            skipped: MOST_SKIPPED_IN_ROW,
            best: self.usable(),
        }
    }
}
