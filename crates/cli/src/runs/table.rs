//! The table of runs that people read, as wide as their terminal.

use super::{Row, differing};
use crate::grid::Grid;
use crate::output::{duration, grouped, number};
use std::collections::BTreeSet;

/// A column of the table for people.
#[derive(Clone, Copy)]
struct Column {
    head: &'static str,
    cell: fn(&Row) -> String,
}

const NAMES: [Column; 3] = [
    Column {
        head: "run",
        cell: |row| row.run.display().to_string(),
    },
    Column {
        head: "state",
        cell: |row| row.state.name().to_owned(),
    },
    Column {
        head: "network",
        cell: |row| row.architecture.clone().unwrap_or_else(missing),
    },
];

/// In the order of their importance: a narrow terminal leaves out the last ones.
const FIGURES: [Column; 5] = [
    Column {
        head: "perplexity",
        cell: |row| row.valid_perplexity.map_or_else(missing, number),
    },
    Column {
        head: "steps",
        cell: |row| match row.step == row.total_steps {
            true => grouped(row.step),
            false => format!("{} of {}", grouped(row.step), grouped(row.total_steps)),
        },
    },
    Column {
        head: "time",
        cell: |row| duration(row.seconds),
    },
    Column {
        head: "parameters",
        cell: |row| row.parameters.map_or_else(missing, |n| grouped(n as u64)),
    },
    Column {
        head: "tokens/s",
        cell: |row| {
            let rate = row.tokens_per_s.map(|rate| grouped(rate.round() as u64));
            rate.unwrap_or_else(missing)
        },
    },
];

fn missing() -> String {
    "-".to_owned()
}

/// The choices of a run in which the runs differ.
fn choices(row: &Row, differing: &BTreeSet<&str>) -> String {
    let choices = row.choices.iter();
    let differing = choices.filter(|(name, _)| differing.contains(name.as_str()));
    let shown = differing.map(|(name, value)| format!("{name}={value}"));
    shown.collect::<Vec<_>>().join(" ")
}

/// A table for people, with the choices in which the runs differ in the last column.
pub fn table(rows: &[Row]) -> Grid {
    let differing = differing(rows);
    let differences = |row: &Row| choices(row, &differing);
    grid(rows, &FIGURES, Some(&differences))
}

/// Names and `figures` of the runs and, if they are given, a last column of differences.
fn grid(rows: &[Row], figures: &[Column], differences: Option<&dyn Fn(&Row) -> String>) -> Grid {
    let columns = || NAMES.iter().chain(figures);
    let mut heads: Vec<&str> = columns().map(|column| column.head).collect();
    heads.extend(differences.map(|_| "differs in"));
    let mut grid = Grid::new(NAMES.len(), &heads);
    for row in rows {
        let cells = columns().map(|column| (column.cell)(row));
        let last = differences.map(|differences| differences(row));
        grid.row(cells.chain(last).collect());
    }
    grid
}

/// The table as a terminal shows it, within its width.
pub fn text(rows: &[Row]) -> String {
    let terminal = console::Term::stdout();
    match terminal.is_term() {
        true => fitted(rows, terminal.size().1.into()),
        false => table(rows).to_text(),
    }
}

/// The table within `width` columns of a terminal. Where it is wider, the choices of a run are on lines of their own below it, and
/// figures that do not fit are left out.
fn fitted(rows: &[Row], width: usize) -> String {
    let fits = |text: &str| text.lines().all(|line| line.chars().count() <= width);
    let whole = table(rows).to_text();
    if fits(&whole) {
        return whole;
    }
    let differing = differing(rows);
    let text = |figures: usize| grid(rows, &FIGURES[..figures], None).to_text();
    let figures = (1..=FIGURES.len()).rev().find(|n| fits(&text(*n)));
    let text = text(figures.unwrap_or(1));
    let (head, lines) = text.split_once('\n').unwrap_or((&text, ""));
    let mut fitted = format!("{head}\n");
    for (line, row) in lines.lines().zip(rows) {
        fitted += &format!("{line}\n");
        let below = textwrap::Options::new(width)
            .initial_indent(BELOW)
            .subsequent_indent(BELOW)
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        for line in textwrap::wrap(&choices(row, &differing), below) {
            fitted += &format!("{line}\n");
        }
    }
    fitted
}

/// Margin of the choices below a run.
const BELOW: &str = "    ";

#[cfg(test)]
mod tests {
    use super::super::tests::row;
    use super::*;

    #[test]
    fn a_narrow_terminal_has_the_choices_on_lines_of_their_own() {
        let mut rows = ["runs/a", "runs/b"].map(|run| row(run, "v", Some(1.0)));
        for (row, value) in rows.iter_mut().zip(["0.1", "0.25"]) {
            for name in ["dropout", "lr", "weight-decay"] {
                row.choices.insert(name.into(), value.into());
            }
        }
        assert!(
            fitted(&rows, 200)
                .lines()
                .next()
                .unwrap()
                .ends_with("differs in")
        );
        for width in [110, 60, 50] {
            let text = fitted(&rows, width);
            assert!(
                text.lines().all(|line| line.chars().count() <= width),
                "{text}"
            );
            assert!(
                text.contains("    dropout=0.25 lr=0.25 weight-decay=0.25\n"),
                "{text}"
            );
            assert!(text.contains("perplexity"), "{text}");
        }
        assert!(!fitted(&rows, 50).contains("tokens/s"));
        assert!(fitted(&rows, 38).contains("    dropout=0.25 lr=0.25\n    weight-decay=0.25\n"));
    }
}
