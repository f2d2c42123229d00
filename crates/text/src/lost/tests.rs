use super::super::vocab::Vocab;
use super::super::{Kind, LONGEST_TOKEN, ReadOptions, Source, TextError, encode_placed};
use super::Lost;
use serde_json::{Value, json};

fn lost(vocab: &Vocab, text: &str) -> Lost {
    let source = Source::Reader {
        name: "test".into(),
        reader: Box::new(std::io::Cursor::new(text.to_owned())),
    };
    let sink = &mut |_| Ok::<(), TextError>(());
    let (_, lost) = encode_placed([source], vocab, &ReadOptions::default(), sink).unwrap();
    lost
}

fn words(kind: Kind) -> Vocab {
    Vocab::from_list("test", b"a\nb\nc\n", kind).unwrap()
}

fn foreign(file: &Value) -> Vocab {
    Vocab::from_tokenizer_json("test", file.to_string().as_bytes()).unwrap()
}

#[test]
fn white_space_is_lost_but_for_single_spaces_and_line_ends() {
    let vocab = words(Kind::Whitespace);
    for (text, expected) in [
        ("a b\nc\n\nb a", 0),
        ("unknown words\n", 0),
        ("  a\n", 2),
        ("a  b\n", 1),
        ("a\tb\n", 1),
        ("a\t\tb \n", 3),
        ("   \n\t\n", 4),
        ("a b\r\n", 1),
        ("a\u{3000}b\n", 1),
        ("a <eos> b\n", 1),
    ] {
        assert_eq!(lost(&vocab, text).chars, expected, "{text:?}");
    }
}

#[test]
fn fields_lose_the_white_space_between_them() {
    let vocab = words(Kind::Fields);
    for (text, expected) in [("a  b\n", 1), ("a\tb\r\n", 2), ("a\u{3000}b \u{b}\n", 0)] {
        assert_eq!(lost(&vocab, text).chars, expected, "{text:?}");
    }
}

#[test]
fn kinds_that_restore_everything_lose_nothing() {
    let text = "  a\t\tB  \u{e9}\r\n\n <eos> ";
    let bytes = Vocab::bytes();
    for vocab in [words(Kind::Words), words(Kind::Chars), bytes] {
        assert_eq!(lost(&vocab, text), Lost::default(), "{}", vocab.kind());
    }
}

#[test]
fn vocabularies_that_restore_the_same_text_have_the_same_hash() {
    let small = Vocab::from_list("test", b"a\n", Kind::Whitespace).unwrap();
    let large = words(Kind::Whitespace);
    let restored = |vocab: &Vocab, text: &str| lost(vocab, text).restored.unwrap();
    assert_eq!(restored(&small, " a b\n"), restored(&large, "a  b\n"));
    assert_ne!(restored(&small, "a b\n"), restored(&large, "a\nb\n"));
}

#[test]
fn a_line_of_any_length_is_compared_in_parts() {
    let vocab = words(Kind::Whitespace);
    for unit in ["ab ", "word  ", "x"] {
        let text = unit.repeat(3 * LONGEST_TOKEN / unit.len() + 1);
        let restored = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let expected = (text.len() - restored.len()) as u64;
        assert_eq!(lost(&vocab, &text).chars, expected, "{unit:?}");
    }
}

/// Lower-cases, cuts at white space, and has no token for some words.
fn folding() -> Value {
    json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [{"id": 1, "content": "</s>", "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true}],
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": null,
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": false},
        "model": {"type": "WordLevel", "unk_token": "[UNK]", "vocab": {"[UNK]": 0, "</s>": 1, "the": 2, "cat": 3}},
    })
}

#[test]
fn what_a_foreign_tokenizer_folds_is_counted() {
    let vocab = foreign(&folding());
    for (text, expected) in [
        ("the cat\n", 0),
        ("The CAT\n\nthe\n", 4),
        ("the  cat \n", 2),
        // An unknown word has its letters back, and is charged for as such.
        ("the Dog\nDOG the\n", 0),
        ("The Dog\n", 1),
        ("Dog [unk]\n", 0),
    ] {
        assert_eq!(lost(&vocab, text).chars, expected, "{text:?}");
    }
}

#[test]
fn what_a_foreign_tokenizer_drops_is_counted() {
    let mut file = folding();
    file["normalizer"] = Value::Null;
    file["pre_tokenizer"] = Value::Null;
    file["decoder"] = json!({"type": "Fuse"});
    file["model"] =
        json!({"type": "BPE", "vocab": {"</s>": 1, "a": 2, "b": 3, "\n": 4}, "merges": []});
    let vocab = foreign(&file);
    assert_eq!(lost(&vocab, "abba\nab").chars, 0);
    // Two lines of which nothing is left, and some letters.
    assert_eq!(lost(&vocab, "xyz\n\u{e9}\nabxab\n").chars, 5);
}
