//! A state dict of PyTorch in a safetensors file, and the vocabulary that numbers its rows, become a network.
//!
//! The head of the file is judged first (`recognise`). Then its arrays are read, turned into f32, given our names and, in the
//! tables, the order of our vocabulary, and go the way of every model's file: checked for numbers, biases folded.
//!
//! An `<unk>` that the other vocabulary lacks is a new row: an embedding of zeros, and an output bias that gives it no
//! probability at all. So is a missing `<eos>`, with a probability so small that it changes no other one, and still a finite loss: it
//! begins every text, and evaluation predicts it at the end. One-hot inputs become an embedding, the identity.

use super::forms::{Plain, plain};
use super::recognise::{Ends, Hints, Recognised, recognise};
use super::state_dict::{ABOUT, CELL, LAYOUT, TIED, VOCAB_HASH};
use crate::error::{Error, Refusal, Result};
use elman_infer::About;
use elman_infer::files::{self, refuse_infinite, unusable};
use elman_net::dims::{Activation, Dims};
use elman_net::{Network, Params};
use elman_store::{
    Array, Data, Head, Integrity, Snapshot, StoreError, disk, read_head, read_snapshot,
};
use elman_text::{EOS, Kind, Layout, Listed, UNK, Vocab};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

/// Where e^x is 0 in f32, and so far below that other logits do not matter; a finite number, as a weight must be.
const NO_PROBABILITY: f32 = -1e4;
/// Below 10⁻¹³ beside logits of any size that networks have, and so without effect on other tokens in f32; about 40 nats.
const HARDLY_ANY: f32 = -30.0;
/// The largest vocabulary whose identity is written down as an embedding: 256 MiB.
const MOST_ONE_HOT: usize = 1 << 13;
/// Names of the end of a text in other programs.
const ENDS: [&str; 8] = [
    "</s>",
    "<EOS>",
    "<END>",
    "<end>",
    "[EOS]",
    "[SEP]",
    "<|endoftext|>",
    "<|end_of_text|>",
];

/// A network of another program, with its vocabulary, ready to be saved as a model.
pub struct Imported {
    /// The network: cell, sizes and the layout of its parameters.
    pub network: Network,
    /// Weights of the network in f32.
    pub params: Params,
    /// Vocabulary whose ids are the rows of the embedding and the output layer.
    pub vocab: Vocab,
    /// How the network's training texts were laid out: as a stream or as sentences.
    pub layout: Layout,
    /// Origin and description of the model, as its directory records them.
    pub about: About,
    /// Messages for people: conversions that were made and assumptions that the file does not confirm.
    pub notes: Vec<String>,
}

impl Imported {
    /// Writes the network as a model directory; see [`elman_infer::save_model`].
    pub fn save(&self, directory: &Path) -> Result<()> {
        Ok(files::save_model(
            directory,
            &self.network,
            &self.params,
            &self.vocab,
            self.layout,
            &self.about,
        )?)
    }
}

/// Imports the state dict in the safetensors file `path`, whose rows have the tokens of `listed` in order.
///
/// `hints` answer what names and shapes leave open. Needs memory for the file's arrays and once more for its weights.
///
/// # Errors
/// [`Error::Pickle`] for a pickle; [`Error::NoEos`] if `<eos>` is missing where another end token exists; [`Error::Unclear`] if a
/// hint is needed; [`Error::Store`] if the file is no safetensors file, holds no language model of a known kind, or has numbers
/// that are not finite. The message names the tensor.
pub fn import(path: &Path, listed: &Listed, hints: &Hints) -> Result<Imported> {
    refuse_pickle(path)?;
    let head = read_head(path)?;
    let listed = &without_end(listed, &head);
    let vocab = &listed.vocab;
    if !listed.ids.contains(&vocab.eos())
        && let Some(end) = ENDS.iter().find(|end| vocab.id(end.as_bytes()).is_some())
    {
        let end = end.to_string();
        return Err(Error::NoEos { end });
    }
    let ours = Ours::of(&head, vocab).map_err(|flaw| unusable(path, flaw))?;
    let hints = Hints {
        activation: hints.activation.or(ours.activation),
        ..hints.clone()
    };
    let plain = plain(&head.arrays).map_err(|flaw| unusable(path, flaw))?;
    let rows = listed.ids.len();
    let found = recognise(&plain.arrays, rows, &hints).map_err(|refusal| refused(path, refusal))?;
    if found.ends == Ends::OneHot && rows > MOST_ONE_HOT {
        let what = format!(
            "its inputs are one-hot, and they would become an embedding of {rows} × {rows} numbers: at most {MOST_ONE_HOT} tokens are allowed"
        );
        return Err(unusable(path, what).into());
    }
    let mut notes = notes(&head, &found, listed);
    notes.extend(plain.notes.iter().cloned());

    let mut weights = read(path, &head, &plain, &found)?;
    if found.ends == Ends::OneHot {
        let one = |at: usize| f32::from(at / rows == at % rows);
        let identity: Vec<f32> = (0..rows * rows).map(one).collect();
        weights
            .arrays
            .push(Array::f32("encoder.weight", &[rows, rows], identity));
    }
    let mut tied = found.ends == Ends::Tied;
    if !tied && ours.tied != Some(false) && is_twin(&weights) {
        notes.push("embedding and output layer are the same numbers: tied weights".into());
        weights
            .arrays
            .retain(|array| array.name != "decoder.weight");
        tied = true;
    }
    if let (false, Ok(projection)) = (tied, weights.array("projection.weight")) {
        let what = format!(
            "its projection {:?} comes before an output layer that is not the embedding, and elman has projections only with tied weights: \
             multiply the output layer's weight by it, and leave it out",
            projection.shape
        );
        return Err(unusable(path, what).into());
    }
    for array in &mut weights.arrays {
        match array.name.as_str() {
            "encoder.weight" | "decoder.weight" => *array = reordered(array, listed, &|_| 0.0),
            "decoder.bias" => {
                let hardly_any = |id| id == vocab.eos();
                let bias = |id| {
                    if hardly_any(id) {
                        HARDLY_ANY
                    } else {
                        NO_PROBABILITY
                    }
                };
                *array = reordered(array, listed, &bias);
            }
            _ => {}
        }
    }
    let network = Network::new(Dims {
        cell: found.cell,
        vocab: vocab.len(),
        embed: found.embed,
        hidden: found.hidden.clone(),
        tied,
    });
    let params = files::params(&network, &weights, path)?;
    let name = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy();
    let about = About {
        imported: Some(format!("{name} ({})", origin(&found))),
        ..ours.about
    };
    Ok(Imported {
        network,
        params,
        vocab: vocab.clone(),
        layout: hints.layout.or(ours.layout).unwrap_or_default(),
        about,
        notes,
    })
}

