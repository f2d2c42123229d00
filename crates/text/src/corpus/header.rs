//! The header of a token file.

use super::CorpusError;

pub const MAGIC: [u8; 8] = *b"ELMANTOK";
pub const VERSION: u32 = 1;
pub const HEADER_BYTES: usize = 160;
/// The header without its checksum.
pub const SUMMED_BYTES: usize = 128;

/// What a token file says of its ids.
pub struct Header {
    pub vocab_len: u32,
    pub tokens: u64,
    /// OOVs, fields, line ends, chars, bytes.
    pub counts: [u64; 5],
    pub vocab_hash: [u8; 32],
    pub corpus_hash: [u8; 32],
}

impl Header {
    /// The bytes of the header, with the checksum over itself and the hash of the ids.
    pub fn to_bytes(&self, ids_hash: &blake3::Hash) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(self.vocab_len.to_le_bytes());
        bytes.extend(self.tokens.to_le_bytes());
        for count in self.counts {
            bytes.extend(count.to_le_bytes());
        }
        bytes.extend(self.vocab_hash);
        bytes.extend(self.corpus_hash);
        let checksum = checksum(&bytes, ids_hash);
        bytes.extend(checksum.as_bytes());
        bytes
    }

    /// Parses a header; the checksum is compared once the ids are hashed.
    pub fn parse(bytes: &[u8; HEADER_BYTES]) -> Result<Header, CorpusError> {
        if field::<8>(bytes, 0) != MAGIC {
            return Err(CorpusError::Magic);
        }
        let version = u32::from_le_bytes(field(bytes, 8));
        if version != VERSION {
            return Err(CorpusError::Version(version));
        }
        Ok(Header {
            vocab_len: u32::from_le_bytes(field(bytes, 12)),
            tokens: u64::from_le_bytes(field(bytes, 16)),
            counts: std::array::from_fn(|i| u64::from_le_bytes(field(bytes, 24 + 8 * i))),
            vocab_hash: field(bytes, 64),
            corpus_hash: field(bytes, 96),
        })
    }
}

/// The checksum over the summed bytes of a header and the hash of the ids.
pub fn checksum(head: &[u8], ids_hash: &blake3::Hash) -> blake3::Hash {
    let mut sum = blake3::Hasher::new();
    sum.update(head).update(ids_hash.as_bytes());
    sum.finalize()
}

fn field<const N: usize>(bytes: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    std::array::from_fn(|i| bytes[at + i])
}
