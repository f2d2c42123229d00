//! `elman finetune`: goes on training a model on a text, perhaps mixed with what the model itself writes.

use super::train::{self, TrainArgs};
use super::{is_stdin, sources};
use crate::args::finite32;
use crate::output::{grouped, say, usage};
use crate::rundir;
use anyhow::{Context, Result};
use clap::{Args, ValueHint};
use elman::infer::{Model, OwnText, write_own};
use elman::inspect::passages::tokens;
use elman::store::{disk, write_atomic};
use elman::text::ReadOptions;
use elman::train::VALIDATION_FRACTION;
use elman_kernels::Cpu;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Go on training a model on a text, mixed with sequences of its own
///
/// The model's sizes and vocabulary are kept; everything else is as in `elman train`, of which this is a run like any other:
/// it goes on with `elman train --resume`. With --on-generated the model first writes a text itself, continuing
/// beginnings from the true text; it stands in the run's directory, and both are trained on. That shows the model its own
/// words as inputs, which teacher forcing never does (exposure bias); --scheduled-sampling is another way.
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman finetune runs/kjv psalms.txt                       # a model learns another text, at a low rate
  elman finetune runs/kjv data/kjv.txt --on-generated 0.25 # a quarter of what it reads is its own
  elman finetune runs/kjv data/kjv.txt --on-generated 0.5 --temperature 0.8 --continuation 50 --epochs 2
  elman finetune runs/kjv data/kjv.txt --scheduled-sampling constant:0.25 --lr 0.0005")]
pub struct FinetuneArgs {
    /// Model or run to go on from
    #[arg(value_name = "MODEL", value_hint = ValueHint::DirPath,
        conflicts_with_all = ["vocab_file", "tokenizer", "vocab_from", "vocab", "min_count", "max_vocab", "cell", "activation",
            "hidden", "embed", "layers", "tied", "no_tied", "init", "init_range", "init_recurrent", "init_recurrent_scale",
            "forget_bias", "init_from", "resume"])]
    model: PathBuf,

    /// Share of the tokens to be trained on that the model writes itself, below 1
    #[arg(long, value_name = "SHARE", help_heading = "Own sequences", value_parser = share,
        num_args = 0..=1, default_missing_value = "0.5", conflicts_with_all = ["force", "dry_run"])]
    on_generated: Option<f64>,
    /// Tokens of a true beginning
    #[arg(
        long,
        value_name = "N",
        help_heading = "Own sequences",
        requires = "on_generated",
        default_value = "20"
    )]
    beginning: usize,
    /// Tokens that the model writes after it
    #[arg(
        long,
        value_name = "N",
        help_heading = "Own sequences",
        requires = "on_generated",
        default_value = "100"
    )]
    continuation: usize,
    /// Temperature at which it writes; 1 is the model's own distribution
    #[arg(long, value_name = "X", help_heading = "Own sequences", requires = "on_generated", value_parser = finite32, default_value = "1")]
    temperature: f32,

    #[command(flatten)]
    train: TrainArgs,
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text
        .parse()
        .map_err(|_| "expected a number, such as 0.25")?;
    match share > 0.0 && share < 1.0 {
        true => Ok(share),
        false => Err("the share lies above 0 and below 1".into()),
    }
}

pub fn run(args: FinetuneArgs) -> Result<()> {
    let FinetuneArgs {
        model,
        on_generated,
        beginning,
        continuation,
        temperature,
        train: mut choices,
    } = args;
    choices.gather();
    choices.start_from(&model);
    if let Some(share) = on_generated {
        let run = choices.new_run()?;
        let writing = Writing {
            share,
            beginning,
            continuation,
            temperature,
        };
        let path = writing.write(&model, &choices, &run)?;
        choices.read_first(path, run);
    }
    train::run(choices)
}

/// The part of the true text, from its end, that lends no beginnings: without a validation text of its own the end of all that is read
/// is set aside, and the model's own text comes first. Half as much again, since its bytes and tokens are not in one proportion.
///
/// Errors: so much is its own that little is left.
fn unseen(share: f64) -> Result<f64> {
    let part = 1.5 * VALIDATION_FRACTION / (1.0 - share);
    if part > 0.5 {
        return Err(usage(format!(
            "with a share of {share} most of the text would be set aside for validation, which must lend no beginnings: give a validation text with --valid"
        )));
    }
    Ok(part)
}

/// How the model is to write its own text.
struct Writing {
    share: f64,
    beginning: usize,
    continuation: usize,
    temperature: f32,
}

impl Writing {
    /// Writes it into the directory of a run; returns its path.
    fn write(&self, model: &Path, choices: &TrainArgs, run: &Path) -> Result<PathBuf> {
        if choices.texts().iter().any(|text| is_stdin(text)) {
            return Err(usage(
                "the text is read twice with --on-generated, and standard input can be read once: give files",
            ));
        }
        let (config, machine) = (choices.config()?, choices.machine()?);
        let model = Model::load(model)?;
        let cpu = Cpu::new(machine.isa, machine.threads);
        let read = ReadOptions {
            lossy: config.lossy,
            range: None,
        };
        let ids = tokens(sources(choices.texts())?, model.vocab(), &read)?;
        let unseen = match choices.is_validated_apart() {
            true => 0.0,
            false => unseen(self.share)?,
        };
        let seen = ids.len() - (ids.len() as f64 * unseen).ceil() as usize;
        let own = OwnText {
            tokens: (ids.len() as f64 * self.share / (1.0 - self.share)).ceil() as usize,
            beginning: self.beginning,
            length: self.continuation,
            temperature: self.temperature,
            seed: config.seed,
        };
        let mut tenths = 0;
        let text = write_own(&model, &cpu, &ids[..seen], &own, &mut |written| {
            // The last texts are written to their ends.
            let written = written.min(own.tokens);
            if choices.is_for_people() && 10 * written / own.tokens > tenths {
                tenths = 10 * written / own.tokens;
                let (written, all) = (grouped(written as u64), grouped(own.tokens as u64));
                say(format_args!("own text    {written} of {all} tokens"));
            }
            ControlFlow::Continue(())
        })?;
        disk::create_dir_all(run)?;
        let path = run.join(rundir::OWN_TEXT);
        write_atomic(&path, |file| file.write_all(&text))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}
