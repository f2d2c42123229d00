use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tempfile::NamedTempFile;
use unicode_general_category::get_general_category;

use super::scan::Token;
use super::*;

mod conventions;
mod engines;
mod exact;
mod laws;
mod located;
mod reading;

fn file(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn source(bytes: &[u8]) -> Source {
    Source::Reader {
        name: "test".to_owned(),
        reader: Box::new(std::io::Cursor::new(bytes.to_vec())),
    }
}

fn plain() -> ReadOptions {
    ReadOptions::default()
}

fn vocab_of(text: &[u8], kind: Kind) -> Vocab {
    count([source(text)], kind, &plain(), 1 << 30)
        .unwrap()
        .0
        .into_vocab(1, None)
        .unwrap()
}

fn ids_of(
    sources: Vec<Source>,
    vocab: &Vocab,
    options: &ReadOptions,
) -> Result<(Vec<u32>, TextStats), TextError> {
    let mut ids = Vec::new();
    let stats = encode(sources, vocab, options, &mut |symbol| {
        ids.push(symbol.id);
        Ok::<(), TextError>(())
    })?;
    Ok((ids, stats))
}

/// The tokens of a text under its own vocabulary, and what was measured.
fn tokens(text: &[u8], kind: Kind) -> (Vec<String>, TextStats) {
    let vocab = vocab_of(text, kind);
    let (ids, stats) = ids_of(vec![source(text)], &vocab, &plain()).unwrap();
    assert_eq!(stats.tokens, ids.len() as u64);
    (
        ids.iter().map(|&id| vocab.token(id).into_owned()).collect(),
        stats,
    )
}

fn joined(text: &str, kind: Kind) -> String {
    tokens(text.as_bytes(), kind).0.join("|")
}

/// Reads `sources` to their end, as text of `kind`.
fn measure(
    sources: impl IntoIterator<Item = Source>,
    kind: Kind,
    options: &ReadOptions,
) -> Result<TextStats, TextError> {
    lines::read(sources, kind, options, |_| Ok(()))
}

fn scanned(kind: Kind, pieces: &[&str]) -> Vec<String> {
    let mut scanner = Scanner::new(kind);
    let mut found = Vec::new();
    let mut emit = |token: Token<'_>| {
        match token {
            Token::Text(text) => found.push(text.to_owned()),
            other => found.push(format!("{other:?}")),
        }
        Ok::<(), TextError>(())
    };
    for piece in pieces {
        scanner.push(lines::Chunk::Text(piece), &mut emit).unwrap();
    }
    scanner.flush(&mut emit).unwrap();
    found
}
