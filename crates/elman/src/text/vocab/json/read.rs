//! From the model of a `tokenizer.json` to a vocabulary: of a kind with a table, of kind `bpe`, or of another program.
//!
//! Errors say what is wrong with the file, without its name.

use std::collections::HashMap;

use serde_json::Value;

use super::super::engine::Engine;
use super::super::{EOS, Kind, UNK, Vocab};
use super::letters::byte_letter;

/// How the name of an id that no token has begins.
const HOLE: &str = "\0hole ";

/// A vocabulary of a kind that looks its tokens up.
pub fn table(kind: Kind, vocab: &Value) -> Result<Vocab, String> {
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

/// A vocabulary of kind `bpe`: `<eos>`, every byte, and what their merges make.
pub fn byte_pairs(file: Value) -> Result<Vocab, String> {
    let engine = Engine::new(file, Some(EOS))?;
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
    let tokens = tokens.map(|token| token.into_bytes().into()).collect();
    Vocab::with_engine(Kind::Foreign, tokens, engine)
}
