//! `tokenizer.json`, the format of the Python package `tokenizers` (Hugging Face), written and read back.
//!
//! | kind | normaliser | pre-tokeniser | model | decoder |
//! |---|---|---|---|---|
//! | `words` | none | Split (the pattern of `scan/words.rs`, isolated) | WordLevel | Replace `<eos>` by nothing, Fuse |
//! | `whitespace` | Replace `<eos>` by `<\eos>` | WhitespaceSplit | WordLevel | spaces between words, Fuse, Replace `<eos>` by a newline |
//! | `fields` | as `whitespace` | Split (`[ \t\n\r]+`, removed) | WordLevel | as `whitespace` |
//! | `chars` | none | Split (`[\s\S]`, isolated) | WordLevel | as `words` |
//! | `bytes` | none | ByteLevel (no regex, no prefix space) | BPE without merges | Replace `<eos>` by nothing, ByteLevel |
//! | `bpe` | none | Split as `words`, then ByteLevel as `bytes` | BPE | as `bytes` |
//!
//! All have the template `$A <eos>` (but none where other programs add the control token) and no `added_tokens`: an added token would match raw text, and the control token
//! cannot be written in a text. What is written is what the package itself would write, byte for byte.
//!
//! Reading is strict: everything but the vocabulary must be as above, for only then does our own scanner find the ids that Python
//! finds. Any other file is of kind `foreign` and is left to the crate `tokenizers` (`engine.rs`).
//!
//! ```text
//! parts    all but the model, of each kind    outline  a file without its long lists
//! read     from the model to a vocabulary     letters  the byte-level alphabet
//! ```

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use serde_json::Value;

use super::{EOS, Kind, TextError, Vocab};

mod letters;
mod outline;
mod parts;
mod read;
pub(super) use letters::byte_letter;
use outline::Outline;
use parts::{parts, parts_without_template};

impl Vocab {
    /// Writes the vocabulary as a `tokenizer.json`.
    pub fn to_tokenizer_json(&self) -> String {
        if let Some(engine) = &self.engine {
            return engine.json.clone();
        }
        // As large as it will be: a file that grows is twice in memory.
        let mut text = String::with_capacity(self.json_bytes() as usize);
        self.write_json(parts(self.kind), &mut text);
        text
    }

    /// Writes the vocabulary as a `tokenizer.json` for programs that add special tokens to a text themselves.
    ///
    /// A text has the same ids as here, but its end adds no `<eos>`. It is read as the same vocabulary again, except that a
    /// foreign one no longer says which token ends a text.
    pub fn to_tokenizer_json_without_template(&self) -> String {
        let Some(engine) = &self.engine else {
            let mut text = String::with_capacity(self.json_bytes() as usize);
            self.write_json(parts_without_template(self.kind), &mut text);
            return text;
        };
        let mut file: Value = serde_json::from_str(&engine.json).unwrap_or_default();
        file["post_processor"] = Value::Null;
        file.to_string()
    }

    /// The length of the `tokenizer.json`.
    pub(super) fn json_bytes(&self) -> u64 {
        if let Some(engine) = &self.engine {
            return engine.json.len() as u64;
        }
        let mut length = Length(0);
        self.write_json(parts(self.kind), &mut length);
        length.0
    }

    /// Writes the file of a kind without an engine.
    fn write_json(&self, parts: [(&str, String); 4], out: &mut impl fmt::Write) {
        let (head, end) = match self.kind {
            Kind::Bytes => (BPE_HEAD, "    \"merges\": []\n"),
            _ => (
                "    \"type\": \"WordLevel\",\n",
                "    \"unk_token\": \"<unk>\"\n",
            ),
        };
        // What is written to has room for everything.
        let _ = write!(out, "{}{{\n{head}    \"vocab\": {{\n", before_model(&parts));
        for id in 0..self.len() as u32 {
            let comma = if id + 1 < self.len() as u32 { "," } else { "" };
            let _ = writeln!(
                out,
                "      {}: {id}{comma}",
                Value::from(self.json_token(id))
            );
        }
        let _ = write!(out, "    }},\n{end}  }}{AFTER_MODEL}");
    }

