//! `elman finetune`: continued training of a model on a text, optionally mixed with text that the model writes.

use super::train::{self, TrainArgs};
use crate::args::finite32;
use crate::options::decided_by_model;
use anyhow::Result;
use clap::{Args, ValueHint};
use elman::infer::OwnText;
use elman::text::Layout;
use std::path::PathBuf;

/// Continue training on new text, optionally mixed with text the model writes
///
/// The model's sizes, vocabulary and layout are kept; everything else is as in `elman train`, of which this is a run like any other:
/// continue it with `elman train --resume`. With --on-generated the model first writes a text itself, continuing
/// beginnings from the true text, and both are trained on; own.txt in the run's directory shows it. That gives the model its own
/// words as inputs, which teacher forcing never does (exposure bias); --scheduled-sampling is another way.
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman finetune runs/kjv psalms.txt                       # a model learns another text, at a low rate
  elman finetune runs/kjv data/kjv.txt --on-generated 0.25 # a quarter of what it reads is its own
  elman finetune runs/kjv data/kjv.txt --on-generated 0.5 --temperature 0.8 --continuation 50 --epochs 2
  elman finetune runs/kjv data/kjv.txt --scheduled-sampling constant:0.25 --lr 0.0005")]
pub struct FinetuneArgs {
    /// Model or run to start from
    #[arg(value_name = "MODEL", value_hint = ValueHint::DirPath,
        conflicts_with_all = ["vocab_file", "tokenizer", "vocab_from", "init_from", "resume"],
        conflicts_with_all = decided_by_model())]
    model: PathBuf,

    /// Share of all tokens to be trained on that the model writes itself, below 1; beginnings are not its own
    #[arg(long, value_name = "SHARE", help_heading = "Own sequences", value_parser = share,
        num_args = 0..=1, default_missing_value = "0.5", conflicts_with = "dry_run")]
    on_generated: Option<f64>,
    /// Tokens of a true beginning; with layout sentences at most, and at most half of its line
    #[arg(
        long,
        value_name = "N",
        help_heading = "Own sequences",
        requires = "on_generated",
        default_value = "20"
    )]
    beginning: usize,
    /// Tokens that the model writes after it; with layout sentences at most, up to the line end
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
    let own_text = on_generated.map(|share| OwnText {
        share,
        beginning,
        continuation,
        temperature,
    });
    if let Some(own) = &own_text {
        // What depends on the layout is found once that is known.
        own.check(Layout::Sentences)?;
    }
    choices.start_from(&model, own_text);
    train::run(choices)
}
