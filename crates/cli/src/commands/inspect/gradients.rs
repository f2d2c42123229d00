//! `elman inspect gradients`: norms by lag, where the gradient comes from, units, a verdict.

use super::subject::SubjectArgs;
use crate::csv::line;
use crate::grid::Grid;
use crate::options;
use crate::output::{Table, count, grouped, number, usage};
use anyhow::Result;
use clap::Args;
use elman::flow::bound::Bound;
use elman::inspect::gradients::{LayerFlow, Options};
use elman::inspect::{Gradients, gradients};
use serde::Serialize;
use std::io::{self, Write};

/// Measure how gradients flow through time: do they vanish or explode, and how far do they reach?
///
/// For passages of the text, each read up to a step t: the spectral norm of ∂h_t/∂h_k (for the LSTM of (h, c)) by lag t − k, beside
/// the chapter's bound; how much of ∂E_t/∂W comes from each lag; saturated and dead units; a verdict, and what to do.
#[derive(Args)]
#[command(
    mut_args = options::with_default,
    override_usage = "elman inspect gradients [OPTIONS] <MODEL> <TEXT>...\n       elman inspect gradients --untrained [OPTIONS] <TEXT>...",
    after_help = "\
Examples:
  elman inspect gradients runs/kjv psalms.txt
  # The chapter's claims, before any training: vanishing, exploding, and the identity
  elman inspect gradients --untrained text.txt --cell elman --hidden 128
  elman inspect gradients --untrained text.txt --cell elman --hidden 128 --init-recurrent-scale 4
  elman inspect gradients --untrained text.txt --cell elman --hidden 128 --activation relu \\
    --init-recurrent identity --init xavier
  elman inspect gradients runs/kjv psalms.txt --csv > norms.csv
  elman inspect gradients runs/kjv psalms.txt --json | jq .verdict

What each number means: docs/INSPECT.md"
)]
pub struct GradientsArgs {
    #[command(flatten)]
    subject: SubjectArgs,
    /// Passages of the text, drawn by --seed
    #[arg(long, value_name = "N", default_value_t = Options::default().passages)]
    passages: usize,
    /// The longest lag t − k
    #[arg(long, value_name = "N", default_value_t = Options::default().lags)]
    lags: usize,
    /// Tokens that are read before a passage, from the zero state
    #[arg(long, value_name = "N", default_value_t = Options::default().context)]
    context: usize,
}

#[derive(Serialize)]
struct Json<'a> {
    model: &'a str,
    text: &'a str,
    #[serde(flatten)]
    gradients: &'a Gradients,
}

pub fn run(args: GradientsArgs) -> Result<()> {
    let mut options = Options {
        passages: args.passages,
        lags: args.lags,
        context: args.context,
        seed: 1,
    };
    options.check().map_err(|error| usage(error.to_string()))?;
    let subject = args.subject.load()?;
    options.seed = subject.seed;
    let found = gradients(&subject.model, &subject.cpu, &subject.ids, &options)?;
    let mut out = io::stdout().lock();
    if args.subject.json {
        let body = Json {
            model: &subject.name,
            text: &subject.text,
            gradients: &found,
        };
        serde_json::to_writer(&mut out, &body)?;
        writeln!(out)?;
    } else if args.subject.csv {
        write_csv(&mut out, &found)?;
    } else {
        write_text(&mut out, &subject.name, &subject.text, &found)?;
    }
    Ok(out.flush()?)
}

fn write_text(out: &mut impl Write, name: &str, text: &str, found: &Gradients) -> Result<()> {
    let mut head = Table::default();
    head.row(
        "model",
        format!(
            "{name}: {}, {}, {} parameters",
            found.cell,
            count(found.layers.len(), "layer"),
            grouped(found.parameters as u64)
        ),
    );
    head.row(
        "text",
        format!("{text}: {} tokens", grouped(found.text_tokens as u64)),
    );
    head.row(
        "looked at",
        format!(
            "{} of {} after {} of context (seed {})",
            count(found.passages, "passage"),
            count(found.lags, "step"),
            found.context,
            found.seed
        ),
    );
    writeln!(out, "{head}")?;
    for layer in &found.layers {
        write_layer(out, found, layer)?;
    }
    if found.layers.len() > 1 {
        let all = &found.contribution;
        writeln!(
            out,
            "\nall layers: 90 % of ∂E_t/∂W from {} back, 99 % from {}",
            count(all.horizon_90, "step"),
            count(all.horizon_99, "step")
        )?;
    }
    let mut end = Table::default();
    end.row("verdict", found.verdict.name());
    for remedy in &found.remedies {
        end.row("", remedy);
    }
    writeln!(out, "\n{end}")?;
    Ok(())
}

