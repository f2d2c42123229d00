use super::*;
use serde_json::json;

/// A small file, with one part replaced.
fn file(part: &str, value: Value) -> Value {
    let mut file = json!({
        "version": "1.0",
        "added_tokens": [],
        "normalizer": null,
        "pre_tokenizer": {"type": "Whitespace"},
        "decoder": null,
        "model": {"type": "WordLevel", "vocab": {"</s>": 0, "[UNK]": 1}, "unk_token": "[UNK]"},
    });
    file[part] = value;
    file
}

fn replace(from: &str, to: &str) -> Value {
    json!({"type": "Replace", "pattern": {"String": from}, "content": to})
}

fn sequence(parts: Vec<Value>) -> Value {
    json!({"type": "Sequence", "normalizers": parts})
}

fn bpe(merges: Value) -> Value {
    json!({"type": "BPE", "vocab": {"</s>": 0, "a": 1, "b": 2, "##b": 3, "ab": 4}, "merges": merges, "continuing_subword_prefix": "##"})
}

#[test]
fn what_people_use_is_sound() {
    for (part, value) in [
        ("decoder", Value::Null),
        ("pre_tokenizer", json!({"type": "FixedLength", "length": 1})),
        (
            "normalizer",
            sequence(vec![
                json!({"type": "NFKC"}),
                json!({"type": "Prepend", "prepend": "\u{2581}"}),
                replace(" ", "\u{2581}"),
            ]),
        ),
        (
            "decoder",
            json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}),
        ),
        (
            "pre_tokenizer",
            json!({"type": "Split", "behavior": "Isolated", "invert": false, "pattern": {"Regex":
                r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"}}),
        ),
        ("model", bpe(json!([["a", "##b"]]))),
        ("model", bpe(json!(["#version: 0.2", "a ##b"]))),
        (
            "added_tokens",
            json!([{"content": "<mask>", "lstrip": true}]),
        ),
    ] {
        let file = file(part, value);
        assert_eq!(check(&file), Ok(()), "{file}");
    }
}

#[test]
fn what_the_crate_does_not_survive_is_refused() {
    let mut doubling = vec![replace("a", "aa"); 40];
    doubling.push(json!({"type": "NFC"}));
    let deep = (0..20).fold(json!({"type": "NFC"}), |inner, _| sequence(vec![inner]));
    for (part, value, message) in [
        (
            "pre_tokenizer",
            json!({"type": "FixedLength", "length": 0}),
            "length 0",
        ),
        (
            "model",
            json!({"type": "WordLevel", "vocab": {"</s>": 0, "a": 4_000_000_000u32}}),
            "the id 4000000000",
        ),
        (
            "model",
            json!({"type": "WordLevel", "vocab": {"</s>": 0, "a": 1, "b": 1}}),
            "shares the id 1",
        ),
        (
            "normalizer",
            json!({"type": "Precompiled", "precompiled_charsmap": "/////w=="}),
            "cut short",
        ),
        ("normalizer", sequence(doubling), "times as long"),
        (
            "normalizer",
            json!({"type": "Prepend", "prepend": "x".repeat(10_000)}),
            "times as long",
        ),
        ("normalizer", deep, "deep"),
        (
            "decoder",
            json!({"type": "Strip", "content": " ", "start": 0, "stop": 3}),
            "`stop`",
        ),
        (
            "pre_tokenizer",
            json!({"type": "Split", "pattern": {"Regex": r"\w{900}{900}"}}),
            "cannot be used",
        ),
        (
            "pre_tokenizer",
            json!({"type": "Split", "pattern": {"Regex": "("}}),
            "cannot be used",
        ),
        ("model", bpe(json!([["a", "b"]])), "merge 1"),
        (
            "model",
            bpe(json!([["a", "##b"], ["ab", "##b"]])),
            "merge 2",
        ),
        ("model", bpe(json!(["a"])), "merge 1"),
        (
            "added_tokens",
            json!([{"content": "x", "rstrip": true}, {"content": " ", "lstrip": true}]),
            "white space",
        ),
        (
            "added_tokens",
            json!([{"content": "x".repeat(1 << 20)}]),
            "its longest added token",
        ),
    ] {
        let file = file(part, value);
        let error = check(&file).unwrap_err();
        assert!(error.contains(message), "{error}");
    }
}
