//! A job array for Slurm: a script with the limits that the sweep needs, and its submission.
//!
//! Limits are those of the largest combination or task. Memory is the memory plan and a tenth more, with room for the program and for encoding. The
//! time is an estimate from the operations of training at a tenth of the speed that a core with AVX2 reaches; it only has to be long enough to get on, because a
//! task whose time is over saves, requeues itself and continues. What the script does not set, such as a partition or an
//! account, is given to `sbatch` on its command line or in its variables (SBATCH_PARTITION).

use super::places::Places;
use super::planned::Planned;
use crate::args::shell_word;
use crate::commands::train::planned_job;
use crate::output::{say, usage};
use anyhow::{Context, Result, bail};
use elman::store::{disk, write_atomic};
use elman::train::{Error, Event, RunError, Surveys, Watch, dry_run_among};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// Memory of the program, and of encoding a text.
const PROGRAM_BYTES: u64 = 128 << 20;
/// Memory is asked for in multiples of this.
const MEMORY_STEP: u64 = 64 << 20;
/// Operations per second of a CPU.
const SLOW_FLOPS: f64 = 1e10;
/// Tokens per second of a network so small that operations do not count.
const SLOW_TOKENS: f64 = 2e4;
/// Time before and after training, and least time of a task, in seconds.
const LEAST_SECONDS: f64 = 600.0;
/// The time is asked for in multiples of this number of minutes.
const TIME_STEP: u64 = 10;
/// Seconds before the end of its time at which a task saves and requeues itself.
const WARNING: u32 = 120;

/// What a script asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    pub tasks: usize,
    pub cpus: usize,
    pub memory_mib: u64,
    pub minutes: u64,
}

/// What a combination needs.
#[derive(Clone, Copy, Debug, Default)]
struct Need {
    bytes: u64,
    seconds: f64,
}

impl Limits {
    /// Plans every combination, which reads every text once. `minutes`: the time limit, if it is not to be estimated.
    pub fn plan(planned: &[Planned], tasks: usize, minutes: Option<u64>) -> Result<Limits> {
        let cpus = planned[0].args.chosen_threads().unwrap_or(1).max(1);
        let mut surveys = Surveys::default();
        let mut needs = Vec::new();
        for planned in planned {
            needs.push(need(planned, cpus, &mut surveys)?);
        }
        let bytes = needs.iter().map(|need| need.bytes).max().unwrap_or(0);
        let mut seconds = vec![LEAST_SECONDS; tasks];
        for (number, need) in needs.iter().enumerate() {
            seconds[number % tasks] += need.seconds;
        }
        let longest = seconds.into_iter().fold(0.0, f64::max);
        let bytes = bytes + bytes / 10 + PROGRAM_BYTES;
        Ok(Limits {
            tasks,
            cpus,
            memory_mib: bytes.next_multiple_of(MEMORY_STEP) >> 20,
            minutes: minutes
                .unwrap_or(((longest / 60.0).ceil() as u64).next_multiple_of(TIME_STEP)),
        })
    }
}

/// Plans one combination.
fn need(planned: &Planned, cpus: usize, surveys: &mut Surveys) -> Result<Need> {
    struct Asking(Option<Need>, usize);
    impl Watch for Asking {
        fn event(&mut self, event: &Event) {
            let Event::Ready(plan) = event else { return };
            let epochs = plan
                .total_steps
                .map(|steps| steps as f64 / plan.steps_per_epoch.max(1) as f64);
            let tokens = epochs.map(|epochs| epochs * plan.train_tokens as f64);
            let by_minutes = plan.config.minutes.map(|minutes| minutes * 60.0);
            let by_tokens = tokens.map(|tokens| {
                let flops = 6.0 * plan.parameters as f64 * tokens;
                flops / (SLOW_FLOPS * self.1 as f64) + tokens / SLOW_TOKENS
            });
            self.0 = Some(Need {
                bytes: plan.plan.total_bytes(),
                seconds: by_tokens.or(by_minutes).unwrap_or(0.0),
            });
        }
    }
    let mut asking = Asking(None, cpus);
    let job = planned_job(planned.args.clone(), planned.run.clone())?;
    let outcome = dry_run_among(&job, surveys, &mut asking);
    match (outcome, asking.0) {
        // The memory of this machine says nothing about that of a node.
        (
            Ok(())
            | Err(Error::Run(RunError::Memory {
                is_budget: false, ..
            })),
            Some(need),
        ) => Ok(need),
        (Err(error), _) => {
            Err(anyhow::Error::from(error).context(format!("cannot plan {}", planned.name)))
        }
        (Ok(()), None) => bail!("{} has no plan", planned.name),
    }
}

/// Writes the script of the array, and returns what it says.
pub fn write(places: &Places, limits: &Limits, arguments: &[String]) -> Result<String> {
    let text = script(places, limits, arguments)?;
    disk::create_dir_all(&places.logs())?;
    write_atomic(&places.script(), |file| file.write_all(text.as_bytes()))?;
    Ok(text)
}

