//! `elman inspect memory`: the bytes of training over T and B, in closed form.

use super::sizes::{Sizing, of_model, vocabulary_size};
use crate::args::size;
use crate::commands::{is_stdin, name_of};
use crate::csv::line;
use crate::grid::Grid;
use crate::options::TrainOptions;
use crate::output::{Table, bytes, count, grouped, say, usage};
use crate::presets::{self, layered};
use crate::resolve::{idle_notes, leaves_size_open, resolve};
use crate::vocabulary::VocabularyArgs;
use anyhow::Result;
use clap::builder::PossibleValuesParser;
use clap::{Args, ValueHint};
use elman::measure::inspect::memory::{Cell, Fit, Options};
use elman::measure::inspect::{Memory, memory};
use elman::train::config::Origin;
use elman::train::{Config, Job, Machine, training_size};
use elman_kernels::Isa;
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

/// Plan the memory of training: by part, over T and B, and what fits a budget
///
/// Every figure is closed form: nothing is allocated and nothing trains. A run is planned with its own configuration, and options of
/// windows and updates ask what would be otherwise. `elman train --dry-run` plans a run to the last byte of what is known about its text.
#[derive(Args)]
#[command(
    override_usage = "elman inspect memory [OPTIONS] <MODEL>\n       elman inspect memory --untrained [OPTIONS] <TEXT>...\n       elman inspect memory --untrained --vocab-size <N> [OPTIONS]",
    after_help = "\
Examples:
  elman inspect memory runs/kjv
  elman inspect memory runs/kjv --memory 2GiB --recompute   # what fits 2 GiB?
  elman inspect memory --untrained data/kjv.txt --hidden 1024 --layers 2 --bptt full
  elman inspect memory --untrained --vocab-size 10000 --preset zaremba-large
  elman inspect memory runs/kjv --over-steps 35,1000,100000 --over-batch-size 1,32 --csv

What each number means: docs/INSPECT.md"
)]
pub struct MemoryArgs {
    /// The directory of a model or of a run; with --untrained texts, plain, gzip or zstd, '-' is standard input
    #[arg(value_name = "MODEL|TEXT", value_hint = ValueHint::AnyPath)]
    names: Vec<PathBuf>,
    /// Plan `elman train TEXT` with the same options, instead of a model
    #[arg(long)]
    untrained: bool,
    /// Plan for a vocabulary of N entries, without a text
    #[arg(long, value_name = "N", requires = "untrained", conflicts_with = "names", value_parser = vocabulary_size())]
    vocab_size: Option<u32>,
    /// Validation text; may be given several times [default: the last 5 % of TEXT, which are not trained on]
    #[arg(long, value_name = "FILE", requires = "untrained", conflicts_with = "vocab_size", value_hint = ValueHint::FilePath)]
    valid: Vec<PathBuf>,
    /// Memory budget, such as 2GiB; reports what fits [default: the free memory]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    memory: Option<u64>,
    /// Steps T of the table, with commas between them
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = Options::default().steps)]
    over_steps: Vec<usize>,
    /// Batch sizes B of the table, with commas between them
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = Options::default().batch_sizes, alias = "over-lanes")]
    over_batch_size: Vec<usize>,
    /// Tokens of texts to plan for, with commas between them [default: those of TEXT that would be trained on, 10 and 100 times as many; without one 100,000 to 10⁹]
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    over_tokens: Option<Vec<usize>>,

    #[command(flatten)]
    options: TrainOptions,
    #[command(flatten)]
    vocabulary: VocabularyArgs,
    /// Begin with a published recipe
    #[arg(long, value_name = "NAME", requires = "untrained", value_parser = PossibleValuesParser::new(presets::names()))]
    preset: Option<String>,
    /// Take choices from this TOML file, as `elman train` does
    #[arg(long, value_name = "FILE", requires = "untrained", value_hint = ValueHint::FilePath)]
    config: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print the table over T and B as comma-separated values
    #[arg(long)]
    csv: bool,
}

#[derive(Serialize)]
struct Json<'a> {
    model: &'a str,
    #[serde(flatten)]
    memory: &'a Memory,
}

