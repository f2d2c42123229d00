//! Kinds whose pieces are cut further by the `tokenizers` crate: what holds for them beside the laws of every kind.

use super::*;
use serde_json::{Value, json};

/// A vocabulary of kind `bpe` with at most `most` entries.
pub fn byte_pairs(text: &str, most: usize) -> Vocab {
    let counts = count([source(text.as_bytes())], Kind::Bpe, &plain(), 1 << 30).unwrap();
    counts.0.into_vocab(2, Some(most)).unwrap()
}

pub fn foreign(file: &Value, eos: Option<&str>) -> Result<Vocab, TextError> {
    let path = super::file(file.to_string().as_bytes());
    Vocab::from_tokenizer(path.path(), eos)
}

pub fn of_bert() -> Value {
    json!({
        "version": "1.0", "truncation": {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0},
        "padding": null,
        "added_tokens": [
            {"id": 1, "content": "[SEP]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},
        ],
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 1], "cls": ["[CLS]", 2]},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": false},
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
            "vocab": {"[UNK]": 0, "[SEP]": 1, "[CLS]": 2, "the": 3, "cat": 4, "##s": 5, "sep": 6, "[": 7, "]": 8, "##x": 12},
        },
    })
}

/// A byte-level BPE in the manner of GPT-2, of bytes alone.
pub fn of_gpt2() -> Value {
    let bytes: Value = serde_json::from_str(&Vocab::bytes().to_tokenizer_json()).unwrap();
    let mut file = json!({"version": "1.0", "truncation": null, "padding": null, "normalizer": null, "post_processor": null});
    file["pre_tokenizer"] = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    file["decoder"] = file["pre_tokenizer"].clone();
    file["model"] = bytes["model"].clone();
    let vocab = file["model"]["vocab"].as_object_mut().unwrap();
    vocab.remove("<eos>");
    file["added_tokens"] = json!([
        {"id": 256, "content": "<|endoftext|>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},
        {"id": 257, "content": "<tool>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": false},
    ]);
    file
}

#[test]
pub fn byte_pairs_are_merged_by_frequency() {
    let vocab = byte_pairs("low low low low lower lower newest newest newest\n", 300);
    assert_eq!((vocab.eos(), vocab.unk()), (0, None));
    assert_eq!(vocab.token_bytes(1), b"!");
    // (l, o) and (o, w) stand 6 times, and ! is the first letter: the lower ids win.
    assert_eq!(vocab.token(257), "lo");
    assert_eq!(vocab.token(258), "low");
    assert!(vocab.id(b" low").is_some());
    let (ids, stats) = ids_of(vec![source(b"low lowest \xC3\xA9")], &vocab, &plain()).unwrap();
    assert_eq!(stats.oov, 0);
    let shown: Vec<_> = ids.iter().map(|&id| vocab.token(id)).collect();
    assert_eq!(
        shown.join("|"),
        "low| low|est| |\\xc3|\\xa9|<eos>",
        "{shown:?}"
    );
}

#[test]
fn the_size_of_byte_pairs_is_what_was_asked_for() {
    let text = "the cat sat on the mat, and the rat sat on the cat\n".repeat(3);
    for most in [257, 258, 270] {
        assert_eq!(byte_pairs(&text, most).len(), most);
    }
    let counts = |text: &str| count([source(text.as_bytes())], Kind::Bpe, &plain(), 1 << 30);
    let few = counts(&text).unwrap().0.into_vocab(1, Some(256));
    assert!(matches!(few, Err(TextError::BpeTooSmall { entries: 256 })));
    // The table is bounded by what merging will need.
    let text: String = (0..10_000).map(|i| format!("w{i} ")).collect();
    let error = count([source(text.as_bytes())], Kind::Bpe, &plain(), 1_000_000);
    assert!(matches!(error.err(), Some(TextError::TooManyTokens { .. })));
}

#[test]
pub fn byte_pairs_do_not_depend_on_the_order_of_maps() {
    let text: String = (0..3_000u32)
        .map(|i| format!("{} ", i.wrapping_mul(2_654_435_761) % 977))
        .collect();
    let first = byte_pairs(&text, 700);
    for _ in 0..4 {
        assert_eq!(byte_pairs(&text, 700).hash(), first.hash());
    }
}

#[test]
fn a_piece_of_any_length_loses_no_byte() {
    for (unit, spaces) in [("é", 1), ("x", 1), (" ", 0), ("", LONGEST_TOKEN)] {
        for length in [LONGEST_TOKEN - 1, LONGEST_TOKEN, 3 * LONGEST_TOKEN + 5] {
            let text = format!(
                "a{}{}b\n",
                " ".repeat(spaces),
                unit.repeat(length / unit.len().max(1))
            );
            let vocab = byte_pairs(&text, 260);
            let (ids, stats) = ids_of(vec![source(text.as_bytes())], &vocab, &plain()).unwrap();
            assert!(vocab.decode(&ids) == text.as_bytes(), "{unit:?} {length}");
            assert_eq!(stats.oov, 0);
            // The prompt comes in one chunk, the file in many.
            let prompt = vocab.tokenize(text.as_bytes()).unwrap();
            assert!(prompt.ids == ids[..ids.len() - 1], "{unit:?} {length}");
        }
    }
}

#[test]
fn a_foreign_tokenizer_without_newlines_ends_lines() {
    let vocab = foreign(&of_bert(), None).unwrap();
    assert_eq!(
        (vocab.kind(), vocab.eos(), vocab.unk()),
        (Kind::Foreign, 1, Some(0))
    );
    assert!(vocab.eos_ends_lines() && vocab.loses().is_some());
    // Ids 9, 10 and 11 stand for nothing.
    assert_eq!(vocab.len(), 13);
    let text = "The cats\n\ndog [SEP] the cat the cat";
    let mut found = Vec::new();
    let stats = encode_placed([source(text.as_bytes())], &vocab, &plain(), &mut |token| {
        found.push(token);
        Ok::<(), TextError>(())
    });
    let (stats, lost) = stats.unwrap();
    // `The`, and the spaces about `[SEP]`.
    assert_eq!(lost.chars, 6);
    let ids: Vec<u32> = found.iter().map(|token| token.symbol.id).collect();
    // The template of the file is not applied to a line, nor its truncation; the control token is letters.
    assert_eq!(ids, [3, 4, 5, 1, 1, 0, 7, 6, 8, 3, 4, 3, 4, 1]);
    assert_eq!((stats.oov, stats.line_ends, stats.fields), (1, 3, 8));
    assert_eq!(found[5].unknown_chars, 3);
    let begins = found.iter().filter(|token| token.begins_line).count();
    assert_eq!(begins as u64, stats.line_ends);
    assert_eq!(
        String::from_utf8(vocab.decode(&ids)).unwrap(),
        "the cats\n\n[UNK] [ sep ] the cat the cat\n"
    );
    assert!(vocab.ends_line(1) && !vocab.ends_line(3));
    let prompt = vocab.tokenize(b"dog cat").unwrap();
    assert_eq!(
        (prompt.ids, prompt.unknown),
        (vec![0, 4], vec!["[UNK]".to_owned()])
    );
}

#[test]
fn a_foreign_tokenizer_that_keeps_everything_is_exact() {
    let vocab = foreign(&of_gpt2(), None).unwrap();
    assert!(!vocab.eos_ends_lines() && vocab.loses().is_none());
    assert_eq!((vocab.eos(), vocab.unk(), vocab.len()), (256, None, 258));
    let text = "a <|endoftext|> é\r\n\n\u{1f980} <tool>";
    let (ids, _) = ids_of(vec![source(text.as_bytes())], &vocab, &plain()).unwrap();
    assert_eq!(ids.iter().filter(|&&id| id == 256).count(), 1);
    assert_eq!(ids[ids.len() - 2..], [257, 256]);
    assert_eq!(String::from_utf8(vocab.decode(&ids)).unwrap(), text);
    assert!(vocab.ends_line(10) && vocab.ends_line(256) && !vocab.ends_line(32));
    // Printed as whole characters.
    let mut decoder = Decoder::default();
    let pieces: Vec<_> = ids
        .iter()
        .map(|&id| decoder.push(&vocab, id).to_vec())
        .collect();
    assert!(
        pieces
            .iter()
            .all(|piece| std::str::from_utf8(piece).is_ok())
    );
}

#[test]
fn an_added_token_that_swallows_spaces_makes_a_tokenizer_inexact() {
    for side in ["lstrip", "rstrip"] {
        let mut file = of_gpt2();
        file["added_tokens"][1][side] = true.into();
        let vocab = foreign(&file, None).unwrap();
        assert!(vocab.loses().is_some(), "{side}");
        let text = "a  <tool>  b";
        let (ids, _) = ids_of(vec![source(text.as_bytes())], &vocab, &plain()).unwrap();
        assert_ne!(vocab.decode(&ids), text.as_bytes(), "{side}");
    }
}

#[test]
fn the_token_that_ends_a_text_is_found_or_named() {
    let mut file = of_gpt2();
    file["added_tokens"][0]["content"] = "<end of it>".into();
    let error = foreign(&file, None).unwrap_err().to_string();
    assert!(error.contains("(tokenizer-eos)"), "{error}");
    let vocab = foreign(&file, Some("<end of it>")).unwrap();
    assert_eq!(vocab.eos(), 256);
    // It stands in the file that is written.
    let json = vocab.to_tokenizer_json();
    let back = Vocab::from_tokenizer_json("x", json.as_bytes()).unwrap();
    assert_eq!((back.eos(), back.hash()), (256, vocab.hash()));
    assert_eq!(back.to_tokenizer_json(), json);
    let error = foreign(&file, Some("</s>")).unwrap_err().to_string();
    assert!(error.contains("no token \"</s>\""), "{error}");
    // An ordinary token that is called like a control token is none.
    let mut file = of_gpt2();
    file["added_tokens"][1]["content"] = "</s>".into();
    assert_eq!(foreign(&file, None).unwrap().eos(), 256);
    // Ours have <eos>.
    let ours = byte_pairs("aa aa", 258).to_tokenizer_json();
    let ours: Value = serde_json::from_str(&ours).unwrap();
    assert_eq!(foreign(&ours, None).unwrap().kind(), Kind::Bpe);
    assert!(foreign(&ours, Some("!")).is_err());
}

#[test]
pub fn foreign_files_that_contradict_themselves_are_refused() {
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut file = of_bert();
        change(&mut file);
        foreign(&file, None).unwrap_err().to_string()
    };
    let huge = refused(&|file| file["model"]["vocab"]["far"] = 4_000_000_000u32.into());
    assert!(huge.contains("has the id 4000000000"), "{huge}");
    let twice = refused(&|file| file["model"]["vocab"]["other"] = 3.into());
    assert!(twice.contains("shares the id 3"), "{twice}");
    let hole = refused(&|file| file["model"]["vocab"]["\0hole 9"] = 40.into());
    assert!(hole.contains("holes between ids"), "{hole}");
    let model =
        json!({"type": "BPE", "vocab": {"a": 0, "b": 1, "</s>": 2}, "merges": [["</s>", "</s>"]]});
    let merge = refused(&|file| file["model"] = model.clone());
    assert!(merge.contains("merge 1"), "{merge}");
    let strip = json!({"type": "Strip", "content": "#", "start": 0, "stop": 6});
    // No token of the probe has but this letter.
    let stripped = refused(&|file| {
        file["decoder"] = strip.clone();
        file["model"]["vocab"]["#"] = 13.into();
    });
    assert!(stripped.contains("`stop`"), "{stripped}");
    let mut random = of_gpt2();
    random["model"]["dropout"] = 0.1.into();
    let random = foreign(&random, None).unwrap_err().to_string();
    assert!(random.contains("at random"), "{random}");
}

