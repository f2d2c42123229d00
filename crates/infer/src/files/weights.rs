//! The weights of a network as arrays in PyTorch's names and shapes, and back, with everything that can be wrong with them.

use super::About;
use super::{TOKENIZER, unusable};
use crate::error::Result;
use elman_net::dims::Dims;
use elman_net::params::{Role, Tensor, all_finite};
use elman_net::{Network, Params};
use elman_store::{Array, Data, Snapshot, StoreError};
use elman_text::Vocab;
use rayon::prelude::*;
use serde_json::Value;
use std::borrow::Cow;
use std::path::Path;

/// Numbers that a CPU takes at a time: a huge page.
const SHARE: usize = 1 << 19;

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
/// Errors about the file at `path`: [`Error::Store`](crate::Error::Store) if an array is missing or has another shape; [`FileError::Unusable`](crate::FileError::Unusable) if a
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
/// [`FileError::Unusable`](crate::FileError::Unusable) with the position of the first that is not.
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
pub(super) fn about(weights: &Snapshot, vocab: &Vocab) -> std::result::Result<About, String> {
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
