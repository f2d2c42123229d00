use super::messages::GraphProto;
use super::messages::NodeProto;
use super::messages::ValueInfoProto;
use super::*;
use elman_infer::testing::{CELLS, model, projected};
use elman_net::dims::Cell;

fn graph(model: &NetworkModel, log_probs: bool) -> GraphProto {
    let bytes = onnx_bytes(model, OnnxOptions { log_probs }).unwrap();
    let file = ModelProto::decode(bytes.as_slice()).unwrap();
    assert_eq!((file.ir_version, file.opset_import[0].version), (8, 17));
    assert_eq!(file.metadata_props[0].value, model.id());
    file.graph.unwrap()
}

/// `LSTM(x_0, …) → all_0, …`, a line for each node.
fn listing(graph: &GraphProto) -> Vec<String> {
    let line = |node: &NodeProto| {
        let (inputs, outputs) = (node.input.join(", "), node.output.join(", "));
        format!("{}({inputs}) → {outputs}", node.op_type)
    };
    graph.node.iter().map(line).collect()
}

/// `h_0 [1, batch, 21]`
fn values(infos: &[ValueInfoProto]) -> Vec<String> {
    let size = |dim: &messages::DimensionProto| match (dim.dim_value, &dim.dim_param) {
        (Some(value), None) => value.to_string(),
        (None, Some(name)) => name.clone(),
        other => panic!("{other:?}"),
    };
    let line = |info: &ValueInfoProto| {
        let tensor = info.r#type.as_ref().unwrap().tensor_type.as_ref().unwrap();
        let sizes: Vec<String> = tensor
            .shape
            .as_ref()
            .unwrap()
            .dim
            .iter()
            .map(size)
            .collect();
        format!("{} [{}]", info.name, sizes.join(", "))
    };
    infos.iter().map(line).collect()
}

fn tensor<'a>(graph: &'a GraphProto, name: &str) -> (&'a [i64], Vec<f32>) {
    let tensor = graph
        .initializer
        .iter()
        .find(|tensor| tensor.name == name)
        .unwrap();
    (&tensor.dims, bytemuck::pod_collect_to_vec(&tensor.raw_data))
}

// The structure that tools/check_exchange.py has run in onnxruntime against `elman` itself.
#[test]
fn the_graph_of_an_lstm() {
    let graph = graph(&model(Cell::LSTM, true), true);
    assert_eq!(
        listing(&graph),
        [
            "Gather(encoder.weight, tokens) → x_0",
            "LSTM(x_0, rnn.W_l0, rnn.R_l0, rnn.B_l0, , h_0, c_0) → all_0, next_h_0, next_c_0",
            "Squeeze(all_0, direction_axis) → x_1",
            "LSTM(x_1, rnn.W_l1, rnn.R_l1, rnn.B_l1, , h_1, c_1) → all_1, next_h_1, next_c_1",
            "Squeeze(all_1, direction_axis) → x_2",
            "Transpose(encoder.weight) → encoder.weight.T",
            "MatMul(x_2, encoder.weight.T) → unbiased",
            "Add(unbiased, decoder.bias) → logits",
            "LogSoftmax(logits) → log_probs",
        ]
    );
    assert_eq!(
        values(&graph.input),
        [
            "tokens [steps, batch]",
            "h_0 [1, batch, 21]",
            "c_0 [1, batch, 21]",
            "h_1 [1, batch, 21]",
            "c_1 [1, batch, 21]"
        ]
    );
    assert_eq!(
        values(&graph.output),
        [
            "logits [steps, batch, 22]",
            "log_probs [steps, batch, 22]",
            "next_h_0 [1, batch, 21]",
            "next_c_0 [1, batch, 21]",
            "next_h_1 [1, batch, 21]",
            "next_c_1 [1, batch, 21]"
        ]
    );
}

#[test]
fn untied_weights_and_plain_cells() {
    for cell in CELLS {
        let graph = graph(&model(cell, false), false);
        let nodes = listing(&graph);
        assert!(nodes.contains(&"MatMul(x_2, decoder.weight.T) → unbiased".to_owned()));
        assert!(!nodes.iter().any(|node| node.starts_with("LogSoftmax")));
        let recurrent = &graph.node[1];
        let named = |name: &str| {
            recurrent
                .attribute
                .iter()
                .find(|attribute| attribute.name == name)
        };
        assert_eq!(named("hidden_size").unwrap().i, 21);
        match (cell.name(), cell.activation()) {
            (_, Some(activation)) => {
                let name = &named("activations").unwrap().strings[0];
                let name = String::from_utf8(name.clone()).unwrap();
                assert_eq!(name.to_lowercase(), activation.name());
            }
            ("gru", _) => assert_eq!(named("linear_before_reset").unwrap().i, 1),
            _ => assert_eq!(recurrent.attribute.len(), 1),
        }
    }
}

#[test]
fn layers_of_different_sizes_below_a_projection() {
    let graph = graph(&projected(Cell::GRU), false);
    let nodes = listing(&graph);
    assert_eq!(
        nodes[7..],
        [
            "Transpose(projection.weight) → projection.weight.T",
            "MatMul(x_3, projection.weight.T) → projected",
            "Transpose(encoder.weight) → encoder.weight.T",
            "MatMul(projected, encoder.weight.T) → unbiased",
            "Add(unbiased, decoder.bias) → logits",
        ]
    );
    assert_eq!(
        values(&graph.input)[1..],
        [
            "h_0 [1, batch, 9]",
            "h_1 [1, batch, 21]",
            "h_2 [1, batch, 5]"
        ]
    );
}

#[test]
fn gates_stand_in_the_order_of_onnx() {
    let h = 21;
    // i, f, g, o here, i, o, f, c there; r, z, n here, z, r, h there.
    for (cell, order) in [(Cell::LSTM, vec![0, 3, 1, 2]), (Cell::GRU, vec![1, 0, 2])] {
        let model = model(cell, false);
        let graph = graph(&model, false);
        let gates = order.len();
        let find = |name: &str| &model.params()[model.network().layout().find(name).unwrap()];
        for (theirs, ours, width) in [
            ("rnn.W_l0", "rnn.weight_ih_l0", 11),
            ("rnn.R_l1", "rnn.weight_hh_l1", h),
        ] {
            let (shape, values) = tensor(&graph, theirs);
            assert_eq!(shape, [1, (gates * h) as i64, width as i64]);
            let block = h * width;
            for (place, &gate) in order.iter().enumerate() {
                assert_eq!(
                    values[place * block..][..block],
                    find(ours)[gate * block..][..block],
                    "{theirs}"
                );
            }
        }
        let (shape, values) = tensor(&graph, "rnn.B_l1");
        assert_eq!(shape, [1, 2 * (gates * h) as i64]);
        for (place, &gate) in order.iter().enumerate() {
            assert_eq!(
                values[place * h..][..h],
                find("rnn.bias_ih_l1")[gate * h..][..h]
            );
        }
        let second = &values[gates * h..];
        if cell == Cell::GRU {
            assert!(second[..2 * h].iter().all(|b| *b == 0.0));
            assert_eq!(second[2 * h..], find("rnn.bias_hh_l1")[..]);
        } else {
            assert!(second.iter().all(|b| *b == 0.0));
        }
    }
}
