//! The work of one process on a sweep: all of its combinations, or a share of them beside other processes.
//!
//! Combinations are dealt out in turn: task i of n has number i, i + n, i + 2n and so on. A combination on which another process works is left for
//! later, and then waited for, so that a task that has ended with success has all of its combinations finished, whoever trained them.

use super::claim::{Claim, Taken};
use super::places::Places;
use super::planned::Planned;
use crate::advice;
use crate::args::Share;
use crate::commands::train;
use crate::output::{count, say};
use crate::progress::{Form, Progress};
use crate::rundir::Beginning;
use crate::signals::Stop;
use crate::summary;
use anyhow::{Result, bail};
use elman::store::StoreError;
use elman::train::status::RunStatus;
use elman::train::{Ending, Error, Event, NewBudget, Watch};
use std::time::Duration;

/// Pause before combinations of other processes are tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// How work on a combination has ended.
enum Ended {
    /// The combination is finished.
    Done,
    /// It was asked to stop.
    Stopped,
    Failed,
    /// Another process works on it; describes that process.
    Busy(String),
}

/// How the work on a share has ended.
pub struct Outcome {
    pub combinations: usize,
    pub failed: usize,
}

impl Outcome {
    /// Errors: combinations that have failed.
    pub fn check(&self) -> Result<()> {
        match self.failed {
            0 => Ok(()),
            failed => bail!(
                "{failed} of {} failed (see above); the same command tries them again",
                count(self.combinations, "combination")
            ),
        }
    }
}

/// Trains the combinations of `share`, or what is left of them. A combination that fails stops no other.
pub fn work(
    planned: &[Planned],
    share: Share,
    places: &Places,
    form: Form,
    stop: &Stop,
) -> Result<Outcome> {
    let total = planned.len();
    let is_mine = |number: &usize| *number as u64 % share.count == share.index - 1;
    let mut left: Vec<usize> = (0..total).filter(is_mine).collect();
    let mut outcome = Outcome {
        combinations: left.len(),
        failed: 0,
    };
    if let Some(new) = left
        .iter()
        .find(|number| planned[**number].status().is_none())
    {
        let new = &planned[*new];
        new.args.check_inputs(&new.run)?;
    }
    let mut waits = false;
    loop {
        let mut busy = Vec::new();
        for number in left {
            let run = &planned[number];
            let title = format!("run {} of {total}: {}", number + 1, run.name);
            match run.work(&title, places, form, stop)? {
                Ended::Done => {}
                Ended::Failed => outcome.failed += 1,
                Ended::Busy(holder) => busy.push((number, holder)),
                Ended::Stopped => {
                    say("the sweep was stopped; the same command continues it");
                    return Ok(outcome);
                }
            }
        }
        let Some((number, holder)) = busy.first() else {
            return Ok(outcome);
        };
        if !waits {
            say(format_args!(
                "waiting for {}, on which {holder} works",
                planned[*number].name
            ));
        }
        waits = true;
        if stop.is_wished() {
            return Ok(outcome);
        }
        std::thread::sleep(PAUSE);
        left = busy.into_iter().map(|(number, _)| number).collect();
    }
}

impl Planned {
    /// Claims the combination and trains it, if it is neither finished nor another process's.
    fn work(&self, title: &str, places: &Places, form: Form, stop: &Stop) -> Result<Ended> {
        let mut claim = match Claim::take(&places.task(&self.name))? {
            Taken::Mine(claim) => claim,
            Taken::Busy(holder) => return Ok(Ended::Busy(holder)),
        };
        let before = self.status();
        let ended = before.filter(|status| !status.is_interrupted());
        if ended != Some(RunStatus::Running) && form == Form::People {
            let what = match (before, ended) {
                (None, _) => "",
                (_, None) => ", continues",
                _ => ", is there already",
            };
            say(format_args!("\n{title}{what}"));
        }
        let outcome = match ended {
            // By a command that is no part of the sweep.
            Some(RunStatus::Running) => return Ok(Ended::Busy("another process".into())),
            Some(_) if claim.is_done() => return Ok(Ended::Done),
            Some(_) => self.check_directory().map(|()| None),
            None => {
                claim.begin()?;
                let _beginning = Beginning::new(&self.run);
                self.check_directory()
                    .and_then(|()| self.train(before, form, stop))
                    .map(Some)
            }
        };
        match outcome {
            Ok(Some(Ending::Stopped)) => Ok(Ended::Stopped),
            Ok(_) => {
                let status = self.status().unwrap_or(RunStatus::Finished);
                claim.finish(status)?;
                Ok(Ended::Done)
            }
            Err(error) => {
                if let Some(holder) = holder(&error) {
                    return Ok(Ended::Busy(holder));
                }
                let said = advice::said(&error);
                let said = match advice::advice(&error) {
                    Some(advice) => format!("{said}: {advice}"),
                    None => said,
                };
                say(format_args!("error: {}: {said}", self.name));
                claim.fail(said)?;
                Ok(Ended::Failed)
            }
        }
    }

    /// Starts the run or continues with it. A divergence is a result too.
    fn train(&self, before: Option<RunStatus>, form: Form, stop: &Stop) -> Result<Ending> {
        let machine = self.args.machine()?;
        let text = self.run.display().to_string();
        let mut progress = Progress::new(form, text, stop.clone());
        let outcome = match before {
            None => {
                let train::Prepared { mut job, notes, .. } =
                    train::prepare(self.args.clone(), machine)?;
                for note in notes {
                    progress.event(&Event::Note(note));
                }
                // The runs of a sweep differ in what was asked for and in nothing else.
                job.fit_to_text = false;
                if let Some(directory) = &mut job.config.tensorboard
                    && directory.is_absolute()
                {
                    // One that was named: a directory is one run to TensorBoard.
                    directory.push(&self.name);
                }
                elman::train::start(&job, &mut progress)
            }
            Some(_) => {
                elman::train::resume(&self.run, &NewBudget::default(), &machine, &mut progress)
            }
        };
        progress.finish();
        match outcome {
            Ok(outcome) => {
                if let Some(failure) = summary::failure(&outcome, &self.run) {
                    say(format_args!("note: {}: {failure}", self.name));
                }
                Ok(outcome.ending)
            }
            Err(error) if error.is_divergence() => {
                say(format_args!("note: {}: {error}", self.name));
                Ok(Ending::Diverged)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The process that holds the lock of a run, if that is what the error is about.
fn holder(error: &anyhow::Error) -> Option<String> {
    match error.downcast_ref::<Error>()? {
        Error::Store(StoreError::Locked { holder, .. }) => Some(holder.clone()),
        _ => None,
    }
}
