//! Counts a vocabulary, encodes files with it and prints everything as JSON, for comparison with other tokenisers.
//!
//! ```text
//! cargo run --release --example token_ids -- words 1 data/kjv.txt
//! {"kind": "words", "eos_ends_lines": false, "exact": true, "tokenizer": "{…}", "ids": [[2, 5, …, 0]], "decoded": ["…"]}
//! ```
//!
//! Arguments: the kind (`bpe:N`: of at most N entries) or a `tokenizer.json`, the least count of a vocabulary entry, files.
//! `tools/check_tokenizers.py` reads the output.

use std::error::Error;
use std::io::Write;
use std::path::Path;

use elman::text::{self, Kind, ReadOptions, Source, TextError, Vocab};

/// A table of distinct tokens this large is no vocabulary.
const COUNT_LIMIT_BYTES: u64 = 1 << 30;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let from = arguments
        .next()
        .ok_or("usage: token_ids KIND|TOKENIZER.json MIN_COUNT FILE...")?;
    let min_count = arguments
        .next()
        .ok_or("the least count is missing")?
        .parse()?;
    let files: Vec<String> = arguments.collect();

    let options = ReadOptions::default();
    let vocab = if from.ends_with(".json") {
        Vocab::from_tokenizer(Path::new(&from), None)?
    } else {
        let (kind, most) = from.split_once(':').unwrap_or((&from, ""));
        let (kind, most): (Kind, Option<usize>) = (kind.parse()?, most.parse().ok());
        let (counts, _) = text::count(Source::files(&files), kind, &options, COUNT_LIMIT_BYTES)?;
        counts.into_vocab(min_count, most)?
    };
    let mut ids = Vec::new();
    let mut decoded = Vec::new();
    for file in Source::files(&files) {
        let mut document = Vec::new();
        text::encode([file], &vocab, &options, &mut |symbol| {
            document.push(symbol.id);
            Ok::<(), TextError>(())
        })?;
        decoded.push(String::from_utf8_lossy(&vocab.decode(&document)).into_owned());
        ids.push(document);
    }
    let (ids, decoded) = (
        serde_json::to_string(&ids)?,
        serde_json::to_string(&decoded)?,
    );
    // The tokenizer goes out as text, so that the reader sees the very bytes of the file.
    let tokenizer = serde_json::to_string(&vocab.to_tokenizer_json())?;
    writeln!(
        std::io::stdout(),
        r#"{{"kind": "{}", "eos_ends_lines": {}, "exact": {}, "tokenizer": {tokenizer}, "ids": {ids}, "decoded": {decoded}}}"#,
        vocab.kind(),
        vocab.eos_ends_lines(),
        vocab.loses().is_none()
    )?;
    Ok(())
}
