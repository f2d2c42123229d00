//! `elman ngram mix`: several n-gram models become one, by static interpolation.

use super::output_file::{Output, orders, write_model};
use crate::args::{Quoted, finite};
use crate::commands::{check_markers, refuse_model, sources};
use crate::output::{Table, bytes, duration, grouped, say, usage};
use crate::progress::spinner;
use anyhow::Result;
use clap::{Args, ValueHint};
use elman::infer::{EvalOptions, Evaluation, evaluate as evaluate_text};
use elman::measure::compare::{Fit, NamedModel, few_tokens, fit};
use elman::ngram::{Model, mix};
use elman::text::{ReadOptions, TextStats};
use indicatif::ProgressBar;
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

/// Mix n-gram models into one model: static linear interpolation, with weights fitted on a text or given
///
/// The mixture holds the n-grams of all models, each with the weighted mean of the probabilities that the models give it, and
/// back-off weights with which every context sums to one. It is a model like any other: an ARPA file for other programs, or a .bin.
///
/// The models' vocabularies may differ: the mixture has their union. A model gives probability 0 to a word that it
/// lacks, as in SRILM, and reads it as <unk> in the words before another one.
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman ngram mix news.arpa.gz talks.bin --dev valid.txt -o mixed.arpa   # weights by EM on valid.txt
  elman ngram mix a.arpa b.arpa c.arpa --weights 0.5,0.3,0.2 -o mixed.bin
  elman ngram convert mixed.arpa small.arpa --prune-entropy 1e-8         # smaller
  elman compare a.arpa b.arpa test.txt --dev valid.txt                   # what a mixture would give")]
