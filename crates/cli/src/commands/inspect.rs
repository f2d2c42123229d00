//! `elman inspect`: the chapter's claims, measured on a model and a text.

mod gradients;
mod subject;
mod truncation;

use anyhow::Result;
use clap::Subcommand;

/// Look inside a model: how gradients flow, what truncation costs
#[derive(Subcommand)]
#[command(after_help = "\
Examples:
  elman inspect gradients runs/kjv psalms.txt    # do gradients vanish or explode, and how far do they reach?
  elman inspect gradients --untrained text.txt --cell elman --init-recurrent-scale 4
  elman inspect truncation runs/kjv psalms.txt   # what short windows lose of the gradient

What each number means: docs/INSPECT.md")]
pub enum InspectCommand {
    Gradients(Box<gradients::GradientsArgs>),
    Truncation(Box<truncation::TruncationArgs>),
}

pub fn run(command: InspectCommand) -> Result<()> {
    match command {
        InspectCommand::Gradients(args) => gradients::run(*args),
        InspectCommand::Truncation(args) => truncation::run(*args),
    }
}
