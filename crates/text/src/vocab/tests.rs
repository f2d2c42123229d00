use super::*;
use crate::{ReadOptions, Source, count};

fn counts(text: &str, kind: Kind) -> Counts {
    let reader = Box::new(std::io::Cursor::new(text.to_owned()));
    let source = Source::Reader {
        name: "test".to_owned(),
        reader,
    };
    count([source], kind, &ReadOptions::default(), 1 << 30)
        .unwrap()
        .0
}

fn vocab(text: &str, kind: Kind) -> Vocab {
    counts(text, kind).into_vocab(1, None).unwrap()
}

fn names(vocab: &Vocab) -> Vec<String> {
    (0..vocab.len() as u32)
        .map(|id| vocab.token(id).into_owned())
        .collect()
}

const TRICKY: &str =
    "a b <unk> \"q\"\\ \u{7f}\u{1}\u{2028} e\u{301} 𝄞 <eos> b\r\n\tc\u{a0}d\n\n  \\n é";

#[test]
fn ids_go_by_frequency_then_bytes() {
    let text = "b a c a b é <unk> <unk> <unk>";
    assert_eq!(
        names(&vocab(text, Kind::Whitespace)),
        ["<eos>", "<unk>", "a", "b", "c", "é"]
    );
    let pruned = counts(text, Kind::Whitespace).into_vocab(2, None).unwrap();
    assert_eq!(names(&pruned), ["<eos>", "<unk>", "a", "b"]);
    let cut = counts(text, Kind::Whitespace)
        .into_vocab(1, Some(3))
        .unwrap();
    assert_eq!(names(&cut), ["<eos>", "<unk>", "a"]);
    assert!(matches!(
        counts(text, Kind::Whitespace).into_vocab(1, Some(2)),
        Err(TextError::MaxVocab { max: 2 })
    ));
    assert!(matches!(
        counts(text, Kind::Whitespace).into_vocab(4, None),
        Err(TextError::NothingLeft { min_count: 4 })
    ));
}

#[test]
fn every_entry_is_found_by_its_token() {
    for kind in Kind::ALL {
        let vocab = vocab(TRICKY, kind);
        for id in 0..vocab.len() as u32 {
            assert_eq!(
                vocab.id(vocab.token_bytes(id)),
                Some(id),
                "{kind} {:?}",
                vocab.token(id)
            );
        }
        assert_eq!(vocab.id(b"nothing like this"), None);
        assert_eq!(vocab.id(b""), None);
    }
    assert_eq!(Vocab::bytes().len(), 257);
    assert_eq!((Vocab::bytes().eos(), Vocab::bytes().unk()), (256, None));
    assert_eq!(Vocab::bytes().token(10), "\\x0a");
}

/// The list that `Vocab::from_list` reads, specials included.
fn list(vocab: &Vocab) -> String {
    let escaped = |token: &str| {
        let token = token.replace('\\', "\\\\");
        token.replace('\n', "\\n").replace('\r', "\\r") + "\n"
    };
    let ids = 0..vocab.len() as u32;
    ids.map(|id| escaped(&vocab.token(id))).collect()
}

#[test]
fn tokenizer_json_and_lists_give_the_vocabulary_back() {
    for kind in Kind::ALL {
        let vocab = vocab(TRICKY, kind);
        let json = vocab.to_tokenizer_json();
        let back = Vocab::from_tokenizer_json("x", json.as_bytes()).unwrap();
        assert_eq!(
            (back.kind(), back.hash(), names(&back)),
            (kind, vocab.hash(), names(&vocab))
        );
        assert_eq!(back.to_tokenizer_json(), json);
        if kind != Kind::Bytes && !kind.has_engine() {
            let back = Vocab::from_list("x", list(&vocab).as_bytes(), kind).unwrap();
            assert_eq!(back.hash(), vocab.hash());
        }
    }
}

#[test]
fn the_hash_tells_kinds_and_orders_apart() {
    let of = |list: &str, kind| {
        Vocab::from_list("x", list.as_bytes(), kind)
            .unwrap()
            .hash()
            .to_owned()
    };
    let all = [
        of("a\nb", Kind::Chars),
        of("b\na", Kind::Chars),
        of("a", Kind::Chars),
        of("a\nb", Kind::Words),
    ];
    let different: std::collections::HashSet<&String> = all.iter().collect();
    assert_eq!(different.len(), all.len());
}