pub struct MixArgs {
    /// N-gram models, at least two: ARPA files (plain, gzip or zstd) or compact models
    #[arg(value_name = "MODEL", required = true, num_args = 2.., value_hint = ValueHint::FilePath)]
    models: Vec<PathBuf>,
    /// Where to write: .arpa or .lm is ARPA text, .arpa.gz compressed, .bin the compact form; '-' is
    /// ARPA text on standard output
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: PathBuf,
    /// Fit the weights on this text, by EM: the text should be like those that the mixture will be used on
    #[arg(long, value_name = "TEXT", value_hint = ValueHint::FilePath)]
    dev: Option<PathBuf>,
    /// The weights, one for each model; they sum to 1
    #[arg(long, value_name = "W,W,...", value_delimiter = ',', value_parser = finite, conflicts_with = "dev")]
    weights: Vec<f64>,
    /// Replace the output file if it exists
    #[arg(long)]
    force: bool,
    /// Read invalid UTF-8 in the text as U+FFFD instead of refusing it
    #[arg(long)]
    lossy: bool,
    /// Leave out the words <s> and </s> that other programs write around sentences (lmplz's --skip_symbols)
    #[arg(long, alias = "skip_symbols")]
    skip_symbols: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(args: MixArgs) -> Result<()> {
    let started = Instant::now();
    let output = Output::parse(&args.output)?;
    check(&args, &output)?;
    let read = ReadOptions {
        lossy: args.lossy,
        skip_markers: args.skip_symbols,
        ..ReadOptions::default()
    };
    let shown = spinner(args.json);
    let models = load(&args.models, &shown)?;
    for named in &models {
        check_markers(args.skip_symbols, named.vocab().kind())?;
    }
    let (weights, fitted) = weights(&args, &models, &read, &shown)?;

    let parts: Vec<(&Model, f64)> = models
        .iter()
        .map(|named| as_ngram(&named.model))
        .zip(weights.iter().copied())
        .filter(|(_, weight)| *weight > 0.0)
        .collect();
    let (members, above_zero): (Vec<&Model>, Vec<f64>) = parts.into_iter().unzip();
    let mixed: elman::Model = mix(&members, &above_zero, &mut |progress| {
        let (done, total) = (grouped(progress.done), grouped(progress.total));
        shown.set_message(format!("mixing: {done} of {total} n-grams"));
        shown.tick();
    })?
    .into();
    shown.set_message("writing");
    write_model(&output, as_ngram(&mixed))?;
    let evaluation = evaluate(&args, &mixed, &read, &shown)?;
    shown.finish_and_clear();
    let mixed = as_ngram(&mixed);

    notes(&models, &weights, mixed);
    let short = fitted
        .as_ref()
        .and_then(|(_, stats)| few_tokens(stats.tokens));
    short
        .iter()
        .for_each(|note| say(format_args!("note: {note}")));
    let report = Report {
        models: args
            .models
            .iter()
            .map(|path| path.display().to_string())
            .collect(),
        weights: &weights,
        dev: args.dev.as_ref().map(|dev| dev.display().to_string()),
        fit: fitted.as_ref().map(|(fit, _)| fit),
        dev_tokens: fitted.as_ref().map(|(_, stats)| stats.tokens),
        dev_oov: fitted.as_ref().map(|(_, stats)| stats.oov),
        dev_perplexity: evaluation.as_ref().map(|e| e.perplexity),
        dev_ppl1: evaluation.as_ref().and_then(|e| e.ppl1),
        vocab_size: mixed.vocab().len(),
        ngrams: mixed.counts(),
        id: mixed.id(),
        seconds: started.elapsed().as_secs_f64(),
    };
    report.print(&args, &output)
}

/// Refuses what can be known to be wrong before the work.
fn check(args: &MixArgs, output: &Output) -> Result<()> {
    if args.dev.is_none() && args.weights.is_empty() {
        return Err(usage(
            "a mixture needs weights: fit them on a text with --dev TEXT, or give them with --weights",
        ));
    }
    if args.dev.is_none() {
        let (given, needed) = (args.weights.len(), args.models.len());
        if given != needed {
            return Err(usage(format!(
                "--weights needs one number for each model: {given} for {needed} models"
            )));
        }
        let sum: f64 = args.weights.iter().sum();
        if args.weights.iter().any(|weight| *weight < 0.0) || (sum - 1.0).abs() > 1e-3 {
            return Err(usage(format!(
                "weights are 0 or more and sum to 1; these sum to {sum}"
            )));
        }
    }
    if let Some(dev) = &args.dev {
        refuse_model(dev, "--dev takes the text to fit the weights on")?;
    }
    let inputs = args.models.iter().chain(&args.dev);
    if output == &Output::Stdout && args.json {
        return Err(usage(
            "the model and --json cannot both go to standard output: name a file with -o",
        ));
    }
    output.check(inputs.map(PathBuf::as_path), args.force)
}

fn load(names: &[PathBuf], shown: &ProgressBar) -> Result<Vec<NamedModel>> {
    let load = |name: &PathBuf| {
        shown.set_message(format!("loading {}", name.display()));
        shown.tick();
        let named = NamedModel::load(name)?;
        match named.model.as_ngram() {
            Some(_) => Ok(named),
            None => Err(usage(format!(
                "{} is a network, and only n-gram models become one file: `elman compare` mixes any models while they score a text",
                name.display()
            ))),
        }
    };
    names.iter().map(load).collect()
}

fn as_ngram(model: &elman::Model) -> &Model {
    let model = model.as_ngram();
    model.expect("only n-gram models are loaded and made here")
}

/// The fitted weights, and what was counted in the text that they were fitted on.
type Fitted = (Fit, TextStats);

/// The weights that were given, or those that are best on the text.
fn weights(
    args: &MixArgs,
    models: &[NamedModel],
    read: &ReadOptions,
    shown: &ProgressBar,
) -> Result<(Vec<f64>, Option<Fitted>)> {
    let Some(dev) = &args.dev else {
        let sum: f64 = args.weights.iter().sum();
        return Ok((
            args.weights.iter().map(|weight| weight / sum).collect(),
            None,
        ));
    };
    let mut progress = |tokens| {
        shown.set_message(format!("fitting the weights: {} tokens", grouped(tokens)));
        shown.tick();
    };
    let texts = sources(std::slice::from_ref(dev))?;
    let found = fit(models, texts, read, &mut progress)?;
    Ok((found.0.weights.clone(), Some(found)))
}

/// What the mixture gives the text that its weights were fitted on, if that can be read again.
fn evaluate(
    args: &MixArgs,
    mixed: &elman::Model,
    read: &ReadOptions,
    shown: &ProgressBar,
) -> Result<Option<Evaluation>> {
    let Some(dev) = args.dev.as_ref().filter(|dev| dev.is_file()) else {
        return Ok(None);
    };
    let texts = sources(std::slice::from_ref(dev))?;
    let mut progress = |progress: elman::infer::Progress| {
        shown.set_message(format!("evaluating: {} tokens", grouped(progress.tokens)));
        shown.tick();
    };
    let options = EvalOptions::default();
    let evaluation = evaluate_text(mixed, texts, read, &options, &mut progress);
    Ok(Some(evaluation?))
}

fn notes(models: &[NamedModel], weights: &[f64], mixed: &Model) {
    let note = |text: String| say(format_args!("note: {text}"));
    for named in models {
        for text in named.model.notes() {
            note(format!("{}: {text}", named.name));
        }
    }
    for (number, named) in models.iter().enumerate() {
        let earlier = models[..number]
            .iter()
            .find(|other| other.model.id() == named.model.id());
        if let Some(other) = earlier {
            note(format!(
                "{} and {} are the same model: the mixture gains nothing from it",
                other.name, named.name
            ));
        }
    }
    for (named, _) in models
        .iter()
        .zip(weights)
        .filter(|(_, weight)| **weight == 0.0)
    {
        note(format!("{} has weight 0 and is left out", named.name));
    }
    let size = |named: &NamedModel| named.vocab().len();
    if models
        .iter()
        .any(|named| size(named) != mixed.vocab().len())
    {
        let sizes: Vec<String> = models.iter().map(|e| grouped(size(e) as u64)).collect();
        note(format!(
            "the vocabularies differ ({} entries): the mixture has their union, {} entries; a model gives probability 0 to a word that it lacks",
            sizes.join(", "),
            grouped(mixed.vocab().len() as u64)
        ));
    }
    mixed.notes().iter().for_each(|text| note(text.clone()));
}

/// What was made, for people and for programs.
#[derive(Serialize)]
struct Report<'a> {
    models: Vec<String>,
    weights: &'a [f64],
    dev: Option<String>,
    /// How EM found the weights, and the perplexity of the dynamic mixture.
    fit: Option<&'a Fit>,
    dev_tokens: Option<u64>,
    dev_oov: Option<u64>,
    /// Perplexity of the written model on the text given by --dev.
    dev_perplexity: Option<f64>,
    dev_ppl1: Option<f64>,
    vocab_size: usize,
    ngrams: &'a [u64],
    id: &'a str,
    seconds: f64,
}

