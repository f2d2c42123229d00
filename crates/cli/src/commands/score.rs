//! `elman score`: the log-probability of every line of a text, in the shapes of KenLM, SRILM and tables, or the lines that it lets through.

mod choices;
mod filter;
mod kenlm;
mod names;
mod shard;
mod srilm;
mod table;

use self::choices::{Choices, Detail, Shape, Unit};
use super::scorer::{self, ModelArgs, Output, TextArgs, print_notes};
use super::{name_of, sources};
use crate::args::{Share, named};
use crate::output::{count, grouped, number, usage};
use crate::progress::Ticker;
use anyhow::{Error, Result};
use clap::{Args, ValueHint};
use elman::Model;
use elman::infer::{LineOptions, LineSums, ScoredLine, Unknown, score_lines};
use elman::text::{Layout, ReadOptions};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::PathBuf;

/// Print the log-probability of every line of a text
///
/// Each line is a sentence: it is scored from its beginning, and its end is predicted too. The text may have any number of lines. A
/// network scores lines of similar length together; the output keeps the order of the text. Unknown words are scored as <unk>.
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman score runs/kjv sentences.txt                     # a row for each line: log10 p, tokens, words, OOVs, perplexity
  elman score lm.arpa.gz corpus.txt.gz --format plain    # a number for each line
  zcat corpus.gz | elman score lm.bin > scores.tsv       # from a pipe
  elman score lm.bin test.txt --format srilm --per token # as SRILM's ngram -ppl test.txt -debug 2
  elman score lm.bin test.txt --format kenlm             # as KenLM's query
  elman score runs/kjv test.txt --format jsonl --per token --unit bits   # tokens with their log2 p, for programs
  elman score runs/kjv novel.txt --continuous            # lines in the context of all lines before them
  elman score runs/kjv test.txt --mix kjv5.bin:0.4       # a network and an n-gram model as one
  elman score runs/kjv corpus.txt -o scores.tsv          # a file that is there only when it is complete
  elman score lm.bin web.txt --filter head > clean.txt   # the 30 % of lines that are the most likely; or --filter ..500, a perplexity below 500
  elman score runs/kjv corpus.txt.gz --shard 3/12 -o scores   # one of 12 processes; run again, it does what is left
  parallel elman score lm.bin corpus.txt --shard {}/8 -o scores ::: {1..8}; cat scores/*.tsv > scores.tsv")]
pub struct ScoreArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// Shape of the output: tsv and csv have a header; jsonl has an object on each line; plain is one number a line; srilm prints what `ngram -ppl`
    /// prints, kenlm what `query` prints
    #[arg(
        long,
        short = 'f',
        value_name = "FORMAT",
        default_value = "tsv",
        help_heading = "Output"
    )]
    format: Shape,
    /// Detail of the output: a row for the whole text, for each sentence (line), or for each token. SRILM's -debug 0, 1 and 2; KenLM's -v summary,
    /// sentence and word [default: sentence; text with srilm, token with kenlm]
    #[arg(long, value_name = "DETAIL", help_heading = "Output")]
    per: Option<Detail>,
    /// Unit of log-probabilities: log10 (log10 p), nats (ln p) or bits (log2 p); srilm and kenlm have log10
    #[arg(
        long,
        value_name = "UNIT",
        default_value = "log10",
        help_heading = "Output"
    )]
    unit: Unit,
    /// Add the text of each line to its row
    #[arg(long, help_heading = "Output")]
    with_text: bool,
    /// Print JSON: --format jsonl
    #[arg(long, help_heading = "Output", conflicts_with = "format")]
    json: bool,
    /// Write to this file, which appears only when it is complete; with --shard to a file in this directory [default: standard output]
    #[arg(long, short = 'o', value_name = "FILE|DIR", help_heading = "Output", value_hint = ValueHint::AnyPath)]
    output: Option<PathBuf>,
    /// Replace the output file if it exists; with --shard also one that no shard has written
    #[arg(long, help_heading = "Output", requires = "output")]
    force: bool,
    /// Score the lines of shard I of N, from 1/N to N/N, each of about the same size; the output is DIR/0000I-of-0000N.tsv. A shard that is finished is
    /// skipped, and one that was killed is continued (Slurm: --array=1-N, --shard $SLURM_ARRAY_TASK_ID/N)
    #[arg(long, value_name = "I/N", help_heading = "Shards", requires = "output", conflicts_with_all = ["continuous"])]
    shard: Option<Share>,
    /// Number of lines per saved part; after a kill at most this many lines are scored again
    #[arg(long, value_name = "N", default_value = "50000", help_heading = "Shards", value_parser = clap::value_parser!(u64).range(1..))]
    part_lines: u64,

    /// Score the text as one stream: each line after all lines before it. The sum equals the total loss of `elman eval --layout stream`
    #[arg(long, help_heading = "Scoring")]
    continuous: bool,
    /// Leave out the end of each line (KenLM's eos=False)
    #[arg(long, help_heading = "Scoring", conflicts_with = "continuous")]
    no_end: bool,
    /// Treatment of unknown words: include scores them as <unk> (KenLM; ngram -unk), exclude leaves them out of log-probabilities and perplexities
    /// [default: include; exclude with srilm, as SRILM without -unk]
    #[arg(long, value_name = "HOW", help_heading = "Scoring", value_parser = named::<Unknown>(&["include", "exclude"]))]
    oov: Option<Unknown>,
    /// Largest number of lines that a network scores side by side; it changes speed and memory, and no result
    #[arg(
        long,
        short = 'B',
        value_name = "N",
        default_value = "32",
        help_heading = "Scoring"
    )]
    batch_size: usize,
    /// Print the lines of the text whose perplexity is in a range instead of scores: ..500, 50..500, or by rank in percent 0%..10%; head, middle and tail
    /// are 0%..30%, 30%..60% and 60%..100%, as CCNet cuts them. Ranks need files: the text is read twice
    #[arg(long, value_name = "RANGE", help_heading = "Output", allow_hyphen_values = true, conflicts_with_all = ["format", "json", "per", "unit", "with_text"])]
    filter: Option<filter::Filter>,
    /// Do not show progress and notes on standard error
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
    #[command(flatten)]
    text: TextArgs,
}

/// A shape of the output.
trait Writer {
    /// Whether a line with these sums is a sentence.
    fn counts(&self, _sums: &LineSums) -> bool {
        true
    }

    /// Writes a line of the text, whose sums are `sums`.
    fn line(
        &mut self,
        line: &ScoredLine<'_>,
        sums: &LineSums,
        out: &mut dyn Write,
    ) -> io::Result<()>;

    /// Writes the figures of the whole text, after the last line.
    fn end(&mut self, sums: &LineSums, out: &mut dyn Write) -> io::Result<()>;
}

/// Destination of the output.
trait Destination: Write {
    /// Is called when all of the output for a line has been written, with the sums of the line. Returns whether the lines up to this one
    /// are saved as a part, whose sums are added to those of the parts before it.
    fn line_written(&mut self, _sums: &LineSums) -> Result<bool> {
        Ok(false)
    }
}

impl Destination for Output {}
impl Destination for BufWriter<File> {}

/// The lines to score.
struct Job {
    /// Name of the text in the output.
    name: String,
    /// Bytes of the text; `None` for all.
    bytes: Option<Range<u64>>,
    /// Number of lines of the text before these bytes.
    lines_before: u64,
    /// Number of lines that are scored already, and their sums.
    skip: u64,
    sums: LineSums,
    /// Whether tables begin with a header.
    header: bool,
}

pub fn run(args: ScoreArgs) -> Result<()> {
    let choices = args.choices()?;
    let file = args.output.as_deref().filter(|_| args.shard.is_none());
    let model = scorer::load(&args.model, &args.text, file, args.force)?;
    if let (Some(directory), Some(which)) = (&args.output, args.shard) {
        return shard::run(&args, which, directory, choices, &model);
    }
    let job = Job {
        name: name_of(&args.text.paths()),
        bytes: None,
        lines_before: 0,
        skip: 0,
        sums: LineSums::default(),
        header: true,
    };
    let mut out = Output::open(file)?;
    print(&args, choices, &model, job, &mut out)?;
    out.commit()
}

/// Writes all of the output.
fn print(
    args: &ScoreArgs,
    choices: Choices,
    model: &Model,
    job: Job,
    out: &mut dyn Destination,
) -> Result<()> {
    if let Some(filter) = args.filter.filter(|filter| filter.by_rank()) {
        return filter::by_rank(args, filter, choices, model, job, out);
    }
    let (_, summary) = score(args, choices, model, job, out)?;
    Ok(out.write_all(&summary)?)
}

/// Scores the lines and writes their rows; returns the sums of all lines, and the output that follows the last line.
fn score(
    args: &ScoreArgs,
    choices: Choices,
    model: &Model,
    job: Job,
    out: &mut dyn Destination,
) -> Result<(LineSums, Vec<u8>)> {
    let unknown = choices.unknown;
    let mut writer: Box<dyn Writer> = match (args.filter, args.shape()) {
        (Some(filter), _) if filter.by_rank() => Box::new(filter::Perplexities(unknown)),
        (Some(filter), _) => Box::new(filter::Kept { filter, unknown }),
        (None, Shape::Srilm) => Box::new(srilm::Srilm::new(model, choices, job.name)),
        (None, Shape::Kenlm) => Box::new(kenlm::Kenlm::new(model, choices)),
        (None, shape) => Box::new(table::Table::new(
            shape, model, choices, job.name, job.header,
        )),
    };
    let read = ReadOptions {
        range: job.bytes,
        ..args.text.read_options()
    };
    let options = LineOptions {
        layout: choices.layout,
        batch_size: args.batch_size,
        ends: !args.no_end,
        skip: job.skip,
    };
    let mut ticker = Ticker::new(args.quiet, args.output.is_none());
    let (mut saved, mut open) = (job.sums, LineSums::default());
    let texts = sources(&args.text.paths())?;
    let stats = score_lines(model, texts, &read, &options, &mut |line| {
        let line = ScoredLine {
            number: line.number + job.lines_before,
            ..line
        };
        let mut of_line = LineSums::of(&line, model);
        match writer.counts(&of_line) {
            true => writer.line(&line, &of_line, out)?,
            false => of_line = LineSums::default(),
        }
        open += of_line;
        if out.line_written(&of_line)? {
            saved += std::mem::take(&mut open);
        }
        ticker.tick(|| {
            let mut sums = saved;
            sums += open;
            progress(&sums, choices.unknown)
        });
        Ok::<(), Error>(())
    })?;
    ticker.finish();
    saved += open;
    let mut summary = Vec::new();
    writer.end(&saved, &mut summary)?;
    print_notes(args.quiet, model.notes().iter().chain(&stats.notes));
    Ok((saved, summary))
}

/// Progress as it is shown: lines, tokens and perplexity so far.
fn progress(sums: &LineSums, unknown: Unknown) -> String {
    let perplexity = sums.perplexity(unknown).map_or("none".into(), number);
    format!(
        "{}, {} tokens, perplexity {perplexity}",
        count(sums.lines as usize, "line"),
        grouped(sums.tokens),
    )
}

impl ScoreArgs {
    fn shape(&self) -> Shape {
        if self.json { Shape::Jsonl } else { self.format }
    }

    /// Ending of the name of an output file.
    fn ending(&self) -> &'static str {
        match self.filter {
            Some(_) => "txt",
            None => self.shape().ending(),
        }
    }

    /// Everything that decides the output beside the model and the text, in words.
    fn described(&self, choices: Choices) -> String {
        let read = self.text.read_options();
        format!(
            "{:?} {choices:?} filter={:?} end={} lossy={} markers={} weights={}",
            self.shape(),
            self.filter,
            !self.no_end,
            read.lossy,
            !read.skip_markers,
            self.model.weights()
        )
    }

    /// The choices for the output.
    ///
    /// Errors: choices that the shape does not have.
    fn choices(&self) -> Result<Choices> {
        let shape = self.shape();
        let name = match shape {
            Shape::Srilm => "srilm",
            Shape::Kenlm => "kenlm",
            Shape::Plain => "plain",
            _ => "",
        };
        let foreign = matches!(shape, Shape::Srilm | Shape::Kenlm);
        if foreign && self.unit != Unit::Log10 {
            return Err(usage(format!(
                "--format {name} has log10 only: leave --unit out, or choose tsv, csv, jsonl or plain"
            )));
        }
        if (foreign || shape == Shape::Plain) && self.with_text {
            return Err(usage(format!(
                "--format {name} has no place for --with-text: choose tsv, csv or jsonl"
            )));
        }
        let detail = self.per.unwrap_or(match shape {
            Shape::Srilm => Detail::Text,
            Shape::Kenlm => Detail::Token,
            _ => Detail::Sentence,
        });
        if self.with_text
            && (detail == Detail::Text || detail == Detail::Token && shape != Shape::Jsonl)
        {
            return Err(usage(
                "--with-text is for rows of sentences: choose --per sentence, or --format jsonl --per token",
            ));
        }
        Ok(Choices {
            detail,
            unit: self.unit,
            unknown: self.oov.unwrap_or(match shape {
                Shape::Srilm => Unknown::Exclude,
                _ => Unknown::Include,
            }),
            with_text: self.with_text,
            layout: match self.continuous {
                true => Layout::Stream,
                false => Layout::Sentences,
            },
        })
    }
}
