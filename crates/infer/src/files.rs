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

use super::{NetworkModel, Weights};
use crate::error::{Error, FileError, NotAModel, Result};
use config::ConfigFile;
use elman_net::dims::Dims;
use elman_net::params::{Role, Tensor, all_finite};
use elman_net::{Network, Params};
use elman_ngram as ngram;
use elman_store::model_dir::{CONFIG, TOKENIZER, WEIGHTS};
use elman_store::{Array, Data, ModelFiles, Snapshot, StoreError, write_model_dir};
use elman_text::{Layout, Vocab};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// Numbers that a CPU takes at a time: a huge page.
const SHARE: usize = 1 << 19;

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
        None,
    )
}

/// Saves a model from the arrays of its weights, with one more file of the name and text `more`; see [`save_model`].
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
    more: Option<(&str, &str)>,
) -> Result<()> {
    assert_eq!(
        dims.vocab,
        vocab.len(),
        "the network is for another vocabulary"
    );
    let config = pretty(&ConfigFile::new(dims, vocab, layout));
    let extras = [
        tokenizer_config(vocab),
        specials(vocab),
        generation_config(vocab),
    ]
    .map(|extra| pretty(&extra));
    let extras = EXTRAS.iter().zip(&extras);
    let extras: Vec<(&str, &str)> = extras
        .map(|(name, text)| (*name, text.as_str()))
        .chain(more)
        .collect();
    let header = json!({"vocab_hash": vocab.hash(), "about": about});
    let weights = Snapshot {
        header: object(header),
        arrays,
    };
    write_model_dir(
        directory,
        &config,
        &vocab.to_tokenizer_json(),
        &extras,
        &weights,
    )?;
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
/// [`FileError::NotAModel`] if there is no model; [`Error::Store`] if a size cannot be read.
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
        return refuse(NotAModel::File);
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

/// All parameters as arrays with PyTorch's names and shapes, as a model's file holds them.
pub fn arrays<'a>(network: &Network, params: &'a Params) -> Vec<Array<'a>> {
    let mut arrays = Vec::new();
    let cell = network.dims().cell;
    for (id, tensor) in network.layout().tensors() {
        let values = &params[id];
        if tensor.role == Role::ResetBias {
            // After zeros for the other gates.
            let mut whole = vec![0.0; (cell.gates() - 1) * values.len()];
            whole.extend_from_slice(values);
            arrays.push(Array::f32(&tensor.name, &[whole.len()], whole));
            continue;
        }
        arrays.push(Array::f32(&tensor.name, &tensor.shape, values));
        if tensor.role == Role::Bias && !cell.is_separate() {
            arrays.push(Array::f32(
                second_bias(tensor),
                &tensor.shape,
                vec![0.0; values.len()],
            ));
        }
    }
    arrays
}

/// `rnn.bias_hh_l{k}` for `rnn.bias_ih_l{k}`.
fn second_bias(first: &Tensor) -> String {
    first.name.replace("bias_ih", "bias_hh")
}

/// Takes the parameters of `network` out of `weights`, whose arrays have the names and shapes of [`arrays`].
///
/// # Errors
/// Errors about the file at `path`: [`Error::Store`] if an array is missing or has another shape; [`FileError::Unusable`] if a
/// value is not finite or an array is left over.
pub fn params(network: &Network, weights: &Snapshot, path: &Path) -> Result<Params> {
    let array = |name: &str, shape: &[usize]| -> Result<&[f32]> {
        let values = weights
            .f32(name, shape)
            .map_err(|flaw| StoreError::in_file(path, flaw))?;
        refuse_infinite(name, values, path)?;
        Ok(values)
    };
    let cell = network.dims().cell;
    let mut params = Params::zeros(network.layout().clone());
    let mut known: Vec<String> = Vec::new();
    for (id, tensor) in network.layout().clone().tensors() {
        known.push(tensor.name.clone());
        if tensor.role == Role::ResetBias {
            let hidden = tensor.shape[0];
            let whole = array(&tensor.name, &[cell.gates() * hidden])?;
            params[id].copy_from_slice(&whole[(cell.gates() - 1) * hidden..]);
            continue;
        }
        copy(&mut params[id], array(&tensor.name, &tensor.shape)?);
        if tensor.role == Role::Bias {
            let second = second_bias(tensor);
            let values = array(&second, &tensor.shape)?;
            // The last part of a separate cell's is a parameter of its own.
            let own = usize::from(cell.is_separate());
            let folded = values.len() / cell.gates() * (cell.gates() - own);
            for (b, extra) in params[id].iter_mut().zip(&values[..folded]) {
                // Adding zero would lose the sign of a zero.
                if *extra != 0.0 {
                    *b += extra;
                }
            }
            known.push(second);
        }
    }
    refuse_others(network.dims(), weights, &known, path)?;
    Ok(params)
}

/// Copies on all CPUs, whose first touch of new memory is what takes time.
fn copy(to: &mut [f32], from: &[f32]) {
    let parts = to.par_chunks_mut(SHARE).zip(from.par_chunks(SHARE));
    parts.for_each(|(to, from)| to.copy_from_slice(from));
}

/// Checks that all `values` of the tensor `name` in the file at `path` are finite.
///
/// # Errors
/// [`FileError::Unusable`] with the position of the first that is not.
pub fn refuse_infinite(name: &str, values: &[f32], path: &Path) -> Result<()> {
    if values.par_chunks(SHARE).all(all_finite) {
        return Ok(());
    }
    let at = values.iter().take_while(|x| x.is_finite()).count();
    Err(unusable(
        path,
        format!(
            "element {at} of `{name}` is {}, not a finite number: the model is damaged or diverged",
            values[at]
        ),
    ))
}

/// No array may be left over, except that other programs write a tied table twice.
fn refuse_others(dims: &Dims, weights: &Snapshot, known: &[String], path: &Path) -> Result<()> {
    let table = weights
        .array("encoder.weight")
        .map_or(&Data::F32(Cow::Borrowed(&[])), |array| &array.data);
    let extra = |array: &&Array| {
        let twin = dims.tied && array.name == "decoder.weight" && array.data == *table;
        !twin && !known.contains(&array.name)
    };
    match weights.arrays.iter().find(extra) {
        None => Ok(()),
        Some(array) if array.name == "decoder.weight" => Err(unusable(
            path,
            "it has a decoder.weight that is not encoder.weight, and config.json says that they are tied",
        )),
        Some(array) => Err(unusable(
            path,
            format!(
                "its array `{}` has no place in the network of config.json ({})",
                array.name, dims.cell
            ),
        )),
    }
}

/// What the header says; nothing for a foreign model.
fn about(weights: &Snapshot, vocab: &Vocab) -> std::result::Result<About, String> {
    match weights.header.get("vocab_hash").and_then(Value::as_str) {
        Some(hash) if hash != vocab.hash() => {
            return Err(format!(
                "it was trained with another vocabulary than {TOKENIZER}"
            ));
        }
        _ => {}
    }
    match weights.header.get("about") {
        None => Ok(About::default()),
        Some(about) => serde_json::from_value(about.clone())
            .map_err(|error| format!("its account of the training is not readable: {error}")),
    }
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
        other => unreachable!("{other} is no object"),
    }
}

fn pretty(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("plain strings and numbers");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests;
