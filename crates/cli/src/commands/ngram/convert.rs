//! `elman ngram convert`: between ARPA text and the compact form, whole or pruned.

use super::output_file::{Output, orders, write_model};
use crate::args::{Quoted, positive, size, thread_count};
use crate::commands::{sources, threads};
use crate::output::{Table, bytes, say};
use anyhow::Result;
use clap::{Args, ValueHint};
use elman::ngram::{CountOptions, History, Model, arpa, prune};
use elman::text::ReadOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Turn an n-gram model into ARPA text or into the compact form, whole or pruned
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman ngram convert lm.arpa.gz lm.bin                 # compact: loads at once, answers fast
  elman ngram convert lm.bin lm.arpa                    # text that other programs read
  elman ngram convert huge.arpa huge.bin --memory 4GiB --scratch /data
  elman ngram convert lm.arpa small.bin --prune-entropy 1e-7 --history train.txt
  elman ngram convert lm.arpa small.arpa --prune-entropy 1e-7    # without the training text
  elman ngram convert trie.binary lm.arpa               # a trie that KenLM's build_binary has made")]
pub struct ConvertArgs {
    /// An ARPA file (plain, gzip or zstd), a compact model, or a trie of KenLM; a probing file of KenLM holds no list of n-grams
    #[arg(value_name = "MODEL", value_hint = ValueHint::FilePath)]
    model: PathBuf,
    /// Where to write: .arpa, .lm, with .gz, or .bin; '-' is ARPA text on standard output
    #[arg(value_name = "OUT", required_unless_present = "named_output", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// Where to write, as an option: every other command has -o, too
    #[arg(long = "output", short = 'o', value_name = "OUT", conflicts_with = "output", value_hint = ValueHint::FilePath)]
    named_output: Option<PathBuf>,
    /// Replace the output file if it exists
    #[arg(long)]
    force: bool,
    /// Leave out n-grams whose absence raises the perplexity by less than this share (Stolcke 1998)
    #[arg(long, value_name = "X", value_parser = positive)]
    prune_entropy: Option<f64>,
    /// The text that says how often each history occurs, best the training text [default: the model's own
    /// probability of the history, which suits Kneser-Ney models less]
    #[arg(long, value_name = "TEXT", requires = "prune_entropy", value_hint = ValueHint::FilePath)]
    history: Vec<PathBuf>,
    /// Read every log probability of the ARPA file that is above 0 as 0; without this only those up to 0.00001,
    /// which rounding explains
    #[arg(long)]
    clip_positive: bool,

    /// Memory, such as 4GiB or 80%; a larger model passes through scratch files. --prune-entropy, KenLM's files and
    /// ARPA files that leave out the first words of an n-gram need the whole model in memory
    #[arg(long, short = 'S', value_name = "SIZE", help_heading = "Machine", value_parser = size, default_value = "1GiB")]
    memory: u64,
    /// Directory of scratch files [default: the system's directory of temporary files]
    #[arg(long, short = 'T', value_name = "DIR", help_heading = "Machine", value_hint = ValueHint::DirPath)]
    scratch: Option<PathBuf>,
    /// Threads; any number gives the same file [default: one for each CPU]
    #[arg(long, short = 't', value_name = "N", help_heading = "Machine", value_parser = thread_count())]
    threads: Option<u16>,
}

pub fn run(args: ConvertArgs) -> Result<()> {
    let output = args.output.as_ref().or(args.named_output.as_ref());
    let output = Output::parse(output.expect("clap asks for one of the two"))?;
    let inputs = std::iter::once(&args.model).chain(&args.history);
    output.check(inputs.map(PathBuf::as_path), args.force)?;
    let how = arpa::ArpaOptions {
        clip_positive: args.clip_positive,
    };
    if let (None, Output::Binary(path)) = (args.prune_entropy, &output) {
        let options = CountOptions {
            order: 1,
            prune: Vec::new(),
            memory_bytes: args.memory,
            threads: threads(args.threads),
            scratch: args.scratch.clone().unwrap_or_else(std::env::temp_dir),
        };
        if let Some(converted) = arpa::to_binary(&args.model, how, path, &options)? {
            let notes = &converted.notes;
            notes
                .iter()
                .for_each(|note| say(format_args!("note: {note}")));
            return report(path, &converted.counts, None);
        }
    }
    let mut model = match args.prune_entropy {
        None => Model::load_for_pass(&args.model, how, args.memory / 2)?,
        Some(_) => Model::load_as(&args.model, how)?,
    };
    model
        .notes()
        .iter()
        .for_each(|note| say(format_args!("note: {note}")));
    // From here on the model is written, so its n-grams must be at hand.
    model.check_listed()?;
    if args.prune_entropy.is_some() || matches!(output, Output::Binary(_)) {
        model = model.into_own()?;
    }
    let before = orders(model.counts());
    if let Some(threshold) = args.prune_entropy {
        if args.history.is_empty() {
            say(
                "note: how often a history occurs is taken from the model itself, which suits Kneser-Ney models less: give their training text with --history if you have it",
            );
        }
        let history = match args.history.is_empty() {
            true => History::own(&model)?,
            false => History::read(&model, sources(&args.history)?, &ReadOptions::default())?,
        };
        model = prune(&model, &history, threshold)?;
    }
    write_model(&output, &model)?;
    let Some(path) = output.path() else {
        return Ok(());
    };
    report(path, model.counts(), args.prune_entropy.map(|_| before))
}

/// Prints what was written, and from which n-grams it was pruned.
fn report(path: &Path, counts: &[u64], pruned_from: Option<String>) -> Result<()> {
    let mut table = Table::default();
    table.row("model", Quoted(path));
    table.row("n-grams", orders(counts));
    if let Some(before) = pruned_from {
        table.row("pruned from", before);
    }
    table.row(
        "size",
        bytes(path.metadata().map_or(0, |found| found.len())),
    );
    Ok(writeln!(io::stdout(), "{table}")?)
}
