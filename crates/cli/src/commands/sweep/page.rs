//! The page of a sweep: the table of its runs, the curves of the best ones, and what has failed.

use super::collect::{State, summary};
use super::places::Places;
use super::planned::Planned;
use crate::output::{grouped, loss, number};
use crate::runs::{Row, differing};
use anyhow::Result;
use elman::train::status::RunSnapshot;
use elman_report::{Axis, Block, Page, Plot, Section, Style, Table, Text};
use std::path::Path;

/// Runs whose curves are drawn: as many as there are colours.
const DRAWN: usize = 8;

/// The page of the runs `rows`, ranked, of the combinations `planned` in their states.
pub fn page(planned: &[Planned], states: &[State], rows: &[Row], places: &Places) -> Result<Page> {
    let name = places
        .sweep()
        .file_name()
        .unwrap_or(places.sweep().as_os_str());
    let mut sections = vec![results(rows)];
    if let Some(curves) = curves(rows)? {
        sections.push(curves);
    }
    let reasons = planned.iter().zip(states);
    let reasons: Vec<_> = reasons
        .filter_map(|(planned, state)| Some((planned, state, state.reason()?)))
        .collect();
    if !reasons.is_empty() {
        let mut table = Table::new(
            "Combinations without a result, and why",
            3,
            &["combination", "state", "reason"],
        );
        for (planned, state, reason) in reasons {
            table.texts(vec![
                Text::code(&planned.name),
                Text::plain(state.name()),
                Text::plain(reason),
            ]);
        }
        sections.push(Section::new(
            "failures",
            "Failures and interruptions",
            vec![Block::Table(table)],
        ));
    }
    Ok(Page {
        title: name.to_string_lossy().into_owned(),
        kind: "Sweep".into(),
        lead: vec![Block::Facts(vec![
            (Text::plain("state"), Text::plain(summary(states))),
            (
                Text::plain("directory"),
                Text::plain(places.sweep().display().to_string()),
            ),
        ])],
        sections,
        foot: Text::marked("Made by elman ")
            .and(Text::plain(env!("CARGO_PKG_VERSION")))
            .and(" from the runs of the sweep; `elman sweep … --collect` makes it again.".into()),
        tentative: false,
    })
}

/// The table of the runs, the best first.
fn results(rows: &[Row]) -> Section {
    if rows.is_empty() {
        let nothing = Block::paragraph("No run has begun yet.");
        return Section::new("results", "Results", vec![nothing]);
    }
    let differing = differing(rows);
    let mut header = vec!["run", "state"];
    header.extend(&differing);
    header.extend(["parameters", "steps", "loss", "perplexity"]);
    let mut table = Table::new(
        "Best validation of each run, the lowest perplexity first",
        2,
        &header,
    );
    let missing = || "–".to_owned();
    for row in rows {
        let mut cells = vec![name(&row.run), row.state.name().to_owned()];
        let choice = |name: &&str| row.choices.get(*name).cloned().unwrap_or_else(missing);
        cells.extend(differing.iter().map(choice));
        cells.extend([
            row.parameters.map_or_else(missing, |n| grouped(n as u64)),
            grouped(row.step),
            row.valid_loss_nats.map_or_else(missing, loss),
            row.valid_perplexity.map_or_else(missing, number),
        ]);
        table.row(cells);
    }
    Section::new("results", "Results", vec![Block::Table(table)])
}

/// The validation losses of the best runs.
fn curves(rows: &[Row]) -> Result<Option<Section>> {
    let mut plot = Plot::new(
        "validation",
        "Validation loss of the best runs",
        Axis::linear("step"),
        Axis::linear("nats per token"),
    );
    for row in rows.iter().take(DRAWN) {
        let snapshot = RunSnapshot::at(&row.run)?;
        let points = snapshot
            .validations()
            .map(|validation| (validation.step as f64, validation.loss_nats));
        let points: Vec<(f64, f64)> = points.collect();
        plot = plot.with(name(&row.run), Style::Marked, points);
    }
    let section = || Section::new("curves", "Curves", vec![Block::Plot(plot.clone())]);
    Ok((!plot.is_empty()).then(section))
}

/// The name of a run in its sweep.
fn name(run: &Path) -> String {
    let name = run.file_name().unwrap_or(run.as_os_str());
    name.to_string_lossy().into_owned()
}
