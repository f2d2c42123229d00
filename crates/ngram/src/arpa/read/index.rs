//! From the names of an ARPA file to the words of a model.

use std::collections::HashSet;

use super::super::super::Words;
use super::super::name::{BEGIN, END, unescape};
use super::super::{ArpaFlaw, Stop, quoted};
use super::{CAPITAL_UNK, Unigram};
use elman_text::vocab::{TokenTable, is_token};
use elman_text::{Kind, UNK, Vocab};

/// From names to ids.
pub struct Index {
    pub by_name: TokenTable<u32>,
    /// The id of `<s>`.
    pub begin: u32,
    /// The ids of the 1-grams, as they came.
    pub unigrams: Vec<u32>,
    pub capital_unk: bool,
}

impl Index {
    pub fn get(&self, name: &[u8]) -> Result<u32, ArpaFlaw> {
        let known = self.by_name.get(name);
        known
            .copied()
            .ok_or_else(|| ArpaFlaw::UnknownWord(quoted(name)))
    }
}

/// Word of a 1-gram, before the number of tokens is known.
enum Word {
    Token(u32),
    Begin,
    /// Number of a hidden word, from 1.
    Hidden(u32),
}

/// Makes the words of a model from the 1-grams.
pub fn index(kind: Kind, unigrams: &[Unigram]) -> Result<(Words, Index), Stop> {
    let capital = kind == Kind::Fields && unigrams.iter().all(|unigram| *unigram.name != *UNK);
    let mut seen = HashSet::new();
    let mut tokens: Vec<Box<[u8]>> = Vec::new();
    let mut hidden: Vec<Box<str>> = Vec::new();
    let mut words = Vec::with_capacity(unigrams.len());
    for Unigram { name, line, .. } in unigrams {
        let fail = |flaw: fn(String) -> ArpaFlaw| Stop::At(*line, flaw(quoted(name.as_bytes())));
        if !seen.insert(name) {
            return Err(fail(ArpaFlaw::WordTwice));
        }
        words.push(match &**name {
            BEGIN => Word::Begin,
            END if kind == Kind::Bytes => Word::Token(256),
            END => Word::Token(0),
            UNK if kind != Kind::Bytes => Word::Token(1),
            CAPITAL_UNK if capital => Word::Token(1),
            escaped => match unescape(kind, escaped).as_deref() {
                Some(&[byte]) if kind == Kind::Bytes => Word::Token(byte.into()),
                Some(token) if kind != Kind::Bytes => {
                    if std::str::from_utf8(token).is_ok_and(|token| is_token(token, kind)) {
                        tokens.push(token.into());
                        Word::Token(1 + tokens.len() as u32)
                    } else {
                        hidden.push(escaped.into());
                        Word::Hidden(hidden.len() as u32)
                    }
                }
                _ => {
                    let name = quoted(escaped.as_bytes());
                    return Err(Stop::At(*line, ArpaFlaw::Name { name, kind }));
                }
            },
        });
    }
    let vocab = match kind {
        Kind::Bytes => Vocab::bytes(),
        _ => Vocab::of_text(kind, tokens),
    };
    let words_of_model = Words::with_hidden(vocab, hidden);
    let ids = words.iter().map(|word| match word {
        Word::Token(id) => *id,
        Word::Begin => words_of_model.begin(),
        Word::Hidden(n) => words_of_model.begin() + n,
    });
    let ids: Vec<u32> = ids.collect();
    let mut by_name = TokenTable::default();
    for (unigram, &id) in unigrams.iter().zip(&ids) {
        by_name.insert(unigram.name.as_bytes(), id);
    }
    let index = Index {
        by_name,
        begin: words_of_model.begin(),
        capital_unk: capital && seen.contains(&Box::from(CAPITAL_UNK)),
        unigrams: ids,
    };
    Ok((words_of_model, index))
}
