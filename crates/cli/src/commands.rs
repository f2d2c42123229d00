//! The commands, one file each with its arguments and what it does.

mod bench;
mod cache;
mod compare;
mod complete;
mod compress;
mod eval;
mod export;
mod finetune;
mod generate;
mod import;
mod info;
mod inspect;
mod lab;
mod minimal_pairs;
mod ngram;
mod report;
mod rescore;
mod runs;
mod score;
mod scorer;
mod serve;
mod shell;
mod surprisal;
mod sweep;
mod synth;
mod tokenize;
mod train;
mod watch;

use crate::output::usage;
use anyhow::Result;
use clap::{Parser, Subcommand};
use elman::ngram::Model;
use elman::text::{Kind, Source};
use elman::train::Folder;
use elman_kernels::{Cpu, Isa};
use std::path::{Path, PathBuf};

/// Recurrent neural-network language models: train, evaluate, generate.
#[derive(Parser)]
#[command(name = "elman", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  elman train data/kjv.txt                    # a model of the King James Bible, in runs/kjv
  elman eval runs/kjv psalms.txt              # its perplexity on another text
  elman score runs/kjv psalms.txt             # the log-probability of each of its lines
  elman surprisal runs/kjv psalms.txt         # the surprisal of each of its words
  elman minimal-pairs runs/kjv blimp/data     # how often it prefers the good sentence of a pair
  elman rescore runs/kjv nbest.txt            # a recogniser's hypotheses in a better order
  elman complete runs/kjv 'In the beg'        # the words that come next, or the end of this one
  elman compress runs/kjv psalms.txt -o p.elmc # in as many bits as the model needs for it
  elman generate runs/kjv --prompt 'In the'   # let it write
  elman serve runs/kjv                        # over HTTP, with a page to look at it
  elman train --resume runs/kjv --epochs 4    # train it longer
  elman info runs/kjv                         # what is in there
  elman watch runs/kjv                        # its curves, while it trains
  elman report runs/kjv                       # its page, for a browser
  elman sweep data/kjv.txt --lr 0.002,0.004   # several runs, and which was best
  elman ngram train data/kjv.txt -o kjv5.bin  # an n-gram model
  elman compare runs/kjv kjv5.bin psalms.txt  # which is better, and is that certain?
  elman inspect gradients runs/kjv psalms.txt # do its gradients vanish?
  elman lab                                   # the chapter's claims, measured, as a page
  elman export runs/kjv -o kjv.onnx           # for other programs; elman import brings PyTorch's in
  elman bench                                 # how fast, and how fast it could be

Help for a command: elman COMMAND --help";

#[derive(Subcommand)]
enum Command {
    Train(Box<train::TrainArgs>),
    Finetune(Box<finetune::FinetuneArgs>),
    Watch(watch::WatchArgs),
    Report(report::ReportArgs),
    Runs(runs::RunsArgs),
    Sweep(sweep::SweepArgs),
    Eval(eval::EvalArgs),
    Compare(Box<compare::CompareArgs>),
    Score(Box<score::ScoreArgs>),
    Surprisal(Box<surprisal::SurprisalArgs>),
    MinimalPairs(Box<minimal_pairs::MinimalPairsArgs>),
    Rescore(Box<rescore::RescoreArgs>),
    Complete(Box<complete::CompleteArgs>),
    Compress(Box<compress::CompressArgs>),
    Decompress(Box<compress::DecompressArgs>),
    Generate(generate::GenerateArgs),
    Serve(serve::ServeArgs),
    Info(info::InfoArgs),
    Import(import::ImportArgs),
    Export(export::ExportArgs),
    #[command(subcommand)]
    Inspect(inspect::InspectCommand),
    Lab(lab::LabArgs),
    #[command(subcommand)]
    Ngram(ngram::NgramCommand),
    #[command(subcommand)]
    Synth(synth::SynthCommand),
    Tokenize(tokenize::TokenizeArgs),
    Cache(cache::CacheArgs),
    Bench(bench::BenchArgs),
    Completions(shell::CompletionsArgs),
    Man(shell::ManArgs),
}

