//! `elman compress` and `elman decompress`: a text in as many bits as a model needs for it, and the text again.

use super::scorer::{MixtureArgs, Output, OutputArgs};
use super::{is_stdin, isa, refuse_model, threads};
use crate::args::thread_count;
use crate::output::{count, grouped, say, usage};
use crate::outputs::{Making, refuse_existing, refuse_inputs};
use crate::progress::Ticker;
use anyhow::{Context, Result};
use clap::{Args, ValueHint};
use elman::infer::{Compressed, Weights, compress, decompress};
use elman::{Cpu, Isa, Model};
use serde::Serialize;
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Compress a text with a model's probabilities, without loss
///
/// Arithmetic coding: the file has as many bits as −log2 p of the text under the model, the bits that `elman eval` reports. Any file can be compressed: what the vocabulary does not
/// say is spelt in bytes. `elman decompress` restores every byte with the same model, on any processor. Only networks with f32 matrices compute the same bits everywhere; the model
/// itself is not in the file.
///
/// Prints the size and the bits per character on standard error.
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman compress runs/kjv psalms.txt -o psalms.elmc    # prints: bytes, bits per character
  elman decompress runs/kjv psalms.elmc -o psalms.txt  # the same bytes again
  cat log.txt | elman compress runs/log > log.elmc     # from a pipe
  elman compress runs/kjv psalms.txt -o p.elmc --mix kjv5.bin:0.4   # a mixture; decompress takes the same --mix
  elman compress runs/kjv psalms.txt -o p.elmc --json  # the figures as JSON")]
pub struct CompressArgs {
    #[command(flatten)]
    model: CoderArgs,
    /// The text: any file, taken as it is; '-' or none is standard input
    #[arg(value_name = "TEXT", value_hint = ValueHint::FilePath)]
    text: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
    /// Print the figures as one JSON object on standard output, which needs --output
    #[arg(long, help_heading = "Output", requires = "output")]
    json: bool,
}

/// Restore a text that `elman compress` has compressed
///
/// Takes the model that compressed the text, and the same --mix; any other model is refused. Checksums are compared: a file is written only if every byte is restored. On standard output
/// the text comes while it is decoded, and an error at its end means that it is not to be trusted.
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman decompress runs/kjv psalms.elmc -o psalms.txt
  elman decompress runs/kjv psalms.elmc | head         # to standard output
  elman decompress runs/kjv p.elmc -o p.txt --mix kjv5.bin:0.4   # compressed with the same mixture")]
