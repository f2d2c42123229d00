use super::*;
use elman_infer::testing::{CELLS, model, model_of, projected, vocab};
use elman_net::dims::Cell;
use elman_store::{Integrity, read_snapshot};
use elman_text::Kind;
use std::fs;
use tempfile::TempDir;

fn exported(model: &NetworkModel) -> TempDir {
    let room = tempfile::tempdir().unwrap();
    save_for_transformers(room.path(), model).unwrap();
    room
}

fn text(room: &TempDir, name: &str) -> String {
    fs::read_to_string(room.path().join(name)).unwrap()
}

fn json(room: &TempDir, name: &str) -> Value {
    serde_json::from_str(&text(room, name)).unwrap()
}

#[test]
fn the_module_is_complete_in_one_file() {
    let module = modeling();
    assert!(!module.contains("import Stack") && !module.contains("class Model("));
    for part in [
        "class Sigmoid(nn.RNN)",
        "class Stack(nn.Module)",
        "def add_layers(model, config)",
        "class ElmanConfig(PretrainedConfig)",
        "class ElmanForCausalLM(PreTrainedModel, GenerationMixin)",
    ] {
        assert_eq!(module.matches(part).count(), 1, "{part}");
    }
}

#[test]
fn the_directory_names_its_classes_and_its_special_tokens() {
    let room = exported(&model(Cell::LSTM, true));
    let config = json(&room, "config.json");
    assert_eq!(
        config["auto_map"],
        json!({"AutoConfig": "modeling_elman.ElmanConfig", "AutoModelForCausalLM": "modeling_elman.ElmanForCausalLM"})
    );
    assert_eq!(config["architectures"], json!(["ElmanForCausalLM"]));
    assert_eq!(
        (
            &config["bos_token_id"],
            &config["eos_token_id"],
            &config["unk_token_id"]
        ),
        (&json!(0), &json!(0), &json!(1))
    );
    let tokenizer = json(&room, "tokenizer_config.json");
    for name in ["bos_token", "eos_token", "pad_token"] {
        assert_eq!(tokenizer[name], "<eos>");
        assert_eq!(json(&room, "special_tokens_map.json")[name], "<eos>");
    }
    assert_eq!(tokenizer["unk_token"], Value::Null);
    assert_eq!(tokenizer["tokenizer_class"], "PreTrainedTokenizerFast");
    let generation = json(&room, "generation_config.json");
    assert_eq!(generation["suppress_tokens"], json!([1]));
    assert_eq!(text(&room, MODELING_NAME), modeling());
}

#[test]
fn every_network_keeps_its_tensors_and_its_identity() {
    let mut models: Vec<NetworkModel> = CELLS.map(|cell| model(cell, false)).into();
    models.extend([model(Cell::GRU, true), projected(Cell::LSTM)]);
    for model in &models {
        let room = exported(model);
        let path = room.path().join("model.safetensors");
        let snapshot = read_snapshot(&path, Integrity::Required).unwrap();
        let found: Vec<(&str, &[usize])> = snapshot
            .arrays
            .iter()
            .map(|array| (array.name.as_str(), array.shape.as_slice()))
            .collect();
        let own = files::arrays(model.network(), model.params());
        let mut own: Vec<(&str, &[usize])> = own
            .iter()
            .map(|array| (array.name.as_str(), array.shape.as_slice()))
            .collect();
        let mut found = found;
        found.sort();
        own.sort();
        assert_eq!(found, own);
        // Tied weights are in the file once: the class ties them.
        let has_output = found.iter().any(|(name, _)| *name == "decoder.weight");
        assert_eq!(has_output, !model.dims().tied);
        let back = NetworkModel::load(room.path()).unwrap();
        assert_eq!(back.id(), model.id());
    }
}

#[test]
fn tokenizers_have_no_template_and_are_read_as_the_same_vocabulary() {
    for (kind, tokens) in [
        (Kind::Words, "a  b"),
        (Kind::Whitespace, "a b"),
        (Kind::Fields, "a b"),
        (Kind::Chars, "ab"),
        (Kind::Bytes, ""),
    ] {
        let tokens = if kind == Kind::Words { "a b" } else { tokens };
        let model = model_of(Cell::GRU, false, vocab(kind, tokens));
        let room = exported(&model);
        let file = json(&room, "tokenizer.json");
        assert_eq!(file["post_processor"], Value::Null, "{kind}");
        let lines = matches!(kind, Kind::Whitespace | Kind::Fields);
        let normalizer = &file["normalizer"]["normalizers"][1];
        assert_eq!(normalizer["content"] == " <eos> ", lines, "{kind}");
        let back = NetworkModel::load(room.path()).unwrap();
        assert_eq!((back.vocab().kind(), back.id()), (kind, model.id()));
    }
}
