//! A plot as a picture: for paper, for readers without scripts, and as a file of its own.
//!
//! Colours are the style sheet's (`plot.css`), which follows the reader's choice of light or dark.

use crate::plot::{COLOURS, Plot, Series, Style};
use crate::scale::Span;
use maud::{Markup, PreEscaped, html};
use std::fmt::Write;

const WIDTH: f64 = 720.0;
/// Height of the part between the axes.
const HEIGHT: f64 = 260.0;
const TOP: f64 = 10.0;
const RIGHT: f64 = 14.0;
const BOTTOM: f64 = 46.0;
/// Height of a row of the legend.
const ROW: f64 = 20.0;
/// Mean width of a character at the size of the labels.
const CHARACTER: f64 = 6.6;
const MARK_RADIUS: f64 = 3.0;
/// More points than these are not marked one by one: the marks would hide each other.
const MOST_MARKS: usize = 80;

/// Style sheet of a picture in a file of its own.
const STYLE: &str = include_str!("../assets/plot.css");

/// Renders the picture for a page.
pub fn inline(plot: &Plot) -> Markup {
    let frame = Frame::new(plot);
    let size = format!("0 0 {WIDTH} {:.0}", frame.height());
    html! {
        svg viewBox=(size) role="img" aria-label=(plot.described()) {
            (frame.content())
        }
    }
}

/// Renders the picture as a file, under its caption.
pub fn file(plot: &Plot) -> Markup {
    let frame = Frame::new(plot);
    let height = frame.height() + ROW;
    let size = format!("0 0 {WIDTH} {height:.0}");
    html! {
        (PreEscaped("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"))
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(size) width=(WIDTH) height=(format!("{height:.0}")) role="img" {
            title { (plot.described()) }
            style { (PreEscaped(STYLE)) }
            rect class="ground" width="100%" height="100%" {}
            text class="caption" x=(CHARACTER) y="16" { (plot.caption) }
            g transform=(format!("translate(0 {ROW})")) { (frame.content()) }
        }
    }
}

/// Layout of a picture: the axes, the margins and the legend.
struct Frame<'a> {
    plot: &'a Plot,
    x: Span,
    y: Span,
    left: f64,
    top: f64,
    /// Rows of the legend: places and series.
    legend: Vec<(f64, f64, &'a Series)>,
}

