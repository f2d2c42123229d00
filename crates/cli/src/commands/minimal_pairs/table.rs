//! Accuracies as a table for people: a row for each paradigm, and three columns for each model.

use crate::output::{count, grouped, number};
use elman::measure::pairs::{Accuracy, Report, Ties};
use std::io::{self, Write};

/// Columns of a model: accuracy, interval, ties.
const COLUMNS: [&str; 3] = ["accuracy", "95 % interval", "ties"];

/// Writes the table, what its numbers mean, and the paired tests.
pub fn write(report: &Report, ties: Ties, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = vec![vec!["paradigm".to_owned(), "pairs".to_owned()]];
    let headings = COLUMNS.iter().map(|&column| column.to_owned());
    for _ in &report.models {
        rows[0].extend(headings.clone());
    }
    let mut add = |name: String, pairs: u64, models: &[Accuracy]| {
        let cells = models.iter().flat_map(cells);
        rows.push([name, grouped(pairs)].into_iter().chain(cells).collect());
    };
    for paradigm in &report.paradigms {
        // A name is what stands in a file: its line ends and escape sequences are not for a terminal.
        let name = paradigm.name.replace(char::is_control, " ");
        add(name, paradigm.pairs, &paradigm.models);
    }
    let paradigms = count(report.paradigms.len(), "paradigm");
    add(
        "mean over pairs".to_owned(),
        report.pairs,
        &report.over_pairs,
    );
    add(
        format!("mean over {paradigms}"),
        report.pairs,
        &report.over_paradigms,
    );

    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let mut widths: Vec<usize> = (0..rows[0].len()).filter_map(width).collect();
    // The name of a model stands above its columns, which are made wide enough.
    for (model, name) in report.models.iter().enumerate() {
        let columns = 2 + 3 * model..5 + 3 * model;
        let have: usize = widths[columns.clone()].iter().sum::<usize>() + 4;
        widths[columns.start] += name.chars().count().saturating_sub(have);
    }
    let indent = widths[0] + widths[1] + 2;
    let mut names = " ".repeat(indent);
    for (model, name) in report.models.iter().enumerate() {
        let columns = 2 + 3 * model..5 + 3 * model;
        let width: usize = widths[columns].iter().sum::<usize>() + 4;
        names += &format!("  {name:<width$}");
    }
    writeln!(out, "{}", names.trim_end())?;
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (cell, &width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  "))?;
    }
    writeln!(out)?;
    for (name, all) in report.models.iter().zip(&report.over_pairs) {
        let unknown = count(all.unknown as usize, "pair");
        writeln!(
            out,
            "{name}: {unknown} with words that the vocabulary lacks"
        )?;
    }
    let credit = match ties {
        Ties::Wrong => "wrong",
        Ties::Half => "one half",
        Ties::Right => "right",
    };
    writeln!(out, "a tie counts as {credit}")?;
    tests(report).try_for_each(|test| writeln!(out, "{test}"))
}

fn cells(accuracy: &Accuracy) -> [String; 3] {
    let percent = |share: f64| format!("{:.1}", 100.0 * share);
    let (low, high) = (accuracy.interval.low, accuracy.interval.high);
    [
        format!("{} %", percent(accuracy.accuracy)),
        format!("[{}, {}]", percent(low), percent(high)),
        grouped(accuracy.ties),
    ]
}

/// The paired tests, a sentence each.
pub fn tests(report: &Report) -> impl Iterator<Item = String> {
    report.tests.iter().map(|test| {
        let (a, b) = (&report.models[test.a], &report.models[test.b]);
        format!(
            "{a} − {b}: {:+.2} percentage points over all pairs; only {a} is right on {}, only {b} on {}; p = {}",
            100.0 * test.difference + 0.0,
            grouped(test.only_a),
            grouped(test.only_b),
            match test.p_value {
                1e-4.. => format!("{:.4}", test.p_value),
                _ => number(test.p_value),
            }
        )
    })
}
