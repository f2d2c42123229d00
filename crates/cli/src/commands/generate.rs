//! `elman generate`: text from a model, shown as it is drawn; or the best of a search, or a text for each of many prompts.

use super::cpu;
use crate::args::{named, thread_count};
use anyhow::Result;
use clap::{Args, ValueHint};
use elman::Model;
use elman::infer::{Eos, Generator, Sampling, Weights};
use std::ops::ControlFlow;
use std::path::PathBuf;

mod choice;
mod prompts;
mod show;
use choice::{ChoiceArgs, SearchArgs};
use prompts::PromptArgs;
use show::{Base, Show, Source};

/// Generate text with a model
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman generate runs/kjv                                    # begin a text
  elman generate runs/kjv --prompt 'In the beginning'        # continue a text
  elman generate runs/kjv --prompt 'And' --samples 3 --seed 7
  elman generate runs/kjv --greedy --max-tokens 30           # always the most probable token
  elman generate runs/kjv --temperature 1.2 --top-p 0.9 --repetition-penalty 1.1
  elman generate runs/kjv --prompt 'Q: why?' --stop $'\\n'     # up to the end of the line
  elman generate runs/kjv --prompt 'He was' --allow ' (glad|wroth)( and [a-z]+)?'
  elman generate runs/kjv --prompt 'And' --beam 8 --n-best 3 -n 12   # the most probable texts
  elman generate runs/kjv --prompts lines.txt --json --logprobs      # one text for each line
  elman generate kjv5.bin --prompt 'In the'                  # an n-gram model
  head -n 20 psalms.txt | elman generate runs/kjv -          # a prompt from a pipe

docs/GENERATION.md says what each choice does, and in which order they apply.")]
pub struct GenerateArgs {
    /// The directory of a model or of a run, or the file of an n-gram model
    #[arg(value_hint = ValueHint::AnyPath)]
    model: PathBuf,
    #[command(flatten)]
    prompts: PromptArgs,
    #[command(flatten)]
    choice: ChoiceArgs,
    #[command(flatten)]
    search: SearchArgs,

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
    /// Continue after the end of a document, or of the line that a model of sentences writes
    #[arg(long, help_heading = "Length")]
    ignore_eos: bool,
    /// Texts to write, each from the prompt
    #[arg(long, value_name = "N", help_heading = "Length", default_value = "1", value_parser = clap::value_parser!(u64).range(1..))]
    samples: u64,

    /// Print the log-probability of every token under the model itself, before any filter
    #[arg(long, value_name = "BASE", help_heading = "Output", num_args = 0..=1, require_equals = true, default_missing_value = "ln", value_parser = named::<Base>(&["ln", "log10"]))]
    logprobs: Option<Base>,
    /// Number format of a network's matrices: bf16 takes half the memory, int8 a quarter, and both are faster
    #[arg(long, value_name = "NAME", help_heading = "Output", default_value = "f32", value_parser = named::<Weights>(&["f32", "bf16", "int8"]))]
    weights: Weights,
    /// Print a JSON object for each text
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Threads; any number writes the same text [default: one for each CPU]
    #[arg(long, short = 't', value_name = "N", help_heading = "Output", value_parser = thread_count())]
    threads: Option<u16>,
}

pub fn run(args: GenerateArgs) -> Result<()> {
    let options = options(&args)?;
    options.check()?;
    let beam = args.search.beam();
    if let Some(beam) = &beam {
        beam.check()?;
    }
    args.prompts.check(&args.model)?;
    let mut prompts = args.prompts.read()?;
    let model = Model::load_as(&args.model, args.weights)?.with_cpu(cpu(args.threads));
    prompts.drop_mark(model.vocab().kind());
    let encoded = prompts.encode(model.vocab())?;
    let show = Show {
        vocab: model.vocab(),
        json: args.json,
        base: args.logprobs,
        echo: args.prompts.echo(),
        headed: args.search.n_best() > 1,
        seed: args.choice.seed(),
    };
    let task = Task {
        model: &model,
        options,
        show,
        samples: args.samples,
    };
    if let Some(beam) = beam {
        for (index, (prompt, ids)) in prompts.texts().zip(&encoded).enumerate() {
            let mut generator = task.generator(std::slice::from_ref(ids))?;
            for (rank, found) in (1..).zip(generator.search(0, &beam)?) {
                let source = Source {
                    index,
                    prompt,
                    prompt_tokens: ids.len(),
                };
                task.show.hypothesis(&source, rank, &found)?;
            }
        }
        return Ok(());
    }
    let batch_size = args.prompts.batch_size();
    let prompts: Vec<&[u8]> = prompts.texts().collect();
    for (first, (texts, ids)) in (0..)
        .step_by(batch_size)
        .zip(prompts.chunks(batch_size).zip(encoded.chunks(batch_size)))
    {
        match (texts, prompts.len()) {
            ([text], 1) if !args.json => task.stream(text, ids)?,
            _ => task.sample(first, texts, ids)?,
        }
    }
    Ok(())
}

/// What is done with every prompt.
struct Task<'a> {
    model: &'a Model,
    options: Sampling,
    show: Show<'a>,
    samples: u64,
}

impl Task<'_> {
    fn generator(&self, prompts: &[Vec<u32>]) -> Result<Generator<'_>> {
        let streams = self.model.streams(prompts.len());
        Ok(Generator::new(streams, prompts, self.options.clone())?)
    }

    /// Writes the samples of the only prompt to standard output while they are drawn.
    fn stream(&self, prompt: &[u8], ids: &[Vec<u32>]) -> Result<()> {
        let mut generator = self.generator(ids)?;
        for number in 0..self.samples {
            let mut text = self.show.begin(number > 0, prompt)?;
            let mut failed = None;
            let sample = generator.sample(number, &mut |_, piece| match text.piece(piece) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            })?;
            if let Some(error) = failed {
                return Err(error.into());
            }
            sample.iter().try_for_each(|sample| text.end(sample))?;
        }
        Ok(())
    }

    /// Shows the samples of the prompts from number `first` on, which are written side by side.
    fn sample(&self, first: usize, prompts: &[&[u8]], ids: &[Vec<u32>]) -> Result<()> {
        let mut generator = self.generator(ids)?;
        let mut samples = Vec::new();
        for number in 0..self.samples {
            samples.push(generator.sample(number, &mut |_, _| ControlFlow::Continue(()))?);
        }
        for (sequence, (prompt, ids)) in prompts.iter().zip(ids).enumerate() {
            let source = Source {
                index: first + sequence,
                prompt,
                prompt_tokens: ids.len(),
            };
            for (number, samples) in (0..).zip(&samples) {
                self.show.sample(&source, number, &samples[sequence])?;
            }
        }
        Ok(())
    }
}

fn options(args: &GenerateArgs) -> Result<Sampling> {
    Ok(Sampling {
        max_tokens: args.max_tokens,
        stop: args.stop.clone(),
        eos: match args.ignore_eos {
            true => Eos::GoOn,
            false => Eos::ByKind,
        },
        allow: args.choice.allow()?,
        logprobs: args.logprobs.is_some(),
        ..args.choice.sampling()
    })
}
