//! `elman bench`: how fast elman is on this machine, beside what the machine can do.
//!
//! Every configuration is measured in a process of its own, so that its peak memory is its own: the command runs itself once for
//! each, and reads what that prints.

mod show;

use super::{isa, threads};
use crate::args::{named, positive, thread_count};
use crate::progress::spinner;
use anyhow::{Context, Result, bail};
use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use elman::infer::Weights;
use elman::measure::bench::{
    Amount, Case, Machine, Measured, NAMES, Report, Settings, Work, measure,
};
use elman::train::config::Precision;
use elman::train::peak_bytes;
use elman_kernels::{Cpu, Isa};
use std::io::{self, Write};
use std::process::{Command, Stdio};

/// Measure the speed of training and inference, and the share of the machine's limits that it reaches
///
/// First the limits themselves are measured: multiply-adds a second, bytes read a second. Then named configurations with random
/// weights and tokens (V = 10,000, untied, unless said):
/// S, M, L: LSTMs of 2×200, 2×650 and 2×1500 units (Zaremba et al. 2014), SGD;
/// E: an Elman network of 256 units; G: a GRU of 512 units; C: an LSTM of 2×512 units over 65 characters; all three Adam.
///
/// Model operations are 6 for each weight and token in training and 2 otherwise, embedding and biases aside. For figures that mean
/// something, let nothing else run.
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman bench                                    # training, all configurations
  elman bench S M --work score --work generate   # inference
  elman bench M --work states                    # many texts at once
  elman bench --work peaks                       # only what the machine can do
  elman bench all --threads 1 --seconds 10       # one thread, a longer look
  elman bench M --repeat 5 --json | jq '.results[].tokens_per_s'")]
pub struct BenchArgs {
    /// Configurations [default: all]
    #[arg(value_name = "NAME", ignore_case = true,
        value_parser = PossibleValuesParser::new(NAMES.into_iter().chain(["all"])))]
    names: Vec<String>,

    /// What to do; may be given several times
    #[arg(long, value_name = "WORK", value_enum, default_values_t = [AskedWork::Train])]
    work: Vec<AskedWork>,
    /// Measure N steps
    #[arg(long, value_name = "N", conflicts_with = "seconds", value_parser = clap::value_parser!(u32).range(1..))]
    steps: Option<u32>,
    /// Measure for so long, three steps at least
    #[arg(long, value_name = "SECONDS", value_parser = positive, default_value = "5")]
    seconds: f64,
    /// Do everything so often, in turns, and report each configuration's median
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..))]
    repeat: u16,

    /// Arithmetic of the products in training [default: bf16 where the CPU multiplies it faster, else f32]
    #[arg(long, value_name = "NAME", value_parser = named::<Precision>(&["f32", "bf16"]))]
    precision: Option<Precision>,
    /// How a model that scores or writes keeps its matrices
    #[arg(long, value_name = "NAME", default_value = "f32", value_parser = named::<Weights>(&["f32", "bf16", "int8"]))]
    weights: Weights,
    /// Threads [default: one for each CPU]
    #[arg(long, short = 't', value_name = "N", value_parser = thread_count())]
    threads: Option<u16>,
    /// Instruction set [default: the best of this CPU]
    #[arg(long, value_name = "NAME", value_parser = Isa::NAMES)]
    isa: Option<String>,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
    /// Measure the one configuration here and print that alone: what the command asks of its own processes
    #[arg(long, hide = true)]
    alone: bool,
}

/// A kind of work, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AskedWork {
    /// Steps of training
    Train,
    /// The losses of a text, scored in batches
    Score,
    /// The losses of one long text, as `elman eval` computes them
    Eval,
    /// Writing, one token after the other
    Generate,
    /// 64 texts, each continued by one token
    States,
    /// Only the limits of the machine
    Peaks,
}

impl AskedWork {
    fn work(self) -> Option<Work> {
        match self {
            AskedWork::Train => Some(Work::Train),
            AskedWork::Score => Some(Work::Score),
            AskedWork::Eval => Some(Work::Eval),
            AskedWork::Generate => Some(Work::Generate),
            AskedWork::States => Some(Work::States),
            AskedWork::Peaks => None,
        }
    }
}

