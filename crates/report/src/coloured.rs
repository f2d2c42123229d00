//! A text whose words have the colours of numbers.

use crate::text::Text;
use maud::{Markup, Render, html};

/// Number of colours; level 0 is without colour.
pub const LEVELS: u8 = 5;

/// A text whose words are coloured by a number each, under a caption and a legend of the colours.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Coloured {
    /// Caption above the text.
    pub caption: Text,
    /// Meaning of each level from 0 to [`LEVELS`], for the legend.
    pub legend: Vec<String>,
    /// Words of each line.
    pub lines: Vec<Vec<ColouredWord>>,
}

/// A word with its colour.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColouredWord {
    /// White space before the word.
    pub before: String,
    /// The word.
    pub text: String,
    /// Colour from 0 (none) to [`LEVELS`] (the strongest).
    pub level: u8,
    /// Whether the word is underlined.
    pub marked: bool,
    /// What a browser shows when the pointer is on the word.
    pub title: String,
}

impl Render for Coloured {
    fn render(&self) -> Markup {
        html! {
            figure.coloured {
                figcaption { (self.caption) }
                p.legend {
                    @for (level, meaning) in self.legend.iter().enumerate() { span class=(class(level as u8)) { (meaning) } " " }
                }
                @for line in &self.lines {
                    p { @for word in line { (word.before) span class=(word.class()) title=(word.title) { (word.text) } } }
                }
            }
        }
    }
}

impl ColouredWord {
    fn class(&self) -> String {
        let marked = if self.marked { " marked" } else { "" };
        format!("{}{marked}", class(self.level))
    }
}

fn class(level: u8) -> String {
    format!("level{}", level.min(LEVELS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_the_class_of_their_level_and_are_escaped() {
        let word = |text: &str, level, marked| ColouredWord {
            before: " ".into(),
            text: text.into(),
            level,
            marked,
            title: "9 \"bits\"".into(),
        };
        let text = Coloured {
            caption: "By surprisal".into(),
            legend: vec!["below 3".into(), "3 to 6".into()],
            lines: vec![vec![word("<b>", 9, true), word("a", 0, false)]],
        };
        let html = text.render().into_string();
        assert!(html.contains("<span class=\"level5 marked\" title=\"9 &quot;bits&quot;\">&lt;b&gt;</span> <span class=\"level0\""));
        assert!(html.contains("<span class=\"level1\">3 to 6</span>"));
    }
}
