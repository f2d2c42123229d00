//! `elman inspect sequential`: what it costs that a recurrent network reads in order.

use super::sizes::{Sizing, of_model, vocabulary_size};
use crate::args::{named, thread_count};
use crate::commands::{isa, threads};
use crate::csv::line;
use crate::grid::Grid;
use crate::options::{Network, TrainOptions};
use crate::output::{Table, count, grouped, number, say, usage};
use crate::progress::spinner;
use crate::resolve::{Layered, idle_notes, resolve};
use anyhow::Result;
use clap::{Args, ValueHint};
use elman::measure::inspect::sequential::{Options, Row, Speed};
use elman::measure::inspect::{Sequential, sequential};
use elman::train::Config;
use elman::train::config::{Choices, Origin, Precision};
use elman_kernels::Isa;
use std::io::{self, Write};
use std::path::PathBuf;

/// Measure what reading in order costs: training steps on T·B positions while T/B varies, with one thread and with all
///
/// The arithmetic of a step is the same in every row. With many sequences and few steps most of it is large products,
/// which threads share; with one sequence every time step waits for the one before. The serial share is Amdahl's, from both times. Weights and tokens are random;
/// for figures that mean something, let nothing else run.
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman inspect sequential                            # the network that `elman train` has by default
  elman inspect sequential runs/kjv                   # that of a model or run
  elman inspect sequential --cell elman --hidden 512 --seconds 5
  elman inspect sequential --positions 8192 --over-batch-size 1,2,8,32,128,512
  elman inspect sequential --json | jq '.rows[] | {batch_size, steps, serial_share}'

What each number means: docs/INSPECT.md")]
pub struct SequentialArgs {
    /// Take network, precision and update of this model or run
    #[arg(value_name = "MODEL", value_hint = ValueHint::DirPath)]
    model: Option<PathBuf>,

    #[command(flatten)]
    network: TrainOptions<Network>,
    /// Entries of the vocabulary of a network without a model [default: 8000, as many as training has at most]
    #[arg(long, value_name = "N", help_heading = "Network", value_parser = vocabulary_size(), conflicts_with = "model")]
    vocab_size: Option<u32>,
    /// Arithmetic of the products [default: a run's own; else bf16 where the CPU multiplies it faster, or f32]
    ///
    /// bf16 rounds what is multiplied to eight bits of precision and is up to twice as fast.
    #[arg(long, value_name = "NAME", help_heading = "Network", value_parser = named::<Precision>(&["f32", "bf16"]))]
    precision: Option<Precision>,

    /// Positions T·B of every window
    #[arg(long, value_name = "N", default_value_t = 4096)]
    positions: usize,
    /// Batch sizes B of the rows, with commas between them; T is what is left of the positions
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [1, 4, 16, 64, 256], alias = "over-lanes")]
    over_batch_size: Vec<usize>,
    /// Seconds to measure each row with each number of threads; at least three steps
    #[arg(long, value_name = "SECONDS", value_parser = crate::args::positive, default_value = "1")]
    seconds: f64,
    /// Number of threads that is compared with one [default: one for each CPU]
    #[arg(long, short = 't', value_name = "N", value_parser = thread_count())]
    threads: Option<u16>,
    /// Instruction set [default: the best of this CPU]
    #[arg(long, value_name = "NAME", value_parser = Isa::NAMES)]
    isa: Option<String>,
    /// Print one JSON object
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print the table as comma-separated values with all digits
    #[arg(long)]
    csv: bool,
}

pub fn run(args: SequentialArgs) -> Result<()> {
    let options = Options {
        positions: args.positions,
        batch_sizes: args.over_batch_size.clone(),
        seconds: args.seconds,
        ..Options::new(isa(args.isa.as_deref())?, threads(args.threads))
    };
    options.check()?;
    let Sizing {
        mut config, vocab, ..
    } = args.sized(options.isa)?;
    config.precision = args.precision.unwrap_or(config.precision);
    let spinner = spinner(args.json);
    let found = sequential(&config, vocab, &options, &mut |batch_size, threads| {
        let threads = count(threads, "thread");
        spinner.set_message(format!("batch size {batch_size} with {threads}"));
        spinner.tick();
    });
    spinner.finish_and_clear();
    let found = found?;
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &found)?;
        writeln!(out)?;
    } else if args.csv {
        write_csv(&mut out, &found)?;
    } else {
        write_text(&mut out, &found)?;
    }
    Ok(out.flush()?)
}

impl SequentialArgs {
    fn sized(&self, isa: Isa) -> Result<Sizing> {
        let network = &self.network.choices;
        match &self.model {
            Some(_) if !network.is_empty() => Err(usage(
                "options of the network are for one without a model: a model has its own",
            )),
            Some(model) => of_model(model, &Choices::default()),
            None => {
                let file = Layered::none(Config::defaults_on(isa));
                let config = resolve(&file, network)?;
                for note in idle_notes(&file, network, &config, &Origin::default()) {
                    say(format_args!("note: {note}"));
                }
                let vocab = self
                    .vocab_size
                    .map_or(config.max_vocab, |n| Some(n as usize));
                Ok(Sizing {
                    vocab: vocab.unwrap_or(1),
                    name: "untrained".into(),
                    config,
                })
            }
        }
    }
}

