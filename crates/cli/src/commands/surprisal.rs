//! `elman surprisal`: surprisal, entropy and reduction of entropy of every word of a text.

mod rows;

use super::scorer::{self, ModelArgs, Output, TextArgs, print_notes};
use super::sources;
use crate::output::count;
use crate::progress::Ticker;
use anyhow::{Error, Result};
use clap::{Args, ValueEnum, ValueHint};
use elman::Model;
use elman::infer::{Spelling, SurprisalOptions, Words, corrects_words, surprisals};
use elman::text::{Kind, Layout};
use rows::Rows;
use std::f64::consts::LN_2;
use std::io::Write;
use std::path::PathBuf;

/// Print the surprisal of every word of a text, with the entropy before it
///
/// Prints a header and a row for each word: word, sentid, sentpos, wlen, surp, entropy and entred are the columns of neural-complexity, in bits and with numbers from 0; unk is 1 where
/// the vocabulary lacks the word, tokens is the number of its tokens, and context the number of words before it that the model has read. Words are those of the text, whatever the
/// tokens of the model are. The first word of a sentence is conditioned on the beginning of a text (<eos> and the zero state, or <s>), or with --continuous on all words before it.
///
/// Where tokens carry the space before them, the probability of a word is corrected for the space that ends it (Pimentel and Meister 2024; Oh and Schuler 2024).
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman surprisal runs/kjv story.txt > story.tsv        # a sentence a line, a row for each word
  echo 'And God said' | elman surprisal kjv5.bin        # an n-gram model, from a pipe
  elman surprisal runs/bpe story.txt --continuous       # each sentence after all sentences before it
  elman surprisal runs/bpe story.txt --naive            # without the correction for spaces
  elman surprisal runs/kjv items.txt --regions          # the regions of each item are separated by tabs
  elman surprisal runs/kjv story.txt --end --format csv # with a row for the end of each sentence
  elman surprisal runs/kjv story.txt --json | jq .surp")]
pub struct SurprisalArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// Shape of the output: tsv and csv have a header, jsonl has an object on each line
    #[arg(
        long,
        short = 'f',
        value_name = "FORMAT",
        default_value = "tsv",
        help_heading = "Output"
    )]
    format: Shape,
    /// Print JSON: --format jsonl
    #[arg(long, help_heading = "Output", conflicts_with = "format")]
    json: bool,
    /// Unit of surprisal and entropy
    #[arg(
        long,
        value_name = "UNIT",
        default_value = "bits",
        help_heading = "Output"
    )]
    unit: Unit,
    /// Add a row for the end of each sentence, called <eos>
    #[arg(long, help_heading = "Output")]
    end: bool,
    /// Write to this file, which appears only when it is complete [default: standard output]
    #[arg(long, short = 'o', value_name = "FILE", help_heading = "Output", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// Replace the output file if it exists
    #[arg(long, help_heading = "Output", requires = "output")]
    force: bool,
    /// Do not show progress and notes on standard error
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,

    /// Read the text as one stream: each sentence after all sentences before it
    #[arg(long, help_heading = "Words")]
    continuous: bool,
    /// Words are the fields between tabs: regions of one or more words
    #[arg(long, help_heading = "Words")]
    regions: bool,
    /// Give a word the product of the probabilities of its tokens, without the correction for spaces
    #[arg(long, help_heading = "Words")]
    naive: bool,
    /// Largest number of sentences that are read side by side; it changes speed and memory, and no result
    #[arg(
        long,
        short = 'B',
        value_name = "N",
        default_value = "32",
        help_heading = "Words"
    )]
    batch_size: usize,

    #[command(flatten)]
    text: TextArgs,
}

/// Shape of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shape {
    Tsv,
    Csv,
    Jsonl,
}

/// Unit of surprisal and entropy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Unit {
    Bits,
    Nats,
}

impl Unit {
    fn of(self, nats: f64) -> f64 {
        let scaled = match self {
            Unit::Bits => nats / LN_2,
            Unit::Nats => nats,
        };
        // Without a sign where it is zero.
        scaled + 0.0
    }
}

pub fn run(args: SurprisalArgs) -> Result<()> {
    let file = args.output.as_deref();
    let model = scorer::load(&args.model, &args.text, file, args.force)?;
    let mut out = Output::open(file)?;
    print(&args, &model, &mut out)?;
    out.commit()
}

/// Reads the texts and writes all rows.
fn print(args: &SurprisalArgs, model: &Model, out: &mut dyn Write) -> Result<()> {
    let (texts, read) = (sources(&args.text.paths())?, args.text.read_options());
    let options = SurprisalOptions {
        layout: match args.continuous {
            true => Layout::Stream,
            false => Layout::Sentences,
        },
        batch_size: args.batch_size,
        words: match args.regions {
            true => Words::Regions,
            false => Words::Fields,
        },
        spelling: match args.naive {
            true => Spelling::Naive,
            false => Spelling::Exact,
        },
    };
    let mut rows = Rows::new(args);
    let mut ticker = Ticker::new(args.quiet, args.output.is_none());
    let stats = surprisals(model, texts, &read, &options, &mut |line| {
        rows.line(&line, out)?;
        ticker.tick(|| {
            format!(
                "{} in {}",
                count(rows.words(), "word"),
                count(line.number as usize, "sentence")
            )
        });
        Ok::<(), Error>(())
    })?;
    ticker.finish();
    let conditions = conditions(args, model);
    let notes = model.notes().iter().chain(&stats.notes);
    print_notes(args.quiet, notes.chain(&conditions));
    Ok(())
}

/// Notes that say what the numbers are conditioned on.
fn conditions(args: &SurprisalArgs, model: &Model) -> Vec<String> {
    let beginning = match model.as_ngram() {
        Some(_) => "<s>",
        None => "<eos> and the zero state",
    };
    let first = match args.continuous {
        false => format!("the first word of each sentence is conditioned on {beginning}"),
        true => format!(
            "each word is conditioned on all words before it, and the first one of the text on {beginning}"
        ),
    };
    let kind = model.vocab().kind();
    let uncorrected = kind == Kind::Foreign && !args.naive && !corrects_words(model);
    let note = uncorrected.then(|| {
        "the tokens of this tokenizer do not say where words begin: a word has the product of the probabilities of its tokens".to_owned()
    });
    [first].into_iter().chain(note).collect()
}
