//! Files that KenLM's own programs have made (`tools/make_kenlm_files.sh`), and damaged ones.

use crate::{Model, NgramError, State, arpa};
use elman_text::Source;
use flate2::read::GzDecoder;
use rayon::prelude::*;
use std::collections::HashSet;
use std::io::{Cursor, Read};
use std::path::PathBuf;

const FILES: [&str; 13] = [
    "probing-2-wide",
    "probing-3",
    "probing-3-no-words",
    "probing-8",
    "probing-odd",
    "trie-2-quantized",
    "trie-3",
    "trie-3-no-words",
    "trie-4-array",
    "trie-4-quantized",
    "trie-4-quantized-array-no-words",
    "trie-8-quantized-array",
    "trie-odd",
];

fn path(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/kenlm")).join(name)
}

fn unzipped(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path(name)).unwrap();
    GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    bytes
}

fn binary(name: &str) -> Vec<u8> {
    unzipped(&format!("{name}.bin.gz"))
}

fn open(name: &str) -> Model {
    Model::from_bytes(name, binary(name)).unwrap()
}

fn error(bytes: Vec<u8>) -> String {
    Model::from_bytes("file", bytes).unwrap_err().to_string()
}

/// The sentences of the fixtures, as words.
fn sentences() -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path("sentences.txt")).unwrap();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
    text.lines().map(words).collect()
}

fn id(model: &Model, word: &str) -> u32 {
    model.vocab().id(word.as_bytes()).unwrap_or(1)
}

/// Output of KenLM's `query` for each word: log10 p, the length of the n-gram, and whether it is unknown.
fn printed(name: &str) -> Vec<(f32, usize, bool)> {
    let text = std::fs::read_to_string(path(&format!("{name}.txt"))).unwrap();
    let words = text.split('\t').filter(|word| word.contains('='));
    let words = words.map(|word| {
        let fields: Vec<&str> = word.split(' ').collect();
        let unknown = fields[0].ends_with("=0");
        (
            fields[2].parse().unwrap(),
            fields[1].parse().unwrap(),
            unknown,
        )
    });
    words.collect()
}

/// States that the sentences lead to.
fn states(model: &Model) -> HashSet<State> {
    let mut states = HashSet::from([model.start(), model.empty()]);
    for sentence in sentences() {
        let mut state = model.start();
        for word in sentence {
            model.advance(&mut state, id(model, &word));
            states.insert(state);
        }
    }
    states
}

/// Asks a model for every word in many states, in all the ways there are.
fn ask(model: &Model, most: usize) {
    let mut distribution = vec![0.0; model.vocab().len()];
    for state in states(model).into_iter().take(most) {
        model.distribution(state, &mut distribution);
        for word in 0..model.words().len() as u32 {
            let scored = model.full_score(state, word);
            assert_eq!(model.score(state, word), (scored.log10, scored.next));
            assert_eq!(
                model.log10_p(&state, word).to_bits(),
                scored.log10.to_bits()
            );
            assert!((1..=model.order()).contains(&scored.order) && scored.log10.is_finite());
            assert!(model.has_state(&scored.next));
            if let Some(log10) = distribution.get(word as usize) {
                assert_eq!(log10.to_bits(), scored.log10.to_bits());
            }
        }
    }
    if model.check_listed().is_ok() {
        for order in 1..=model.order() {
            let mut count = 0;
            let listed = model.grams(order, &mut |gram, _, _| {
                assert_eq!(gram.len(), order);
                count += 1;
                Ok::<(), ()>(())
            });
            assert_eq!((listed, count), (Ok(()), model.counts()[order - 1]));
        }
    }
}

#[test]
fn words_have_the_scores_that_kenlm_prints() {
    for name in FILES {
        let model = open(name);
        let mut expected = printed(name).into_iter();
        for sentence in sentences() {
            let mut state = model.start();
            for word in sentence.iter().map(String::as_str).chain(["</s>"]) {
                let id = if word == "</s>" { 0 } else { id(&model, word) };
                let scored = model.full_score(state, id);
                let found = (scored.log10, scored.order, id == 1);
                assert_eq!(Some(found), expected.next(), "{name}: {word}");
                state = scored.next;
            }
            assert_eq!(state, model.start());
        }
        assert_eq!(expected.next(), None);
        ask(&model, usize::MAX);
    }
}

#[test]
fn a_stretch_has_the_scores_of_its_words() {
    let text: Vec<String> = sentences().into_iter().flatten().collect();
    for name in FILES {
        let model = open(name);
        let ids: Vec<u32> = text.iter().map(|word| id(&model, word)).collect();
        let mut log10 = vec![0.0; ids.len()];
        let end = model.score_all(model.start(), &ids, &mut log10);
        let mut state = model.start();
        for (&id, log10) in ids.iter().zip(log10) {
            assert_eq!(model.advance(&mut state, id).to_bits(), log10.to_bits());
        }
        assert_eq!(state, end);
    }
}

#[test]
fn states_are_saved_and_come_back() {
    for name in FILES {
        let model = open(name);
        let mut bytes_of_states = HashSet::new();
        let states = states(&model);
        for state in &states {
            let mut bytes = Vec::new();
            state.write(&mut bytes);
            let back = model.state(&bytes).unwrap();
            assert_eq!(&back, state);
            for word in 0..model.vocab().len() as u32 {
                assert_eq!(model.score(back, word), model.score(*state, word));
            }
            bytes_of_states.insert(bytes);
        }
        assert_eq!(bytes_of_states.len(), states.len());
        assert!(model.state(&[1, 0, 0]).is_none());
        assert!(model.state(&[255; 4]).is_none());
        assert!(model.state(&vec![0; 4 * model.order()]).is_none());
    }
}

