//! What is looked at: a model, or a network as training would begin with it, and the tokens of a text.

use crate::args::thread_count;
use crate::commands::{cpu, is_stdin, sources};
use crate::options::{InitOptions, NetworkOptions, TextOptions, TrainOptions, VocabularyArgs};
use crate::output::usage;
use crate::resolve::{Layered, resolve};
use anyhow::Result;
use clap::{Args, ValueHint};
use elman::infer::Model;
use elman::inspect::passages::tokens;
use elman::inspect::untrained;
use elman::text::ReadOptions;
use elman::train::Config;
use elman_kernels::Cpu;
use std::path::PathBuf;

/// Arguments of every inspection.
#[derive(Args)]
pub struct SubjectArgs {
    /// The directory of a model or of a run (not with --untrained), then texts, plain or gzip; '-' is standard input
    #[arg(value_name = "MODEL|TEXT", required = true, value_hint = ValueHint::AnyPath)]
    names: Vec<PathBuf>,
    /// Look at a network as `elman train TEXT` with the same options would begin with it, instead of a model
    #[arg(long)]
    untrained: bool,

    #[command(flatten)]
    text: TextOptions,
    #[command(flatten)]
    network: NetworkOptions,
    #[command(flatten)]
    init: InitOptions,
    #[command(flatten)]
    vocabulary: VocabularyArgs,

    /// Threads; any number gives the same figures [default: one for each CPU]
    #[arg(long, short = 't', value_name = "N", value_parser = thread_count())]
    threads: Option<u16>,
    /// Print one JSON object
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Print the tables as comma-separated values with all digits
    #[arg(long)]
    pub csv: bool,
}

/// A model and the tokens of a text.
pub struct Subject {
    pub model: Model,
    pub ids: Vec<u32>,
    pub cpu: Cpu,
    /// What it is called in reports.
    pub name: String,
    pub text: String,
    /// Of everything that is drawn.
    pub seed: u64,
}

impl SubjectArgs {
    /// Reads the model, or makes it, and the text.
    pub fn load(&self) -> Result<Subject> {
        let (model, texts, name, lossy) = match self.untrained {
            true => {
                if self.names.iter().any(|name| is_stdin(name)) {
                    return Err(usage(
                        "--untrained reads the text twice, for the vocabulary and for itself: give a file, not '-'",
                    ));
                }
                let config = resolve(Layered::none(Config::default()), self.options())?;
                let from = self.vocabulary.from();
                let model = untrained(&config, &from, sources(&self.names)?)?;
                (model, &self.names[..], "untrained".to_owned(), config.lossy)
            }
            false => {
                let (name, texts) = self.of_a_model()?;
                let lossy = self.text.lossy.unwrap_or(false);
                (Model::load(name)?, texts, name.display().to_string(), lossy)
            }
        };
        let read = ReadOptions { lossy, range: None };
        Ok(Subject {
            ids: tokens(sources(texts)?, model.vocab(), &read)?,
            model,
            cpu: cpu(self.threads),
            name,
            text: crate::commands::name_of(texts),
            seed: self.init.seed.unwrap_or(Config::default().seed),
        })
    }

    fn options(&self) -> TrainOptions {
        TrainOptions {
            text: self.text.clone(),
            network: self.network.clone(),
            init: self.init.clone(),
            ..TrainOptions::default()
        }
    }

    /// The model and its texts, if nothing was chosen that only an untrained network has.
    fn of_a_model(&self) -> Result<(&PathBuf, &[PathBuf])> {
        let mut rest = self.options();
        (rest.init.seed, rest.text.lossy) = (None, None);
        if rest != TrainOptions::default() || self.vocabulary != VocabularyArgs::default() {
            return Err(usage(
                "options of the vocabulary, the network and its weights are for --untrained: a model has its own",
            ));
        }
        match self.names.split_first() {
            Some((name, texts)) if !texts.is_empty() => Ok((name, texts)),
            _ => Err(usage("name a model and a text, or a text and --untrained")),
        }
    }
}
