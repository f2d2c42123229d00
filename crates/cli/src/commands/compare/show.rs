//! The result for people: what was read, how good the models are, what they cost, which differ, what they do together.

use super::Names;
use crate::commands::eval::precise;
use crate::grid::Grid;
use crate::output::{Table, bytes, grouped, number};
use elman::measure::compare::{Comparison, Difference, Entry, Interval, Measure, Mixture, UnitOf};
use std::f64::consts::LN_2;
use std::io::{self, Write};

/// For a terminal.
pub fn text(out: &mut impl Write, names: &Names, c: &Comparison) -> io::Result<()> {
    writeln!(out, "{}", about(names, c))?;
    for grid in grids(c) {
        write!(out, "\n{}", grid.to_text())?;
    }
    if let Some(mixture) = &c.mixture {
        writeln!(out, "\n{}", mixed(names, c, mixture))?;
    }
    Ok(())
}

/// For a document: the same.
pub fn markdown(out: &mut impl Write, names: &Names, c: &Comparison) -> io::Result<()> {
    for (number, grid) in grids(c).iter().enumerate() {
        let gap = if number > 0 { "\n" } else { "" };
        write!(out, "{gap}{}", grid.to_markdown())?;
    }
    let mixed = c.mixture.as_ref().map(|mixture| mixed(names, c, mixture));
    writeln!(out)?;
    for (label, value) in [about(names, c)].iter().chain(&mixed).flat_map(Table::rows) {
        writeln!(out, "- {label}: {value}")?;
    }
    Ok(())
}

/// `token` or `word`.
pub fn measure(c: &Comparison) -> &'static str {
    match c.measure {
        Measure::Token => "token",
        Measure::Word => "word",
    }
}

/// What was read and how it was judged.
fn about(names: &Names, c: &Comparison) -> Table {
    let mut table = Table::default();
    let e = &c.models[0].evaluation;
    let (chars, words, lines) = (grouped(e.chars), grouped(e.fields), grouped(e.line_ends));
    table.row(
        "text",
        format!(
            "{} ({}, {chars} characters, {words} words, {lines} line ends)",
            names.text,
            bytes(e.bytes)
        ),
    );
    match c.measure {
        Measure::Token => {
            let share = 100.0 * e.oov as f64 / e.tokens.max(1) as f64;
            table.row(
                "tokens",
                format!(
                    "{}, of which {} OOVs ({share:.2} %); kind {}, {} entries",
                    grouped(e.tokens),
                    grouped(e.oov),
                    e.vocab_kind,
                    grouped(e.vocab_size as u64)
                ),
            );
            if e.lost_chars > 0 {
                let (lost, chars) = (grouped(e.lost_chars), grouped(e.chars));
                table.row(
                    "lost",
                    format!("{lost} of {chars} characters, which decoding does not restore"),
                );
            }
        }
        Measure::Word => table.row(
            "compared",
            "per word and per character, because the vocabularies differ",
        ),
    }
    if let Some(bits) = c.charge_oov_bits {
        table.row(
            "charged",
            format!(
                "{} bits ({:.3} nats) for each character of an unknown token, and for each that decoding does not restore",
                number(bits),
                bits * LN_2
            ),
        );
    }
    let percent = number(100.0 * c.level);
    let (resamples, seed) = (grouped(c.resamples as u64), c.seed);
    match (&c.units, &c.no_intervals_because) {
        (Some(units), _) => {
            let of = match units.of {
                UnitOf::Lines => "line",
                UnitOf::Tokens => "token",
            };
            let drawn = match units.each {
                1 => format!("{of}s"),
                n => format!("blocks of {n} {of}s"),
            };
            let count = grouped(units.count as u64);
            table.row(
                "confidence",
                format!("{percent} % bootstrap intervals and p-values, {resamples} resamples of {count} {drawn} (seed {seed})"),
            );
        }
        (None, because) => table.row("confidence", because.as_deref().unwrap_or("none")),
    }
    table
}

/// How good, what it costs, which differ.
fn grids(c: &Comparison) -> Vec<Grid> {
    let rows = || c.models.iter().chain(c.mixture.as_ref().map(|m| &m.entry));
    let interval = format!("{} % interval", number(100.0 * c.level));
    let mut quality = quality(c, &interval);
    for entry in rows() {
        quality.row(quality_cells(entry, c));
    }
    let mut cost = Grid::new(
        1,
        &[
            "model",
            "parameters",
            "on disk",
            "bytes/parameter",
            "start-up",
            "tokens/s",
        ],
    );
    for entry in rows() {
        cost.row(vec![
            entry.name.clone(),
            grouped(entry.parameters),
            bytes(entry.disk_bytes),
            entry
                .bytes_per_parameter
                .map_or("-".into(), |ratio| format!("{ratio:.2}")),
            format!("{} ms", number(entry.load_ms)),
            grouped(entry.evaluation.tokens_per_second.round() as u64),
        ]);
    }
    let per = format!("nats/{}", measure(c));
    let mut pairs = Grid::new(2, &["better", "than", &per, &interval, "p"]);
    for pair in &c.pairs {
        let (a, b) = (&c.models[pair.a].name, &c.models[pair.b].name);
        let (better, worse, difference) = match pair.difference.difference_nats > 0.0 {
            true => (b, a, pair.difference.clone()),
            false => (a, b, turned(&pair.difference)),
        };
        pairs.row(vec![
            better.clone(),
            worse.clone(),
            nats(difference.difference_nats),
            difference
                .difference_interval
                .map_or("-".into(), |range| between(range, nats)),
            difference.p_value.map_or("-".into(), p_value),
        ]);
    }
    let mut all = vec![quality, cost, pairs];
    all.retain(|grid| !grid.is_empty());
    all
}

