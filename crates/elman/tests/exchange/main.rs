//! State dicts that PyTorch wrote (`make_fixtures.py`) become models that say what PyTorch says.

#![allow(clippy::unwrap_used, reason = "tests may stop")]

use elman::dims::{Activation, Cell};
use elman::exchange::{Hints, Imported, import, save_state_dict};
use elman::infer::{Model, Weights, Workspace};
use elman::store::{Data, Integrity, Snapshot, read_snapshot};
use elman::text::{Kind, Listed, SpecialNames};
use elman::{Cpu, Isa};
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/exchange/fixtures")
        .join(name)
}

/// The vocabulary in the order of the fixtures' rows.
fn tokens() -> Listed {
    let names = SpecialNames::default();
    Listed::from_file(&fixture("tokens.txt"), Some(Kind::Whitespace), &names).unwrap()
}

fn imported(name: &str, activation: Option<Activation>) -> Imported {
    let hints = Hints {
        activation,
        ..Hints::default()
    };
    import(&fixture(&format!("{name}.safetensors")), &tokens(), &hints).unwrap()
}

fn model(imported: Imported) -> Model {
    let Imported {
        network,
        params,
        vocab,
        about,
        ..
    } = imported;
    Model::new(network, params, vocab, about, Weights::F32)
}

fn values<'a>(snapshot: &'a Snapshot, name: &str) -> &'a [f32] {
    match &snapshot.array(name).unwrap().data {
        Data::F32(values) => values,
        other => panic!("{name} is {}", other.dtype()),
    }
}

/// Reads the fixture's ids and compares every logit.
fn says_what_pytorch_says(name: &str, model: &Model) {
    let golden = read_snapshot(
        &fixture(&format!("{name}.logits.safetensors")),
        Integrity::Foreign,
    )
    .unwrap();
    let Data::U32(rows) = &golden.array("ids").unwrap().data else {
        panic!("ids are integers")
    };
    let (cpu, vocab, ids) = (
        Cpu::new(Isa::detect(), 1),
        model.vocab().len(),
        tokens().ids,
    );
    let mut workspace = Workspace::new(model.dims(), 1, 1);
    let (mut state, mut logits) = (model.zero_state(1), vec![0.0; vocab]);
    for (&row, expected) in rows
        .iter()
        .zip(values(&golden, "logits").chunks_exact(vocab))
    {
        model.advance(&cpu, &[ids[row as usize]], &mut state, &mut workspace);
        model.next_logits(&cpu, &workspace, &mut logits);
        for (theirs, &id) in expected.iter().zip(&ids) {
            let ours = logits[id as usize];
            assert!(
                (ours - theirs).abs() <= 1e-5,
                "{name}: {ours} against {theirs}"
            );
        }
    }
}

#[test]
fn every_cell_and_number_type_gives_pytorch_s_logits() {
    let (tanh, relu) = (Activation::Tanh, Activation::Relu);
    for (name, activation, cell, tied) in [
        ("lstm", None, Cell::Lstm, false),
        ("lstm_tied", None, Cell::Lstm, true),
        ("gru_tied_once", None, Cell::Gru, true),
        ("tanh_f64", Some(tanh), Cell::Elman(tanh), false),
        ("relu_f16", Some(relu), Cell::Elman(relu), false),
        ("gru_other_bf16", None, Cell::Gru, false),
    ] {
        let imported = imported(name, activation);
        assert_eq!(
            (imported.network.dims().cell, imported.network.dims().tied),
            (cell, tied),
            "{name}"
        );
        let converted = name.contains("16") || name.contains("64");
        assert_eq!(
            imported
                .notes
                .iter()
                .any(|note| note.contains("became f32")),
            converted,
            "{name}"
        );
        says_what_pytorch_says(name, &model(imported));
    }
}

#[test]
fn a_state_dict_goes_out_as_it_came_but_for_its_second_biases() {
    let room = tempfile::tempdir().unwrap();
    let out = room.path().join("out.safetensors");
    let model = model(imported("lstm_tied", None));
    save_state_dict(&out, &model).unwrap();
    let before = read_snapshot(&fixture("lstm_tied.safetensors"), Integrity::Foreign).unwrap();
    let after = read_snapshot(&out, Integrity::Required).unwrap();
    assert_eq!(before.arrays.len(), after.arrays.len());
    let ids = tokens().ids;
    for array in &before.arrays {
        let (theirs, ours) = (values(&before, &array.name), values(&after, &array.name));
        assert_eq!(after.array(&array.name).unwrap().shape, array.shape);
        if let Some(layer) = array.name.strip_prefix("rnn.bias_ih") {
            let second = values(&before, &format!("rnn.bias_hh{layer}"));
            assert!(
                theirs
                    .iter()
                    .zip(second)
                    .zip(ours)
                    .all(|((a, b), sum)| a + b == *sum)
            );
        } else if array.name.starts_with("rnn.bias_hh") {
            assert!(ours.iter().all(|b| *b == 0.0));
        } else if array.name.starts_with("rnn.") {
            assert_eq!(theirs, ours, "{}", array.name);
        } else {
            // Tables have our order of tokens.
            let width = theirs.len() / ids.len();
            for (row, &id) in theirs.chunks_exact(width).zip(&ids) {
                assert_eq!(row, &ours[id as usize * width..][..width], "{}", array.name);
            }
        }
    }
}
