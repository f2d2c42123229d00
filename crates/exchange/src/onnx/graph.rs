//! A graph of ONNX operators under construction: the parts of a network that every contract shares.
//!
//! A recurrent operator takes W (1, G·H, in), R (1, G·H, H) and both biases in one B (1, 2 G·H), gates in the order i, o, f, c of an
//! LSTM and z, r, h of a GRU (here: i, f, g, o and r, z, n). `linear_before_reset` = 1 is the GRU whose reset gate multiplies
//! W_hn h + b_hn. ONNX operator specification, version 17: LSTM-14, GRU-14, RNN-14.

use super::messages::{
    AttributeProto, FLOAT, GraphProto, INT64, NodeProto, Size, TensorProto, ValueInfoProto,
};
use elman_infer::NetworkModel;
use elman_net::dims::{Activation, Cell};
use elman_net::params::{Role, Tensor};

/// The constant [1], for Squeeze.
const DIRECTION_AXIS: &str = "direction_axis";

/// A graph under construction.
pub struct Graph(pub GraphProto);

/// The operator that computes a cell, if ONNX has one.
pub fn operator(cell: Cell) -> Option<&'static str> {
    match cell {
        cell if cell.activation().is_some() => Some("RNN"),
        cell if cell == Cell::LSTM => Some("LSTM"),
        cell if cell == Cell::GRU => Some("GRU"),
        _ => None,
    }
}

impl Graph {
    /// A graph with the weights of `model` but those of its recurrent layers.
    pub fn of(model: &NetworkModel) -> Graph {
        let mut graph = Graph(GraphProto {
            name: "elman".into(),
            ..GraphProto::default()
        });
        graph.ints(DIRECTION_AXIS, &[1]);
        for (id, tensor) in model.network().layout().tensors() {
            if matches!(
                tensor.role,
                Role::Embed | Role::Projection | Role::OutputWeight | Role::OutputBias
            ) {
                graph.floats(&tensor.name, &tensor.shape, &model.params()[id]);
            }
        }
        graph
    }

    /// Declares an input of the graph.
    pub fn input(&mut self, name: &str, elem_type: i32, sizes: &[Size], about: &str) {
        let info = ValueInfoProto::new(name, elem_type, sizes, about);
        self.0.input.push(info);
    }

    /// Declares an output of the graph.
    pub fn output(&mut self, name: &str, sizes: &[Size], about: &str) {
        let info = ValueInfoProto::new(name, FLOAT, sizes, about);
        self.0.output.push(info);
    }

    /// Embeddings `x_0` (T, B, E) of `tokens` (T, B).
    pub fn embed(&mut self, tokens: &str) {
        self.node("Gather", &["encoder.weight", tokens], &["x_0"], vec![]);
    }

    /// Names of the states of layer `k`: `h_{k}`, and of an LSTM `c_{k}`.
    pub fn states(cell: Cell, k: usize) -> Vec<String> {
        let mut states = vec![format!("h_{k}")];
        if cell.has_memory_cell() {
            states.push(format!("c_{k}"));
        }
        states
    }

    /// Layer `k`: `x_{k}` (T, B, in) to `x_{k+1}` (T, B, H).
    ///
    /// With `carried` it begins in its states and computes those that follow, `next_h_{k}` and so on; otherwise it begins in zeros.
    pub fn layer(&mut self, model: &NetworkModel, k: usize, carried: bool) {
        let cell = model.dims().cell;
        let hidden = model.dims().hidden[k];
        let [w, r, b] = ["W", "R", "B"].map(|name| format!("rnn.{name}_l{k}"));
        self.weights(model, k, [&w, &r, &b]);

        let states = match carried {
            true => Graph::states(cell, k),
            false => Vec::new(),
        };
        let (x, all, next) = (format!("x_{k}"), format!("all_{k}"), format!("x_{}", k + 1));
        let mut inputs: Vec<&str> = vec![&x, &w, &r, &b];
        if carried {
            // The empty name: lengths of the sequences, which are all T.
            inputs.push("");
        }
        inputs.extend(states.iter().map(String::as_str));
        let after: Vec<String> = states.iter().map(|name| format!("next_{name}")).collect();
        let mut outputs: Vec<&str> = vec![&all];
        outputs.extend(after.iter().map(String::as_str));

        let mut attributes = vec![AttributeProto::int("hidden_size", hidden as i64)];
        let operator = operator(cell).expect("other cells are refused before");
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
    }

    /// `logits` of the output of the top layer, `top` (…, H).
    pub fn logits(&mut self, model: &NetworkModel, top: &str) {
        let dims = model.dims();
        let mut top = top;
        if dims.projected() {
            self.product(top, "projection.weight", "projected");
            top = "projected";
        }
        let table = match dims.tied {
            true => "encoder.weight",
            false => "decoder.weight",
        };
        self.product(top, table, "unbiased");
        self.node("Add", &["unbiased", "decoder.bias"], &["logits"], vec![]);
    }

    /// `log_probs`, the natural logarithms of the softmax of `logits`.
    pub fn log_probs(&mut self) {
        let axis = vec![AttributeProto::int("axis", -1)];
        self.node("LogSoftmax", &["logits"], &["log_probs"], axis);
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

    /// Adds an operator.
    pub fn node(
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

    /// Adds a constant of numbers.
    pub fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        self.tensor(name, FLOAT, shape, bytemuck::cast_slice(values));
    }

    /// Adds a constant list of integers.
    pub fn ints(&mut self, name: &str, values: &[i64]) {
        self.shaped_ints(name, &[values.len()], values);
    }

    /// Adds a constant of integers.
    pub fn shaped_ints(&mut self, name: &str, shape: &[usize], values: &[i64]) {
        self.tensor(name, INT64, shape, bytemuck::cast_slice(values));
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