pub fn run(args: MemoryArgs) -> Result<()> {
    let mut options = Options {
        steps: args.over_steps.clone(),
        batch_sizes: args.over_batch_size.clone(),
        budget_bytes: args.memory,
        ..Options::default()
    };
    if let Some(tokens) = &args.over_tokens {
        options.tokens.clone_from(tokens);
    }
    options.check()?;
    let (sized, text_tokens) = args.sized()?;
    if let (Some(tokens), None) = (text_tokens, &args.over_tokens) {
        options.tokens = vec![tokens, 10 * tokens, 100 * tokens];
    }
    let Sizing {
        config,
        vocab,
        name,
    } = sized;
    let found = memory(&config, vocab, &options)?;
    let mut out = io::stdout().lock();
    if args.json {
        let body = Json {
            model: &name,
            memory: &found,
        };
        serde_json::to_writer(&mut out, &body)?;
        writeln!(out)?;
    } else if args.csv {
        write_csv(&mut out, &found.table)?;
    } else {
        write_text(&mut out, &name, &found)?;
    }
    Ok(out.flush()?)
}

impl MemoryArgs {
    /// What is planned, and the tokens of the text if there is one.
    fn sized(&self) -> Result<(Sizing, Option<usize>)> {
        if !self.untrained {
            if self.vocabulary != VocabularyArgs::default() {
                return Err(usage(
                    "a model has its own vocabulary: other ones are for --untrained",
                ));
            }
            return match &self.names[..] {
                [model] => Ok((of_model(model, &self.options.choices)?, None)),
                _ => Err(usage(
                    "name one model or run, or texts and --untrained, or --untrained and --vocab-size",
                )),
            };
        }
        let file = layered(
            Isa::detect(),
            self.preset.as_deref(),
            self.config.as_deref(),
        )?;
        let config = resolve(&file, &self.options.choices)?;
        let origin = Origin {
            vocabulary: self.vocabulary != VocabularyArgs::default(),
            ..Origin::default()
        };
        for note in idle_notes(&file, &self.options.choices, &config, &origin) {
            say(format_args!("note: {note}"));
        }
        if let Some(entries) = self.vocab_size {
            if self.vocabulary != VocabularyArgs::default() {
                return Err(usage(
                    "--vocab-size plans without a vocabulary: give the one or the other",
                ));
            }
            let sized = Sizing {
                vocab: entries as usize,
                name: "untrained".into(),
                config,
            };
            return Ok((sized, None));
        }
        let fits = self.preset.is_none() && leaves_size_open(&file, &self.options.choices);
        self.of_texts(config, fits)
    }

    /// The vocabulary of the texts and the tokens that would be trained on.
    fn of_texts(&self, mut config: Config, fits: bool) -> Result<(Sizing, Option<usize>)> {
        if self.names.is_empty() {
            return Err(usage(
                "name a text, or the size of a vocabulary with --vocab-size",
            ));
        }
        if self.names.iter().any(|name| is_stdin(name)) {
            return Err(usage(
                "the text is read twice, for the vocabulary and for its tokens: give a file, not '-'",
            ));
        }
        // As `elman train` would read them: what validates is not trained on.
        let job = Job {
            config: Config {
                corpus_weights: Vec::new(),
                ..config.clone()
            },
            train: self.names.clone(),
            valid: (!self.valid.is_empty()).then(|| self.valid.clone()),
            vocabulary: self.vocabulary.from(),
            init_from: None,
            own_text: None,
            fit_to_text: false,
            run: PathBuf::new(),
            cache: None,
            machine: Machine {
                threads: 1,
                isa: Isa::detect(),
                save_every: Duration::ZERO,
                memory_bytes: None,
            },
        };
        let (vocab, tokens) = training_size(&job)?;
        if fits && let Some(note) = config.fit_to(tokens) {
            say(format_args!("note: {note}"));
        }
        let sized = Sizing {
            vocab,
            name: format!("untrained, for {}", name_of(&self.names)),
            config,
        };
        Ok((sized, Some(tokens)))
    }
}

