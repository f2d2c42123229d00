//! `elman synth`: texts that can only be predicted by remembering, one sequence a line.

use crate::output::{count, grouped, say};
use crate::outputs::{Making, refuse_existing};
use anyhow::Result;
use clap::{Args, Subcommand, ValueHint};
use elman::store::write_atomic;
use elman::text::synth::{Synth, Task};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

/// Generate synthetic texts that test memory: how far back does a network reach?
#[derive(Subcommand)]
#[command(after_help = "\
Examples:
  elman synth adding --lag 50 --sequences 20000 -o adding.txt
  elman train adding.txt --vocab whitespace --layout sentences --loss-after = --lr 0.001
  elman synth adding --lag 50 --sequences 2000 --seed 2 | elman eval runs/adding - --loss-after =

A line is a sequence of tokens between white space, and its answer follows the token '='.
docs/INSPECT.md shows which networks learn what.")]
pub enum SynthCommand {
    Adding(AddingArgs),
    Recall(RecallArgs),
    Copy(CopyArgs),
}

/// Digits, two of them marked; the answer is their sum
#[derive(Args)]
#[command(after_help = "\
A line of lag 10:
  5* 9 5 2 8 5 1* 4 5 2 = 6

One digit of each half is marked (Hochreiter and Schmidhuber 1997; Le, Jaitly and Hinton 2015). The lag is the number of digits.

Examples:
  elman synth adding --lag 10 --sequences 3
  elman synth adding --lag 150 --sequences 100000 -o adding.txt
  elman train adding.txt --vocab whitespace --layout sentences --loss-after = \\
    --cell elman --activation relu --init-recurrent identity --no-tied --dropout 0 --lr 0.001")]
pub struct AddingArgs {
    /// Digits are 0 to M − 1; sums have 2M − 1 classes
    #[arg(long, value_name = "M", default_value_t = 10)]
    digits: usize,
    #[command(flatten)]
    corpus: CorpusArgs,
}

/// Keys with their values, noise, and one of the keys again; the answer is its value
#[derive(Args)]
#[command(after_help = "\
A line of lag 10 with 3 pairs:
  b 3 f 9 g 2 I F B E F C C D B J ? b = 3

The lag is the number of tokens of noise between the keys and the question.

Examples:
  elman synth recall --lag 30 --sequences 3
  elman synth recall --lag 30 --pairs 1 --sequences 50000 -o recall.txt
  elman train recall.txt --vocab whitespace --layout sentences --loss-after = --lr 0.001")]
pub struct RecallArgs {
    /// Keys that are shown with their values
    #[arg(long, value_name = "N", default_value_t = 3)]
    pairs: usize,
    /// Different keys, different values and different noise that there are
    #[arg(long, value_name = "N", default_value_t = 10)]
    symbols: usize,
    #[command(flatten)]
    corpus: CorpusArgs,
}

/// Symbols and blanks; the answer is the symbols again
#[derive(Args)]
#[command(after_help = "\
A line of lag 10 with 4 symbols:
  b c e h _ _ _ _ _ _ _ _ _ _ = b c e h

The copying memory problem (Arjovsky, Shah and Bengio 2016). The lag is the number of blanks.

Examples:
  elman synth copy --lag 10 --length 4 --sequences 3
  elman synth copy --lag 100 --sequences 50000 -o copy.txt
  elman train copy.txt --vocab whitespace --layout sentences --loss-after = --lr 0.001")]
pub struct CopyArgs {
    /// Symbols that are to be copied
    #[arg(long, value_name = "N", default_value_t = 10)]
    length: usize,
    /// Different symbols that there are
    #[arg(long, value_name = "N", default_value_t = 8)]
    symbols: usize,
    #[command(flatten)]
    corpus: CorpusArgs,
}

/// What all tasks have.
#[derive(Args)]
struct CorpusArgs {
    /// How far back the answer lies, in tokens
    #[arg(long, value_name = "N")]
    lag: usize,
    /// Lines; the first ones are the same whatever their number
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10_000)]
    sequences: u64,
    /// Draws other lines
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Where to write [default: standard output]
    #[arg(long, short, alias = "out", value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// Replace what is there
    #[arg(long)]
    force: bool,
}

pub fn run(command: SynthCommand) -> Result<()> {
    let (task, corpus) = match command {
        SynthCommand::Adding(AddingArgs { digits, corpus }) => (Task::Adding { digits }, corpus),
        SynthCommand::Recall(RecallArgs {
            pairs,
            symbols,
            corpus,
        }) => (Task::Recall { pairs, symbols }, corpus),
        SynthCommand::Copy(CopyArgs {
            length,
            symbols,
            corpus,
        }) => (Task::Copy { length, symbols }, corpus),
    };
    let synth = Synth::new(task, corpus.lag, corpus.seed)?;
    let Some(path) = &corpus.output else {
        let mut out = BufWriter::new(io::stdout().lock());
        synth.write(corpus.sequences, &mut out)?;
        return Ok(out.flush()?);
    };
    refuse_existing(path, Making::File, corpus.force)?;
    write_atomic(path, |file| synth.write(corpus.sequences, file))?;
    let tokens = synth.tokens_per_line() as u64 * corpus.sequences;
    say(format_args!(
        "{}: {} of {}, {} in all",
        path.display(),
        count(corpus.sequences as usize, "line"),
        count(synth.tokens_per_line(), "token"),
        grouped(tokens),
    ));
    Ok(())
}
