//! A model as a graph of ONNX operators, for onnxruntime and other programs that run those.
//!
//! ```text
//! tokens (T, B) ─ Gather ─ x (T, B, E) ─ RNN | LSTM | GRU ─ Squeeze ─ … ─ MatMul ─ Add ─ logits (T, B, V)
//!                                         h_{k}, c_{k} (1, B, H) → next_h_{k}, next_c_{k}
//! ```
//! T and B are free. A recurrent operator takes W (1, G·H, in), R (1, G·H, H) and both biases in one B (1, 2 G·H), gates in the
//! order i, o, f, c of an LSTM and z, r, h of a GRU (here: i, f, g, o and r, z, n). `linear_before_reset` = 1 is the GRU whose
//! reset gate multiplies W_hn h + b_hn. ONNX operator specification, version 17: LSTM-14, GRU-14, RNN-14.
//!
//! The file contains the weights; protobuf is limited to 2 GiB, and so are the models that can be exported.

mod messages;

use crate::error::{Error, Result};
use elman_infer::NetworkModel;
use elman_net::dims::{Activation, Cell};
use elman_net::params::{Role, Tensor};
use elman_store::write_atomic;
use messages::{
    AttributeProto, FLOAT, GraphProto, INT64, ModelProto, NodeProto, OperatorSetIdProto, Size,
    StringStringEntryProto, TensorProto, ValueInfoProto,
};
use prost::Message;
use std::io::Write;
use std::path::Path;

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
    if operator(model.dims().cell).is_none() {
        let cell = model.dims().cell.to_string();
        return Err(Error::NoOperator { cell });
    }
    let weights = 4 * model.network().layout().arena_len() as u64;
    if weights > MOST_WEIGHT_BYTES {
        return Err(Error::TooLargeForOnnx { bytes: weights });
    }
    Ok(proto(model, options).encode_to_vec())
}

/// The operator that computes a cell, if ONNX has one.
fn operator(cell: Cell) -> Option<&'static str> {
    match cell {
        cell if cell.activation().is_some() => Some("RNN"),
        cell if cell == Cell::LSTM => Some("LSTM"),
        cell if cell == Cell::GRU => Some("GRU"),
        _ => None,
    }
}

fn proto(model: &NetworkModel, options: OnnxOptions) -> ModelProto {
    let vocab = model.vocab();
    let properties = [
        ("elman.model_id", model.id().to_owned()),
        ("elman.cell", model.dims().cell.to_string()),
        ("elman.vocab_kind", vocab.kind().to_string()),
        ("elman.vocab_hash", vocab.hash().to_owned()),
        ("elman.eos_token_id", vocab.eos().to_string()),
        ("elman.layout", model.layout().name().to_owned()),
    ];
    ModelProto {
        ir_version: IR_VERSION,
        producer_name: "elman".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        doc_string: "A recurrent language model. A text begins with the token elman.eos_token_id, read from states of zeros.".into(),
        graph: Some(Graph::of(model, options).0),
        opset_import: vec![OperatorSetIdProto {
            domain: String::new(),
            version: OPSET,
        }],
        metadata_props: properties
            .map(|(key, value)| StringStringEntryProto {
                key: key.into(),
                value,
            })
            .into(),
    }
}

/// A graph under construction.
struct Graph(GraphProto);

const STEPS: Size = Size::Named("steps");
const BATCH: Size = Size::Named("batch");
/// The constant [1], for Squeeze.
const DIRECTION_AXIS: &str = "direction_axis";

impl Graph {
    fn of(model: &NetworkModel, options: OnnxOptions) -> Graph {
        let dims = model.dims();
        let mut graph = Graph(GraphProto {
            name: "elman".into(),
            ..GraphProto::default()
        });
        let about = "token ids; a text begins with <eos>";
        graph
            .0
            .input
            .push(ValueInfoProto::new("tokens", INT64, &[STEPS, BATCH], about));
        let logits = ValueInfoProto::new(
            "logits",
            FLOAT,
            &[STEPS, BATCH, Size::Fixed(dims.vocab)],
            "of the token after each input; their softmax are probabilities",
        );
        graph.0.output.push(logits);
        graph.ints(DIRECTION_AXIS, &[1]);
        for (id, tensor) in model.network().layout().tensors() {
            if matches!(
                tensor.role,
                Role::Embed | Role::Projection | Role::OutputWeight | Role::OutputBias
            ) {
                graph.floats(&tensor.name, &tensor.shape, &model.params()[id]);
            }
        }

        graph.node("Gather", &["encoder.weight", "tokens"], &["x_0"], vec![]);
        for k in 0..dims.layers() {
            graph.layer(model, k);
        }
        let mut top = format!("x_{}", dims.layers());
        if dims.projected() {
            graph.product(&top, "projection.weight", "projected");
            top = "projected".into();
        }
        let table = match dims.tied {
            true => "encoder.weight",
            false => "decoder.weight",
        };
        graph.product(&top, table, "unbiased");
        graph.node("Add", &["unbiased", "decoder.bias"], &["logits"], vec![]);
        if options.log_probs {
            let axis = vec![AttributeProto::int("axis", -1)];
            graph.node("LogSoftmax", &["logits"], &["log_probs"], axis);
            let sizes = [STEPS, BATCH, Size::Fixed(dims.vocab)];
            let about = "natural logarithms of the probabilities";
            graph
                .0
                .output
                .insert(1, ValueInfoProto::new("log_probs", FLOAT, &sizes, about));
        }
        graph
    }

