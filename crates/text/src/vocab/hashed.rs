//! Vocabularies whose words are known by their hashes alone, as some files of KenLM have them.

use super::tokens::{Index, Tokens};
use super::{EOS, Kind, NONE, UNK, Vocab, murmur64a};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::Arc;

/// Words that are known by [`murmur64a`] alone.
pub struct HashedWords {
    /// Hash of each id from 2 on.
    hashes: Box<[u64]>,
    ids: HashMap<u64, u32, RandomState>,
}

impl HashedWords {
    /// Bytes that are allocated.
    pub fn allocated_bytes(&self) -> u64 {
        (8 * self.hashes.len() + 16 * self.ids.capacity()) as u64
    }
}

impl Vocab {
    /// Makes a vocabulary of words that are known by [`murmur64a`] alone, in the order of their ids, without the special tokens.
    ///
    /// Words of a text are found, but [`Vocab::token`] has only the hash of each; see [`Vocab::has_words`]. The hashes must be
    /// distinct, and `kind` is `whitespace` or `fields`.
    pub fn of_hashes(kind: Kind, hashes: &[u64]) -> Vocab {
        assert!(kind.between_spaces());
        let mut tokens: Tokens = [EOS, UNK].iter().collect();
        let mut ids = HashMap::default();
        for (id, hash) in (2u32..).zip(hashes) {
            tokens.push(format!("#{hash:016x}").as_bytes());
            assert!(
                ids.insert(*hash, id).is_none(),
                "hash {hash} is listed twice"
            );
        }
        let vocab = Vocab::new(kind, tokens, 0, Some(1)).expect("the hashes differ");
        let mut ascii = [NONE; 128];
        for byte in 0..0x80 {
            let id = ids.get(&murmur64a(&[byte])).copied();
            ascii[usize::from(byte)] = id.unwrap_or(NONE);
        }
        Vocab {
            index: Index::new(&Tokens::default()).expect("no token is listed twice"),
            ascii,
            hashed: Some(Arc::new(HashedWords {
                hashes: hashes.into(),
                ids,
            })),
            ..vocab
        }
    }

    /// Whether the vocabulary has its words, and not only their hashes ([`Vocab::of_hashes`]).
    pub fn has_words(&self) -> bool {
        self.hashed.is_none()
    }

    #[cold]
    pub(super) fn hashed_id(&self, words: &HashedWords, token: &[u8]) -> Option<u32> {
        match token {
            token if token == EOS.as_bytes() => Some(self.eos),
            token if token == UNK.as_bytes() => self.unk,
            token => words.ids.get(&murmur64a(token)).copied(),
        }
    }

    /// Id and hash of each word, the specials of kinds `whitespace` and `fields` aside.
    pub(super) fn hashes(&self) -> impl Iterator<Item = (u32, u64)> {
        (2..self.len() as u32).map(|id| match &self.hashed {
            None => (id, murmur64a(self.token_bytes(id))),
            Some(words) => (id, words.hashes[id as usize - 2]),
        })
    }
}
