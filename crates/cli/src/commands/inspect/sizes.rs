//! What is planned or timed: a configuration and the size of a vocabulary, without any text's content or weight mattering.

use crate::options::{Groups, Untrained};
use crate::output::usage;
use crate::resolve::{Layered, resolve};
use anyhow::Result;
use clap::builder::{RangedI64ValueParser, TypedValueParser};
use elman::infer::NetworkModel;
use elman::train::config::Choices;
use elman::train::{Config, Folder, read_record};
use elman_kernels::Isa;
use std::path::Path;

/// A configuration and the size of its vocabulary.
pub struct Sizing {
    pub config: Config,
    pub vocab: usize,
    /// What it is called in reports.
    pub name: String,
}

/// The model in `path` and, where it is a run, its configuration under `choices`, which leave the network alone.
pub fn of_model(path: &Path, choices: &Choices) -> Result<Sizing> {
    let own = choices.filtered(|option| Untrained::has(option.group));
    if !own.is_empty() {
        return Err(usage(
            "options of the vocabulary, the network and its weights are for --untrained: a model has its own",
        ));
    }
    let model = NetworkModel::load(path)?;
    let mut base = match Folder::is_run(path) {
        true => read_record(path)?.config,
        false => Config::defaults_on(Isa::detect()),
    };
    base.set_dims(model.dims());
    Ok(Sizing {
        config: resolve(&Layered::none(base), choices)?,
        vocab: model.vocab().len(),
        name: path.display().to_string(),
    })
}

/// Entries of a vocabulary.
pub fn vocabulary_size() -> impl TypedValueParser<Value = u32> {
    RangedI64ValueParser::<u32>::new().range(3..=1 << 24)
}
