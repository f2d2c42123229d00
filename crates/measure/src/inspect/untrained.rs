//! A model as training would begin with it: what initialisation alone does.

use crate::error::Result;
use elman_infer::{About, NetworkModel, VocabularyFrom, Weights};
use elman_net::{Network, Params};
use elman_text::{ReadOptions, Source};
use elman_train::Config;

/// The network of `config` with its initial weights and the vocabulary that training on `sources` would use.
///
/// Errors: what [`Config::check`] refuses, and what reading the vocabulary can find.
pub fn untrained(
    config: &Config,
    vocabulary: &VocabularyFrom,
    sources: Vec<Source>,
) -> Result<NetworkModel> {
    config.check()?;
    let read = ReadOptions {
        lossy: config.lossy,
        ..ReadOptions::default()
    };
    let vocab = vocabulary.vocab(
        sources,
        config.vocab,
        &read,
        config.min_count,
        config.max_vocab,
    )?;
    let network = Network::new(config.dims(vocab.len()));
    let mut params = Params::zeros(network.layout().clone());
    config.init().fill(network.dims(), &mut params);
    let about = About::default();
    Ok(NetworkModel::new(
        network,
        params,
        vocab,
        about,
        Weights::F32,
    ))
}
