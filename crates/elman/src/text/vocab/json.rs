//! `tokenizer.json`, the format of the Python package `tokenizers` (Hugging Face), written and read back.
//!
//! | kind | normaliser | pre-tokeniser | model | decoder |
//! |---|---|---|---|---|
//! | `words` | none | Split (the pattern of `scan/words.rs`, isolated) | WordLevel | Replace `<eos>` by nothing, Fuse |
//! | `whitespace` | Replace `<eos>` by `<\eos>` | WhitespaceSplit | WordLevel | spaces between words, Fuse, Replace `<eos>` by a newline |
//! | `chars` | none | Split (`[\s\S]`, isolated) | WordLevel | as `words` |
//! | `bytes` | none | ByteLevel (no regex, no prefix space) | BPE without merges | Replace `<eos>` by nothing, ByteLevel |
//! | `bpe` | none | Split as `words`, then ByteLevel as `bytes` | BPE | as `bytes` |
//!
//! All have the template `$A <eos>` and no `added_tokens`: an added token would match raw text, and the control token
//! cannot be written in a text. What is written is what the package itself would write, byte for byte.
//!
//! Reading is strict: everything but the vocabulary must be as above, for only then does our own scanner find the ids that Python
//! finds. Any other file is of kind `foreign` and is left to the crate `tokenizers` (`engine.rs`).

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::super::scan::{CONTROL_LITERAL, ESCAPED_LITERAL, WORDS_PATTERN};
use super::engine::Engine;
use super::{EOS, Kind, TextError, UNK, Vocab};

const CHARS_PATTERN: &str = r"[\s\S]";

impl Vocab {
    /// The vocabulary as a `tokenizer.json`.
    pub fn to_tokenizer_json(&self) -> String {
        if let Some(engine) = &self.engine {
            return engine.json.clone();
        }
        let mut model = String::from("{\n");
        let bpe = self.kind == Kind::Bytes;
        model.push_str(if bpe {
            BPE_HEAD
        } else {
            "    \"type\": \"WordLevel\",\n"
        });
        model.push_str("    \"vocab\": {\n");
        for id in 0..self.len() as u32 {
            let comma = if id + 1 < self.len() as u32 { "," } else { "" };
            let _ = writeln!(
                model,
                "      {}: {id}{comma}",
                Value::from(self.json_token(id))
            );
        }
        model.push_str(if bpe {
            "    },\n    \"merges\": []\n"
        } else {
            "    },\n    \"unk_token\": \"<unk>\"\n"
        });
        model.push_str("  }");
        with_model(self.kind, &model)
    }

    /// Reads any `tokenizer.json`; `name` stands in messages.
    ///
    /// Errors: whatever is no tokenizer, saying what it seems to be; one without a token that ends a text.
    pub fn from_tokenizer_json(name: &str, bytes: &[u8]) -> Result<Vocab, TextError> {
        Vocab::parse_tokenizer(name, bytes, None)
    }

    /// [`Vocab::from_tokenizer`], from bytes.
    pub(super) fn parse_tokenizer(
        name: &str,
        bytes: &[u8],
        eos: Option<&str>,
    ) -> Result<Vocab, TextError> {
        let failed = |what: String| TextError::TokenizerJson {
            name: name.to_owned(),
            what,
        };
        if bytes.len() > LARGEST_JSON {
            return Err(failed(format!(
                "its {} bytes are more than a tokenizer has (at most {LARGEST_JSON})",
                bytes.len()
            )));
        }
        let file: Value = serde_json::from_slice(bytes)
            .map_err(|error| failed(format!("it is not valid JSON: {error}")))?;
        no_tokenizer(&file).map_or(Ok(()), |what| Err(failed(what)))?;
        let text = std::str::from_utf8(bytes).map_err(|error| failed(error.to_string()))?;
        let vocab = match kind_of(&file) {
            Kind::Foreign => foreign(text, eos),
            Kind::Bpe => byte_pairs(text),
            kind => table(kind, &file["model"]["vocab"]),
        };
        let vocab = vocab.map_err(failed)?;
        match eos {
            Some(eos) if vocab.token_bytes(vocab.eos()) != eos.as_bytes() => Err(failed(format!(
                "its kind is {}, and there {EOS} ends a text: leave --tokenizer-eos out",
                vocab.kind()
            ))),
            _ => Ok(vocab),
        }
    }

    /// A token as it stands in the file. The byte-level alphabet gives each byte a printable character.
    fn json_token(&self, id: u32) -> String {
        match self.token_bytes(id) {
            &[byte] if self.kind == Kind::Bytes => byte_letter(byte).to_string(),
            bytes => String::from_utf8_lossy(bytes).into_owned(),
        }
    }
}

/// A vocabulary of a kind that looks its tokens up.
fn table(kind: Kind, vocab: &Value) -> Result<Vocab, String> {
    let tokens = listed(vocab)?;
    if kind != Kind::Bytes {
        if tokens.len() < 2 || tokens[0] != EOS || tokens[1] != UNK {
            return Err(format!("ids 0 and 1 are not {EOS} and {UNK}"));
        }
        let tokens = tokens[2..].iter().map(|token| token.as_bytes().into());
        return Ok(Vocab::of_text(kind, tokens));
    }
    let vocab = Vocab::bytes();
    if !(0..257).map(|id| vocab.json_token(id)).eq(tokens) {
        return Err("its byte-level vocabulary is not in the order of the bytes".to_owned());
    }
    Ok(vocab)
}

