use super::*;
use crate::testing::{CELLS, cpu, model, tokens, vocab};
use crate::{Workspace, testing};
use elman_net::dims::Activation;
use elman_net::dims::Cell;
use elman_store::Data;
use elman_store::write_snapshot;
use elman_text::Kind;
use std::fs;

fn saved(cell: Cell, tied: bool) -> (tempfile::TempDir, NetworkModel) {
    let room = tempfile::tempdir().unwrap();
    let model = model(cell, tied);
    save(room.path(), &model, &About::default());
    (room, model)
}

fn save(directory: &Path, model: &NetworkModel, about: &About) {
    save_model(
        directory,
        model.network(),
        model.params(),
        model.vocab(),
        model.layout(),
        about,
    )
    .unwrap();
}

fn refused(path: &Path) -> String {
    NetworkModel::load(path).unwrap_err().to_string()
}

#[test]
fn a_model_comes_back_bit_by_bit() {
    for cell in CELLS {
        for tied in [false, true] {
            let (room, model) = saved(cell, tied);
            let back = NetworkModel::load(room.path()).unwrap();
            assert_eq!(back.dims(), model.dims());
            assert_eq!(back.id(), model.id());
            for (id, tensor) in model.network().layout().tensors() {
                let bits = |m: &NetworkModel| {
                    m.params()[id]
                        .iter()
                        .map(|x| x.to_bits())
                        .collect::<Vec<_>>()
                };
                assert!(bits(&model) == bits(&back), "{cell}: {}", tensor.name);
            }
            assert_eq!(
                read_vocab(room.path()).unwrap().hash(),
                model.vocab().hash()
            );
        }
    }
}

#[test]
fn only_the_weights_change_between_saves() {
    let (room, model) = saved(Cell::LSTM, false);
    let text = |name: &str| fs::read_to_string(room.path().join(name)).unwrap();
    let before = text("config.json");
    let about = About {
        step: 17,
        epoch: 2,
        valid_loss_nats: Some(1.25),
        averaged: 3,
        restarts: true,
        imported: None,
    };
    save(room.path(), &model, &about);
    assert_eq!(text("config.json"), before);
    assert_eq!(NetworkModel::load(room.path()).unwrap().about(), &about);
    let config: Value = serde_json::from_str(&before).unwrap();
    assert_eq!(config["architectures"][0], "ElmanForCausalLM");
    assert_eq!(
        (&config["cell"], &config["hidden_size"]),
        (&json!("lstm"), &json!(21))
    );
    for name in [
        "tokenizer_config.json",
        "special_tokens_map.json",
        "generation_config.json",
    ] {
        let file: Value = serde_json::from_str(&text(name)).unwrap();
        assert!(
            file["eos_token"] == "<eos>" || file["eos_token_id"] == 0,
            "{name}"
        );
    }
}

#[test]
fn a_run_s_directory_stands_for_its_model() {
    let room = tempfile::tempdir().unwrap();
    let model = model(Cell::GRU, true);
    assert!(refused(&room.path().join("nowhere")).contains("no such directory"));
    assert!(refused(room.path()).contains("config.json is missing"));
    elman_store::disk::create_dir_all(&room.path().join("state")).unwrap();
    save(&room.path().join("model"), &model, &About::default());
    assert_eq!(NetworkModel::load(room.path()).unwrap().id(), model.id());
    assert!(refused(&room.path().join("model/config.json")).contains("is a directory"));
    // A run that was killed while it saved its first model.
    elman_store::write_atomic(&room.path().join("config.toml"), |_| Ok(())).unwrap();
    elman_store::disk::remove_file(&room.path().join("model/model.safetensors")).unwrap();
    assert!(refused(room.path()).contains("no model yet"));
}

