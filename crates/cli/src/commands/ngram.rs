//! `elman ngram`: what n-gram models need beside the commands that know every model.

mod convert;
mod mix;
mod output_file;
mod texts;
mod train;

use super::{eval, generate, info};
use anyhow::Result;
use clap::Subcommand;

/// Train, convert, mix and use n-gram models
#[derive(Subcommand)]
pub enum NgramCommand {
    Train(train::NgramTrainArgs),
    Eval(eval::EvalArgs),
    Generate(generate::GenerateArgs),
    Info(info::InfoArgs),
    Convert(convert::ConvertArgs),
    Mix(mix::MixArgs),
}

pub fn run(command: NgramCommand) -> Result<()> {
    match command {
        NgramCommand::Train(args) => train::run(args),
        NgramCommand::Eval(args) => eval::run(args),
        NgramCommand::Generate(args) => generate::run(args),
        NgramCommand::Info(args) => info::run(args),
        NgramCommand::Convert(args) => convert::run(args),
        NgramCommand::Mix(args) => mix::run(args),
    }
}