#[test]
fn lists_name_the_bad_line() {
    let failed = |list: &str, kind| {
        Vocab::from_list("v.txt", list.as_bytes(), kind)
            .unwrap_err()
            .to_string()
    };
    assert!(
        failed("a\nb\na\n", Kind::Chars)
            .starts_with("v.txt, line 3: the token \"a\" is listed twice")
    );
    assert!(
        failed("a\nbc\n", Kind::Chars)
            .starts_with("v.txt, line 2: \"bc\" is not one token of kind chars")
    );
    assert!(failed("the cat\n", Kind::Whitespace).contains("line 1"));
    assert!(failed("the cat\n", Kind::Words).contains("line 1"));
    assert!(failed("a\n\nb\n", Kind::Words).contains("line 2: the line is empty"));
    assert!(failed("\\x\n", Kind::Words).contains("line 1: a backslash"));
    assert!(failed("a<eos>\n", Kind::Whitespace).contains("line 1"));
    assert!(failed("<eos>\n", Kind::Whitespace).contains("no token"));
    assert!(failed("a\n", Kind::Bytes).contains("takes no list"));
    assert!(failed("a\n", Kind::Bpe).contains("takes no list"));
    let vocab = Vocab::from_list(
        "v",
        b"\xEF\xBB\xBF the\r\n\\n\r\n<unk>\r\n\\\\",
        Kind::Words,
    )
    .unwrap();
    assert_eq!(names(&vocab), ["<eos>", "<unk>", " the", "\n", "\\"]);
}

#[test]
fn backslashes_of_words_between_spaces_stand_for_themselves() {
    let list = b"1\\/2\n\\n\nS\\*\n\\\\\na\\\n\\\\n\\\\\\x\n";
    for kind in [Kind::Whitespace, Kind::Fields] {
        let vocab = Vocab::from_list("v", list, kind).unwrap();
        let expected = [
            "<eos>", "<unk>", "1\\/2", "\\n", "S\\*", "\\", "a\\", "\\n\\\\x",
        ];
        assert_eq!(names(&vocab), expected);
    }
}

#[test]
fn a_list_of_another_program_keeps_its_numbers() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("list");
    let listed = |list: &str, names: &SpecialNames| {
        elman_store::write_atomic(&path, |file| {
            std::io::Write::write_all(file, list.as_bytes())
        })
        .unwrap();
        Listed::from_file(&path, None, names)
    };
    let own = SpecialNames::default();
    let found = listed("cat\n<eos>\nsat\n<unk>\n", &own).unwrap();
    assert_eq!(names(&found.vocab), ["<eos>", "<unk>", "cat", "sat"]);
    assert_eq!(found.ids, [2, 0, 3, 1]);
    assert_eq!(listed("cat\n<eos>\n", &own).unwrap().ids, [2, 0]);
    let other = SpecialNames {
        eos: "</s>".into(),
        unk: "<UNK>".into(),
    };
    assert_eq!(listed("<UNK>\n</s>\ncat\n", &other).unwrap().ids, [1, 0, 2]);
    // Two rows for one entry.
    let twice = listed("<UNK>\n</s>\n<unk>\n", &other).unwrap_err();
    assert!(twice.to_string().contains("line 3"), "{twice}");
    let json = room.path().join("t.json");
    let text = vocab("ab", Kind::Chars).to_tokenizer_json();
    elman_store::write_atomic(&json, |file| {
        std::io::Write::write_all(file, text.as_bytes())
    })
    .unwrap();
    assert_eq!(
        Listed::from_file(&json, None, &own).unwrap().ids,
        [0, 1, 2, 3]
    );
    assert!(Listed::from_file(&json, Some(Kind::Words), &own).is_err());
}

