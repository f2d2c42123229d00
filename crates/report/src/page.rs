//! A page: a title, a table of contents, sections; one file with everything in it.

use crate::block::{Block, Verdict};
use crate::plot::Plot;
use crate::text::Text;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// A page, which becomes one HTML file with its styles, scripts and plots in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Title of the page: its first heading and the name of the browser's tab.
    pub title: String,
    /// Kind of the page in a few words, shown above the title.
    pub kind: String,
    /// Blocks between the title and the table of contents.
    pub lead: Vec<Block>,
    /// Sections in the order of the page; the table of contents is shown if there are at least two.
    pub sections: Vec<Section>,
    /// Footer at the end of the page, such as the program and the date.
    pub foot: Text,
    /// Whether its verdicts mean little, and are grey.
    pub tentative: bool,
}

/// A section of a page, with an entry in the table of contents.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// Identifier of the HTML element, to which the table of contents links: letters, digits and hyphens.
    pub id: String,
    /// Number before the title, for a section that tests a numbered claim.
    pub number: Option<usize>,
    /// Title of the section.
    pub title: Text,
    /// Verdict shown beside the title in the table of contents, for a section that tests a claim.
    pub verdict: Option<Verdict>,
    /// Blocks of the section, from top to bottom.
    pub blocks: Vec<Block>,
}

const STYLE: &str = include_str!("../assets/page.css");
const PLOT_STYLE: &str = include_str!("../assets/plot.css");
const SCRIPT: &str = include_str!("../assets/page.js");
const UPLOT: &str = include_str!("../assets/uplot.min.js");
const UPLOT_STYLE: &str = include_str!("../assets/uplot.min.css");
const UPLOT_LICENCE: &str = include_str!("../assets/uplot.LICENSE");
/// Content policy that forbids a browser to load anything, whatever the page contains.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

impl Page {
    /// Iterates over the plots of the lead and the sections, in the order of the page. Those within quotations, and those that are numbers instead of pictures, are left
    /// out.
    pub fn plots(&self) -> impl Iterator<Item = &Plot> {
        let blocks = self.sections.iter().flat_map(|section| &section.blocks);
        self.lead
            .iter()
            .chain(blocks)
            .filter_map(|block| match block {
                Block::Plot(plot) if plot.is_drawn() => Some(plot),
                _ => None,
            })
    }

    /// Writes the page as the text of one HTML file, which loads nothing from elsewhere.
    pub fn to_html(&self) -> String {
        let has_plots = self.plots().next().is_some();
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta http-equiv="Content-Security-Policy" content=(POLICY);
                    link rel="icon" href="data:,";
                    title { (self.title) }
                    style { (PreEscaped(STYLE)) (PreEscaped(PLOT_STYLE)) }
                    @if has_plots { style { (PreEscaped(UPLOT_STYLE)) } }
                }
                body class=[self.tentative.then_some("tentative")] {
                    a.skip href="#content" { "To the content" }
                    (self.header())
                    div.columns {
                        @if self.sections.len() > 1 { (self.contents()) }
                        main id="content" {
                            @for section in &self.sections { (section.render()) }
                            footer { (self.foot) }
                        }
                    }
                    @if has_plots {
                        (PreEscaped(format!("<script>/*\nuPlot 1.6.32\n{UPLOT_LICENCE}*/\n{UPLOT}</script>")))
                        (PreEscaped(format!("<script>{SCRIPT}</script>")))
                    }
                }
            }
        };
        page.into_string()
    }

    fn header(&self) -> Markup {
        html! {
            header {
                p.kind { (self.kind) }
                h1 { (self.title) }
                @for block in &self.lead { (block) }
            }
        }
    }

    fn contents(&self) -> Markup {
        html! {
            nav aria-label="Contents" {
                h2 { "Contents" }
                ol {
                    @for section in &self.sections {
                        li {
                            a href={ "#" (section.id) } {
                                span.n { @if let Some(number) = section.number { (number) } }
                                span { (section.title) @if let Some(verdict) = section.verdict { " " (verdict) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

impl Section {
    /// Makes a section without a number and a verdict.
    pub fn new(id: &str, title: impl Into<Text>, blocks: Vec<Block>) -> Section {
        Section {
            id: id.to_owned(),
            number: None,
            title: title.into(),
            verdict: None,
            blocks,
        }
    }

    fn render(&self) -> Markup {
        html! {
            section id=(self.id) {
                h2 {
                    @if let Some(number) = self.number { span.n { (number) } " " }
                    (self.title)
                }
                @for block in &self.blocks { (block) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::Table;
    use crate::plot::{Axis, Style};

    fn page() -> Page {
        let plot = Plot::new(
            "loss",
            "Loss <by> step",
            Axis::linear("step"),
            Axis::log("nats"),
        )
        .with("training", Style::Line, vec![(0.0, 5.0), (10.0, 2.0)])
        .with("validation", Style::Marked, vec![(10.0, 2.5)]);
        let mut table = Table::new("Figures", 1, &["name", "value"]);
        table.row(["a".into(), "1".into()]);
        Page {
            title: "A <run>".into(),
            kind: "Training run".into(),
            lead: vec![Block::paragraph("About *this*.")],
            sections: vec![
                Section::new(
                    "curves",
                    "Curves",
                    vec![Block::Plot(plot), Block::Table(table)],
                ),
                Section {
                    number: Some(1),
                    verdict: Some(Verdict::Holds),
                    ..Section::new("claim", "A claim", vec![Block::equation("a+b")])
                },
            ],
            foot: Text::plain("elman"),
            tentative: false,
        }
    }

    #[test]
    fn a_page_needs_nothing_else() {
        let html = page().to_html();
        assert!(html.contains("<title>A &lt;run&gt;</title>"));
        assert_eq!(html.matches("<svg ").count(), 1);
        for loading in [
            " src=",
            "<link rel=\"stylesheet",
            "@import",
            "url(",
            "<iframe",
            "<img",
            "fetch(",
        ] {
            assert!(!html.contains(loading), "{loading}");
        }
        for (at, _) in html.match_indices("http") {
            let what: String = html[at..].chars().take(40).collect();
            let known = ["http-equiv", "https://github.com/leeoniya/uPlot"]
                .iter()
                .any(|known| what.starts_with(known));
            assert!(known, "a reference to elsewhere: {what}");
        }
        assert!(html.len() < 100_000, "{}", html.len());
    }

    #[test]
    fn contents_lead_to_every_section() {
        let html = page().to_html();
        for id in ["curves", "claim"] {
            assert!(
                html.contains(&format!("href=\"#{id}\""))
                    && html.contains(&format!("<section id=\"{id}\""))
            );
        }
    }

    #[test]
    fn without_plots_there_is_no_script() {
        let mut page = page();
        page.sections.remove(0);
        assert!(!page.to_html().contains("<script"));
        assert_eq!(page.plots().count(), 0);
    }
}
