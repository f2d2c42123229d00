//! Whether a run can continue from a checkpoint: its numbers are checked against each other and against the run's texts.
//!
//! Its checksum has agreed, so it is what somebody wrote; but the texts or the configuration may have been changed since, and
//! a checksum can be computed again. A position beyond the end of the text would end the run in the middle of a step.

use crate::state::{Progress, Tally, TrainState};
use crate::windows::Windows;

/// More tokens than any run reads.
const MOST_TOKENS: u64 = 1 << 62;

/// Says what is wrong, if anything is.
pub(super) fn check(state: &TrainState, train: &mut Windows) -> Result<(), String> {
    let progress = &state.progress;
    let length = train.length();
    if progress.position >= length {
        return Err(format!(
            "it is at position {} of an epoch, and the training text has {length}",
            progress.position
        ));
    }
    if !train.has(progress.cursor()) {
        return Err(format!(
            "window {} of an epoch does not begin at position {} of the training text",
            progress.window, progress.position
        ));
    }
    consistent(progress, state).map_err(|what| format!("its counts contradict each other ({what})"))
}

fn consistent(progress: &Progress, state: &TrainState) -> Result<(), &'static str> {
    let Tally {
        steps,
        nats: _,
        tokens,
        sampled,
        clipped,
        skipped,
    } = progress.unlogged;
    let step = progress.step;
    // No more than one validation follows a step.
    let validations = u32::try_from(step).unwrap_or(u32::MAX - 1);
    let average = state.optimiser.average.as_ref();
    for (holds, what) in [
        (progress.epoch <= step, "more epochs than steps"),
        (
            progress.window as u128 <= progress.position as u128,
            "more windows than positions",
        ),
        (
            progress.guard.skipped <= step,
            "more windows skipped than steps",
        ),
        (
            progress.guard.skipped_in_row <= progress.guard.skipped,
            "more windows skipped in a row than in all",
        ),
        (progress.stale <= validations, "more validations than steps"),
        (
            progress.plateau.stale <= validations && progress.plateau.reductions <= validations,
            "more validations than steps",
        ),
        (
            steps <= step && clipped <= steps && skipped <= steps,
            "more steps without a line than steps",
        ),
        (
            tokens <= MOST_TOKENS && sampled <= MOST_TOKENS,
            "more tokens than can be read",
        ),
        (state.optimiser.updates <= step, "more updates than steps"),
        (
            average.is_none_or(|average| average.progress.count <= step),
            "an average of more weights than steps",
        ),
        (state.seconds >= 0.0, "negative seconds"),
    ] {
        if !holds {
            return Err(what);
        }
    }
    Ok(())
}
