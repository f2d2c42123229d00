//! `elman minimal-pairs`: how often models prefer the good sentence of a minimal pair.

mod rows;
mod table;

use super::scorer::{self, ArithmeticArgs, Member, Output, OutputArgs, print_notes};
use super::{is_stdin, model_kind};
use crate::args::named;
use crate::output::{count, grouped, usage};
use crate::outputs::{Making, refuse_existing, refuse_inputs};
use crate::progress::Ticker;
use anyhow::Result;
use clap::{Args, ValueEnum, ValueHint};
use elman::Model;
use elman::infer::LineOptions;
use elman::measure::pairs::{
    Compared, Fields, ModelScores, Pair, Ties, pair_files, read_pairs, report, score_pairs,
};
use elman::text::OutOfRange;
use std::io::Write;
use std::path::PathBuf;

/// Print how often models prefer the good sentence of a minimal pair (BLiMP and its kind)
///
/// A pair is right if the model gives the good sentence the larger log-probability. Prints the accuracy of each model for each paradigm, over all pairs (every pair has the same
/// weight) and over paradigms (every paradigm has the same weight), with intervals of 95 % (Wilson; MOVER for the mean over paradigms), and for several models a paired test.
///
/// Pairs are JSON lines (sentence_good, sentence_bad and UID, as in BLiMP), TSV or CSV (with a header of these names; or good, bad and paradigm in this order), plain or compressed,
/// in files or directories of files. Names that are models come first, then the pairs.
#[derive(Args)]
#[command(
    override_usage = "elman minimal-pairs [OPTIONS] <MODEL>... <PAIRS>...",
    after_help = "\
Examples:
  elman minimal-pairs runs/wiki blimp/data                      # every paradigm of BLiMP
  elman minimal-pairs runs/wiki blimp/data --no-end --leading-space --ties right   # as lm_eval counts
  elman minimal-pairs runs/wiki wiki5.bin blimp/data            # two models side by side, with a paired test
  elman minimal-pairs runs/wiki blimp/data --paradigm linguistics_term   # accuracy by another field
  elman minimal-pairs runs/wiki blimp/data --mix wiki5.bin:0.4  # and a mixture of both
  elman minimal-pairs kjv5.bin pairs.csv --good 2 --bad 3 --paradigm 1   # columns by number
  elman minimal-pairs runs/wiki blimp/data --per pair -o pairs.tsv   # both log-probabilities of each pair
  elman minimal-pairs runs/wiki blimp/data --json | jq .accuracy"
)]
pub struct MinimalPairsArgs {
    /// Models (the directory of a model or a run; an n-gram model, ARPA or a binary of elman or KenLM), then files or directories of pairs; '-' is standard input
    #[arg(value_name = "MODEL|PAIRS", required = true, num_args = 2.., value_hint = ValueHint::AnyPath)]
    names: Vec<PathBuf>,

    /// Add a mixture of the first model with OTHER, which has this weight, as OTHER:0.3. May be given several times
    #[arg(long, value_name = "OTHER:WEIGHT", help_heading = "Model")]
    mix: Vec<Member>,
    #[command(flatten)]
    arithmetic: ArithmeticArgs,

    /// Field of the good sentence: a key of JSON, or a column of a table by name or number [default: sentence_good or good]
    #[arg(long, value_name = "FIELD", help_heading = "Pairs")]
    good: Option<String>,
    /// Field of the bad sentence [default: sentence_bad or bad]
    #[arg(long, value_name = "FIELD", help_heading = "Pairs")]
    bad: Option<String>,
    /// Field of the paradigm, by which accuracies are printed [default: UID or paradigm, else the name of the file]
    #[arg(long, value_name = "FIELD", help_heading = "Pairs")]
    paradigm: Option<String>,
    /// The first line of a table is a header, whatever names it has
    #[arg(long, help_heading = "Pairs")]
    header: bool,

