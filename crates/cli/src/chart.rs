//! Curves in characters: a line of braille dots (two by four to a character) and marks over it, with axes.
//!
//! ```text
//! 7.16 ┤⡄
//!      ┤⢣ ○
//! 4.38 ┤ ⠑⠒⠤⣀⣀○
//!      └┬──────┬
//!       0     400
//! ```
//! Knows nothing of runs: numbers in, lines of text out, as many as were asked for. What is not finite leaves a gap.

use std::fmt::Write;

/// What is drawn, from back to front.
pub struct Chart<'a> {
    /// Dots that are joined, by ascending x.
    pub line: &'a [(f64, f64)],
    /// Marks, each by itself.
    pub marks: &'a [(f64, f64)],
    /// The x axis goes from 0 to here.
    pub x_end: f64,
    /// What the y axis says at a height.
    pub label: &'a dyn Fn(f64) -> String,
    /// What the x axis says at a place.
    pub x_label: &'a dyn Fn(f64) -> String,
}

/// The sign for a mark.
pub const MARK: char = '●';
/// The sign for the line, in a legend.
pub const LINE: char = '⠒';

/// Colours of the line and of the marks, as terminals understand them; none where nobody sees them.
#[derive(Clone, Copy)]
pub struct Colours {
    pub line: &'static str,
    pub marks: &'static str,
    pub reset: &'static str,
}

impl Colours {
    pub const NONE: Colours = Colours {
        line: "",
        marks: "",
        reset: "",
    };
    /// Cyan and yellow, which are seen on light and dark grounds.
    pub const ANSI: Colours = Colours {
        line: "\x1b[36m",
        marks: "\x1b[33m",
        reset: "\x1b[0m",
    };
}

/// Columns between two labels of the x axis, about.
const LABEL_COLUMNS: usize = 16;
/// Rows between two labels of the y axis.
const LABEL_ROWS: usize = 3;

impl Chart<'_> {
    /// `width` columns and `height` rows in all, axes included; at least 20 by 4.
    pub fn draw(&self, width: usize, height: usize, colours: Colours) -> String {
        let (width, height) = (width.max(20), height.max(4));
        let rows = height - 2;
        let (low, high) = self.range();
        let y_at = |row: usize| high - (high - low) * row as f64 / (rows - 1) as f64;
        // A label on every third row, and on the last.
        let labelled = |row: usize| {
            row == rows - 1 || row.is_multiple_of(LABEL_ROWS) && row + LABEL_ROWS <= rows
        };
        let labels: Vec<String> = (0..rows)
            .map(|row| {
                if labelled(row) {
                    (self.label)(y_at(row))
                } else {
                    String::new()
                }
            })
            .collect();
        let margin = labels.iter().map(|l| l.chars().count()).max().unwrap_or(0);
        let columns = width.saturating_sub(margin + 2).max(1);
        let canvas = self.canvas(columns, rows, low, high);
        let mut out = String::new();
        for (row, label) in labels.iter().enumerate() {
            let _ = write!(out, "{label:>margin$} ┤");
            canvas.write_row(row, colours, &mut out);
            out.push('\n');
        }
        self.write_x_axis(margin, columns, &mut out);
        out
    }

    /// The lowest and the highest point; a little apart where there is but one height.
    fn range(&self) -> (f64, f64) {
        let finite = self.line.iter().chain(self.marks).map(|(_, y)| *y);
        let (low, high) = finite
            .filter(|y| y.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| {
                (low.min(y), high.max(y))
            });
        match high - low {
            span if span > 0.0 => (low, high),
            _ if low.is_finite() => (low - 0.5, low + 0.5),
            _ => (0.0, 1.0),
        }
    }

    fn canvas(&self, columns: usize, rows: usize, low: f64, high: f64) -> Canvas {
        let mut canvas = Canvas {
            columns,
            cells: vec![Cell::default(); columns * rows],
        };
        // In dots; the first and the last are the middle of the first and the last row's label.
        let (wide, tall) = (2 * columns - 1, 4 * rows - 1);
        let place = |(x, y): (f64, f64)| -> Option<(usize, usize)> {
            let across = (x / self.x_end).clamp(0.0, 1.0) * wide as f64;
            let down = (high - y) / (high - low) * tall as f64;
            (across.is_finite() && down.is_finite())
                .then(|| (across.round() as usize, down.round() as usize))
        };
        let mut before = None;
        for point in self.line {
            let here = place(*point);
            if let Some(to) = here {
                canvas.join(before.unwrap_or(to), to);
            }
            before = here;
        }
        for (x, y) in self.marks.iter().filter_map(|mark| place(*mark)) {
            canvas.cells[y / 4 * columns + x / 2].mark = true;
        }
        canvas
    }

    /// The axis with its ticks, and the labels below them.
    fn write_x_axis(&self, margin: usize, columns: usize, out: &mut String) {
        let ticks = (columns / LABEL_COLUMNS).max(1);
        let mut axis: Vec<char> = vec!['─'; columns];
        let mut below = vec![' '; columns];
        let mut free = 0;
        for tick in 0..=ticks {
            let column = (columns - 1) * tick / ticks;
            axis[column] = '┬';
            let label = (self.x_label)(self.x_end * tick as f64 / ticks as f64);
            let length = label.chars().count();
            let start = match tick {
                0 => 0,
                _ => (column.saturating_sub(length / 2)).min(columns.saturating_sub(length)),
            };
            if start >= free && start + length <= columns {
                for (place, sign) in below[start..].iter_mut().zip(label.chars()) {
                    *place = sign;
                }
                free = start + length + 1;
            }
        }
        let axis: String = axis.into_iter().collect();
        let below: String = below.into_iter().collect();
        let _ = write!(
            out,
            "{:margin$} └{axis}\n{:margin$}  {}",
            "",
            "",
            below.trim_end()
        );
    }
}

