//! A line of text with a little markup: equations, code, emphasis.
//!
//! ```text
//! $h_t$        an equation in LaTeX
//! `train`      code
//! *exactly*    emphasis
//! ```
//! The markup is for what a program says itself; [`Text::plain`] adds what comes from a user and interprets nothing. In both cases
//! everything is escaped in the page.

use crate::math;
use maud::{Markup, Render, html};

/// A line of formatted text: plain parts, equations, code and emphasis one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text(Vec<Piece>);

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Plain(String),
    Math(String),
    Code(String),
    Emphasis(String),
}

impl Text {
    /// Makes plain text; no character is markup.
    pub fn plain(text: impl Into<String>) -> Text {
        Text(vec![Piece::Plain(text.into())])
    }

    /// Makes text set as code, such as a name, a command or a path; no character is markup.
    pub fn code(text: impl Into<String>) -> Text {
        Text(vec![Piece::Code(text.into())])
    }

    /// Reads text with markup: `$…$` is an equation in LaTeX, `` `…` `` is code, `*…*` is emphasis. A mark without its second half
    /// is an ordinary character.
    pub fn marked(text: &str) -> Text {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['$', '`', '*']) {
            let (before, marked) = rest.split_at(at);
            let (mark, inside) = marked.split_at(1);
            let Some(end) = inside.find(mark) else { break };
            let content = inside[..end].to_owned();
            pieces.push(Piece::Plain(before.to_owned()));
            pieces.push(match mark {
                "$" => Piece::Math(content),
                "`" => Piece::Code(content),
                _ => Piece::Emphasis(content),
            });
            rest = &inside[end + 1..];
        }
        pieces.push(Piece::Plain(rest.to_owned()));
        Text(pieces)
    }

    /// Appends `other` to this text.
    pub fn and(mut self, other: Text) -> Text {
        self.0.extend(other.0);
        self
    }
}

impl From<&str> for Text {
    /// Reads the string with the markup of [`Text::marked`].
    fn from(text: &str) -> Text {
        Text::marked(text)
    }
}

impl From<String> for Text {
    /// Reads the string with the markup of [`Text::marked`].
    fn from(text: String) -> Text {
        Text::marked(&text)
    }
}

impl Render for Text {
    fn render(&self) -> Markup {
        html! {
            @for piece in &self.0 {
                @match piece {
                    Piece::Plain(text) => (text),
                    Piece::Math(latex) => (math::inline(latex)),
                    Piece::Code(code) => code { (code) },
                    Piece::Emphasis(text) => em { (text) },
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_escapes() {
        let html = |text: Text| text.render().into_string();
        assert_eq!(
            html("a *b* `<c>` d".into()),
            "a <em>b</em> <code>&lt;c&gt;</code> d"
        );
        assert!(html("$x$".into()).contains("<mi>x</mi>"));
        assert_eq!(html("5 $ and 3 * 2".into()), "5 $ and 3 * 2");
        let user = Text::marked("read ").and(Text::plain("`<script>`*"));
        assert_eq!(html(user), "read `&lt;script&gt;`*");
    }
}
