//! Vocabularies whose tokens are found by the `tokenizers` crate: our byte-level BPE, and any `tokenizer.json` of another program.
//!
//! **`bpe`**. The text is cut by the scanner of kind `words`; each piece is encoded by the crate's merges. A byte-pair merge
//! never crosses two pieces, so nothing can join into `<eos>`, and every byte has a letter, so nothing is unknown.
//!
//! **`foreign`**. The text is handed over line by line, each with its newline, which is what most training scripts do, and keeps
//! memory bounded. A tokenizer that keeps newlines has one `<eos>` per document; where they vanish (BERT, T5), every line ends
//! with `<eos>`, as in kind `whitespace`. Which of its tokens is `<eos>` is in its template `$A </s>`, as in every file of ours:
//! reading a foreign file writes that template into it, and Python then adds the same token.
//!
//! What it does not do: it repairs no tokenizer. One that draws at random (dropout) is refused.

use serde_json::{Value, json};
use tokenizers::{Model as _, PostProcessorWrapper, Tokenizer};

use super::super::TextError;
use super::found::Found;
use super::sound::{self, MOST_HOLES};
use super::tokens::Tokens;
use crate::contain::contain;

/// Tokens that end a text in tokenizers that people use, in the order in which they are looked for.
const ENDS: [&str; 7] = [
    "<eos>",
    "</s>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "[EOS]",
    "<|eot_id|>",
    "[SEP]",
];
/// What a place in the crate's three tables takes, what the two copies of a token do, and everything else of a tokenizer; measured.
const PLACE_BYTES: u64 = 83;
const TEXT_BYTES: u64 = 22;
const OTHER_BYTES: u64 = 300_000 + CACHE_BYTES;
/// What the crate remembers of ten thousand pieces that it has cut.
const CACHE_BYTES: u64 = 2_500_000;
/// What an entry takes beside that while the file is read: the file as values; measured.
const READ_BYTES: u64 = 450;
/// What an exact tokenizer gives back.
pub(super) const PROBE: &str =
    "The  Quick brown\tfox,\u{a0}na\u{ef}ve \u{4e00}\u{1f980} 3.5 %  \n\n x\r\n";

/// A tokenizer at work.
pub struct Engine {
    /// The whole `tokenizer.json`, as the crate writes it.
    pub json: String,
    tokenizer: Tokenizer,
    pub eos: u32,
    pub unk: Option<u32>,
    /// Newlines vanish, so `<eos>` ends every line.
    pub eos_ends_lines: bool,
    /// Decoding restores the text.
    pub exact: bool,
}

impl Engine {
    /// Takes a `tokenizer.json`; `eos` names its control token, `None`: the one of its template, or a usual name.
    ///
    /// Errors say what is wrong with the file, without its name.
    pub fn new(mut file: Value, eos: Option<&str>) -> Result<Engine, String> {
        if file["model"]["dropout"].as_f64().is_some_and(|p| p > 0.0) {
            return Err("its merges are dropped at random (`dropout`): a text would have other tokens each time; set it to null".into());
        }
        sound::check(&file)?;
        let named = ends_named(&file["post_processor"]);
        let unk = [&file["model"]["unk_id"], &file["model"]["unk_token"]].map(Value::clone);
        // Replaced below.
        for part in ["post_processor", "padding", "truncation"] {
            file[part] = Value::Null;
        }
        let mut tokenizer = parsed(file)?;
        let name = end_of_text(&named, &tokenizer, eos)?;
        let eos = tokenizer
            .token_to_id(&name)
            .ok_or_else(|| format!("it has no token {name:?}"))?;
        tokenizer.with_post_processor(Some(template(&name, eos)?));
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(None)
            .map_err(|error| error.to_string())?;
        let mut json = tokenizer
            .to_string(true)
            .map_err(|error| format!("the tokenizers library cannot write it: {error}"))?;
        json.shrink_to_fit();
        // The letters of a control token in a text are letters.
        tokenizer.set_encode_special_tokens(true);
        let unk = match &unk {
            [id, _] if id.is_u64() => id.as_u64().and_then(|id| id.try_into().ok()),
            [_, name] => name.as_str().and_then(|name| tokenizer.token_to_id(name)),
        };
        let unk = unk.filter(|&id| id != eos && tokenizer.id_to_token(id).is_some());
        let mut engine = Engine {
            json,
            tokenizer,
            eos,
            unk,
            eos_ends_lines: false,
            exact: false,
        };
        (engine.eos_ends_lines, engine.exact) = engine.probe()?;
        Ok(engine)
    }