fn write_text(out: &mut impl Write, found: &Sequential) -> Result<()> {
    let mut head = Table::default();
    head.row(
        "network",
        format!(
            "{}, vocabulary {}",
            found.network,
            grouped(found.vocabulary as u64)
        ),
    );
    head.row(
        "machine",
        format!(
            "{}, {}, {}, products in {}",
            found.processor,
            count(found.threads, "thread"),
            found.isa,
            found.precision
        ),
    );
    let positions = grouped(found.positions as u64);
    head.row(
        "windows",
        format!("{positions} positions each, T steps of B sequences"),
    );
    writeln!(out, "{head}\n")?;
    let several = format!("{} threads", found.threads);
    let mut header = vec!["B", "T", "1 thread", "ms/step", "in order"];
    if found.threads > 1 {
        header.extend([
            &several, "ms/step", "in order", "times", "in order", "rest", "serial",
        ]);
    }
    let mut grid = Grid::new(0, &header);
    for row in &found.rows {
        let mut cells = vec![row.batch_size.to_string(), row.steps.to_string()];
        cells.extend(speed(&row.one));
        if let Some(many) = &row.many {
            cells.extend(speed(many));
            let ratios = [row.speedup, row.ordered_speedup, row.rest_speedup];
            cells.extend(ratios.map(|times| times.map_or("-".into(), |x| format!("{x:.2}"))));
            cells.push(row.serial_share.map_or("-".into(), percent));
        }
        grid.row(cells);
    }
    writeln!(out, "{}", grid.to_text())?;
    for sentence in sentences(found) {
        writeln!(out, "{sentence}")?;
    }
    Ok(())
}

fn speed(speed: &Speed) -> [String; 3] {
    [
        format!("{} tokens/s", grouped(speed.tokens_per_s.round() as u64)),
        number(speed.step_ms),
        percent(speed.ordered_share),
    ]
}

/// What the table shows, in words.
fn sentences(found: &Sequential) -> Vec<String> {
    let Some(fastest) = found.fastest() else {
        return Vec::new();
    };
    let shape = |row: &Row| {
        format!(
            "{} × {}",
            count(row.batch_size, "sequence"),
            count(row.steps, "step")
        )
    };
    let mut said = vec![
        "in order: the recurrent sweeps, forward and backward, T products of B rows one after the other; the rest takes all T·B rows at once".to_owned(),
    ];
    let fewest = found.rows.iter().min_by_key(|row| row.batch_size);
    let Some(fewest) = fewest.filter(|row| row.batch_size != fastest.batch_size) else {
        return said;
    };
    let (slow, fast) = (fewest.best(), fastest.best());
    said.push(format!(
        "cost: {} takes {} times as long as {}, for the same arithmetic; {} of it is in order, there {}",
        shape(fewest),
        number(slow.step_ms / fast.step_ms),
        shape(fastest),
        percent(slow.ordered_share),
        percent(fast.ordered_share),
    ));
    if let (Some(slow), Some(fast)) = (fewest.speedup, fastest.speedup) {
        said.push(format!(
            "threads: {} make {} {slow:.2} times as fast as one, and {} {fast:.2} times",
            count(found.threads, "thread"),
            shape(fewest),
            shape(fastest),
        ));
    }
    said
}

fn write_csv(out: &mut impl Write, found: &Sequential) -> io::Result<()> {
    let header = [
        "batch_size",
        "steps",
        "threads",
        "tokens_per_s",
        "step_ms",
        "ordered_ms",
        "rest_ms",
        "ordered_share",
        "speedup",
        "ordered_speedup",
        "rest_speedup",
        "serial_share",
    ];
    write!(out, "{}", line(header))?;
    for row in &found.rows {
        let of_many = [
            row.speedup,
            row.ordered_speedup,
            row.rest_speedup,
            row.serial_share,
        ];
        let speeds = std::iter::once((&row.one, [None; 4]));
        for (speed, ratios) in speeds.chain(row.many.iter().map(|many| (many, of_many))) {
            let sizes = [row.batch_size, row.steps, speed.threads].map(|n| n.to_string());
            let figures = [
                speed.tokens_per_s,
                speed.step_ms,
                speed.ordered_ms,
                speed.rest_ms,
                speed.ordered_share,
            ];
            let ratios = ratios.map(|ratio| ratio.map_or(String::new(), |x| x.to_string()));
            let figures = figures.map(|x| x.to_string());
            write!(
                out,
                "{}",
                line(sizes.into_iter().chain(figures).chain(ratios))
            )?;
        }
    }
    Ok(())
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}