/// What makes them foreign vanishes when they are written: they are of our kind at once, not only when they are read again.
#[test]
fn files_that_are_almost_ours_are_ours() {
    let ours = Vocab::from_list("x", b"a\nb\n", Kind::Words)
        .unwrap()
        .to_tokenizer_json();
    let ours: Value = serde_json::from_str(&ours).unwrap();
    for (part, value) in [
        ("post_processor", Value::Null),
        (
            "truncation",
            json!({"max_length": 9, "strategy": "LongestFirst", "stride": 0}),
        ),
        (
            "padding",
            json!({"strategy": "BatchLongest", "direction": "Right", "pad_id": 0, "pad_type_id": 0, "pad_token": "a"}),
        ),
    ] {
        let mut file = ours.clone();
        file[part] = value;
        let vocab = foreign(&file, None).unwrap();
        assert_eq!(vocab.kind(), Kind::Words, "{part}");
        let again = Vocab::from_tokenizer_json("x", vocab.to_tokenizer_json().as_bytes());
        assert_eq!(again.unwrap().hash(), vocab.hash());
    }
}

#[test]
fn a_file_without_a_template_is_the_same_vocabulary() {
    let mut gpt2 = of_gpt2();
    gpt2["added_tokens"][0]["content"] = "<|endoftext|>".into();
    let line_kinds = [Kind::Whitespace, Kind::Fields];
    let listed = [Kind::Words, Kind::Whitespace, Kind::Fields, Kind::Chars];
    let listed = listed.map(|kind| Vocab::from_list("x", b"a\nb\n", kind).unwrap());
    let made = [
        Vocab::bytes(),
        byte_pairs("aa aa", 258),
        foreign(&gpt2, None).unwrap(),
    ];
    for vocab in listed.into_iter().chain(made) {
        let json = vocab.to_tokenizer_json_without_template();
        let file: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(file["post_processor"], Value::Null);
        let lines = &file["normalizer"]["normalizers"][1]["content"];
        assert_eq!(
            lines == " <eos> ",
            line_kinds.contains(&vocab.kind()),
            "{json}"
        );
        let back = Vocab::from_tokenizer_json("x", json.as_bytes()).unwrap();
        assert_eq!((back.kind(), back.hash()), (vocab.kind(), vocab.hash()));
    }
}

#[test]
fn a_foreign_unknown_token_is_one_of_its_tokens() {
    let mut file = of_bert();
    file["model"] = json!({"type": "WordLevel", "unk_token": "[UNK]", "unk_id": 4_000, "vocab": {"[UNK]": 0, "[SEP]": 1, "a": 2}});
    let vocab = foreign(&file, None).unwrap();
    assert!(vocab.unk().is_none_or(|unk| (unk as usize) < vocab.len()));
}

#[test]
fn control_tokens_in_a_text_are_letters_however_many() {
    let mut file = of_bert();
    file["added_tokens"] = json!([]);
    file["pre_tokenizer"] = json!({"type": "WhitespaceSplit"});
    file["normalizer"] = Value::Null;
    file["model"]["vocab"]["SEP]"] = 13.into();
    let vocab = foreign(&file, None).unwrap();
    let text = "the [SEP] cat ".to_owned() + &"[SEP] ".repeat(5_000);
    let (ids, _) = ids_of(vec![source(text.as_bytes())], &vocab, &plain()).unwrap();
    let letters = [7, 13].repeat(5_000);
    assert_eq!(ids, [&[3, 7, 13, 4][..], &letters, &[1]].concat());
}
