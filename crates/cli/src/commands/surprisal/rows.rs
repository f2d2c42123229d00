//! The rows of words: neural-complexity's columns, and three of our own.
//!
//! ```text
//! word  sentid  sentpos  wlen  surp  entropy  entred  unk  tokens  context
//! ```
//! `sentid` and `sentpos` count from 0, `wlen` is in characters. Numbers of tables have six decimals, those of JSON all of their digits.

use super::{Shape, SurprisalArgs, Unit};
use crate::csv::{self, decimal};
use elman::infer::{LineSurprisals, WordSurprisal};
use elman::text::EOS;
use serde::Serialize;
use std::io::{self, Write};

const COLUMNS: [&str; 10] = [
    "word", "sentid", "sentpos", "wlen", "surp", "entropy", "entred", "unk", "tokens", "context",
];

/// Writes the rows of one line after the other.
pub struct Rows {
    shape: Shape,
    unit: Unit,
    end: bool,
    continuous: bool,
    /// Number of words so far.
    words: usize,
    begun: bool,
}

/// A word and its figures.
#[derive(Serialize)]
struct Row<'a> {
    word: &'a str,
    sentid: u64,
    sentpos: usize,
    wlen: usize,
    surp: f64,
    entropy: f64,
    entred: f64,
    unk: u8,
    tokens: usize,
    context: usize,
}

impl Rows {
    pub fn new(args: &SurprisalArgs) -> Rows {
        Rows {
            shape: if args.json { Shape::Jsonl } else { args.format },
            unit: args.unit,
            end: args.end,
            continuous: args.continuous,
            words: 0,
            begun: false,
        }
    }

    /// Writes the rows of a line.
    pub fn line(&mut self, line: &LineSurprisals<'_>, out: &mut dyn Write) -> io::Result<()> {
        if !std::mem::replace(&mut self.begun, true) && self.shape != Shape::Jsonl {
            self.cells(COLUMNS.map(str::to_owned), out)?;
        }
        for (position, word) in line.words.iter().enumerate() {
            let name = String::from_utf8_lossy(&line.text[word.bytes.clone()]);
            self.row(line.number, position, &name, word, out)?;
            self.words += 1;
        }
        match self.end {
            true => self.row(line.number, line.words.len(), EOS, line.end, out),
            false => Ok(()),
        }
    }

    fn row(
        &self,
        number: u64,
        position: usize,
        word: &str,
        found: &WordSurprisal,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let row = Row {
            word,
            sentid: number - 1,
            sentpos: position,
            wlen: word.chars().count(),
            surp: self.unit.of(found.surprisal_nats),
            entropy: self.unit.of(found.entropy_nats),
            entred: self.unit.of(found.reduction_nats),
            unk: found.unknown.into(),
            tokens: found.tokens,
            context: if self.continuous {
                self.words
            } else {
                position
            },
        };
        if self.shape == Shape::Jsonl {
            serde_json::to_writer(&mut *out, &row)?;
            return writeln!(out);
        }
        let cells = [
            row.word.to_owned(),
            row.sentid.to_string(),
            row.sentpos.to_string(),
            row.wlen.to_string(),
            decimal(row.surp),
            decimal(row.entropy),
            decimal(row.entred),
            row.unk.to_string(),
            row.tokens.to_string(),
            row.context.to_string(),
        ];
        self.cells(cells, out)
    }

    fn cells(&self, cells: [String; 10], out: &mut dyn Write) -> io::Result<()> {
        match self.shape {
            Shape::Csv => out.write_all(csv::line(cells).as_bytes()),
            _ => writeln!(out, "{}", cells.join("\t")),
        }
    }
}