    /// Layer `k`: `x_{k}` (T, B, in) to `x_{k+1}` (T, B, H).
    fn layer(&mut self, model: &NetworkModel, k: usize) {
        let cell = model.dims().cell;
        let hidden = model.dims().hidden[k];
        let [w, r, b] = ["W", "R", "B"].map(|name| format!("rnn.{name}_l{k}"));
        self.weights(model, k, [&w, &r, &b]);

        let mut states = vec![format!("h_{k}")];
        if cell.has_memory_cell() {
            states.push(format!("c_{k}"));
        }
        let (x, all, next) = (format!("x_{k}"), format!("all_{k}"), format!("x_{}", k + 1));
        // The empty name: lengths of the sequences, which are all T.
        let mut inputs: Vec<&str> = vec![&x, &w, &r, &b, ""];
        inputs.extend(states.iter().map(String::as_str));
        let after: Vec<String> = states.iter().map(|name| format!("next_{name}")).collect();
        let mut outputs: Vec<&str> = vec![&all];
        outputs.extend(after.iter().map(String::as_str));

        let mut attributes = vec![AttributeProto::int("hidden_size", hidden as i64)];
        let operator = operator(cell).expect("`onnx_bytes` refuses other cells");
        if let Some(activation) = cell.activation() {
            let name = match activation {
                Activation::Sigmoid => "Sigmoid",
                Activation::Tanh => "Tanh",
                Activation::Relu => "Relu",
            };
            attributes.push(AttributeProto::string_list("activations", &[name]));
        }
        if cell == Cell::GRU {
            attributes.push(AttributeProto::int("linear_before_reset", 1));
        }
        self.node(operator, &inputs, &outputs, attributes);
        self.node("Squeeze", &[&all, DIRECTION_AXIS], &[&next], vec![]);
        let sizes = [Size::Fixed(1), BATCH, Size::Fixed(hidden)];
        for (before, after) in states.iter().zip(&after) {
            let (begin, end) = ("zeros before a text", "for the next window");
            self.0
                .input
                .push(ValueInfoProto::new(before, FLOAT, &sizes, begin));
            self.0
                .output
                .push(ValueInfoProto::new(after, FLOAT, &sizes, end));
        }
    }

    /// W, R and B of layer `k`, under these names.
    fn weights(&mut self, model: &NetworkModel, k: usize, names: [&str; 3]) {
        let ending = format!("_l{k}");
        let mut b = Vec::new();
        let mut second = None;
        for (id, tensor) in model.network().layout().tensors() {
            if !tensor.name.ends_with(&ending) {
                continue;
            }
            let values = &model.params()[id];
            let name = match tensor.role {
                Role::InputWeight => names[0],
                Role::RecurrentWeight => names[1],
                Role::Bias => {
                    b = in_onnx_order(tensor, values);
                    continue;
                }
                // b_hn, in the last of the three parts there as here.
                Role::ResetBias => {
                    second = Some(values);
                    continue;
                }
                role => unreachable!("{role:?} is of no layer"),
            };
            let shape = [&[1], &tensor.shape[..]].concat();
            self.floats(name, &shape, &in_onnx_order(tensor, values));
        }
        let rows = b.len();
        b.resize(2 * rows, 0.0);
        if let Some(b_hn) = second {
            b[2 * rows - b_hn.len()..].copy_from_slice(b_hn);
        }
        self.floats(names[2], &[1, 2 * rows], &b);
    }

    /// y = x · wᵀ
    fn product(&mut self, x: &str, w: &str, y: &str) {
        let turned = format!("{w}.T");
        let perm = vec![AttributeProto::ints("perm", &[1, 0])];
        self.node("Transpose", &[w], &[&turned], perm);
        self.node("MatMul", &[x, &turned], &[y], vec![]);
    }

    fn node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        outputs: &[&str],
        attribute: Vec<AttributeProto>,
    ) {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        self.0.node.push(NodeProto {
            input: names(inputs),
            output: names(outputs),
            name: format!("{}_{}", operator, outputs[0]),
            op_type: operator.into(),
            attribute,
        });
    }

    fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        self.tensor(name, FLOAT, shape, bytemuck::cast_slice(values));
    }

    fn ints(&mut self, name: &str, values: &[i64]) {
        self.tensor(name, INT64, &[values.len()], bytemuck::cast_slice(values));
    }

    fn tensor(&mut self, name: &str, data_type: i32, shape: &[usize], bytes: &[u8]) {
        const {
            assert!(
                cfg!(target_endian = "little"),
                "tensors are written as they stand in memory"
            );
        }
        self.0.initializer.push(TensorProto {
            dims: shape.iter().map(|&size| size as i64).collect(),
            data_type,
            name: name.into(),
            raw_data: bytes.into(),
        });
    }
}

/// The parts of a stacked tensor, one for each gate, in ONNX's order.
fn in_onnx_order(tensor: &Tensor, values: &[f32]) -> Vec<f32> {
    let order: &[usize] = match tensor.gates {
        4 => &[0, 3, 1, 2],
        3 => &[1, 0, 2],
        _ => &[0],
    };
    let part = values.len() / tensor.gates;
    order
        .iter()
        .flat_map(|&gate| &values[gate * part..][..part])
        .copied()
        .collect()
}

#[cfg(test)]
mod tests;
