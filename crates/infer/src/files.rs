//! A model's directory in the layout of Hugging Face, written and loaded.
//!
//! | file | what it holds |
//! |---|---|
//! | `config.json` | architecture and sizes, the same however long the training |
//! | `model.safetensors` | PyTorch's names and shapes; in its header [`About`] |
//! | `tokenizer.json` | the vocabulary, see `text::vocab` |
//! | `tokenizer_config.json`, `special_tokens_map.json`, `generation_config.json` | for other programs; not read here |
//!
//! PyTorch has two biases per gate where we have one: `rnn.bias_hh_l{k}` is written as zeros, except the n part of a GRU,
//! which is `b_hn`. On reading it is added to `rnn.bias_ih_l{k}`. With tied weights there is no `decoder.weight`.
//! A directory without the section `elman` in its `config.json` comes from another program and needs no checksums.
//!
//! Sizes are compared with the numbers that the weights' file really holds before anything is allocated from them.

pub mod config;
mod weights;

pub use weights::{arrays, params, refuse_infinite};

use super::{NetworkModel, Weights};
use crate::error::{Error, FileError, NotAModel, Result};
use config::ConfigFile;
use elman_net::dims::Dims;
use elman_net::{Network, Params};
use elman_ngram as ngram;
use elman_store::model_dir::{CONFIG, TOKENIZER, WEIGHTS};
use elman_store::{Array, ModelFiles, Snapshot, StoreError, write_model_dir};
use elman_text::{Layout, Vocab};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use weights::about;

/// Origin of a model: how far its training was when it was saved, or which file it was imported from.
///
/// It is kept in the header of the weights, so that `config.json` does not change from save to save.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    /// Number of updates that training had done.
    pub step: u64,
    /// Number of complete passes over the training text.
    pub epoch: u64,
    /// Mean loss per token on the validation text in nats, if there was a validation.
    pub valid_loss_nats: Option<f64>,
    /// Number of updates whose weights were averaged; 0 if the weights are those of one update.
    #[serde(skip_serializing_if = "is_zero")]
    pub averaged: u64,
    /// Whether training restarted streams at line beginnings, so that the model predicts well from the beginning of any line.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub restarts: bool,
    /// Description of the foreign file that the weights were imported from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imported: Option<String>,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// Files beside a model that other programs look for.
const EXTRAS: [&str; 3] = [
    "tokenizer_config.json",
    "special_tokens_map.json",
    "generation_config.json",
];

/// Whether a model directory's file of this name is one that [`save_model`] writes.
pub fn is_model_file(name: &str) -> bool {
    [CONFIG, TOKENIZER, WEIGHTS].contains(&name) || EXTRAS.contains(&name)
}

/// Saves a model in `directory`, which is created if it is missing; a model that is there is replaced.
///
/// The weights are written last: an interruption leaves the old model, or a mixture of both that loading refuses.
///
/// # Errors
/// [`Error::Store`] if a file cannot be written.
pub fn save_model(
    directory: &Path,
    network: &Network,
    params: &Params,
    vocab: &Vocab,
    layout: Layout,
    about: &About,
) -> Result<()> {
    let arrays = arrays(network, params);
    write_model(
        directory,
        network.dims(),
        arrays,
        vocab,
        layout,
        about,
        Additions::default(),
    )
}

/// What a model's directory holds for other programs besides, or instead of, what [`save_model`] writes.
#[derive(Default)]
pub struct Additions<'a> {
    /// Names and texts of small files; one with a usual name replaces that file.
    pub files: Vec<(&'a str, String)>,
    /// The key `auto_map` of `config.json`: Python classes that Transformers loads the model with.
    pub auto_map: Option<Value>,
    /// Text of `tokenizer.json`, if not the vocabulary's own.
    pub tokenizer: Option<String>,
}

