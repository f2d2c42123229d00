use super::*;
use crate::{save_for_pytorch, save_state_dict};
use elman_infer::testing::{CELLS, model, projected};
use elman_infer::{NetworkModel, Weights};
use elman_store::{Snapshot, write_atomic, write_snapshot};
use elman_text::{Kind, Layout, SpecialNames};
use std::io::Write;

fn bits(params: &Params) -> Vec<u32> {
    let layout = params.layout().clone();
    let all = layout
        .tensors()
        .flat_map(|(id, _)| params[id].iter().map(|x| x.to_bits()));
    all.collect()
}

fn all(vocab: &Vocab) -> Listed {
    Listed::all(vocab.clone())
}

#[test]
fn what_was_exported_comes_back_bit_by_bit() {
    for cell in CELLS {
        for model in [
            model(cell, false),
            model(cell, true).with_layout(Layout::Sentences),
            projected(cell),
        ] {
            let room = tempfile::tempdir().unwrap();
            let file = room.path().join("state.safetensors");
            save_state_dict(&file, &model).unwrap();
            let back = import(&file, &all(model.vocab()), &Hints::default()).unwrap();
            assert_eq!(back.network.dims(), model.dims());
            assert_eq!(bits(&back.params), bits(model.params()));
            assert_eq!(back.about.step, model.about().step);
            assert_eq!(back.layout, model.layout());

            let directory = room.path().join("torch");
            save_for_pytorch(&directory, &model).unwrap();
            assert_eq!(NetworkModel::load(&directory).unwrap().id(), model.id());

            // And on as a model.
            let saved = room.path().join("model");
            back.save(&saved).unwrap();
            let loaded = NetworkModel::load(&saved).unwrap();
            assert_eq!(loaded.id(), model.id());
            assert!(
                loaded
                    .about()
                    .imported
                    .as_ref()
                    .unwrap()
                    .starts_with("state.safetensors (a state dict of nn.")
            );
        }
    }
}

