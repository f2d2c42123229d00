//! What the commands that score a text have in common: the model (one, or a mixture that the command line names), the text, and the output.

use super::compare::cache_window;
use super::{STDIN, check_markers, cpu, refuse_model};
use crate::args::{finite, named, thread_count};
use crate::output::{say, usage};
use crate::outputs::{Making, refuse_existing, refuse_inputs};
use anyhow::Result;
use clap::{Args, ValueHint};
use elman::Model;
use elman::infer::{Cache, Mixture, Weights};
use elman::store::disk::AtomicFile;
use elman::text::ReadOptions;
use elman_kernels::Cpu;
use std::fmt;
use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

/// A model, and the models that are mixed into it.
#[derive(Args)]
pub struct MixtureArgs {
    /// The directory of a model or of a run, or the file of an n-gram model (ARPA, or a binary of elman or KenLM)
    #[arg(value_name = "MODEL", value_hint = ValueHint::AnyPath)]
    model: PathBuf,
    /// Mix in another model of the same vocabulary with this weight, as OTHER:0.3; MODEL has the rest. OTHER may be cache:N, a cache of the last
    /// N tokens. May be given several times
    #[arg(long, value_name = "OTHER:WEIGHT", help_heading = "Model")]
    mix: Vec<Member>,
}

/// Number format and threads of a network.
#[derive(Args)]
pub struct ArithmeticArgs {
    /// Number format of the matrices of networks: bf16 takes half the memory, int8 a quarter; networks of --mix have f32
    #[arg(long, value_name = "NAME", default_value = "f32", help_heading = "Model", value_parser = named::<Weights>(&["f32", "bf16", "int8"]))]
    pub weights: Weights,
    /// Threads of a network; any number gives the same results [default: one for each CPU]
    #[arg(long, short = 't', value_name = "N", help_heading = "Model", value_parser = thread_count())]
    threads: Option<u16>,
}

/// The model that scores a text, and how it computes.
#[derive(Args)]
pub struct ModelArgs {
    #[command(flatten)]
    mixture: MixtureArgs,
    #[command(flatten)]
    arithmetic: ArithmeticArgs,
}

#[derive(Args)]
pub struct TextArgs {
    /// Text, plain or compressed (gzip, zstd), a sentence on each line; several are read as one, in this order; '-' or none is standard input
    #[arg(value_name = "TEXT", value_hint = ValueHint::FilePath)]
    texts: Vec<PathBuf>,
    /// Read invalid UTF-8 as U+FFFD instead of refusing it
    #[arg(long, help_heading = "Text")]
    lossy: bool,
    /// Leave out the words <s> and </s> that other programs write around sentences
    #[arg(long, alias = "skip_symbols", help_heading = "Text")]
    skip_symbols: bool,
}

impl TextArgs {
    /// Paths of the texts; the path of standard input if none is named.
    pub fn paths(&self) -> Vec<PathBuf> {
        match self.texts.is_empty() {
            true => vec![STDIN.into()],
            false => self.texts.clone(),
        }
    }

    /// Options for reading the texts.
    pub fn read_options(&self) -> ReadOptions {
        ReadOptions {
            lossy: self.lossy,
            skip_markers: self.skip_symbols,
            ..ReadOptions::default()
        }
    }
}

/// Loads the model that is to score the texts.
///
/// Errors: a text that is a model; an output file that exists or that is read.
pub fn load(
    model: &ModelArgs,
    text: &TextArgs,
    output: Option<&Path>,
    force: bool,
) -> Result<Model> {
    for text in &text.texts {
        refuse_model(text, "name one model, then texts; --mix takes more models")?;
    }
    if let Some(output) = output {
        refuse_inputs(output, text.texts.iter().chain(model.paths()))?;
        refuse_existing(output, Making::File, force)?;
    }
    let model = model.load()?;
    check_markers(text.skip_symbols, model.vocab().kind())?;
    Ok(model)
}

/// The file that a command writes, and how much it says meanwhile.
#[derive(Args)]
pub struct OutputArgs {
    /// Write to this file, which appears only when it is complete [default: standard output]
    #[arg(id = "output", long = "output", short = 'o', value_name = "FILE", help_heading = "Output", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// Replace the output file if it exists
    #[arg(long, help_heading = "Output", requires = "output")]
    pub force: bool,
    /// Do not show progress and notes on standard error
    #[arg(long, short, help_heading = "Output")]
    pub quiet: bool,
}

/// Destination of the output: standard output, or a file that appears only when it is complete.
pub enum Output {
    Stdout(BufWriter<StdoutLock<'static>>),
    File(AtomicFile),
}

impl Output {
    /// Opens the file `path`, or standard output if there is none.
    pub fn open(path: Option<&Path>) -> Result<Output> {
        Ok(match path {
            Some(path) => Output::File(AtomicFile::create(path)?),
            None => Output::Stdout(BufWriter::new(io::stdout().lock())),
        })
    }

