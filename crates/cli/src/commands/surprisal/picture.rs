//! A text coloured by surprisal: on the terminal line by line, or as a page at its end.
//!
//! Both have the same scale, so that pictures of different texts can be compared: a colour stands for three bits, whatever the unit of the numbers.

use super::Unit;
use crate::output::{count, grouped};
use crate::paint;
use elman::infer::{LineSurprisals, WordSurprisal};
use elman_report::{
    Block, Coloured, ColouredWord, LEVELS, Page, Section, Table, Text, numbers::number,
};
use std::f64::consts::LN_2;
use std::io::{self, Write};

/// Bits of surprisal for each colour.
const BITS: f64 = 3.0;
/// Number of words in the page's table of the most surprising ones.
const MOST_SURPRISING: usize = 20;
/// Number of words that are shown before each of them.
const BEFORE: usize = 6;

/// Colour of a word: 0 is none, [`LEVELS`] the strongest.
fn level(word: &WordSurprisal) -> u8 {
    let level = word.surprisal_nats / LN_2 / BITS;
    level.clamp(0.0, LEVELS.into()) as u8
}

/// Meaning of each colour.
fn legend() -> Vec<String> {
    let name = |level: u8| {
        let (least, most) = (f64::from(level) * BITS, f64::from(level + 1) * BITS);
        match level {
            0 => format!("below {most} bits"),
            LEVELS => format!("{least} and more"),
            _ => format!("{least} to {most}"),
        }
    };
    (0..=LEVELS).map(name).collect()
}

