//! What a section is made of.

use crate::math;
use crate::plot::Plot;
use crate::text::Text;
use maud::{Markup, Render, html};

/// One thing under another.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    Heading(Text),
    Paragraph(Text),
    /// An equation in LaTeX.
    Equation(String),
    /// What somebody else says: blocks set apart under a heading.
    Quote(Text, Vec<Block>),
    /// Names and values.
    Facts(Vec<(Text, Text)>),
    Table(Table),
    Plot(Plot),
    /// Text whose lines and spaces matter, under a caption.
    Sample(Text, String),
    /// A conclusion and its reasons.
    Verdict(Verdict, Text),
}

/// Whether a claim holds where it was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Holds,
    Partly,
    Fails,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::Partly => "holds in part",
            Verdict::Fails => "does not hold here",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::Partly => "partly",
            Verdict::Fails => "fails",
        }
    }
}

impl Render for Verdict {
    fn render(&self) -> Markup {
        html! { span class={ "verdict " (self.class()) } { (self.name()) } }
    }
}

/// A table under a caption. Cells of its first `names` columns are names, the others numbers, which are set flush right.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    caption: Text,
    names: usize,
    header: Vec<Text>,
    rows: Vec<Vec<Text>>,
}

impl Table {
    pub fn new(caption: impl Into<Text>, names: usize, header: &[&str]) -> Table {
        Table {
            caption: caption.into(),
            names,
            header: header.iter().map(|cell| Text::marked(cell)).collect(),
            rows: Vec::new(),
        }
    }

    /// A row of plain cells, one for each column.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.texts(cells.into_iter().map(Text::plain).collect());
    }

    /// The same with markup.
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
    pub fn paragraph(text: impl Into<Text>) -> Block {
        Block::Paragraph(text.into())
    }

    pub fn heading(text: impl Into<Text>) -> Block {
        Block::Heading(text.into())
    }

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
