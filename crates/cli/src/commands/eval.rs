//! `elman eval`: the perplexity of texts, printed with everything that was counted.

use super::{check_markers, cpu, name_of, refuse_model, sources};
use crate::args::{named, thread_count};
use crate::output::{Table, bytes, count, duration, grouped, number, percent, say, usage};
use crate::progress::spinner;
use anyhow::Result;
use clap::{Args, ValueHint};
use elman::Model;
use elman::infer::{
    Answered, EvalOptions, Evaluation, Progress, Weights, evaluate, evaluate_answers,
};
use elman::ngram::arpa;
use elman::text::{self, EOS, Kind, Layout, ReadOptions, Source};
use serde::Serialize;
use std::borrow::Cow;
use std::f64::consts::LOG10_E;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

/// Measure the perplexity of a text under a model
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman eval runs/kjv test.txt                  # exact: one stream, every token predicted
  elman eval runs/kjv test.txt --batch-size 32  # faster and approximate
  elman eval runs/kjv test.txt --layout sentences  # each line by itself
  elman eval runs/adding test.txt --loss-after =   # how often is what follows '=' the most likely?
  elman eval runs/kjv part1.txt part2.txt.gz    # several texts as one
  elman eval runs/kjv wiki.txt --document-separator '---'  # each document from the beginning
  elman eval runs/kjv test.txt --weights int8   # matrices of eight bits
  elman eval lm.arpa.gz test.txt                # an n-gram model
  head -n 100 test.txt | elman eval runs/kjv -  # from a pipe
  elman eval runs/kjv test.txt --json | jq .perplexity")]
pub struct EvalArgs {
    /// The directory of a model or of a run, or the file of an n-gram model
    #[arg(value_hint = ValueHint::AnyPath)]
    model: PathBuf,
    /// Text, plain, gzip or zstd; several are read as one, in this order; '-' is standard input
    #[arg(value_name = "TEXT", required = true, value_hint = ValueHint::FilePath)]
    texts: Vec<PathBuf>,
    /// Read the text as one stream, or each line by itself, from <eos> and the zero state [default: as the model was trained]
    #[arg(long, value_name = "NAME", value_parser = named::<Layout>(&["stream", "sentences"]))]
    layout: Option<Layout>,
    /// Score N slices of the text in parallel: faster, but approximate, since each slice starts without context; in layout sentences N lines, which is exact
    #[arg(long, short = 'B', value_name = "N", alias = "lanes")]
    batch_size: Option<usize>,
    /// Evaluate only what follows the last TOKEN of each line, and count how often it is the most likely
    #[arg(long, value_name = "TOKEN", conflicts_with = "layout")]
    loss_after: Option<String>,
    /// Number format of a network's matrices: bf16 takes half the memory, int8 a quarter, and both are faster
    #[arg(long, value_name = "NAME", default_value = "f32", value_parser = named::<Weights>(&["f32", "bf16", "int8"]))]
    weights: Weights,
    /// Read invalid UTF-8 as U+FFFD instead of refusing it
    #[arg(long)]
    lossy: bool,
    /// Take lines that are LINE as ends of documents; each document is read from the zero state and <eos>
    #[arg(long, value_name = "LINE", allow_hyphen_values = true)]
    document_separator: Option<String>,
    /// Leave out the words <s> and </s> that other programs write around sentences (lmplz's --skip_symbols)
    #[arg(long, alias = "skip_symbols")]
    skip_symbols: bool,
    /// Threads; any number gives the same figures [default: one for each CPU]
    #[arg(long, short = 't', value_name = "N", value_parser = thread_count())]
    threads: Option<u16>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Print, instead of the figures, a line for each token: the token, log10 of its probability
    /// and, of an n-gram model, the length of the n-gram found
    #[arg(long, conflicts_with_all = ["json", "batch_size", "loss_after"])]
    per_token: bool,
}

