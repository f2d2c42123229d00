//! Tokens by id, and ids by token, in a few large allocations: about 24 bytes for an entry beside its text.
//!
//! An entry of the index is four bytes of its token's hash and its id. Where a token has its place follows from the other bits of the hash;
//! the next free place after it is taken where that is occupied.

use foldhash::fast::RandomState;
use std::hash::BuildHasher;

/// Tokens by id: their bytes one after the other, and where each ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Tokens {
    /// Room for so many tokens of so many bytes together.
    pub fn with_capacity(tokens: usize, bytes: usize) -> Tokens {
        Tokens {
            bytes: Vec::with_capacity(bytes),
            ends: Vec::with_capacity(tokens),
        }
    }

    /// Appends a token. Panics where all together have 4 GiB: no file and no count of a vocabulary may be so large.
    pub fn push(&mut self, token: &[u8]) {
        self.bytes.extend_from_slice(token);
        let end = u32::try_from(self.bytes.len());
        self.ends
            .push(end.expect("the tokens of a vocabulary have less than 4 GiB"));
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Panics if there is no token `id`.
    #[inline]
    pub fn get(&self, id: u32) -> &[u8] {
        let end = self.ends[id as usize];
        let start = match id {
            0 => 0,
            id => self.ends[id as usize - 1],
        };
        &self.bytes[start as usize..end as usize]
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len() as u32).map(|id| self.get(id))
    }

    /// Gives back the room that was kept for more tokens.
    pub fn shrink_to_fit(&mut self) {
        self.bytes.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    /// Bytes that are allocated.
    pub fn allocated_bytes(&self) -> u64 {
        (self.bytes.capacity() + 4 * self.ends.capacity()) as u64
    }
}

impl<T: AsRef<[u8]>> FromIterator<T> for Tokens {
    fn from_iter<I: IntoIterator<Item = T>>(tokens: I) -> Tokens {
        let mut all = Tokens::default();
        tokens
            .into_iter()
            .for_each(|token| all.push(token.as_ref()));
        all.shrink_to_fit();
        all
    }
}

/// Ids by token. It holds no token itself: those that it was made of are given with every question.
#[derive(Clone)]
pub struct Index {
    /// Four bytes of a hash, then the id.
    entries: Vec<u64>,
    hasher: RandomState,
}

const FREE: u64 = u64::MAX;

impl Index {
    /// Errors: the id of a token that stands twice.
    pub fn new(tokens: &Tokens) -> Result<Index, u32> {
        let mut index = Index {
            // Two thirds of the places are taken.
            entries: vec![FREE; tokens.len() + tokens.len() / 2 + 1],
            hasher: RandomState::default(),
        };
        for (id, token) in (0u32..).zip(tokens.iter()) {
            let hash = index.hasher.hash_one(token);
            match index.find(tokens, token, hash) {
                Ok(_) => return Err(id),
                Err(place) => index.entries[place] = hash << 32 | u64::from(id),
            }
        }
        Ok(index)
    }

    #[inline]
    pub fn get(&self, tokens: &Tokens, token: &[u8]) -> Option<u32> {
        self.find(tokens, token, self.hasher.hash_one(token)).ok()
    }

    /// The id of the token, or the place where it would have its entry.
    #[inline]
    fn find(&self, tokens: &Tokens, token: &[u8], hash: u64) -> Result<u32, usize> {
        // The place follows from the upper bits, and the lower ones are kept.
        let mut place = ((u128::from(hash) * self.entries.len() as u128) >> 64) as usize;
        loop {
            let entry = self.entries[place];
            if entry == FREE {
                return Err(place);
            }
            if entry >> 32 == hash & 0xFFFF_FFFF && tokens.get(entry as u32) == token {
                return Ok(entry as u32);
            }
            place += 1;
            if place == self.entries.len() {
                place = 0;
            }
        }
    }

    /// Bytes that are allocated.
    pub fn allocated_bytes(&self) -> u64 {
        8 * self.entries.capacity() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_every_length_are_kept_apart() {
        let mut all = std::collections::BTreeSet::new();
        for len in 0..60usize {
            for fill in [0u8, 1, b'a', len as u8, 255] {
                all.insert(vec![fill; len]);
            }
        }
        let all: Vec<Vec<u8>> = all.into_iter().collect();
        let tokens: Tokens = all.iter().collect();
        let index = Index::new(&tokens).unwrap();
        assert_eq!(tokens.len(), all.len());
        for (id, token) in (0..).zip(&all) {
            assert_eq!(tokens.get(id), token);
            assert_eq!(index.get(&tokens, token), Some(id));
        }
        assert_eq!(index.get(&tokens, b"other"), None);
        let twice: Tokens = ["a", "b", "a"].iter().collect();
        assert_eq!(Index::new(&twice).err(), Some(2));
        let none = Tokens::default();
        assert_eq!(Index::new(&none).unwrap().get(&none, b""), None);
    }

    #[test]
    fn an_entry_takes_what_is_said() {
        let tokens: Tokens = (0..100_000).map(|n| format!("{n:06}")).collect();
        assert_eq!(tokens.allocated_bytes(), 100_000 * (6 + 4));
        let index = Index::new(&tokens).unwrap();
        assert_eq!(index.allocated_bytes(), 8 * 150_001);
    }
}