/// The state dict of a small LSTM over the list `sat <eos> cat`, changed, in a file.
fn foreign(
    change: impl FnOnce(&mut Vec<Array<'static>>),
) -> (tempfile::TempDir, std::path::PathBuf) {
    let ramp = |n: usize| (0..n).map(|i| i as f32 / 8.0).collect::<Vec<f32>>();
    let array = |name: &str, shape: &[usize]| Array::f32(name, shape, ramp(shape.iter().product()));
    let mut arrays = vec![
        array("encoder.weight", &[3, 2]),
        array("lstm.weight_ih_l0", &[8, 2]),
        array("lstm.weight_hh_l0", &[8, 2]),
        array("lstm.bias_ih_l0", &[8]),
        array("lstm.bias_hh_l0", &[8]),
        array("decoder.bias", &[3]),
    ];
    change(&mut arrays);
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("lm.safetensors");
    let snapshot = Snapshot {
        header: serde_json::Map::new(),
        arrays,
    };
    write_snapshot(&path, &snapshot).unwrap();
    (room, path)
}

fn listed(text: &str) -> Listed {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("tokens.txt");
    write_atomic(&path, |file| file.write_all(text.as_bytes())).unwrap();
    Listed::from_file(&path, Some(Kind::Whitespace), &SpecialNames::default()).unwrap()
}

#[test]
fn rows_go_where_their_tokens_are() {
    let (_room, path) = foreign(|_| ());
    let back = import(&path, &listed("sat\n<eos>\ncat\n"), &Hints::default()).unwrap();
    let find = |name: &str| &back.params[back.network.layout().find(name).unwrap()];
    // <eos>, <unk>, sat, cat
    assert_eq!(
        find("encoder.weight"),
        [0.25, 0.375, 0.0, 0.0, 0.0, 0.125, 0.5, 0.625]
    );
    assert_eq!(find("decoder.bias"), [0.125, NO_PROBABILITY, 0.0, 0.25]);
    // Both biases in one.
    assert_eq!(find("rnn.bias_ih_l0")[3], 0.75);
    assert!(back.network.dims().tied);
    assert!(
        back.notes.iter().any(|note| note.contains("<unk>")),
        "{:?}",
        back.notes
    );
}

#[test]
fn an_unknown_word_that_the_file_lacked_changes_no_other_probability() {
    let (_room, path) = foreign(|_| ());
    let back = import(&path, &listed("sat\n<eos>\ncat\n"), &Hints::default()).unwrap();
    let model = NetworkModel::new(
        back.network,
        back.params,
        back.vocab,
        back.about,
        Weights::F32,
    );
    let cpu = elman_infer::testing::cpu();
    let mut workspace = elman_infer::Workspace::new(model.dims(), 1, 1);
    let mut log_probs = vec![0.0; 4];
    model
        .view()
        .advance(&cpu, &[0], &mut model.zero_state(1), &mut workspace);
    model
        .view()
        .next_log_probs(&cpu, &workspace, &mut log_probs);
    assert_eq!(log_probs[1].exp(), 0.0);
    let sum: f32 = log_probs.iter().map(|p| p.exp()).sum();
    assert!((sum - 1.0).abs() < 1e-6);
}

#[test]
fn equal_tables_are_tied_and_f64_is_rounded() {
    let (_room, path) = foreign(|arrays| {
        let table = arrays[0].clone();
        arrays.push(Array::new("decoder.weight", &[3, 2], table.data.clone()));
        let Data::F32(bias) = &arrays[3].data else {
            unreachable!()
        };
        let wide: Vec<f64> = bias.iter().map(|&x| f64::from(x) + 1e-12).collect();
        arrays[3] = Array::f64("lstm.bias_ih_l0", &[8], wide);
    });
    let back = import(&path, &listed("sat\n<eos>\n<unk>\n"), &Hints::default()).unwrap();
    assert!(back.network.dims().tied);
    let notes = back.notes.join("; ");
    assert!(
        notes.contains("1 tensor of F64 became f32, rounded"),
        "{notes}"
    );
    assert!(notes.contains("tied weights"), "{notes}");
}

#[test]
fn what_cannot_be_imported_says_why() {
    let refused = |path: &Path, list: &str| match import(path, &listed(list), &Hints::default()) {
        Ok(_) => panic!("{} was imported", path.display()),
        Err(error) => error.to_string(),
    };
    let (room, path) = foreign(|_| ());
    let none = refused(&path, "sat\n<unk>\n</s>\n");
    assert!(
        none.contains("no <eos>") && none.contains("it has </s>"),
        "{none}"
    );
    let (_room, path) = foreign(|arrays| {
        if let Data::F32(values) = &mut arrays[2].data {
            values.to_mut()[3] = f32::NAN;
        }
    });
    let nan = refused(&path, "sat\n<eos>\ncat\n");
    assert!(
        nan.contains("element 3 of `lstm.weight_hh_l0` is NaN"),
        "{nan}"
    );

    let (_room, path) = foreign(|arrays| {
        arrays[0] = Array::f32("encoder.weight", &[3, 1], vec![1.0; 3]);
        arrays[1] = Array::f32("lstm.weight_ih_l0", &[8, 1], vec![1.0; 8]);
        arrays.push(Array::f32("projection.weight", &[1, 2], vec![1.0; 2]));
        arrays.push(Array::f32("decoder.weight", &[3, 1], vec![2.0; 3]));
    });
    let projected = refused(&path, "sat\n<eos>\ncat\n");
    assert!(projected.contains("its projection [1, 2]"), "{projected}");

    for bytes in [b"PK\x03\x04rest".as_slice(), b"\x80\x02}q\x00."] {
        let path = room.path().join("lm.pt");
        write_atomic(&path, |file| file.write_all(bytes)).unwrap();
        let pickle = refused(&path, "sat\n<eos>\ncat\n");
        assert!(
            pickle.contains("torch.load(") && pickle.contains("lm.safetensors"),
            "{pickle}"
        );
    }
    let text = room.path().join("text");
    write_atomic(&text, |file| {
        file.write_all(b"a text that is no file of tensors")
    })
    .unwrap();
    assert!(refused(&text, "sat\n<eos>\ncat\n").contains("not a safetensors file"));

    let model = model(elman_net::dims::Cell::GRU, true);
    let file = room.path().join("own.safetensors");
    save_state_dict(&file, &model).unwrap();
    let letters = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm\nn\no\np\nq\nr\n<eos>\n<unk>\ns\nt";
    assert!(refused(&file, letters).contains("another vocabulary"));
}

/// One is added, which is as good as never written and costs a finite loss.
#[test]
fn a_network_without_an_end_token_comes_in() {
    let (_room, path) = foreign(|_| ());
    let back = import(&path, &listed("sat\n<unk>\ncat\n"), &Hints::default()).unwrap();
    let said = back.notes.join("; ");
    assert!(
        said.contains("no <eos>") && said.contains("name it"),
        "{said}"
    );
    let find = |name: &str| &back.params[back.network.layout().find(name).unwrap()];
    // <eos>, <unk>, sat, cat
    assert_eq!(
        find("encoder.weight"),
        [0.0, 0.0, 0.25, 0.375, 0.0, 0.125, 0.5, 0.625]
    );
    assert_eq!(find("decoder.bias"), [HARDLY_ANY, 0.125, 0.0, 0.25]);

    // Bytes without their end are 256.
    let (_room, path) = foreign(|arrays| {
        arrays[0] = Array::f32("encoder.weight", &[256, 2], vec![0.5; 512]);
        arrays[5] = Array::f32("decoder.bias", &[256], vec![0.0; 256]);
    });
    let back = import(&path, &all(&Vocab::bytes()), &Hints::default()).unwrap();
    assert_eq!(back.network.dims().vocab, 257);
    assert!(back.notes.iter().any(|note| note.contains("no <eos>")));
}

#[test]
fn one_hot_inputs_become_the_identity() {
    let hot = |rows: usize| {
        foreign(|arrays| {
            let input: Vec<f32> = (0..8 * rows).map(|i| i as f32 / 64.0).collect();
            arrays[1] = Array::f32("lstm.weight_ih_l0", &[8, rows], input);
            arrays[0] = Array::f32("fc.weight", &[rows, 2], vec![0.5; rows * 2]);
            arrays[5] = Array::f32("fc.bias", &[rows], vec![0.0; rows]);
        })
    };
    let (_room, path) = hot(3);
    let back = import(&path, &listed("sat\n<unk>\ncat\n"), &Hints::default()).unwrap();
    assert!(
        back.notes.iter().any(|note| note.contains("one-hot")),
        "{:?}",
        back.notes
    );
    let dims = back.network.dims();
    assert_eq!((dims.vocab, dims.embed, dims.tied), (4, 3, false));
    let table = &back.params[back.network.layout().find("encoder.weight").unwrap()];
    let expected = [
        [0.0, 0.0, 0.0],
        [0.0, 1.0, 0.0],
        [1.0, 0.0, 0.0],
        [0.0, 0.0, 1.0],
    ];
    assert_eq!(table, expected.concat());

    let (_room, path) = hot(MOST_ONE_HOT + 1);
    let list: String = (0..=MOST_ONE_HOT).map(|i| format!("w{i}\n")).collect();
    match import(&path, &listed(&list), &Hints::default()) {
        Ok(_) => panic!("it was imported"),
        Err(error) => assert!(error.to_string().contains("at most 8192 tokens"), "{error}"),
    }
}
