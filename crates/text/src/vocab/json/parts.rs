//! What is in a `tokenizer.json` of ours beside its model, byte for byte as the Python package writes it.

use serde_json::Value;

use super::Kind;
use crate::scan::{CONTROL_LITERAL, ESCAPED_LITERAL, WORDS_PATTERN};

const CHARS_PATTERN: &str = r"[\s\S]";
/// What separates words of kind `fields`.
const SPACES_PATTERN: &str = r"[ \t\n\r]+";

/// Every part of the file that depends on the kind but not on the text, in the order of the file.
///
/// Kept as text and not as a `Value`, so that the order of the keys in the file is always that of the package.
pub fn parts(kind: Kind) -> [(&'static str, String); 4] {
    let quoted = |text: &str| Value::from(text).to_string();
    let split_and = |pattern: &str, behavior: &str| {
        let split = SPLIT.replace("PATTERN", &quoted(pattern));
        split.replace("BEHAVIOR", &quoted(behavior))
    };
    let split = |pattern: &str| split_and(pattern, "Isolated");
    let (normalizer, pre_tokenizer, decoder) = match kind {
        Kind::Words => ("null".to_owned(), split(WORDS_PATTERN), JOIN),
        Kind::Chars => ("null".to_owned(), split(CHARS_PATTERN), JOIN),
        Kind::Whitespace | Kind::Fields => {
            let escape = ESCAPE
                .replace("FROM", &quoted(CONTROL_LITERAL))
                .replace("TO", &quoted(ESCAPED_LITERAL));
            let fields = match kind {
                Kind::Fields => split_and(SPACES_PATTERN, "Removed"),
                _ => "{\n    \"type\": \"WhitespaceSplit\"\n  }".to_owned(),
            };
            (escape, fields, JOIN_FIELDS)
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

/// [`parts`] for programs that take a text as it comes, with its line ends, and add the control token themselves.
///
/// There is no template, so nothing is added to a text. In `whitespace` and `fields` a normaliser makes `<eos>` of a newline.
pub fn parts_without_template(kind: Kind) -> [(&'static str, String); 4] {
    let mut parts = parts(kind);
    for (name, text) in &mut parts {
        match (*name, kind) {
            ("post_processor", _) => *text = "null".to_owned(),
            ("normalizer", Kind::Whitespace | Kind::Fields) => {
                *text = NORMALIZERS.replace("FIRST", text);
            }
            _ => {}
        }
    }
    parts
}

/// Line ends after the letters of a control token are no longer those of one.
const NORMALIZERS: &str = r#"{
    "type": "Sequence",
    "normalizers": [
      FIRST,
      {
        "type": "Replace",
        "pattern": {
          "String": "\n"
        },
        "content": " <eos> "
      }
    ]
  }"#;

const SPLIT: &str = r#"{
    "type": "Split",
    "pattern": {
      "Regex": PATTERN
    },
    "behavior": BEHAVIOR,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_json() {
        for kind in Kind::ALL {
            for (_, part) in parts(kind).iter().chain(&parts_without_template(kind)) {
                serde_json::from_str::<Value>(part).unwrap();
            }
        }
    }
}
