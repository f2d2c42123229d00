//! Counting tokens, and choosing which of them make a vocabulary.

use std::cmp::Reverse;

use super::super::scan::Token;
use super::table::TokenTable;
use super::{EOS, Kind, TextError, UNK, Vocab, bpe};

/// What an entry of the table costs beside its token: slot, allocation, spare room.
const ENTRY_BYTES: u64 = 80;
/// The same in kind `bpe`, and for each byte: merging keeps every pair of neighbours with the places where it stands.
const BPE_ENTRY_BYTES: (u64, u64) = (200, 80);

/// How often each token occurs.
pub struct Counts {
    kind: Kind,
    table: TokenTable<u64>,
    /// Counts of the one-byte tokens, which in kind `chars` are most of them.
    ascii: [u64; 128],
    total: u64,
    bytes: u64,
    limit_bytes: u64,
}

impl Counts {
    /// An empty table that refuses to grow beyond about `limit_bytes`.
    pub fn new(kind: Kind, limit_bytes: u64) -> Counts {
        Counts {
            kind,
            table: TokenTable::new(),
            ascii: [0; 128],
            total: 0,
            bytes: 0,
            limit_bytes,
        }
    }

    pub(in crate::text) fn add(&mut self, token: Token<'_>) -> Result<(), TextError> {
        self.total += 1;
        let Token::Text(token) = token else {
            return Ok(()); // control tokens, bytes and what is too long need no counting
        };
        if self.kind == Kind::Bpe && token.len() > bpe::LONGEST_LEARNT {
            return Ok(());
        }
        if let &[byte @ 0..0x80] = token.as_bytes() {
            self.ascii[usize::from(byte)] += 1;
            return Ok(());
        }
        match self.table.get_mut(token.as_bytes()) {
            Some(count) => *count += 1,
            None => {
                let (entry, byte) = match self.kind {
                    Kind::Bpe => BPE_ENTRY_BYTES,
                    _ => (ENTRY_BYTES, 1),
                };
                self.bytes += token.len() as u64 * byte + entry;
                if self.bytes > self.limit_bytes {
                    return Err(TextError::TooManyTokens {
                        distinct: self.table.len(),
                        limit_bytes: self.limit_bytes,
                    });
                }
                self.table.insert(token.as_bytes(), 1);
            }
        }
        Ok(())
    }

    /// Tokens counted, `<eos>` included.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Different tokens, `<eos>` aside; 0 in kind `bytes`, which needs no counting.
    pub fn distinct(&self) -> usize {
        self.table.len() + self.ascii.iter().filter(|&&count| count > 0).count()
    }

    /// The vocabulary of all tokens that occur at least `min_count` times, cut to `max_vocab` entries (specials included).
    ///
    /// Kind `bytes` always has its 257 entries; in kind `bpe` pairs below `min_count` are not merged.
    /// Errors: nothing would be left beside the specials.
    pub fn into_vocab(self, min_count: u64, max_vocab: Option<usize>) -> Result<Vocab, TextError> {
        if self.kind == Kind::Bytes {
            return Ok(Vocab::bytes());
        }
        let most = max_vocab.unwrap_or(u32::MAX as usize);
        if self.kind == Kind::Bpe {
            // Pieces of one byte teach no merge.
            return bpe::learn(self.table.into_entries(), min_count, most);
        }
        if most < 3 {
            return Err(TextError::MaxVocab { max: most });
        }
        let special = [EOS, UNK].map(str::as_bytes);
        let ascii = (0..128u8).map(|byte| (Box::from([byte]), self.ascii[usize::from(byte)]));
        let ascii = ascii.filter(|&(_, count)| count > 0);
        let mut kept: Vec<(Box<[u8]>, u64)> = self
            .table
            .into_entries()
            .chain(ascii)
            .filter(|(token, count)| *count >= min_count && !special.contains(&&**token))
            .collect();
        if kept.is_empty() && min_count > 1 {
            return Err(TextError::NothingLeft { min_count });
        }
        kept.sort_unstable_by(|(a, m), (b, n)| (Reverse(m), a).cmp(&(Reverse(n), b)));
        kept.truncate(most - special.len());
        Ok(Vocab::of_text(
            self.kind,
            kept.into_iter().map(|(token, _)| token),
        ))
    }
}