impl Report<'_> {
    fn print(&self, args: &MixArgs, output: &Output) -> Result<()> {
        let mut out = io::stdout().lock();
        if args.json {
            serde_json::to_writer(&mut out, self)?;
            writeln!(out)?;
            return Ok(out.flush()?);
        }
        let table = self.table(output);
        match output.path() {
            Some(_) => writeln!(out, "{table}")?,
            None => say(table),
        }
        Ok(out.flush()?)
    }

    fn table(&self, output: &Output) -> Table {
        let mut table = Table::default();
        if let Some(path) = output.path() {
            table.row("model", Quoted(path));
        }
        let part = |(weight, name): (&f64, &String)| format!("{weight:.4} × {name}");
        let parts: Vec<String> = self.weights.iter().zip(&self.models).map(part).collect();
        table.row("mixture", parts.join(" + "));
        if let (Some(fit), Some(dev)) = (self.fit, &self.dev) {
            let tokens = grouped(self.dev_tokens.unwrap_or(0));
            let oov = grouped(self.dev_oov.unwrap_or(0));
            table.row(
                "weights",
                format!("fitted on {dev} ({tokens} tokens, {oov} OOVs)"),
            );
            let dynamic = fit.loss_nats.exp();
            table.row(
                "perplexity",
                match self.dev_perplexity {
                    Some(perplexity) => {
                        format!("{perplexity:.2} on that text ({dynamic:.2} as a dynamic mixture)")
                    }
                    None => format!("{dynamic:.2} on that text, as a dynamic mixture"),
                },
            );
        }
        if let Some(ppl1) = self.dev_ppl1 {
            table.row("ppl1", format!("{ppl1:.2}"));
        }
        table.row(
            "vocabulary",
            format!("{} entries", grouped(self.vocab_size as u64)),
        );
        table.row("n-grams", orders(self.ngrams));
        if let Some(found) = output.path().and_then(|path| path.metadata().ok()) {
            table.row("size", bytes(found.len()));
        }
        table.row("time", duration(self.seconds));
        table
    }
}
