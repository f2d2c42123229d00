//! `elman generate`: text from a model, shown as it is drawn.

use super::{STDIN, cpu, is_stdin};
use crate::args::{finite32, named};
use crate::output::{say, usage};
use anyhow::{Context, Result, bail};
use clap::{Args, ValueHint};
use elman::infer::{
    AnyModel, Eos, Finish, GenerateOptions, Generation, Generator, Sampling, Weights,
};
use serde::Serialize;
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Let a model write
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman generate runs/kjv                                    # begin a text
  elman generate runs/kjv --prompt 'In the beginning'        # go on with a text
  elman generate runs/kjv --prompt 'And' --samples 3 --seed 7
  elman generate runs/kjv --greedy --max-tokens 30           # always the most probable token
  elman generate runs/kjv --temperature 1.2 --top-p 0.9 --repetition-penalty 1.1
  elman generate runs/kjv --prompt 'Q: why?' --stop $'\\n'     # up to the end of the line
  elman generate kjv5.bin --prompt 'In the'                  # an n-gram model
  head -n 20 psalms.txt | elman generate runs/kjv -          # a prompt from a pipe")]
pub struct GenerateArgs {
    /// The directory of a model or of a run, or the file of an n-gram model
    #[arg(value_hint = ValueHint::AnyPath)]
    model: PathBuf,
    /// '-' reads the prompt from standard input
    #[arg(value_name = "-", value_parser = ["-"], conflicts_with_all = ["prompt", "prompt_file"])]
    stdin: Option<String>,
    /// What to go on with
    #[arg(long, short, value_name = "TEXT", help_heading = "Prompt")]
    prompt: Option<String>,
    /// Read the prompt from this file; a newline at its very end does not count
    #[arg(long, value_name = "FILE", help_heading = "Prompt", value_hint = ValueHint::FilePath, conflicts_with = "prompt")]
    prompt_file: Option<PathBuf>,
    /// Print only what was written, not the prompt
    #[arg(long, help_heading = "Prompt")]
    no_echo: bool,

    /// Flatter (above 1) or sharper (below 1) choices; 0 is --greedy
    #[arg(long, value_name = "X", help_heading = "Choice of tokens", value_parser = finite32, default_value = "0.8")]
    temperature: f32,
    /// Choose among the N most probable tokens
    #[arg(long, value_name = "N", help_heading = "Choice of tokens")]
    top_k: Option<usize>,
    /// Choose among the fewest tokens that together have this probability
    #[arg(long, value_name = "P", help_heading = "Choice of tokens", value_parser = finite32, default_value = "1")]
    top_p: f32,
    /// Choose among tokens with at least this share of the largest probability
    #[arg(long, value_name = "P", help_heading = "Choice of tokens", value_parser = finite32, default_value = "0")]
    min_p: f32,
    /// Above 1: make tokens that stand in the text already less probable
    #[arg(long, value_name = "X", help_heading = "Choice of tokens", value_parser = finite32, default_value = "1")]
    repetition_penalty: f32,
    /// How many of the last tokens the penalty looks at [default: all]
    #[arg(long, value_name = "N", help_heading = "Choice of tokens")]
    repetition_window: Option<usize>,
    /// Always take the most probable token
    #[arg(long, help_heading = "Choice of tokens", conflicts_with_all = ["temperature", "top_k", "top_p", "min_p"])]
    greedy: bool,
    /// Let <unk> be chosen
    #[arg(long, help_heading = "Choice of tokens")]
    allow_unk: bool,
    /// The same seed writes the same text on every machine
    #[arg(
        long,
        value_name = "N",
        help_heading = "Choice of tokens",
        default_value = "1"
    )]
    seed: u64,

    /// Tokens at most
    #[arg(
        long,
        short = 'n',
        value_name = "N",
        help_heading = "Length",
        default_value = "200"
    )]
    max_tokens: usize,
    /// End before this string; may be given several times
    #[arg(long, value_name = "TEXT", help_heading = "Length")]
    stop: Vec<String>,
    /// Go on after the end of a document, or of the line that a model of sentences writes
    #[arg(long, help_heading = "Length")]
    ignore_eos: bool,
    /// Texts to write, each from the prompt
    #[arg(long, value_name = "N", help_heading = "Length", default_value = "1", value_parser = clap::value_parser!(u64).range(1..))]
    samples: u64,

    /// How a network keeps its matrices: bf16 in half the memory, int8 in a quarter, and so much faster
    #[arg(long, value_name = "NAME", help_heading = "Output", default_value = "f32", value_parser = named::<Weights>(&["f32", "bf16", "int8"]))]
    weights: Weights,
    /// Print a JSON object for each text
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Threads; any number writes the same text [default: one for each CPU]
    #[arg(long, short = 't', value_name = "N", help_heading = "Output", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
}

const BOM: &[u8] = b"\xEF\xBB\xBF";

