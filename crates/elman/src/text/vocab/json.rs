//! `tokenizer.json`, the format of the Python package `tokenizers` (Hugging Face), written and read back.
//!
//! | kind | normaliser | pre-tokeniser | model | decoder |
//! |---|---|---|---|---|
//! | `words` | none | Split (the pattern of `scan/words.rs`, isolated) | WordLevel | Replace `<eos>` by nothing, Fuse |
//! | `whitespace` | Replace `<eos>` by `<\eos>` | WhitespaceSplit | WordLevel | spaces between words, Fuse, Replace `<eos>` by a newline |
//! | `chars` | none | Split (`[\s\S]`, isolated) | WordLevel | as `words` |
//! | `bytes` | none | ByteLevel (no regex, no prefix space) | BPE without merges | Replace `<eos>` by nothing, ByteLevel |
//!
//! All have the template `$A <eos>` and no `added_tokens`: an added token would match raw text, and the control token
//! cannot be written in a text. What is written is what the package itself would write, byte for byte.
//!
//! Reading is strict: everything but the vocabulary must be as above, for only then are the ids the same as in Python.

use std::fmt::Write as _;

use serde_json::Value;

use super::super::scan::{CONTROL_LITERAL, ESCAPED_LITERAL, WORDS_PATTERN};
use super::{EOS, Kind, TextError, UNK, Vocab};

const CHARS_PATTERN: &str = r"[\s\S]";

impl Vocab {
    /// The vocabulary as a `tokenizer.json`.
    pub fn to_tokenizer_json(&self) -> String {
        let mut text = String::from(
            "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n  \"added_tokens\": [],\n",
        );
        for (name, part) in parts(self.kind) {
            let _ = writeln!(text, "  \"{name}\": {part},");
        }
        text.push_str("  \"model\": {\n");
        let bpe = self.kind == Kind::Bytes;
        text.push_str(if bpe {
            BPE_HEAD
        } else {
            "    \"type\": \"WordLevel\",\n"
        });
        text.push_str("    \"vocab\": {\n");
        for id in 0..self.len() as u32 {
            let comma = if id + 1 < self.len() as u32 { "," } else { "" };
            let _ = writeln!(
                text,
                "      {}: {id}{comma}",
                Value::from(self.json_token(id))
            );
        }
        text.push_str(if bpe {
            "    },\n    \"merges\": []\n"
        } else {
            "    },\n    \"unk_token\": \"<unk>\"\n"
        });
        text.push_str("  }\n}");
        text
    }

    /// Reads what [`Vocab::to_tokenizer_json`] writes; `name` stands in messages.
    ///
    /// Errors: whatever is not a vocabulary of one of our kinds, saying what it seems to be.
    pub fn from_tokenizer_json(name: &str, bytes: &[u8]) -> Result<Vocab, TextError> {
        let failed = |what: String| TextError::TokenizerJson {
            name: name.to_owned(),
            what,
        };
        let file: Value = serde_json::from_slice(bytes)
            .map_err(|error| failed(format!("it is not valid JSON: {error}")))?;
        let kind = kind_of(&file).map_err(failed)?;
        for (part, value) in parts(kind) {
            if serde_json::from_str::<Value>(&value).ok().as_ref() != file.get(part) {
                return Err(failed(format!(
                    "its `{part}` is not that of kind {kind}, so its ids would not be the same"
                )));
            }
        }
        for part in ["truncation", "padding"] {
            if !file[part].is_null() {
                return Err(failed(format!("it sets `{part}`, which elman does not do")));
            }
        }
        if file["added_tokens"]
            .as_array()
            .is_some_and(|added| !added.is_empty())
        {
            return Err(failed(
                "it has `added_tokens`, which would be found in raw text".to_owned(),
            ));
        }
        let tokens = listed(&file["model"]["vocab"]).map_err(failed)?;
        let vocab = match kind {
            Kind::Bytes => Vocab::bytes(),
            _ if tokens.len() < 2 || tokens[0] != EOS || tokens[1] != UNK => {
                return Err(failed(format!("ids 0 and 1 are not {EOS} and {UNK}")));
            }
            _ => Vocab::of_text(
                kind,
                tokens[2..].iter().map(|token| token.as_bytes().into()),
            ),
        };
        if kind == Kind::Bytes && !(0..257).map(|id| vocab.json_token(id)).eq(tokens) {
            return Err(failed(
                "its byte-level vocabulary is not in the order of the bytes".to_owned(),
            ));
        }
        Ok(vocab)
    }

