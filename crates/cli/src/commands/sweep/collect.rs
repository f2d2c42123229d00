//! The state of a sweep that other processes may be at work on: which combinations are finished, and what became of the others.

use super::claim::{Mark, Marks};
use super::places::Places;
use super::planned::Planned;
use super::{page, table};
use crate::output::{count, say};
use crate::run_page;
use anyhow::Result;
use elman::store::disk;
use elman::train::status::RunStatus;

/// The state of a combination.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Its run has ended: finished, stalled or diverged.
    Ended(RunStatus),
    /// A process works on it.
    Running,
    /// The last attempt ended with an error.
    Failed(Mark),
    /// The last attempt was killed.
    Killed(Mark),
    /// The run was interrupted, and can be continued.
    Interrupted(RunStatus),
    /// No process has begun it.
    New,
}

impl State {
    fn of(planned: &Planned, places: &Places) -> Result<State> {
        let marks = Marks::read(&places.task(&planned.name))?;
        let status = planned.status();
        Ok(match status {
            _ if marks.held => State::Running,
            Some(RunStatus::Running) => State::Running,
            Some(status) if !status.is_interrupted() => State::Ended(status),
            _ => match (marks.failure(), &marks.begun, status) {
                (Some(failure), _, _) => State::Failed(failure.clone()),
                // It had time to save.
                (_, _, Some(RunStatus::Stopped)) => State::Interrupted(RunStatus::Stopped),
                (_, Some(begun), _) => State::Killed(begun.clone()),
                (_, None, Some(status)) => State::Interrupted(status),
                (_, None, None) => State::New,
            },
        })
    }

    /// Name of the state in one word.
    pub fn name(&self) -> &'static str {
        match self {
            State::Ended(status) | State::Interrupted(status) => status.name(),
            State::Running => "running",
            State::Failed(_) => "failed",
            State::Killed(_) => "killed",
            State::New => "new",
        }
    }

    /// Why there is no result yet, if work on the combination has ended without one.
    pub fn reason(&self) -> Option<String> {
        match self {
            State::Failed(mark) => {
                let error = mark.error.as_deref().unwrap_or("no reason is known");
                Some(format!("{error} ({})", mark.worker()))
            }
            State::Killed(mark) => Some(format!(
                "the process was killed, for example by kill -9, for lack of memory or at its time limit ({})",
                mark.worker()
            )),
            State::Interrupted(status) => Some(format!("the run is {}", status.name())),
            _ => None,
        }
    }
}

/// Prints the table of the runs so far, and what became of the others; writes the file of results and the page.
pub fn collect(planned: &[Planned], places: &Places, json: bool) -> Result<()> {
    let states = states(planned, places)?;
    for (planned, state) in planned.iter().zip(&states) {
        if let Some(reason) = state.reason() {
            say(format_args!("{}: {}: {reason}", state.name(), planned.name));
        }
    }
    let rows = table::ranked(planned)?;
    table::show(&rows, json)?;
    if let Some(directory) = places.page().parent() {
        disk::create_dir_all(directory)?;
    }
    table::write_results(&rows, places)?;
    run_page::write(
        &page::page(planned, &states, &rows, places)?,
        &places.page(),
    )?;
    say(format_args!("\n{}", summary(&states)));
    let unfinished = states.iter().any(|state| state.reason().is_some());
    if unfinished {
        say(
            "start the tasks of the combinations that failed or were interrupted again, with the same --task I/N: they do what is left",
        );
    }
    say(format_args!(
        "wrote {} and {}",
        places.results().display(),
        places.page().display()
    ));
    Ok(())
}

/// The states of the combinations, in their order.
pub fn states(planned: &[Planned], places: &Places) -> Result<Vec<State>> {
    let states = planned.iter().map(|planned| State::of(planned, places));
    states.collect()
}

/// Summary of the states, such as `4 combinations: 2 finished, 1 running, 1 new`.
pub fn summary(states: &[State]) -> String {
    let names = [
        "finished", "stalled", "diverged", "running", "failed", "killed", "stopped", "crashed",
        "new",
    ];
    let number = |name: &str| states.iter().filter(|state| state.name() == name).count();
    let parts = names.iter().map(|name| (name, number(name)));
    let parts: Vec<String> = parts
        .filter(|(_, number)| *number > 0)
        .map(|(name, number)| format!("{number} {name}"))
        .collect();
    format!(
        "{}: {}",
        count(states.len(), "combination"),
        parts.join(", ")
    )
}
