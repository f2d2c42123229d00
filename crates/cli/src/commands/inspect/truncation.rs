//! `elman inspect truncation`: the gradient of short windows beside that of a long one.

use super::subject::{SubjectArgs, TextArgs};
use crate::csv::line;
use crate::grid::Grid;
use crate::output::{Table, count, grouped, number};
use crate::progress::spinner;
use anyhow::Result;
use clap::Args;
use elman::measure::inspect::truncation::Options;
use elman::measure::inspect::{Truncation, truncation};
use elman::text::Layout;
use serde::Serialize;
use std::io::{self, Write};

/// Measure what truncation costs: the gradient of short windows beside that of a long one
///
/// Excerpts of the text are differentiated once over --full steps and once in windows of each length, with the state carried from window to
/// window: how far is the truncated gradient from the full one? And forward, where nothing is truncated: how much of the loss does the
/// carried state save, beside windows that start from zero?
#[derive(Args)]
#[command(
    override_usage = "elman inspect truncation [OPTIONS] <MODEL> <TEXT>...\n       elman inspect truncation --untrained [OPTIONS] <TEXT>...",
    after_help = "\
Examples:
  elman inspect truncation runs/kjv psalms.txt
  elman inspect truncation runs/kjv psalms.txt --full 1000 --windows 20,35,50,200
  elman inspect truncation runs/kjv psalms.txt --tensors   # each weight on its own
  elman inspect truncation runs/kjv psalms.txt --json | jq '.windows[] | {steps, cosine}'

What each number means: docs/INSPECT.md"
)]
pub struct TruncationArgs {
    #[command(flatten)]
    subject: SubjectArgs,
    /// Excerpts of the text, drawn by --seed
    #[arg(long, value_name = "N", default_value_t = Options::default().excerpts, alias = "passages")]
    excerpts: usize,
    /// Steps of the long window, whose gradient is the reference
    #[arg(long, value_name = "N", default_value_t = Options::default().full)]
    full: usize,
    /// Lengths of the windows, with commas between them
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = Options::default().windows)]
    windows: Vec<usize>,
    #[command(flatten)]
    text: TextArgs,
    /// Also show each tensor
    #[arg(long)]
    tensors: bool,
}

#[derive(Serialize)]
struct Json<'a> {
    model: &'a str,
    text: &'a str,
    #[serde(flatten)]
    truncation: &'a Truncation,
}

pub fn run(args: TruncationArgs) -> Result<()> {
    let mut options = Options {
        excerpts: args.excerpts,
        full: args.full,
        windows: args.windows,
        context: args.text.context_or(Options::default().context),
        text: args.text.options(&args.subject)?,
        seed: 1,
    };
    options.check()?;
    let subject = args.subject.load()?;
    options.seed = subject.seed;
    let layout = options.text.layout_of(&subject.model);
    options.context = args.text.context(options.context, layout)?;
    let spinner = spinner(args.subject.json);
    let found = truncation(
        &subject.model,
        subject.cpu,
        &subject.ids,
        &options,
        &mut |steps| spinner.set_message(format!("windows of {}", count(steps, "step"))),
    );
    spinner.finish_and_clear();
    let found = found?;
    let mut out = io::stdout().lock();
    if args.subject.json {
        let body = Json {
            model: &subject.name,
            text: &subject.text,
            truncation: &found,
        };
        serde_json::to_writer(&mut out, &body)?;
        writeln!(out)?;
    } else if args.subject.csv {
        write_csv(&mut out, &found)?;
    } else {
        write_text(&mut out, &subject.name, &subject.text, &found, args.tensors)?;
    }
    Ok(out.flush()?)
}

fn write_text(
    out: &mut impl Write,
    name: &str,
    text: &str,
    found: &Truncation,
    tensors: bool,
) -> Result<()> {
    let mut head = Table::default();
    head.row("model", format!("{name}: {}", found.cell));
    head.row(
        "text",
        format!("{text}: {} tokens", grouped(found.text_tokens as u64)),
    );
    let norm = number(found.gradient_norm);
    head.row(
        "truth",
        match found.layout {
            Layout::Stream => format!(
                "the gradient over {} in {}, each after {} of context (seed {}), norm {norm}",
                count(found.full, "step"),
                count(found.excerpts, "excerpt"),
                count(found.context, "token"),
                found.seed,
            ),
            Layout::Sentences => format!(
                "the gradient over {}, each from its beginning and at most {} (seed {}), norm {norm}",
                count(found.excerpts, "line"),
                count(found.full, "step"),
                found.seed,
            ),
        },
    );
    let nats = number(found.carried_nats);
    head.row(
        "loss",
        match &found.loss_after {
            None => format!("{nats} nats per token with carried state"),
            Some(token) => format!(
                "{nats} nats per token of an answer after '{token}' ({} of them), with carried state",
                grouped(found.losses as u64)
            ),
        },
    );
    writeln!(out, "{head}\n")?;
    let mut grid = Grid::new(
        0,
        &[
            "window",
            "cosine",
            "relative error",
            "loss from zero states",
            "carried state saves",
        ],
    );
    for window in &found.windows {
        grid.row(vec![
            window.steps.to_string(),
            format!("{:.4}", window.cosine),
            format!("{:.4}", window.relative_error),
            format!("{:.4}", window.zero_state_nats),
            format!("{:.4}", window.carried_saves_nats),
        ]);
    }
    write!(out, "{}", grid.to_text())?;
    if tensors {
        let mut grid = Grid::new(1, &["tensor", "window", "cosine", "relative error"]);
        for window in &found.windows {
            for tensor in &window.tensors {
                grid.row(vec![
                    tensor.name.clone(),
                    window.steps.to_string(),
                    format!("{:.4}", tensor.cosine),
                    format!("{:.4}", tensor.relative_error),
                ]);
            }
        }
        write!(out, "\n{}", grid.to_text())?;
    }
    Ok(())
}

/// A row for each window and, under the name of the tensor, for each window and tensor.
fn write_csv(out: &mut impl Write, found: &Truncation) -> io::Result<()> {
    let header = [
        "window",
        "tensor",
        "cosine",
        "relative_error",
        "zero_state_nats",
        "carried_saves_nats",
    ];
    write!(out, "{}", line(header))?;
    for window in &found.windows {
        let steps = window.steps.to_string();
        let whole = [
            window.cosine,
            window.relative_error,
            window.zero_state_nats,
            window.carried_saves_nats,
        ];
        let place = [steps.clone(), String::new()];
        write!(
            out,
            "{}",
            line(place.into_iter().chain(whole.map(|x| x.to_string())))
        )?;
        for tensor in &window.tensors {
            let cells = [
                steps.clone(),
                tensor.name.clone(),
                tensor.cosine.to_string(),
                tensor.relative_error.to_string(),
                String::new(),
                String::new(),
            ];
            write!(out, "{}", line(cells))?;
        }
    }
    Ok(())
}
