//! Tokens by id, and ids by token, in a few large allocations: about 24 bytes for an entry beside its text.
//!
//! An entry of the index is four bytes of its token's hash and its id. Where a token has its place follows from the other bits of the hash;
//! the next free place after it is taken where that is occupied. Most words have up to 16 bytes: they are read as one number, which is
//! hashed and compared without a loop.

use foldhash::fast::RandomState;
use std::hash::BuildHasher;

/// Tokens by id: their bytes one after the other, and where each ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Tokens {
    /// Memory for a number of tokens and of their bytes together.
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
        let (bytes, len) = self.at(id);
        &bytes[..len]
    }

    /// The bytes from the token `id` on, and its length.
    #[inline]
    fn at(&self, id: u32) -> (&[u8], usize) {
        let end = self.ends[id as usize];
        let start = match id {
            0 => 0,
            id => self.ends[id as usize - 1],
        };
        (&self.bytes[start as usize..], (end - start) as usize)
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
    /// Random numbers for the hashes of short tokens.
    keys: [u64; 2],
}

const FREE: u64 = u64::MAX;
/// The most bytes of a token that is read as one number.
const SHORT: usize = 16;
/// 2^64 divided by the golden ratio.
const ODD: u64 = 0x9E37_79B9_7F4A_7C15;

/// Masks of the first 0, 1, … 16 bytes of a little-endian number.
const FIRST_BYTES: [u128; SHORT + 1] = {
    let mut masks = [u128::MAX; SHORT + 1];
    let mut len = 0;
    while len < SHORT {
        masks[len] = (1 << (8 * len)) - 1;
        len += 1;
    }
    masks
};

/// The `len` bytes that `text` begins with as a number, zeros behind them; `None` if they are more than 16. Panics if `text` is shorter.
#[inline]
fn short(text: &[u8], len: usize) -> Option<u128> {
    let mask = FIRST_BYTES.get(len)?;
    match text.first_chunk() {
        Some(bytes) => Some(u128::from_le_bytes(*bytes) & mask),
        None => short_alone(&text[..len]),
    }
}

/// [`short`] of a token that has nothing behind it: two reads that overlap.
#[inline(never)]
fn short_alone(token: &[u8]) -> Option<u128> {
    let byte = |at: usize| u128::from(token[at]) << (8 * at);
    Some(match token.len() {
        0 => 0,
        len @ 1..4 => byte(0) | byte(len / 2) | byte(len - 1),
        len @ 4..8 => {
            let [first, last] = [token.first_chunk()?, token.last_chunk()?];
            let [first, last] = [first, last].map(|half| u128::from(u32::from_le_bytes(*half)));
            first | last << (8 * (len - 4))
        }
        len => {
            let [first, last] = [token.first_chunk()?, token.last_chunk()?];
            let [first, last] = [first, last].map(|half| u128::from(u64::from_le_bytes(*half)));
            first | last << (8 * (len - 8))
        }
    })
}

impl Index {
    /// Errors: the id of a token that is listed twice.
    pub fn new(tokens: &Tokens) -> Result<Index, u32> {
        let hasher = RandomState::default();
        let mut index = Index {
            // Two thirds of the places are taken.
            entries: vec![FREE; tokens.len() + tokens.len() / 2 + 1],
            keys: [0, 1].map(|number: u64| hasher.hash_one(number)),
            hasher,
        };
        for (id, token) in (0u32..).zip(tokens.iter()) {
            match index.find(tokens, token, token.len()) {
                Ok(_) => return Err(id),
                Err((place, hash)) => index.entries[place] = hash << 32 | u64::from(id),
            }
        }
        Ok(index)
    }

    /// The id of the token of `len` bytes that `text` begins with. Reading what follows it too is faster than reading the token alone.
    #[inline]
    pub fn get(&self, tokens: &Tokens, text: &[u8], len: usize) -> Option<u32> {
        self.find(tokens, text, len).ok()
    }

    /// The id of a token, or the place where it would have its entry, and its hash.
    #[inline]
    fn find(&self, tokens: &Tokens, text: &[u8], len: usize) -> Result<u32, (usize, u64)> {
        match short(text, len) {
            Some(token) => {
                let hash = self.hash_short(token, len);
                let same = |id| {
                    let (known, known_len) = tokens.at(id);
                    known_len == len && short(known, len) == Some(token)
                };
                self.search(hash, same).map_err(|place| (place, hash))
            }
            None => {
                let token = &text[..len];
                let hash = self.hasher.hash_one(token);
                let found = self.search(hash, |id| tokens.get(id) == token);
                found.map_err(|place| (place, hash))
            }
        }
    }

    #[inline]
    fn hash_short(&self, token: u128, len: usize) -> u64 {
        let [a, b] = self.keys;
        let (first, last) = (token as u64, (token >> 64) as u64 ^ len as u64);
        let product = u128::from(first ^ a) * u128::from(last ^ b);
        let mixed = (product as u64) ^ (product >> 64) as u64;
        // Once more, since the product is 0 where one of the factors is.
        let product = u128::from(mixed ^ b) * u128::from(ODD);
        (product as u64) ^ (product >> 64) as u64
    }

    /// The id with this hash that is the same, or the free place that ends the search.
    #[inline]
    fn search(&self, hash: u64, same: impl Fn(u32) -> bool) -> Result<u32, usize> {
        // The place follows from the upper bits, and the lower ones are kept.
        let mut place = ((u128::from(hash) * self.entries.len() as u128) >> 64) as usize;
        loop {
            let entry = self.entries[place];
            if entry == FREE {
                return Err(place);
            }
            if entry >> 32 == hash & 0xFFFF_FFFF && same(entry as u32) {
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
            assert_eq!(index.get(&tokens, token, token.len()), Some(id));
        }
        assert_eq!(index.get(&tokens, b"other", 5), None);
        // What follows a token makes no difference.
        for (id, token) in (0..).zip(&all) {
            let text = [token, &b"a\0\xff and more than sixteen bytes"[..]].concat();
            assert_eq!(index.get(&tokens, &text, token.len()), Some(id));
        }
        let twice: Tokens = ["a", "b", "a"].iter().collect();
        assert_eq!(Index::new(&twice).err(), Some(2));
        let none = Tokens::default();
        assert_eq!(Index::new(&none).unwrap().get(&none, b"", 0), None);
    }

    #[test]
    fn an_entry_takes_what_is_said() {
        let tokens: Tokens = (0..100_000).map(|n| format!("{n:06}")).collect();
        assert_eq!(tokens.allocated_bytes(), 100_000 * (6 + 4));
        let index = Index::new(&tokens).unwrap();
        assert_eq!(index.allocated_bytes(), 8 * 150_001);
    }
}
