//! `elman inspect`: the chapter's claims, measured on a model and a text.

mod exposure;
mod gradients;
mod memory;
mod sequential;
mod sizes;
mod states;
mod subject;
mod truncation;

use anyhow::Result;
use clap::Subcommand;

/// Look inside a model: gradient flow, what truncated BPTT loses, what training costs in memory and time, exposure bias, what each hidden unit tracks
#[derive(Subcommand)]
#[command(after_help = "\
Examples:
  elman inspect gradients runs/kjv psalms.txt    # do gradients vanish or explode, and how far do they reach?
  elman inspect gradients --untrained text.txt --cell elman --init-recurrent-scale 4
  elman inspect truncation runs/kjv psalms.txt   # what short windows lose of the gradient
  elman inspect memory runs/kjv --memory 2GiB    # where do the bytes of training go, and what fits?
  elman inspect sequential                       # what does it cost to read in order?
  elman inspect states runs/chars psalms.txt     # which unit is a quote cell?
  elman inspect exposure runs/drawn --oracle source.bin   # what changes when it reads its own words

What each number means: docs/INSPECT.md")]
pub enum InspectCommand {
    Exposure(Box<exposure::ExposureArgs>),
    Gradients(Box<gradients::GradientsArgs>),
    States(Box<states::StatesArgs>),
    Truncation(Box<truncation::TruncationArgs>),
    Memory(Box<memory::MemoryArgs>),
    Sequential(Box<sequential::SequentialArgs>),
}

pub fn run(command: InspectCommand) -> Result<()> {
    match command {
        InspectCommand::Exposure(args) => exposure::run(*args),
        InspectCommand::Gradients(args) => gradients::run(*args),
        InspectCommand::States(args) => states::run(*args),
        InspectCommand::Truncation(args) => truncation::run(*args),
        InspectCommand::Memory(args) => memory::run(*args),
        InspectCommand::Sequential(args) => sequential::run(*args),
    }
}
