//! What is reported after the last utterance: weights, word error rates and counts.

use crate::output::{count, grouped, number};
use anyhow::Result;
use elman::infer::PrefixCounts;
use elman::measure::rescore::{ErrorRate, ErrorRates, Tuned, Weights};
use serde::Serialize;
use std::fmt::Write;

/// Everything that is known, for programs.
pub struct Report {
    pub format: Option<&'static str>,
    pub utterances: usize,
    pub counts: PrefixCounts,
    /// Number of tokens that the vocabulary lacks.
    pub unknown: u64,
    pub weights: Weights,
    /// Number of line searches, if weights were tuned.
    pub tuned: Option<usize>,
    pub error_rates: Option<ErrorRates>,
}

#[derive(Serialize)]
struct Json<'r> {
    format: Option<&'static str>,
    utterances: usize,
    hypotheses: u64,
    tokens: u64,
    oov: u64,
    distinct_prefixes: u64,
    network_steps: u64,
    weights: Weights,
    line_searches: Option<usize>,
    error_rates: Option<&'r ErrorRates>,
}

impl Report {
    /// The report as one JSON object.
    pub fn to_json(&self) -> Result<String> {
        let json = Json {
            format: self.format,
            utterances: self.utterances,
            hypotheses: self.counts.sequences,
            tokens: self.counts.tokens,
            oov: self.unknown,
            distinct_prefixes: self.counts.prefixes,
            network_steps: self.counts.network_steps,
            weights: self.weights,
            line_searches: self.tuned,
            error_rates: self.error_rates.as_ref(),
        };
        Ok(serde_json::to_string_pretty(&json)? + "\n")
    }
}

/// Weights as the options that set them.
pub fn show_tuned(tuned: &Tuned) -> String {
    let Weights {
        list_weight,
        list_lm_weight,
        lm_weight,
        word_penalty,
        unk_penalty,
    } = tuned.weights;
    let options = [
        ("list-weight", list_weight),
        ("list-lm-weight", list_lm_weight),
        ("lm-weight", lm_weight),
        ("word-penalty", word_penalty),
        ("unk-penalty", unk_penalty),
    ];
    // Six digits: weights lie in the middle of an interval of equal errors.
    let digits = |value: f64| format!("{value:.5e}").parse().unwrap_or(value);
    let option = |(name, value)| format!("--{name} {}", digits(value));
    let options = options.map(option).join(" ");
    format!("weights     {options}\n")
}

/// Word error rates as a table.
pub fn show_rates(rates: &ErrorRates) -> String {
    let mut text = format!(
        "utterances  {}, {} words\n",
        grouped(rates.utterances as u64),
        grouped(rates.before.errors.words)
    );
    let rows = [
        ("before", rates.before),
        ("after", rates.after),
        ("oracle", rates.oracle),
    ];
    for (name, rate) in rows {
        let _ = writeln!(text, "{name:10}  {}", show_rate(&rate));
    }
    if let Some(found) = &rates.significance {
        let interval = found.difference_interval;
        let _ = writeln!(
            text,
            "difference  {:+.2} points [{:+.2}, {:+.2}], p = {} ({} permutations of utterances)",
            100.0 * found.difference,
            100.0 * interval.low,
            100.0 * interval.high,
            number(found.p_value),
            grouped(found.resamples as u64),
        );
    }
    text
}

fn show_rate(rate: &ErrorRate) -> String {
    let errors = rate.errors;
    let interval = rate.interval.map_or(String::new(), |interval| {
        format!(
            " [{:.2}, {:.2}]",
            100.0 * interval.low,
            100.0 * interval.high
        )
    });
    format!(
        "WER {:.2} %{interval}: {} ({}, {}, {})",
        100.0 * rate.rate,
        count(errors.total() as usize, "error"),
        count(errors.substitutions as usize, "substitution"),
        count(errors.insertions as usize, "insertion"),
        count(errors.deletions as usize, "deletion"),
    )
}
