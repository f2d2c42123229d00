//! A plot: series of points over two axes. What it looks like is `svg`'s and the page's script's business.

use crate::svg;
use maud::{Markup, PreEscaped, html};
use serde_json::json;

/// How values lie on an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    Linear,
    /// Logarithmic; what is not above 0 has no place.
    Log,
    /// The values are logarithms to base 10 already, and are labelled as powers of ten: for norms down to 10⁻³⁰⁰.
    Power,
}

/// An axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    pub label: String,
    pub scale: Scale,
    /// A linear axis begins at 0.
    pub from_zero: bool,
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Line,
    /// For bounds and thresholds.
    Dashed,
    /// Every point is marked, and they are joined.
    Marked,
    Points,
}

/// Points by ascending x. A y that is not finite is a gap.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub name: String,
    pub style: Style,
    /// The number of its colour; series of one subject have one colour.
    pub colour: usize,
    pub points: Vec<(f64, f64)>,
}

/// A plot with its caption.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    /// Names the element in the page and the file of its picture: letters, digits and hyphens.
    pub id: String,
    pub caption: String,
    pub x: Axis,
    pub y: Axis,
    pub series: Vec<Series>,
}

/// Colours that the style sheet has.
pub const COLOURS: usize = 8;
/// More points than this of one series are thinned out: a screen has no more columns.
const MOST_POINTS: usize = 1600;

impl Axis {
    pub fn linear(label: impl Into<String>) -> Axis {
        Axis {
            label: label.into(),
            scale: Scale::Linear,
            from_zero: false,
        }
    }

    pub fn from_zero(label: impl Into<String>) -> Axis {
        Axis {
            from_zero: true,
            ..Axis::linear(label)
        }
    }

    pub fn log(label: impl Into<String>) -> Axis {
        Axis {
            scale: Scale::Log,
            ..Axis::linear(label)
        }
    }

    pub fn power(label: impl Into<String>) -> Axis {
        Axis {
            scale: Scale::Power,
            ..Axis::linear(label)
        }
    }
}

impl Plot {
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

    /// Adds a series in the next colour.
    pub fn with(self, name: impl Into<String>, style: Style, points: Vec<(f64, f64)>) -> Plot {
        let colour = self.series.iter().map(|series| series.colour + 1).max();
        self.with_colour(name, style, colour.unwrap_or(0), points)
    }

    /// Adds a series in the colour `colour`.
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

    /// Whether there is anything to be seen.
    pub fn is_empty(&self) -> bool {
        self.series.iter().all(|series| series.points.is_empty())
    }

    /// The picture as a file of its own.
    pub fn to_svg(&self) -> String {
        svg::file(self).into_string()
    }

    /// The figure in a page: the picture, and the numbers for the script that puts a plot to hover over in its place.
    pub(crate) fn render(&self) -> Markup {
        html! {
            figure.plot id=(self.id) {
                figcaption { (self.caption) }
                div.picture { (svg::inline(self)) }
                script type="application/json" { (PreEscaped(self.data())) }
            }
        }
    }

    /// As JSON that no `</script>` can hide in.
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

    /// What the picture shows, in words.
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

/// `value` where it has a place on the scale.
fn shown(scale: Scale, value: f64) -> Option<f64> {
    let has_place = value.is_finite() && (scale != Scale::Log || value > 0.0);
    has_place.then_some(value)
}

/// Six significant digits: more cannot be seen, and take room in the page.
fn rounded(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// At most [`MOST_POINTS`] of `points`: of each stretch the first, the lowest, the highest and the last (the M4 aggregation of Jugel et al.,
/// 2014), so that the picture stays the same.
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
    fn data_cannot_end_its_script() {
        let plot = plot().with("</script><b>", Style::Line, vec![(0.0, 1.0)]);
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