/// The columns of how good.
fn quality(c: &Comparison, interval: &str) -> Grid {
    let mut header = vec!["model", "kind"];
    header.extend(match c.measure {
        Measure::Token => ["perplexity", interval, "per word"],
        Measure::Word => ["per word", interval, "per token"],
    });
    header.push("bits/char");
    match c.measure {
        Measure::Token if unknown(c) => header.push("without OOVs"),
        Measure::Token => {}
        Measure::Word => header.extend(["tokens", "OOVs"]),
    }
    if c.measure == Measure::Word && leaves_out(c) {
        header.push("lost");
    }
    Grid::new(2, &header)
}

fn quality_cells(entry: &Entry, c: &Comparison) -> Vec<String> {
    let e = &entry.evaluation;
    let interval = entry
        .interval
        .map_or("-".into(), |range| between(range, precise));
    let bits = e
        .bits_per_char
        .map_or("-".into(), |bits| format!("{bits:.4}"));
    let (name, kind) = (entry.name.clone(), entry.architecture.clone());
    let (per_token, per_word) = (precise(e.perplexity), precise(e.perplexity_per_word));
    match c.measure {
        Measure::Token => {
            let mut cells = vec![name, kind, per_token, interval, per_word, bits];
            cells.extend(unknown(c).then(|| e.perplexity_without_oov.map_or("-".into(), precise)));
            cells
        }
        Measure::Word => {
            let kind = format!("{kind}, {}", e.vocab_kind);
            let (tokens, oov) = (grouped(e.tokens), grouped(e.oov));
            let mut cells = vec![name, kind, per_word, interval, per_token, bits, tokens, oov];
            cells.extend(leaves_out(c).then(|| grouped(e.lost_chars)));
            cells
        }
    }
}

fn unknown(c: &Comparison) -> bool {
    c.models.iter().any(|model| model.evaluation.oov > 0)
}

/// Whether decoding does not restore all of the text for some model.
fn leaves_out(c: &Comparison) -> bool {
    c.models.iter().any(|model| model.evaluation.lost_chars > 0)
}

/// The mixture in words.
fn mixed(names: &Names, c: &Comparison, mixture: &Mixture) -> Table {
    let mut table = Table::default();
    let parts: Vec<String> = c
        .models
        .iter()
        .zip(&mixture.fit.weights)
        .map(|(model, weight)| format!("{weight:.4} × {}", model.name))
        .collect();
    table.row("mixture", parts.join(" + "));
    let fit = &mixture.fit;
    let on = match &names.dev {
        Some(dev) => dev,
        None => &names.text,
    };
    let (tokens, perplexity) = (grouped(fit.fit_tokens), precise(fit.fit_perplexity));
    let optimistic = match fit.optimistic {
        true => "; OPTIMISTIC: the same text",
        false => "",
    };
    table.row(
        "weights",
        format!("fitted on {on} ({tokens} tokens, perplexity {perplexity}){optimistic}"),
    );
    let best = &c.models[mixture.best].name;
    let (better, difference) = match mixture.against_best.difference_nats <= 0.0 {
        true => ("better", turned(&mixture.against_best)),
        false => ("worse", mixture.against_best.clone()),
    };
    let per = measure(c);
    let certainty = match (difference.difference_interval, difference.p_value) {
        (Some(range), Some(p)) => {
            format!(" ({}), p = {}", between(range, nats), p_value(p))
        }
        _ => String::new(),
    };
    let by = nats(difference.difference_nats);
    table.row(
        "against",
        match by == nats(0.0) {
            true => format!(
                "as good as {best}, the best single model: less than 0.0001 nats per {per} apart{certainty}"
            ),
            false => format!("{by} nats per {per} {better} than {best}, the best single model{certainty}"),
        },
    );
    table
}

/// The difference seen from the other side.
fn turned(difference: &Difference) -> Difference {
    let turn = |range: Interval| Interval {
        low: -range.high,
        high: -range.low,
    };
    Difference {
        difference_nats: -difference.difference_nats,
        difference_interval: difference.difference_interval.map(turn),
        p_value: difference.p_value,
    }
}

fn between(range: Interval, show: fn(f64) -> String) -> String {
    format!("{} to {}", show(range.low), show(range.high))
}

/// Without the sign of what is too small to be shown.
fn nats(nats: f64) -> String {
    let text = format!("{nats:.4}");
    match text.strip_prefix('-') {
        Some(size) if size.bytes().all(|byte| matches!(byte, b'0' | b'.')) => size.to_owned(),
        _ => text,
    }
}

fn p_value(p: f64) -> String {
    match p {
        1e-4.. => format!("{p:.4}"),
        _ => number(p),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_have_no_sign_and_small_p_values_their_digits() {
        assert_eq!(
            [-0.0, -4e-5, -6e-5, 0.25].map(nats),
            ["0.0000", "0.0000", "-0.0001", "0.2500"]
        );
        assert_eq!(
            [1.0, 0.0432, 1e-4, 1e-6].map(p_value),
            ["1.0000", "0.0432", "0.0001", "1e-6"]
        );
    }

    #[test]
    fn the_other_side_of_a_difference() {
        let difference = Difference {
            difference_nats: 0.2,
            difference_interval: Some(Interval {
                low: -0.1,
                high: 0.5,
            }),
            p_value: Some(0.3),
        };
        let other = turned(&difference);
        assert_eq!(
            other.difference_interval,
            Some(Interval {
                low: -0.5,
                high: 0.1
            })
        );
        assert_eq!(turned(&other), difference);
    }
}
