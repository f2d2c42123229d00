use super::super::messages::{GraphProto, ModelProto, ValueInfoProto};
use super::*;
use elman_infer::testing::{model, model_of, projected, vocab};
use elman_text::{Kind, Vocab};
use prost::Message;
use std::collections::BTreeMap;

const TOKENS: &[u8] = "<blk> 0\n<sos/eos> 1\n<unk> 2\nc 3\n▁ 4\nq 5\nzz 6\n#0 7\n".as_bytes();

fn symbols() -> Symbols {
    Symbols::parse("tokens.txt", TOKENS).unwrap()
}

fn decoded(bytes: &[u8]) -> (GraphProto, BTreeMap<String, String>) {
    let file = ModelProto::decode(bytes).unwrap();
    let properties = file.metadata_props.into_iter();
    (
        file.graph.unwrap(),
        properties.map(|entry| (entry.key, entry.value)).collect(),
    )
}

/// `h0 [2, N, 21]`
fn values(infos: &[ValueInfoProto]) -> Vec<String> {
    let line = |info: &ValueInfoProto| {
        let tensor = info.r#type.as_ref().unwrap().tensor_type.as_ref().unwrap();
        let sizes = tensor.shape.as_ref().unwrap().dim.iter();
        let sizes = sizes.map(|size| match &size.dim_param {
            Some(name) => name.clone(),
            None => size.dim_value.unwrap().to_string(),
        });
        format!("{} [{}]", info.name, sizes.collect::<Vec<_>>().join(", "))
    };
    infos.iter().map(line).collect()
}

// What tools/check_exchange.py has run in onnxruntime and in sherpa-onnx itself.
#[test]
fn the_graphs_keep_the_contract() {
    let model = model(Cell::LSTM, true);
    let recogniser = Recogniser::new(&model, &symbols()).unwrap();
    let (graph, properties) = decoded(&recogniser.online());
    assert_eq!(
        values(&graph.input),
        ["x [N, L]", "h0 [2, N, 21]", "c0 [2, N, 21]"]
    );
    assert_eq!(
        values(&graph.output),
        [
            "log_softmax [N, 8]",
            "next_h0 [2, N, 21]",
            "next_c0 [2, N, 21]"
        ]
    );
    let expected = [
        ("model_type", "rnnlm"),
        ("version", "1"),
        ("sos_id", "1"),
        ("eos_id", "1"),
        ("vocab_size", "8"),
        ("num_layers", "2"),
        ("hidden_size", "21"),
        ("embedding_dim", "21"),
        ("elman.model_id", model.id()),
    ];
    for (key, value) in expected {
        assert_eq!(properties[key], value, "{key}");
    }
    let (graph, properties) = decoded(&recogniser.offline());
    assert_eq!(values(&graph.input), ["x [N, L]", "x_lens [N]"]);
    assert_eq!(values(&graph.output), ["nll [N]"]);
    assert_eq!(properties["sos_id"], "1");
    let lstm = graph.node.iter().find(|node| node.op_type == "LSTM");
    // From zeros: neither lengths nor states are given.
    assert_eq!(lstm.unwrap().input.len(), 4);
}

#[test]
fn every_symbol_has_its_token_and_the_others_no_probability() {
    let model = model(Cell::LSTM, false);
    let recogniser = Recogniser::new(&model, &symbols()).unwrap();
    let id = |token: &str| i64::from(model.vocab().id(token.as_bytes()).unwrap());
    for bytes in [recogniser.online(), recogniser.offline()] {
        let (graph, _) = decoded(&bytes);
        let find = |name: &str| {
            let mut constants = graph.initializer.iter();
            constants.find(|tensor| tensor.name == name).unwrap()
        };
        let tokens: Vec<i64> = bytemuck::pod_collect_to_vec(&find("tokens_of_symbols").raw_data);
        assert_eq!(tokens, [0, 0, 1, id("c"), id(" "), id("q"), 1, 0]);
        let penalties: Vec<f32> = bytemuck::pod_collect_to_vec(&find("penalties").raw_data);
        assert_eq!(penalties, [NEVER, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, NEVER]);
    }
    assert_eq!(recogniser.unknown(), ["zz"]);
    assert_eq!(recogniser.added_end(), None);
}

#[test]
fn an_end_that_no_symbol_is_comes_after_all_of_them() {
    let symbols = Symbols::parse("tokens.txt", b"<blk> 0\na 1\nb 2\n").unwrap();
    let model = model(Cell::LSTM, true);
    let recogniser = Recogniser::new(&model, &symbols).unwrap();
    assert_eq!(recogniser.added_end(), Some(3));
    let (graph, properties) = decoded(&recogniser.online());
    assert_eq!(properties["sos_id"], "3");
    assert_eq!(properties["vocab_size"], "4");
    assert_eq!(values(&graph.output)[0], "log_softmax [N, 4]");
}

#[test]
fn what_the_runtime_cannot_use_is_refused() {
    let refused = |model: &NetworkModel| {
        let said = Recogniser::new(model, &symbols()).map(|_| ());
        said.unwrap_err().to_string()
    };
    let said = refused(&model(Cell::GRU, true));
    assert!(said.contains("the cell is gru"), "{said}");
    let said = refused(&projected(Cell::LSTM));
    assert!(said.contains("[9, 21, 5] units"), "{said}");
    let words = model_of(Cell::LSTM, true, vocab(Kind::Words, "king queen"));
    let said = refused(&words);
    assert!(said.contains("none of the recogniser's symbols"), "{said}");
    // Bytes know no unknown.
    let bytes = model_of(Cell::LSTM, false, Vocab::bytes());
    let said = refused(&bytes);
    assert!(said.contains("no token for the symbol \"zz\""), "{said}");
}

#[test]
fn both_files_are_written() {
    let room = tempfile::tempdir().unwrap();
    let directory = room.path().join("lm");
    let model = model(Cell::LSTM, true);
    let recogniser = Recogniser::new(&model, &symbols()).unwrap();
    save_for_sherpa(&directory, &recogniser).unwrap();
    for (name, bytes) in [
        (ONLINE_NAME, recogniser.online()),
        (OFFLINE_NAME, recogniser.offline()),
    ] {
        assert_eq!(std::fs::read(directory.join(name)).unwrap(), bytes);
    }
}