/// The arrays of the file as f32, under our names, with zeros for biases that it does without.
fn read(path: &Path, head: &Head, plain: &Plain, found: &Recognised) -> Result<Snapshot<'static>> {
    let mut weights = read_snapshot(path, Integrity::Foreign)?;
    let judged = head.arrays.iter().map(|array| (&array.name, &array.shape));
    let is_float = |array: &Array| matches!(array.data, Data::F32(_) | Data::F64(_));
    if !judged.eq(weights
        .arrays
        .iter()
        .map(|array| (&array.name, &array.shape)))
        || !weights.arrays.iter().all(is_float)
    {
        return Err(unusable(path, "it changed while it was read: try again").into());
    }
    weights.arrays.iter_mut().for_each(narrow);
    plain
        .form(&mut weights)
        .map_err(|flaw| unusable(path, flaw))?;
    for array in &weights.arrays {
        refuse_infinite(&array.name, f32s(array), path)?;
    }
    let names: HashMap<&str, &str> = found
        .names
        .iter()
        .map(|(ours, theirs)| (theirs.as_str(), ours.as_str()))
        .collect();
    for array in &mut weights.arrays {
        array.name = names[array.name.as_str()].to_owned();
    }
    for (name, rows) in &found.no_biases {
        weights
            .arrays
            .push(Array::f32(name, &[*rows], vec![0.0; *rows]));
    }
    Ok(weights)
}

/// The vocabulary of bytes without its end, where the network has a row for each byte and no more.
fn without_end(listed: &Listed, head: &Head) -> Listed {
    let (mut listed, eos) = (listed.clone(), listed.vocab.eos());
    let has_rows = |rows: usize| {
        let mut arrays = head.arrays.iter();
        arrays.any(|array| array.shape.len() == 2 && array.shape[0] == rows)
    };
    let rows = listed.ids.len();
    if listed.vocab.kind() == Kind::Bytes && !has_rows(rows) && has_rows(rows - 1) {
        listed.ids.retain(|&id| id != eos);
    }
    listed
}

/// Whether the output layer's weight is the embedding's table.
fn is_twin(weights: &Snapshot) -> bool {
    let [embedding, output] = ["encoder.weight", "decoder.weight"].map(|name| weights.array(name));
    matches!((embedding, output), (Ok(embedding), Ok(output)) if embedding.data == output.data)
}

/// Header of a state dict that elman wrote; empty for one of PyTorch.
#[derive(Default)]
struct Ours {
    activation: Option<Activation>,
    tied: Option<bool>,
    layout: Option<Layout>,
    about: About,
}

impl Ours {
    fn of(head: &Head, vocab: &Vocab) -> std::result::Result<Ours, String> {
        let text = |key: &str| head.header.get(key).and_then(Value::as_str);
        match text(VOCAB_HASH) {
            Some(hash) if hash != vocab.hash() => {
                return Err("it was exported with another vocabulary than this one".into());
            }
            _ => {}
        }
        fn read<T: DeserializeOwned>(
            head: &Head,
            key: &str,
        ) -> std::result::Result<Option<T>, String> {
            let value = head.header.get(key).cloned().unwrap_or(Value::Null);
            serde_json::from_value(value)
                .map_err(|error| format!("`{key}` in its header is not readable: {error}"))
        }
        Ok(Ours {
            activation: text(CELL).and_then(Activation::named),
            tied: read(head, TIED)?,
            layout: read(head, LAYOUT)?,
            about: read(head, ABOUT)?.unwrap_or_default(),
        })
    }
}

