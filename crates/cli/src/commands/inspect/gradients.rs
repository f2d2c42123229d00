//! `elman inspect gradients`: norms by lag, where the gradient comes from, units, a verdict.

mod show;

use super::subject::{SubjectArgs, TextArgs};
use crate::csv::line;
use anyhow::Result;
use clap::Args;
use elman::measure::inspect::gradients::Options;
use elman::measure::inspect::{Gradients, gradients};
use serde::Serialize;
use std::io::{self, Write};

/// Measure how gradients flow through time: do they vanish or explode, and how far do they reach?
///
/// For excerpts of the text, each read up to a step t: the spectral norm of ∂h_t/∂h_k (for the LSTM of (h, c)) by lag t − k, beside
/// the chapter's bound; how much of ∂E_t/∂W comes from each lag; saturated and dead units; a verdict, and what to do.
#[derive(Args)]
#[command(
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
    /// Excerpts of the text, drawn by --seed
    #[arg(long, value_name = "N", default_value_t = Options::default().excerpts, alias = "passages")]
    excerpts: usize,
    /// The longest lag t − k of norms; ∂E_t/∂W goes back to the beginning of the excerpt whatever it is
    #[arg(long, value_name = "N", default_value_t = Options::default().lags)]
    lags: usize,
    #[command(flatten)]
    text: TextArgs,
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
        excerpts: args.excerpts,
        lags: args.lags,
        context: args.text.context_or(Options::default().context),
        text: args.text.options(&args.subject)?,
        seed: 1,
    };
    options.check()?;
    let subject = args.subject.load()?;
    options.seed = subject.seed;
    let layout = options.text.layout_of(&subject.model);
    options.context = args.text.context(options.context, layout)?;
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
        show::write_text(&mut out, &subject.name, &subject.text, &found)?;
    }
    Ok(out.flush()?)
}

/// One row for each layer and lag; beyond the longest lag of norms, the shares alone.
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
        "passages",
        "norm_0",
    ];
    write!(out, "{}", line(header))?;
    for layer in &found.layers {
        for lag in 0..(found.lags + 1).max(layer.contribution.lags.len()) {
            let norms = lag.checked_sub(1).and_then(|i| layer.norms.get(i));
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
            let counts = [norms.map(|n| n.excerpts), norms.map(|n| n.zero)];
            let numbers = cells.map(|cell| cell.map_or(String::new(), |x| x.to_string()));
            let counts = counts.map(|cell| cell.map_or(String::new(), |n| n.to_string()));
            let place = [layer.layer.to_string(), lag.to_string()];
            write!(
                out,
                "{}",
                line(place.into_iter().chain(numbers).chain(counts))
            )?;
        }
    }
    Ok(())
}
