//! Vocabularies whose tokens are found by the `tokenizers` crate: our byte-level BPE, and any `tokenizer.json` of another program.
//!
//! **`bpe`**. The text is cut by the scanner of kind `words`; each piece is encoded by the crate's merges. A byte-pair merge
//! never crosses two pieces, so nothing can join into `<eos>`, and every byte has a letter, so nothing is unknown.
//!
//! **`foreign`**. The text is handed over line by line, each with its newline, which is what most training scripts do, and keeps
//! memory bounded. A tokenizer that keeps newlines has one `<eos>` per document; where they vanish (BERT, T5), every line ends
//! with `<eos>`, as in kind `whitespace`. Which of its tokens is `<eos>` stands in its template `$A </s>`, as in every file of ours:
//! reading a foreign file writes that template into it, and Python then adds the same token.
//!
//! What it does not do: it repairs no tokenizer. One that draws at random (dropout) is refused.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Value, json};
use tokenizers::{Model as _, PostProcessorWrapper, Tokenizer};

use super::super::TextError;

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
/// Ids may leave holes, but not many: every id costs a row of the network.
const MOST_HOLES: usize = 1 << 16;
/// What an exact tokenizer gives back.
const PROBE: &str = "The  Quick brown\tfox,\u{a0}na\u{ef}ve \u{4e00}\u{1f980} 3.5 %  \n\n x\r\n";

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

/// A token of a line.
pub struct Found {
    pub id: u32,
    /// Unicode scalar values that it stands for, if it is the unknown one; else 0.
    pub unknown_chars: u64,
}

impl Engine {
    /// Reads a `tokenizer.json`; `eos` names its control token, `None`: the one of its template, or a usual name.
    ///
    /// Errors say what is wrong with the file, without its name.
    pub fn parse(text: &str, eos: Option<&str>) -> Result<Engine, String> {
        let file: Value =
            serde_json::from_str(text).map_err(|error| format!("it is not valid JSON: {error}"))?;
        if file["model"]["dropout"].as_f64().is_some_and(|p| p > 0.0) {
            return Err("its merges are dropped at random (`dropout`): a text would have other tokens each time; set it to null".into());
        }
        // The crate's checks have gaps (such as a merge longer than every token), and a broken file must not end the program.
        let read = catch_unwind(AssertUnwindSafe(|| Tokenizer::from_bytes(text)));
        let mut tokenizer = read
            .map_err(|_| "it contradicts itself".to_owned())?
            .map_err(|error| format!("the tokenizers library refuses it: {error}"))?;
        let name = end_of_text(&file, &tokenizer, eos)?;
        let eos = tokenizer
            .token_to_id(&name)
            .ok_or_else(|| format!("it has no token {name:?}"))?;
        let template: PostProcessorWrapper = serde_json::from_value(template_of(&name, eos))
            .map_err(|error| format!("no template can be made with {name:?}: {error}"))?;
        tokenizer.with_post_processor(Some(template));
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(None)
            .map_err(|error| error.to_string())?;
        let json = tokenizer
            .to_string(true)
            .map_err(|error| format!("the tokenizers library cannot write it: {error}"))?;
        // The letters of a control token in a text are letters.
        tokenizer.set_encode_special_tokens(true);
        let unk = match &file["model"] {
            model if model["unk_id"].is_u64() => {
                model["unk_id"].as_u64().and_then(|id| id.try_into().ok())
            }
            model => model["unk_token"]
                .as_str()
                .and_then(|name| tokenizer.token_to_id(name)),
        };
        let mut engine = Engine {
            json,
            tokenizer,
            eos,
            unk: unk.filter(|&id| id != eos),
            eos_ends_lines: false,
            exact: false,
        };
        let probe = catch_unwind(AssertUnwindSafe(|| engine.probe()));
        let probe = probe.map_err(|_| "it contradicts itself".to_owned())?;
        (engine.eos_ends_lines, engine.exact) = probe?;
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
            Ok(self.text(&ids))
        };
        Ok((!decoded("a\nb")?.contains('\n'), decoded(PROBE)? == PROBE))
    }

    /// Every token by its id, as it stands in the file; none where the ids leave a hole.
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

    /// Kind `bpe`: the ids of a piece, written in the byte-level alphabet.
    pub fn piece(&self, letters: &str) -> Result<Vec<u32>, TextError> {
        let tokens = self.tokenizer.get_model().tokenize(letters);
        let tokens = tokens.map_err(|error| TextError::Tokenizer(error.to_string()))?;
        Ok(tokens.iter().map(|token| token.id).collect())
    }

    /// Kind `foreign`: the tokens of a line, none of which is `<eos>`.
    pub fn line(&self, line: &str) -> Result<Vec<Found>, TextError> {
        let mut found = Vec::new();
        self.push_line(line, &mut found)?;
        Ok(found)
    }

    fn push_line(&self, line: &str, out: &mut Vec<Found>) -> Result<(), TextError> {
        let encoding = self.tokenizer.encode(line, false);
        let encoding = encoding.map_err(|error| TextError::Tokenizer(error.to_string()))?;
        let places = encoding.get_offsets();
        if let Some(at) = encoding.get_ids().iter().position(|&id| id == self.eos) {
            // Its letters stand in the text: taken apart they are ordinary ones.
            let (from, to) = places[at];
            let letters = line.get(from..to).unwrap_or_default();
            let Some((second, _)) = letters.char_indices().nth(1) else {
                return Err(TextError::Tokenizer(format!(
                    "{letters:?} is read as its control token"
                )));
            };
            self.push_line(&line[..from + second], out)?;
            return self.push_line(&line[from + second..], out);
        }
        out.extend(encoding.get_ids().iter().zip(places).map(|(&id, &(a, b))| {
            let chars = || line.get(a..b).map_or(1, |text| text.chars().count().max(1)) as u64;
            let unknown_chars = if Some(id) == self.unk { chars() } else { 0 };
            Found { id, unknown_chars }
        }));
        Ok(())
    }

    /// The text of `ids`.
    pub fn text(&self, ids: &[u32]) -> String {
        self.tokenizer.decode(ids, false).unwrap_or_default()
    }
}

/// The name of the token that ends a text.
fn end_of_text(file: &Value, tokenizer: &Tokenizer, asked: Option<&str>) -> Result<String, String> {
    if let Some(name) = asked {
        return match tokenizer.token_to_id(name) {
            Some(_) => Ok(name.to_owned()),
            None => Err(format!("it has no token {name:?}")),
        };
    }
    let known = |name: &&str| tokenizer.token_to_id(name).is_some();
    let after = &file["post_processor"];
    let parts = [after]
        .into_iter()
        .chain(after["processors"].as_array().into_iter().flatten());
    let named = parts.filter_map(|part| {
        // `[CLS] $A [SEP]`, or the processors of BERT and RoBERTa.
        let last = part["single"].as_array().and_then(|pieces| pieces.last());
        let last = last.and_then(|piece| piece["SpecialToken"]["id"].as_str());
        last.or(part["sep"][0].as_str())
    });
    // A text may hold such names, and a tokenizer learn them as ordinary tokens: its control tokens come first.
    let added = tokenizer.get_added_vocabulary();
    let special = ENDS.into_iter().filter(|name| added.is_special_token(name));
    let mut candidates = named.chain(special).chain(ENDS).filter(known);
    candidates.next().map(str::to_owned).ok_or_else(|| {
        format!(
            "none of its tokens is known to end a text ({}): name one with --tokenizer-eos TOKEN",
            ENDS.join(", ")
        )
    })
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
