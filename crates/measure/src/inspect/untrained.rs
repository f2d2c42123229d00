//! A model before training: the effect of initialisation alone.

use crate::error::Result;
use elman_infer::{About, NetworkModel, VocabularyFrom, Weights};
use elman_net::{Network, Params};
use elman_text::{ReadOptions, Source};
use elman_train::Config;

/// Makes the network of `config` with its initial weights and the vocabulary that training on `sources` would use.
///
/// # Errors
/// [`Error::Train`](crate::Error::Train) if the configuration cannot be trained; [`Error::Text`](crate::Error::Text) and others if
/// the vocabulary cannot be loaded or counted.
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
