//! `elman compare`: models against each other on a text, and together.

mod csv;
mod show;

use super::{cpu, is_stdin, model_kind, refuse_model, sources};
use crate::args::{Format, Quoted, finite, thread_count};
use crate::output::{grouped, say, usage};
use crate::progress::spinner;
use anyhow::Result;
use clap::{Args, ValueHint};
use elman::measure::compare::{Comparison, Mixing, NamedModel, Options, Progress, Stage, compare};
use elman::text::ReadOptions;
use indicatif::ProgressBar;
use serde::Serialize;
use std::borrow::Cow;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Compare models on a text: perplexity, confidence intervals, size, speed, and the best mixture
///
/// The last of the names is the text; all before it are models. Each model gets an interval for its perplexity,
/// each two a test whether they differ, and with --dev all together the best mixture.
///
/// Models of one vocabulary are compared per token. Others are compared per word and per character, if the tokens of
/// each say all of the text. Otherwise the comparison is refused: an <unk> is easier to predict than the word that it
/// stands for, and a tokenizer that drops or folds text leaves out what others have to predict. --charge-oov charges
/// both, at a stated cost. Models can be mixed if their vocabularies are of one kind: over the union of
/// the vocabularies, where a model gives probability 0 to a word that it lacks.
#[derive(Args)]
#[command(
    override_usage = "elman compare [OPTIONS] <MODEL>... <TEXT>",
    after_help = "\
Examples:
  elman compare runs/small runs/large test.txt               # two networks
  elman compare runs/kjv kjv5.bin test.txt --dev valid.txt   # and their best mixture
  elman compare runs/kjv cache:500 test.txt --dev valid.txt  # with a cache of the last 500 tokens
  elman compare runs/words runs/chars test.txt               # per word and per character
  elman compare runs/a runs/b test.txt --charge-oov 7        # charge what one of them does not know or leaves out
  elman compare runs/a runs/b test.txt --format markdown     # a table for a README
  elman compare runs/a runs/b test.txt --json | jq .pairs"
)]
pub struct CompareArgs {
    /// Models (the directory of a model or a run; an n-gram model, ARPA or a binary of elman or KenLM; cache:N, a unigram cache of
    /// the last N tokens), then the text, plain, gzip or zstd; '-' is standard input
    #[arg(value_name = "MODEL|TEXT", required = true, num_args = 1.., value_hint = ValueHint::AnyPath)]
    names: Vec<PathBuf>,

    /// Mix all models, with the weights that are best on this text
    #[arg(long, value_name = "TEXT", help_heading = "Mixture", value_hint = ValueHint::FilePath)]
    dev: Option<PathBuf>,
    /// Mix all models, with the weights that are best on the compared text itself: optimistic, and marked so
    #[arg(long, help_heading = "Mixture", conflicts_with = "dev")]
    fit_on_text: bool,

    /// Compare models whose tokens do not cover the whole text by charging BITS for each missing character: those of
    /// unknown tokens, and those that decoding does not restore; 7 is about a uniform choice among the characters of a
    /// keyboard
    #[arg(long, value_name = "BITS", help_heading = "Comparison", value_parser = finite)]
    charge_oov: Option<f64>,
    /// How often to draw lines for intervals, and to flip differences for tests
    #[arg(
        long,
        value_name = "N",
        help_heading = "Comparison",
        default_value = "9999"
    )]
    resamples: usize,
    /// Seed of drawing and flipping
    #[arg(
        long,
        value_name = "N",
        help_heading = "Comparison",
        default_value = "1"
    )]
    seed: u64,

    /// Read invalid UTF-8 as U+FFFD instead of refusing it
    #[arg(long)]
    lossy: bool,
    /// Threads of networks; any number gives the same figures [default: one for each CPU]
    #[arg(long, short = 't', value_name = "N", value_parser = thread_count())]
    threads: Option<u16>,
    /// How to print the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Print one JSON object: --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

