//! Plots: series of points over two axes. `svg` and the page's script draw them.

use crate::{numbers, svg};
use maud::{Markup, PreEscaped, html};
use serde_json::json;

/// How the values of an axis are laid out and labelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Linear: equal distances are equal differences.
    Linear,
    /// Logarithmic: equal distances are equal ratios. Values that are not above 0 are left out.
    Log,
    /// Powers of ten of which the values are the exponents: −3 is labelled 10⁻³. For norms down to 10⁻³⁰⁰.
    Power,
}

/// An axis of a plot: its label and its scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Label beside the axis: the quantity and its unit.
    pub label: String,
    /// How values are laid out on the axis.
    pub scale: Scale,
    /// Whether a linear axis begins at 0 if no value is below 0.
    pub from_zero: bool,
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A line through the points.
    Line,
    /// A dashed line through the points, for bounds and thresholds.
    Dashed,
    /// A line through the points, with a mark at each.
    Marked,
    /// Marks at the points, without a line.
    Points,
}

/// A series of points in ascending order of x; a y that is not finite is a gap in the line.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Name in the legend.
    pub name: String,
    /// How the series is drawn.
    pub style: Style,
    /// Index of the colour, modulo 8; series about one subject may share a colour.
    pub colour: usize,
    /// Points (x, y), at most some 1,600: longer series are thinned out when they are added.
    pub points: Vec<(f64, f64)>,
}

/// A plot: a caption, two axes and the series drawn over them.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    /// Identifier of the HTML element and name of the picture's file: letters, digits and hyphens.
    pub id: String,
    /// Caption above the plot.
    pub caption: String,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// Series in the order of the legend.
    pub series: Vec<Series>,
}

/// Number of colours of the style sheet.
pub(crate) const COLOURS: usize = 8;
/// More points than this of one series are thinned out: a screen has no more columns.
const MOST_POINTS: usize = 1600;

impl Axis {
    /// Makes a linear axis that covers the range of the values.
    pub fn linear(label: impl Into<String>) -> Axis {
        Axis {
            label: label.into(),
            scale: Scale::Linear,
            from_zero: false,
        }
    }

    /// Makes a linear axis that begins at 0 if no value is below 0.
    pub fn from_zero(label: impl Into<String>) -> Axis {
        Axis {
            from_zero: true,
            ..Axis::linear(label)
        }
    }

    /// Makes a logarithmic axis.
    pub fn log(label: impl Into<String>) -> Axis {
        Axis {
            scale: Scale::Log,
            ..Axis::linear(label)
        }
    }

    /// Makes an axis whose values are exponents of ten: [`Scale::Power`].
    pub fn power(label: impl Into<String>) -> Axis {
        Axis {
            scale: Scale::Power,
            ..Axis::linear(label)
        }
    }
}

impl Plot {
    /// Makes a plot without series.
    ///
    /// # Panics
    /// If `id` contains anything but letters, digits and hyphens.
    pub fn new(id: &str, caption: impl Into<String>, x: Axis, y: Axis) -> Plot {
        assert!(
            id.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'),
            "`{id}` is no id of a plot"
        );
        Plot {
            id: id.to_owned(),
            caption: caption.into(),
            x,
            y,
            series: Vec::new(),
        }
    }

    /// Adds a series in the next unused colour.
    pub fn with(self, name: impl Into<String>, style: Style, points: Vec<(f64, f64)>) -> Plot {
        let colour = self.series.iter().map(|series| series.colour + 1).max();
        self.with_colour(name, style, colour.unwrap_or(0), points)
    }

    /// Adds a series in the colour with the index `colour`, to draw related series alike.
    pub fn with_colour(
        mut self,
        name: impl Into<String>,
        style: Style,
        colour: usize,
        points: Vec<(f64, f64)>,
    ) -> Plot {
        self.series.push(Series {
            name: name.into(),
            style,
            colour,
            points: thinned(&points),
        });
        self
    }

    /// Whether no series has a point.
    pub fn is_empty(&self) -> bool {
        self.series.iter().all(|series| series.points.is_empty())
    }

    /// Draws the plot as an SVG file under its caption, with its style sheet.
    pub fn to_svg(&self) -> String {
        svg::file(self).into_string()
    }

    /// The figure in a page: the picture, and the numbers for the script that puts a plot to hover over in its place.
    ///
    /// Where no series has two points there is nothing to draw: the figure is a list of numbers then.
    pub(crate) fn render(&self) -> Markup {
        if !self.is_drawn() {
            return self.as_numbers();
        }
        html! {
            figure.plot id=(self.id) {
                figcaption { (self.caption) }
                div.picture { (svg::inline(self)) }
                script type="application/json" { (PreEscaped(self.data())) }
            }
        }
    }

    /// Whether there is a line or several points to draw; otherwise a page has the numbers.
    pub(crate) fn is_drawn(&self) -> bool {
        self.series.iter().any(|series| series.points.len() > 1)
    }

    /// The only point of each series in words.
    fn as_numbers(&self) -> Markup {
        let value = |scale: Scale, value: f64| match scale {
            Scale::Power => numbers::power(value),
            Scale::Linear | Scale::Log => numbers::number(value),
        };
        html! {
            figure id=(self.id) {
                figcaption { (self.caption) }
                @for series in &self.series {
                    p {
                        (series.name) ": "
                        @match series.points.first() {
                            None => "no value",
                            Some(&(x, y)) => {
                                b { (value(self.y.scale, y)) } " (" (self.y.label) ", at " (self.x.label) " " (value(self.x.scale, x)) ")"
                            }
                        }
                    }
                }
            }
        }
    }

