//! Rows for programs: accuracies, or both log-probabilities of each pair, as TSV, CSV and JSON lines.
//!
//! `scope` says what an accuracy is of: `paradigm`, `pairs` (the mean over all pairs) or `paradigms` (the mean over paradigms). Numbers of tables have six decimals, those of JSON
//! all digits. JSON has the paired tests too, with `scope` `test`; an infinite log-probability is `null` there.

use super::{Rule, Scored, Shape};
use crate::csv::{self, decimal};
use elman::measure::pairs::{Accuracy, Report};
use serde::Serialize;
use std::io::{self, Write};

/// Accuracy of a model on a paradigm or on all pairs.
#[derive(Serialize)]
struct AccuracyRow<'a> {
    scope: &'static str,
    /// `None` where the row is of all paradigms.
    paradigm: Option<&'a str>,
    model: &'a str,
    pairs: u64,
    right: u64,
    ties: u64,
    unknown: u64,
    accuracy: f64,
    low: f64,
    high: f64,
}

/// Paired test of two models.
#[derive(Serialize)]
struct TestRow<'a> {
    scope: &'static str,
    model: &'a str,
    other: &'a str,
    difference: f64,
    only_model: u64,
    only_other: u64,
    p_value: f64,
}

/// Scores of a pair under a model.
#[derive(Serialize)]
struct PairRow<'a> {
    paradigm: &'a str,
    pair: usize,
    model: &'a str,
    ln_p_good: f64,
    ln_p_bad: f64,
    tokens_good: u64,
    tokens_bad: u64,
    unknown: u64,
    credit: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    good: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bad: Option<&'a str>,
}

/// Writes a row for each accuracy, below a header.
pub fn accuracies(report: &Report, shape: Shape, out: &mut dyn Write) -> io::Result<()> {
    let header = [
        "scope", "paradigm", "model", "pairs", "right", "ties", "unknown", "accuracy", "low",
        "high",
    ];
    cells(header.map(str::to_owned).into(), shape, out)?;
    for row in rows(report) {
        let row = [
            row.scope.to_owned(),
            row.paradigm.unwrap_or_default().to_owned(),
            row.model.to_owned(),
            row.pairs.to_string(),
            row.right.to_string(),
            row.ties.to_string(),
            row.unknown.to_string(),
            decimal(row.accuracy),
            decimal(row.low),
            decimal(row.high),
        ];
        cells(row.into(), shape, out)?;
    }
    Ok(())
}

/// Writes an object for each accuracy and each test.
pub fn objects(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for row in rows(report) {
        object(&row, out)?;
    }
    for test in &report.tests {
        let row = TestRow {
            scope: "test",
            model: &report.models[test.a],
            other: &report.models[test.b],
            difference: test.difference,
            only_model: test.only_a,
            only_other: test.only_b,
            p_value: test.p_value,
        };
        object(&row, out)?;
    }
    Ok(())
}

fn rows(report: &Report) -> Vec<AccuracyRow<'_>> {
    let mut rows = Vec::new();
    let mut add = |scope, paradigm, pairs, models: &[Accuracy]| {
        for (model, found) in report.models.iter().zip(models) {
            rows.push(AccuracyRow {
                scope,
                paradigm,
                model,
                pairs,
                right: found.right,
                ties: found.ties,
                unknown: found.unknown,
                accuracy: found.accuracy,
                low: found.interval.low,
                high: found.interval.high,
            });
        }
    };
    for paradigm in &report.paradigms {
        let name = Some(paradigm.name.as_str());
        add("paradigm", name, paradigm.pairs, &paradigm.models);
    }
    add("pairs", None, report.pairs, &report.over_pairs);
    add("paradigms", None, report.pairs, &report.over_paradigms);
    rows
}

/// Writes a row for each pair and model.
pub fn pairs(
    scored: &Scored,
    shape: Shape,
    rule: Rule,
    with_text: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    if shape != Shape::Jsonl {
        let header = [
            "paradigm",
            "pair",
            "model",
            "ln_p_good",
            "ln_p_bad",
            "tokens_good",
            "tokens_bad",
            "unknown",
            "credit",
            "good",
            "bad",
        ];
        let columns = if with_text {
            header.len()
        } else {
            header.len() - 2
        };
        let header = header[..columns].iter().map(|&name| name.to_owned());
        cells(header.collect(), shape, out)?;
    }
    for (number, pair) in scored.pairs.iter().enumerate() {
        for model in &scored.models {
            let score = &model.scores[number];
            let row = PairRow {
                paradigm: &scored.paradigms[pair.paradigm],
                pair: number + 1,
                model: &model.name,
                ln_p_good: score.good.log_prob + 0.0,
                ln_p_bad: score.bad.log_prob + 0.0,
                tokens_good: score.good.tokens,
                tokens_bad: score.bad.tokens,
                unknown: score.good.unknown + score.bad.unknown,
                credit: score.credit(rule.compared, rule.ties),
                good: with_text.then_some(&pair.good),
                bad: with_text.then_some(&pair.bad),
            };
            if shape == Shape::Jsonl {
                object(&row, out)?;
                continue;
            }
            let mut texts = vec![
                row.paradigm.to_owned(),
                row.pair.to_string(),
                row.model.to_owned(),
                decimal(row.ln_p_good),
                decimal(row.ln_p_bad),
                row.tokens_good.to_string(),
                row.tokens_bad.to_string(),
                row.unknown.to_string(),
                row.credit.to_string(),
            ];
            texts.extend(row.good.into_iter().chain(row.bad).map(str::to_owned));
            cells(texts, shape, out)?;
        }
    }
    Ok(())
}

fn object(row: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, row)?;
    writeln!(out)
}

/// Writes a row of a table. A tab or an end of a line inside of a cell of TSV becomes a space, so that it is no separator.
fn cells(cells: Vec<String>, shape: Shape, out: &mut dyn Write) -> io::Result<()> {
    match shape {
        Shape::Csv => out.write_all(csv::line(cells).as_bytes()),
        _ => {
            let plain = |cell: &String| cell.replace(['\t', '\r', '\n'], " ");
            let cells: Vec<String> = cells.iter().map(plain).collect();
            writeln!(out, "{}", cells.join("\t"))
        }
    }
}
