//! From the model of a `tokenizer.json` to a vocabulary: of a kind with a table, of kind `bpe`, or of another program.
//!
//! Errors say what is wrong with the file, without its name.

use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Number, Value};

use super::super::engine::Engine;
use super::super::tokens::Tokens;
use super::super::{EOS, Kind, UNK, Vocab};
use super::letters::byte_letter;

/// How the name of an id that no token has begins.
const HOLE: &str = "\0hole ";

/// A vocabulary of a kind that looks its tokens up, from its file.
pub fn table(kind: Kind, file: &[u8]) -> Result<Vocab, String> {
    let tokens = listed(file)?;
    if kind != Kind::Bytes {
        if !tokens.iter().take(2).eq([EOS, UNK].map(str::as_bytes)) {
            return Err(format!("ids 0 and 1 are not {EOS} and {UNK}"));
        }
        return Vocab::of_table(kind, tokens).map_err(|twice| {
            format!("its token {twice:?} has two ids: one is used twice or leaves a hole")
        });
    }
    let vocab = Vocab::bytes();
    let names: Vec<String> = (0..257).map(|id| vocab.json_token(id)).collect();
    if !names.iter().map(String::as_bytes).eq(tokens.iter()) {
        return Err("its byte-level vocabulary is not in the order of the bytes".to_owned());
    }
    Ok(vocab)
}

/// The tokens of a file in the order of their ids, which must be 0, 1, 2 … without holes.
fn listed(file: &[u8]) -> Result<Tokens, String> {
    #[derive(Deserialize)]
    struct File {
        model: Model,
    }
    #[derive(Deserialize)]
    struct Model {
        vocab: Listed,
    }
    let file: File = serde_json::from_slice(file)
        .map_err(|error| format!("its `model` has no `vocab` of tokens and ids: {error}"))?;
    let Listed { tokens, ids } = file.model.vocab;
    if (0u64..).zip(&ids).all(|(number, id)| number == *id) {
        return Ok(tokens);
    }
    // The number of each id's token.
    let mut numbers = vec![None; tokens.len()];
    for (number, id) in (0u32..).zip(&ids) {
        let slot = usize::try_from(*id).ok().and_then(|id| numbers.get_mut(id));
        let free = slot.filter(|slot| slot.is_none());
        *free.ok_or_else(|| {
            let token = String::from_utf8_lossy(tokens.get(number));
            match *id {
                u64::MAX => format!("the id of {token:?} is below 0, used twice or leaves a hole"),
                id => format!("the id {id} of {token:?} is used twice or leaves a hole"),
            }
        })? = Some(number);
    }
    Ok(numbers
        .iter()
        .flatten()
        .map(|number| tokens.get(*number))
        .collect())
}

/// A vocabulary object as it occurs in the file: each token, and its id.
#[derive(Default)]
struct Listed {
    tokens: Tokens,
    ids: Vec<u64>,
}

impl<'de> Deserialize<'de> for Listed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Listed, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Listed;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object of tokens and ids")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Listed, A::Error> {
                let mut listed = Listed::default();
                while let Some((token, id)) = map.next_entry::<String, Number>()? {
                    listed.tokens.push(token.as_bytes());
                    // What is no id leaves a hole.
                    listed.ids.push(id.as_u64().unwrap_or(u64::MAX));
                }
                Ok(listed)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// A vocabulary of kind `bpe`: `<eos>`, every byte, and what their merges make.
pub fn byte_pairs(file: Value) -> Result<Vocab, String> {
    let engine = Engine::new(file, Some(EOS))?;
    let letters: HashMap<char, u8> = (0..=255).map(|byte| (byte_letter(byte), byte)).collect();
    let bytes = |token: &String| -> Option<Vec<u8>> {
        let bytes = token.chars().map(|letter| letters.get(&letter).copied());
        bytes.collect()
    };
    let mut tokens = Tokens::default();
    for token in engine.tokens()? {
        let token = token.ok_or("its ids leave a hole")?;
        let special = (tokens.len() == 0).then(|| token.as_bytes().to_vec());
        let token = special.or_else(|| bytes(&token)).ok_or_else(|| {
            format!("its token {token:?} is not written in the byte-level alphabet")
        })?;
        tokens.push(&token);
    }
    let singles = tokens.iter().skip(1).take_while(|token| token.len() == 1);
    if engine.eos != 0 || singles.count() != 256 {
        return Err(format!("its first ids are not {EOS} and the 256 bytes"));
    }
    if engine.unk.is_some() {
        return Err("it has an unknown token, and no byte is unknown".into());
    }
    Vocab::with_engine(Kind::Bpe, tokens, engine)
}

/// A vocabulary of another program. Where its ids leave a hole, an entry stands for nothing.
pub fn foreign(file: Value, eos: Option<&str>) -> Result<Vocab, String> {
    let engine = Engine::new(file, eos)?;
    let tokens = engine.tokens()?;
    let mut named = tokens.iter().flatten();
    if let Some(token) = named.find(|token| token.starts_with(HOLE)) {
        return Err(format!(
            "its token {token:?} is called as holes between ids are"
        ));
    }
    let tokens = tokens.into_iter().enumerate();
    let tokens = tokens.map(|(id, token)| token.unwrap_or_else(|| format!("{HOLE}{id}")));
    let tokens = tokens.collect();
    Vocab::with_engine(Kind::Foreign, tokens, engine)
}