fn write_text(out: &mut impl Write, name: &str, found: &Memory) -> Result<()> {
    let mut head = Table::default();
    head.row(
        "model",
        format!(
            "{name}: {}, vocabulary {}, {} parameters",
            found.network,
            grouped(found.vocabulary as u64),
            grouped(found.parameters as u64)
        ),
    );
    let recomputed = if found.recompute { ", recomputed" } else { "" };
    head.row(
        "windows",
        format!(
            "{} × {}{recomputed}",
            count(found.batch_size, "sequence"),
            count(found.steps, "step")
        ),
    );
    let plan = bytes(found.total_bytes);
    head.row(
        "training",
        format!(
            "{plan} are planned, {} of them for the parameters",
            bytes(found.static_bytes)
        ),
    );
    let stream = bytes(found.stream_bytes);
    head.row(
        "in use",
        format!("{stream} of state for each text, however long it is"),
    );
    writeln!(out, "{head}\n")?;

    let mut grid = Grid::new(1, &["part", "bytes", "", "grows with"]);
    for ((part, size), growth) in found.plan.parts().into_iter().zip(GROWTH) {
        if size > 0 {
            let share = 100.0 * size as f64 / found.total_bytes as f64;
            grid.row(vec![
                part.into(),
                bytes(size),
                format!("{share:.0} %"),
                growth.into(),
            ]);
        }
    }
    writeln!(out, "{}", grid.to_text())?;

    let sequences = count(found.batch_size, "sequence");
    let step = bytes(found.step_bytes.round() as u64);
    writeln!(
        out,
        "each further time step of {sequences} takes {step} (whole windows):"
    )?;
    let mut grid = Grid::new(1, &["part", "bytes"]);
    for part in &found.step {
        grid.row(vec![part.part.into(), bytes(part.bytes.round() as u64)]);
    }
    writeln!(out, "{}", grid.to_text())?;

    writeln!(
        out,
        "planned memory by T (--bptt) and B (--batch-size), whole windows:"
    )?;
    writeln!(out, "{}", over(&found.table, |cell| cell.total_bytes))?;
    writeln!(out, "with --recompute:")?;
    writeln!(
        out,
        "{}",
        over(&found.table, |cell| cell.recomputed_total_bytes)
    )?;

    writeln!(out, "what fits {}:", bytes(found.budget_bytes))?;
    let (steps, batch_size) = (
        grouped(found.steps as u64),
        grouped(found.batch_size as u64),
    );
    let most = [
        format!("largest B at T = {steps}"),
        format!("largest T at B = {batch_size}"),
    ];
    let mut grid = Grid::new(1, &["windows", &most[0], &most[1]]);
    for fit in &found.fits {
        grid.row(fitting(fit));
    }
    writeln!(out, "{}", grid.to_text())?;

    writeln!(out, "with a longer text and the same vocabulary:")?;
    let header = [
        "tokens",
        "parameters",
        "token file, mapped",
        "training",
        "as one window",
        "recomputed",
    ];
    let mut grid = Grid::new(0, &header);
    for text in &found.texts {
        let sizes = [
            text.file_bytes,
            text.total_bytes,
            text.full_bytes,
            text.full_recomputed_bytes,
        ];
        let counts = [text.tokens, text.parameters].map(|n| grouped(n as u64));
        grid.row(counts.into_iter().chain(sizes.map(bytes)).collect());
    }
    write!(out, "{}", grid.to_text())?;
    Ok(())
}

/// What the parts of a plan grow with, in their order.
const GROWTH: [&str; 9] = [
    "parameters",
    "parameters",
    "parameters",
    "parameters",
    "parameters",
    "T·B",
    "B",
    "vocabulary",
    "vocabulary",
];

fn fitting(fit: &Fit) -> Vec<String> {
    let most = |n: Option<usize>| n.map_or("none".into(), |n| grouped(n as u64));
    let windows = if fit.recompute { "recomputed" } else { "whole" };
    vec![windows.into(), most(fit.batch_size), most(fit.steps)]
}

/// A row for each T, a column for each B.
fn over(table: &[Cell], of: fn(&Cell) -> u64) -> String {
    let Some(first) = table.first() else {
        return String::new();
    };
    let columns = table.iter().take_while(|cell| cell.steps == first.steps);
    let columns: Vec<String> = columns
        .map(|cell| format!("B = {}", grouped(cell.batch_size as u64)))
        .collect();
    let header: Vec<&str> = std::iter::once("T")
        .chain(columns.iter().map(String::as_str))
        .collect();
    let mut grid = Grid::new(0, &header);
    for row in table.chunks(columns.len()) {
        let steps = std::iter::once(grouped(row[0].steps as u64));
        grid.row(
            steps
                .chain(row.iter().map(|cell| bytes(of(cell))))
                .collect(),
        );
    }
    grid.to_text()
}

fn write_csv(out: &mut impl Write, table: &[Cell]) -> io::Result<()> {
    let header = [
        "steps",
        "batch_size",
        "window_bytes",
        "total_bytes",
        "recomputed_window_bytes",
        "recomputed_total_bytes",
    ];
    write!(out, "{}", line(header))?;
    for cell in table {
        let sizes = [cell.steps, cell.batch_size].map(|n| n.to_string());
        let figures = [
            cell.window_bytes,
            cell.total_bytes,
            cell.recomputed_window_bytes,
            cell.recomputed_total_bytes,
        ];
        write!(
            out,
            "{}",
            line(sizes.into_iter().chain(figures.map(|n| n.to_string())))
        )?;
    }
    Ok(())
}
