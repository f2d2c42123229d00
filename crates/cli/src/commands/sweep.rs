//! `elman sweep`: a run for each combination of a few values, one after the other, and a table at the end.
//!
//! A combination is a command line of `elman train` with a directory of its own, so that nothing but this file knows that it
//! is one of many: what has ended is kept, what was interrupted continues, and each is a run like any other.

mod combine;
mod turn;

use super::is_stdin;
use super::train::{self, TrainArgs};
use crate::grid::Grid;
use crate::options::as_flags;
use crate::output::{say, usage};
use crate::progress::{Form, Progress};
use crate::rundir;
use crate::runs::{self, Row, incomparable, sort_by_perplexity};
use crate::signals::Stop;
use crate::summary;
use anyhow::{Result, bail};
use clap::{Args, ValueHint};
use combine::{Combination, Given};
use elman::train::config::{IdleOption, Value, options};
use elman::train::folder::contents::Contents;
use elman::train::status::{RunSnapshot, RunStatus};
use elman::train::{Config, Ending, Event, Folder, Inputs, NewBudget, Watch};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use turn::Turn;

/// Train a model for each combination of several values, and compare them
///
/// Every option of `elman train` that decides what is computed takes several values, separated by commas; flags take them after an
/// equals sign (--nesterov=true,false). Every combination becomes a run in a directory of its own; combinations that differ only in
/// what has no effect, such as momentums of adam, are one run. Run the same command again to continue a sweep that was stopped: runs that have ended are kept. Sweeps of one user on one machine take turns.
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman sweep data/kjv.txt --lr 0.001,0.004 --hidden 128,256           # four runs, in runs/kjv-sweep
  elman sweep data/kjv.txt --lr 0.001,0.004 --hidden 128,256 --dry-run # what they would be
  elman sweep data/kjv.txt --seed 1,2,3 --epochs 4 -o runs/seeds       # how much is luck
  elman sweep data/kjv.txt --hidden '400;1150,1150,400' --epochs 1     # values with commas: semicolons between them
  elman sweep data/kjv.txt --config base.toml --dropout 0,0.2,0.5 --json | jq '.[0].run'
  elman runs runs/kjv-sweep --sort perplexity                          # the table again")]
pub struct SweepArgs {
    /// Training text, plain, gzip or zstd, in this order
    #[arg(value_name = "TEXT", required = true, value_hint = ValueHint::FilePath)]
    texts: Vec<PathBuf>,
    /// Directory of the runs [default: runs/NAME-sweep after the first text]
    #[arg(long = "output", short = 'o', alias = "run", value_name = "DIR", help_heading = "Sweep", value_hint = ValueHint::DirPath)]
    run: Option<PathBuf>,
    /// Show the runs of the sweep without training
    #[arg(long, help_heading = "Sweep")]
    dry_run: bool,
    /// Wait until another sweep on this machine has ended, instead of stopping at once
    #[arg(long, help_heading = "Sweep")]
    wait: bool,
    /// Print the table as a JSON array on standard output, the best run first
    #[arg(long, help_heading = "Sweep")]
    json: bool,
    /// Report only errors, notes and the table
    #[arg(long, short, help_heading = "Sweep")]
    quiet: bool,
    #[command(flatten)]
    given: Given,
}

pub fn run(args: SweepArgs) -> Result<()> {
    if args.texts.iter().any(|text| is_stdin(text)) {
        return Err(usage(
            "a sweep reads its text for every run, and standard input can be read once: give files",
        ));
    }
    let directory = args.run.clone().unwrap_or_else(|| {
        let mut name = rundir::name_after(&args.texts[0]);
        name.push_str("-sweep");
        Path::new("runs").join(name)
    });
    let is_values = |text: &&PathBuf| {
        let text = text.to_string_lossy();
        text.split(',')
            .all(|value| matches!(value, "true" | "false"))
    };
    if let Some(values) = args.texts.iter().find(is_values) {
        return Err(usage(format!(
            "'{0}' would be read as a text: the values of a flag come after an equals sign, such as --nesterov={0}",
            values.display()
        )));
    }
    let combinations = args.given.combinations();
    if combinations.len() < 2 {
        return Err(usage(
            "a sweep needs an option with several values, such as --lr 0.001,0.004; for one run there is elman train",
        ));
    }
    // All of them before the first is trained: a mistake in the last shows now.
    let planned = plan(combinations, &directory, &args.texts)?;
    if args.dry_run {
        return show_plan(&planned, args.json);
    }
    let _turn = Turn::take(args.wait)?;
    let form = match args.quiet {
        true => Form::Quiet,
        false => Form::People,
    };
    let (stop, total) = (Stop::default(), planned.len());
    for (number, run) in planned.iter().enumerate() {
        if form == Form::People {
            let name = &run.name;
            let what = run.status().map_or("", |status| match status {
                status if status.is_interrupted() => ", continues",
                _ => ", is there already",
            });
            say(format_args!(
                "\nrun {} of {total}: {name}{what}",
                number + 1
            ));
        }
        if run.train(form, &stop)? == Some(Ending::Stopped) {
            say("the sweep was stopped; the same command continues it");
            break;
        }
    }
    show_table(&planned, args.json)?;
    Ok(stop.check()?)
}