impl<'a> Frame<'a> {
    fn new(plot: &'a Plot) -> Frame<'a> {
        let points = || plot.series.iter().flat_map(|series| &series.points);
        let x = Span::around(
            plot.x.scale,
            points().map(|point| point.0),
            0.0,
            plot.x.from_zero,
        );
        let y = Span::around(
            plot.y.scale,
            points().map(|point| point.1),
            0.05,
            plot.y.from_zero,
        );
        let widest = y
            .ticks(6)
            .iter()
            .map(|tick| tick.label.chars().count())
            .max();
        let left = 30.0 + CHARACTER * widest.unwrap_or(0) as f64;
        let (mut legend, mut at, mut row) = (Vec::new(), left, TOP);
        for series in &plot.series {
            let width = 34.0 + CHARACTER * series.name.chars().count() as f64;
            if at > left && at + width > WIDTH {
                (at, row) = (left, row + ROW);
            }
            legend.push((at, row, series));
            at += width + 12.0;
        }
        Frame {
            plot,
            x,
            y,
            left,
            top: row + ROW,
            legend,
        }
    }

    fn height(&self) -> f64 {
        self.top + HEIGHT + BOTTOM
    }

    fn across(&self, place: f64) -> f64 {
        self.left + place * (WIDTH - RIGHT - self.left)
    }

    fn down(&self, place: f64) -> f64 {
        self.top + (1.0 - place) * HEIGHT
    }

    fn content(&self) -> Markup {
        let (bottom, right) = (self.down(0.0), self.across(1.0));
        let middle = self.top + HEIGHT / 2.0;
        html! {
            @for (x, y, series) in &self.legend {
                g class=(class(series)) {
                    @if series.style == Style::Points {
                        circle cx=(round(x + 12.0)) cy=(round(*y)) r=(MARK_RADIUS) {}
                    } @else {
                        path d=(format!("M{x:.1} {y:.1}h24")) {}
                    }
                }
                text x=(round(x + 30.0)) y=(round(y + 4.0)) { (series.name) }
            }
            @for tick in self.y.ticks(6) {
                @let y = self.down(tick.place);
                path class="grid" d=(format!("M{:.1} {y:.1}H{right:.1}", self.left)) {}
                text class="end" x=(round(self.left - 6.0)) y=(round(y + 4.0)) { (tick.label) }
            }
            @for tick in self.x.ticks(7) {
                @let x = self.across(tick.place);
                path class="grid" d=(format!("M{x:.1} {bottom:.1}v5")) {}
                text class="middle" x=(round(x)) y=(round(bottom + 18.0)) { (tick.label) }
            }
            path class="axis" d=(format!("M{:.1} {bottom:.1}H{right:.1}", self.left)) {}
            text class="label middle" x=(round((self.left + right) / 2.0)) y=(round(bottom + 38.0)) { (self.plot.x.label) }
            text class="label middle" transform=(format!("translate(12 {middle:.1}) rotate(-90)")) { (self.plot.y.label) }
            @for series in &self.plot.series { (self.drawn(series)) }
        }
    }

    fn drawn(&self, series: &Series) -> Markup {
        let points: Vec<Option<(f64, f64)>> = series
            .points
            .iter()
            .map(|point| {
                Some((
                    self.across(self.x.place(point.0)?),
                    self.down(self.y.place(point.1)?),
                ))
            })
            .collect();
        let marked = match series.style {
            Style::Points => true,
            Style::Marked => points.len() <= MOST_MARKS,
            // A single point has no line.
            Style::Line | Style::Dashed => points.len() == 1,
        };
        html! {
            g class=(class(series)) {
                @if series.style != Style::Points {
                    path d=(line(&points)) {}
                }
                @if marked {
                    @for (x, y) in points.iter().flatten() {
                        circle cx=(round(*x)) cy=(round(*y)) r=(MARK_RADIUS) {}
                    }
                }
            }
        }
    }
}

/// A path through the points, broken at gaps.
fn line(points: &[Option<(f64, f64)>]) -> String {
    let mut path = String::new();
    let mut command = 'M';
    for point in points {
        command = match point {
            None => 'M',
            Some((x, y)) => {
                let _ = write!(path, "{command}{x:.1} {y:.1}");
                'L'
            }
        };
    }
    path
}

fn class(series: &Series) -> String {
    let dashed = if series.style == Style::Dashed {
        " dashed"
    } else {
        ""
    };
    format!("series c{}{dashed}", series.colour % COLOURS)
}

fn round(place: f64) -> f64 {
    (place * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::Axis;

    #[test]
    fn lines_break_at_gaps_and_legends_wrap() {
        let places = [Some((0.0, 1.0)), None, Some((2.0, 3.0)), Some((4.0, 5.0))];
        assert_eq!(line(&places), "M0.0 1.0M2.0 3.0L4.0 5.0");
        let mut plot = Plot::new("a", "A <caption>", Axis::linear("x"), Axis::linear("y"));
        for i in 0..9 {
            let points = vec![(0.0, f64::from(i)), (1.0, f64::NAN), (2.0, 2.0)];
            plot = plot.with(
                format!("a name as long as this: {i}"),
                Style::Marked,
                points,
            );
        }
        let frame = Frame::new(&plot);
        assert!(frame.legend.iter().all(|(x, _, _)| *x < WIDTH - 100.0));
        let file = plot.to_svg();
        assert_eq!(
            file.matches("<g class=\"series").count(),
            18,
            "a key and a line for each"
        );
        assert!(file.contains("A &lt;caption&gt;"));
        assert!(!file.contains("NaN"), "{file}");
    }

    #[test]
    fn an_empty_plot_has_axes() {
        let plot = Plot::new("a", "A", Axis::linear("x"), Axis::log("y"));
        assert!(plot.to_svg().contains("class=\"axis\""));
    }
}
