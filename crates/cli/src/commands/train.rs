//! `elman train`: from arguments to a [`Job`] and its run.

mod dry_run;
mod ending;
mod left_out;
mod prepare;

pub use prepare::{Prepared, planned_job, prepare};

use super::cache::KeepArgs;
use super::{name_of, refuse_model};
use crate::args::{Quoted, Weighted, seconds, size, thread_count};
use crate::options::{self, TrainOptions};
use crate::output::usage;
use crate::progress::{Form, Progress};
use crate::ranks;
use crate::rundir::{self, Replaced};
use crate::signals::Stop;
use crate::summary::{self, Memory};
use crate::vocabulary::VocabularyArgs;
use anyhow::{Result, bail};
use clap::builder::PossibleValuesParser;
use clap::{Args, ValueHint};
use elman::infer::OwnText;
use elman::train::config::{Origin, Value};
use elman::train::{Config, Ending, Event, Folder, Inputs, Machine, Team, Watch, peak_bytes};
use elman_kernels::Isa;
use ending::Ended;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Train a language model on text
#[derive(Args, Clone)]
#[command(after_help = EXAMPLES)]
pub struct TrainArgs {
    /// Training text, plain, gzip or zstd, in this order; '-' is standard input
    #[arg(value_name = "TEXT", required_unless_present_any = ["resume", "corpus"], value_hint = ValueHint::FilePath)]
    texts: Vec<PathBuf>,
    /// Additional training texts; FILE:WEIGHT reads FILE that many times per epoch, such as a.txt:2 or
    /// b.txt.gz:0.5
    #[arg(long, value_name = "FILE[:WEIGHT]", help_heading = "Text", num_args = 1.., value_hint = ValueHint::FilePath)]
    corpus: Vec<Weighted>,
    /// One for each of `texts`, once they are gathered.
    #[arg(skip)]
    weights: Vec<f64>,

    /// Validation text; may be given several times [default: the last 5 % of the training text]
    #[arg(long, value_name = "FILE", help_heading = "Text", value_hint = ValueHint::FilePath)]
    valid: Vec<PathBuf>,

    #[command(flatten)]
    options: TrainOptions,

    #[command(flatten)]
    vocabulary: VocabularyArgs,
    /// Start from the weights of this model or run; its vocabulary and sizes are kept, and its layout unless --layout is given
    #[arg(long, value_name = "MODEL", help_heading = "Initial weights", value_hint = ValueHint::DirPath,
        conflicts_with_all = ["vocab_file", "tokenizer", "vocab_from"], conflicts_with_all = options::decided_by_model())]
    init_from: Option<PathBuf>,
    /// What that model writes first.
    #[arg(skip)]
    own_text: Option<OwnText>,

    /// Directory of the run [default: runs/NAME after the first text]
    #[arg(long = "output", short = 'o', alias = "run", value_name = "DIR", help_heading = "Run", value_hint = ValueHint::DirPath)]
    run: Option<PathBuf>,
    /// Replace the run that -o names: delete the files that it wrote, and say which; files of yours in its directory stay
    #[arg(long, help_heading = "Run", requires = "run")]
    force: bool,
    /// Continue this run until its budget is used up; a new budget may be given, and options that only watch: --patience,
    /// --valid-every, --valid-per-epoch, samples, gradients, TensorBoard
    #[arg(long, value_name = "RUN", help_heading = "Run", value_hint = ValueHint::DirPath,
        conflicts_with_all = ["texts", "corpus", "valid", "vocab_file", "tokenizer", "vocab_from", "init_from", "run", "preset", "config"])]
    resume: Option<PathBuf>,
    /// Begin with a published recipe; docs/TRAINING.md has the sources. Options here and in --config come first
    #[arg(long, value_name = "NAME", help_heading = "Run",
        value_parser = PossibleValuesParser::new(crate::presets::names()))]
    preset: Option<String>,
    /// Read options from this TOML file, under the names that they have here; the config.toml of a run works too, but the files that it names are not taken over. Options on the command line come first
    #[arg(long, value_name = "FILE", help_heading = "Run", value_hint = ValueHint::FilePath)]
    config: Option<PathBuf>,
    /// Threads; any number computes the same model [default: one for each CPU]
    #[arg(long, short = 't', value_name = "N", help_heading = "Run", value_parser = thread_count())]
    threads: Option<u16>,
    /// Instruction set; in f32 any computes the same model [default: the best of this CPU]
    #[arg(long, value_name = "NAME", help_heading = "Run", value_parser = Isa::NAMES)]
    isa: Option<String>,
    /// Seconds between checkpoints
    #[arg(long, value_name = "SECONDS", help_heading = "Run", value_parser = seconds, default_value = "60")]
    save_every: f64,
    /// Refuse to start if more memory than this is planned, such as 2GiB [default: what is free]
    #[arg(long, value_name = "SIZE", help_heading = "Run", value_parser = size)]
    memory: Option<u64>,
    /// Show the plan (texts, network, steps, memory) without training
    #[arg(long, help_heading = "Run", conflicts_with = "resume")]
    dry_run: bool,
    #[command(flatten)]
    keep: KeepArgs,
    /// Report as JSON, one event a line on standard output
    #[arg(long, help_heading = "Run", conflicts_with = "quiet")]
    json: bool,
    /// Report only errors and notes
    #[arg(long, short, help_heading = "Run")]
    quiet: bool,
}