    /// The numbers of the plot as JSON in which `</script>` cannot occur.
    fn data(&self) -> String {
        let axis = |axis: &Axis| {
            json!({
                "label": axis.label,
                "scale": match axis.scale {
                    Scale::Linear => "linear",
                    Scale::Log => "log",
                    Scale::Power => "power",
                },
                "zero": axis.from_zero,
            })
        };
        let series: Vec<_> = self
            .series
            .iter()
            .map(|series| {
                let (x, y): (Vec<_>, Vec<_>) = series
                    .points
                    .iter()
                    .map(|&(x, y)| (rounded(x), shown(self.y.scale, y).map(rounded)))
                    .unzip();
                json!({
                    "name": series.name,
                    "style": match series.style {
                        Style::Line => "line",
                        Style::Dashed => "dashed",
                        Style::Marked => "marked",
                        Style::Points => "points",
                    },
                    "colour": series.colour % COLOURS,
                    "x": x,
                    "y": y,
                })
            })
            .collect();
        let data = json!({ "x": axis(&self.x), "y": axis(&self.y), "series": series });
        data.to_string().replace('<', "\\u003c")
    }

    /// Describes the plot in words, for readers who cannot see the picture.
    pub(crate) fn described(&self) -> String {
        let names: Vec<&str> = self.series.iter().map(|series| &*series.name).collect();
        format!(
            "{}. {} over {}: {}",
            self.caption,
            self.y.label,
            self.x.label,
            names.join(", ")
        )
    }
}

/// `value` if the scale can show it.
fn shown(scale: Scale, value: f64) -> Option<f64> {
    let has_place = value.is_finite() && (scale != Scale::Log || value > 0.0);
    has_place.then_some(value)
}

/// Rounds to six significant digits: more cannot be seen, and make the page larger.
fn rounded(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// Thins `points` to at most [`MOST_POINTS`]: the first, lowest, highest and last of each stretch (M4 aggregation, Jugel et al.
/// 2014), so that the picture is unchanged.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if points.len() <= MOST_POINTS {
        return points.to_vec();
    }
    let stretch = points.len().div_ceil(MOST_POINTS / 4);
    let mut kept = Vec::with_capacity(MOST_POINTS);
    for part in points.chunks(stretch) {
        let by_height = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let mut four: Vec<(f64, f64)> = [
            part.first(),
            part.iter().min_by(by_height),
            part.iter().max_by(by_height),
            part.last(),
        ]
        .into_iter()
        .flatten()
        .copied()
        .collect();
        four.sort_by(|a, b| a.0.total_cmp(&b.0));
        four.dedup();
        kept.extend(four);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot() -> Plot {
        Plot::new("loss", "Loss", Axis::linear("step"), Axis::log("nats"))
    }

    #[test]
    fn a_single_point_is_a_number() {
        let one = plot().with("training", Style::Line, vec![(3.0, 1.25)]);
        let html = one.render().into_string();
        assert!(
            html.contains("training: <b>1.25</b> (nats, at step 3)"),
            "{html}"
        );
        assert!(!html.contains("<svg") && !html.contains("<script"));
        let two = one.with("validation", Style::Marked, vec![(1.0, 1.0), (2.0, 2.0)]);
        assert!(two.render().into_string().contains("<svg"));
    }

    #[test]
    fn data_cannot_end_its_script() {
        let plot = plot().with("</script><b>", Style::Line, vec![(0.0, 1.0), (1.0, 2.0)]);
        let html = plot.render().into_string();
        assert_eq!(html.matches("</script>").count(), 1);
        let data: serde_json::Value = serde_json::from_str(&plot.data()).unwrap();
        assert_eq!(data["series"][0]["name"], "</script><b>");
    }

    #[test]
    fn what_has_no_place_is_a_gap() {
        let points = vec![(0.0, 1.234_567_89), (1.0, -1.0), (2.0, f64::NAN)];
        let data: serde_json::Value =
            serde_json::from_str(&plot().with("a", Style::Line, points).data()).unwrap();
        assert_eq!(data["series"][0]["y"], json!([1.23457, null, null]));
    }

    #[test]
    fn thinning_keeps_peaks_and_ends() {
        let mut points: Vec<(f64, f64)> = (0..100_000).map(|i| (f64::from(i), 1.0)).collect();
        points[77_777].1 = 9.0;
        points[123].1 = -9.0;
        let thin = thinned(&points);
        assert!(thin.len() <= MOST_POINTS, "{}", thin.len());
        for kept in [points[0], points[123], points[77_777], points[99_999]] {
            assert!(thin.contains(&kept));
        }
        assert!(thin.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(thinned(&points[..1000]), points[..1000]);
    }

    #[test]
    fn colours_go_on_behind_the_last() {
        let plot = plot()
            .with("a", Style::Line, Vec::new())
            .with_colour("bound of a", Style::Dashed, 0, Vec::new())
            .with("b", Style::Line, Vec::new());
        let colours: Vec<usize> = plot.series.iter().map(|series| series.colour).collect();
        assert_eq!(colours, [0, 0, 1]);
    }
}
