//! Tables of scores: TSV and CSV with a header, JSON lines, and one number a line.
//!
//! Numbers of tables have six decimals, those of JSON all of their digits. What does not exist is empty in a table and `null` in JSON, as infinite numbers are
//! there. JSON has an object for each sentence, also where it holds its tokens.

use super::names::surface;
use super::{Choices, Detail, Shape, Writer};
use crate::csv;
use elman::Model;
use elman::infer::{LineSums, NgramLengths, ScoredLine};
use elman::text::Layout;
use serde::{Serialize, Serializer};
use std::io::{self, Write};

/// Writes rows of a table, or JSON objects.
pub struct Table<'m> {
    shape: Shape,
    model: &'m Model,
    choices: Choices,
    /// Name of the text in the output.
    name: String,
    lengths: NgramLengths<'m>,
    /// Whether the header has been written, or is not wanted.
    begun: bool,
}

/// Value in a row.
#[derive(Serialize)]
#[serde(untagged)]
enum Cell {
    Text(String),
    Count(u64),
    Number(Option<f64>),
    /// Rows of the tokens of a sentence, in JSON only.
    Rows(Vec<Row>),
}

/// The columns of a row with their values, in order.
struct Row(Vec<(&'static str, Cell)>);

impl<'m> Table<'m> {
    /// Makes a table with or without a header.
    pub fn new(
        shape: Shape,
        model: &'m Model,
        choices: Choices,
        name: String,
        header: bool,
    ) -> Table<'m> {
        Table {
            lengths: NgramLengths::new(model),
            shape,
            model,
            choices,
            name,
            begun: !header,
        }
    }

    fn log_prob(&self, log_prob: f64) -> (&'static str, Cell) {
        let unit = self.choices.unit;
        (unit.column(), Cell::Number(Some(unit.of(log_prob))))
    }

    /// The figures of a line or of the text.
    fn figures(&self, sums: &LineSums) -> [(&'static str, Cell); 6] {
        let unknown = self.choices.unknown;
        [
            self.log_prob(sums.log_prob(unknown)),
            ("tokens", Cell::Count(sums.tokens)),
            ("words", Cell::Count(sums.fields)),
            ("oov", Cell::Count(sums.unknown)),
            ("zeros", Cell::Count(sums.zeros + sums.unknown_zeros)),
            ("ppl", Cell::Number(sums.perplexity(unknown))),
        ]
    }

    /// A row for each token of a line.
    fn tokens(&mut self, line: &ScoredLine<'_>) -> Vec<Row> {
        if self.choices.layout == Layout::Sentences {
            self.lengths.reset();
        }
        let vocab = self.model.vocab();
        let mut rows = Vec::with_capacity(line.tokens.len());
        for (token, nats) in line.tokens.iter().zip(line.nats) {
            let length = self.lengths.next(token.symbol.id) as u64;
            let ngram = self
                .model
                .as_ngram()
                .map(|_| ("ngram", Cell::Count(length)));
            let name = surface(vocab, line, token).into_owned();
            let row = [
                ("token", Cell::Text(name)),
                self.log_prob(-nats),
                ("oov", Cell::Count(token.symbol.oov.into())),
            ];
            rows.push(Row(row.into_iter().chain(ngram).collect()));
        }
        rows
    }

    /// Writes a row, below the header if it is the first one.
    fn row(&mut self, row: Row, out: &mut dyn Write) -> io::Result<()> {
        if !std::mem::replace(&mut self.begun, true) {
            self.cells(row.0.iter().map(|(name, _)| (*name).to_owned()), out)?;
        }
        self.cells(row.0.into_iter().map(|(_, cell)| cell.into_text()), out)
    }

    fn cells(&self, cells: impl Iterator<Item = String>, out: &mut dyn Write) -> io::Result<()> {
        match self.shape {
            Shape::Csv => out.write_all(csv::line(cells).as_bytes()),
            _ => writeln!(out, "{}", cells.collect::<Vec<_>>().join("\t")),
        }
    }

    /// Writes a row as a JSON object.
    fn object(&self, row: &Row, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, row)?;
        writeln!(out)
    }
}

impl Writer for Table<'_> {
    fn line(
        &mut self,
        line: &ScoredLine<'_>,
        sums: &LineSums,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let tokens = match self.choices.detail {
            Detail::Text => return Ok(()),
            Detail::Sentence => Vec::new(),
            Detail::Token => self.tokens(line),
        };
        let number = ("line", Cell::Count(line.number));
        match (self.shape, self.choices.detail) {
            (Shape::Plain, Detail::Token) => {
                let number = |(_, cell): (_, Cell)| cell.into_text();
                let numbers = line.nats.iter().map(|nats| number(self.log_prob(-nats)));
                writeln!(out, "{}", numbers.collect::<Vec<_>>().join(" "))
            }
            (Shape::Plain, _) => {
                let log_prob = self.log_prob(sums.log_prob(self.choices.unknown));
                writeln!(out, "{}", log_prob.1.into_text())
            }
            (Shape::Tsv | Shape::Csv, Detail::Token) => {
                for (position, token) in (1..).zip(tokens) {
                    let place = [
                        ("line", Cell::Count(line.number)),
                        ("position", Cell::Count(position)),
                    ];
                    self.row(Row(place.into_iter().chain(token.0).collect()), out)?;
                }
                Ok(())
            }
            (shape, _) => {
                let text = || Cell::Text(String::from_utf8_lossy(line.text).into_owned());
                let text = self.choices.with_text.then(|| ("text", text()));
                let has_tokens = self.choices.detail == Detail::Token;
                let tokens = has_tokens.then_some(("per_token", Cell::Rows(tokens)));
                let row = [number].into_iter().chain(self.figures(sums));
                let row = Row(row.chain(text).chain(tokens).collect());
                match shape {
                    Shape::Jsonl => self.object(&row, out),
                    _ => self.row(row, out),
                }
            }
        }
    }

    fn end(&mut self, sums: &LineSums, out: &mut dyn Write) -> io::Result<()> {
        if self.choices.detail != Detail::Text {
            return Ok(());
        }
        let unknown = self.choices.unknown;
        if self.shape == Shape::Plain {
            let log_prob = self.log_prob(sums.log_prob(unknown));
            return writeln!(out, "{}", log_prob.1.into_text());
        }
        let name = [
            ("name", Cell::Text(self.name.clone())),
            ("lines", Cell::Count(sums.lines)),
        ];
        let per_word = Cell::Number(sums.perplexity_per_word(unknown));
        let row = name.into_iter().chain(self.figures(sums));
        let row = Row(row.chain([("ppl_per_word", per_word)]).collect());
        match self.shape {
            Shape::Jsonl => self.object(&row, out),
            _ => self.row(row, out),
        }
    }
}

impl Cell {
    /// The value as a field of a table, which has neither tabs nor line ends.
    fn into_text(self) -> String {
        match self {
            Cell::Text(text) => text.replace(['\t', '\r', '\n'], " "),
            Cell::Count(count) => count.to_string(),
            Cell::Number(None) | Cell::Rows(_) => String::new(),
            Cell::Number(Some(number)) if number.is_infinite() => number.to_string(),
            Cell::Number(Some(number)) => format!("{number:.6}"),
        }
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, cell)| (name, cell)))
    }
}
