//! The runs of a sweep: which combinations there are, and whether their directories are theirs.

use super::combine::Combination;
use crate::commands::train::TrainArgs;
use crate::options::as_flags;
use crate::output::{say, usage};
use crate::rundir;
use crate::runs;
use anyhow::{Result, bail};
use elman::train::config::{IdleOption, Value, options};
use elman::train::folder::contents::Contents;
use elman::train::status::{RunSnapshot, RunStatus};
use elman::train::{Config, Folder, Inputs};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The runs of a sweep: one for each combination, but one for all that differ only in what has no effect. Says which these are.
pub fn plan(
    combinations: Vec<Combination>,
    directory: &Path,
    texts: &[PathBuf],
) -> Result<Vec<Planned>> {
    let (mut planned, mut notes): (Vec<Planned>, _) = (Vec::new(), Vec::new());
    for combination in combinations {
        let whole = combination.name();
        let new = Planned::new(combination, directory, texts)?;
        let there = planned
            .iter()
            .find(|there| there.effective == new.effective);
        match there {
            None => {
                notes.extend(new.idle.iter().map(|idle| {
                    let (option, because) = (idle.name, as_flags(&idle.because));
                    format!(
                        "{}: {option} has no effect ({because}), so its values are one run",
                        new.name
                    )
                }));
                planned.push(new);
            }
            Some(there) if new.idle.is_empty() => {
                notes.push(format!("{whole} is the same run as {}", there.name));
            }
            Some(_) => {}
        }
    }
    if planned.len() < 2 {
        return Err(usage(format!(
            "the combinations are all the same run ({})",
            notes.join("; ")
        )));
    }
    for note in notes {
        say(format_args!("note: {note}"));
    }
    Ok(planned)
}

/// One run of the sweep.
pub struct Planned {
    pub combination: Combination,
    pub name: String,
    pub args: TrainArgs,
    /// Directory of the run.
    pub run: PathBuf,
    /// The swept options that have no effect here, and are left out.
    idle: Vec<IdleOption>,
    /// The choices that have an effect: two runs that agree in them are the same.
    effective: Vec<(String, String)>,
}

impl Planned {
    /// Errors: choices that are wrong.
    fn new(whole: Combination, sweep: &Path, texts: &[PathBuf]) -> Result<Planned> {
        let read = |combination: &Combination| -> Result<(TrainArgs, Config)> {
            let mut args = combination.train_args(texts, &sweep.join(combination.name()))?;
            args.gather();
            args.check_texts()?;
            let config = args.config()?;
            Ok((args, config))
        };
        let (args, config) = read(&whole)?;
        let idle = config.idle(&args.origin());
        let names: Vec<&str> = idle.iter().map(|idle| idle.name).collect();
        let short = whole.without(&names);
        let mut planned = Planned {
            name: whole.name(),
            run: sweep.join(whole.name()),
            effective: effective(&config, &names),
            combination: whole,
            args,
            idle: Vec::new(),
        };
        // The directory of a run needs a name.
        if !short.name().is_empty() && short.name() != planned.name {
            let mut dropped = idle;
            dropped.retain(|idle| planned.combination.sweeps(idle.name));
            let (args, _) = read(&short)?;
            (planned.name, planned.run) = (short.name(), sweep.join(short.name()));
            (planned.args, planned.idle) = (args, dropped);
            planned.combination = short;
        }
        Ok(planned)
    }

    /// Refuses a directory that holds files of the user or a run of other choices. To be asked where no other process begins the run.
    pub fn check_directory(&self) -> Result<()> {
        match rundir::refuse_foreign(&self.run)? {
            Contents::Run => self.check_run(),
            _ => Ok(()),
        }
    }

    /// Refuses to continue with a run of other choices under the same name.
    pub fn check_run(&self) -> Result<()> {
        match Folder::is_run(&self.run) {
            true => self.check_same(&self.args.config()?),
            false => Ok(()),
        }
    }

    /// Status of the run; `None` if it has not begun.
    pub fn status(&self) -> Option<RunStatus> {
        let snapshot = Folder::is_run(&self.run).then(|| RunSnapshot::at(&self.run));
        snapshot
            .and_then(Result::ok)
            .map(|snapshot| snapshot.status())
    }

    fn check_same(&self, config: &Config) -> Result<()> {
        let snapshot = RunSnapshot::at(&self.run)?;
        let there = snapshot.config();
        let mut wanted = config.unwatched();
        // One that was longer than the run was cut when it began.
        if wanted.warmup > snapshot.total_steps() {
            wanted.warmup = there.warmup;
        }
        // What comes from files that were given stands in the run alone.
        let inputs = self.args.inputs();
        if inputs.tokenizer.is_some() || inputs.vocab_from.is_some() || inputs.init_from.is_some() {
            wanted.vocab = there.vocab;
        }
        if inputs.init_from.is_some() {
            wanted.set_dims(&there.dims(1));
        }
        let there = there.unwatched();
        // What belongs to an optimizer comes after the optimizer.
        let differing = options().iter().find_map(|option| {
            let (there, wanted) = (option.value(&there), option.value(&wanted));
            let shown = |value: &Option<Value>| value.as_ref().unwrap_or(&Value::None).to_string();
            let said = || {
                format!(
                    "{} = {}, not {}",
                    option.name,
                    shown(&there),
                    shown(&wanted)
                )
            };
            (there != wanted).then(said)
        });
        let differs = match differing {
            Some(differs) => differs,
            None => match other_inputs(&snapshot.record().inputs, &inputs) {
                Some(differs) => differs,
                None => return Ok(()),
            },
        };
        bail!(
            "{} holds a run that was made with other choices ({differs}): choose another directory with -o, or delete that one",
            self.run.display()
        )
    }
}

/// The choices of a run that have an effect.
fn effective(config: &Config, idle: &[&str]) -> Vec<(String, String)> {
    let mut choices = config.unwatched().choices();
    choices.retain(|(name, _)| !idle.contains(&name.as_str()));
    choices
}

/// Describes the first input of a run that differs from those that are given; `None` if they are equal.
fn other_inputs(there: &Inputs, given: &Inputs) -> Option<String> {
    let (there, given) = (runs::files(there), runs::files(given));
    let mut names = there.keys().chain(given.keys());
    let name = names.find(|name| there.get(*name) != given.get(*name))?;
    let shown =
        |files: &BTreeMap<&str, String>| files.get(name).map_or("none".into(), Clone::clone);
    Some(format!("{name} = {}, not {}", shown(&there), shown(&given)))
}
