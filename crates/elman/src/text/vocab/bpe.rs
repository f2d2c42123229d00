//! Byte-level byte-pair encoding: learning the merges (Sennrich, Haddow, Birch 2016, algorithm 1, on bytes as in Radford et al. 2019).
//!
//! The pieces are the tokens of kind `words`, each with its count. Starting from 256 bytes, the pair of neighbours that is most
//! frequent becomes a token, again and again, until there are as many as were asked for or no pair is frequent enough. Pairs that
//! are equally frequent go in the order of their ids. Ids: `<eos>` 0, then the bytes in the order of their letters (the printable ones
//! first), then a token for each merge.
//!
//! Learning is the work of the crate `tokenizers`, which needs a few hundred bytes for each different piece; how many there may be
//! is limited while they are counted.

use tokenizers::AddedToken;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;

use super::json::{byte_letter, with_model};
use super::{EOS, Kind, TextError, Vocab};

/// `<eos>` and the bytes.
pub const LEAST: usize = 257;

/// Longer pieces teach nothing: no word is so long, and the time to merge one grows with the square of its length.
pub const LONGEST_LEARNT: usize = 256;

/// The vocabulary of at most `most` entries that the pieces, with their counts, teach. A pair below `min_count` is not merged.
///
/// Errors: no room for the bytes.
pub fn learn(
    pieces: impl Iterator<Item = (Box<[u8]>, u64)>,
    min_count: u64,
    most: usize,
) -> Result<Vocab, TextError> {
    if most < LEAST {
        return Err(TextError::BpeTooSmall { entries: most });
    }
    let pieces: Vec<(Box<[u8]>, u64)> = pieces.filter(|(piece, _)| piece.len() > 1).collect();
    // The crate counts pairs in 31 bits.
    let pairs = pieces
        .iter()
        .map(|(piece, count)| count.saturating_mul(piece.len() as u64));
    let all = pairs.fold(0u64, u64::saturating_add);
    // It makes room for all entries that were asked for; a merge needs a pair to stand somewhere.
    let possible = pieces.iter().map(|(piece, _)| piece.len()).sum::<usize>();
    let most = most.min(LEAST + possible);
    let scale = all.div_ceil(i32::MAX as u64).max(1);
    let counts = pieces
        .into_iter()
        .map(|(piece, count)| (letters(&piece), count / scale))
        .filter(|(_, count)| *count > 0)
        .map(|(piece, count)| (piece.into(), count))
        .collect();
    let trainer = BpeTrainer::builder()
        .vocab_size(most)
        .min_frequency(min_count.div_ceil(scale))
        .show_progress(false)
        .special_tokens(vec![AddedToken::from(EOS, true)])
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .build();
    let mut model = BPE::default();
    let failed = |what: String| TextError::Tokenizer(what);
    trainer
        .do_train(&counts, &mut model)
        .map_err(|error| failed(error.to_string()))?;
    let model = serde_json::to_string(&model).map_err(|error| failed(error.to_string()))?;
    Vocab::from_tokenizer_json("the merges", with_model(Kind::Bpe, &model).as_bytes())
}

/// Bytes in the byte-level alphabet.
pub fn letters(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| byte_letter(byte)).collect()
}
