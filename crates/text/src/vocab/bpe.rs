//! Byte-level byte-pair encoding: learning the merges (Sennrich, Haddow, Birch 2016, algorithm 1, on bytes as in Radford et al. 2019).
//!
//! The pieces are the tokens of kind `words`, each with its count. Starting from 256 bytes, the pair of neighbours that is most
//! frequent becomes a token, again and again, until there are as many as were asked for or no pair is frequent enough. Pairs that
//! are equally frequent go in the order of their ids. Ids: `<eos>` 0, then the bytes in the order of their letters (the printable ones
//! first), then a token for each merge.
//!
//! ```text
//! merges   pieces as symbols, the queue of pairs   → merges
//! ```
//! The memory that learning takes is planned before it begins; how many different pieces there may be is limited while they are counted.

use super::json::{byte_letter, with_model};
use super::tokens::Tokens;
use super::{EOS, Kind, TextError, Vocab};
use merges::Pieces;

mod merges;

/// Smallest vocabulary of kind `bpe`: `<eos>` and the 256 bytes.
pub const LEAST: usize = 257;

/// Longest piece from which merges are learned, in bytes.
///
/// No word is longer, and the time to merge a piece grows with the square of its length.
pub const LONGEST_LEARNT: usize = 256;

/// The vocabulary of at most `most` entries that the pieces, with their counts, teach. A pair below `min_count` is not merged.
///
/// Errors: no room for the bytes.
pub fn learn(
    counted: Counted<impl Iterator<Item = (Box<[u8]>, u64)>>,
    min_count: u64,
    most: usize,
) -> Result<Vocab, TextError> {
    if most < LEAST {
        return Err(TextError::BpeTooSmall { entries: most });
    }
    let Counted { pieces, size } = counted;
    // Pairs are counted in 31 bits.
    let scale = size.pairs.div_ceil(i32::MAX as u64).max(1);
    let (alphabet, ids) = alphabet();
    let mut symbols = Pieces::with_capacity(size.pieces as usize, size.bytes as usize);
    for (piece, count) in pieces {
        let count = (count / scale) as i32;
        if piece.len() > 1 && count > 0 {
            symbols.push(piece.iter().map(|byte| ids[usize::from(*byte)]), count);
        }
    }
    let merges = merges::learn(symbols, alphabet, min_count.div_ceil(scale), most);
    let name = |token: &[u8]| match token == EOS.as_bytes() {
        true => EOS.to_owned(),
        false => letters(token),
    };
    let json = with_model(Kind::Bpe, &merges.to_json(name));
    drop(merges);
    Vocab::from_tokenizer_json("the merges", json.as_bytes())
}

/// Pieces with their counts, and how many there are.
pub struct Counted<I> {
    pub pieces: I,
    pub size: Size,
}

/// Amount of text from which merges are learned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Different pieces.
    pub pieces: u64,
    /// Their bytes.
    pub bytes: u64,
    /// At most this number of pairs of neighbours in the text.
    pub pairs: u64,
}

/// `<eos>` and the bytes in the order of their letters; and the id of each byte.
fn alphabet() -> (Tokens, [u32; 256]) {
    let mut bytes: Vec<u8> = (0..=255).collect();
    bytes.sort_unstable_by_key(|&byte| byte_letter(byte));
    let (mut tokens, mut ids) = (Tokens::default(), [0; 256]);
    tokens.push(EOS.as_bytes());
    for byte in bytes {
        ids[usize::from(byte)] = tokens.len() as u32;
        tokens.push(&[byte]);
    }
    (tokens, ids)
}

/// Bytes in the byte-level alphabet.
pub fn letters(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| byte_letter(byte)).collect()
}
