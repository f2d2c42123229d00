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

mod header;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use elman_kernels::Mapped;

use super::{ReadOptions, Source, TextError, TextStats, Vocab};
use header::{HEADER_BYTES, Header, MAGIC, SUMMED_BYTES, VERSION, checksum};

const BUFFER_IDS: usize = 16 * 1024;

/// Flaw of a token file, or a mismatch with its vocabulary.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// Reading the file failed.
    #[error("the token file cannot be read: {0}")]
    Read(#[from] io::Error),
    /// The file does not begin with the magic bytes of token files.
    #[error("this is not a token file of elman (it does not begin with ELMANTOK)")]
    Magic,
    /// The file has a version that this program does not support.
    #[error(
        "the token file is of version {0}, this program reads version {VERSION}; encode the text again"
    )]
    Version(u32),
    /// The file does not have the size that its header implies.
    #[error(
        "the token file has {found} bytes where its header promises {expected}; it was cut short or added to: encode the text again"
    )]
    Size {
        /// Size by the header, in bytes.
        expected: u64,
        /// Size of the file, in bytes.
        found: u64,
    },
    /// The file holds no tokens.
    #[error("the token file holds no tokens")]
    NoTokens,
    /// The checksum does not match the contents.
    #[error("the token file is damaged (its checksum is wrong): encode the text again")]
    Checksum,
    /// A token id is not below the size of the vocabulary.
    #[error(
        "the token file holds the id {id} at position {position}, but only {vocab} are in its vocabulary"
    )]
    Id {
        /// The invalid id.
        id: u32,
        /// Index of the token in the text, from 0.
        position: usize,
        /// Size of the vocabulary, V.
        vocab: u32,
    },
    /// The vocabulary has the hash that the file names, but another size.
    #[error(
        "the token file speaks of a vocabulary of {found} entries, and its own has {expected}: encode the text again"
    )]
    Entries {
        /// Size of the vocabulary by the file.
        found: u32,
        /// Size of the vocabulary given.
        expected: usize,
    },
    /// The text was encoded with another vocabulary.
    #[error(
        "the token file was made with another vocabulary ({found}, not {expected}): encode the text again"
    )]
    Vocabulary {
        /// Hash of the vocabulary given.
        expected: String,
        /// Hash of the vocabulary that encoded the text.
        found: String,
    },
}

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

/// Writer of a token file, to anything that can seek.
///
/// If it is dropped before [`CorpusWriter::finish`], the file has no valid header.
pub struct CorpusWriter<W: Write + Seek> {
    out: W,
    /// Little-endian ids that are not written yet.
    buffer: Vec<u8>,
    ids_hash: blake3::Hasher,
    tokens: u64,
    vocab_len: u32,
    vocab_hash: String,
}

impl<W: Write + Seek> CorpusWriter<W> {
    /// Begins a token file at the beginning of `out`, for ids of `vocab`.
    pub fn new(mut out: W, vocab: &Vocab) -> io::Result<CorpusWriter<W>> {
        out.write_all(&[0; HEADER_BYTES])?;
        Ok(CorpusWriter {
            out,
            buffer: Vec::with_capacity(4 * BUFFER_IDS),
            ids_hash: blake3::Hasher::new(),
            tokens: 0,
            vocab_len: vocab.len() as u32,
            vocab_hash: vocab.hash().to_owned(),
        })
    }

    /// Appends a token. Panics if `id ≥ V`.
    pub fn push(&mut self, id: u32) -> io::Result<()> {
        assert!(
            id < self.vocab_len,
            "id {id} is not below V = {}",
            self.vocab_len
        );
        self.buffer.extend_from_slice(&id.to_le_bytes());
        self.tokens += 1;
        if self.buffer.len() >= 4 * BUFFER_IDS {
            self.write_buffer()
        } else {
            Ok(())
        }
    }

    /// Writes the header and returns `out`.
    ///
    /// `stats` are what encoding the text returned. The caller makes the file durable.
    pub fn finish(mut self, stats: &TextStats) -> io::Result<W> {
        assert_eq!(
            stats.tokens, self.tokens,
            "the statistics are not those of the tokens written"
        );
        self.write_buffer()?;
        let header = Header {
            vocab_len: self.vocab_len,
            tokens: self.tokens,
            counts: [
                stats.oov,
                stats.fields,
                stats.line_ends,
                stats.chars,
                stats.bytes,
            ],
            vocab_hash: from_hex(&self.vocab_hash),
            corpus_hash: from_hex(&stats.hash),
        };
        let bytes = header.to_bytes(&self.ids_hash.finalize());
        let wrote = self
            .out
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.out.write_all(&bytes));
        wrote.and_then(|()| self.out.flush())?;
        Ok(self.out)
    }

    fn write_buffer(&mut self) -> io::Result<()> {
        self.ids_hash.update(&self.buffer);
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
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

/// The bytes of a hash that we have printed ourselves.
fn from_hex(hex: &str) -> [u8; 32] {
    match blake3::Hash::from_hex(hex) {
        Ok(hash) => *hash.as_bytes(),
        Err(_) => panic!("{hex:?} is not a hash"),
    }
}

#[cfg(test)]
mod tests;
