//! A model as a state dict for PyTorch: the tensors of `docs/FORMAT.md`, with tied weights under both names, since
//! `load_state_dict(…, strict=True)` asks for both.
//!
//! The tensors are written to a file of their own, or to a model's directory together with a Python module that loads it. Such a
//! directory is a model like any other, which elman loads too.

use crate::error::Result;
use crate::transformers::{MODELING, MODELING_NAME};
use elman_infer::files::Additions;
use elman_infer::{NetworkModel, files};
use elman_net::dims::Activation;
use elman_store::{Array, Snapshot, StoreError, disk, write_snapshot};
use serde_json::{Map, json};
use std::io::Read;
use std::path::Path;

/// Keys in the header of a state dict of ours, which say what tensors cannot.
pub(super) const CELL: &str = "cell";
pub(super) const TIED: &str = "tied";
pub(super) const VOCAB_HASH: &str = "vocab_hash";
pub(super) const LAYOUT: &str = "layout";
pub(super) const ABOUT: &str = "about";

/// The Python module that loads a model's directory into `torch.nn`.
pub(super) const SCRIPT: &str = include_str!("elman_torch.py");
/// Name of the Python module that [`save_for_pytorch`] writes into a model's directory.
pub const SCRIPT_NAME: &str = "elman_torch.py";

/// Writes the weights of `model` as a PyTorch state dict in one safetensors file.
///
/// Tied weights are written under both names. The header records the cell, the tying, the vocabulary's hash and the description.
///
/// # Errors
/// [`Error::Store`](crate::Error::Store) if the file cannot be written.
pub fn save_state_dict(path: &Path, model: &NetworkModel) -> Result<()> {
    let cell = model.dims().cell;
    // PyTorch has one module for the activations of a plain RNN.
    let cell = cell.activation().map_or(cell.name(), Activation::name);
    let header = Map::from_iter([
        (CELL.to_owned(), cell.into()),
        (TIED.to_owned(), model.dims().tied.into()),
        (VOCAB_HASH.to_owned(), model.vocab().hash().into()),
        (LAYOUT.to_owned(), json!(model.layout())),
        (ABOUT.to_owned(), json!(model.about())),
    ]);
    let arrays = state_dict(model);
    Ok(write_snapshot(path, &Snapshot { header, arrays })?)
}

/// Writes a model directory whose weights are a PyTorch state dict, beside the Python module [`SCRIPT_NAME`] that loads it.
///
/// The Python module of an earlier export for Transformers is removed.
///
/// # Errors
/// [`Error::Model`](crate::Error::Model) if the directory cannot be written; [`Error::Store`](crate::Error::Store) if the other module
/// cannot be removed.
pub fn save_for_pytorch(directory: &Path, model: &NetworkModel) -> Result<()> {
    files::write_model(
        directory,
        model.dims(),
        state_dict(model),
        model.vocab(),
        model.layout(),
        model.about(),
        Additions {
            files: vec![(SCRIPT_NAME, SCRIPT.to_owned())],
            ..Additions::default()
        },
    )?;
    remove_module(directory, MODELING_NAME, MODELING)
}

/// Removes the Python module `name` from a model's directory if elman wrote it, that is, if it begins like `text`.
///
/// The beginning is everything before the first blank line, so that modules of other versions of elman are recognised too.
pub(super) fn remove_module(directory: &Path, name: &str, text: &str) -> Result<()> {
    let path = directory.join(name);
    if !path.is_file() {
        return Ok(());
    }
    let beginning = text.split("\n\n").next().unwrap_or(text).as_bytes();
    let (file, _) = disk::open_regular(&path)?;
    let mut found = Vec::new();
    file.take(beginning.len() as u64)
        .read_to_end(&mut found)
        .map_err(|error| StoreError::io(&path, "read", error))?;
    if found == beginning {
        disk::remove_file(&path)?;
    }
    Ok(())
}

fn state_dict(model: &NetworkModel) -> Vec<Array<'_>> {
    let mut arrays = files::arrays(model.network(), model.params());
    let table = model.network().embedding().table;
    if model.dims().tied {
        let shape = &model.network().layout().tensor(table).shape;
        arrays.push(Array::f32("decoder.weight", shape, &model.params()[table]));
    }
    arrays
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_shows_the_script_as_it_is() {
        let guide = include_str!("../../../docs/EXCHANGE.md");
        assert!(guide.contains(&format!("```python\n{SCRIPT}```")));
    }
}
