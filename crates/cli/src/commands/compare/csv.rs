//! The result as one table of comma-separated values: a row for each model, for the mixture, and for
//! each pair, with all digits. A cell that does not apply is empty; an infinite figure is `inf`. Differences are `name` minus `other`.

use crate::csv::line;
use elman::measure::compare::{Comparison, Difference, Entry, Interval};
use std::io::{self, Write};

const HEADER: [&str; 30] = [
    "row",
    "name",
    "other",
    "architecture",
    "vocab_kind",
    "vocab_size",
    "tokens",
    "oov",
    "lost_chars",
    "loss_nats",
    "perplexity",
    "perplexity_without_oov",
    "ppl1",
    "perplexity_per_word",
    "measure",
    "interval_low",
    "interval_high",
    "bits_per_char",
    "bits_per_byte",
    "parameters",
    "disk_bytes",
    "bytes_per_parameter",
    "load_ms",
    "tokens_per_second",
    "weight",
    "difference_nats",
    "difference_low",
    "difference_high",
    "p_value",
    "model_id",
];

pub fn write(out: &mut impl Write, comparison: &Comparison) -> io::Result<()> {
    let names = HEADER.map(str::to_owned);
    write!(out, "{}", line(&names))?;
    let weights = comparison
        .mixture
        .as_ref()
        .map(|mixture| &mixture.fit.weights);
    for (m, entry) in comparison.models.iter().enumerate() {
        let mut row = model("model", entry, comparison);
        row.set("weight", weights.map(|weights| weights[m]));
        row.write(out)?;
    }
    if let Some(mixture) = &comparison.mixture {
        let mut row = model("mixture", &mixture.entry, comparison);
        row.set("other", Some(&comparison.models[mixture.best].name));
        row.difference(&mixture.against_best);
        row.write(out)?;
    }
    for pair in &comparison.pairs {
        let mut row = Row::new("pair");
        row.set("name", Some(&comparison.models[pair.a].name));
        row.set("other", Some(&comparison.models[pair.b].name));
        row.set("measure", Some(super::show::measure(comparison)));
        row.difference(&pair.difference);
        row.write(out)?;
    }
    Ok(())
}

fn model(what: &'static str, entry: &Entry, comparison: &Comparison) -> Row {
    let e = &entry.evaluation;
    let mut row = Row::new(what);
    row.set("name", Some(&entry.name));
    row.set("architecture", Some(&entry.architecture));
    row.set("vocab_kind", Some(e.vocab_kind));
    row.set("vocab_size", Some(e.vocab_size));
    row.set("tokens", Some(e.tokens));
    row.set("oov", Some(e.oov));
    row.set("lost_chars", Some(e.lost_chars));
    row.set("loss_nats", Some(e.loss_nats));
    row.set("perplexity", Some(e.perplexity));
    row.set("perplexity_without_oov", e.perplexity_without_oov);
    row.set("ppl1", e.ppl1);
    row.set("perplexity_per_word", Some(e.perplexity_per_word));
    row.set("measure", Some(super::show::measure(comparison)));
    row.interval(["interval_low", "interval_high"], entry.interval);
    row.set("bits_per_char", e.bits_per_char);
    row.set("bits_per_byte", e.bits_per_byte);
    row.set("parameters", Some(entry.parameters));
    row.set("disk_bytes", Some(entry.disk_bytes));
    row.set("bytes_per_parameter", entry.bytes_per_parameter);
    row.set("load_ms", Some(entry.load_ms));
    row.set("tokens_per_second", Some(e.tokens_per_second));
    row.set("model_id", Some(&e.model_id));
    row
}

struct Row {
    cells: Vec<String>,
}

impl Row {
    fn new(what: &str) -> Row {
        let mut row = Row {
            cells: vec![String::new(); HEADER.len()],
        };
        row.set("row", Some(what));
        row
    }

    fn set(&mut self, column: &str, value: Option<impl ToString>) {
        let column = HEADER.iter().position(|name| *name == column);
        let column = column.expect("a column of the header");
        self.cells[column] = value.map_or(String::new(), |value| value.to_string());
    }

    fn interval(&mut self, [low, high]: [&str; 2], interval: Option<Interval>) {
        self.set(low, interval.map(|interval| interval.low));
        self.set(high, interval.map(|interval| interval.high));
    }

    fn difference(&mut self, difference: &Difference) {
        self.set("difference_nats", Some(difference.difference_nats));
        let names = ["difference_low", "difference_high"];
        self.interval(names, difference.difference_interval);
        self.set("p_value", difference.p_value);
    }

    fn write(self, out: &mut impl Write) -> io::Result<()> {
        write!(out, "{}", line(&self.cells))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_a_cell_for_each_column() {
        let mut row = Row::new("pair");
        row.set("model_id", Some("x"));
        let mut out = Vec::new();
        row.write(&mut out).unwrap();
        assert_eq!(
            out,
            format!("pair{}x\n", ",".repeat(HEADER.len() - 1)).into_bytes()
        );
    }
}