/// Parts of a line: the text before each word, and the word; then the text after the last.
fn parts<'l>(line: &LineSurprisals<'l>) -> (Vec<(String, String, &'l WordSurprisal)>, String) {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let mut end = 0;
    let words = line.words.iter().map(|word| {
        let before = text(&line.text[end..word.bytes.start]);
        end = word.bytes.end;
        (before, text(&line.text[word.bytes.clone()]), word)
    });
    let words = words.collect();
    (words, text(&line.text[end..]))
}

/// Writes each line in the colours of a terminal; words that the vocabulary lacks are underlined.
#[derive(Default)]
pub struct Terminal {
    begun: bool,
}

impl Terminal {
    pub fn line(&mut self, line: &LineSurprisals<'_>, out: &mut dyn Write) -> io::Result<()> {
        if !std::mem::replace(&mut self.begun, true) {
            let legend = (0..).zip(legend());
            let patches: Vec<String> = legend
                .map(|(level, name)| paint::on(colour(level), false, &format!(" {name} ")))
                .collect();
            writeln!(out, "surprisal: {}\n", patches.join(" "))?;
        }
        let (words, after) = parts(line);
        for (before, text, word) in words {
            let word = paint::on(colour(level(word)), word.unknown, &text);
            write!(out, "{}{word}", paint::on(None, false, &before))?;
        }
        writeln!(out, "{}", paint::on(None, false, &after))
    }
}

fn colour(level: u8) -> Option<u8> {
    let index = usize::from(level).checked_sub(1)?;
    Some(paint::ABOVE[index])
}

/// A word that may be among the most surprising ones.
struct Surprising {
    nats: f64,
    sentence: u64,
    word: String,
    before: String,
}

/// Collects the coloured text for a page.
pub struct Picture {
    unit: Unit,
    lines: Vec<Vec<ColouredWord>>,
    words: usize,
    unknown: usize,
    nats: f64,
    surprising: Vec<Surprising>,
}

impl Picture {
    pub fn new(unit: Unit) -> Picture {
        Picture {
            unit,
            lines: Vec::new(),
            words: 0,
            unknown: 0,
            nats: 0.0,
            surprising: Vec::new(),
        }
    }

    pub fn line(&mut self, line: &LineSurprisals<'_>) {
        let (words, _) = parts(line);
        for (i, (_, text, word)) in words.iter().enumerate() {
            self.words += 1;
            self.unknown += usize::from(word.unknown);
            self.nats += word.surprisal_nats;
            self.surprising.push(Surprising {
                nats: word.surprisal_nats,
                sentence: line.number,
                word: text.clone(),
                before: words[i.saturating_sub(BEFORE)..i]
                    .iter()
                    .map(|(_, text, _)| text.as_str())
                    .collect::<Vec<_>>()
                    .join(" "),
            });
        }
        self.keep_most_surprising(8 * MOST_SURPRISING);
        let coloured = words.into_iter().map(|(before, text, word)| ColouredWord {
            before,
            title: format!(
                "{} {}{}",
                number(self.unit.of(word.surprisal_nats)),
                self.unit.name(),
                if word.unknown { ", unknown" } else { "" }
            ),
            text,
            level: level(word),
            marked: word.unknown,
        });
        self.lines.push(coloured.collect());
    }

    /// Drops all but the most surprising words if there are more than `limit`.
    fn keep_most_surprising(&mut self, limit: usize) {
        if self.surprising.len() > limit {
            let order = |a: &Surprising, b: &Surprising| {
                let by_nats = b.nats.total_cmp(&a.nats);
                by_nats.then(a.sentence.cmp(&b.sentence))
            };
            self.surprising.sort_by(order);
            self.surprising.truncate(MOST_SURPRISING);
        }
    }

    /// The page; `title` names the text, `facts` are about the model, and `conditions` say what the numbers are conditioned on.
    pub fn page(
        mut self,
        title: &str,
        mut facts: Vec<(Text, Text)>,
        conditions: &[String],
    ) -> Page {
        self.keep_most_surprising(0);
        let unit = self.unit.name();
        let mean = self.nats / self.words.max(1) as f64;
        let mut fact = |name: &str, value: String| facts.push((name.into(), Text::plain(value)));
        fact(
            "words",
            format!(
                "{}, of which the vocabulary lacks {}",
                grouped(self.words as u64),
                grouped(self.unknown as u64)
            ),
        );
        fact(
            "mean surprisal",
            format!("{} {unit} per word", number(self.unit.of(mean))),
        );
        fact("perplexity", format!("{} per word", number(mean.exp())));
        let mut table = Table::new(
            format!(
                "The {} with the highest surprisal",
                count(self.surprising.len(), "word")
            ),
            2,
            &["after", "word", "sentence", unit],
        );
        for surprising in self.surprising {
            table.row([
                surprising.before,
                surprising.word,
                surprising.sentence.to_string(),
                number(self.unit.of(surprising.nats)),
            ]);
        }
        let lead = "Each word is coloured by its surprisal, −log p(word | what was read before it). The pointer on a word shows the number; a word that the vocabulary lacks is underlined.";
        let mut lead = vec![Block::paragraph(lead), Block::Facts(facts)];
        lead.extend(
            conditions
                .iter()
                .map(|note| Block::Paragraph(Text::plain(format!("Note: {note}.")))),
        );
        let text = Coloured {
            caption: "The text, coloured by surprisal".into(),
            legend: legend(),
            lines: self.lines,
        };
        Page {
            title: format!("Surprisal of {title}"),
            kind: "Surprisal".into(),
            lead,
            sections: vec![
                Section::new("text", "The text", vec![Block::Coloured(text)]),
                Section::new(
                    "surprising",
                    "The most surprising words",
                    vec![Block::Table(table)],
                ),
            ],
            foot: Text::plain(format!("elman {}", env!("CARGO_PKG_VERSION"))),
            tentative: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(bytes: std::ops::Range<usize>, bits: f64, unknown: bool) -> WordSurprisal {
        WordSurprisal {
            bytes,
            surprisal_nats: bits * LN_2,
            entropy_nats: 0.0,
            reduction_nats: 0.0,
            unknown,
            tokens: 1,
        }
    }

    #[test]
    fn a_colour_stands_for_three_bits() {
        let levels = [0.0, 2.99, 3.01, 14.9, 15.01, 40.0, f64::INFINITY]
            .map(|bits| level(&word(0..1, bits, false)));
        assert_eq!(levels, [0, 0, 1, 4, 5, 5, 5]);
        assert_eq!(legend()[0], "below 3 bits");
        assert_eq!(legend()[5], "15 and more");
    }

    #[test]
    fn the_text_stands_as_it_was_written() {
        let words = [word(1..3, 7.0, false), word(4..6, 1.0, true)];
        let end = word(7..7, 1.0, false);
        let line = LineSurprisals {
            number: 1,
            text: b" ab\x1bcd ",
            words: &words,
            end: &end,
        };
        let mut shown = Vec::new();
        let mut terminal = Terminal::default();
        terminal.line(&line, &mut shown).unwrap();
        terminal.line(&line, &mut shown).unwrap();
        let shown = String::from_utf8(shown).unwrap();
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines.len(), 4);
        assert_eq!(
            lines[2],
            " \x1b[48;5;217;38;5;16mab\x1b[0m·\x1b[4mcd\x1b[0m "
        );
    }

    #[test]
    fn a_page_has_the_most_surprising_words_of_a_long_text() {
        let mut picture = Picture::new(Unit::Bits);
        for number in 1..=100 {
            let words: Vec<WordSurprisal> = (0..10)
                .map(|i| {
                    word(
                        2 * i..2 * i + 1,
                        (number * 7 % 100) as f64 + i as f64 / 10.0,
                        false,
                    )
                })
                .collect();
            let end = word(19..19, 1.0, false);
            picture.line(&LineSurprisals {
                number,
                text: b"a b c d e f g h i j",
                words: &words,
                end: &end,
            });
        }
        let html = picture.page("<t>", Vec::new(), &[]).to_html();
        assert!(html.contains("Surprisal of &lt;t&gt;"));
        // 99.9 bits is the highest: sentence 57.
        assert!(html.contains(
            "<td class=\"name\">j</td><td class=\"number\">57</td><td class=\"number\">99.9</td>"
        ));
        assert!(html.contains("1,000, of which the vocabulary lacks 0"));
    }
}