pub fn run(args: EvalArgs) -> Result<()> {
    let options = EvalOptions {
        layout: args.layout,
        batch_size: args.batch_size,
        window: None,
    };
    options.check()?;
    for text in &args.texts {
        refuse_model(
            text,
            "name one model, then texts; `elman compare` takes several models",
        )?;
    }
    let sources = sources(&args.texts)?;
    let model = Model::load_as(&args.model, args.weights)?.with_cpu(cpu(args.threads));
    check_markers(args.skip_symbols, model.vocab().kind())?;
    let read = ReadOptions {
        lossy: args.lossy,
        skip_markers: args.skip_symbols,
        range: None,
        separator: args.document_separator.clone(),
        ..ReadOptions::default()
    };
    if args.per_token {
        return per_token(&model, &args, sources, &read);
    }
    let spinner = spinner(args.json);
    let mut show = |progress: Progress| {
        let loss = progress.total_nats / progress.tokens.max(1) as f64;
        spinner.set_message(format!(
            "{} tokens, perplexity {}",
            grouped(progress.tokens),
            number(loss.exp())
        ));
    };
    if let Some(token) = &args.loss_after {
        if model.as_network().is_none() {
            return Err(usage(
                "--loss-after is for networks: an n-gram model is not asked for its most likely token",
            ));
        }
        let (read, batch_size) = (&read, args.batch_size);
        let answered = evaluate_answers(&model, sources, read, token, batch_size, &mut show);
        spinner.finish_and_clear();
        let answered = answered?;
        return print(&args, &model, &answered, &answered.notes, answers);
    }
    if args.batch_size.is_some() && model.as_network().is_none() {
        return Err(usage(
            "--batch-size is for networks: an n-gram model needs no batches",
        ));
    }
    let evaluation = evaluate(&model, sources, &read, &options, &mut show);
    spinner.finish_and_clear();
    let evaluation = evaluation?;
    print(&args, &model, &evaluation, &evaluation.notes, table)
}

/// Prints what was found, as JSON or as the table that `show` makes of it.
fn print<T: Serialize>(
    args: &EvalArgs,
    model: &Model,
    found: &T,
    notes: &[String],
    show: fn(&EvalArgs, &Model, &T) -> Table,
) -> Result<()> {
    let mut out = io::stdout().lock();
    if args.json {
        let body = Json {
            model: args.model.to_string_lossy(),
            texts: args.texts.iter().map(|p| p.to_string_lossy()).collect(),
            found,
        };
        serde_json::to_writer(&mut out, &body)?;
        writeln!(out)?;
    } else {
        let notes = model.notes().iter().chain(notes);
        notes.for_each(|note| say(format_args!("note: {note}")));
        writeln!(out, "{}", show(args, model, found))?;
    }
    Ok(out.flush()?)
}

/// Prints every token with log10 of its probability and, for an n-gram model, the length of the n-gram that gave it.
fn per_token(
    model: &Model,
    args: &EvalArgs,
    sources: Vec<Source>,
    read: &ReadOptions,
) -> Result<()> {
    model
        .check_words("a list of tokens (`elman score --per token` prints the words of the text)")?;
    let layout = args.layout.unwrap_or(model.layout());
    let (vocab, per_line) = (model.vocab(), layout == Layout::Sentences);
    let mut out = BufWriter::new(io::stdout().lock());
    let mut session = model.clone().with_layout(layout).session();
    let document_end = match (&read.separator, per_line) {
        (Some(_), false) => Some(vocab.document_end()?),
        _ => None,
    };
    // An n-gram model also says how long an n-gram it has found.
    let mut ngram = model.as_ngram().map(|model| (model, model.start()));
    text::encode(sources, vocab, read, &mut |symbol| -> Result<()> {
        let name = match symbol.id == vocab.eos() {
            true => EOS.into(),
            false => arpa::escape(vocab.kind(), vocab.token_bytes(symbol.id)),
        };
        match &mut ngram {
            Some((model, state)) => {
                let (log10, order) = model.full_advance(state, symbol.id);
                let ends = per_line && vocab.ends_line(symbol.id);
                if ends || Some(symbol.id) == document_end {
                    *state = model.start();
                }
                writeln!(out, "{name}\t{log10}\t{order}")?;
            }
            None => {
                let log_prob = session.score_tokens(&[symbol.id])?[0];
                if Some(symbol.id) == document_end {
                    session.reset();
                }
                writeln!(out, "{name}\t{}", log_prob * LOG10_E)?;
            }
        }
        Ok(())
    })?;
    Ok(out.flush()?)
}

#[derive(Serialize)]
struct Json<'a, T> {
    model: Cow<'a, str>,
    texts: Vec<Cow<'a, str>>,
    #[serde(flatten)]
    found: &'a T,
}