pub struct DecompressArgs {
    #[command(flatten)]
    model: CoderArgs,
    /// The compressed text; '-' or none is standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

/// The model of both commands.
#[derive(Args)]
struct CoderArgs {
    #[command(flatten)]
    mixture: MixtureArgs,
    /// Threads of a network; any number gives the same bytes [default: one for each CPU]
    #[arg(long, short = 't', value_name = "N", help_heading = "Model", value_parser = thread_count())]
    threads: Option<u16>,
    /// Instruction set; any gives the same bytes [default: the best of this CPU]
    #[arg(long, value_name = "NAME", help_heading = "Model", value_parser = Isa::NAMES)]
    isa: Option<String>,
}

/// The figures as JSON.
#[derive(Serialize)]
struct Figures {
    bytes: u64,
    characters: u64,
    compressed_bytes: u64,
    code_bytes: u64,
    bits_per_character: Option<f64>,
    bits_per_byte: Option<f64>,
    model_bits: f64,
    model_bits_per_character: Option<f64>,
    tokens: u64,
    unknown: u64,
    raw: u64,
    spelt_bytes: u64,
}

pub fn run(args: CompressArgs) -> Result<()> {
    let path = args.text.unwrap_or_else(|| super::STDIN.into());
    refuse_model(
        &path,
        "name one model, then the text; --mix takes more models",
    )?;
    if args.output.file.is_none() && io::stdout().is_terminal() {
        return Err(usage(
            "compressed bytes are not written to a terminal: add -o FILE, or pipe them",
        ));
    }
    let (model, mut source, mut out) = open(&args.model, &path, &args.output)?;
    let name = name(&path);
    let mut ticker = Ticker::new(args.output.quiet, false);
    let found = compress(&model, &name, &mut source, &mut out, &mut |figures| {
        ticker.tick(|| {
            format!(
                "{} bytes, {}",
                grouped(figures.bytes),
                per_character(figures.model_bits, figures.chars)
            )
        });
    });
    ticker.finish();
    let found = found?;
    out.commit()?;
    if !args.output.quiet {
        say(summary(&name, &found));
    }
    if args.json {
        let json = serde_json::to_string(&Figures::of(&found))?;
        writeln!(io::stdout().lock(), "{json}")?;
    }
    Ok(())
}

pub fn run_decompress(args: DecompressArgs) -> Result<()> {
    let path = args.file.unwrap_or_else(|| super::STDIN.into());
    let (model, mut source, mut out) = open(&args.model, &path, &args.output)?;
    let mut ticker = Ticker::new(args.output.quiet, args.output.file.is_none());
    let done = decompress(
        &model,
        &name(&path),
        &mut source,
        &mut out,
        &mut |figures| {
            ticker.tick(|| format!("{} bytes", grouped(figures.bytes)));
        },
    );
    ticker.finish();
    done?;
    out.commit()
}

/// Opens the model, the input and the output.
///
/// Errors: an output file that exists or is read.
fn open(
    model: &CoderArgs,
    input: &Path,
    output: &OutputArgs,
) -> Result<(Model, Box<dyn Read>, Output)> {
    let file = output.file.as_deref();
    if let Some(output_file) = file {
        let input = input.to_owned();
        let read = std::iter::once(&input).chain(model.mixture.paths());
        refuse_inputs(output_file, read)?;
        refuse_existing(output_file, Making::File, output.force)?;
    }
    let cpu = Arc::new(Cpu::new(isa(model.isa.as_deref())?, threads(model.threads)));
    let loaded = model.mixture.load(Weights::F32, &cpu)?;
    let source: Box<dyn Read> = match is_stdin(input) {
        true => Box::new(io::stdin().lock()),
        false => {
            let opened = File::open(input);
            Box::new(opened.with_context(|| format!("{}: cannot be read", input.display()))?)
        }
    };
    Ok((loaded, source, Output::open(file)?))
}

fn name(path: &Path) -> String {
    match is_stdin(path) {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    }
}

/// Bits per character, in words.
fn per_character(bits: f64, chars: u64) -> String {
    match chars {
        0 => "no characters".to_owned(),
        _ => format!("{:.4} bits per character", bits / chars as f64),
    }
}

/// The figures of a compressed text in two lines.
fn summary(name: &str, found: &Compressed) -> String {
    let share = match found.bytes {
        0 => String::new(),
        bytes => format!(" ({:.2} %)", 100.0 * found.file_bytes as f64 / bytes as f64),
    };
    let spelt = match found.unknown + found.raw {
        0 => String::new(),
        _ => format!(
            "; {} and {} are spelt, {}",
            count(found.unknown as usize, "unknown token"),
            count(found.raw as usize, "raw piece"),
            count(found.spelt_bytes as usize, "byte")
        ),
    };
    format!(
        "{name}: {} bytes in {} bytes{share}, {}\nof which the model's −log2 p of {} is {}{spelt}",
        grouped(found.bytes),
        grouped(found.file_bytes),
        per_character(8.0 * found.file_bytes as f64, found.chars),
        count(found.tokens as usize, "token"),
        per_character(found.model_bits, found.chars)
    )
}

impl Figures {
    fn of(found: &Compressed) -> Figures {
        let per = |bits: f64, count: u64| (count > 0).then(|| bits / count as f64);
        let bits = 8.0 * found.file_bytes as f64;
        Figures {
            bytes: found.bytes,
            characters: found.chars,
            compressed_bytes: found.file_bytes,
            code_bytes: found.code_bytes,
            bits_per_character: per(bits, found.chars),
            bits_per_byte: per(bits, found.bytes),
            model_bits: found.model_bits,
            model_bits_per_character: per(found.model_bits, found.chars),
            tokens: found.tokens,
            unknown: found.unknown,
            raw: found.raw,
            spelt_bytes: found.spelt_bytes,
        }
    }
}