/// Messages about conversions and assumptions.
fn notes(head: &Head, found: &Recognised, listed: &Listed) -> Vec<String> {
    let mut notes = Vec::new();
    let count = |dtype: &str| {
        head.arrays
            .iter()
            .filter(|array| array.dtype == dtype)
            .count()
    };
    for (dtype, how) in [("F16", "exactly"), ("BF16", "exactly"), ("F64", "rounded")] {
        match count(dtype) {
            0 => {}
            1 => notes.push(format!("1 tensor of {dtype} became f32, {how}")),
            n => notes.push(format!("{n} tensors of {dtype} became f32, {how}")),
        }
    }
    let without = |prefix: &str| {
        found
            .no_biases
            .iter()
            .any(|(name, _)| name.starts_with(prefix))
    };
    for (prefix, what) in [
        ("rnn.", "the recurrent layers"),
        ("decoder.", "the output layer"),
    ] {
        if without(prefix) {
            notes.push(format!("{what} had no bias: it is zero"));
        }
    }
    if found.ends == Ends::OneHot {
        notes.push("its inputs are one-hot: the embedding is the identity".into());
    }
    let vocab = &listed.vocab;
    if !listed.ids.contains(&vocab.eos()) {
        notes.push(format!(
            "the vocabulary has no {EOS}, which begins every text and ends it: one was added, whose input is zeros and which is all but impossible as an output \
             (evaluation counts about 40 nats wherever a text ends; if it has another name there, name it)"
        ));
    }
    if vocab.unk().is_some_and(|unk| !listed.ids.contains(&unk)) {
        notes.push(format!(
            "the vocabulary has no {UNK}: one was added, with no probability (if it has another name there, name it)"
        ));
    }
    notes
}

/// The module that PyTorch would call it.
fn origin(found: &Recognised) -> &'static str {
    match found.cell.gates() {
        1 => "a state dict of nn.RNN",
        3 => "a state dict of nn.GRU",
        _ => "a state dict of nn.LSTM",
    }
}

/// Rounds an f64 array to f32; 16-bit floats have been widened on reading.
fn narrow(array: &mut Array) {
    if let Data::F64(values) = &array.data {
        let values: Vec<f32> = values.iter().map(|&x| x as f32).collect();
        array.data = Data::F32(values.into());
    }
}

pub(super) fn f32s<'a>(array: &'a Array) -> &'a [f32] {
    match &array.data {
        Data::F32(values) => values,
        other => unreachable!("`{}` is {}", array.name, other.dtype()),
    }
}

/// The rows of a table (or the numbers of a bias) in the order of our ids; `filler` of the id where the file has none.
fn reordered(array: &Array, listed: &Listed, filler: &dyn Fn(u32) -> f32) -> Array<'static> {
    let values = f32s(array);
    let width = values.len() / listed.ids.len();
    let mut out = Vec::with_capacity(listed.vocab.len() * width);
    for id in 0..listed.vocab.len() as u32 {
        out.resize(out.len() + width, filler(id));
    }
    for (row, &id) in values.chunks_exact(width).zip(&listed.ids) {
        out[id as usize * width..][..width].copy_from_slice(row);
    }
    let mut shape = array.shape.clone();
    shape[0] = listed.vocab.len();
    Array::f32(&array.name, &shape, out)
}

/// A pickle is a program that runs when it is opened.
fn refuse_pickle(path: &Path) -> Result<()> {
    let (file, _) = disk::open_regular(path)?;
    let mut first = Vec::new();
    file.take(9)
        .read_to_end(&mut first)
        .map_err(|error| StoreError::io(path, "read", error))?;
    let zip = first.starts_with(b"PK\x03\x04");
    let bare = matches!(first[..], [0x80, 2..=5, ..]);
    // The length of a header of 640 bytes begins like that too; then its JSON follows.
    let safetensors = matches!(first[..], [_, _, _, _, _, _, 0, 0, b'{']);
    if safetensors || !(zip || bare) {
        return Ok(());
    }
    Err(Error::Pickle {
        path: path.display().to_string(),
        target: path.with_extension("safetensors").display().to_string(),
    })
}

/// An error about the state dict at `path`.
fn refused(path: &Path, refusal: Refusal) -> Error {
    match refusal {
        Refusal::Flaw(flaw) => unusable(path, flaw).into(),
        Refusal::Unclear(question) => Error::Unclear {
            path: path.display().to_string(),
            question,
        },
    }
}

#[cfg(test)]
mod tests;
