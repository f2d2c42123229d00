//! What is said when a run has ended.

use crate::output::say;
use crate::progress::{Form, Progress};
use crate::summary::{self, Memory};
use anyhow::Result;
use elman::train::Outcome;
use serde::Serialize;
use std::path::PathBuf;

/// Reports the outcome, shows what the model writes, and says what can be done next.
pub fn report(ended: &Ended, progress: &Progress, form: Form) -> Result<()> {
    let Ended {
        directory,
        outcome,
        memory,
    } = ended;
    if form == Form::Quiet {
        return Ok(());
    }
    let planned = progress.planned();
    progress.emit(
        "end",
        &End {
            outcome,
            memory: *memory,
        },
    );
    if form == Form::People {
        say(format_args!(
            "\n{}",
            summary::ended(outcome, planned, *memory)
        ));
        if let Some(sample) = &outcome.sample {
            say(format_args!("\nsample:\n{}", summary::indented(sample)));
        }
        say(format_args!(
            "\n{}",
            summary::next(directory, outcome, planned)
        ));
    }
    Ok(())
}

/// A run that has ended.
pub struct Ended {
    pub directory: PathBuf,
    pub outcome: Outcome,
    pub memory: Option<Memory>,
}

#[derive(Serialize)]
struct End<'a> {
    #[serde(flatten)]
    outcome: &'a Outcome,
    memory: Option<Memory>,
}
