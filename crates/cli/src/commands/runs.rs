//! `elman runs`: all runs in a directory, beside each other.

use crate::args::Format;
use crate::output::say;
use crate::runs::{self, Row, incomparable, sort_by_perplexity};
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum, ValueHint};
use elman::train::Folder;
use elman::train::status::RunSnapshot;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// List runs and compare them: state, size, steps, validation perplexity, time, and the choices in which they differ
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman runs                                  # all in runs/, and in the directories there
  elman runs --sort perplexity                # the best first
  elman runs runs/kjv runs/kjv-2              # these two
  elman runs runs/kjv-sweep --format markdown # a table for a README
  elman runs --json | jq '.[] | select(.state == \"crashed\").run'")]
pub struct RunsArgs {
    /// Runs, or directories with runs in them
    #[arg(value_name = "DIR", default_value = "runs", value_hint = ValueHint::DirPath)]
    directories: Vec<PathBuf>,
    /// What to sort by: numbers from the best, or the most, on
    #[arg(long, value_name = "COLUMN", default_value = "name")]
    sort: Sort,
    /// How to print the table
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Print a JSON array with an object for each run, all its choices included: --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sort {
    Name,
    State,
    Parameters,
    Steps,
    /// Of the best validation
    Perplexity,
    Time,
    /// Tokens per second
    Speed,
}

pub fn run(args: RunsArgs) -> Result<()> {
    let mut paths = Vec::new();
    for directory in &args.directories {
        if !directory.is_dir() {
            bail!(
                "{}: there is no such directory: name one that holds runs, or start a run with elman train",
                directory.display()
            );
        }
        find(directory, MOST_DEPTH, &mut paths)?;
    }
    let mut rows = Vec::new();
    for path in &paths {
        match RunSnapshot::at(path) {
            Ok(snapshot) => rows.push(Row::new(&snapshot)),
            Err(error) => say(format_args!("note: skipped: {error}")),
        }
    }
    sort(&mut rows, args.sort);
    let format = if args.json { Format::Json } else { args.format };
    // Programs that do not ask for an order compare the vocabularies themselves.
    let for_people = matches!(format, Format::Text | Format::Markdown);
    if (for_people || args.sort == Sort::Perplexity)
        && let Some(note) = incomparable(&rows)
    {
        say(format_args!("note: {note}"));
    }
    let mut out = io::stdout().lock();
    match format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, &rows)?;
            writeln!(out)?;
        }
        Format::Csv => write!(out, "{}", runs::sheet(&rows).to_csv())?,
        _ if rows.is_empty() => say(format_args!("no runs in {}", args.directories[0].display())),
        Format::Markdown => write!(out, "{}", runs::table(&rows).to_markdown())?,
        Format::Text => write!(out, "{}", runs::text(&rows))?,
    }
    Ok(())
}

/// How many directories a run may lie below the one that is named.
const MOST_DEPTH: usize = 3;

/// Adds `directory` if it is a run, or else the runs in it, by name.
fn find(directory: &Path, depth: usize, runs: &mut Vec<PathBuf>) -> Result<()> {
    if Folder::is_run(directory) {
        runs.push(directory.to_path_buf());
        return Ok(());
    }
    if depth == 0 {
        return Ok(());
    }
    let entries = directory
        .read_dir()
        .with_context(|| format!("cannot list {}", directory.display()))?;
    let mut below: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir() && !path.is_symlink())
        .collect();
    below.sort();
    below
        .iter()
        .try_for_each(|path| find(path, depth - 1, runs))
}

fn sort(rows: &mut [Row], by: Sort) {
    match by {
        Sort::Name => rows.sort_by(|a, b| a.run.cmp(&b.run)),
        Sort::State => rows.sort_by_key(|row| row.state),
        Sort::Parameters => rows.sort_by_key(|row| std::cmp::Reverse(row.parameters)),
        Sort::Steps => rows.sort_by_key(|row| std::cmp::Reverse(row.step)),
        Sort::Perplexity => sort_by_perplexity(rows),
        Sort::Time => rows.sort_by(|a, b| b.seconds.total_cmp(&a.seconds)),
        Sort::Speed => {
            let speed = |row: &Row| row.tokens_per_s.unwrap_or(0.0);
            rows.sort_by(|a, b| speed(b).total_cmp(&speed(a)));
        }
    }
}