/// Submits the script, and says which job it is.
pub fn submit(script: &Path) -> Result<()> {
    let output = Command::new("sbatch")
        .arg("--parsable")
        .arg(script)
        .output();
    let output = output.context(
        "cannot run sbatch: submit where Slurm is installed, or start the tasks by hand or with GNU parallel (see --help)",
    )?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("sbatch refused the array: {}", said.trim());
    }
    let job = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let job = job.split(';').next().unwrap_or_default();
    say(format_args!(
        "submitted job {job}; squeue -j {job} lists its tasks, scancel {job} ends them"
    ));
    Ok(())
}

fn script(places: &Places, limits: &Limits, arguments: &[String]) -> Result<String> {
    let here = std::env::current_dir().context("cannot find the present directory")?;
    let program = std::env::current_exe().context("cannot find the program's own file")?;
    let shown = |path: &Path| match path.to_str() {
        Some(text) if !text.contains(['\n', '"', '%', '\\']) => Ok(text.to_owned()),
        _ => Err(usage(format!(
            "the path {} cannot be written into a script of Slurm: choose another directory with -o",
            path.display()
        ))),
    };
    let Limits {
        tasks,
        cpus,
        memory_mib,
        minutes,
    } = limits;
    let name = places
        .sweep()
        .file_name()
        .map_or("sweep".into(), |name| name.to_string_lossy().into_owned());
    let name: String = name
        .chars()
        .map(|c| if c.is_ascii_graphic() { c } else { '-' })
        .collect();
    let command = command(arguments, *tasks, places)?;
    let mut text = String::new();
    let _ = write!(
        text,
        r##"#!/bin/sh
# A job array of {tasks} tasks, written by `elman sweep --slurm`. Any task may be killed, requeued or run twice; the table is made by the
# same command with --collect, also while tasks run. Options of sbatch on its command line come before those here.
#SBATCH --job-name="{name}"
#SBATCH --array=1-{tasks}
#SBATCH --cpus-per-task={cpus}
#SBATCH --mem={memory_mib}M
#SBATCH --time={minutes}
#SBATCH --requeue
#SBATCH --signal=B:USR1@{WARNING}
#SBATCH --open-mode=append
#SBATCH --output="{log}/%a.log"

cd {here} || exit 1
# A task whose time is almost over saves, goes back to the queue, and continues where it was.
again() {{
    kill -TERM "$task" && wait "$task"
    exec scontrol requeue "$SLURM_JOB_ID"
}}
trap again USR1
{program} {command} &
task=$!
wait "$task"
"##,
        log = shown(&std::path::absolute(places.logs())?)?,
        here = shell_word(&shown(&here)?),
        program = shell_word(&shown(&program)?),
    );
    Ok(text)
}

/// The arguments of a task, from those of this process.
fn command(arguments: &[String], tasks: usize, places: &Places) -> Result<String> {
    let mut words = Vec::new();
    let mut rest = arguments.iter();
    let mut has_threads = false;
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--" => {
                words.push(shell_word(argument));
                words.extend(rest.by_ref().map(|argument| shell_word(argument)));
            }
            "--slurm" | "--submit" => {}
            "--tasks" | "--time" => {
                rest.next();
            }
            text if text.starts_with("--tasks=") || text.starts_with("--time=") => {}
            "sweep" if words.is_empty() => {
                words.extend([
                    "sweep".to_owned(),
                    format!("--task \"$SLURM_ARRAY_TASK_ID/{tasks}\""),
                ]);
            }
            text => {
                has_threads |= text.starts_with("--threads") || text.starts_with("-t");
                words.push(shell_word(text));
            }
        }
    }
    if words.is_empty() {
        bail!("no arguments for the tasks of {}", places.sweep().display());
    }
    if !has_threads {
        words.insert(2, "--threads \"$SLURM_CPUS_PER_TASK\"".into());
    }
    Ok(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tasks(arguments: &[&str]) -> String {
        let arguments: Vec<String> = arguments.iter().map(|&text| text.into()).collect();
        command(&arguments, 12, &Places::new(Path::new("runs/a"))).unwrap()
    }

    #[test]
    fn a_task_has_the_arguments_of_the_sweep() {
        let task = "sweep --task \"$SLURM_ARRAY_TASK_ID/12\"";
        let threads = "--threads \"$SLURM_CPUS_PER_TASK\"";
        let arguments = [
            "sweep",
            "a b.txt",
            "--slurm",
            "--tasks",
            "12",
            "--lr",
            "0.1,0.2",
            "--time=30",
            "--submit",
        ];
        assert_eq!(
            tasks(&arguments),
            format!("{task} {threads} 'a b.txt' --lr 0.1,0.2")
        );
        // The number of threads may be given, and a text may have any name.
        let arguments = ["sweep", "--hidden=4;8,2", "--threads", "2", "--", "--slurm"];
        assert_eq!(
            tasks(&arguments),
            format!("{task} '--hidden=4;8,2' --threads 2 -- --slurm")
        );
    }
}
