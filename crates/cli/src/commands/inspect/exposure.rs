//! `elman inspect exposure`: what changes when a model reads its own words in place of true ones.

use crate::args::thread_count;
use crate::commands::{cpu, name_of, sources};
use crate::csv::line;
use crate::grid::Grid;
use crate::output::{Table, count, grouped};
use crate::progress::spinner;
use anyhow::Result;
use clap::{Args, ValueHint};
use elman::Model;
use elman::measure::inspect::excerpts::tokens;
use elman::measure::inspect::exposure::{Band, Contrast, Figure, Options, Truth};
use elman::measure::inspect::{Exposure, exposure};
use elman::text::ReadOptions;
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

/// Measure exposure bias: what changes when the model reads its own words in place of true ones?
///
/// The oracle is the source of the training text, such as an n-gram model that the text was drawn from with `elman generate`: it says
/// exactly what may come next after any prefix, and with which probability. How far is the model from that after prefixes that the oracle
/// wrote, and how far after prefixes that the model wrote itself? With a text, prefixes are its own and continuations of it, and the oracle, any other model,
/// replaces the unknown source. Both models need one vocabulary (train one of them with --vocab-from the other).
#[derive(Args)]
#[command(after_help = "\
Examples:
  # A source that is known: sample a text from an n-gram model, train on it, measure
  elman ngram train words.txt -o source.bin --order 3 --max-vocab 2000
  elman generate source.bin --temperature 1 -n 400000 > drawn.txt
  elman train drawn.txt --vocab-from source.bin -o runs/drawn
  elman inspect exposure runs/drawn --oracle source.bin
  # Real text, with another model in place of its source
  elman inspect exposure runs/small psalms.txt --oracle runs/large
  elman inspect exposure runs/drawn --oracle source.bin --json | jq .overall.kl.difference

What each number means: docs/INSPECT.md")]
pub struct ExposureArgs {
    /// The directory of a model or of a run, or the file of an n-gram model
    #[arg(value_name = "MODEL", value_hint = ValueHint::AnyPath)]
    model: PathBuf,
    /// Text whose excerpts are the true prefixes, plain, gzip or zstd; '-' is standard input [default: the oracle writes them]
    #[arg(value_name = "TEXT", value_hint = ValueHint::FilePath)]
    texts: Vec<PathBuf>,
    /// The model that says what should come next
    #[arg(long, value_name = "MODEL", value_hint = ValueHint::AnyPath)]
    oracle: PathBuf,
    /// Sequences of each kind
    #[arg(long, value_name = "N", default_value_t = Options::default().sequences)]
    sequences: usize,
    /// Tokens of the longest prefix
    #[arg(long, value_name = "N", default_value_t = Options::default().length)]
    length: usize,
    /// Tokens of the text before each prefix
    #[arg(long, value_name = "N", default_value_t = Options::default().context, requires = "texts")]
    context: usize,
    /// How often to draw sequences again for the intervals
    #[arg(long, value_name = "N", default_value_t = Options::default().resamples)]
    resamples: usize,
    /// Seed of all draws
    #[arg(long, value_name = "N", default_value_t = Options::default().seed)]
    seed: u64,
    /// Read invalid UTF-8 as U+FFFD instead of refusing it
    #[arg(long)]
    lossy: bool,
    /// Threads; any number gives the same figures [default: one for each CPU]
    #[arg(long, short = 't', value_name = "N", value_parser = thread_count())]
    threads: Option<u16>,
    /// Print one JSON object
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print the table as comma-separated values with all digits
    #[arg(long)]
    csv: bool,
}

/// What models and texts were called on the command line.
#[derive(Serialize)]
struct Names {
    #[serde(rename = "model_path")]
    model: String,
    #[serde(rename = "oracle_path")]
    oracle: String,
    text: Option<String>,
}

#[derive(Serialize)]
struct Json<'a> {
    #[serde(flatten)]
    names: &'a Names,
    #[serde(flatten)]
    exposure: &'a Exposure,
}

pub fn run(args: ExposureArgs) -> Result<()> {
    let options = Options {
        sequences: args.sequences,
        length: args.length,
        context: args.context,
        resamples: args.resamples,
        seed: args.seed,
    };
    options.check()?;
    let cpu = Arc::new(cpu(args.threads));
    let model = Model::load(&args.model)?.with_cpu(cpu.clone());
    let oracle = Model::load(&args.oracle)?.with_cpu(cpu);
    let read = ReadOptions {
        lossy: args.lossy,
        ..ReadOptions::default()
    };
    let has_text = !args.texts.is_empty();
    let ids = match has_text {
        true => Some(tokens(sources(&args.texts)?, model.vocab(), &read)?),
        false => None,
    };
    let names = Names {
        model: args.model.display().to_string(),
        oracle: args.oracle.display().to_string(),
        text: has_text.then(|| name_of(&args.texts)),
    };
    let spinner = spinner(args.json);
    let found = exposure(&model, &oracle, ids.as_deref(), &options, &mut |done| {
        spinner.set_message(format!(
            "{done} of {}",
            count(options.sequences, "sequence")
        ))
    });
    spinner.finish_and_clear();
    let found = found?;
    let mut out = io::stdout().lock();
    if args.json {
        let body = Json {
            names: &names,
            exposure: &found,
        };
        serde_json::to_writer(&mut out, &body)?;
        writeln!(out)?;
    } else if args.csv {
        write_csv(&mut out, &found)?;
    } else {
        write_text(&mut out, &names, &found)?;
    }
    Ok(out.flush()?)
}