    /// A token as it stands in the file. The byte-level alphabet gives each byte a printable character.
    fn json_token(&self, id: u32) -> String {
        match self.token_bytes(id) {
            &[byte] if self.kind == Kind::Bytes => byte_letter(byte).to_string(),
            bytes => String::from_utf8_lossy(bytes).into_owned(),
        }
    }
}

/// What the package writes before the vocabulary of a BPE model.
const BPE_HEAD: &str = r#"    "type": "BPE",
    "dropout": null,
    "unk_token": null,
    "continuing_subword_prefix": null,
    "end_of_word_suffix": null,
    "fuse_unk": false,
    "byte_fallback": false,
    "ignore_merges": false,
"#;

/// Every part of the file that depends on the kind but not on the text, in the order of the file.
///
/// Kept as text and not as a `Value`, so that the order of the keys in the file is always that of the package.
fn parts(kind: Kind) -> [(&'static str, String); 4] {
    let quoted = |text: &str| Value::from(text).to_string();
    let split = |pattern: &str| SPLIT.replace("PATTERN", &quoted(pattern));
    let (normalizer, pre_tokenizer, decoder) = match kind {
        Kind::Words => ("null".to_owned(), split(WORDS_PATTERN), JOIN),
        Kind::Chars => ("null".to_owned(), split(CHARS_PATTERN), JOIN),
        Kind::Whitespace => {
            let escape = ESCAPE
                .replace("FROM", &quoted(CONTROL_LITERAL))
                .replace("TO", &quoted(ESCAPED_LITERAL));
            (
                escape,
                "{\n    \"type\": \"WhitespaceSplit\"\n  }".to_owned(),
                JOIN_FIELDS,
            )
        }
        Kind::Bytes => ("null".to_owned(), BYTE_LEVEL.to_owned(), JOIN_BYTES),
    };
    let template = TEMPLATE.replace("EOS_ID", if kind == Kind::Bytes { "256" } else { "0" });
    [
        ("normalizer", normalizer),
        ("pre_tokenizer", pre_tokenizer),
        ("post_processor", template),
        ("decoder", decoder.to_owned()),
    ]
}

const SPLIT: &str = r#"{
    "type": "Split",
    "pattern": {
      "Regex": PATTERN
    },
    "behavior": "Isolated",
    "invert": false
  }"#;

const ESCAPE: &str = r#"{
    "type": "Replace",
    "pattern": {
      "String": FROM
    },
    "content": TO
  }"#;

const BYTE_LEVEL: &str = r#"{
    "type": "ByteLevel",
    "add_prefix_space": false,
    "trim_offsets": true,
    "use_regex": false
  }"#;

const TEMPLATE: &str = r#"{
    "type": "TemplateProcessing",
    "single": [
      {
        "Sequence": {
          "id": "A",
          "type_id": 0
        }
      },
      {
        "SpecialToken": {
          "id": "<eos>",
          "type_id": 0
        }
      }
    ],
    "pair": [
      {
        "Sequence": {
          "id": "A",
          "type_id": 0
        }
      },
      {
        "Sequence": {
          "id": "B",
          "type_id": 1
        }
      }
    ],
    "special_tokens": {
      "<eos>": {
        "id": "<eos>",
        "ids": [
          EOS_ID
        ],
        "tokens": [
          "<eos>"
        ]
      }
    }
  }"#;

/// Kinds whose tokens joined are the text; no token of theirs contains the letters `<eos>`.
const JOIN: &str = r#"{
    "type": "Sequence",
    "decoders": [
      {
        "type": "Replace",
        "pattern": {
          "String": "<eos>"
        },
        "content": ""
      },
      {
        "type": "Fuse"
      }
    ]
  }"#;

/// The WordPiece decoder puts a space before every token but the first, unless the token begins with the prefix; no word has a newline.
const JOIN_FIELDS: &str = r#"{
    "type": "Sequence",
    "decoders": [
      {
        "type": "WordPiece",
        "prefix": "\n",
        "cleanup": false
      },
      {
        "type": "Fuse"
      },
      {
        "type": "Replace",
        "pattern": {
          "Regex": " ?<eos> ?"
        },
        "content": "\n"
      }
    ]
  }"#;

