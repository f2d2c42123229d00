//! `elman sweep`: a run for each combination of a few values, one after the other or shared by many processes, and a table at the end.
//!
//! A combination is a command line of `elman train` with a directory of its own, so that nothing but this command knows that it
//! is one of many: what has ended is kept, what was interrupted continues, and each is a run like any other.
//!
//! ```text
//! combine → planned (the runs) → work (claims: who does which) → table, page
//!                              → slurm (a job array of such processes)     collect (the state while they work)
//! ```

mod claim;
mod collect;
mod combine;
mod page;
mod places;
mod planned;
mod slurm;
mod table;
mod turn;
mod work;

use super::is_stdin;
use crate::args::Share;
use crate::output::{say, usage};
use crate::progress::Form;
use crate::rundir;
use crate::signals::Stop;
use anyhow::Result;
use clap::{Args, ValueHint};
use combine::Given;
use places::Places;
use planned::{Planned, plan};
use slurm::Limits;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use turn::Turn;

/// Train a model for each combination of several values, and compare them
///
/// Every option of `elman train` that decides what is computed takes several values, separated by commas; flags take them after an
/// equals sign (--nesterov=true,false). Every combination becomes a run in a directory of its own; combinations that differ only in
/// what has no effect, such as momentums of adam, are one run. Run the same command again to continue a sweep that was stopped: runs that have ended are kept. Sweeps of one user on one machine take turns.
///
/// With --task several processes share a sweep, on one machine or on many with a common file system; docs/SCALE.md explains it. Any of them may be killed and
/// started again, or run twice.
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman sweep data/kjv.txt --lr 0.001,0.004 --hidden 128,256           # four runs, in runs/kjv-sweep
  elman sweep data/kjv.txt --lr 0.001,0.004 --hidden 128,256 --dry-run # what they would be
  elman sweep data/kjv.txt --seed 1,2,3 --epochs 4 -o runs/seeds       # how much is luck
  elman sweep data/kjv.txt --hidden '400;1150,1150,400' --epochs 1     # values with commas: semicolons between them
  elman sweep data/kjv.txt --config base.toml --dropout 0,0.2,0.5 --json | jq '.[0].run'
  elman runs runs/kjv-sweep --sort perplexity                          # the table again
  elman sweep data/kjv.txt --seed 1,2,3,4 --slurm --submit             # a job array of Slurm, one task a run
  elman sweep data/kjv.txt --seed 1,2,3,4 --collect                    # its table so far, and what has failed
  parallel elman sweep data/kjv.txt --seed 1,2,3,4 -t 1 --task {}/4 ::: 1 2 3 4  # the same with GNU parallel
  elman sweep data/kjv.txt --seed 1,2,3,4 --task 1/2                   # by hand: the first half")]
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
    /// Train the runs of task I of N, from 1/N to N/N: run I, I + N, I + 2 N and so on. Runs that have ended are skipped, and one that another process trains is waited for. Encoded texts
    /// are kept in the directory of the sweep unless --cache is given
    #[arg(long, value_name = "I/N", help_heading = "Many processes", conflicts_with_all = ["dry_run", "wait", "json"])]
    task: Option<Share>,
    /// Print the table of the runs so far and the reasons for failures; write DIR/sweep/results.csv and DIR/sweep/report.html. Tasks may run meanwhile
    #[arg(long, help_heading = "Many processes", conflicts_with_all = ["dry_run", "wait", "task", "slurm"])]
    collect: bool,
    /// Write a job array for Slurm, DIR/sweep/array.sbatch, with limits of memory (from the memory plan), time and CPUs (--threads, default 1)
    #[arg(long, help_heading = "Many processes", conflicts_with_all = ["dry_run", "wait", "task", "json"])]
    slurm: bool,
    /// Submit the job array with sbatch
    #[arg(long, help_heading = "Many processes", requires = "slurm")]
    submit: bool,
    /// Number of tasks of the job array [default: one for each run]
    #[arg(long, value_name = "N", help_heading = "Many processes", requires = "slurm", value_parser = clap::value_parser!(u16).range(1..))]
    tasks: Option<u16>,
    /// Time limit of a task in minutes [default: an estimate, several times too long]
    #[arg(long, value_name = "MINUTES", help_heading = "Many processes", requires = "slurm", value_parser = clap::value_parser!(u64).range(5..))]
    time: Option<u64>,
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
    let mut planned = plan(combinations, &directory, &args.texts)?;
    let places = Places::new(&directory);
    let form = match args.quiet {
        true => Form::Quiet,
        false => Form::People,
    };
    if let Some(share) = args.task {
        return task(&mut planned, share, &places, form);
    }
    if args.collect {
        planned.iter().try_for_each(Planned::check_run)?;
        return collect::collect(&planned, &places, args.json);
    }
    planned.iter().try_for_each(Planned::check_directory)?;
    if args.dry_run {
        return table::show_plan(&planned, args.json);
    }
    if args.slurm {
        return array(&args, &planned, &places);
    }
    let _turn = Turn::take(args.wait)?;
    let stop = Stop::default();
    let outcome = work::work(&planned, Share::WHOLE, &places, form, &stop)?;
    let rows = table::ranked(&planned)?;
    table::show(&rows, args.json)?;
    table::write_results(&rows, &places)?;
    stop.check()?;
    outcome.check()
}

/// Trains a share of the sweep while other processes train theirs. It takes no turn: whoever starts several tasks has the processors for them.
fn task(planned: &mut [Planned], share: Share, places: &Places, form: Form) -> Result<()> {
    // Other processes may begin runs now: their directories are checked again by whoever has claimed them.
    planned.iter().try_for_each(Planned::check_run)?;
    for run in planned.iter_mut() {
        run.args.keep_texts_in(&places.cache());
    }
    let stop = Stop::default();
    let outcome = work::work(planned, share, places, form, &stop)?;
    stop.check()?;
    outcome.check()
}

/// Writes the script of a job array, and submits it.
fn array(args: &SweepArgs, planned: &[Planned], places: &Places) -> Result<()> {
    let tasks = args.tasks.map_or(planned.len(), usize::from);
    if tasks > planned.len() {
        return Err(usage(format!(
            "--tasks {tasks} is more than the {} combinations of the sweep",
            planned.len()
        )));
    }
    let arguments = std::env::args_os().skip(1).map(|argument| {
        argument.into_string().map_err(|argument| {
            let shown = argument.display();
            usage(format!(
                "{shown} is not Unicode, and a script of Slurm has to be"
            ))
        })
    });
    let arguments = arguments.collect::<Result<Vec<_>>>()?;
    let limits = Limits::plan(planned, tasks, args.time)?;
    slurm::write(places, &limits, &arguments)?;
    let Limits {
        tasks,
        cpus,
        memory_mib,
        minutes,
    } = limits;
    say(format_args!(
        "{tasks} tasks of {cpus} CPUs, {memory_mib} MiB and at most {minutes} minutes, after which a task saves and requeues itself"
    ));
    let script = places.script();
    writeln!(io::stdout(), "{}", script.display())?;
    match args.submit {
        true => slurm::submit(&script),
        false => {
            say(format_args!("submit it with: sbatch {}", script.display()));
            Ok(())
        }
    }
}