    /// Leave out the end of each sentence, as lm_eval does
    #[arg(long, help_heading = "Scoring")]
    no_end: bool,
    /// Put a space before each sentence, as lm_eval does; it matters where tokens carry the space before them
    #[arg(long, help_heading = "Scoring")]
    leading_space: bool,
    /// Compare log-probabilities per token instead of those of sentences
    #[arg(long, help_heading = "Scoring")]
    normalize: bool,
    /// What a pair counts whose sentences have the same log-probability: wrong 0, half 0.5, right 1 (lm_eval)
    #[arg(long, value_name = "HOW", default_value = "wrong", help_heading = "Scoring", value_parser = named::<Ties>(&["wrong", "half", "right"]))]
    ties: Ties,
    /// Largest number of sentences that a network scores side by side; it changes speed and memory, and no result
    #[arg(
        long,
        short = 'B',
        value_name = "N",
        default_value = "32",
        help_heading = "Scoring"
    )]
    batch_size: usize,
    /// How often signs are flipped for the paired test
    #[arg(
        long,
        value_name = "N",
        default_value = "9999",
        help_heading = "Scoring"
    )]
    resamples: usize,
    /// Seed of the flips
    #[arg(long, value_name = "N", default_value = "1", help_heading = "Scoring")]
    seed: u64,

    /// Shape of the output: a table for people, tsv or csv with a header, jsonl with an object on each line
    #[arg(
        long,
        short = 'f',
        value_name = "FORMAT",
        default_value = "table",
        help_heading = "Output"
    )]
    format: Shape,
    /// Print JSON: --format jsonl
    #[arg(long, help_heading = "Output", conflicts_with = "format")]
    json: bool,
    /// Detail of the output: accuracies of each paradigm, or both log-probabilities of each pair
    #[arg(
        long,
        value_name = "DETAIL",
        default_value = "paradigm",
        help_heading = "Output"
    )]
    per: Detail,
    /// Add both sentences to the rows of pairs
    #[arg(long, help_heading = "Output")]
    with_text: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Shape of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shape {
    Table,
    Tsv,
    Csv,
    Jsonl,
}

/// Detail of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Detail {
    Paradigm,
    Pair,
}

/// What is counted, and how.
#[derive(Clone, Copy)]
struct Rule {
    compared: Compared,
    ties: Ties,
}

/// Pairs with the scores of all models.
struct Scored {
    pairs: Vec<Pair>,
    paradigms: Vec<String>,
    models: Vec<ModelScores>,
}

pub fn run(args: MinimalPairsArgs) -> Result<()> {
    OutOfRange::check("resamples", args.resamples, 99..=1_000_000)?;
    let shape = match (args.json, args.format, args.per) {
        (true, ..) => Shape::Jsonl,
        // Pairs have no table for people.
        (_, Shape::Table, Detail::Pair) => Shape::Tsv,
        (_, shape, _) => shape,
    };
    if args.with_text && args.per != Detail::Pair {
        return Err(usage("--with-text is for rows of pairs: add --per pair"));
    }
    let (models, files) = split(&args.names)?;
    let file = args.output.file.as_deref();
    if let Some(output) = file {
        let mixed = args.mix.iter().map(Member::path);
        refuse_inputs(output, args.names.iter().chain(mixed))?;
        for directory in files.iter().filter(|path| path.is_dir()) {
            refuse_inputs(output, &pair_files(directory)?)?;
        }
        refuse_existing(output, Making::File, args.output.force)?;
    }
    let models = load(&args, models)?;
    let fields = Fields {
        good: args.good.clone(),
        bad: args.bad.clone(),
        paradigm: args.paradigm.clone(),
        header: args.header,
    };
    let (mut pairs, paradigms) = read_pairs(files, &fields)?;
    if args.leading_space {
        for pair in &mut pairs {
            pair.good.insert(0, ' ');
            pair.bad.insert(0, ' ');
        }
    }
    let mut out = Output::open(file)?;
    let scored = Scored {
        models: score(&args, models, &pairs)?,
        pairs,
        paradigms,
    };
    let rule = Rule {
        compared: match args.normalize {
            true => Compared::Tokens,
            false => Compared::Sentences,
        },
        ties: args.ties,
    };
    print(&args, shape, rule, &scored, &mut out)?;
    out.commit()
}

