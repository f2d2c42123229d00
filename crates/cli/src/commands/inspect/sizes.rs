//! What is planned or timed: a configuration and the size of a vocabulary, without any text's content or weight mattering.

use crate::options::TrainOptions;
use crate::output::usage;
use crate::resolve::{Layered, defaults, resolve};
use anyhow::Result;
use clap::builder::{RangedI64ValueParser, TypedValueParser};
use elman::infer::NetworkModel;
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
pub fn of_model(path: &Path, choices: TrainOptions) -> Result<Sizing> {
    let own = TrainOptions {
        text: choices.text.clone(),
        network: choices.network.clone(),
        init: choices.init.clone(),
        ..TrainOptions::default()
    };
    if own != TrainOptions::default() {
        return Err(usage(
            "options of the vocabulary, the network and its weights are for --untrained: a model has its own",
        ));
    }
    let model = NetworkModel::load(path)?;
    let mut base = match Folder::is_run(path) {
        true => read_record(path)?.config,
        false => defaults(Isa::detect()),
    };
    base.set_dims(model.dims());
    let file = Layered {
        base,
        choices: TrainOptions::default(),
        run: None,
    };
    Ok(Sizing {
        config: resolve(file, choices)?,
        vocab: model.vocab().len(),
        name: path.display().to_string(),
    })
}

/// Entries of a vocabulary.
pub fn vocabulary_size() -> impl TypedValueParser<Value = u32> {
    RangedI64ValueParser::<u32>::new().range(3..=1 << 24)
}
