//! The blocks that the sections of a page consist of: paragraphs, equations, tables, plots, verdicts.

use crate::coloured::Coloured;
use crate::math;
use crate::plot::Plot;
use crate::text::Text;
use maud::{Markup, Render, html};

/// A block of a page, set below the block before it.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// A heading within a section (`<h3>`).
    Heading(Text),
    /// A paragraph of text.
    Paragraph(Text),
    /// An equation in LaTeX, set on a line of its own.
    Equation(String),
    /// A quotation: blocks that are set apart under a heading.
    Quote(Text, Vec<Block>),
    /// Names and their values, as a list of definitions.
    Facts(Vec<(Text, Text)>),
    /// A table under its caption.
    Table(Table),
    /// A plot under its caption.
    Plot(Plot),
    /// Preformatted text, whose lines and spaces are kept, under a caption.
    Sample(Text, String),
    /// A text whose words are coloured.
    Coloured(Coloured),
    /// A verdict and the reasons for it.
    Verdict(Verdict, Text),
}

/// Whether a claim holds in the setting in which it was tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The claim holds.
    Holds,
    /// The claim holds in part.
    Partly,
    /// The claim does not hold in this setting.
    Fails,
    /// The measurements cannot decide it.
    Open,
}

impl Verdict {
    /// The verdict in words, as a page shows it: "holds", "holds in part", "does not hold here", "cannot be judged here".
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::Partly => "holds in part",
            Verdict::Fails => "does not hold here",
            Verdict::Open => "cannot be judged here",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::Partly => "partly",
            Verdict::Fails => "fails",
            Verdict::Open => "open",
        }
    }
}

impl Render for Verdict {
    fn render(&self) -> Markup {
        html! { span class={ "verdict " (self.class()) } { (self.name()) } }
    }
}

/// A table under a caption, whose first columns hold names and whose other columns hold numbers, set flush right.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    caption: Text,
    names: usize,
    header: Vec<Text>,
    rows: Vec<Vec<Text>>,
}

impl Table {
    /// Makes a table without rows: its first `names` columns hold names, and `header` has a cell for each column, with the markup
    /// of [`Text::marked`].
    pub fn new(caption: impl Into<Text>, names: usize, header: &[&str]) -> Table {
        Table {
            caption: caption.into(),
            names,
            header: header.iter().map(|cell| Text::marked(cell)).collect(),
            rows: Vec::new(),
        }
    }

    /// Appends a row of plain text, one cell for each column.
    ///
    /// # Panics
    /// If the number of cells is not the number of columns.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.texts(cells.into_iter().map(Text::plain).collect());
    }

    /// Appends a row of formatted text, one cell for each column.
    ///
    /// # Panics
    /// If the number of cells is not the number of columns.
    pub fn texts(&mut self, cells: Vec<Text>) {
        assert_eq!(cells.len(), self.header.len(), "a cell for each column");
        self.rows.push(cells);
    }
}

impl Render for Table {
    fn render(&self) -> Markup {
        let class = |column: usize| {
            if column < self.names {
                "name"
            } else {
                "number"
            }
        };
        html! {
            div.table {
                table {
                    caption { (self.caption) }
                    thead {
                        tr { @for (i, cell) in self.header.iter().enumerate() { th scope="col" class=(class(i)) { (cell) } } }
                    }
                    tbody {
                        @for row in &self.rows {
                            tr {
                                @for (i, cell) in row.iter().enumerate() {
                                    @if i == 0 { th scope="row" class=(class(i)) { (cell) } }
                                    @else { td class=(class(i)) { (cell) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

impl Block {
    /// Makes a paragraph; a string is read with the markup of [`Text::marked`].
    pub fn paragraph(text: impl Into<Text>) -> Block {
        Block::Paragraph(text.into())
    }

    /// Makes a heading; a string is read with the markup of [`Text::marked`].
    pub fn heading(text: impl Into<Text>) -> Block {
        Block::Heading(text.into())
    }

    /// Makes an equation from LaTeX. What cannot be typeset is shown as it is written.
    pub fn equation(latex: &str) -> Block {
        Block::Equation(latex.to_owned())
    }
}

impl Render for Block {
    fn render(&self) -> Markup {
        html! {
            @match self {
                Block::Heading(text) => h3 { (text) },
                Block::Paragraph(text) => p { (text) },
                Block::Equation(latex) => div.equation { (math::display(latex)) },
                Block::Quote(heading, blocks) => div.quote {
                    h3 { (heading) }
                    @for block in blocks { (block) }
                },
                Block::Facts(facts) => dl {
                    @for (name, value) in facts { div { dt { (name) } dd { (value) } } }
                },
                Block::Table(table) => (table),
                Block::Plot(plot) => (plot.render()),
                Block::Sample(caption, text) => figure.sample {
                    figcaption { (caption) }
                    pre { (text) }
                },
                Block::Coloured(text) => (text),
                Block::Verdict(verdict, reasons) => p class={ "conclusion " (verdict.class()) } {
                    (verdict) " " (reasons)
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_say_what_their_cells_head() {
        let mut table = Table::new("Sizes", 1, &["model", "$H$"]);
        table.row(["<lstm>".into(), "128".into()]);
        let html = table.render().into_string();
        assert!(html.contains(
            "<th scope=\"row\" class=\"name\">&lt;lstm&gt;</th><td class=\"number\">128</td>"
        ));
        assert!(html.contains("<caption>Sizes</caption>"));
        assert!(html.contains("<mi>H</mi>"));
    }

    #[test]
    fn a_verdict_is_a_word_and_not_only_a_colour() {
        let block = Block::Verdict(Verdict::Partly, "because".into());
        assert!(
            block
                .render()
                .into_string()
                .contains(">holds in part</span> because")
        );
    }
}
