//! The token file: an encoded text on disk, mapped into memory, so that a corpus larger than memory trains.
//!
//! Little-endian; a header of 160 bytes, then N ids of four bytes (`docs/FORMAT.md`, "Token file"):
//!
//! ```text
//!   0  magic "ELMANTOK"          64  vocabulary hash (32 bytes)
//!   8  version = 1  (u32)        96  corpus hash (32 bytes)
//!  12  V            (u32)       128  checksum (32 bytes): BLAKE3(bytes 0..128 ‖ BLAKE3(ids))
//!  16  N            (u64)       160  ids (u32 each), up to the end of the file
//!  24  OOVs, fields, line ends, chars, bytes of the text (u64 each)
//! ```
//!
//! Opening checks the sizes before anything is mapped, then the checksum and that every id is below V, in one sequential pass.
//! What is not checked: whether the text has changed since; the corpus hash is there for that.

mod error;
mod header;
mod writer;

pub use error::CorpusError;
pub use writer::CorpusWriter;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use elman_kernels::Mapped;

use super::{ReadOptions, Source, TextError, TextStats, Vocab};
use header::{HEADER_BYTES, Header, MAGIC, SUMMED_BYTES, checksum};

/// Ids that are hashed and written at once.
const BUFFER_IDS: usize = 16 * 1024;

/// Encoded text: N token ids below V, mapped from a token file or in memory.
pub struct Corpus {
    ids: Ids,
    vocab_len: u32,
    vocab_hash: String,
    stats: TextStats,
}

enum Ids {
    Mapped(Mapped),
    /// In memory: a text that was encoded there, or a file whose byte order is not the machine's.
    Owned(Vec<u32>),
}

impl Corpus {
    /// Opens a token file and verifies it completely.
    ///
    /// Error: [`TextError::TokenFile`] with what is wrong.
    pub fn open(path: &Path) -> Result<Corpus, TextError> {
        open(path).map_err(|source| TextError::TokenFile {
            path: path.to_owned(),
            source,
        })
    }

    /// Encodes a text in memory.
    ///
    /// Errors: those of [`encode`](crate::encode).
    pub fn encode(
        sources: impl IntoIterator<Item = Source>,
        vocab: &Vocab,
        read: &ReadOptions,
    ) -> Result<Corpus, TextError> {
        let mut ids = Vec::new();
        let stats = super::encode(
            sources,
            vocab,
            read,
            &mut |symbol| -> Result<(), TextError> {
                ids.push(symbol.id);
                Ok(())
            },
        )?;
        Ok(Corpus::in_memory(ids, vocab, stats))
    }

    /// Makes a corpus of given tokens, at least one. Panics if one is not below V.
    pub fn of_ids(ids: Vec<u32>, vocab: &Vocab) -> Corpus {
        let mut hash = blake3::Hasher::new();
        for id in &ids {
            assert!((*id as usize) < vocab.len(), "id {id} is not below V");
            hash.update(&id.to_le_bytes());
        }
        let stats = TextStats {
            tokens: ids.len() as u64,
            hash: hash.finalize().to_hex().to_string(),
            ..TextStats::default()
        };
        Corpus::in_memory(ids, vocab, stats)
    }

    fn in_memory(ids: Vec<u32>, vocab: &Vocab, stats: TextStats) -> Corpus {
        Corpus {
            ids: Ids::Owned(ids),
            vocab_len: vocab.len() as u32,
            vocab_hash: vocab.hash().to_owned(),
            stats,
        }
    }

    /// All tokens in order.
    pub fn ids(&self) -> &[u32] {
        match &self.ids {
            Ids::Mapped(bytes) => bytemuck::cast_slice(&bytes[HEADER_BYTES..]),
            Ids::Owned(ids) => ids,
        }
    }

    /// V: size of the vocabulary that encoded the text.
    pub fn vocab_len(&self) -> usize {
        self.vocab_len as usize
    }

    /// Hash of the vocabulary that encoded the text ([`Vocab::hash`]).
    pub fn vocab_hash(&self) -> &str {
        &self.vocab_hash
    }

    /// Hash of the text ([`TextStats::hash`]).
    pub fn hash(&self) -> &str {
        &self.stats.hash
    }

    /// Statistics of the text; from a file they have no notes.
    pub fn stats(&self) -> &TextStats {
        &self.stats
    }

    /// Checks that `vocab` encoded the text.
    ///
    /// Errors: [`CorpusError::Entries`] and [`CorpusError::Vocabulary`].
    pub fn check_vocab(&self, vocab: &Vocab) -> Result<(), CorpusError> {
        if self.vocab_hash == vocab.hash() && self.vocab_len() == vocab.len() {
            return Ok(());
        }
        if self.vocab_hash == vocab.hash() {
            return Err(CorpusError::Entries {
                found: self.vocab_len,
                expected: vocab.len(),
            });
        }
        Err(CorpusError::Vocabulary {
            expected: vocab.hash().to_owned(),
            found: self.vocab_hash.clone(),
        })
    }
}

