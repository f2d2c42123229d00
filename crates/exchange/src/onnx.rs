//! A model as a graph of ONNX operators, for onnxruntime and other programs that run those.
//!
//! ```text
//! tokens (T, B) ─ Gather ─ x (T, B, E) ─ RNN | LSTM | GRU ─ Squeeze ─ … ─ MatMul ─ Add ─ logits (T, B, V)
//!                                         h_{k}, c_{k} (1, B, H) → next_h_{k}, next_c_{k}
//! ```
//! T and B are free.
//!
//! ```text
//! graph     operators and weights of a network      sherpa    the two graphs of sherpa-onnx, over a recogniser's symbols
//! messages  the messages of the file                symbols   tokens.txt of a recogniser
//! ```
//! The file contains the weights; protobuf is limited to 2 GiB, and so are the models that can be exported.

mod graph;
mod messages;
mod sherpa;
mod symbols;

use crate::error::{Error, Result};
use elman_infer::NetworkModel;
use elman_store::write_atomic;
use graph::{Graph, operator};
use messages::{INT64, ModelProto, OperatorSetIdProto, Size, StringStringEntryProto};
use prost::Message;
use std::io::Write;
use std::path::Path;

pub use sherpa::{OFFLINE_NAME, ONLINE_NAME, Recogniser, save_for_sherpa};
pub use symbols::Symbols;

/// Version of ONNX's operator set; since 14 the recurrent operators are as they are used here.
const OPSET: i64 = 17;
/// The version of the format that came with that opset.
const IR_VERSION: i64 = 8;
/// Protobuf counts lengths in 31 bits; room for names and the rest of the graph is left.
const MOST_WEIGHT_BYTES: u64 = (1 << 31) - (1 << 20);

/// Options of an ONNX export.
#[derive(Clone, Copy, Debug, Default)]
pub struct OnnxOptions {
    /// Whether the graph has an output `log_probs` (T, B, V) beside `logits`.
    pub log_probs: bool,
}

/// Writes `model` as an ONNX file at `path`.
///
/// Needs memory for two more copies of the weights.
///
/// # Errors
/// [`Error::NoOperator`] if ONNX has no operator for the cell; [`Error::TooLargeForOnnx`] if the weights exceed what protobuf can
/// hold; [`Error::Store`] if the file cannot be written.
pub fn save_onnx(path: &Path, model: &NetworkModel, options: OnnxOptions) -> Result<()> {
    let bytes = onnx_bytes(model, options)?;
    Ok(write_atomic(path, |file| file.write_all(&bytes))?)
}

/// Encodes `model` as the bytes of an ONNX file; equal models give equal bytes.
pub(crate) fn onnx_bytes(model: &NetworkModel, options: OnnxOptions) -> Result<Vec<u8>> {
    refuse(model)?;
    let vocab = model.vocab();
    let properties = [
        ("elman.model_id", model.id().to_owned()),
        ("elman.cell", model.dims().cell.to_string()),
        ("elman.vocab_kind", vocab.kind().to_string()),
        ("elman.vocab_hash", vocab.hash().to_owned()),
        ("elman.eos_token_id", vocab.eos().to_string()),
        ("elman.layout", model.layout().name().to_owned()),
    ];
    let about = "A recurrent language model. A text begins with the token elman.eos_token_id, read from states of zeros.";
    Ok(encoded(graph(model, options), about, &properties))
}

/// Refuses a model that no ONNX file can hold.
fn refuse(model: &NetworkModel) -> Result<()> {
    if operator(model.dims().cell).is_none() {
        let cell = model.dims().cell.to_string();
        return Err(Error::NoOperator { cell });
    }
    let weights = 4 * model.network().layout().arena_len() as u64;
    if weights > MOST_WEIGHT_BYTES {
        return Err(Error::TooLargeForOnnx { bytes: weights });
    }
    Ok(())
}

/// The bytes of a file around a graph.
fn encoded(graph: Graph, about: &str, properties: &[(&str, String)]) -> Vec<u8> {
    let file = ModelProto {
        ir_version: IR_VERSION,
        producer_name: "elman".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        doc_string: about.into(),
        graph: Some(graph.0),
        opset_import: vec![OperatorSetIdProto {
            domain: String::new(),
            version: OPSET,
        }],
        metadata_props: properties
            .iter()
            .map(|(key, value)| StringStringEntryProto {
                key: (*key).into(),
                value: value.clone(),
            })
            .collect(),
    };
    file.encode_to_vec()
}

const STEPS: Size = Size::Named("steps");
const BATCH: Size = Size::Named("batch");

fn graph(model: &NetworkModel, options: OnnxOptions) -> Graph {
    let dims = model.dims();
    let mut graph = Graph::of(model);
    let about = "token ids; a text begins with <eos>";
    graph.input("tokens", INT64, &[STEPS, BATCH], about);
    let sizes = [STEPS, BATCH, Size::Fixed(dims.vocab)];
    let about = "of the token after each input; their softmax are probabilities";
    graph.output("logits", &sizes, about);
    if options.log_probs {
        let about = "natural logarithms of the probabilities";
        graph.output("log_probs", &sizes, about);
    }
    graph.embed("tokens");
    for k in 0..dims.layers() {
        graph.layer(model, k, true);
        let sizes = [Size::Fixed(1), BATCH, Size::Fixed(dims.hidden[k])];
        for state in Graph::states(dims.cell, k) {
            graph.input(&state, messages::FLOAT, &sizes, "zeros before a text");
            graph.output(&format!("next_{state}"), &sizes, "for the next window");
        }
    }
    graph.logits(model, &format!("x_{}", dims.layers()));
    if options.log_probs {
        graph.log_probs();
    }
    graph
}

#[cfg(test)]
mod tests;