/// Saves a model from the arrays of its weights, with additions for other programs; see [`save_model`].
///
/// # Errors
/// [`Error::Store`] if a file cannot be written.
pub fn write_model(
    directory: &Path,
    dims: &Dims,
    arrays: Vec<Array>,
    vocab: &Vocab,
    layout: Layout,
    about: &About,
    additions: Additions,
) -> Result<()> {
    assert_eq!(
        dims.vocab,
        vocab.len(),
        "the network is for another vocabulary"
    );
    let Additions {
        files,
        auto_map,
        tokenizer,
    } = additions;
    let config = pretty(&ConfigFile::new(dims, vocab, layout, auto_map));
    let tokenizer = tokenizer.unwrap_or_else(|| vocab.to_tokenizer_json());
    let extras = [
        tokenizer_config(vocab),
        specials(vocab),
        generation_config(vocab),
    ]
    .map(|extra| pretty(&extra));
    let extras = EXTRAS.iter().zip(&extras);
    let replaced = |name: &str| files.iter().any(|(other, _)| *other == name);
    let extras: Vec<(&str, &str)> = extras
        .map(|(name, text)| (*name, text.as_str()))
        .filter(|(name, _)| !replaced(name))
        .chain(files.iter().map(|(name, text)| (*name, text.as_str())))
        .collect();
    let header = json!({"vocab_hash": vocab.hash(), "about": about});
    let weights = Snapshot {
        header: object(header),
        arrays,
    };
    write_model_dir(directory, &config, &tokenizer, &extras, &weights)?;
    Ok(())
}

/// [`NetworkModel::load_as`].
pub(super) fn load(path: &Path, weights: Weights) -> Result<NetworkModel> {
    let directory = resolve(path)?;
    let files = ModelFiles::open(&directory)?;
    let snapshot = files.weights()?;
    let vocab = parse_vocab(&directory, &files.tokenizer)?;
    let (dims, layout) = ConfigFile::parse(&files.config)
        .and_then(|config| Ok((config.dims(&vocab, &snapshot)?, config.layout())))
        .map_err(|flaw| unusable(&directory.join(CONFIG), flaw))?;
    let about =
        about(&snapshot, &vocab).map_err(|flaw| unusable(&directory.join(WEIGHTS), flaw))?;
    let network = Network::new(dims);
    let params = params(&network, &snapshot, &directory.join(WEIGHTS))?;
    // The file's arrays are not needed beside the panels.
    drop(snapshot);
    drop(files);
    Ok(NetworkModel::new(network, params, vocab, about, weights).with_layout(layout))
}

/// Loads the vocabulary of the model at `path`: a model's or run's directory or the file of an n-gram model.
///
/// # Errors
/// Whatever is missing or damaged in the model, whose files are all checked.
pub fn read_vocab(path: &Path) -> Result<Vocab> {
    if is_ngram(path) {
        return Ok(ngram::Model::load(path)?.vocab().clone());
    }
    let directory = resolve(path)?;
    let files = ModelFiles::open(&directory)?;
    files.weights()?;
    parse_vocab(&directory, &files.tokenizer)
}

/// Reads from its `config.json` how the training texts of the network at `path` were laid out.
///
/// # Errors
/// [`FileError`] if there is no network or its configuration is unusable; [`Error::Store`] if the file cannot be read.
pub fn read_layout(path: &Path) -> Result<Layout> {
    let file = resolve(path)?.join(CONFIG);
    let text =
        std::fs::read_to_string(&file).map_err(|error| StoreError::io(&file, "read", error))?;
    let config = ConfigFile::parse(&text).map_err(|flaw| unusable(&file, flaw))?;
    Ok(config.layout())
}

