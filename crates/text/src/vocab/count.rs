//! Counting tokens, and choosing which of them make a vocabulary.

use std::cmp::Reverse;

use super::super::scan::Token;
use super::table::TokenTable;
use super::tokens::Tokens;
use super::{EOS, Kind, TextError, UNK, Vocab, bpe};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub mod many;

/// What a place in the table takes: a short token, its count, a byte of the hash.
const PLACE_BYTES: u64 = 33;
/// What a piece takes while byte pairs are learnt, and each of its bytes: a symbol, and the places of the pairs in which it stands.
const BPE_PIECE_BYTES: u64 = 60;
const BPE_BYTE_BYTES: u64 = 24;

/// Token counts of a text, from which a vocabulary is made.
pub struct Counts {
    kind: Kind,
    table: TokenTable<u64>,
    /// Counts of the one-byte tokens, which in kind `chars` are most of them.
    ascii: [u64; 128],
    total: u64,
    /// How large the tokens in the table are together.
    size: bpe::Size,
    limit_bytes: u64,
    /// The memory of all counts that are made at the same time, and what of it was reported for these.
    together: Option<Arc<Together>>,
    reported: u64,
}

/// Memory in bytes that several counts take together.
#[derive(Default)]
pub struct Together(AtomicU64);

impl Counts {
    /// Makes an empty table that refuses to grow beyond about `limit_bytes`.
    pub fn new(kind: Kind, limit_bytes: u64) -> Counts {
        Counts {
            kind,
            table: TokenTable::default(),
            ascii: [0; 128],
            total: 0,
            size: bpe::Size::default(),
            limit_bytes,
            together: None,
            reported: 0,
        }
    }

    /// The limit holds for all counts that share `together`.
    fn together_with(mut self, together: &Arc<Together>) -> Counts {
        self.together = Some(together.clone());
        self
    }

    /// Whether there is memory for what is in the table.
    fn fits(&mut self) -> bool {
        let bytes = self.memory_bytes();
        let all = match &self.together {
            None => bytes,
            Some(together) => {
                let more = bytes - self.reported;
                together.0.fetch_add(more, Ordering::Relaxed) + more
            }
        };
        self.reported = bytes;
        all <= self.limit_bytes
    }

    /// Adds other counts of the same kind.
    fn merge(&mut self, other: Counts) {
        self.total += other.total;
        self.size.pairs += other.size.pairs;
        let ascii = self.ascii.iter_mut().zip(other.ascii);
        ascii.for_each(|(sum, count)| *sum += count);
        for (token, count) in other.table.into_entries() {
            match self.table.get_mut(&token) {
                Some(sum) => *sum += count,
                None => {
                    self.size.pieces += 1;
                    self.size.bytes += token.len() as u64;
                    self.table.insert(&token, count);
                }
            }
        }
    }

    pub(crate) fn add(&mut self, token: Token<'_>) -> Result<(), TextError> {
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
        self.size.pairs += token.len() as u64;
        match self.table.get_mut(token.as_bytes()) {
            Some(count) => *count += 1,
            None => {
                self.size.pieces += 1;
                self.size.bytes += token.len() as u64;
                if !self.fits() {
                    return Err(TextError::TooManyTokens {
                        distinct: self.table.entries(),
                        limit_bytes: self.limit_bytes,
                    });
                }
                self.table.insert(token.as_bytes(), 1);
            }
        }
        Ok(())
    }

    /// Most memory that counting has taken and making the vocabulary will take, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        let bpe::Size { pieces, bytes, .. } = self.size;
        // A hash table is filled to seven eighths at most, and for a moment there twice when it grows.
        let table = PLACE_BYTES * (pieces * 8 / 7 + 1).next_power_of_two();
        let making = match self.kind {
            Kind::Bpe => BPE_PIECE_BYTES * pieces + BPE_BYTE_BYTES * bytes,
            // Counts, ends and tokens, twice, and the index.
            _ => 36 * pieces + 2 * bytes,
        };
        making.max(table * 3 / 2).max(table + 20 * pieces + bytes)
    }

    /// Number of tokens counted, `<eos>` included.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Number of different tokens, without `<eos>`; 0 in kind `bytes`, which needs no counting.
    pub fn distinct(&self) -> usize {
        self.table.entries() + self.ascii.iter().filter(|&&count| count > 0).count()
    }

    /// Makes the vocabulary of the tokens that occur at least `min_count` times, with at most `max_vocab` entries.
    ///
    /// The special tokens count as entries. Kind `bytes` always has its 257 entries; in kind `bpe` pairs below
    /// `min_count` are not merged. Errors: [`TextError::MaxVocab`], [`TextError::NothingLeft`] or
    /// [`TextError::BpeTooSmall`].
    pub fn into_vocab(self, min_count: u64, max_vocab: Option<usize>) -> Result<Vocab, TextError> {
        if self.kind == Kind::Bytes {
            return Ok(Vocab::bytes());
        }
        let most = max_vocab.unwrap_or(u32::MAX as usize);
        if self.kind == Kind::Bpe {
            // Pieces of one byte teach no merge.
            let counted = bpe::Counted {
                pieces: self.table.into_entries(),
                size: self.size,
            };
            return bpe::learn(counted, min_count, most);
        }
        if most < 3 {
            return Err(TextError::MaxVocab { max: most });
        }
        let special = [EOS, UNK].map(str::as_bytes);
        let ascii = (0..128u8).map(|byte| (Box::from([byte]), self.ascii[usize::from(byte)]));
        let ascii = ascii.filter(|&(_, count)| count > 0);
        let kept = self
            .table
            .into_entries()
            .chain(ascii)
            .filter(|(token, count)| *count >= min_count && !special.contains(&&**token));
        // (count, number), and the tokens by number.
        let (pieces, bytes) = (
            self.size.pieces as usize + 128,
            self.size.bytes as usize + 128,
        );
        let mut order = Vec::<(u64, u32)>::with_capacity(pieces);
        let mut tokens = Tokens::with_capacity(pieces, bytes);
        for (token, count) in kept {
            order.push((count, tokens.len() as u32));
            tokens.push(&token);
        }
        if order.is_empty() && min_count > 1 {
            return Err(TextError::NothingLeft { min_count });
        }
        let token = |number: u32| tokens.get(number);
        order.sort_unstable_by(|&(m, a), &(n, b)| {
            (Reverse(m), token(a)).cmp(&(Reverse(n), token(b)))
        });
        order.truncate(most - special.len());
        Ok(Vocab::of_words(
            self.kind,
            order.iter().map(|&(_, number)| token(number)),
        ))
    }
}
