//! A table of cells, for a terminal or as Markdown: names to the left, numbers to the right.

use crate::csv;
use std::fmt::Write;

/// Rows of cells under a header.
pub struct Grid {
    /// Number of columns, from the left, that hold names.
    names: usize,
    rows: Vec<Vec<String>>,
}

impl Grid {
    pub fn new(names: usize, header: &[&str]) -> Grid {
        let header = header.iter().map(|cell| (*cell).to_owned()).collect();
        Grid {
            names,
            rows: vec![header],
        }
    }

    pub fn row(&mut self, cells: Vec<String>) {
        assert_eq!(cells.len(), self.rows[0].len(), "a cell for each column");
        self.rows.push(cells);
    }

    /// Whether there is nothing under the header.
    pub fn is_empty(&self) -> bool {
        self.rows.len() == 1
    }

    /// Columns of even width, two spaces between them.
    pub fn to_text(&self) -> String {
        let widths = self.widths(|cell| cell.chars().count());
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let gap = if column > 0 { "  " } else { "" };
                let _ = match column < self.names {
                    true => write!(line, "{gap}{cell:width$}"),
                    false => write!(line, "{gap}{cell:>width$}"),
                };
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    pub fn to_markdown(&self) -> String {
        let mut text = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
            text.push_str(&format!("| {} |\n", cells.join(" | ")));
            if number == 0 {
                let rule = |column: usize| if column < self.names { "---|" } else { "--:|" };
                let rules: String = (0..row.len()).map(rule).collect();
                text.push_str(&format!("|{rules}\n"));
            }
        }
        text
    }

    /// Comma-separated values (RFC 4180, lines end with `\n`).
    pub fn to_csv(&self) -> String {
        self.rows.iter().map(csv::line).collect()
    }

    fn widths(&self, of: impl Fn(&str) -> usize) -> Vec<usize> {
        let widest = |column: usize| self.rows.iter().map(|row| of(&row[column])).max();
        (0..self.rows[0].len())
            .map(|column| widest(column).unwrap_or(0))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_align_and_bars_are_escaped() {
        let mut grid = Grid::new(1, &["model", "per word"]);
        assert!(grid.is_empty());
        grid.row(vec!["a|é".into(), "1.5".into()]);
        grid.row(vec!["longer".into(), String::new()]);
        assert_eq!(
            grid.to_text(),
            "model   per word\na|é          1.5\nlonger\n"
        );
        assert_eq!(
            grid.to_markdown(),
            "| model | per word |\n|---|--:|\n| a\\|é | 1.5 |\n| longer |  |\n"
        );
    }
}