const JOIN_BYTES: &str = r#"{
    "type": "Sequence",
    "decoders": [
      {
        "type": "Replace",
        "pattern": {
          "String": "<eos>"
        },
        "content": ""
      },
      {
        "type": "ByteLevel",
        "add_prefix_space": true,
        "trim_offsets": true,
        "use_regex": true
      }
    ]
  }"#;

/// The kind that a file of the package seems to hold, or what it is instead.
fn kind_of(file: &Value) -> Result<Kind, String> {
    let model = file["model"]["type"].as_str();
    let splitter = &file["pre_tokenizer"];
    match (model, splitter["type"].as_str()) {
        (Some("WordLevel"), Some("WhitespaceSplit")) => Ok(Kind::Whitespace),
        (Some("WordLevel"), Some("Split")) => match splitter["pattern"]["Regex"].as_str() {
            Some(WORDS_PATTERN) => Ok(Kind::Words),
            Some(CHARS_PATTERN) => Ok(Kind::Chars),
            _ => Err("a word-level vocabulary that splits text by another pattern than ours".to_owned()),
        },
        (Some("WordLevel"), other) => {
            Err(format!("a word-level vocabulary with the pre-tokeniser {}", other.unwrap_or("(none)")))
        }
        (Some("BPE"), _) if file["model"]["merges"].as_array().is_some_and(|merges| !merges.is_empty()) => {
            Err("it seems to be a byte-pair encoding (as of GPT-2), whose merges elman does not read".to_owned())
        }
        (Some("BPE"), Some("ByteLevel")) => Ok(Kind::Bytes),
        (Some("BPE"), _) => Err("it seems to be a byte-pair encoding that is not byte-level".to_owned()),
        (Some("WordPiece"), _) => Err("it seems to be a WordPiece vocabulary (as of BERT)".to_owned()),
        (Some("Unigram"), _) => Err("it seems to be a Unigram vocabulary (SentencePiece)".to_owned()),
        (Some(other), _) => Err(format!("its model is of the unknown type `{other}`")),
        (None, _) if file.get("model_type").is_some() => {
            Err("it seems to be the config.json of a model; name the tokenizer.json beside it".to_owned())
        }
        (None, _) => Err("it has no `model` with a `type`; is it a tokenizer.json?".to_owned()),
    }
}

/// The tokens of a vocabulary object in the order of their ids, which must be 0, 1, 2 … without holes.
fn listed(vocab: &Value) -> Result<Vec<String>, String> {
    let entries = vocab.as_object().ok_or("its `model` has no `vocab`")?;
    let mut tokens = vec![None; entries.len()];
    for (token, id) in entries {
        let slot = id
            .as_u64()
            .and_then(|id| usize::try_from(id).ok())
            .and_then(|id| tokens.get_mut(id));
        let free = slot.filter(|slot| slot.is_none());
        *free
            .ok_or_else(|| format!("the id {id} of {token:?} is used twice or leaves a hole"))? =
            Some(token.clone());
    }
    Ok(tokens.into_iter().flatten().collect())
}

/// The printable character that stands for a byte in byte-level vocabularies (GPT-2's `bytes_to_unicode`): printable Latin-1
/// bytes stand for themselves, the others follow from U+0100 on.
fn byte_letter(byte: u8) -> char {
    let plain = |byte: u8| matches!(byte, 0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF);
    if plain(byte) {
        return char::from(byte);
    }
    let before = (0..byte).filter(|&other| !plain(other)).count() as u32;
    char::from_u32(0x100 + before).unwrap_or(char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_byte_alphabet_has_256_letters() {
        let letters: std::collections::BTreeSet<char> = (0..=255).map(byte_letter).collect();
        assert_eq!(letters.len(), 256);
        assert_eq!(
            (
                byte_letter(0),
                byte_letter(b' '),
                byte_letter(b'\n'),
                byte_letter(0xAD)
            ),
            ('Ā', 'Ġ', 'Ċ', 'Ń')
        );
    }

    #[test]
    fn the_parts_are_json() {
        for kind in Kind::ALL {
            for (_, part) in parts(kind) {
                serde_json::from_str::<Value>(&part).unwrap();
            }
        }
    }
}