/// Characters of dots.
struct Canvas {
    columns: usize,
    cells: Vec<Cell>,
}

#[derive(Clone, Copy, Default)]
struct Cell {
    /// As in Unicode's braille patterns.
    dots: u8,
    mark: bool,
}

impl Canvas {
    /// Sets the dots of a line (Bresenham's).
    fn join(&mut self, from: (usize, usize), to: (usize, usize)) {
        let ((x0, y0), (x1, y1)) = (from, to);
        let steps = x0.abs_diff(x1).max(y0.abs_diff(y1)).max(1);
        let along =
            |a: usize, b: usize, step: usize| (a * (steps - step) + b * step + steps / 2) / steps;
        for step in 0..=steps {
            self.dot(along(x0, x1, step), along(y0, y1, step));
        }
    }

    fn dot(&mut self, x: usize, y: usize) {
        // Two columns of dots, numbered 1 2 3 7 and 4 5 6 8.
        const BIT: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
        self.cells[y / 4 * self.columns + x / 2].dots |= BIT[x % 2][y % 4];
    }

    /// One row without the blanks at its end.
    fn write_row(&self, row: usize, colours: Colours, out: &mut String) {
        let cells = &self.cells[row * self.columns..][..self.columns];
        let last = cells.iter().rposition(|cell| cell.mark || cell.dots != 0);
        let mut colour = "";
        for cell in &cells[..last.map_or(0, |last| last + 1)] {
            let (sign, wanted) = match cell {
                Cell { mark: true, .. } => (MARK, colours.marks),
                Cell { dots: 0, .. } => (' ', colour),
                Cell { dots, .. } => {
                    let braille = char::from_u32(0x2800 + u32::from(*dots));
                    (braille.unwrap_or(LINE), colours.line)
                }
            };
            if wanted != colour {
                out.push_str(wanted);
                colour = wanted;
            }
            out.push(sign);
        }
        if !colour.is_empty() {
            out.push_str(colours.reset);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(line: &[(f64, f64)], marks: &[(f64, f64)], width: usize, height: usize) -> String {
        let chart = Chart {
            line,
            marks,
            x_end: 100.0,
            label: &|y| format!("{y:.1}"),
            x_label: &|x| format!("{x:.0}"),
        };
        chart.draw(width, height, Colours::NONE)
    }

    #[test]
    fn a_falling_line_and_its_marks() {
        let line: Vec<(f64, f64)> = (0..=50)
            .map(|i| (f64::from(2 * i), 4.0 - f64::from(i) / 25.0))
            .collect();
        let drawn = draw(&line, &[(50.0, 3.5)], 24, 6);
        let expected = "\
4.0 ┤⠙⠒⠤⢄⡀
    ┤    ⠈⠑⠒⠤⣄●
    ┤         ⠈⠙⠒⠤⣀⡀
2.0 ┤              ⠈⠑⠒⠤⣄
    └┬─────────────────┬
     0               100";
        assert_eq!(drawn, expected, "\n{drawn}");
    }

    #[test]
    fn nothing_one_point_and_gaps_are_drawn_at_any_size() {
        let gap = [(0.0, 2.0), (50.0, f64::NAN), (100.0, 1.0)];
        for (width, height) in [(0, 0), (20, 4), (33, 7), (80, 24), (500, 100)] {
            for line in [&[][..], &[(0.0, 3.0)], &gap] {
                let drawn = draw(line, &[], width, height);
                assert_eq!(drawn.lines().count(), height.max(4));
                let widest = drawn.lines().map(|line| line.chars().count()).max();
                assert!(widest.unwrap_or(0) <= width.max(20), "{drawn}");
            }
        }
        let drawn = draw(&gap, &[], 30, 8);
        let middle = drawn.lines().nth(3).unwrap_or_default();
        assert!(
            middle.trim_end().ends_with('┤'),
            "no line across a gap: {drawn}"
        );
    }

    #[test]
    fn colours_begin_and_end_within_a_row() {
        let chart = Chart {
            line: &[(0.0, 1.0), (100.0, 1.0)],
            marks: &[(50.0, 1.0)],
            x_end: 100.0,
            label: &|_| String::new(),
            x_label: &|_| String::new(),
        };
        let drawn = chart.draw(30, 5, Colours::ANSI);
        for row in drawn.lines().filter(|row| row.contains('\x1b')) {
            assert!(row.ends_with(Colours::ANSI.reset), "{row}");
            assert!(row.contains(Colours::ANSI.line) && row.contains(Colours::ANSI.marks));
        }
        assert!(drawn.contains('\x1b'));
    }
}
