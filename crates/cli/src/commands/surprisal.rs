//! `elman surprisal`: surprisal, entropy and reduction of entropy of every word of a text.

mod adapt;
mod picture;
mod rows;

use super::scorer::{self, ModelArgs, Output, TextArgs, print_notes};
use super::{name_of, sources};
use crate::output::count;
use crate::progress::Ticker;
use adapt::AdaptArgs;
use anyhow::{Error, Result};
use clap::{ArgGroup, Args, ValueEnum, ValueHint};
use elman::Model;
use elman::infer::{
    LineSurprisals, Spelling, SurprisalOptions, Words, adaptive_surprisals, corrects_words,
    surprisals,
};
use elman::text::{Kind, Layout};
use elman_report::Text;
use picture::{Picture, Terminal};
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
///
/// --format terminal and --format html show the text itself, coloured by surprisal.
#[derive(Args)]
#[command(group(ArgGroup::new("written").args(["output", "save_adapted"]).multiple(true)))]
#[command(after_help = "\
Examples:
  elman surprisal runs/kjv story.txt > story.tsv        # a sentence a line, a row for each word
  echo 'And God said' | elman surprisal kjv5.bin        # an n-gram model, from a pipe
  elman surprisal runs/bpe story.txt --continuous       # each sentence after all sentences before it
  elman surprisal runs/bpe story.txt --naive            # without the correction for spaces
  elman surprisal runs/kjv items.txt --regions          # the regions of each item are separated by tabs
  elman surprisal runs/kjv story.txt --end --format csv # with a row for the end of each sentence
  elman surprisal runs/kjv story.txt --json | jq .surp
  elman surprisal runs/kjv story.txt -f terminal | less -R   # the text, coloured by surprisal
  elman surprisal runs/kjv story.txt -f html -o story.html   # the same as a page
  elman surprisal runs/kjv story.txt --adapt                 # the network learns from each sentence that it has read")]
pub struct SurprisalArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// Shape of the output: tsv and csv have a header, jsonl has an object on each line, terminal and html are the text coloured by surprisal
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
    /// Replace the output file, and the model that --save-adapted names, if they exist
    #[arg(long, help_heading = "Output", requires = "written")]
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
    adapt: AdaptArgs,

    #[command(flatten)]
    text: TextArgs,
}

/// Shape of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shape {
    Tsv,
    Csv,
    Jsonl,
    Terminal,
    Html,
}

/// Unit of surprisal and entropy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Unit {
    Bits,
    Nats,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Unit::Bits => "bits",
            Unit::Nats => "nats",
        }
    }

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

/// What is written about each line.
enum View {
    Rows(Rows),
    Terminal(Terminal),
    Page(Picture),
}

impl View {
    fn new(args: &SurprisalArgs) -> View {
        match args.format {
            Shape::Terminal => View::Terminal(Terminal::default()),
            Shape::Html => View::Page(Picture::new(args.unit)),
            Shape::Tsv | Shape::Csv | Shape::Jsonl => View::Rows(Rows::new(args)),
        }
    }

    fn line(&mut self, line: &LineSurprisals<'_>, out: &mut dyn Write) -> Result<()> {
        match self {
            View::Rows(rows) => rows.line(line, out)?,
            View::Terminal(terminal) => terminal.line(line, out)?,
            View::Page(picture) => picture.line(line),
        }
        Ok(())
    }
}

/// Reads the texts and writes what is asked for.
fn print(args: &SurprisalArgs, model: &Model, out: &mut dyn Write) -> Result<()> {
    let (paths, read) = (args.text.paths(), args.text.read_options());
    let texts = sources(&paths)?;
    let layout = match args.continuous {
        true => Layout::Stream,
        false => Layout::Sentences,
    };
    let options = SurprisalOptions {
        layout,
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
    let mut learner = args.adapt.network(model, &args.model, layout, args.force)?;
    let mut view = View::new(args);
    let mut ticker = Ticker::new(args.quiet, args.output.is_none());
    let mut words = 0;
    let mut sink = |line: LineSurprisals<'_>| {
        view.line(&line, out)?;
        words += line.words.len();
        ticker.tick(|| {
            format!(
                "{} in {}",
                count(words, "word"),
                count(line.number as usize, "sentence")
            )
        });
        Ok::<(), Error>(())
    };
    let stats = match &mut learner {
        Some(learner) => adaptive_surprisals(learner, texts, &read, &options, &mut sink)?,
        None => surprisals(model, texts, &read, &options, &mut sink)?,
    };
    ticker.finish();
    let mut conditions = conditions(args, model);
    if let Some(learner) = &learner {
        args.adapt.save(learner)?;
        conditions.extend(args.adapt.notes(learner));
    }
    if let View::Page(picture) = view {
        let name = name_of(&paths);
        let facts = [
            (
                "model",
                format!("{} ({})", args.model.name(), model.architecture()),
            ),
            ("text", name.clone()),
        ];
        let facts = facts.map(|(name, value)| (name.into(), Text::plain(value)));
        let page = picture.page(&name, facts.to_vec(), &conditions);
        out.write_all(page.to_html().as_bytes())?;
    }
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
