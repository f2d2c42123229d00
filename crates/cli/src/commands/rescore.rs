//! `elman rescore`: n-best lists in a better order, the weights for it, and the word error rates before and after.

mod job;
mod results;
mod rows;

use super::scorer::{ModelArgs, Output, print_notes};
use super::{STDIN, is_stdin, refuse_model, source};
use crate::args::{finite, named};
use crate::output::usage;
use crate::outputs::{Making, refuse_existing, refuse_inputs};
use anyhow::{Context, Result};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum, ValueHint};
use elman::infer::Unknown;
use elman::measure::rescore::{
    ListFile, ListOptions, NbestFormat, References, ScoreFile, ScoringOptions, Weights,
};
use elman::store::disk;
use elman::text::ReadOptions;
use job::{Beside, Job};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Largest file of weights, in bytes.
const WEIGHTS_BYTES: u64 = 64 * 1024;

/// Rescore n-best lists with a language model, the best hypothesis first
///
/// Reads the hypotheses of a speech recogniser, a text recogniser or a translator, scores them with MODEL, and puts those of each utterance in the order of their total scores:
///
/// total = list-weight × score + list-lm-weight × LM score + lm-weight × log10 p + word-penalty × words + unk-penalty × unknown tokens
///
/// Score and LM score are those that the list brings, in log10; p is the probability of the words and of the end of the sentence under MODEL. Prefixes that hypotheses share are
/// evaluated once. The format of the lists is recognised: Mikolov's `id words`, Kaldi's `utt-N words`, Moses' `id ||| words ||| features ||| total`, SRILM's
/// NBestList1.0, NBestList2.0 and `ascore lscore nwords words`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman rescore runs/kjv nbest.txt > better.txt            # the lists, the best hypothesis of each utterance first
  elman rescore runs/kjv nbest.txt.gz --format best        # 'id words', the best hypothesis alone
  elman rescore lm.bin nbest.txt --format scores           # log10 p of each line, as Mikolov's rnnlm prints it
  elman rescore lm.bin nbest/ -o rescored                  # SRILM's lists, a file for each utterance
  elman rescore lm.bin dev.txt --references dev.ref --tune -o weights.json    # the weights with the fewest word errors
  elman rescore lm.bin test.txt --weights-file weights.json --references test.ref --format wer   # word error rates before and after
  elman rescore runs/kjv nbest.txt --mix kjv5.bin:0.4 --lm-weight 0.7 --word-penalty -0.5
  elman rescore lm.bin nbest.kaldi --list-scores ac_cost.txt --list-weight -0.1   # acoustic costs beside Kaldi's lists
  elman rescore runs/kjv nbest.txt --carry-history         # each utterance after the first hypotheses of those before it
  elman rescore runs/kjv nbest.txt --format jsonl | jq .total")]