const EXAMPLES: &str = "\
Examples:
  # The defaults: two epochs, words, one LSTM layer
  elman train data/kjv.txt
  # Several texts, and a validation text of its own
  elman train part1.txt part2.txt.gz --valid held-out.txt
  # One text twice an epoch, half of another
  elman train --corpus letters.txt:2 news.txt.gz:0.5
  # A larger network, ten minutes
  elman train data/kjv.txt --minutes 10 --hidden 512
  # Characters; from a pipe
  zcat names/*.gz | elman train - -o runs/names --vocab chars --cell gru --hidden 128
  # Byte-pair encoding learnt in the text; the tokenizer of another model
  elman train data/kjv.txt --vocab bpe:4000
  elman train data/kjv.txt --tokenizer gpt2/tokenizer.json
  # What would that take, and with the whole text in one window?
  elman train data/kjv.txt --dry-run
  elman train data/kjv.txt --dry-run --bptt full --recompute
  # The small LSTM of Zaremba et al. (2014)
  elman train ptb.train.txt --valid ptb.valid.txt --preset zaremba-small
  # Continue, further than planned
  elman train --resume runs/kjv --epochs 4
  # Continue a run that its patience has ended
  elman train --resume runs/kjv --patience none
  # Start from a model, on another text
  elman train sermons.txt --init-from runs/kjv --lr 0.001";

pub fn run(args: TrainArgs) -> Result<()> {
    let mut machine = args.machine()?;
    let joined = ranks::join(&mut machine, args.threads.is_some());
    let Ok(team) = joined else {
        // Processes that differ have found it out together.
        return match ranks::is_rank_0() {
            true => joined.map(drop),
            false => Ok(()),
        };
    };
    if !team.writes() {
        return ranks::take_part(&team, &machine);
    }
    let result = lead(args, machine, &team);
    ranks::settle(&team, &result);
    result
}

/// Trains, as the only process or as rank 0.
fn lead(mut args: TrainArgs, machine: Machine, team: &Team) -> Result<()> {
    let start_bytes = peak_bytes();
    let form = match (args.json, args.quiet) {
        (true, _) => Form::Json,
        (_, true) => Form::Quiet,
        _ => Form::People,
    };
    let stop = Stop::default();
    let (directory, mut progress, outcome);
    match &args.resume {
        Some(run) => {
            let fixed: Vec<&str> = options::fixed(&args.options.choices).names().collect();
            if !fixed.is_empty() {
                return Err(usage(format!(
                    "--resume continues with the choices of the run, and {} cannot change: only --epochs, --steps or --minutes, --valid-every, --valid-per-epoch, --patience and options about watching may be given beside it",
                    fixed.join(", ")
                )));
            }
            let changes = options::changes(&args.options.choices);
            directory = run.clone();
            progress = Progress::new(form, directory.display().to_string(), stop.clone());
            outcome =
                elman::train::resume_together(&directory, changes, &machine, team, &mut progress);
        }
        None if args.dry_run => {
            args.gather();
            args.check_texts()?;
            return dry_run::run(args, machine, form);
        }
        None => {
            args.gather();
            args.check_texts()?;
            let text = name_of(&args.texts);
            let _beginning = rundir::Beginning::new(&args.directory());
            let Prepared {
                job,
                replaced,
                notes,
            } = prepare(args, machine)?;
            progress = Progress::new(form, text, stop.clone());
            for note in notes {
                progress.event(&Event::Note(note));
            }
            let mut starting = Starting {
                progress: &mut progress,
                replaced,
            };
            outcome = elman::train::start_together(&job, team, &mut starting);
            // Where the new run never began, the old one is put back.
            drop(starting.replaced);
            directory = job.run;
        }
    }
    progress.finish();
    let outcome = outcome?;
    let memory = start_bytes.zip(peak_bytes());
    let memory = memory.map(|(start_bytes, peak_bytes)| Memory {
        start_bytes,
        peak_bytes,
    });
    let failure = summary::failure(&outcome, &directory);
    let stopped = outcome.ending == Ending::Stopped;
    ending::report(
        &Ended {
            directory,
            outcome,
            memory,
        },
        &progress,
        form,
    )?;
    match failure {
        Some(failure) => bail!(failure),
        None if stopped => Ok(stop.check()?),
        None => Ok(()),
    }
}

/// Watches a new run, and deletes the run that it replaces once it is about to train.
struct Starting<'a> {
    progress: &'a mut Progress,
    replaced: Option<Replaced>,
}

impl Watch for Starting<'_> {
    fn event(&mut self, event: &Event) {
        self.progress.event(event);
        let Event::Ready(ready) = event else { return };
        let Some(replaced) = self.replaced.take() else {
            return;
        };
        let note = match replaced.delete() {
            Ok(deleted) if deleted.is_empty() => return,
            Ok(deleted) => format!(
                "replaced the run in {}: deleted its {}",
                ready.run.display(),
                deleted.join(", ")
            ),
            Err(error) => format!("the old run could not be deleted: {error:#}"),
        };
        self.progress.event(&Event::Note(note));
    }

    fn stop_requested(&self) -> bool {
        self.progress.stop_requested()
    }
}

impl TrainArgs {
    /// Starts from the weights of `model`, at a quarter of the default rate and for one epoch unless that is chosen.
    pub fn start_from(&mut self, model: &Path, own_text: Option<OwnText>) {
        let defaults = Config::default();
        let has_rate = self.options.choices.has("lr");
        let has_budget = options::has_budget(&self.options.choices);
        self.own_text = own_text;
        self.init_from = Some(model.to_path_buf());
        if self.config.is_none() && self.preset.is_none() {
            let choices = &mut self.options.choices;
            let mut choose = |name, value| {
                let chosen = choices.set(name, Value::Real(value));
                chosen.expect("it is in the option's range");
            };
            if !has_rate {
                choose("lr", defaults.lr / 4.0);
            }
            if !has_budget {
                choose("epochs", 1.0);
            }
        }
    }

    /// Puts the weighted texts behind the others; later calls change nothing.
    pub fn gather(&mut self) {
        self.weights.resize(self.texts.len(), 1.0);
        for text in self.corpus.drain(..) {
            self.texts.push(text.path);
            self.weights.push(text.weight);
        }
    }

    /// Refuses a run or a model in the place of a text.
    pub fn check_texts(&self) -> Result<()> {
        for text in self.texts.iter().chain(&self.valid) {
            if Folder::is_run(text) {
                return Err(usage(format!(
                    "{0} is a run, not a text: `elman train --resume {0}` continues it",
                    Quoted(text)
                )));
            }
            refuse_model(
                text,
                "train takes texts, and --init-from a model to start from",
            )?;
        }
        Ok(())
    }

    /// The files that a run with these arguments is made of, once the texts are gathered.
    pub fn inputs(&self) -> Inputs {
        Inputs::new(
            &self.texts,
            self.is_validated_apart().then_some(&self.valid[..]),
            &self.vocabulary.from(),
            self.init_from.as_deref(),
            self.own_text,
        )
    }

    /// What the run is made of beside its choices.
    pub fn origin(&self) -> Origin {
        Origin {
            model: self.init_from.is_some(),
            vocabulary: self.vocabulary != VocabularyArgs::default(),
        }
    }

    /// Whether there is a validation text of its own.
    fn is_validated_apart(&self) -> bool {
        !self.valid.is_empty()
    }

    /// Where a new run will be.
    fn directory(&self) -> PathBuf {
        let unnamed = || rundir::unused(&self.texts[0]);
        self.run.clone().unwrap_or_else(unnamed)
    }

    /// The number of threads, if one was given.
    pub fn chosen_threads(&self) -> Option<usize> {
        self.threads.map(usize::from)
    }

    /// Keeps encoded texts in `directory`, unless another place or none was chosen.
    pub fn keep_texts_in(&mut self, directory: &Path) {
        self.keep.keep_in(directory);
    }

    pub fn machine(&self) -> Result<Machine> {
        Ok(Machine {
            threads: super::threads(self.threads),
            isa: super::isa(self.isa.as_deref())?,
            save_every: Duration::try_from_secs_f64(self.save_every).unwrap_or(Duration::MAX),
            memory_bytes: self.memory,
        })
    }

    /// The choices of a new run, from defaults, file and command line.
    pub fn config(&self) -> Result<Config> {
        self.resolved().map(|resolved| resolved.config)
    }
}