/// Header of a token file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFile {
    /// N: number of tokens.
    pub tokens: u64,
    /// V: size of the vocabulary that encoded the text.
    pub vocab_len: usize,
    /// Hash of the vocabulary that encoded the text ([`Vocab::hash`]).
    pub vocab_hash: String,
    /// Hash of the text ([`TextStats::hash`]).
    pub hash: String,
}

/// Reads the header of a token file without verifying ids and checksum; [`Corpus::open`] verifies them.
pub fn token_file(path: &Path) -> Result<TokenFile, TextError> {
    let read = || -> Result<TokenFile, CorpusError> {
        let mut bytes = [0; HEADER_BYTES];
        File::open(path)?.read_exact(&mut bytes)?;
        let header = Header::parse(&bytes)?;
        let hex = |hash| blake3::Hash::from_bytes(hash).to_hex().to_string();
        Ok(TokenFile {
            tokens: header.tokens,
            vocab_len: header.vocab_len as usize,
            vocab_hash: hex(header.vocab_hash),
            hash: hex(header.corpus_hash),
        })
    };
    read().map_err(|source| TextError::TokenFile {
        path: path.to_owned(),
        source,
    })
}

fn open(path: &Path) -> Result<Corpus, CorpusError> {
    let mut file = File::open(path)?;
    let found = file.metadata()?.len();
    let mut start = Vec::with_capacity(HEADER_BYTES);
    (&mut file)
        .take(HEADER_BYTES as u64)
        .read_to_end(&mut start)?;
    if !start.starts_with(&MAGIC) {
        return Err(CorpusError::Magic);
    }
    let Ok(head) = <&[u8; HEADER_BYTES]>::try_from(start.as_slice()) else {
        return Err(CorpusError::Size {
            expected: HEADER_BYTES as u64,
            found,
        });
    };
    let header = Header::parse(head)?;
    // No file is as long as what a sum beyond u64 stands for.
    let bytes = header.tokens.saturating_mul(4);
    let expected = bytes.saturating_add(HEADER_BYTES as u64);
    if found != expected {
        return Err(CorpusError::Size { expected, found });
    }
    if header.tokens == 0 {
        return Err(CorpusError::NoTokens);
    }
    let mapped = Mapped::open(&file)?;
    if mapped.len() as u64 != found {
        return Err(CorpusError::Size {
            expected,
            found: mapped.len() as u64,
        });
    }
    check_ids(&mapped[HEADER_BYTES..], head, header.vocab_len)?;
    let [oov, fields, line_ends, chars, bytes] = header.counts;
    let hash = blake3::Hash::from_bytes(header.corpus_hash)
        .to_hex()
        .to_string();
    let stats = TextStats {
        tokens: header.tokens,
        oov,
        fields,
        line_ends,
        chars,
        bytes,
        hash,
        notes: Vec::new(),
    };
    let ids = if cfg!(target_endian = "little") {
        Ids::Mapped(mapped)
    } else {
        Ids::Owned(little_endian(&mapped[HEADER_BYTES..]).collect())
    };
    let vocab_hash = blake3::Hash::from_bytes(header.vocab_hash)
        .to_hex()
        .to_string();
    Ok(Corpus {
        ids,
        vocab_len: header.vocab_len,
        vocab_hash,
        stats,
    })
}

/// Checks the sum over header and ids, and that every id is below V.
fn check_ids(ids: &[u8], head: &[u8; HEADER_BYTES], vocab: u32) -> Result<(), CorpusError> {
    let mut hash = blake3::Hasher::new();
    let mut bad = None;
    for (part, bytes) in ids.chunks(4 * BUFFER_IDS).enumerate() {
        hash.update(bytes);
        if bad.is_none() {
            let found = little_endian(bytes)
                .enumerate()
                .find(|&(_, id)| id >= vocab);
            bad = found.map(|(i, id)| CorpusError::Id {
                id,
                position: part * BUFFER_IDS + i,
                vocab,
            });
        }
    }
    if checksum(&head[..SUMMED_BYTES], &hash.finalize()).as_bytes() != &head[SUMMED_BYTES..] {
        return Err(CorpusError::Checksum);
    }
    bad.map_or(Ok(()), Err)
}

fn little_endian(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    bytes
        .chunks_exact(4)
        .map(|id| u32::from_le_bytes([id[0], id[1], id[2], id[3]]))
}

#[cfg(test)]
mod tests;
