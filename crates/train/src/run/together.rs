//! A run of several processes: rank 0 makes it and alone writes its files, the others assist.
//!
//! ```text
//! rank 0   start or resume, as a single process would … share: configuration, progress, all arrays … follow
//! others   assist: wait … open the texts in the run's directory, compare … receive … the same steps and validations
//! ```
//! What every rank computes of a step and a validation is the same on all, so decisions that follow from them (patience, rates, skipped
//! updates, averages) need no message.

use super::{Open, Recorder, Run};
use crate::error::{Result, RunError};
use crate::folder::{Folder, Record};
use crate::job::Machine;
use crate::ranks::Team;
use crate::state::Identity;
use crate::texts::Texts;
use crate::watch::{Ending, Watch};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;

/// Checks that the bytes `mine` are equal on all ranks; a difference is reported by what each rank has `shown` of them.
///
/// # Errors
/// [`RunError::RanksDiffer`], on all ranks.
pub fn compare(team: &Team, what: &'static str, mine: &[u8], shown: &str) -> Result<()> {
    let hash = blake3::hash(mine).to_hex();
    let shown: Vec<String> = team.tell(&format!("{hash}{shown}"));
    let parts: Vec<_> = shown.iter().map(|said| said.split_at(hash.len())).collect();
    match parts.iter().position(|part| part.0 != parts[0].0) {
        None => Ok(()),
        Some(rank) => Err(RunError::RanksDiffer {
            what,
            rank,
            theirs: parts[rank].1.to_owned(),
            ours: parts[0].1.to_owned(),
        }
        .into()),
    }
}

/// What rank 0 says of the run that is about to begin.
#[derive(Serialize, Deserialize)]
struct Announcement {
    path: PathBuf,
    record: Record,
    identity: Identity,
    header: Value,
}

/// Tells the ranks that wait in [`assist`] that there will be no run.
pub fn dismiss(team: &Team) {
    team.announce(Vec::new());
}

impl Run {
    /// Hands the run to the other ranks, if there are any.
    ///
    /// Errors: what keeps one of them from taking part.
    pub(super) fn share(&mut self, record: &Record) -> Result<()> {
        let team = self.trainer.gradients.team().clone();
        if !team.is_several() {
            return Ok(());
        }
        let path = self.folder.path();
        let announcement = Announcement {
            path: path.canonicalize().unwrap_or_else(|_| path.to_path_buf()),
            record: record.clone(),
            identity: self.identity.clone(),
            header: self.trainer.state.header(&self.identity),
        };
        let bytes = serde_json::to_vec(&announcement);
        team.announce(bytes.expect("plain tables, strings and numbers"));
        agree(&team, Ok(()))?;
        self.share_arrays();
        Ok(())
    }

    /// Sends weights, moments, average and carried state of rank 0 to all.
    fn share_arrays(&mut self) {
        let team = self.trainer.gradients.team().clone();
        let params = self.trainer.engine.params_mut();
        for (_, _, values) in self.trainer.state.slots(params) {
            team.announce_numbers(values);
        }
    }

    /// Brings the carried state of all sequences to this process.
    pub(super) fn gather_state(&mut self) {
        let team = self.trainer.gradients.team();
        team.gather_state(&mut self.trainer.state.carried, self.trainer.config.groups);
    }
}

/// Succeeds if all ranks do; the error is that of the first that does not.
fn agree(team: &Team, own: Result<()>) -> Result<()> {
    let said = own
        .as_ref()
        .err()
        .map_or(String::new(), ToString::to_string);
    let answers = team.tell(&said);
    own?;
    match answers
        .into_iter()
        .enumerate()
        .find(|(_, said)| !said.is_empty())
    {
        None => Ok(()),
        Some((rank, said)) => Err(RunError::OtherRank { rank, said }.into()),
    }
}

/// Takes part in the run that rank 0 starts or resumes, until it ends; writes nothing.
///
/// # Errors
/// How the run fails on all ranks alike, or on this one. What keeps a process from taking part is an error of rank 0.
pub fn assist(team: &Team, machine: &Machine, watch: &mut dyn Watch) -> Result<()> {
    let bytes = team.announce(Vec::new());
    if bytes.is_empty() {
        return Ok(());
    }
    let made = prepared(&bytes, team, machine);
    let (run, failed) = match made {
        Ok(run) => (Some(run), Ok(())),
        Err(error) => (None, Err(error)),
    };
    // What keeps one from taking part rank 0 says.
    if agree(team, failed).is_err() {
        return Ok(());
    }
    let mut run = run.expect("a run, or an error");
    run.share_arrays();
    let ending = run.train(&mut Recorder::silent(watch))?;
    debug_assert_ne!(ending, Ending::Diverged);
    run.gather_state();
    team.end();
    Ok(())
}

/// The run of an announcement, without its numbers.
fn prepared(bytes: &[u8], team: &Team, machine: &Machine) -> Result<Run> {
    let announced: Announcement =
        serde_json::from_slice(bytes).map_err(|error| RunError::Announcement(error.to_string()))?;
    let Announcement {
        path,
        record,
        identity,
        header,
    } = announced;
    let folder = Folder::look(&path)?;
    let texts = Texts::open(&folder)?;
    if texts.identity() != identity {
        return Err(RunError::OtherTexts {
            path,
            found: format!("{:?}", texts.identity()),
            expected: format!("{identity:?}"),
        }
        .into());
    }
    let team = team.clone();
    let mut run = Run::new(record.config, texts, folder, machine, Open::Nothing, team)?;
    run.trainer.state.set_header(header, &path)?;
    Ok(run)
}
