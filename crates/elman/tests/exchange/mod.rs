//! State dicts that PyTorch wrote (`make_fixtures.py`) become models that say what PyTorch says.

#![allow(clippy::unwrap_used, reason = "tests may stop")]

use elman::Model;
use elman::exchange::{Hints, Imported, import, save_state_dict};
use elman::infer::{LineOptions, NetworkModel, Weights, score_lines};
use elman::net::dims::{Activation, Cell};
use elman::store::{Array, Data, Integrity, Snapshot, read_snapshot, write_snapshot};
use elman::text::{Kind, Layout, Listed, ReadOptions, Source, SpecialNames};
use std::io::Write;
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

fn model(imported: Imported) -> NetworkModel {
    let Imported {
        network,
        params,
        vocab,
        about,
        ..
    } = imported;
    NetworkModel::new(network, params, vocab, about, Weights::F32)
}

fn values<'a>(snapshot: &'a Snapshot, name: &str) -> &'a [f32] {
    match &snapshot.array(name).unwrap().data {
        Data::F32(values) => values,
        other => panic!("{name} is {}", other.dtype()),
    }
}

/// Reads the fixture's ids and compares every logit.
fn says_what_pytorch_says(name: &str, model: NetworkModel) {
    let golden = read_snapshot(
        &fixture(&format!("{name}.logits.safetensors")),
        Integrity::Foreign,
    )
    .unwrap();
    let Data::U32(rows) = &golden.array("ids").unwrap().data else {
        panic!("ids are integers")
    };
    let model = Model::from(model).with_threads(1);
    let (vocab, ids) = (model.vocab().len(), tokens().ids);
    let mut session = model.session();
    let expected = values(&golden, "logits").chunks_exact(vocab);
    for (number, (&row, expected)) in rows.iter().zip(expected).enumerate() {
        let id = ids[row as usize];
        match number {
            0 => assert_eq!(id, model.vocab().eos(), "sessions begin with <eos>"),
            _ => session.feed_tokens(&[id]).unwrap(),
        }
        let logits = session.logits();
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
        ("lstm", None, Cell::LSTM, false),
        ("lstm_tied", None, Cell::LSTM, true),
        ("gru_tied_once", None, Cell::GRU, true),
        ("tanh_f64", Some(tanh), Cell::elman(tanh), false),
        ("relu_f16", Some(relu), Cell::elman(relu), false),
        ("gru_other_bf16", None, Cell::GRU, false),
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
        says_what_pytorch_says(name, model(imported));
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

/// Tensors in the barest file: no metadata, in any order, as tools/pickle_to_safetensors.py writes it.
fn bare(arrays: &[Array]) -> Vec<u8> {
    let mut header = serde_json::Map::new();
    let mut data: Vec<u8> = Vec::new();
    for array in arrays {
        let begin = data.len();
        data.extend(numbers(array).iter().flat_map(|x| x.to_le_bytes()));
        let about = serde_json::json!({"dtype": "F32", "shape": array.shape, "data_offsets": [begin, data.len()]});
        header.insert(array.name.clone(), about);
    }
    let mut text = serde_json::to_vec(&header).unwrap();
    text.resize(text.len().next_multiple_of(8), b' ');
    [&(text.len() as u64).to_le_bytes(), &text[..], &data[..]].concat()
}

/// neural-complexity and colorlessgreenRNNs write `encoder`, `rnn` and `decoder`, and a word a line without a last newline.
#[test]
fn a_state_dict_and_a_list_of_words_give_pytorch_s_logits() {
    let snapshot = read_snapshot(&fixture("lstm.safetensors"), Integrity::Foreign).unwrap();
    let mut arrays = snapshot.arrays;
    arrays.reverse();
    let names: Vec<&str> = arrays.iter().map(|array| array.name.as_str()).collect();
    for name in [
        "encoder.weight",
        "rnn.weight_ih_l0",
        "rnn.bias_hh_l1",
        "decoder.bias",
    ] {
        assert!(names.contains(&name), "{name}");
    }
    let room = tempfile::tempdir().unwrap();
    let (weights, words) = (
        room.path().join("lm.safetensors"),
        room.path().join("vocab.txt"),
    );
    let files = [
        (&weights, bare(&arrays)),
        (
            &words,
            b"the\n<eos>\n1\\/2\nC:\\n\n<unk>\n\\\\\\\\\n\xc3\xa9".to_vec(),
        ),
    ];
    for (path, bytes) in files {
        elman::store::write_atomic(path, |file| file.write_all(&bytes)).unwrap();
    }
    let listed = Listed::from_file(&words, None, &SpecialNames::default()).unwrap();
    let found: Vec<String> = (0..7)
        .map(|id| listed.vocab.token(id).into_owned())
        .collect();
    // Doubled backslashes are one each.
    assert_eq!(
        found,
        ["<eos>", "<unk>", "the", "1\\/2", "C:\\n", "\\\\", "é"]
    );
    assert_eq!(listed.ids, tokens().ids);
    let hints = Hints {
        layout: Some(Layout::Sentences),
        ..Hints::default()
    };
    let imported = import(&weights, &listed, &hints).unwrap();
    assert_eq!(
        (imported.layout, imported.notes.len()),
        (Layout::Sentences, 0)
    );
    says_what_pytorch_says("lstm", model(imported));
}

/// The fixture `lstm` with its weights in another form: PyTorch's logits stay what they are.
fn rewritten(change: impl FnOnce(&mut Vec<Array<'static>>)) -> NetworkModel {
    let mut snapshot = read_snapshot(&fixture("lstm.safetensors"), Integrity::Foreign).unwrap();
    change(&mut snapshot.arrays);
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("lm.safetensors");
    write_snapshot(&path, &snapshot).unwrap();
    model(import(&path, &tokens(), &Hints::default()).unwrap())
}

fn take(arrays: &mut Vec<Array<'static>>, name: &str) -> Array<'static> {
    let ends = |array: &Array| array.name.ends_with(name);
    let at = arrays.iter().position(ends).unwrap();
    arrays.remove(at)
}

fn numbers(array: &Array) -> Vec<f32> {
    match &array.data {
        Data::F32(values) => values.to_vec(),
        other => panic!("{} is {}", array.name, other.dtype()),
    }
}

#[test]
fn weight_drop_and_weight_norm_give_pytorch_s_logits() {
    let normed = |array: &Array, names: [String; 2]| {
        let columns = array.shape[1];
        let values = numbers(array);
        let norm = |row: &[f32]| row.iter().map(|x| x * x).sum::<f32>().sqrt();
        let lengths: Vec<f32> = values.chunks(columns).map(norm).collect();
        let (rows, [g, v]) = (lengths.len(), names);
        // A direction of any length.
        let directions = values.chunks(columns).enumerate();
        let directions =
            directions.flat_map(|(i, row)| row.iter().map(move |x| x * (1 + i % 3) as f32));
        [
            Array::f32(g, &[rows, 1], lengths),
            Array::f32(v, &array.shape, directions.collect::<Vec<_>>()),
        ]
    };
    let model = rewritten(|arrays| {
        let weight = take(arrays, "weight_hh_l0");
        let mut copy = numbers(&weight);
        copy.iter_mut().step_by(2).for_each(|x| *x = 0.0);
        arrays.push(Array::f32(
            format!("{}_raw", weight.name),
            &weight.shape,
            numbers(&weight),
        ));
        arrays.push(Array::f32(&weight.name, &weight.shape, copy));
        let weight = take(arrays, "weight_ih_l0");
        let names = ["g", "v"].map(|part| format!("{}_{part}", weight.name));
        arrays.extend(normed(&weight, names));
        let weight = take(arrays, "decoder.weight");
        let parts = [0, 1].map(|part| format!("decoder.parametrizations.weight.original{part}"));
        arrays.extend(normed(&weight, parts));
    });
    says_what_pytorch_says("lstm", model);
}

/// x · W_ihᵀ of a one-hot x is a column of W_ih.
#[test]
fn one_hot_inputs_give_pytorch_s_logits() {
    let model = rewritten(|arrays| {
        let (table, weight) = (take(arrays, "encoder.weight"), take(arrays, "weight_ih_l0"));
        let embed = table.shape[1];
        let (rows, columns) = (numbers(&weight), numbers(&table));
        let dot =
            |row: &[f32], column: &[f32]| row.iter().zip(column).map(|(a, b)| a * b).sum::<f32>();
        let product = rows
            .chunks(embed)
            .flat_map(|row| columns.chunks(embed).map(move |column| dot(row, column)));
        let shape = [weight.shape[0], table.shape[0]];
        arrays.push(Array::f32(
            &weight.name,
            &shape,
            product.collect::<Vec<_>>(),
        ));
    });
    assert_eq!(model.dims().embed, tokens().ids.len());
    says_what_pytorch_says("lstm", model);
}

#[test]
fn sentences_have_pytorch_s_scores() {
    let (tanh, relu) = (Activation::Tanh, Activation::Relu);
    for (name, activation) in [
        ("lstm", None),
        ("lstm_tied", None),
        ("gru_tied_once", None),
        ("tanh_f64", Some(tanh)),
        ("relu_f16", Some(relu)),
    ] {
        let golden = fixture(&format!("{name}.logits.safetensors"));
        let golden = read_snapshot(&golden, Integrity::Foreign).unwrap();
        let Data::U32(rows) = &golden.array("ids").unwrap().data else {
            panic!("ids are integers")
        };
        // The first <eos>, a sentence, and the <eos> at its end.
        let rows = &rows[..8];
        let logits = values(&golden, "logits").chunks_exact(tokens().ids.len());
        let expected: f64 = logits
            .zip(&rows[1..])
            .map(|(logits, &target)| {
                let sum: f64 = logits.iter().map(|z| f64::from(*z).exp()).sum();
                f64::from(logits[target as usize]) - sum.ln()
            })
            .sum();
        let model = Model::from(model(imported(name, activation)));
        let source = Source::Reader {
            name: "a sentence".into(),
            reader: Box::new("the cat sat on the mat\n".as_bytes()),
        };
        let (read, options) = (ReadOptions::default(), LineOptions::default());
        let mut log_prob = 0.0;
        score_lines(&model, vec![source], &read, &options, &mut |line| {
            log_prob -= line.nats.iter().sum::<f64>();
            assert_eq!(line.tokens.len(), 7);
            Ok::<(), elman::Error>(())
        })
        .unwrap();
        let difference = (log_prob - expected).abs();
        assert!(difference < 1e-4, "{name}: {log_prob} for {expected}");
    }
}