pub fn run(args: &BenchArgs) -> Result<()> {
    let settings = Settings {
        isa: isa(args.isa.as_deref())?,
        threads: threads(args.threads),
        amount: match args.steps {
            Some(steps) => Amount::Steps(steps as usize),
            None => Amount::Seconds(args.seconds),
        },
        weights: args.weights,
    };
    let precision = args
        .precision
        .unwrap_or_else(|| Precision::fastest(settings.isa));
    let jobs = jobs(args, precision);
    let mut out = io::stdout().lock();
    if args.alone {
        for (case, work) in jobs {
            let start_bytes = peak_bytes();
            let mut measured = measure(&case, work, &settings)?;
            (measured.peak_bytes, measured.start_bytes) = (peak_bytes(), start_bytes);
            serde_json::to_writer(&mut out, &measured)?;
        }
        return Ok(out.flush()?);
    }

    let spinner = spinner(args.json);
    spinner.set_message("measuring the limits of the machine");
    spinner.tick();
    let machine = Machine::measure(&Cpu::new(settings.isa, settings.threads));
    let mut repeats: Vec<Vec<Measured>> = vec![Vec::new(); jobs.len()];
    for turn in 1..=args.repeat {
        for ((case, work), measured) in jobs.iter().zip(&mut repeats) {
            spinner.set_message(format!(
                "{} {} ({turn}/{})",
                case.name,
                name(*work),
                args.repeat
            ));
            spinner.tick();
            measured.push(measure_apart(case, *work, &settings)?);
        }
    }
    spinner.finish_and_clear();
    let results = repeats.into_iter().filter_map(median);
    let report = Report {
        results: results.map(|measured| machine.judge(measured)).collect(),
        machine,
    };
    if args.json {
        serde_json::to_writer(&mut out, &report)?;
        writeln!(out)?;
    } else {
        show::text(&mut out, &report)?;
    }
    Ok(out.flush()?)
}

/// Every configuration with every kind of work.
fn jobs(args: &BenchArgs, precision: Precision) -> Vec<(Case, Work)> {
    let all = args.names.is_empty() || args.names.iter().any(|n| n.eq_ignore_ascii_case("all"));
    let names: Vec<&str> = match all {
        true => NAMES.to_vec(),
        false => args.names.iter().map(String::as_str).collect(),
    };
    let works: Vec<Work> = args.work.iter().filter_map(|asked| asked.work()).collect();
    let cases = names.into_iter().filter_map(Case::named).map(|mut case| {
        case.config.precision = precision;
        case
    });
    cases
        .flat_map(|case| works.iter().map(move |work| (case.clone(), *work)))
        .collect()
}

/// [`measure`] in a process of its own.
fn measure_apart(case: &Case, work: Work, settings: &Settings) -> Result<Measured> {
    let program = std::env::current_exe().context("cannot find the program to run it again")?;
    let mut command = Command::new(program);
    command.args(["bench", "--alone", &case.name, "--work", name(work)]);
    command.args(["--isa", settings.isa.name()]);
    command.args(["--precision", case.config.precision.name()]);
    command.args(["--weights", settings.weights.name()]);
    command.args(["--threads", &settings.threads.to_string()]);
    match settings.amount {
        Amount::Steps(steps) => command.args(["--steps", &steps.to_string()]),
        Amount::Seconds(seconds) => command.args(["--seconds", &seconds.to_string()]),
    };
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!("measuring {} ended with {}", case.name, output.status);
    }
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("the process that measured {} printed no result", case.name))
}

/// The measurement with the median time, with the shortest step and the most memory of all.
fn median(mut repeats: Vec<Measured>) -> Option<Measured> {
    repeats.sort_unstable_by(|a, b| a.step_ms.total_cmp(&b.step_ms));
    let shortest = repeats
        .iter()
        .map(|m| m.step_ms_min)
        .min_by(f64::total_cmp)?;
    let most = repeats.iter().filter_map(|m| m.peak_bytes).max();
    let middle = repeats.swap_remove((repeats.len() - 1) / 2);
    Some(Measured {
        step_ms_min: shortest,
        peak_bytes: most,
        ..middle
    })
}

/// As on the command line.
fn name(work: Work) -> &'static str {
    match work {
        Work::Train => "train",
        Work::Score => "score",
        Work::Eval => "eval",
        Work::Generate => "generate",
        Work::States => "states",
    }
}