    /// Whether newlines vanish, and whether decoding restores a text.
    fn probe(&self) -> Result<(bool, bool), String> {
        let decoded = |text: &str| -> Result<String, String> {
            let mut ids = Vec::new();
            for line in text.split_inclusive('\n') {
                let found = self.line(line).map_err(|error| error.to_string())?;
                ids.extend(found.iter().map(|found| found.id));
            }
            self.decode(&ids)
        };
        // An added token may swallow the spaces around it.
        let added = self.tokenizer.get_added_tokens_decoder();
        let added = added.values().filter(|token| !token.special);
        let probe = added.fold(PROBE.to_owned(), |text, token| {
            format!("{text}\na  {}  b", token.content)
        });
        Ok((!decoded("a\nb")?.contains('\n'), decoded(&probe)? == probe))
    }

    /// Every token by its id, as it occurs in the file; none where the ids leave a hole.
    pub fn tokens(&self) -> Result<Vec<Option<String>>, String> {
        let entries = self.tokenizer.get_vocab(true);
        let count = entries.len();
        let most = entries.values().copied().max().unwrap_or(0) as usize;
        if most >= count + MOST_HOLES {
            return Err(format!(
                "its largest id is {most}, and it has only {count} tokens"
            ));
        }
        let mut tokens = vec![None; most + 1];
        for (token, id) in entries {
            if let Some(other) = tokens[id as usize].replace(token) {
                return Err(format!("{other:?} shares its id {id} with another token"));
            }
        }
        Ok(tokens)
    }

    /// Bytes that the tokenizer takes: its file, and what the crate makes of it.
    pub fn memory_bytes(&self) -> u64 {
        self.json.capacity() as u64 + self.tables_bytes()
    }

    /// Bytes that reading the tokenizer takes, its file aside.
    pub fn reading_bytes(&self) -> u64 {
        self.tables_bytes() + READ_BYTES * self.tokenizer.get_vocab_size(true) as u64
    }

    /// Bytes of the crate's tables: tokens to ids, ids to tokens and merges, in hash tables that are filled to seven eighths at most.
    fn tables_bytes(&self) -> u64 {
        let entries = self.tokenizer.get_vocab_size(true) as u64;
        let places = (entries * 8 / 7 + 1).next_power_of_two();
        OTHER_BYTES + PLACE_BYTES * places + TEXT_BYTES * entries
    }

    /// Kind `bpe`: the ids of a piece, written in the byte-level alphabet.
    pub fn piece(&self, letters: &str) -> Result<Vec<u32>, TextError> {
        let tokens = self.tokenizer.get_model().tokenize(letters);
        let tokens = tokens.map_err(|error| TextError::Tokenizer(error.to_string()))?;
        Ok(tokens.iter().map(|token| token.id).collect())
    }

    /// Kind `foreign`: the tokens of a line, none of which is `<eos>`.
    pub fn line(&self, line: &str) -> Result<Vec<Found>, TextError> {
        let mut found = Vec::new();
        // What is left of the line, the first part last.
        let mut parts = vec![line];
        while let Some(part) = parts.pop() {
            let start =
                line.len() - part.len() - parts.iter().map(|part| part.len()).sum::<usize>();
            let encoding = guarded(|| self.tokenizer.encode(part, false))
                .and_then(|encoding| encoding.map_err(|error| error.to_string()))
                .map_err(TextError::Tokenizer)?;
            let (ids, places) = (encoding.get_ids(), encoding.get_offsets());
            if ids.contains(&self.eos) {
                parts.extend(self.taken_apart(part, ids, places)?.into_iter().rev());
                continue;
            }
            found.extend(ids.iter().zip(places).map(|(&id, &(a, b))| {
                let letters = || part.get(a..b).unwrap_or_default().into();
                let unknown = (Some(id) == self.unk).then(letters);
                Found {
                    id,
                    unknown,
                    bytes: start + a..start + b,
                }
            }));
        }
        Ok(found)
    }