/// Size in bytes of the files that loading the model at `path` reads.
///
/// # Errors
/// [`FileError::NotAModel`] if no model is there; [`Error::Store`] if a size cannot be read.
pub fn disk_bytes(path: &Path) -> Result<u64> {
    let files = match path.is_file() {
        true => vec![path.to_owned()],
        false => {
            let directory = resolve(path)?;
            [CONFIG, TOKENIZER, WEIGHTS]
                .map(|name| directory.join(name))
                .into()
        }
    };
    let mut sum = 0;
    for file in files {
        let found = std::fs::metadata(&file);
        let failed = |error| StoreError::io(&file, "read", error);
        sum += found.map_err(failed)?.len();
    }
    Ok(sum)
}

/// [`NetworkModel::id`].
pub(super) fn identity(
    network: &Network,
    params: &Params,
    vocab: &Vocab,
    layout: Layout,
) -> String {
    let dims = network.dims();
    let mut header =
        json!({"cell": dims.cell.to_string(), "tied": dims.tied, "vocab_hash": vocab.hash()});
    if layout != Layout::Stream {
        header["layout"] = json!(layout);
    }
    let snapshot = Snapshot {
        header: object(header),
        arrays: arrays(network, params),
    };
    snapshot.digest(&[])
}

/// Whether `path` can only be an n-gram model: a file, and none of those that a network's directory holds.
pub(super) fn is_ngram(path: &Path) -> bool {
    let of_network =
        |name: &std::ffi::OsStr| [CONFIG, TOKENIZER, WEIGHTS].iter().any(|&n| n == name);
    path.is_file() && !path.file_name().is_some_and(of_network)
}

/// Finds the directory that holds the model's files.
fn resolve(path: &Path) -> Result<PathBuf> {
    let refuse = |kind| {
        let path = path.to_path_buf();
        Err(FileError::NotAModel { path, kind }.into())
    };
    if path.is_file() {
        return refuse(match elman_ngram::Model::is_file(path) {
            true => NotAModel::Ngram,
            false => NotAModel::File,
        });
    }
    if !path.exists() {
        return refuse(NotAModel::Nothing);
    }
    if !path.is_dir() {
        return refuse(NotAModel::Special);
    }
    if path.join(CONFIG).exists() {
        return Ok(path.to_path_buf());
    }
    let (inside, is_run) = (path.join("model"), path.join("config.toml").exists());
    // A kill during the first save leaves a directory without weights.
    if inside.is_dir() && (!is_run || inside.join(WEIGHTS).exists()) {
        return Ok(inside);
    }
    match is_run {
        true => refuse(NotAModel::Unsaved),
        false => Ok(path.to_path_buf()),
    }
}

fn parse_vocab(directory: &Path, tokenizer: &str) -> Result<Vocab> {
    let name = directory.join(TOKENIZER).display().to_string();
    Ok(Vocab::from_tokenizer_json(&name, tokenizer.as_bytes())?)
}

/// Makes the error [`FileError::Unusable`] about the file at `path`, which is intact but has `flaw`.
pub fn unusable(path: &Path, flaw: impl Into<String>) -> Error {
    let (path, flaw) = (path.to_path_buf(), flaw.into());
    FileError::Unusable { path, flaw }.into()
}

fn specials(vocab: &Vocab) -> Value {
    let eos = vocab.token(vocab.eos());
    let mut map = json!({"bos_token": eos, "eos_token": eos});
    if let Some(unk) = vocab.unk() {
        map["unk_token"] = vocab.token(unk).into();
    }
    map
}

fn tokenizer_config(vocab: &Vocab) -> Value {
    let mut config = specials(vocab);
    config["tokenizer_class"] = "PreTrainedTokenizerFast".into();
    config["clean_up_tokenization_spaces"] = false.into();
    // The letters `<eos>` in a text are not the control token.
    config["split_special_tokens"] = true.into();
    config
}

fn generation_config(vocab: &Vocab) -> Value {
    json!({"bos_token_id": vocab.eos(), "eos_token_id": vocab.eos(), "do_sample": true})
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => unreachable!("{other} is not an object"),
    }
}

/// A small file of JSON, indented, as all of a model's directory are.
pub fn pretty(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("plain strings and numbers");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests;
