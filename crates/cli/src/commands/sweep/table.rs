//! What a sweep prints: its plan, and the table of its runs.

use super::places::Places;
use super::planned::Planned;
use crate::grid::Grid;
use crate::output::say;
use crate::runs::{self, Row, incomparable, sort_by_perplexity};
use anyhow::Result;
use elman::store::{disk, write_atomic};
use elman::train::Folder;
use elman::train::status::{RunSnapshot, RunStatus};
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;

/// What a dry run says of a run.
#[derive(Serialize)]
struct Line<'a> {
    run: &'a Path,
    /// `None`: new.
    state: Option<RunStatus>,
    options: Vec<String>,
}

/// Prints the runs of a sweep and what there is of them.
pub fn show_plan(planned: &[Planned], json: bool) -> Result<()> {
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

/// The runs that there are, the best first among those that can be compared, with the row of each.
pub fn ranked(planned: &[Planned]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for planned in planned
        .iter()
        .filter(|planned| Folder::is_run(&planned.run))
    {
        rows.push(Row::new(&RunSnapshot::at(&planned.run)?));
    }
    sort_by_perplexity(&mut rows);
    Ok(rows)
}

/// Prints the rows.
pub fn show(rows: &[Row], json: bool) -> Result<()> {
    if let Some(note) = incomparable(rows) {
        say(format_args!("note: {note}"));
    }
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, rows)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", runs::text(rows))?;
    }
    Ok(())
}

/// Writes the file of results: all that the choices and the texts decide, and nothing that depends on when, where and in which order runs
/// were trained. It is the same, byte for byte, for one process and for many.
pub fn write_results(rows: &[Row], places: &Places) -> Result<()> {
    let csv = runs::results(rows, places.sweep()).to_csv();
    let path = places.results();
    if let Some(directory) = path.parent() {
        disk::create_dir_all(directory)?;
    }
    Ok(write_atomic(&path, |file| file.write_all(csv.as_bytes()))?)
}