pub struct RescoreArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// N-best lists, plain or compressed (gzip, zstd); all files of a directory; '-' or none is standard input
    #[arg(value_name = "LIST", value_hint = ValueHint::AnyPath)]
    lists: Vec<PathBuf>,
    /// Format of the lists [default: recognised by the content]
    #[arg(long, value_name = "FORMAT", help_heading = "Lists", value_parser = list_format())]
    input_format: Option<NbestFormat>,
    /// Ignore blank lines instead of refusing them
    #[arg(long, help_heading = "Lists")]
    skip_blank: bool,
    /// Fields that are not words, such as marks of pauses: they are left out of scores, counts, references and word errors
    #[arg(
        long,
        value_name = "WORD,…",
        help_heading = "Lists",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    ignore: Vec<String>,
    /// Scores of the hypotheses in the order of the lists, for formats without scores: a number a line, or a key and a number as in Kaldi's archives. They take the place of the
    /// list's scores; for costs (−log p) give a negative --list-weight
    #[arg(long, value_name = "FILE", help_heading = "Lists", value_hint = ValueHint::FilePath)]
    list_scores: Option<PathBuf>,
    /// Language-model scores of the hypotheses, as --list-scores; for --list-lm-weight
    #[arg(long, value_name = "FILE", help_heading = "Lists", value_hint = ValueHint::FilePath)]
    list_lm_scores: Option<PathBuf>,
    /// Read invalid UTF-8 as U+FFFD instead of refusing it
    #[arg(long, help_heading = "Lists")]
    lossy: bool,

    /// Weight of log10 p of MODEL [default: 1]
    #[arg(long, value_name = "W", help_heading = "Weights", value_parser = finite)]
    lm_weight: Option<f64>,
    /// Added to the total for each word (word-insertion penalty); a negative number favours short hypotheses [default: 0]
    #[arg(long, value_name = "X", help_heading = "Weights", value_parser = finite)]
    word_penalty: Option<f64>,
    /// Added to the total for each token that MODEL does not know; a negative number favours known words [default: 0]
    #[arg(long, value_name = "X", help_heading = "Weights", value_parser = finite)]
    unk_penalty: Option<f64>,
    /// Weight of the scores that the list brings: SRILM's acoustic scores, the total of Moses [default: 1]
    #[arg(long, value_name = "W", help_heading = "Weights", value_parser = finite)]
    list_weight: Option<f64>,
    /// Weight of the language-model scores that the list brings: SRILM's lscore, g: of NBestList2.0 [default: 0]
    #[arg(long, value_name = "W", help_heading = "Weights", value_parser = finite)]
    list_lm_weight: Option<f64>,
    /// Weights that --tune has saved; the options above come before them
    #[arg(long, value_name = "FILE", help_heading = "Weights", value_hint = ValueHint::FilePath)]
    weights_file: Option<PathBuf>,

    /// Score each utterance after the first hypotheses of all utterances before it (Mikolov's convention), instead of from the beginning of a text
    #[arg(long, help_heading = "Scoring")]
    carry_history: bool,
    /// Leave out the end of the sentence
    #[arg(long, help_heading = "Scoring")]
    no_end: bool,
    /// Treatment of unknown words in log10 p: include scores them as <unk>, exclude leaves them out
    #[arg(long, value_name = "HOW", default_value = "include", help_heading = "Scoring", value_parser = named::<Unknown>(&["include", "exclude"]))]
    oov: Unknown,

    /// Reference transcripts: `id words`, `words (id)` (trn), or lines in the order of the lists. Word error rates are reported
    #[arg(long, value_name = "FILE", help_heading = "Word errors", value_hint = ValueHint::FilePath)]
    references: Option<PathBuf>,
    /// Find the weights with the fewest word errors, print them, and write them to the file of -o for --weights-file
    #[arg(long, help_heading = "Word errors", requires = "references", conflicts_with_all = ["format", "json", "write_scores"])]
    tune: bool,
    /// Number of random weights from which --tune starts, beside the given ones
    #[arg(
        long,
        value_name = "N",
        default_value = "10",
        help_heading = "Word errors",
        requires = "tune"
    )]
    restarts: usize,
    /// Number of resamples for confidence intervals, and of permutations for the test
    #[arg(
        long,
        value_name = "N",
        default_value = "9999",
        help_heading = "Word errors",
        requires = "references"
    )]
    resamples: usize,
    /// Seed of resampling, and of --restarts
    #[arg(
        long,
        value_name = "N",
        default_value = "1",
        help_heading = "Word errors",
        requires = "references"
    )]
    seed: u64,

    /// What to print
    #[arg(
        long,
        short = 'f',
        value_name = "FORMAT",
        default_value = "list",
        help_heading = "Output"
    )]
    format: Shape,
    /// Print JSON: --format jsonl
    #[arg(long, help_heading = "Output", conflicts_with = "format")]
    json: bool,
    /// Put the new scores into the lists: lscore of SRILM becomes log10 p, Moses gets a feature elman= and a new total, and the score in parentheses of NBestList becomes the
    /// total. Without this option lines stay as they are
    #[arg(long, help_heading = "Output")]
    write_scores: bool,
    /// Write to this file, which appears only when it is complete; for several lists of SRILM to this directory, a file for each [default: standard output]
    #[arg(long, short = 'o', value_name = "FILE|DIR", help_heading = "Output", value_hint = ValueHint::AnyPath)]
    output: Option<PathBuf>,
    /// Replace output files that exist
    #[arg(long, help_heading = "Output")]
    force: bool,
    /// Write counts (hypotheses, distinct prefixes, network steps), weights and word error rates to this file, as JSON
    #[arg(long, value_name = "FILE", help_heading = "Output", value_hint = ValueHint::FilePath)]
    report: Option<PathBuf>,
    /// Do not show progress, counts and notes on standard error
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
}

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// The lists in their own format, the best hypothesis first
    List,
    /// `id words` of the best hypothesis of each utterance
    Best,
    /// log10 p of each hypothesis, in the order of the lists
    Scores,
    /// A table with all scores, the best hypothesis first
    Tsv,
    /// A JSON object for each hypothesis, the best one first
    Jsonl,
    /// Word error rates before and after, and of the best possible choice; needs --references
    Wer,
}