/// Model of an ARPA file of the fixtures, by our own reader.
fn of_arpa(name: &str) -> Model {
    let name = format!("{name}.arpa.gz");
    let reader = Box::new(Cursor::new(unzipped(&name)));
    let source = Source::Reader { name, reader };
    arpa::read(source, arpa::ArpaOptions::default()).unwrap()
}

#[test]
fn n_grams_of_a_trie_are_those_of_its_arpa_file() {
    for (name, arpa) in [("trie-3", "3"), ("trie-4-array", "4"), ("trie-odd", "odd")] {
        let (own, from_arpa) = (open(name).into_own().unwrap(), of_arpa(arpa));
        assert!(own.kenlm_structure().is_none());
        assert_eq!(own.words().len(), from_arpa.words().len());
        for sentence in sentences() {
            let mut states = [own.start(), from_arpa.start()];
            for word in sentence {
                let [a, b] = [&own, &from_arpa].map(|model| id(model, &word));
                let log10 = own.advance(&mut states[0], a);
                let expected = from_arpa.advance(&mut states[1], b);
                assert!((log10 - expected).abs() < 1e-5, "{name}: {word}");
            }
        }
    }
}

#[test]
fn n_grams_of_a_trie_come_back_with_the_same_scores() {
    for name in FILES {
        let model = open(name);
        let listed = model.check_listed();
        let missing = name.starts_with("probing") || name.ends_with("no-words");
        assert_eq!(listed.is_err(), missing, "{name}");
        if let Err(error) = listed {
            assert!(matches!(error, NgramError::NotListed { .. }));
            assert!(model.into_own().is_err());
            continue;
        }
        let own = open(name).into_own().unwrap();
        let text = arpa::write(&model, Vec::new()).unwrap();
        let reader = Box::new(Cursor::new(text));
        let source = Source::Reader {
            name: name.into(),
            reader,
        };
        let read = arpa::read(source, arpa::ArpaOptions::default()).unwrap();
        for sentence in sentences() {
            let mut states = [model.start(), own.start(), read.start()];
            for word in sentence {
                let models = [&model, &own, &read];
                let scores: Vec<f32> = models
                    .iter()
                    .zip(&mut states)
                    .map(|(model, state)| model.advance(state, id(model, &word)))
                    .collect();
                let log10 = scores[0];
                assert!(
                    scores.iter().all(|other| (other - log10).abs() < 1e-5),
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn a_file_says_what_it_is() {
    let model = open("trie-4-quantized");
    assert_eq!(model.kenlm_structure().unwrap(), "trie with quantization");
    assert_eq!((model.order(), model.counts().len()), (4, 4));
    assert_eq!(model.as_bytes(), binary("trie-4-quantized"));
    assert_ne!(model.id(), open("trie-4-array").id());
    assert_eq!(open("probing-odd").words().hidden(), ["<eos>".into()]);
    assert!(!open("trie-3-no-words").vocab().has_words());
}

#[test]
fn files_of_other_kinds_are_refused_by_name() {
    let good = binary("probing-3");
    let with = |at: usize, bytes: &[u8]| {
        let mut damaged = good.clone();
        damaged[at..at + bytes.len()].copy_from_slice(bytes);
        error(damaged)
    };
    for (at, bytes, part) in [
        (49, &b"4"[..], "format version 4"),
        (49, b"12\n", "format version 12"),
        (34, b"incomplete\n", "never completed"),
        (60, &1f32.to_be_bytes(), "big-endian"),
        (72, &[0; 4], "other widths"),
        (96, &[1], "with rest costs"),
        (96, &[6], "structure 6"),
        (104, &[1], "are of version 1"),
        (88, &[1], "the order is below 2"),
        (88, &[33], "the order is above 32"),
        (92, &[0; 4], "the multiplier is below 1"),
        (92, &f32::NAN.to_le_bytes(), "the multiplier is below 1"),
        (100, &[2], "neither 0 nor 1"),
        (100, &[0], "bytes where"),
        (108, &[0; 8], "no words"),
        (108, &[255; 8], "bytes where"),
        (116, &[1; 8], "bytes where"),
        (124, &[255; 8], "bytes where"),
    ] {
        let message = with(at, bytes);
        assert!(message.contains(part), "{at}: {message}");
    }
}

#[test]
fn files_that_are_cut_short_or_added_to_are_refused() {
    for name in FILES {
        let good = binary(name);
        let step = 1 + good.len() / 500;
        let ends = (0..200.min(good.len())).chain((200..good.len()).step_by(step));
        for end in ends.chain([good.len() - 1]) {
            assert!(
                Model::from_bytes(name, good[..end].to_vec()).is_err(),
                "{name}: {end}"
            );
        }
        let longer = [&good[..], b"\0"].concat();
        assert!(Model::from_bytes(name, longer).is_err(), "{name}");
    }
}

#[test]
fn damaged_bits_are_refused_or_harmless() {
    FILES.into_par_iter().for_each(|name| {
        let good = binary(name);
        // Of the smaller files every byte, each time another of its bits.
        let step = 1 + good.len() / 2500;
        for at in (0..good.len()).step_by(step) {
            let mut damaged = good.clone();
            damaged[at] ^= 1 << (at / step % 8);
            if let Ok(model) = Model::from_bytes(name, damaged) {
                ask(&model, 2);
            }
        }
    });
}