    /// The parts of a line that is read with `<eos>` in it: its letters stand in the text, and taken apart they are ordinary ones.
    fn taken_apart<'t>(
        &self,
        line: &'t str,
        ids: &[u32],
        places: &[(usize, usize)],
    ) -> Result<Vec<&'t str>, TextError> {
        let (mut parts, mut start) = (Vec::new(), 0);
        for (_, &(from, to)) in ids.iter().zip(places).filter(|(id, _)| **id == self.eos) {
            let letters = line.get(from..to).unwrap_or_default();
            let second = letters.char_indices().nth(1).map(|(at, _)| from + at);
            let Some(cut) = second.filter(|cut| *cut > start) else {
                return Err(TextError::Tokenizer(format!(
                    "{letters:?} is read as its control token"
                )));
            };
            parts.push(&line[start..cut]);
            start = cut;
        }
        parts.push(&line[start..]);
        Ok(parts)
    }

    /// The text of `ids`.
    pub fn text(&self, ids: &[u32]) -> String {
        self.decode(ids).unwrap_or_default()
    }

    /// The text of each id below `vocab` by itself.
    pub fn alone(&self, vocab: usize) -> Result<Tokens, String> {
        let ids = 0..vocab as u32;
        ids.map(|id| self.decode(&[id])).collect()
    }

    fn decode(&self, ids: &[u32]) -> Result<String, String> {
        guarded(|| self.tokenizer.decode(ids, false))?.map_err(|error| error.to_string())
    }
}

/// What [`sound`] does not know of may still be wrong with a file, and must not end the program.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    contain(work).ok_or_else(|| "it contradicts itself".to_owned())
}

/// The tokens that the file's own post-processor puts at the end of a text.
fn ends_named(post_processor: &Value) -> Vec<String> {
    let inner = post_processor["processors"].as_array();
    let parts = [post_processor]
        .into_iter()
        .chain(inner.into_iter().flatten());
    let named = parts.filter_map(|part| {
        // `[CLS] $A [SEP]`, or the processors of BERT and RoBERTa.
        let last = part["single"].as_array().and_then(|pieces| pieces.last());
        let last = last.and_then(|piece| piece["SpecialToken"]["id"].as_str());
        last.or(part["sep"][0].as_str())
    });
    named.map(str::to_owned).collect()
}

/// The name of the token that ends a text.
fn end_of_text(
    named: &[String],
    tokenizer: &Tokenizer,
    asked: Option<&str>,
) -> Result<String, String> {
    if let Some(name) = asked {
        return match tokenizer.token_to_id(name) {
            Some(_) => Ok(name.to_owned()),
            None => Err(format!("it has no token {name:?}")),
        };
    }
    let known = |name: &&str| tokenizer.token_to_id(name).is_some();
    // A text may hold such names, and a tokenizer learn them as ordinary tokens: its control tokens come first.
    let added = tokenizer.get_added_vocabulary();
    let special = ENDS.into_iter().filter(|name| added.is_special_token(name));
    let named = named.iter().map(String::as_str);
    let mut candidates = named.chain(special).chain(ENDS).filter(known);
    candidates.next().map(str::to_owned).ok_or_else(|| {
        format!(
            "none of its tokens is known to end a text ({}): name the one that does (tokenizer-eos)",
            ENDS.join(", ")
        )
    })
}

/// The crate's tokenizer of a `tokenizer.json`.
///
/// The file goes through text, for which the crate has compiled its own parser; deserialising the value itself would compile all of its types again here.
fn parsed(file: Value) -> Result<Tokenizer, String> {
    let written = |error: serde_json::Error| format!("it cannot be written: {error}");
    // Counted first, so that the text takes no more memory than it has bytes.
    let mut length = Length(0);
    serde_json::to_writer(&mut length, &file).map_err(written)?;
    let mut text = Vec::with_capacity(length.0);
    serde_json::to_writer(&mut text, &file).map_err(written)?;
    drop(file);
    let text = String::from_utf8(text).map_err(|error| error.to_string())?;
    guarded(|| text.parse::<Tokenizer>())?
        .map_err(|error| format!("the tokenizers library refuses it: {error}"))
}

/// A writer that counts bytes.
struct Length(usize);

impl std::io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The post-processor of the template `$A NAME`, taken from a tokenizer that has nothing else.
fn template(name: &str, id: u32) -> Result<PostProcessorWrapper, String> {
    let carrier = json!({
        "version": "1.0",
        "added_tokens": [],
        "model": {"type": "WordLevel", "vocab": {}, "unk_token": ""},
        "post_processor": template_of(name, id),
    });
    let carrier = parsed(carrier)
        .map_err(|error| format!("no template can be made with {name:?}: {error}"))?;
    let template = carrier.get_post_processor();
    Ok(template.expect("the file has one").clone())
}

/// The template `$A NAME` in the form of the file.
fn template_of(name: &str, id: u32) -> Value {
    json!({
        "type": "TemplateProcessing",
        "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": name, "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {name: {"id": name, "ids": [id], "tokens": [name]}},
    })
}