#[test]
fn files_that_are_no_tokenizer_say_why() {
    let failed = |json: &str| {
        Vocab::from_tokenizer_json("t.json", json.as_bytes())
            .unwrap_err()
            .to_string()
    };
    for (json, says) in [
        ("{", "not valid JSON"),
        ("[]", "is it a tokenizer.json?"),
        (r#"{"model_type": "gpt2"}"#, "config.json"),
        (r#"{"model": {"type": "WordPiece"}}"#, "library refuses it"),
        (r#"{"model": {"type": "New"}}"#, "library refuses it"),
    ] {
        let error = failed(json);
        assert!(
            error.starts_with("t.json") && error.contains(says),
            "{error}"
        );
    }
    let ours = vocab("a b", Kind::Whitespace).to_tokenizer_json();
    for (from, to, says) in [
        ("\"b\": 3", "\"b\": 2", "used twice or leaves a hole"),
        ("\"b\": 3", "\"b\": 9", "used twice or leaves a hole"),
        ("\"b\": 3", "\"b\": -1", "used twice or leaves a hole"),
        ("\"b\": 3", "\"a\": 3", "used twice or leaves a hole"),
        ("\"<unk>\": 1", "\"unk\": 1", "ids 0 and 1"),
        (
            "\"added_tokens\": []",
            "\"added_tokens\": [{\"id\": 0}]",
            "library refuses it",
        ),
    ] {
        let changed = ours.replacen(from, to, 1);
        assert_ne!(changed, ours, "{from}");
        let error = failed(&changed);
        assert!(error.contains(says), "{from}: {error}");
    }
    // What is not quite ours is foreign.
    let other = ours.replacen("<\\\\eos>", "", 1);
    assert_ne!(other, ours);
    let other = Vocab::from_tokenizer_json("t.json", other.as_bytes()).unwrap();
    assert_eq!(other.kind(), Kind::Foreign);
}

#[test]
fn prompts_name_what_is_unknown() {
    let vocab = vocab("a b\nc\n", Kind::Whitespace);
    let encoded = vocab.tokenize("a x\nc y x".as_bytes()).unwrap();
    let unk = vocab.unk().unwrap();
    assert_eq!(
        encoded.ids,
        [
            vocab.id(b"a").unwrap(),
            unk,
            vocab.eos(),
            vocab.id(b"c").unwrap(),
            unk,
            unk
        ]
    );
    assert_eq!(encoded.unknown, ["x", "y"]);
    assert!(matches!(
        vocab.tokenize(b"a \xFF"),
        Err(TextError::InvalidUtf8 { offset: 2, .. })
    ));
    assert_eq!(Vocab::bytes().tokenize(b"\xFF\n").unwrap().ids, [255, 10]);
    assert_eq!(vocab.tokenize(b"").unwrap(), Encoded::default());
}

#[test]
fn whitespace_decodes_to_lines() {
    let vocab = vocab("a b c", Kind::Whitespace);
    let ids = vocab.tokenize(b"a  b\n\n c\na zz").unwrap().ids;
    assert_eq!(vocab.decode(&ids), b"a b\n\nc\na <unk>");
}

#[test]
fn bytes_are_printed_as_whole_characters() {
    let vocab = Vocab::bytes();
    let text = "né€🦀\n".as_bytes();
    let mut decoder = Decoder::default();
    let mut out = Vec::new();
    for &byte in text {
        let ready = decoder.push(&vocab, u32::from(byte));
        assert!(std::str::from_utf8(ready).is_ok());
        out.extend_from_slice(ready);
    }
    assert_eq!((out.as_slice(), decoder.finish()), (text, &b""[..]));
    // What can be no character is not held back for ever, and nothing is lost.
    let broken = [0xE2, 0x82, b'a', 0xFF, 0xC3, 0xC3, 0xA9, 0xF0, 0x9F];
    let mut out = Vec::new();
    for byte in broken {
        out.extend_from_slice(decoder.push(&vocab, u32::from(byte)));
    }
    assert_eq!(out, &broken[..7]);
    assert_eq!(decoder.push(&vocab, vocab.eos()), &broken[7..]);
    assert_eq!(decoder.finish(), b"");
}

#[test]
fn a_newline_and_eos_end_lines() {
    for (kind, ends) in [
        (Kind::Words, &["<eos>", "\n"][..]),
        (Kind::Chars, &["<eos>", "\n"]),
        (Kind::Bytes, &["\n", "<eos>"]),
        (Kind::Bpe, &["<eos>", "\n"]),
        (Kind::Whitespace, &["<eos>"]),
        (Kind::Fields, &["<eos>"]),
    ] {
        let vocab = vocab("a b\na\n\n", kind);
        let found: Vec<u32> = (0..vocab.len() as u32)
            .filter(|&id| vocab.ends_line(id))
            .collect();
        let ends: Vec<u32> = ends
            .iter()
            .map(|token| vocab.id(token.as_bytes()).unwrap())
            .collect();
        assert_eq!(found, ends, "{kind}");
    }
}

#[test]
fn words_that_are_known_by_hash_are_found_in_a_text() {
    let words = ["the", "a", "word", "<s>"];
    let hashes = words.map(|word| murmur64a(word.as_bytes()));
    let vocab = Vocab::of_hashes(Kind::Fields, &hashes[..3]);
    assert!(!vocab.has_words() && vocab.len() == 5);
    let ids = |text: &str| vocab.tokenize(text.as_bytes()).unwrap().ids;
    assert_eq!(ids("a word the other"), [3, 4, 2, 1]);
    assert_eq!(ids("<s> b <unk>\n"), [1, 1, 1, 0]);
    assert_eq!(vocab.token(2), format!("#{:016x}", hashes[0]));
    let other = Vocab::of_text(Kind::Fields, words.map(|word| word.as_bytes().into()));
    assert!(other.has_words() && !other.same_ids(&vocab));
}