    /// Reads any `tokenizer.json` from memory; `name` is its name in messages.
    ///
    /// Error: [`TextError::TokenizerJson`], which says what the file seems to be, or that no token ends a text.
    pub fn from_tokenizer_json(name: &str, bytes: &[u8]) -> Result<Vocab, TextError> {
        Vocab::parse_tokenizer(name, bytes, None)
    }

    /// [`Vocab::from_tokenizer`], from bytes.
    pub(super) fn parse_tokenizer(
        name: &str,
        bytes: &[u8],
        eos: Option<&str>,
    ) -> Result<Vocab, TextError> {
        let mut file = Cow::Borrowed(bytes);
        for _ in 0..MOST_READINGS {
            let vocab = Vocab::parse_once(name, &file, eos)?;
            if vocab.kind() != Kind::Foreign {
                return Ok(vocab);
            }
            let json = vocab.to_tokenizer_json().into_bytes();
            // A file of another program is kept as the library writes it, which may say less, or the same in other words. It is
            // that file which will be read again, and it must be the same vocabulary then.
            if json == *file {
                return Ok(vocab);
            }
            file = Cow::Owned(json);
        }
        Err(TextError::TokenizerJson {
            name: name.to_owned(),
            what: "the tokenizers library writes it differently each time it has read it"
                .to_owned(),
        })
    }

    fn parse_once(name: &str, bytes: &[u8], eos: Option<&str>) -> Result<Vocab, TextError> {
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
        let invalid = |error: serde_json::Error| failed(format!("it is not valid JSON: {error}"));
        let Outline(outline) = serde_json::from_slice(bytes).map_err(invalid)?;
        no_tokenizer(&outline).map_or(Ok(()), |what| Err(failed(what)))?;
        let whole = || serde_json::from_slice::<Value>(bytes).map_err(invalid);
        let vocab = match kind_of(&outline) {
            Kind::Foreign => read::foreign(whole()?, eos),
            Kind::Bpe => read::byte_pairs(whole()?),
            kind => read::table(kind, bytes),
        };
        let vocab = vocab.map_err(failed)?;
        match eos {
            Some(eos) if vocab.token_bytes(vocab.eos()) != eos.as_bytes() => Err(failed(format!(
                "its kind is {}, and there {EOS} ends a text: leave tokenizer-eos out",
                vocab.kind()
            ))),
            _ => Ok(vocab),
        }
    }

    /// A token as it occurs in the file. The byte-level alphabet gives each byte a printable character.
    fn json_token(&self, id: u32) -> String {
        match self.token_bytes(id) {
            &[byte] if self.kind == Kind::Bytes => byte_letter(byte).to_string(),
            bytes => String::from_utf8_lossy(bytes).into_owned(),
        }
    }
}

/// Counts what is written.
struct Length(u64);

impl fmt::Write for Length {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len() as u64;
        Ok(())
    }
}

/// A whole file of a kind, around its model.
pub(super) fn with_model(kind: Kind, model: &str) -> String {
    before_model(&parts(kind)) + model + AFTER_MODEL
}

/// What a file of a kind has behind its model.
const AFTER_MODEL: &str = "\n}";

/// What a file of a kind has before its model.
fn before_model(parts: &[(&str, String)]) -> String {
    let mut text = String::from(
        "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n  \"added_tokens\": [],\n",
    );
    for (name, part) in parts {
        let _ = writeln!(text, "  \"{name}\": {part},");
    }
    text + "  \"model\": "
}

/// A tokenizer.json larger than this is none: the largest that people use have some ten megabytes.
const LARGEST_JSON: usize = 256 << 20;

/// How often a file is read at most until the library writes it as it has read it; twice is enough for every known tokenizer.
const MOST_READINGS: usize = 4;

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
        let same = |(name, text): &(&str, String)| {
            serde_json::from_str::<Value>(text).ok().as_ref() == file.get(*name)
        };
        let parts = parts(*kind).iter().all(same) || parts_without_template(*kind).iter().all(same);
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
        model && plain && added.is_none_or(Vec::is_empty) && parts
    };
    Kind::ALL.into_iter().find(is).unwrap_or(Kind::Foreign)
}