/// The models among the names, which come first, and the files of pairs.
fn split(names: &[PathBuf]) -> Result<(&[PathBuf], &[PathBuf])> {
    let is_model = |path: &PathBuf| !is_stdin(path) && model_kind(path).is_some();
    let models = names.iter().take_while(|path| is_model(path)).count();
    let (models, files) = names.split_at(models);
    let advice = "name models, then files or directories of pairs";
    match (models, files) {
        ([], [first, ..]) if !first.exists() && !is_stdin(first) => Err(usage(format!(
            "{}: no such file: {advice}",
            first.display()
        ))),
        ([], [first, ..]) => Err(usage(format!(
            "{} is not a model: {advice}",
            first.display()
        ))),
        (_, []) => Err(usage(format!("all names are models: {advice}"))),
        _ => match files.iter().find(|path| is_model(path)) {
            Some(model) => Err(usage(format!(
                "{} is a model behind a file of pairs: {advice}",
                model.display()
            ))),
            None => Ok((models, files)),
        },
    }
}

/// Loads the models, and the mixture if there is one, with their names.
fn load(args: &MinimalPairsArgs, paths: &[PathBuf]) -> Result<Vec<(String, Model)>> {
    let cpu = args.arithmetic.cpu();
    let mut models = Vec::new();
    for path in paths {
        let model = Model::load_as(path, args.arithmetic.weights)?.with_cpu(cpu.clone());
        models.push((path.display().to_string(), model));
    }
    if let (false, Some((name, first))) = (args.mix.is_empty(), models.first()) {
        let mixture = scorer::mixed(first.clone(), name, &args.mix, &cpu)?;
        let others = args.mix.iter().map(|member| format!(" + {member}"));
        models.push((format!("{name}{}", others.collect::<String>()), mixture));
    }
    Ok(models)
}

/// Scores the pairs under each model.
fn score(
    args: &MinimalPairsArgs,
    models: Vec<(String, Model)>,
    pairs: &[Pair],
) -> Result<Vec<ModelScores>> {
    let options = LineOptions {
        batch_size: args.batch_size,
        ends: !args.no_end,
        ..LineOptions::default()
    };
    let mut ticker = Ticker::new(args.output.quiet, false);
    let mut all = Vec::new();
    let total = pairs.len() as u64;
    for (name, model) in models {
        let scores = score_pairs(&model, pairs, &options, &mut |done| {
            ticker.tick(|| {
                let done = grouped(done as u64);
                format!("{name}: {done} of {}", count(total as usize, "pair"))
            });
        })?;
        print_notes(args.output.quiet, model.notes().iter());
        all.push(ModelScores { name, scores });
    }
    ticker.finish();
    Ok(all)
}

/// Writes the output, and as notes what it does not say itself.
fn print(
    args: &MinimalPairsArgs,
    shape: Shape,
    rule: Rule,
    scored: &Scored,
    out: &mut dyn Write,
) -> Result<()> {
    if args.per == Detail::Pair {
        return Ok(rows::pairs(scored, shape, rule, args.with_text, out)?);
    }
    let paradigm_of: Vec<usize> = scored.pairs.iter().map(|pair| pair.paradigm).collect();
    let tests = elman::measure::pairs::Tests {
        resamples: args.resamples,
        seed: args.seed,
    };
    let Rule { compared, ties } = rule;
    let names = &scored.paradigms;
    let report = report(&scored.models, &paradigm_of, names, compared, ties, tests);
    match shape {
        Shape::Table => table::write(&report, ties, out)?,
        Shape::Jsonl => rows::objects(&report, out)?,
        Shape::Tsv | Shape::Csv => {
            rows::accuracies(&report, shape, out)?;
            let tests: Vec<String> = table::tests(&report).collect();
            print_notes(args.output.quiet, tests.iter());
        }
    }
    Ok(())
}
