//! Writing a token file.

use super::BUFFER_IDS;
use super::header::{HEADER_BYTES, Header};
use crate::{TextStats, Vocab};
use std::io::{self, Seek, SeekFrom, Write};

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

/// The bytes of a hash that we have printed ourselves.
fn from_hex(hex: &str) -> [u8; 32] {
    match blake3::Hash::from_hex(hex) {
        Ok(hash) => *hash.as_bytes(),
        Err(_) => panic!("{hex:?} is not a hash"),
    }
}