fn answers(args: &EvalArgs, model: &Model, a: &Answered) -> Table {
    let mut table = Table::default();
    table.row("model", model_line(args, model));
    let read = grouped(a.tokens_read);
    table.row("text", format!("{} ({read} tokens)", name_of(&args.texts)));
    let asked = count(a.counts.tokens as usize, "token");
    table.row(
        "answers",
        format!(
            "{asked} after '{}', in {} of {}",
            a.after,
            grouped(a.counts.lines),
            count(a.lines_read as usize, "line")
        ),
    );
    if a.oov > 0 {
        table.row("OOVs", format!("{} of all tokens", grouped(a.oov)));
    }
    let of = |right: u64, all: u64| format!("{} of {}", grouped(right), grouped(all));
    let tokens = of(a.counts.right, a.counts.tokens);
    table.row(
        "accuracy",
        format!("{} ({tokens} tokens)", percent(a.accuracy)),
    );
    let lines = of(a.counts.lines_right, a.counts.lines);
    table.row(
        "whole answers",
        format!("{} ({lines} lines)", percent(a.line_accuracy)),
    );
    table.row(
        "loss",
        format!("{:.6} nats per token of an answer", a.loss_nats),
    );
    table.row("perplexity", precise(a.perplexity));
    table.row("text hash", &a.text_hash);
    table.row("model id", &a.model_id);
    let speed = grouped(a.tokens_per_second.round() as u64);
    table.row("time", format!("{}, {speed} tokens/s", duration(a.seconds)));
    table
}

fn model_line(args: &EvalArgs, model: &Model) -> String {
    let (path, architecture) = (args.model.display(), model.architecture());
    let parameters = grouped(model.parameters());
    format!("{path} ({architecture}, {parameters} parameters)")
}

fn table(args: &EvalArgs, model: &Model, e: &Evaluation) -> Table {
    let mut table = Table::default();
    table.row("model", model_line(args, model));
    let size = bytes(e.bytes);
    table.row(
        "text",
        format!(
            "{} ({size}, {} characters)",
            name_of(&args.texts),
            grouped(e.chars)
        ),
    );
    let how = match (e.layout, e.approximate) {
        (Layout::Stream, true) => format!(
            "approximate: {}, each from the zero state",
            count(e.batch_size, "slice")
        ),
        (Layout::Stream, false) => "exact: one stream from the zero state".into(),
        (Layout::Sentences, _) => {
            "exact: each line by itself, from <eos> and the zero state".into()
        }
    };
    table.row("reading", how);
    table.row("tokens", grouped(e.tokens));
    let share = 100.0 * e.oov as f64 / e.tokens.max(1) as f64;
    table.row("OOVs", format!("{} ({share:.2} %)", grouped(e.oov)));
    if e.lost_chars > 0 {
        let (lost, chars) = (grouped(e.lost_chars), grouped(e.chars));
        let share = 100.0 * e.lost_chars as f64 / e.chars.max(1) as f64;
        table.row(
            "lost",
            format!("{lost} of {chars} characters ({share:.2} %): decoding does not restore them, and no token was predicted for them"),
        );
    }
    table.row("loss", format!("{:.6} nats per token", e.loss_nats));
    if e.oov > 0 {
        table.row(
            "perplexity",
            format!(
                "{} with OOVs (read and predicted as <unk>)",
                precise(e.perplexity)
            ),
        );
        let without = e
            .perplexity_without_oov
            .map_or("none: no token is known".into(), precise);
        table.row("", format!("{without} without OOVs"));
    } else {
        table.row("perplexity", precise(e.perplexity));
    }
    if let Some(ppl1) = e.ppl1.filter(|_| tokens_are_words(e.vocab_kind)) {
        table.row(
            "ppl1",
            format!(
                "{} (SRILM's: no OOVs, and line ends are not counted as tokens)",
                precise(ppl1)
            ),
        );
    }
    let words = format!(
        "{} words and {} line ends",
        grouped(e.fields),
        grouped(e.line_ends)
    );
    table.row(
        "per word",
        format!("{} ({words})", precise(e.perplexity_per_word)),
    );
    match (e.bits_per_char, e.bits_per_byte) {
        (Some(char), Some(byte)) => {
            table.row(
                "bits",
                format!("{char:.4} per character, {byte:.4} per byte"),
            );
        }
        _ => table.row("bits", e.no_bits_because.as_deref().unwrap_or("none")),
    }
    let vocabulary = format!("{}, {} entries", e.vocab_kind, grouped(e.vocab_size as u64));
    table.row("vocabulary", format!("{} ({vocabulary})", e.vocab_hash));
    table.row("text hash", &e.text_hash);
    table.row("model id", &e.model_id);
    let speed = grouped(e.tokens_per_second.round() as u64);
    table.row("time", format!("{}, {speed} tokens/s", duration(e.seconds)));
    table
}

/// Whether a perplexity per token is one per word, as those of SRILM are.
fn tokens_are_words(kind: Kind) -> bool {
    !matches!(kind, Kind::Chars | Kind::Bytes | Kind::Bpe | Kind::Foreign)
}

/// A perplexity to be quoted: two decimals, as in the literature.
pub(super) fn precise(perplexity: f64) -> String {
    match perplexity {
        0.0..1e6 => format!("{perplexity:.2}"),
        _ => number(perplexity),
    }
}