    /// Completes the output: the file gets its name.
    pub fn commit(self) -> Result<()> {
        match self {
            Output::Stdout(mut out) => out.flush()?,
            Output::File(file) => file.commit()?,
        }
        Ok(())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Output::Stdout(out) => out.write(bytes),
            Output::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Output::Stdout(out) => out.flush(),
            Output::File(file) => file.flush(),
        }
    }
}

/// Prints notes on standard error, unless nothing but results is wanted.
pub fn print_notes<'n>(quiet: bool, notes: impl Iterator<Item = &'n String>) {
    if !quiet {
        notes.for_each(|note| say(format_args!("note: {note}")));
    }
}

/// A model to mix in, and its weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    path: PathBuf,
    weight: f64,
}

impl Member {
    /// Path of the model.
    pub fn path(&self) -> &PathBuf {
        &self.path
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path.display(), self.weight)
    }
}

impl FromStr for Member {
    type Err = String;

    fn from_str(text: &str) -> Result<Member, String> {
        let expected = || "expected a model and its weight, such as lm.bin:0.3".to_owned();
        let (path, weight) = text.rsplit_once(':').ok_or_else(expected)?;
        let weight = finite(weight).map_err(|_| expected())?;
        if path.is_empty() || path == "cache" {
            return Err(expected());
        }
        if !(weight > 0.0 && weight < 1.0) {
            return Err("the weight lies between 0 and 1, such as lm.bin:0.3".into());
        }
        Ok(Member {
            path: path.into(),
            weight,
        })
    }
}

impl MixtureArgs {
    /// Name of the model, with those that are mixed in.
    pub fn name(&self) -> String {
        let paths = self.paths().map(|path| path.display().to_string());
        paths.collect::<Vec<_>>().join(" + ")
    }

    /// Paths of the model and of those that are mixed in.
    pub fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        let mixed = self.mix.iter().map(Member::path);
        std::iter::once(&self.model).chain(mixed)
    }

    /// Loads the model, with a network's matrices in the format `weights`, or the mixture.
    pub fn load(&self, weights: Weights, cpu: &Arc<Cpu>) -> Result<Model> {
        let first = Model::load_as(&self.model, weights)?.with_cpu(cpu.clone());
        let name = self.model.display().to_string();
        mixed(first, &name, &self.mix, cpu)
    }
}

impl ArithmeticArgs {
    /// The threads, with the best instruction set of this CPU.
    pub fn cpu(&self) -> Arc<Cpu> {
        Arc::new(cpu(self.threads))
    }
}

impl ModelArgs {
    /// Name of the number format of a network's matrices.
    pub fn weights(&self) -> &'static str {
        self.arithmetic.weights.name()
    }

    /// Name of the model, with those that are mixed in.
    pub fn name(&self) -> String {
        self.mixture.name()
    }

    /// Paths of the model and of those that are mixed in.
    pub fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.mixture.paths()
    }

    /// Loads the model, or the mixture.
    pub fn load(&self) -> Result<Model> {
        self.mixture
            .load(self.arithmetic.weights, &self.arithmetic.cpu())
    }
}

/// Mixes `members` into the model `first` of this name; without members it is the model itself.
pub fn mixed(first: Model, name: &str, members: &[Member], cpu: &Arc<Cpu>) -> Result<Model> {
    if members.is_empty() {
        return Ok(first);
    }
    let others: f64 = members.iter().map(|member| member.weight).sum();
    if others >= 1.0 {
        return Err(usage(format!(
            "the weights of --mix sum to {others}, and nothing is left for {name}: give weights below 1 in total"
        )));
    }
    let mut all = vec![(first.clone(), 1.0 - others)];
    for Member { path, weight } in members {
        let member = match cache_window(path)? {
            Some(window) => Cache::new(first.vocab().clone(), window)?.into(),
            None => Model::load(path)?.with_cpu(cpu.clone()),
        };
        all.push((member, *weight));
    }
    Ok(Model::from(Mixture::new(all)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_a_model_and_a_weight() {
        let member = "cache:500:0.25".parse::<Member>().unwrap();
        assert_eq!((member.path, member.weight), ("cache:500".into(), 0.25));
        for text in [
            "lm.bin",
            "lm.bin:",
            ":0.5",
            "lm.bin:1",
            "lm.bin:0",
            "lm.bin:x",
            "cache:500",
        ] {
            assert!(text.parse::<Member>().is_err(), "{text}");
        }
    }
}