/// Rewrites config.json, and the weights so that they go with it.
fn with_config(change: impl Fn(&mut Value)) -> String {
    let (room, model) = saved(Cell::elman(Activation::Tanh), false);
    let text = fs::read_to_string(room.path().join(CONFIG)).unwrap();
    let mut config: Value = serde_json::from_str(&text).unwrap();
    change(&mut config);
    let weights = Snapshot {
        header: Map::new(),
        arrays: arrays(model.network(), model.params()),
    };
    let tokenizer = model.vocab().to_tokenizer_json();
    write_model_dir(room.path(), &config.to_string(), &tokenizer, &[], &weights).unwrap();
    match NetworkModel::load(room.path()) {
        Ok(_) => "accepted".into(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_configuration_that_lies_is_refused() {
    let set =
        |name: &'static str, value: Value| with_config(move |config| config[name] = value.clone());
    let cases = [
        (set("_name_or_path", json!("x")), "accepted"),
        (set("model_type", json!("gpt2")), "model_type is `gpt2`"),
        (set("hidden_size", json!(22)), "need"),
        (set("hidden_size", json!(20)), "has the shape"),
        (set("hidden_size", json!(0)), "between 1 and"),
        (set("hidden_size", json!(-1)), "not the configuration"),
        (set("hidden_size", json!(1u64 << 40)), "between 1 and"),
        (
            set("hidden_size", json!(1u64 << 20)),
            "weights, and model.safetensors holds",
        ),
        (
            set("num_layers", json!(1024)),
            "weights, and model.safetensors holds",
        ),
        (set("num_layers", json!(1025)), "between 1 and 1024"),
        (set("num_layers", json!(1)), "has no place"),
        (
            set("vocab_size", json!(21)),
            "tokenizer.json has 22 entries",
        ),
        (set("cell", json!("mamba")), "not one of elman, lstm, gru"),
        (set("cell", json!("lstm")), "need"),
        (set("activation", json!("gelu")), "activation is `gelu`"),
        (set("activation", Value::Null), "needs an `activation`"),
        (
            set("tie_word_embeddings", json!(true)),
            "`projection.weight`",
        ),
        (set("hidden_size", json!([21, 21])), "accepted"),
        (set("hidden_size", json!([21])), "does not list 2 sizes"),
        (set("hidden_size", json!([21, 0])), "between 1 and"),
        (set("hidden_size", json!([21, 20])), "has the shape"),
        (set("eos_token_id", json!(5)), "eos_token_id"),
        (
            set("elman", json!({"version": 99, "vocab_kind": "chars"})),
            "later elman",
        ),
        (
            set("elman", json!({"version": 1, "vocab_kind": "words"})),
            "kind words",
        ),
        (
            set(
                "elman",
                json!({"version": 1, "vocab_kind": "chars", "x": 1}),
            ),
            "unknown field",
        ),
        (
            with_config(|config| drop(config.as_object_mut().unwrap().remove("cell"))),
            "missing field `cell`",
        ),
    ];
    for (said, expected) in cases {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

/// Writes the weights of a model anew, changed, in a directory that seems foreign.
fn with_arrays(
    cell: Cell,
    tied: bool,
    change: impl Fn(&mut Vec<Array<'_>>),
) -> (tempfile::TempDir, NetworkModel) {
    let (room, model) = saved(cell, tied);
    let mut config: Value =
        serde_json::from_str(&fs::read_to_string(room.path().join(CONFIG)).unwrap()).unwrap();
    config.as_object_mut().unwrap().remove("elman");
    let mut arrays = arrays(model.network(), model.params());
    change(&mut arrays);
    let weights = Snapshot {
        header: Map::new(),
        arrays,
    };
    let tokenizer = model.vocab().to_tokenizer_json();
    write_model_dir(room.path(), &config.to_string(), &tokenizer, &[], &weights).unwrap();
    (room, model)
}

fn values<'a, 'b>(arrays: &'a mut [Array<'b>], name: &str) -> &'a mut Vec<f32> {
    let array = arrays.iter_mut().find(|array| array.name == name).unwrap();
    match &mut array.data {
        Data::F32(values) => values.to_mut(),
        _ => panic!("{name} is not f32"),
    }
}

#[test]
fn the_second_bias_is_folded_into_the_first() {
    for cell in CELLS {
        let (room, model) = with_arrays(cell, false, |arrays| {
            let first: Vec<f32> = values(arrays, "rnn.bias_ih_l1").clone();
            let second = values(arrays, "rnn.bias_hh_l1");
            let folded = if cell == Cell::GRU { 42 } else { second.len() };
            second[..folded].fill(0.25);
            let less: Vec<f32> = first
                .iter()
                .enumerate()
                .map(|(i, b)| if i < folded { b - 0.25 } else { *b })
                .collect();
            *values(arrays, "rnn.bias_ih_l1") = less;
        });
        let back = NetworkModel::load(room.path()).unwrap();
        let text = tokens(22, 20);
        let read = |model: &NetworkModel| {
            let mut workspace = Workspace::new(model.dims(), 20, 1);
            let mut out = vec![0.0; 22];
            model
                .view()
                .advance(&cpu(), &text, &mut model.zero_state(1), &mut workspace);
            model.view().next_log_probs(&cpu(), &workspace, &mut out);
            out
        };
        let (a, b) = (read(&model), read(&back));
        assert!(
            a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-4),
            "{cell}"
        );
    }
}

#[test]
fn weights_that_do_not_fit_are_refused_by_name() {
    let says = |tied: bool, change: fn(&mut Vec<Array<'_>>)| {
        refused(with_arrays(Cell::LSTM, tied, change).0.path())
    };
    let nan = says(false, |arrays| {
        values(arrays, "rnn.weight_hh_l1")[3] = f32::NAN
    });
    assert!(
        nan.contains("element 3 of `rnn.weight_hh_l1` is NaN"),
        "{nan}"
    );
    let infinite = says(false, |arrays| {
        values(arrays, "rnn.bias_hh_l0")[0] = f32::INFINITY
    });
    assert!(infinite.contains("`rnn.bias_hh_l0` is inf"), "{infinite}");
    let extra = says(false, |arrays| {
        arrays.push(Array::f32("rnn.weight_hr_l0", &[1], vec![0.0]))
    });
    assert!(extra.contains("`rnn.weight_hr_l0` has no place"), "{extra}");
    let missing = says(false, |arrays| {
        // As many numbers as before, under another name.
        let found = arrays
            .iter_mut()
            .find(|array| array.name == "decoder.bias")
            .unwrap();
        found.name = "bias".into();
    });
    assert!(missing.contains("`decoder.bias` is missing"), "{missing}");
    let other = says(true, |arrays| {
        arrays.push(Array::f32("decoder.weight", &[22, 21], vec![0.0; 22 * 21]))
    });
    assert!(other.contains("are tied"), "{other}");
}

#[test]
fn a_tied_table_may_stand_twice() {
    let (room, model) = with_arrays(Cell::GRU, true, |arrays| {
        let table = values(arrays, "encoder.weight").clone();
        arrays.push(Array::f32("decoder.weight", &[22, 21], table));
    });
    assert_eq!(NetworkModel::load(room.path()).unwrap().id(), model.id());
}

#[test]
fn a_vocabulary_of_another_model_is_refused() {
    let (room, model) = saved(Cell::LSTM, false);
    let other = vocab(Kind::Chars, "abcdefghijklmnopqrst");
    let tokenizer = other.to_tokenizer_json();
    fs::remove_file(room.path().join(TOKENIZER)).unwrap();
    elman_store::write_atomic(&room.path().join(TOKENIZER), |file| {
        std::io::Write::write_all(file, tokenizer.as_bytes())
    })
    .unwrap();
    assert!(refused(room.path()).contains("does not belong"));
    // Even where the files were bound together by hand.
    let weights = Snapshot {
        header: object(json!({"vocab_hash": model.vocab().hash()})),
        arrays: arrays(model.network(), model.params()),
    };
    let config = pretty(&ConfigFile::new(model.dims(), &other, Layout::Stream, None));
    write_model_dir(room.path(), &config, &tokenizer, &[], &weights).unwrap();
    assert!(refused(room.path()).contains("another vocabulary"));
}

#[test]
fn a_training_state_is_no_model() {
    let (room, model) = saved(Cell::LSTM, false);
    let weights = Snapshot {
        header: Map::new(),
        arrays: arrays(model.network(), model.params()),
    };
    write_snapshot(&room.path().join(WEIGHTS), &weights).unwrap();
    assert!(refused(room.path()).contains("not a model's weights"));
}

#[test]
fn bytes_have_no_unknown() {
    let room = tempfile::tempdir().unwrap();
    let model = testing::model_of(Cell::LSTM, true, Vocab::bytes());
    save(room.path(), &model, &About::default());
    assert_eq!(NetworkModel::load(room.path()).unwrap().vocab().len(), 257);
    let config = fs::read_to_string(room.path().join("tokenizer_config.json")).unwrap();
    assert!(!config.contains("unk_token"));
}

#[test]
fn a_model_of_sentences_says_so_and_others_say_nothing() {
    let (room, model) = saved(Cell::LSTM, true);
    let config = || fs::read_to_string(room.path().join(CONFIG)).unwrap();
    assert!(!config().contains("layout"));
    let id = model.id().to_owned();
    let model = model.with_layout(Layout::Sentences);
    save(room.path(), &model, &About::default());
    assert!(
        config().contains("\"layout\": \"sentences\""),
        "{}",
        config()
    );
    let loaded = NetworkModel::load(room.path()).unwrap();
    assert_eq!(loaded.layout(), Layout::Sentences);
    assert_eq!(loaded.id(), model.id());
    assert_ne!(loaded.id(), id, "it gives other numbers");
}
