//! The vocabulary in the order of its bytes, walked by an automaton; and the expression of a list of words.

use super::automaton::Automaton;
use crate::error::{ConstraintError, Result};
use elman_text::Vocab;

/// Tokens sorted by what they print, so that those that begin alike are neighbours: one step of the automaton serves them all, and
/// where it finds no way on, all of them are passed over.
pub(super) struct SortedTokens {
    /// Printed texts of the tokens, one after the other.
    bytes: Vec<u8>,
    tokens: Vec<Token>,
}

struct Token {
    start: usize,
    end: usize,
    id: u32,
}

impl SortedTokens {
    /// All tokens but `<eos>`, those `excluded`, and those that print nothing.
    pub fn new(vocab: &Vocab, excluded: &[u32]) -> SortedTokens {
        let mut out = vec![false; vocab.len()];
        out[vocab.eos() as usize] = true;
        excluded.iter().for_each(|&id| out[id as usize] = true);
        let ids = (0..vocab.len() as u32).filter(|&id| !out[id as usize]);
        let mut sorted: Vec<u32> = ids.filter(|&id| !vocab.printed(id).is_empty()).collect();
        sorted.sort_unstable_by_key(|&id| (vocab.printed(id), id));
        let (mut bytes, mut tokens) = (Vec::new(), Vec::new());
        for id in sorted {
            let start = bytes.len();
            bytes.extend_from_slice(vocab.printed(id));
            let end = bytes.len();
            tokens.push(Token { start, end, id });
        }
        SortedTokens { bytes, tokens }
    }

    /// Calls `each` with the id of every token whose text `automaton` survives from `state`, and the state after it.
    pub fn walk(&self, automaton: &Automaton, state: u32, each: &mut dyn FnMut(u32, u32)) {
        let byte = |token: &Token, depth: usize| self.bytes[token.start..token.end].get(depth);
        // Tokens that share `depth` bytes, and the state after these.
        let mut open = vec![(&self.tokens[..], 0, state)];
        while let Some((mut alike, depth, state)) = open.pop() {
            if let [token] = alike {
                let rest = &self.bytes[token.start + depth..token.end];
                if let Some(state) = automaton.walk(state, rest) {
                    each(token.id, state);
                }
                continue;
            }
            while let Some(first) = alike.first() {
                let Some(next) = byte(first, depth) else {
                    each(first.id, state); // it ends here
                    alike = &alike[1..];
                    continue;
                };
                let same = alike.partition_point(|token| byte(token, depth) == Some(next));
                if let Some(state) = automaton.walk(state, &[*next]) {
                    open.push((&alike[..same], depth + 1, state));
                }
                alike = &alike[same..];
            }
        }
    }
}

/// One or more words of `list`, each after a space or a newline, and perhaps a last newline.
///
/// Errors: a list without a word.
pub(super) fn expression(list: &[String]) -> Result<String> {
    let words: Vec<String> = list
        .iter()
        .filter(|w| !w.is_empty())
        .map(|w| escape(w))
        .collect();
    if words.is_empty() {
        return Err(ConstraintError::NoWords.into());
    }
    Ok(format!(r"(?:[ \n](?:{}))+\n?", words.join("|")))
}

/// The expression that matches `text` only.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c.is_alphanumeric() {
            true => escaped.push(c),
            false => escaped += &format!("\\x{{{:x}}}", u32::from(c)),
        }
    }
    escaped
}
