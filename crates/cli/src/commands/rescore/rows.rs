//! What is printed for an utterance: its list with new scores, its best hypothesis, or rows with all scores.

use super::Shape;
use crate::csv::decimal;
use elman::measure::rescore::{Features, Utterance, Weights, WordErrors};
use serde::Serialize;
use std::io::{self, Write};

/// Columns of a table, but for `errors`.
const COLUMNS: [&str; 10] = [
    "id",
    "rank",
    "hypothesis",
    "total",
    "list_score",
    "list_lm",
    "log10_p",
    "words",
    "oov",
    "text",
];

/// Writer of one utterance after the other.
pub struct Rows {
    shape: Shape,
    /// Whether there are references, and so word errors.
    errors: bool,
    begun: bool,
}

/// A hypothesis and its scores.
#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    /// Place in the new order, from 1.
    rank: usize,
    /// Place in the list, from 1.
    hypothesis: usize,
    total: f64,
    list_score: f64,
    list_lm: f64,
    log10_p: f64,
    words: u64,
    oov: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<u32>,
    text: &'a str,
}

impl Rows {
    pub fn new(shape: Shape, errors: bool) -> Rows {
        Rows {
            shape,
            errors,
            begun: false,
        }
    }

    /// Writes an utterance in its new order, each line with its new scores.
    pub fn rewritten(
        &mut self,
        utterance: &Utterance,
        features: &[Features],
        weights: Weights,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        if let Some(header) = &utterance.header {
            writeln!(out, "{header}")?;
        }
        for i in weights.order(features) {
            let hypothesis = &utterance.hypotheses[i];
            let (lm, total) = (features[i][2], weights.total(&features[i]));
            let line = utterance.format.with_scores(hypothesis, lm, total);
            writeln!(out, "{}", line.as_ref().unwrap_or(&hypothesis.line))?;
        }
        Ok(())
    }

    /// Writes the rows of an utterance.
    pub fn write(
        &mut self,
        utterance: &Utterance,
        features: &[Features],
        errors: Option<&[WordErrors]>,
        weights: Weights,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let id = &utterance.id;
        match self.shape {
            Shape::Best => {
                let text = &utterance.hypotheses[weights.best(features)].text;
                let space = if text.is_empty() { "" } else { " " };
                writeln!(out, "{id}{space}{text}")
            }
            Shape::Scores => features
                .iter()
                .try_for_each(|features| writeln!(out, "{}", decimal(features[2]))),
            Shape::Tsv | Shape::Jsonl => {
                let order = weights.order(features).into_iter();
                (1..).zip(order).try_for_each(|(rank, i)| {
                    let [list_score, list_lm, log10_p, words, oov] = features[i];
                    let row = Row {
                        id,
                        rank,
                        hypothesis: i + 1,
                        total: weights.total(&features[i]),
                        list_score,
                        list_lm,
                        log10_p,
                        words: words as u64,
                        oov: oov as u64,
                        errors: errors.map(|errors| errors[i].total()),
                        text: &utterance.hypotheses[i].text,
                    };
                    self.row(&row, out)
                })
            }
            Shape::List | Shape::Wer => Ok(()),
        }
    }

    fn row(&mut self, row: &Row<'_>, out: &mut dyn Write) -> io::Result<()> {
        if self.shape == Shape::Jsonl {
            serde_json::to_writer(&mut *out, row)?;
            return writeln!(out);
        }
        let mut columns = COLUMNS.to_vec();
        let mut cells = vec![
            row.id.to_owned(),
            row.rank.to_string(),
            row.hypothesis.to_string(),
            decimal(row.total),
            decimal(row.list_score),
            decimal(row.list_lm),
            decimal(row.log10_p),
            row.words.to_string(),
            row.oov.to_string(),
            row.text.to_owned(),
        ];
        if self.errors {
            columns.insert(9, "errors");
            cells.insert(9, row.errors.unwrap_or_default().to_string());
        }
        if !std::mem::replace(&mut self.begun, true) {
            writeln!(out, "{}", columns.join("\t"))?;
        }
        writeln!(out, "{}", cells.join("\t"))
    }
}