/// The runs of a sweep: one for each combination, but one for all that differ only in what has no effect. Says which these are.
fn plan(
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
struct Planned {
    combination: Combination,
    name: String,
    args: TrainArgs,
    /// Its directory.
    run: PathBuf,
    /// The swept options that have no effect here, and are left out.
    idle: Vec<IdleOption>,
    /// The choices that have an effect: two runs that agree in them are the same.
    effective: Vec<(String, String)>,
}

impl Planned {
    /// Errors: choices that are wrong; a run in the directory that was made with others.
    fn new(whole: Combination, sweep: &Path, texts: &[PathBuf]) -> Result<Planned> {
        let read = |combination: &Combination| -> Result<(TrainArgs, Config)> {
            let mut args = combination.train_args(texts, &sweep.join(combination.name()))?;
            args.gather();
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
        let mut config = config;
        // The directory of a run needs a name.
        if !short.name().is_empty() && short.name() != planned.name {
            let mut dropped = idle;
            dropped.retain(|idle| planned.combination.sweeps(idle.name));
            let (args, shorter) = read(&short)?;
            (planned.name, planned.run) = (short.name(), sweep.join(short.name()));
            (planned.args, planned.idle) = (args, dropped);
            (planned.combination, config) = (short, shorter);
        }
        if rundir::refuse_foreign(&planned.run)? == Contents::Run {
            planned.check_same(&config)?;
        }
        Ok(planned)
    }

    /// What is there of it.
    fn status(&self) -> Option<RunStatus> {
        let snapshot = Folder::is_run(&self.run).then(|| RunSnapshot::at(&self.run));
        snapshot
            .and_then(Result::ok)
            .map(|snapshot| snapshot.status())
    }

    /// Refuses to continue with a run of other choices under the same name.
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

    /// Starts the run, continues with it, or leaves it as it has ended. How it ended; nothing if there was nothing to do or it diverged,
    /// which is a result too.
    fn train(&self, form: Form, stop: &Stop) -> Result<Option<Ending>> {
        let machine = self.args.machine()?;
        let text = self.run.display().to_string();
        let mut progress = Progress::new(form, text, stop.clone());
        let outcome = match self.status() {
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
            Some(status) if status.is_interrupted() => {
                elman::train::resume(&self.run, &NewBudget::default(), &machine, &mut progress)
            }
            Some(RunStatus::Running) => bail!(
                "{} is being trained by another process: wait until that has ended",
                self.run.display()
            ),
            Some(_) => return Ok(None),
        };
        progress.finish();
        match outcome {
            Ok(outcome) => {
                if let Some(failure) = summary::failure(&outcome, &self.run) {
                    say(format_args!("note: {}: {failure}", self.name));
                }
                Ok(Some(outcome.ending))
            }
            Err(error) if error.is_divergence() => {
                say(format_args!("note: {}: {error}", self.name));
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The choices of a run that have an effect.
fn effective(config: &Config, idle: &[&str]) -> Vec<(String, String)> {
    let mut choices = config.unwatched().choices();
    choices.retain(|(name, _)| !idle.contains(&name.as_str()));
    choices
}

/// The first of a run's files that are not those that are given, by name.
fn other_inputs(there: &Inputs, given: &Inputs) -> Option<String> {
    let (there, given) = (runs::files(there), runs::files(given));
    let mut names = there.keys().chain(given.keys());
    let name = names.find(|name| there.get(*name) != given.get(*name))?;
    let shown =
        |files: &BTreeMap<&str, String>| files.get(name).map_or("none".into(), Clone::clone);
    Some(format!("{name} = {}, not {}", shown(&there), shown(&given)))
}

/// What a dry run says of a run.
#[derive(Serialize)]
struct Line<'a> {
    run: &'a Path,
    /// `None`: new.
    state: Option<RunStatus>,
    options: Vec<String>,
}

fn show_plan(planned: &[Planned], json: bool) -> Result<()> {
    let mut out = io::stdout().lock();
    if json {
        let lines: Vec<Line> = planned
            .iter()
            .map(|planned| Line {
                run: &planned.run,
                state: planned.status(),
                options: planned.combination.options(),
            })
            .collect();
        serde_json::to_writer_pretty(&mut out, &lines)?;
        writeln!(out)?;
        return Ok(());
    }
    let mut grid = Grid::new(3, &["run", "state", "options"]);
    for planned in planned {
        grid.row(vec![
            planned.run.display().to_string(),
            planned.status().map_or("new", RunStatus::name).to_owned(),
            planned.combination.options().join(" "),
        ]);
    }
    write!(out, "{}", grid.to_text())?;
    Ok(())
}

/// The runs that there are, the best first among those that can be compared.
fn show_table(planned: &[Planned], json: bool) -> Result<()> {
    let mut rows = Vec::new();
    for planned in planned
        .iter()
        .filter(|planned| Folder::is_run(&planned.run))
    {
        rows.push(Row::new(&RunSnapshot::at(&planned.run)?));
    }
    sort_by_perplexity(&mut rows);
    if let Some(note) = incomparable(&rows) {
        say(format_args!("note: {note}"));
    }
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, &rows)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", runs::text(&rows))?;
    }
    Ok(())
}
