//! `elman ngram train`: counting, estimating, writing, and what is said about it.

use super::output_file::{Output, write_arpa, write_model};
use super::texts::Texts;
use crate::args::{Limit, Thresholds, Vocabulary, positive, size, thread_count};
use crate::commands::{check_markers, name_of, threads};
use crate::output::{Table, bytes, duration, grouped, say, usage};
use crate::progress::spinner;
use crate::vocabulary::VocabularyArgs;
use anyhow::Result;
use clap::{Args, ValueHint};
use elman::ngram::{
    Builder, CountOptions, Counts, Discounts, FALLBACK, History, NgramError, Tally, Words, prune,
};
use elman::store::disk;
use elman::text::{Kind, ReadOptions, TextStats};
use elman::train::peak_bytes;
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

/// Train an n-gram model: interpolated modified Kneser-Ney
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman ngram train corpus.txt -o lm.arpa                    # order 5, words between spaces
  elman ngram train corpus.txt -o lm.bin --order 3           # the compact form: loads at once
  zcat news/*.gz | elman ngram train - -o news.arpa.gz --prune 0,0,1 --memory 4GiB
  elman ngram train data/kjv.txt -o kjv5.bin --vocab-from runs/kjv   # to mix with a network
  elman ngram train names.txt -o names.bin --vocab chars --order 8
  elman ngram train corpus.txt -o small.arpa --prune-entropy 1e-7")]
pub struct NgramTrainArgs {
    /// Training text, plain, gzip or zstd, in this order; '-' is standard input
    #[arg(value_name = "TEXT", required = true, value_hint = ValueHint::FilePath)]
    texts: Vec<PathBuf>,
    /// Where to write: .arpa or .lm is ARPA text, .arpa.gz compressed, .bin the compact form; '-' is
    /// ARPA text on standard output
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: PathBuf,
    /// Replace the output file if it exists
    #[arg(long)]
    force: bool,
    /// Words of the longest n-grams
    #[arg(long, short = 'n', value_name = "N", default_value = "5")]
    order: usize,

    /// What a token is: fields (the words between spaces and tabs, as in ARPA files; whitespace is the same
    /// here), words, chars, bytes, or bpe:N, byte-pair encoding with N entries
    #[arg(
        long,
        value_name = "KIND",
        help_heading = "Text",
        default_value = "fields"
    )]
    vocab: Vocabulary,
    /// Treat words seen fewer than N times as <unk>
    #[arg(long, value_name = "N", help_heading = "Text", default_value = "1")]
    min_count: u64,
    /// Most entries of the vocabulary, the special tokens included
    #[arg(
        long,
        value_name = "N|all",
        help_heading = "Text",
        default_value = "all"
    )]
    max_vocab: Limit<usize>,
    #[command(flatten)]
    vocabulary: VocabularyArgs,
    /// Read invalid UTF-8 as U+FFFD instead of refusing it
    #[arg(long, help_heading = "Text")]
    lossy: bool,
    /// Leave out the words <s> and </s> that other programs write around sentences (lmplz's --skip_symbols)
    #[arg(long, alias = "skip_symbols", help_heading = "Text")]
    skip_symbols: bool,

    /// Leave out n-grams seen at most N times: one count per order, starting with 0 and never decreasing,
    /// such as 0,0,1 or "0 0 1"; the last applies to all higher orders
    #[arg(long, value_name = "0,N,...", help_heading = "Pruning")]
    prune: Option<Thresholds>,
    /// Then leave out those whose absence raises the perplexity by less than this share, such as
    /// 1e-7 (Stolcke 1998); the model must fit into memory
    #[arg(long, value_name = "X", help_heading = "Pruning", value_parser = positive)]
    prune_entropy: Option<f64>,

    /// Memory, such as 4GiB or 80%; what does not fit is sorted on disk, and a .bin is put together there.
    /// --prune-entropy needs the whole model in memory
    #[arg(long, short = 'S', value_name = "SIZE", help_heading = "Machine", value_parser = size, default_value = "1GiB")]
    memory: u64,
    /// Directory of scratch files [default: the system's directory of temporary files]
    #[arg(long, short = 'T', value_name = "DIR", help_heading = "Machine", value_hint = ValueHint::DirPath)]
    scratch: Option<PathBuf>,
    /// Threads; any number gives the same model [default: one for each CPU]
    #[arg(long, short = 't', value_name = "N", help_heading = "Machine", value_parser = thread_count())]
    threads: Option<u16>,
    /// Print one JSON object
    #[arg(long, help_heading = "Machine")]
    json: bool,
}

pub fn run(args: NgramTrainArgs) -> Result<()> {
    let started = Instant::now();
    let output = Output::parse(&args.output)?;
    let options = CountOptions {
        order: args.order,
        prune: args.prune.clone().unwrap_or_default().0,
        memory_bytes: args.memory,
        threads: threads(args.threads),
        scratch: args.scratch.clone().unwrap_or_else(std::env::temp_dir),
    };
    if output == Output::Stdout && args.json {
        return Err(usage(
            "the model and --json cannot both go to standard output: name a file with -o",
        ));
    }
    options.check()?;
    let from = args.vocabulary.from();
    let inputs = args.texts.iter().map(PathBuf::as_path);
    output.check(inputs.chain(from.path()), args.force)?;
    disk::scratch(&options.scratch)?; // what cannot be written is said now, not after the counting
    let texts = Texts::new(&args.texts, &options.scratch)?;
    let read = ReadOptions {
        lossy: args.lossy,
        skip_markers: args.skip_symbols,
        threads: options.threads,
        ..ReadOptions::default()
    };
    let shown = spinner(args.json);

    shown.set_message("counting words");
    let most = args.max_vocab.value().or(args.vocab.entries);
    let kind = match args.vocab.kind {
        Kind::Whitespace => Kind::Fields,
        kind => kind,
    };
    let vocab = from.vocab(texts.open()?, kind, &read, args.min_count, most)?;
    if vocab.kind().has_engine() && matches!(output, Output::Arpa(_) | Output::Stdout) {
        let kind = vocab.kind();
        return Err(NgramError::NoArpa { kind }.into());
    }
    check_markers(args.skip_symbols, vocab.kind())?;
    let words = Words::new(vocab);
    let counts = Counts::of(texts.open()?, &read, &words, &options, &mut |tokens| {
        shown.set_message(format!("counting n-grams: {} tokens", grouped(tokens)));
    })?;
    let mut report = Report::new(&args, &counts, &words);

    let total: u64 = counts.kept().iter().sum();
    let mut estimated = |done: u64| {
        shown.set_message(format!(
            "estimating: {} of {} n-grams",
            grouped(done),
            grouped(total)
        ));
    };
    if args.prune_entropy.is_none() && !matches!(output, Output::Binary(_)) {
        write_arpa(&output, |out| {
            counts.write_arpa(out, &mut estimated).map(drop)
        })?;
    } else if let (None, Output::Binary(path)) = (args.prune_entropy, &output) {
        counts.write_binary(path, &mut |_| shown.set_message("building the model"))?;
    } else {
        let mut builder = Builder::new(words, args.order);
        let mut done = 0u64;
        counts.estimate(&mut |gram, p, weight| -> Result<()> {
            done += 1;
            if done.is_multiple_of(1 << 16) {
                estimated(done);
            }
            Ok(builder.push(gram, p, weight)?)
        })?;
        shown.set_message("building the model");
        let mut model = builder.finish()?;
        if let Some(threshold) = args.prune_entropy {
            shown.set_message("pruning");
            let history = History::read(&model, texts.open()?, &read)?;
            model = prune(&model, &history, threshold)?;
            report.pruned_to(model.counts());
        }
        shown.set_message("writing");
        write_model(&output, &model)?;
    }
    shown.finish_and_clear();
    report.bytes = output
        .path()
        .and_then(|path| path.metadata().ok())
        .map(|found| found.len());
    report.seconds = started.elapsed().as_secs_f64();
    report.peak_bytes = peak_bytes();
    report.print(&args, &output)
}

/// What training has found, for people and for programs.
#[derive(Serialize)]
struct Report {
    order: usize,
    vocab_kind: Kind,
    vocab_size: usize,
    vocab_hash: String,
    orders: Vec<OrderReport>,
    text: TextStats,
    bytes: Option<u64>,
    seconds: f64,
    peak_bytes: Option<u64>,
}

#[derive(Serialize)]
struct OrderReport {
    n: usize,
    /// In the model.
    ngrams: u64,
    /// In the text.
    distinct: u64,
    discounts: [f64; 3],
    /// The counts define no discounts; these are the usual ones.
    fallback: bool,
}

impl Report {
    fn new(args: &NgramTrainArgs, counts: &Counts, words: &Words) -> Report {
        let orders = counts
            .tallies()
            .iter()
            .zip(counts.discounts())
            .zip(counts.kept());
        let order =
            |(n, ((tally, discounts), ngrams)): (usize, ((&Tally, Discounts), u64))| OrderReport {
                n,
                ngrams,
                distinct: tally.distinct,
                discounts: discounts.amounts,
                fallback: discounts.fallback,
            };
        Report {
            order: args.order,
            vocab_kind: words.vocab().kind(),
            vocab_size: words.vocab().len(),
            vocab_hash: words.vocab().hash().to_owned(),
            orders: (1..).zip(orders).map(order).collect(),
            text: counts.stats().clone(),
            bytes: None,
            seconds: 0.0,
            peak_bytes: None,
        }
    }

    fn pruned_to(&mut self, counts: &[u64]) {
        self.orders
            .iter_mut()
            .zip(counts)
            .for_each(|(order, &kept)| order.ngrams = kept);
    }

    fn print(&self, args: &NgramTrainArgs, output: &Output) -> Result<()> {
        if args.json {
            return Ok(writeln!(io::stdout(), "{}", serde_json::to_string(self)?)?);
        }
        self.text
            .notes
            .iter()
            .for_each(|note| say(format_args!("note: {note}")));
        let without = self.orders.iter().filter(|order| order.fallback);
        let without: Vec<String> = without.map(|order| order.n.to_string()).collect();
        if !without.is_empty() {
            let orders = if without.len() == 1 {
                "order"
            } else {
                "orders"
            };
            let [one, two, more] = FALLBACK;
            say(format_args!(
                "note: the text is too small or too regular to estimate the discounts of {orders} {}: using {one}, {two} and {more}",
                without.join(", ")
            ));
        }
        let Some(path) = output.path() else {
            return Ok(()); // the model itself went to standard output
        };
        let mut table = Table::default();
        let text = &self.text;
        let oov = match text.oov {
            0 => String::new(),
            oov => format!(", {} of them <unk>", grouped(oov)),
        };
        table.row(
            "text",
            format!(
                "{} ({}, {} tokens{oov})",
                name_of(&args.texts),
                bytes(text.bytes),
                grouped(text.tokens)
            ),
        );
        table.row(
            "vocabulary",
            format!(
                "{}, {} entries",
                self.vocab_kind,
                grouped(self.vocab_size as u64)
            ),
        );
        for order in &self.orders {
            let [one, two, more] = order.discounts;
            let left = match order.distinct.saturating_sub(order.ngrams) {
                0 => String::new(),
                left => format!(", {} left out", grouped(left)),
            };
            let discounts = format!("discounts {one:.4} {two:.4} {more:.4}");
            table.row(
                format!("order {}", order.n),
                format!("{} n-grams{left}; {discounts}", grouped(order.ngrams)),
            );
        }
        table.row(
            "model",
            format!("{} ({})", path.display(), bytes(self.bytes.unwrap_or(0))),
        );
        let peak = self.peak_bytes.map_or(String::new(), |peak| {
            format!(", at most {} of memory", bytes(peak))
        });
        table.row("time", format!("{}{peak}", duration(self.seconds)));
        Ok(writeln!(io::stdout(), "{table}")?)
    }
}
