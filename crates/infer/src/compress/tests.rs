//! Texts of all kinds under models of all families, there and back; bits; processors; and what is refused.

use super::*;
use crate::testing::{CELLS, bigrams, model_of, vocab};
use crate::{Cache, Error, EvalOptions, Mixture, evaluate};
use elman_kernels::{Cpu, Isa};
use elman_text::{ReadOptions, Source, Vocab, count};

/// A text with letters that the vocabularies know, long enough that a per mille of its bits is some.
fn story() -> String {
    let words = [
        "a cab",
        "he is here",
        "long lines and short ones",
        "d",
        "lo and lo",
    ];
    let line = |i: usize| {
        format!(
            "{} {} {}\n",
            words[i % 5],
            words[i * i % 3],
            words[i / 3 % 4]
        )
    };
    (0..150).map(line).collect()
}

fn vocab_of(kind: Kind, text: &str) -> Vocab {
    let source = Source::Reader {
        name: "text".into(),
        reader: Box::new(std::io::Cursor::new(text.to_owned())),
    };
    let counted = count([source], kind, &ReadOptions::default(), 1 << 30).unwrap();
    let most = (kind == Kind::Bpe).then_some(280);
    counted.0.into_vocab(1, most).unwrap()
}

/// Networks, n-gram models, caches and mixtures over every kind of vocabulary.
fn models() -> Vec<Model> {
    let mut models: Vec<Model> = Vec::new();
    // Without relu, whose hidden states grow with weights as large as these.
    let cells = [CELLS[0], CELLS[1], CELLS[3], CELLS[4]];
    for (i, kind) in Kind::ALL.into_iter().enumerate() {
        let vocab = || vocab_of(kind, &story());
        models.push(model_of(cells[i % 4], i % 2 == 0, vocab()).into());
        models.push(bigrams(vocab()).into());
    }
    let letters = || vocab_of(Kind::Chars, &story());
    models.push(Cache::new(letters(), 50).unwrap().into());
    let members = vec![
        (Model::from(model_of(CELLS[3], false, letters())), 0.5),
        (bigrams(letters()).into(), 0.3),
        (Cache::new(letters(), 7).unwrap().into(), 0.2),
    ];
    models.push(Mixture::new(members).unwrap().into());
    let sentences = Model::from(model_of(CELLS[4], false, letters()));
    models.push(sentences.with_layout(Layout::Sentences));
    models
}

fn compressed(model: &Model, text: &[u8]) -> (Vec<u8>, Compressed) {
    let mut out = Vec::new();
    let found = compress(model, "text", &mut &text[..], &mut out, &mut |_| {}).unwrap();
    assert_eq!(
        (found.bytes, found.file_bytes),
        (text.len() as u64, out.len() as u64)
    );
    (out, found)
}

fn decompressed(model: &Model, data: &[u8]) -> crate::Result<Vec<u8>> {
    let mut out = Vec::new();
    let found = decompress(model, "text.elmc", &mut &data[..], &mut out, &mut |_| {})?;
    assert_eq!(found.bytes, out.len() as u64);
    Ok(out)
}

