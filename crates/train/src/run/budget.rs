//! How many steps a run takes: epochs, steps or minutes become a number of steps, once.
//!
//! Minutes are measured at the start and never again, so that the run that was stored can be
//! repeated and interrupted without its length depending on the machine's mood.

use super::Run;
use crate::config::{Config, TRAINING_COST};
use crate::error::{Result, RunError};
use crate::job::NewBudget;
use crate::state::Progress;
use crate::windows::{Order, Windows};
use elman_infer::NetworkModel;
use std::time::Instant;

/// No budget comes to more steps: a configuration file holds signed numbers.
const MOST_STEPS: u64 = i64::MAX as u64;

impl Run {
    /// Steps that the budget of a new run comes to.
    pub(super) fn resolve_budget(&mut self, origin: Option<&NetworkModel>) -> u64 {
        let Config {
            epochs,
            steps,
            minutes,
            ..
        } = self.trainer.config;
        match (epochs, steps, minutes) {
            (Some(epochs), _, _) => {
                steps_in(self.trainer.text.order(), &self.trainer.config, epochs)
            }
            (_, Some(steps), _) => steps,
            (_, _, minutes) => {
                let per_step = self.rehearse(origin);
                self.steps_with_validation(minutes.unwrap_or_default(), per_step)
            }
        }
    }

    /// The total of a resumed run under a new budget, which counts from the run's beginning;
    /// `None` if it keeps its old one. The configuration takes the new budget up.
    pub(super) fn extend(&mut self, budget: &NewBudget) -> Result<Option<u64>> {
        if *budget == NewBudget::default() {
            return Ok(None);
        }
        let NewBudget {
            epochs,
            steps,
            minutes,
        } = *budget;
        let config = Config {
            epochs,
            steps,
            minutes,
            ..self.trainer.config.clone()
        };
        config.check()?;
        let done = self.trainer.state.progress.step;
        let total = match (epochs, steps, minutes) {
            (Some(epochs), _, _) => {
                steps_in(self.trainer.text.order(), &self.trainer.config, epochs)
            }
            (_, Some(steps), _) => steps,
            (_, _, minutes) => {
                let per_step = self.trainer.state.seconds / done.max(1) as f64;
                if per_step <= 0.0 {
                    return Err(RunError::NothingMeasured.into());
                }
                self.steps_with_validation(minutes.unwrap_or_default(), per_step)
            }
        };
        if total < done {
            return Err(RunError::BudgetSpent { done, total }.into());
        }
        self.trainer.config = config;
        Ok(Some(total))
    }

    /// Seconds that a step takes: trains a few steps, then starts again as if nothing had been.
    fn rehearse(&mut self, origin: Option<&NetworkModel>) -> f64 {
        const LONGEST_SECONDS: f64 = 3.0;
        let (mut training, mut steps) = (0.0, 0);
        let started = Instant::now();
        while steps < 50 && started.elapsed().as_secs_f64() < LONGEST_SECONDS {
            let step_started = Instant::now();
            self.trainer.next_step();
            // The first step pays for touching the memory.
            if steps > 0 {
                training += step_started.elapsed().as_secs_f64();
            }
            steps += 1;
        }
        let per_step = if steps > 1 {
            training / f64::from(steps - 1)
        } else {
            started.elapsed().as_secs_f64()
        };
        self.trainer.state.progress = Progress::default();
        self.trainer.state.optimiser.reset();
        self.trainer.state.carried.set_zero();
        self.trainer.initialise(origin);
        per_step
    }

    /// Number of steps of `seconds_per_step` seconds in `minutes` minutes, with the time of the validations between them.
    fn steps_with_validation(&self, minutes: f64, seconds_per_step: f64) -> u64 {
        let without = minute_steps(minutes, seconds_per_step);
        minute_steps(minutes, seconds_per_step * self.with_validation(without))
    }

    /// Factor by which validation lengthens the time of a step, in a run of `total_steps` steps.
    fn with_validation(&self, total_steps: u64) -> f64 {
        let config = &self.trainer.config;
        // With recomputation training reads each token twice.
        let cost = TRAINING_COST + f64::from(config.recompute);
        let scored = self.valid.as_ref().map_or(0, Windows::tokens) as f64 / cost;
        let epoch = self.trainer.text.tokens() as f64;
        let trained = match config.valid_every {
            Some(every) => {
                every as f64 * epoch / steps_in_epoch(self.trainer.text.order(), config, 0) as f64
            }
            None => epoch / self.validations_in_epoch(total_steps) as f64,
        };
        1.0 + scored / trained
    }
}

/// Updates of epoch `epoch`. The last one may have fewer windows than the others.
pub(super) fn steps_in_epoch(train: &Order, config: &Config, epoch: u64) -> u64 {
    train.in_epoch(epoch).div_ceil(config.accumulate)
}

/// Steps of `epochs` epochs.
pub(crate) fn steps_in(train: &Order, config: &Config, epochs: f64) -> u64 {
    if train.epochs_are_alike() {
        return epoch_steps(epochs, steps_in_epoch(train, config, 0));
    }
    let last = (epochs.ceil() as u64).saturating_sub(1);
    let before: u64 = (0..last)
        .map(|epoch| steps_in_epoch(train, config, epoch))
        .sum();
    before + epoch_steps(epochs - last as f64, steps_in_epoch(train, config, last))
}

/// Steps of `epochs` epochs, begun ones whole; 1.1 epochs of ten updates are eleven steps, although
/// 1.1 × 10 is a little more than 11 in binary.
fn epoch_steps(epochs: f64, updates: u64) -> u64 {
    let steps = epochs * updates as f64 * (1.0 - 1e-12);
    (steps.ceil() as u64).clamp(1, MOST_STEPS)
}

fn minute_steps(minutes: f64, seconds_per_step: f64) -> u64 {
    ((60.0 * minutes / seconds_per_step) as u64).clamp(1, MOST_STEPS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_come_to_whole_windows() {
        for (epochs, windows, steps) in [
            (2.0, 10, 20),
            (1.1, 10, 11),
            (0.3, 10, 3),
            (0.31, 10, 4),
            (1e-9, 10, 1),
            (1.0, 1, 1),
            (1e300, 10, MOST_STEPS),
        ] {
            assert_eq!(epoch_steps(epochs, windows), steps, "{epochs} of {windows}");
        }
    }

    #[test]
    fn minutes_come_to_at_least_one_step() {
        assert_eq!(minute_steps(2.0, 0.5), 240);
        assert_eq!(minute_steps(1e-9, 0.5), 1);
        assert_eq!(minute_steps(1e300, 1e-9), MOST_STEPS);
    }
}