pub fn run(args: GenerateArgs) -> Result<()> {
    let options = options(&args);
    options.check().map_err(|error| usage(error.to_string()))?;
    let mut prompt = prompt(&args)?;
    let model = AnyModel::load_as(&args.model, args.weights)?;
    // As everywhere at the beginning of a file of text.
    if args.prompt.is_none() && model.vocab().kind().is_text() && prompt.starts_with(BOM) {
        prompt.drain(..BOM.len());
        say("note: byte order mark dropped from the prompt");
    }
    let cpu = cpu(args.threads);
    let encoded = model.vocab().tokenize(&prompt)?;
    if !encoded.unknown.is_empty() {
        let unknown: Vec<String> = encoded
            .unknown
            .iter()
            .take(MOST_NAMED)
            .map(|symbol| format!("{symbol:?}"))
            .collect();
        say(format_args!(
            "note: outside the vocabulary, read as <unk>: {}{}",
            unknown.join(", "),
            match encoded.unknown.len().saturating_sub(MOST_NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            }
        ));
    }
    let generator = Generator::new(model.author(&cpu), cpu.isa(), &encoded.ids)?;
    let echo = if args.no_echo { &[][..] } else { &prompt };
    for number in 0..args.samples {
        if args.json {
            let sample = generator.sample(number, &options, &mut |_| ControlFlow::Continue(()))?;
            print_json(number, &prompt, encoded.ids.len(), &args, &sample)?;
        } else {
            if number > 0 {
                print(b"---\n")?;
            }
            stream(&generator, number, &options, echo)?;
        }
    }
    Ok(())
}

fn options(args: &GenerateArgs) -> GenerateOptions {
    GenerateOptions {
        sampling: Sampling {
            temperature: if args.greedy { 0.0 } else { args.temperature },
            top_k: args.top_k,
            top_p: args.top_p,
            min_p: args.min_p,
            repetition_penalty: args.repetition_penalty,
            repetition_window: args.repetition_window,
            banned: Vec::new(),
        },
        seed: args.seed,
        max_tokens: args.max_tokens,
        stop: args.stop.clone(),
        eos: if args.ignore_eos {
            Eos::GoOn
        } else {
            Eos::ByKind
        },
        allow_unk: args.allow_unk,
    }
}

/// Symbols outside the vocabulary that a note names.
const MOST_NAMED: usize = 10;
/// A prompt is held in memory.
const LONGEST_PROMPT: u64 = 64 << 20;

/// The bytes to go on with.
fn prompt(args: &GenerateArgs) -> Result<Vec<u8>> {
    let path = match (&args.prompt, &args.prompt_file, &args.stdin) {
        (Some(text), _, _) => return Ok(text.clone().into_bytes()),
        (None, Some(path), _) => path.as_path(),
        (None, None, Some(_)) => Path::new(STDIN),
        (None, None, None) => return Ok(Vec::new()),
    };
    let (mut bytes, source): (_, Box<dyn Read>) = if is_stdin(path) {
        (Vec::new(), Box::new(io::stdin()))
    } else {
        let file = File::open(path);
        let file = file.with_context(|| format!("cannot open the prompt {}", path.display()))?;
        (Vec::new(), Box::new(file))
    };
    let read = source.take(LONGEST_PROMPT + 1).read_to_end(&mut bytes);
    read.with_context(|| format!("cannot read the prompt in {}", path.display()))?;
    if bytes.len() as u64 > LONGEST_PROMPT {
        bail!("the prompt is longer than 64 MiB; `elman eval` reads texts of any length");
    }
    // Editors and `echo` end a file with a newline that nobody means as part of the prompt.
    for end in [b'\n', b'\r'] {
        if bytes.last() == Some(&end) {
            bytes.pop();
        }
    }
    Ok(bytes)
}

/// Writes a sample to standard output while it is drawn.
fn stream(
    generator: &Generator,
    number: u64,
    options: &GenerateOptions,
    echo: &[u8],
) -> Result<()> {
    let mut last = echo.last().copied();
    let mut failed = print(echo).err();
    let sample = generator.sample(number, options, &mut |piece| {
        last = piece.last().copied().or(last);
        failed = failed.take().or(print(piece).err());
        if failed.is_some() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    if last != Some(b'\n') {
        print(b"\n")?;
    }
    if sample.text.is_empty() && matches!(sample.finish, Finish::Eos | Finish::Line) {
        say("note: the model ended the text at once");
    }
    Ok(())
}

fn print(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

fn print_json(
    number: u64,
    prompt: &[u8],
    prompt_tokens: usize,
    args: &GenerateArgs,
    sample: &Generation,
) -> Result<()> {
    #[derive(Serialize)]
    struct Json<'a> {
        sample: u64,
        seed: u64,
        prompt: Cow<'a, str>,
        text: Cow<'a, str>,
        finish: Finish,
        prompt_tokens: usize,
        tokens: &'a [u32],
    }
    let json = Json {
        sample: number,
        seed: args.seed,
        prompt: String::from_utf8_lossy(prompt),
        text: String::from_utf8_lossy(&sample.text),
        finish: sample.finish,
        prompt_tokens,
        tokens: &sample.tokens,
    };
    let mut line = serde_json::to_vec(&json)?;
    line.push(b'\n');
    Ok(print(&line)?)
}