/// Reads the name of a format of lists.
fn list_format() -> impl TypedValueParser<Value = NbestFormat> {
    PossibleValuesParser::new(NbestFormat::ALL.map(NbestFormat::name))
        .try_map(|name| NbestFormat::named(&name).ok_or("no format of lists"))
}

pub fn run(args: RescoreArgs) -> Result<()> {
    let shape = args.shape();
    args.check(shape)?;
    let weights = args.weights()?;
    let files = args.files()?;
    for output in args.output.iter().chain(&args.report) {
        refuse_inputs(output, files.iter().chain(args.beside()))?;
    }
    // A directory is for lists with files of their own, which are checked when their format is known.
    let for_lists = |path: &&Path| shape == Shape::List && !args.tune && path.is_dir();
    let file = args.output.as_deref().filter(|path| !for_lists(path));
    for output in file.into_iter().chain(args.report.as_deref()) {
        refuse_existing(output, Making::File, args.force)?;
    }
    let model = args.model.load()?;
    let references = args.references.as_deref().map(|path| {
        Ok::<_, anyhow::Error>(References::read(source(path)?, &args.read(), &args.ignore)?)
    });
    let beside = Beside {
        references: references.transpose()?,
        scores: args.score_file(args.list_scores.as_deref())?,
        lm_scores: args.score_file(args.list_lm_scores.as_deref())?,
    };
    let mut job = Job::new(&args, &model, weights, beside, files.len());
    let options = ListOptions {
        format: args.input_format,
        read: args.read(),
        skip_blank: args.skip_blank,
        ignored: args.ignore.clone(),
    };
    let notes = job.read_all(&files, options)?;
    print_notes(args.quiet, model.notes().iter().chain(&notes));
    job.finish()
}

impl RescoreArgs {
    fn shape(&self) -> Shape {
        if self.json { Shape::Jsonl } else { self.format }
    }

    fn read(&self) -> ReadOptions {
        ReadOptions {
            lossy: self.lossy,
            ..ReadOptions::default()
        }
    }

    /// Files that are read beside the lists.
    fn beside(&self) -> impl Iterator<Item = &PathBuf> {
        let scores = self.list_scores.iter().chain(&self.list_lm_scores);
        let read = self.weights_file.iter().chain(&self.references);
        self.model.paths().chain(read).chain(scores)
    }

    /// Reads a file of scores, if one is named.
    fn score_file(&self, path: Option<&Path>) -> Result<Option<ScoreFile>> {
        let read = |path: &Path| -> Result<ScoreFile> {
            let name = path.display().to_string();
            Ok(ScoreFile::read(&name, source(path)?, &self.read())?)
        };
        path.map(read).transpose()
    }