pub fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Command::Train(args) => train::run(*args),
        Command::Finetune(args) => finetune::run(*args),
        Command::Watch(args) => watch::run(args),
        Command::Report(args) => report::run(args),
        Command::Runs(args) => runs::run(args),
        Command::Sweep(args) => sweep::run(args),
        Command::Eval(args) => eval::run(args),
        Command::Compare(args) => compare::run(*args),
        Command::Score(args) => score::run(*args),
        Command::Surprisal(args) => surprisal::run(*args),
        Command::MinimalPairs(args) => minimal_pairs::run(*args),
        Command::Rescore(args) => rescore::run(*args),
        Command::Complete(args) => complete::run(*args),
        Command::Compress(args) => compress::run(*args),
        Command::Decompress(args) => compress::run_decompress(*args),
        Command::Generate(args) => generate::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Info(args) => info::run(args),
        Command::Inspect(command) => inspect::run(command),
        Command::Lab(args) => lab::run(args),
        Command::Import(args) => import::run(args),
        Command::Export(args) => export::run(args),
        Command::Ngram(command) => ngram::run(command),
        Command::Synth(command) => synth::run(command),
        Command::Tokenize(args) => tokenize::run(args),
        Command::Cache(args) => cache::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Completions(args) => shell::completions(args),
        Command::Man(args) => shell::man(args),
    }
}

/// The name of standard input among files.
const STDIN: &str = "-";

fn is_stdin(path: &Path) -> bool {
    path == Path::new(STDIN)
}

/// Texts that are read once, in order; `-` is standard input.
fn sources(texts: &[PathBuf]) -> Result<Vec<Source>> {
    if texts.iter().filter(|path| is_stdin(path)).count() > 1 {
        return Err(usage("'-' stands for standard input and may be given once"));
    }
    texts.iter().map(|path| source(path)).collect()
}

/// A text that is read once; `-` is standard input.
fn source(path: &Path) -> Result<Source> {
    Ok(match is_stdin(path) {
        true => Source::stdin()?,
        false => Source::File(path.to_owned()),
    })
}

/// Refuses to leave the words `<s>` and `</s>` out where they are no words.
fn check_markers(skip: bool, kind: Kind) -> Result<()> {
    match skip && !kind.between_spaces() {
        true => Err(usage(format!(
            "--skip-symbols leaves out <s> and </s> where they are words, in vocabularies of kinds whitespace and fields: this one is of kind {kind}"
        ))),
        false => Ok(()),
    }
}

/// Refuses a model in the place of a text.
fn refuse_model(text: &Path, advice: &str) -> Result<()> {
    match model_kind(text) {
        None => Ok(()),
        Some(what) => Err(usage(format!(
            "{} is {what}, not a text: {advice}",
            text.display()
        ))),
    }
}

/// What a path names in words if it is a model.
pub fn model_kind(path: &Path) -> Option<&'static str> {
    if path.is_dir() && (path.join("config.json").exists() || Folder::is_run(path)) {
        return Some("the directory of a model");
    }
    Model::is_file(path).then_some("an n-gram model")
}

/// What texts are called in messages.
fn name_of(texts: &[PathBuf]) -> String {
    let first = match texts.first() {
        None => return "no text".into(),
        Some(path) if is_stdin(path) => "standard input".to_owned(),
        Some(path) => path.display().to_string(),
    };
    match texts.len() {
        1 => first,
        n => format!("{first} and {} more", n - 1),
    }
}

/// Threads to use: as many as were asked for, or as the system lets this process run at once.
fn threads(asked: Option<u16>) -> usize {
    match asked {
        Some(threads) => threads.into(),
        None => std::thread::available_parallelism().map_or(1, usize::from),
    }
}

/// The arithmetic unit of a command that computes with a model.
fn cpu(asked_threads: Option<u16>) -> Cpu {
    Cpu::new(Isa::detect(), threads(asked_threads))
}

/// The instruction set that was asked for, or the best of this CPU.
fn isa(asked: Option<&str>) -> Result<Isa> {
    let Some(name) = asked else {
        return Ok(Isa::detect());
    };
    Isa::named(name).ok_or_else(|| {
        let have: Vec<_> = Isa::supported().iter().map(|isa| isa.name()).collect();
        usage(format!(
            "this CPU does not have {name}; it has {}",
            have.join(", ")
        ))
    })
}