fn write_text(out: &mut impl Write, names: &Names, found: &Exposure) -> io::Result<()> {
    let mut head = Table::default();
    head.row("model", format!("{}: {}", names.model, found.model));
    head.row("oracle", format!("{}: {}", names.oracle, found.oracle));
    let vocab = grouped(found.vocab_size as u64);
    let sequences = format!(
        "{} of {} each (seed {}), {vocab} entries in the vocabulary",
        count(found.sequences, "sequence"),
        count(found.length, "token"),
        found.seed
    );
    match (found.truth, &names.text) {
        (Truth::Text, Some(text)) => {
            head.row(
                "true",
                format!(
                    "excerpts of {text} after {} of it",
                    count(found.context, "token")
                ),
            );
            head.row("own", "what the model writes after the same tokens");
        }
        _ => {
            head.row("true", "what the oracle writes");
            head.row("own", "what the model writes");
        }
    }
    head.row("prefixes", sequences);
    writeln!(out, "{head}\n")?;
    if found.truth == Truth::Text {
        writeln!(
            out,
            "The oracle replaces the source of the text, which is unknown: the figures are distances between two models.\n"
        )?;
    }

    writeln!(
        out,
        "KL(oracle ‖ model) in nats per token, by length of the prefix in tokens"
    )?;
    let header = [
        "tokens",
        "true",
        "own",
        "own − true",
        "95 % interval",
        "own / true",
        "95 % interval",
    ];
    let mut grid = Grid::new(1, &header);
    for band in found.bands.iter().chain([&found.overall]) {
        grid.row(row(range(band), &band.kl));
    }
    write!(out, "{}", grid.to_text())?;

    writeln!(out, "\nafter prefixes of 1 to {} tokens", found.length)?;
    let mut grid = Grid::new(
        1,
        &header.map(|name| if name == "tokens" { "divergence" } else { name }),
    );
    for (name, contrast) in contrasts(&found.overall) {
        grid.row(row(name.to_owned(), contrast));
    }
    write!(out, "{}", grid.to_text())?;
    writeln!(out, "\n{}", verdict(&found.overall.kl, found.length))
}

/// The measures of a band, and what they are called in tables.
fn contrasts(band: &Band) -> [(&'static str, &Contrast); 3] {
    [
        ("KL(oracle ‖ model)", &band.kl),
        ("KL(model ‖ oracle)", &band.reverse_kl),
        ("total variation", &band.total_variation),
    ]
}

fn range(band: &Band) -> String {
    match band.from == band.to {
        true => band.from.to_string(),
        false => format!("{}–{}", band.from, band.to),
    }
}

fn row(name: String, contrast: &Contrast) -> Vec<String> {
    let interval = |figure: &Figure, digits: usize| {
        let bounds = figure.interval;
        format!("{:.digits$} to {:.digits$}", bounds.low, bounds.high)
    };
    let ratio = contrast.ratio.as_ref();
    vec![
        name,
        format!("{:.4}", contrast.on_true.value),
        format!("{:.4}", contrast.on_own.value),
        format!("{:+.4}", contrast.difference.value),
        interval(&contrast.difference, 4),
        ratio.map_or("-".into(), |ratio| format!("{:.3}", ratio.value)),
        ratio.map_or("-".into(), |ratio| interval(ratio, 3)),
    ]
}

/// What the interval of the difference says.
fn verdict(kl: &Contrast, length: usize) -> String {
    let bounds = kl.difference.interval;
    let up_to = format!("after prefixes of up to {}", count(length, "token"));
    if bounds.low > 0.0 {
        format!("exposure bias: {up_to} the model is further from the oracle on its own words")
    } else if bounds.high < 0.0 {
        format!("no exposure bias: {up_to} the model is nearer to the oracle on its own words")
    } else {
        format!(
            "no exposure bias beyond chance: {up_to} the interval of own − true holds 0; more --sequences narrow it"
        )
    }
}

/// A row for each measure and band, the last band over all lengths.
fn write_csv(out: &mut impl Write, found: &Exposure) -> io::Result<()> {
    let figures = ["true", "own", "difference", "ratio"];
    let columns = figures
        .iter()
        .flat_map(|name| ["", "_low", "_high"].map(|end| format!("{name}{end}")));
    let header = ["measure", "from", "to"]
        .map(str::to_owned)
        .into_iter()
        .chain(columns);
    write!(out, "{}", line(header))?;
    for band in found.bands.iter().chain([&found.overall]) {
        for (name, contrast) in contrasts(band) {
            let figures = [
                Some(contrast.on_true),
                Some(contrast.on_own),
                Some(contrast.difference),
                contrast.ratio,
            ];
            let cells = figures.iter().flat_map(|figure| match figure {
                Some(Figure { value, interval }) => {
                    [*value, interval.low, interval.high].map(|x| x.to_string())
                }
                None => [const { String::new() }; 3],
            });
            let place = [name.to_owned(), band.from.to_string(), band.to.to_string()];
            write!(out, "{}", line(place.into_iter().chain(cells)))?;
        }
    }
    Ok(())
}