fn write_layer(out: &mut impl Write, found: &Gradients, layer: &LayerFlow) -> Result<()> {
    let state = match layer.bound {
        Bound::Lstm { .. } => "∂(h,c)_t/∂(h,c)_k",
        Bound::Elman { .. } | Bound::Gru { .. } => "∂h_t/∂h_k",
    };
    writeln!(
        out,
        "\nlayer {}, {}: log10 of ‖{state}‖₂, and where ∂E_t/∂W comes from",
        layer.layer,
        count(layer.hidden, "unit")
    )?;
    let mut grid = Grid::new(
        0,
        &[
            "lag", "mean", "least", "most", "steps", "bound", "share", "beyond",
        ],
    );
    for lag in shown(found.lags) {
        let share = layer.contribution.lags.get(lag);
        let percent =
            |x: Option<f64>| x.map_or("-".into(), |x| format!("{} %", rounded(100.0 * x)));
        let mut row = vec![lag.to_string()];
        row.extend(match lag.checked_sub(1).map(|i| layer.norms[i]) {
            None => vec!["0".to_owned(); 5],
            Some(n) => [
                n.mean_log10,
                n.least_log10,
                n.most_log10,
                n.steps_log10,
                n.bound_log10,
            ]
            .map(rounded)
            .to_vec(),
        });
        row.push(percent(share.map(|s| s.share)));
        row.push(percent(share.map(|s| s.beyond)));
        grid.row(row);
    }
    write!(out, "{}", grid.to_text())?;

    let mut table = Table::default();
    table.row("bound", bound(&layer.bound));
    table.row(
        "step",
        format!(
            "a factor of {} on average over {}: {}",
            number(layer.factor),
            count(found.lags, "step"),
            layer.verdict.name()
        ),
    );
    let reach = &layer.contribution;
    table.row(
        "horizon",
        format!(
            "90 % of ∂E_t/∂W from {} back (at most {}), 99 % from {} ({})",
            count(reach.horizon_90, "step"),
            reach.horizon_90_most,
            count(reach.horizon_99, "step"),
            reach.horizon_99_most
        ),
    );
    let interrupted = layer.units.interrupted;
    let interrupted =
        interrupted.map(|part| format!(", {:.1} % interrupted within a passage", 100.0 * part));
    table.row(
        "units",
        format!(
            "{} of {} dead{}",
            layer.units.dead,
            layer.units.units,
            interrupted.unwrap_or_default()
        ),
    );
    for signal in &layer.units.signals {
        table.row(
            signal.name,
            format!(
                "mean {}, saturated low {:.1} %, high {:.1} %, stuck {}",
                number(signal.mean),
                100.0 * signal.low,
                100.0 * signal.high,
                signal.stuck
            ),
        );
    }
    writeln!(out, "{table}")?;
    Ok(())
}

/// To two digits, without a sign before 0.
fn rounded(x: f64) -> String {
    let text = format!("{x:.2}");
    match text.as_str() {
        "-0.00" => "0.00".to_owned(),
        _ => text,
    }
}

/// Some lags, from 0 to `most`: close together at first.
fn shown(most: usize) -> Vec<usize> {
    let steps = [1, 2, 5].into_iter().cycle();
    let tens = (0..).flat_map(|power| [10_usize.pow(power); 3]);
    let lags = steps.zip(tens).map(|(step, ten)| step * ten);
    let mut lags: Vec<usize> = std::iter::once(0)
        .chain(lags.take_while(|lag| *lag < most))
        .collect();
    lags.push(most);
    lags
}

fn bound(bound: &Bound) -> String {
    match *bound {
        Bound::Elman { beta_w, beta_h } => format!(
            "(β_W β_h)^lag: β_W = ‖W_hh‖₂ = {}, β_h = max |φ′| = {}",
            number(beta_w),
            number(beta_h)
        ),
        Bound::Gru {
            beta_w,
            beta_s,
            beta_z,
        } => format!(
            "(β_z + β_S β_W)^lag: β_z = max z = {}, β_S = {}, β_W = ‖W_h‖₂ = {}",
            number(beta_z),
            number(beta_s),
            number(beta_w)
        ),
        Bound::Lstm {
            beta_c,
            beta_o,
            beta_s,
            beta_k,
            beta_f,
            beta_r,
        } => format!(
            "‖M^lag‖₂: β_f = max f = {}, β_S = {}, β_C = {}, β_κ = {}, β_O = {}, β_ρ = {}",
            number(beta_f),
            number(beta_s),
            number(beta_c),
            number(beta_k),
            number(beta_o),
            number(beta_r)
        ),
    }
}

/// One row for each layer and lag.
fn write_csv(out: &mut impl Write, found: &Gradients) -> io::Result<()> {
    let header = [
        "layer",
        "lag",
        "mean_log10",
        "least_log10",
        "most_log10",
        "steps_log10",
        "bound_log10",
        "share",
        "size",
        "beyond",
    ];
    write!(out, "{}", line(header))?;
    for layer in &found.layers {
        for lag in 0..=found.lags {
            let norms = lag.checked_sub(1).map(|i| &layer.norms[i]);
            let share = layer.contribution.lags.get(lag);
            let cells = [
                norms.map(|n| n.mean_log10),
                norms.map(|n| n.least_log10),
                norms.map(|n| n.most_log10),
                norms.map(|n| n.steps_log10),
                norms.map(|n| n.bound_log10),
                share.map(|s| s.share),
                share.map(|s| s.size),
                share.map(|s| s.beyond),
            ];
            let numbers = cells.map(|cell| cell.map_or(String::new(), |x| x.to_string()));
            let place = [layer.layer.to_string(), lag.to_string()];
            write!(out, "{}", line(place.into_iter().chain(numbers)))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_lags_are_shown() {
        assert_eq!(shown(1), [0, 1]);
        assert_eq!(shown(100), [0, 1, 2, 5, 10, 20, 50, 100]);
        assert_eq!(shown(300), [0, 1, 2, 5, 10, 20, 50, 100, 200, 300]);
    }
}