/// A vocabulary of kind `bpe`: `<eos>`, every byte, and what their merges make.
fn byte_pairs(text: &str) -> Result<Vocab, String> {
    let engine = Engine::parse(text, Some(EOS))?;
    let letters: HashMap<char, u8> = (0..=255).map(|byte| (byte_letter(byte), byte)).collect();
    let bytes = |token: &String| -> Option<Box<[u8]>> {
        let bytes = token.chars().map(|letter| letters.get(&letter).copied());
        bytes.collect()
    };
    let mut tokens: Vec<Box<[u8]>> = Vec::new();
    for token in engine.tokens()? {
        let token = token.ok_or("its ids leave a hole")?;
        let special = tokens.is_empty().then(|| token.as_bytes().into());
        let token = special.or_else(|| bytes(&token)).ok_or_else(|| {
            format!("its token {token:?} is not written in the byte-level alphabet")
        })?;
        tokens.push(token);
    }
    let singles = tokens.iter().skip(1).take_while(|token| token.len() == 1);
    if engine.eos != 0 || singles.count() != 256 {
        return Err(format!("its first ids are not {EOS} and the 256 bytes"));
    }
    if engine.unk.is_some() {
        return Err("it has an unknown token, and no byte is unknown".into());
    }
    Ok(Vocab::with_engine(Kind::Bpe, tokens, engine))
}

fn foreign(text: &str, eos: Option<&str>) -> Result<Vocab, String> {
    let engine = Engine::parse(text, eos)?;
    let tokens = engine.tokens()?;
    let mut named = tokens.iter().flatten();
    if let Some(token) = named.find(|token| token.starts_with(HOLE)) {
        return Err(format!(
            "its token {token:?} is called as holes between ids are"
        ));
    }
    let tokens = tokens.into_iter().enumerate();
    let tokens = tokens.map(|(id, token)| token.unwrap_or_else(|| format!("{HOLE}{id}")));
    let tokens = tokens.map(|token| token.into_bytes().into()).collect();
    Ok(Vocab::with_engine(Kind::Foreign, tokens, engine))
}

/// A whole file of a kind, around its model.
pub(super) fn with_model(kind: Kind, model: &str) -> String {
    let mut text = String::from(
        "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n  \"added_tokens\": [],\n",
    );
    for (name, part) in parts(kind) {
        let _ = writeln!(text, "  \"{name}\": {part},");
    }
    text + "  \"model\": " + model + "\n}"
}

/// How the name of an id that no token has begins.
const HOLE: &str = "\0hole ";

/// A tokenizer.json larger than this is none: the largest that people use have some ten megabytes.
const LARGEST_JSON: usize = 256 << 20;

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
        Kind::Bpe => {
            let sequence = SEQUENCE
                .replace("FIRST", &split(WORDS_PATTERN))
                .replace("SECOND", BYTE_LEVEL);
            ("null".to_owned(), sequence, JOIN_BYTES)
        }
        Kind::Foreign => unreachable!("a foreign file has parts of its own"),
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

const SEQUENCE: &str = r#"{
    "type": "Sequence",
    "pretokenizers": [
      FIRST,
      SECOND
    ]
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

/// Why a file is no tokenizer, if so.
fn no_tokenizer(file: &Value) -> Option<String> {
    match file["model"]["type"].as_str() {
        None if file.get("model_type").is_some() => Some(
            "it seems to be the config.json of a model; name the tokenizer.json beside it".into(),
        ),
        None if file["model"].is_null() => {
            Some("it has no `model`; is it a tokenizer.json?".into())
        }
        _ => None,
    }
}

/// The one of our kinds that a file is of; any other is foreign.
fn kind_of(file: &Value) -> Kind {
    let is = |kind: &Kind| {
        let parts = parts(*kind);
        let same = |(name, text): &(&str, String)| {
            serde_json::from_str::<Value>(text).ok().as_ref() == file.get(*name)
        };
        let merges = file["model"]["merges"].as_array();
        let model = match kind {
            Kind::Bytes => merges.is_some_and(Vec::is_empty),
            Kind::Bpe => merges.is_some(),
            _ => file["model"]["type"] == "WordLevel",
        };
        let added = file["added_tokens"].as_array();
        let plain = ["truncation", "padding"]
            .iter()
            .all(|part| file[part].is_null());
        model && plain && added.is_none_or(Vec::is_empty) && parts.iter().all(same)
    };
    Kind::ALL.into_iter().find(is).unwrap_or(Kind::Foreign)
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

/// The printable characters that stand for the bytes in byte-level vocabularies (GPT-2's `bytes_to_unicode`): printable Latin-1
/// bytes stand for themselves, the others follow from U+0100 on.
const LETTERS: [char; 256] = {
    let mut letters = ['\0'; 256];
    let mut others = 0;
    let mut i = 0;
    while i < 256 {
        let byte = i as u8;
        letters[i] = match byte {
            0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF => byte as char,
            _ => {
                others += 1;
                match char::from_u32(0xFF + others) {
                    Some(letter) => letter,
                    None => char::REPLACEMENT_CHARACTER,
                }
            }
        };
        i += 1;
    }
    letters
};

pub(super) fn byte_letter(byte: u8) -> char {
    LETTERS[usize::from(byte)]
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