pub fn run(args: CompareArgs) -> Result<()> {
    let (text, models) = args.names.split_last().expect("clap asks for one");
    if let Some(what) = model_kind(text) {
        let names = args.names.iter().map(|name| Quoted(name).to_string());
        let names: Vec<String> = names.collect();
        return Err(usage(format!(
            "{} is {what}, not a text: name the text after the models: elman compare {} TEXT",
            text.display(),
            names.join(" ")
        )));
    }
    if models.is_empty() {
        return Err(usage(format!(
            "name models before the text: elman compare MODEL {}",
            Quoted(text)
        )));
    }
    if let Some(dev) = &args.dev {
        refuse_model(dev, "--dev takes the text to fit the weights on")?;
    }
    let options = Options {
        read: ReadOptions {
            lossy: args.lossy,
            ..ReadOptions::default()
        },
        charge_oov_bits: args.charge_oov,
        resamples: args.resamples,
        seed: args.seed,
    };
    options.check()?;
    let mixing = match &args.dev {
        Some(dev) if is_stdin(dev) && is_stdin(text) => {
            return Err(usage("'-' stands for standard input and may be given once"));
        }
        Some(dev) => Mixing::On(sources(std::slice::from_ref(dev))?),
        None if args.fit_on_text => Mixing::OnText,
        None => Mixing::No,
    };
    if models.len() < 2 && !matches!(mixing, Mixing::No) {
        return Err(usage(
            "a mixture needs at least two models: name another one, for example cache:500",
        ));
    }
    let format = if args.json { Format::Json } else { args.format };

    let models = load(models, args.threads)?;
    let mut spinner = Spinner::new(format == Format::Json);
    let comparison = compare(
        &models,
        sources(std::slice::from_ref(text))?,
        mixing,
        &options,
        &mut |progress| spinner.show(progress),
    );
    spinner.bar.finish_and_clear();
    let comparison = comparison?;

    let names = Names {
        text: text.to_string_lossy(),
        dev: args.dev.as_deref().map(Path::to_string_lossy),
    };
    let mut out = io::stdout().lock();
    if format != Format::Json {
        let notes = comparison.notes.iter();
        notes.for_each(|note| say(format_args!("note: {note}")));
    }
    match format {
        Format::Text => show::text(&mut out, &names, &comparison)?,
        Format::Markdown => show::markdown(&mut out, &names, &comparison)?,
        Format::Csv => csv::write(&mut out, &comparison)?,
        Format::Json => {
            let body = Json {
                text: &names.text,
                dev: names.dev.as_deref(),
                comparison: &comparison,
            };
            serde_json::to_writer(&mut out, &body)?;
            writeln!(out)?;
        }
    }
    Ok(out.flush()?)
}

/// What texts were called on the command line.
struct Names<'a> {
    text: Cow<'a, str>,
    dev: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct Json<'a> {
    text: &'a str,
    dev: Option<&'a str>,
    #[serde(flatten)]
    comparison: &'a Comparison,
}

/// The models by name, in order. Caches take the vocabulary of the first model that has one.
fn load(names: &[PathBuf], threads: Option<u16>) -> Result<Vec<NamedModel>> {
    let windows: Vec<Option<usize>> = names
        .iter()
        .map(|name| cache_window(name))
        .collect::<Result<_>>()?;
    if windows.iter().all(Option::is_some) {
        return Err(usage(
            "a cache takes its vocabulary from another model: name a network or an n-gram model too",
        ));
    }
    let mut models = Vec::new();
    for (name, window) in names.iter().zip(&windows) {
        models.push(match window {
            None => Some(NamedModel::load(name)?),
            Some(_) => None,
        });
    }
    let vocab = models.iter().flatten().next().map(NamedModel::vocab);
    if let Some(vocab) = vocab.cloned() {
        for (named, window) in models.iter_mut().zip(windows) {
            if let Some(window) = window {
                *named = Some(NamedModel::cache(window, &vocab)?);
            }
        }
    }
    let cpu = Arc::new(cpu(threads));
    let on_cpu = |named: NamedModel| NamedModel {
        model: named.model.with_cpu(cpu.clone()),
        ..named
    };
    Ok(models.into_iter().flatten().map(on_cpu).collect())
}

/// N of `cache:N`.
pub(super) fn cache_window(name: &Path) -> Result<Option<usize>> {
    let Some(window) = name.to_str().and_then(|name| name.strip_prefix("cache:")) else {
        return Ok(None);
    };
    match window.parse() {
        Ok(window) => Ok(Some(window)),
        Err(_) => Err(usage(format!(
            "'{}': a cache is given with a number of tokens, for example cache:500 (a file of this name: ./{0})",
            name.display()
        ))),
    }
}

/// Between two redraws.
const REDRAW: Duration = Duration::from_millis(100);

/// Progress, shown on a terminal only.
struct Spinner {
    bar: ProgressBar,
    drawn: Instant,
}

impl Spinner {
    fn new(hidden: bool) -> Spinner {
        Spinner {
            bar: spinner(hidden),
            drawn: Instant::now(),
        }
    }

    fn show(&mut self, progress: Progress) {
        if self.bar.is_hidden() || self.drawn.elapsed() < REDRAW {
            return;
        }
        self.drawn = Instant::now();
        let what = match progress.stage {
            Stage::Fitting => "reading the text for the weights: token",
            Stage::Reading => "reading the text: token",
            Stage::Resampling => "drawing lines: sample",
            Stage::Testing => "testing differences: sample",
        };
        let of = progress
            .total
            .map(|total| format!(" of {}", grouped(total)));
        let done = grouped(progress.done);
        self.bar
            .set_message(format!("{what} {done}{}", of.unwrap_or_default()));
        self.bar.tick();
    }
}
