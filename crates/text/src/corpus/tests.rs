use std::io::Cursor;

use super::*;
use crate::{Kind, ReadOptions, Source, count, encode};
use std::io::{self, Seek, SeekFrom, Write};

fn token_file() -> (Vec<u8>, Vec<u32>, Vocab, TextStats) {
    let text = "the cat sat on the mat\nthe end\n".repeat(30);
    let source = || {
        let reader = Box::new(Cursor::new(text.clone()));
        [Source::Reader {
            name: "test".to_owned(),
            reader,
        }]
    };
    let options = ReadOptions::default();
    let vocab = count(source(), Kind::Words, &options, 1 << 20)
        .unwrap()
        .0
        .into_vocab(31, None)
        .unwrap();
    let mut ids = Vec::new();
    let mut writer = CorpusWriter::new(Cursor::new(Vec::new()), &vocab).unwrap();
    let stats = encode(source(), &vocab, &options, &mut |symbol| {
        ids.push(symbol.id);
        writer.push(symbol.id).map_err(TextError::WriteTokens)
    });
    let stats = stats.unwrap();
    let bytes = writer.finish(&stats).unwrap().into_inner();
    (bytes, ids, vocab, stats)
}

fn reopened(bytes: &[u8]) -> Result<Corpus, CorpusError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    match Corpus::open(file.path()) {
        Ok(corpus) => Ok(corpus),
        Err(TextError::TokenFile { path, source }) => {
            assert_eq!(path, file.path());
            Err(source)
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn what_is_written_is_read() {
    let (bytes, ids, vocab, stats) = token_file();
    assert!(stats.oov > 0);
    assert_eq!(bytes.len(), HEADER_BYTES + 4 * ids.len());
    let corpus = reopened(&bytes).unwrap();
    assert_eq!(corpus.ids(), ids);
    assert_eq!(corpus.stats(), &stats);
    assert_eq!(
        (corpus.vocab_len(), corpus.vocab_hash()),
        (vocab.len(), vocab.hash())
    );
    assert!(corpus.check_vocab(&vocab).is_ok());
    assert!(matches!(
        corpus.check_vocab(&Vocab::bytes()),
        Err(CorpusError::Vocabulary { .. })
    ));
}

#[test]
fn many_ids_are_written_in_parts() {
    let vocab = Vocab::bytes();
    let ids: Vec<u32> = (0..3 * BUFFER_IDS as u32 + 7).map(|i| i % 257).collect();
    let mut writer = CorpusWriter::new(Cursor::new(Vec::new()), &vocab).unwrap();
    ids.iter().for_each(|&id| writer.push(id).unwrap());
    let stats = TextStats {
        tokens: ids.len() as u64,
        hash: "0".repeat(64),
        ..TextStats::default()
    };
    let bytes = writer.finish(&stats).unwrap().into_inner();
    assert_eq!(reopened(&bytes).unwrap().ids(), ids);
}

#[test]
fn every_truncation_and_every_flipped_byte_is_refused() {
    let (bytes, ..) = token_file();
    for length in 0..bytes.len() {
        let error = reopened(&bytes[..length]).err().unwrap();
        assert!(
            matches!(error, CorpusError::Magic | CorpusError::Size { .. }),
            "{length}: {error}"
        );
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(matches!(reopened(&longer), Err(CorpusError::Size { .. })));
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x10;
        let error = reopened(&flipped).err().unwrap();
        let right = match at {
            0..8 => matches!(error, CorpusError::Magic),
            8..12 => matches!(error, CorpusError::Version(_)),
            16..24 => matches!(error, CorpusError::Size { .. }),
            _ => matches!(error, CorpusError::Checksum),
        };
        assert!(right, "byte {at}: {error}");
    }
}

/// The file of `ids` under a vocabulary of `vocab_len` entries, with a checksum that is right.
fn forged(ids: &[u32], vocab_len: u32) -> Vec<u8> {
    let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
    let header = Header {
        vocab_len,
        tokens: ids.len() as u64,
        counts: [0; 5],
        vocab_hash: [1; 32],
        corpus_hash: [2; 32],
    };
    [header.to_bytes(&blake3::hash(&bytes)), bytes].concat()
}

#[test]
fn ids_outside_the_vocabulary_are_refused() {
    assert!(reopened(&forged(&[1, 2, 2], 3)).is_ok());
    let error = reopened(&forged(&[1, 2, 3], 3)).err().unwrap();
    assert!(
        matches!(
            error,
            CorpusError::Id {
                id: 3,
                position: 2,
                vocab: 3
            }
        ),
        "{error}"
    );
    assert!(matches!(
        reopened(&forged(&[], 3)),
        Err(CorpusError::NoTokens)
    ));
}

#[test]
fn a_writer_that_was_not_finished_leaves_no_token_file() {
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = CorpusWriter::new(&mut bytes, &Vocab::bytes()).unwrap();
    writer.push(7).unwrap();
    drop(writer);
    assert!(matches!(reopened(bytes.get_ref()), Err(CorpusError::Magic)));
}

#[test]
fn a_full_disk_is_an_error() {
    /// Takes `0` bytes and no more.
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self
                .0
                .checked_sub(bytes.len())
                .ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl Seek for Full {
        fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
            Ok(0)
        }
    }
    assert!(CorpusWriter::new(Full(100), &Vocab::bytes()).is_err());
    let mut writer = CorpusWriter::new(Full(200), &Vocab::bytes()).unwrap();
    let written = (0..100_000).try_for_each(|_| writer.push(3));
    assert_eq!(written.unwrap_err().kind(), io::ErrorKind::StorageFull);
}