fn error(model: &Model, data: &[u8]) -> CompressError {
    match decompressed(model, data) {
        Err(Error::Compress(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_decompressed_is_what_was_compressed() {
    let story = story();
    let binary: Vec<u8> = (0u32..700).map(|i| ((i * i * 31) >> 3) as u8).collect();
    let texts: [&[u8]; 8] = [
        b"",
        b"\n",
        b"he is here",
        b" a  cab\t\r\n\n zebra <unk> <eos> \xEF\xBB\xBF\n",
        b"no \xE9\xFF way, \xC3\xA9t\xC3\xA9\n",
        b"\xEF\xBB\xBFhe is\r\nhere\r\n",
        &story.as_bytes()[..400],
        &binary,
    ];
    for model in models() {
        for text in texts {
            let (data, _) = compressed(&model, text);
            assert_eq!(decompressed(&model, &data).unwrap(), text, "{model:?}");
        }
    }
}

/// Whether no bigrams of the tests are in the model.
fn sums_to_one(model: &Model) -> bool {
    match model.family() {
        Family::Ngram(_) => false,
        Family::Mixture(mixture) => mixture.members().iter().all(sums_to_one),
        Family::Network(_) | Family::Cache(_) => true,
    }
}

#[test]
fn the_code_has_the_bits_of_an_evaluation() {
    let text = story();
    let letters = || vocab_of(Kind::Chars, &text);
    let members = vec![
        (Model::from(model_of(CELLS[3], false, letters())), 0.7),
        (Cache::new(letters(), 9).unwrap().into(), 0.3),
    ];
    let mixture = Model::from(Mixture::new(members).unwrap());
    assert!(sums_to_one(&mixture));
    for model in models().into_iter().chain([mixture]) {
        let (_, found) = compressed(&model, text.as_bytes());
        let source = Source::Reader {
            name: "text".into(),
            reader: Box::new(std::io::Cursor::new(text.clone())),
        };
        let options = EvalOptions::default();
        let expected = evaluate(
            &model,
            vec![source],
            &ReadOptions::default(),
            &options,
            &mut |_| {},
        )
        .unwrap();
        let bits = expected.total_nats / std::f64::consts::LN_2;
        assert_eq!(found.tokens, expected.tokens, "{model:?}");
        assert!((found.model_bits - bits).abs() < 1e-6 * bits, "{model:?}");
        // The bigrams of the tests do not sum to one, and the code has the bits of what does.
        if sums_to_one(&model) {
            let code = 8.0 * found.code_bytes as f64;
            let range = bits - 16.0..=bits * 1.001 + 8.0 * 64.0;
            assert!(range.contains(&code), "{model:?}: {code} for {bits}");
        }
        assert_eq!(
            (found.unknown, found.raw, found.spelt_bytes),
            (0, 0, 0),
            "{model:?}"
        );
        assert_eq!(found.chars, text.chars().count() as u64);
    }
}

#[test]
fn processors_decode_each_other() {
    let text = [story().as_bytes()[..500].to_vec(), b"zebra\xFF".to_vec()].concat();
    for model in models() {
        let on = |isa: Isa, threads| model.clone().with_cpu(Cpu::new(isa, threads));
        let all: Vec<Vec<u8>> = Isa::supported()
            .into_iter()
            .flat_map(|isa| [1, 3].map(|threads| compressed(&on(isa, threads), &text).0))
            .collect();
        assert!(all.iter().all(|data| *data == all[0]), "{model:?}");
        for isa in Isa::supported() {
            assert_eq!(
                decompressed(&on(isa, 2), &all[0]).unwrap(),
                text,
                "{model:?}"
            );
        }
    }
}

#[test]
fn another_model_is_refused() {
    let letters = || vocab(Kind::Chars, "abcdefghij klmnopqr\n");
    let model = Model::from(model_of(CELLS[3], false, letters()));
    let (data, _) = compressed(&model, b"he is here\n");
    let others: [Model; 3] = [
        model_of(CELLS[4], false, letters()).into(),
        bigrams(letters()).into(),
        model_of(
            CELLS[3],
            false,
            vocab(Kind::Chars, "abcdefghij klmnopqrs\n"),
        )
        .into(),
    ];
    for other in others {
        let found = error(&other, &data);
        let CompressError::OtherModel { wanted, found, .. } = &found else {
            panic!("{found}");
        };
        assert!(wanted.starts_with("lstm 2×21 (model "), "{wanted}");
        assert!(found.starts_with(&other.architecture()), "{found}");
        assert_ne!(wanted, found);
    }
}

#[test]
fn weights_of_other_formats_are_refused() {
    let network = model_of(CELLS[3], false, vocab(Kind::Chars, "ab\n"));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model");
    Model::from(network).save(&path).unwrap();
    for weights in [Weights::Bf16, Weights::Int8] {
        let model = Model::load_as(&path, weights).unwrap();
        let refused = compress(
            &model,
            "text",
            &mut &b"ab"[..],
            &mut Vec::new(),
            &mut |_| {},
        );
        assert!(matches!(
            refused,
            Err(Error::Compress(CompressError::Weights(_)))
        ));
    }
    let model = Model::load(&path).unwrap();
    let (data, _) = compressed(&model, b"ab\n");
    let int8 = Model::load_as(&path, Weights::Int8).unwrap();
    assert!(matches!(
        error(&int8, &data),
        CompressError::Weights("int8")
    ));
}

#[test]
fn damaged_and_shortened_data_is_refused() {
    let model = Model::from(bigrams(vocab(Kind::Chars, "abcdefghij klmnopqr\n")));
    let text = b"he is here\nand there \xFF\n".repeat(3);
    let (data, _) = compressed(&model, &text);
    for length in 0..data.len() {
        let cut = error(&model, &data[..length]);
        match length {
            0..8 => assert!(
                matches!(cut, CompressError::NotCompressed(_)),
                "{length}: {cut}"
            ),
            _ => assert!(
                matches!(cut, CompressError::Truncated(_)),
                "{length}: {cut}"
            ),
        }
    }
    for place in 0..data.len() {
        for bit in [0, 7] {
            let mut damaged = data.clone();
            damaged[place] ^= 1 << bit;
            // Whatever is said, it is an error.
            error(&model, &damaged);
        }
    }
    let longer = [&data[..], b"x"].concat();
    assert!(matches!(
        error(&model, &longer),
        CompressError::Damaged { .. }
    ));
    let mut other = data.clone();
    other[8] = 9;
    let version = error(&model, &other);
    assert!(
        matches!(version, CompressError::Version { version: 9, .. }),
        "{version}"
    );
    assert!(matches!(
        error(&model, b"some text"),
        CompressError::NotCompressed(_)
    ));
}

#[test]
fn a_made_up_code_is_no_panic() {
    // Frames with sound checksums and any code in them.
    let model = Model::from(bigrams(vocab(Kind::Fields, "a b c")));
    let header = header(&model).unwrap();
    for seed in 0u32..50 {
        let mut code: Vec<u8> = (0..200)
            .map(|i: u32| (i.wrapping_mul(seed * seed + 7) >> 2) as u8)
            .collect();
        let mut data = Vec::new();
        let mut writer = container::Writer::new(&header, &mut data).unwrap();
        writer.frames(&mut code, true).unwrap();
        writer.trailer(10, 0).unwrap();
        error(&model, &data);
    }
}

#[test]
fn a_text_does_not_become_longer_than_the_trailer_says() {
    let model = Model::from(bigrams(Vocab::bytes()));
    let header = header(&model).unwrap();
    // All bits of this code are 0, so every token that it gives is 0.
    let (mut code, mut data) = (vec![0; 16], Vec::new());
    let mut writer = container::Writer::new(&header, &mut data).unwrap();
    writer.frames(&mut code, true).unwrap();
    writer.trailer(2, 0).unwrap();
    let mut text = Vec::new();
    let found = decompress(&model, "x", &mut &data[..], &mut text, &mut |_| {});
    let said = found.unwrap_err().to_string();
    assert!(said.contains("longer than its trailer says"), "{said}");
    assert!(text.is_empty());
}

#[test]
fn long_texts_have_several_frames() {
    let model = Model::from(bigrams(Vocab::bytes()));
    let bytes: Vec<u8> = (0u32..90_000)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 23) as u8)
        .collect();
    let (data, found) = compressed(&model, &bytes);
    assert!(found.code_bytes > 1 << 16, "{found:?}");
    assert_eq!(decompressed(&model, &data).unwrap(), bytes);
}
