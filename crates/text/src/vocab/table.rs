//! A table by token, made for looking words up: most of them are short, and stand in the table themselves instead of behind a
//! pointer, so that finding one touches memory once.

use foldhash::fast::RandomState;
use std::collections::HashMap;

/// The most bytes of a short token.
pub const SHORT: usize = 15;

/// Hash table by token, fast for short tokens, which are stored in the table itself.
#[derive(Clone)]
pub struct TokenTable<T> {
    short: HashMap<u128, T, RandomState>,
    long: HashMap<Box<[u8]>, T, RandomState>,
}

impl<T> Default for TokenTable<T> {
    fn default() -> TokenTable<T> {
        TokenTable {
            short: HashMap::default(),
            long: HashMap::default(),
        }
    }
}

impl<T> TokenTable<T> {
    /// Number of tokens in the table.
    pub fn entries(&self) -> usize {
        self.short.len() + self.long.len()
    }

    /// Value of a token.
    #[inline]
    pub fn get(&self, token: &[u8]) -> Option<&T> {
        match pack(token) {
            Some(short) => self.short.get(&short),
            None => self.long.get(token),
        }
    }

    /// The value of a short token, by its [`short_key`].
    #[inline]
    pub fn get_short(&self, key: u128) -> Option<&T> {
        self.short.get(&key)
    }

    /// Mutable value of a token.
    #[inline]
    pub fn get_mut(&mut self, token: &[u8]) -> Option<&mut T> {
        match pack(token) {
            Some(short) => self.short.get_mut(&short),
            None => self.long.get_mut(token),
        }
    }

    /// All entries, in no particular order.
    pub fn into_entries(self) -> impl Iterator<Item = (Box<[u8]>, T)> {
        let short = self.short.into_iter();
        short
            .map(|(short, value)| (unpack(short), value))
            .chain(self.long)
    }

    /// Sets the value of a token and returns the previous one.
    pub fn insert(&mut self, token: &[u8], value: T) -> Option<T> {
        match pack(token) {
            Some(short) => self.short.insert(short, value),
            None => self.long.insert(token.into(), value),
        }
    }
}

/// The key of a short token: its bytes, zeros, and its length in the last byte. `bytes` holds the token's `len` bytes first, as a
/// little-endian number, and then anything.
#[inline]
pub fn short_key(bytes: u128, len: usize) -> u128 {
    assert!(len <= SHORT, "a short token has at most {SHORT} bytes");
    let token = bytes & ((1 << (8 * len)) - 1);
    token | (len as u128) << (8 * SHORT)
}

fn pack(token: &[u8]) -> Option<u128> {
    let mut bytes = [0; SHORT + 1];
    bytes.get_mut(..token.len())?.copy_from_slice(token);
    (token.len() <= SHORT).then(|| short_key(u128::from_le_bytes(bytes), token.len()))
}

fn unpack(short: u128) -> Box<[u8]> {
    let bytes = short.to_le_bytes();
    bytes[..usize::from(bytes[SHORT])].into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn tokens_of_every_length_are_kept_apart() {
        let mut table = TokenTable::default();
        let mut expected = BTreeMap::new();
        for len in 0..40usize {
            for fill in [0u8, 1, b'a', len as u8, 255] {
                let token = vec![fill; len];
                let before = table.insert(&token, (len, fill));
                assert_eq!(before, expected.insert(token.clone(), (len, fill)));
                assert_eq!(table.get(&token), Some(&(len, fill)));
                if len <= SHORT {
                    let mut bytes = [b'x'; 16];
                    bytes[..len].copy_from_slice(&token);
                    let key = short_key(u128::from_le_bytes(bytes), len);
                    assert_eq!(table.get_short(key), Some(&(len, fill)));
                }
            }
        }
        assert_eq!(table.entries(), expected.len());
        assert_eq!(table.get(b"other"), None);
        *table.get_mut(b"").unwrap() = (7, 7);
        expected.insert(vec![], (7, 7));
        let all: BTreeMap<Vec<u8>, _> = table
            .into_entries()
            .map(|(token, value)| (token.into_vec(), value))
            .collect();
        assert_eq!(all, expected);
    }
}
