//! Choices that follow from the text and the length of a run, where nobody made them or where they do not fit.

use super::Config;
use crate::schedule::Schedule;

/// Training tokens for each stream of a text that is small.
const TOKENS_A_STREAM: f64 = 2_500.0;
/// The smallest batch.
const SMALLEST_BATCH: usize = 4;
/// A text of that many tokens is what the defaults are for.
const DEFAULT_TOKENS: f64 = 900_000.0;
const MOST_EPOCHS: f64 = 20.0;
/// Validations that a run has if nobody chose.
const VALIDATIONS: f64 = 10.0;
/// The most that they take, as a share of the time of training.
const VALIDATION_SHARE: f64 = 0.1;
/// Training on a token takes as long as scoring this number of tokens.
pub(crate) const TRAINING_COST: f64 = 3.0;

impl Config {
    /// Chooses batch size and epochs for a training text of `tokens` tokens, where both are the defaults, which are for larger
    /// texts: with a batch of 32 a small one has too few updates. `docs/TRAINING.md` has what that is worth. Says so.
    pub fn fit_to(&mut self, tokens: usize) -> Option<String> {
        let default = Config::default();
        let tokens = tokens as f64;
        let batch = libm::exp2(libm::round(libm::log2(tokens / TOKENS_A_STREAM)));
        let smallest = SMALLEST_BATCH.max(self.groups).min(default.batch_size);
        let batch = (batch as usize).clamp(smallest, default.batch_size);
        let full = default.epochs.unwrap_or(1.0);
        let epochs = libm::round(full * (DEFAULT_TOKENS / tokens).sqrt());
        let epochs = epochs.clamp(full, MOST_EPOCHS.max(full));
        if (batch, epochs) == (default.batch_size, full) {
            return None;
        }
        (self.batch_size, self.epochs) = (batch, Some(epochs));
        Some(match batch == default.batch_size {
            true => format!(
                "the text is small: {epochs} epochs instead of {full} (`epochs` chooses another number)"
            ),
            false => format!(
                "the text is small: batch size {batch} and {epochs} epochs instead of {} and {full} (`batch-size` and `epochs` choose others)",
                default.batch_size
            ),
        })
    }

    /// Validations in an epoch of `train` tokens of a run of `epochs` epochs, where scoring the validation text reads `valid` tokens.
    ///
    /// A run shall have ten, so that its curve is one. They shall take less than a tenth of the time of training, and what counts
    /// validations (patience, the schedule `plateau`, the trigger of an average) shall count epochs.
    pub(crate) fn validations_in_epoch(&self, epochs: f64, train: usize, valid: usize) -> u64 {
        let counted = self.patience.is_some()
            || self.average_trigger.is_some()
            || matches!(self.schedule, Schedule::Plateau(_));
        match self.valid_per_epoch {
            0 if counted => 1,
            0 => {
                let wanted = (VALIDATIONS / epochs).ceil();
                let affordable =
                    VALIDATION_SHARE * TRAINING_COST * train as f64 / valid.max(1) as f64;
                wanted.min(affordable).max(1.0) as u64
            }
            chosen => chosen,
        }
    }

    /// Cuts a warm-up that is longer than the run of `total_steps` steps to a tenth of it, and says so; says too what will never
    /// happen in such a run.
    pub(crate) fn settle(&mut self, total_steps: u64) -> Vec<String> {
        let mut notes = Vec::new();
        if self.warmup > total_steps && self.schedule.curve().warms_up() {
            let cut = (total_steps / 10).max(1);
            notes.push(format!(
                "the warm-up of {} steps is longer than the run of {total_steps}: it is cut to {cut}",
                self.warmup
            ));
            self.warmup = cut;
        }
        let beyond = [
            (
                "average-from",
                self.average_from,
                "the weights are never averaged",
            ),
            ("sample-every", self.sample_every, "there are no samples"),
        ];
        for (name, step, what) in beyond {
            if let Some(step) = step.filter(|step| *step > total_steps) {
                notes.push(format!(
                    "{name} = {step} is beyond the last step, {total_steps}: {what}"
                ));
            }
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::{Cosine, OnPlateau, OneCycle};

    #[test]
    fn small_texts_have_smaller_batches_and_more_epochs() {
        let fitted = |tokens| {
            let mut config = Config::default();
            let note = config.fit_to(tokens);
            assert_eq!(note.is_some(), config != Config::default(), "{tokens}");
            (config.batch_size, config.epochs.unwrap())
        };
        for (tokens, expected) in [
            (1, (4, 20.0)),
            (2_200, (4, 20.0)),
            (7_000, (4, 20.0)),
            (15_000, (8, 15.0)),
            (25_000, (8, 12.0)),
            (75_000, (32, 7.0)),
            (300_000, (32, 3.0)),
            (901_657, (32, 2.0)),
            (100_000_000, (32, 2.0)),
        ] {
            assert_eq!(fitted(tokens), expected, "{tokens}");
        }
    }

    #[test]
    fn a_run_has_ten_validations_that_cost_little() {
        let default = Config::default();
        for (epochs, train, valid, expected) in [
            (2.0, 901_657, 46_481, 5),
            (0.5, 901_657, 9_000, 20),
            (3.0, 95_000, 5_000, 4),
            (20.0, 95_000, 5_000, 1),
            (2.0, 2_000_000, 217_000, 2),
            (2.0, 1_000, 10_000, 1),
            (1e-9, 1_000, 0, 300),
        ] {
            let found = default.validations_in_epoch(epochs, train, valid);
            assert_eq!(found, expected, "{epochs} of {train}, {valid}");
        }
        let counting = [
            Config {
                patience: Some(2),
                ..Config::default()
            },
            Config {
                average_trigger: Some(2),
                ..Config::default()
            },
            Config {
                schedule: Schedule::Plateau(OnPlateau::default()),
                ..Config::default()
            },
        ];
        for config in counting {
            assert_eq!(config.validations_in_epoch(2.0, 901_657, 46_481), 1);
        }
        let chosen = Config {
            valid_per_epoch: 7,
            patience: Some(2),
            ..Config::default()
        };
        assert_eq!(chosen.validations_in_epoch(2.0, 901_657, 46_481), 7);
    }

    #[test]
    fn a_warm_up_longer_than_the_run_is_cut() {
        let settled = |warmup, schedule, steps| {
            let mut config = Config {
                warmup,
                schedule,
                ..Config::default()
            };
            let notes = config.settle(steps);
            (config.warmup, notes.len())
        };
        let cosine = Schedule::Cosine(Cosine::default());
        assert_eq!(settled(50, cosine, 50), (50, 0));
        assert_eq!(settled(50, cosine, 49), (4, 1));
        assert_eq!(settled(50, Schedule::CONSTANT, 3), (1, 1));
        assert_eq!(
            settled(50, Schedule::OneCycle(OneCycle::default()), 3),
            (50, 0)
        );
        let mut config = Config {
            average_from: Some(10),
            sample_every: Some(11),
            ..Config::default()
        };
        let notes = config.settle(9).join(" ");
        for part in ["cut to 1", "never averaged", "no samples"] {
            assert!(notes.contains(part), "{notes}");
        }
    }
}
