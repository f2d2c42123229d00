//! The subject of an inspection: a model, or a network as training would begin with it, and the tokens of a text.

use crate::args::{named, thread_count};
use crate::commands::{cpu, is_stdin, sources};
use crate::options::{TrainOptions, Untrained};
use crate::output::{say, usage};
use crate::resolve::{Layered, idle_notes, resolve};
use crate::vocabulary::VocabularyArgs;
use anyhow::Result;
use clap::{Args, ValueHint};
use elman::infer::NetworkModel;
use elman::measure::inspect::excerpts::tokens;
use elman::measure::inspect::places::TextOptions;
use elman::measure::inspect::untrained;
use elman::text::{Layout, ReadOptions};
use elman::train::config::{Origin, Value};
use elman::train::{Config, Folder, read_record};
use elman_kernels::Cpu;
use std::path::PathBuf;

/// Arguments of every inspection.
#[derive(Args)]
pub struct SubjectArgs {
    /// The directory of a model or of a run (not with --untrained), then texts, plain, gzip or zstd; '-' is standard input
    #[arg(value_name = "MODEL|TEXT", required = true, value_hint = ValueHint::AnyPath)]
    pub names: Vec<PathBuf>,
    /// Inspect a network as `elman train TEXT` with the same options would start it, instead of a model
    #[arg(long)]
    untrained: bool,

    #[command(flatten)]
    options: TrainOptions<Untrained>,
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

/// How the text is read, and what of it carries loss.
#[derive(Args)]
pub struct TextArgs {
    /// Read the text as one stream, or each line by itself, from <eos> and the zero state [default: as the model was trained]
    #[arg(long, value_name = "NAME", value_parser = named::<Layout>(&["stream", "sentences"]))]
    layout: Option<Layout>,
    /// Count only the loss of what follows the last TOKEN of each line; each line is then read by itself
    /// [default: as the run was trained]
    #[arg(long, value_name = "TOKEN")]
    loss_after: Option<String>,
    /// Tokens that are read before an excerpt of a stream, from the zero state [default: 100]
    #[arg(long, value_name = "N")]
    context: Option<usize>,
}

impl TextArgs {
    /// The choices, with those of the run for what was not chosen.
    pub fn options(&self, subject: &SubjectArgs) -> Result<TextOptions> {
        let mut loss_after = self.loss_after.clone();
        if loss_after.is_none() && self.layout != Some(Layout::Stream) && !subject.untrained {
            let run = subject.names.first().filter(|run| Folder::is_run(run));
            let record = run.map(|run| read_record(run)).transpose()?;
            loss_after = record.and_then(|record| record.config.loss_after);
        }
        if loss_after.is_some() && self.layout == Some(Layout::Stream) {
            return Err(usage(
                "--loss-after is for lines, each read by itself: leave out --layout stream",
            ));
        }
        Ok(TextOptions {
            layout: self.layout,
            loss_after,
        })
    }

    /// Tokens before an excerpt. A line has none, since it is read from its beginning.
    pub fn context(&self, default: usize, layout: Layout) -> Result<usize> {
        match (self.context, layout) {
            (Some(_), Layout::Sentences) => Err(usage(
                "--context is for a text that is read as one stream: here each line is read from its beginning",
            )),
            (context, _) => Ok(context.unwrap_or(default)),
        }
    }

    /// What can be refused before anything is read.
    pub fn context_or(&self, default: usize) -> usize {
        self.context.unwrap_or(default)
    }
}

/// A model and the tokens of a text.
pub struct Subject {
    pub model: NetworkModel,
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
                let (defaults, options) = (Layered::none(Config::default()), &self.options.choices);
                let config = resolve(&defaults, options)?;
                let origin = Origin {
                    vocabulary: self.vocabulary != VocabularyArgs::default(),
                    ..Origin::default()
                };
                for note in idle_notes(&defaults, options, &config, &origin) {
                    say(format_args!("note: {note}"));
                }
                let from = self.vocabulary.from();
                let model = untrained(&config, &from, sources(&self.names)?)?;
                (model, &self.names[..], "untrained".to_owned(), config.lossy)
            }
            false => {
                let (name, texts) = self.of_a_model()?;
                let lossy = self.options.choices.get("lossy") == Some(&Value::Flag(true));
                (
                    NetworkModel::load(name)?,
                    texts,
                    name.display().to_string(),
                    lossy,
                )
            }
        };
        let read = ReadOptions {
            lossy,
            ..ReadOptions::default()
        };
        Ok(Subject {
            ids: tokens(sources(texts)?, model.vocab(), &read)?,
            model,
            cpu: cpu(self.threads),
            name,
            text: crate::commands::name_of(texts),
            seed: match self.options.choices.get("seed") {
                Some(Value::Count(seed)) => *seed,
                _ => Config::default().seed,
            },
        })
    }

    /// The model and its texts, if nothing was chosen that only an untrained network has.
    fn of_a_model(&self) -> Result<(&PathBuf, &[PathBuf])> {
        let taken = ["seed", "lossy"];
        let mut names = self.options.choices.names();
        if names.any(|name| !taken.contains(&name)) || self.vocabulary != VocabularyArgs::default()
        {
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