    fn scoring(&self) -> ScoringOptions {
        ScoringOptions {
            ends: !self.no_end,
            carry_history: self.carry_history,
            unknown: self.oov,
        }
    }

    /// Refuses choices that do not go together.
    fn check(&self, shape: Shape) -> Result<()> {
        if shape == Shape::Wer && self.references.is_none() {
            return Err(usage(
                "--format wer needs reference transcripts: name their file with --references",
            ));
        }
        if self.write_scores && shape != Shape::List {
            return Err(usage(
                "--write-scores is for lists: leave --format out, or choose --format tsv, which has all scores",
            ));
        }
        let beside = [&self.references, &self.list_scores, &self.list_lm_scores];
        let beside = beside.into_iter().flatten();
        let named = self.lists.iter().chain(beside);
        let stdin = named.filter(|path| is_stdin(path)).count();
        if stdin + usize::from(self.lists.is_empty()) > 1 {
            return Err(usage("'-' stands for standard input and may be given once"));
        }
        // The same range, and long work comes before the resampling.
        let resampling = elman::measure::compare::Options {
            resamples: self.resamples,
            ..Default::default()
        };
        resampling.check()?;
        if self.report.is_some() && self.report == self.output {
            return Err(usage("-o and --report name one file: give two names"));
        }
        Ok(())
    }

    /// Weights of the file, or the default ones, with those of the options in their places.
    fn weights(&self) -> Result<Weights> {
        let file = match &self.weights_file {
            None => Weights::default(),
            Some(path) => {
                let text = disk::read_text(path, WEIGHTS_BYTES)?;
                let shown = path.display();
                serde_json::from_str(&text).with_context(|| {
                    format!("{shown} holds no weights of `elman rescore --tune`")
                })?
            }
        };
        Ok(Weights {
            list_weight: self.list_weight.unwrap_or(file.list_weight),
            list_lm_weight: self.list_lm_weight.unwrap_or(file.list_lm_weight),
            lm_weight: self.lm_weight.unwrap_or(file.lm_weight),
            word_penalty: self.word_penalty.unwrap_or(file.word_penalty),
            unk_penalty: self.unk_penalty.unwrap_or(file.unk_penalty),
        })
    }

    /// Files of the lists: those that were named, in order, and all of directories, by name.
    fn files(&self) -> Result<Vec<PathBuf>> {
        if self.lists.is_empty() {
            return Ok(vec![STDIN.into()]);
        }
        let mut files = Vec::new();
        for path in &self.lists {
            refuse_model(path, "name one model, then lists; --mix takes more models")?;
            if !path.is_dir() {
                files.push(path.clone());
                continue;
            }
            let entries = path.read_dir().and_then(|entries| {
                let paths = entries.map(|entry| Ok(entry?.path()));
                paths.collect::<std::io::Result<Vec<PathBuf>>>()
            });
            let shown = path.display();
            let entries = entries.with_context(|| format!("{shown} cannot be read"))?;
            let mut found: Vec<PathBuf> =
                entries.into_iter().filter(|path| path.is_file()).collect();
            if found.is_empty() {
                return Err(usage(format!("{shown} is a directory without files")));
            }
            found.sort();
            files.extend(found);
        }
        Ok(files)
    }
}

/// A list that is about to be read.
fn list_file(path: &Path) -> Result<ListFile> {
    let file = ListFile::new(path);
    Ok(match is_stdin(path) {
        true => ListFile {
            name: "standard input".into(),
            id: "stdin".into(),
            source: source(path)?,
        },
        false => file,
    })
}

/// Writes a whole file.
fn write_file(path: &Path, text: &str) -> Result<()> {
    let mut out = Output::open(Some(path))?;
    out.write_all(text.as_bytes())?;
    out.commit()
}
