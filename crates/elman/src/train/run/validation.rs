//! Validation during a run: when it falls, and the loss over the validation text.

use super::Run;
use crate::error::Result;
use crate::text::{Corpus, Stream, Window};
use crate::train::bptt::{Engine, WindowStats};
use crate::train::watch::{Best, Validation};
use std::time::Instant;

impl Run {
    /// Validation falls at the end of an epoch (or every so many steps) and at the end of the run.
    pub(super) fn validation_due(&self) -> bool {
        let progress = &self.state.progress;
        let regular = match self.config.valid_every {
            Some(every) => progress.step.is_multiple_of(every),
            None => progress.position == 0,
        };
        self.valid.is_some() && (regular || progress.step == progress.total_steps)
    }

    /// Reads the validation text in parallel lanes from zero state; keeps the model if it is the
    /// best so far. Training's own state is not touched.
    pub(super) fn validate(&mut self) -> Result<Validation> {
        let started = Instant::now();
        let valid = self
            .valid
            .as_ref()
            .expect("validation needs a validation text");
        let stats = score_corpus(
            &mut self.engine,
            valid,
            self.vocab.eos(),
            self.config.lanes,
            self.window_steps,
        );
        let loss_nats = stats.nats / stats.tokens as f64;
        let progress = &mut self.state.progress;
        let best =
            progress.best.is_none_or(|best| loss_nats < best.loss_nats) && loss_nats.is_finite();
        let epoch = progress.epochs(self.stream.steps());
        if best {
            let step = progress.step;
            progress.best = Some(Best { step, loss_nats });
            progress.stale = 0;
            self.save_model()?;
        } else {
            progress.stale += 1;
        }
        Ok(Validation {
            step: self.state.progress.step,
            epoch,
            loss_nats,
            perplexity: loss_nats.exp(),
            approximate: true,
            tokens: stats.tokens,
            best,
            seconds: started.elapsed().as_secs_f64(),
        })
    }
}

/// The loss over a whole corpus in parallel lanes from zero state: approximate at the lanes' seams.
///
/// Every lane is summed on its own and the lanes in their order, which is that of the text: the
/// bits are those of `infer::evaluate` and do not depend on the window.
fn score_corpus(
    engine: &mut Engine,
    corpus: &Corpus,
    eos: u32,
    lanes: usize,
    window_steps: usize,
) -> WindowStats {
    let stream = Stream::new(corpus.ids().len(), lanes);
    let mut state = engine.zero_state();
    let mut window = Window::default();
    let mut lane_nats = vec![0.0; lanes];
    let mut tokens = 0;
    for position in (0..stream.steps()).step_by(window_steps) {
        stream.window(corpus.ids(), eos, position, window_steps, &mut window);
        tokens += engine.score_window(&window, &mut state).tokens;
        engine.add_lane_nats(&window, &mut lane_nats);
    }
    WindowStats {
        nats: lane_nats.iter().sum(),
        tokens,
    }
}
