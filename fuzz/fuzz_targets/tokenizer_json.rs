//! Any bytes as a `tokenizer.json`: refused, or a vocabulary that cuts texts, decodes what it cut, and is the same when its
//! own file is read.
#![no_main]

use elman::text::{ReadOptions, Source, TextError, Vocab, encode};
use elman_fuzz::memory;
use libfuzzer_sys::fuzz_target;
use std::io::Cursor;

const TEXTS: [&str; 3] = [
    "In the beginning was the Word,\n  and the\tWord was with God. 3.14159\n",
    "na\u{ef}ve \u{e9}t\u{e9} \u{4e00}\u{4e8c} \u{1f980}\u{200d}\u{1f980} \u{a0}\u{3000}x\r\n\n",
    "<eos></s><|endoftext|>[SEP] a\u{301}\u{0}\u{fffd}",
];

fuzz_target!(|bytes: &[u8]| {
    let read = memory::bounded(bytes.len(), || Vocab::from_tokenizer_json("fuzz", bytes));
    let vocab = match read {
        Ok(vocab) => vocab,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    for text in TEXTS {
        memory::bounded(bytes.len() + text.len(), || cut(&vocab, text));
    }
    let ids: Vec<u32> = (0..vocab.len() as u32).collect();
    memory::bounded(bytes.len(), || vocab.decode(&ids));
    let json = vocab.to_tokenizer_json();
    match Vocab::from_tokenizer_json("fuzz", json.as_bytes()) {
        Ok(again) => assert_eq!(again.hash(), vocab.hash()),
        Err(error) => panic!("a file of ours is refused: {error}"),
    }
});

/// Encodes a text and decodes it.
fn cut(vocab: &Vocab, text: &str) {
    let source = Source::Reader {
        name: "fuzz".to_owned(),
        reader: Box::new(Cursor::new(text.as_bytes().to_vec())),
    };
    let mut ids = Vec::new();
    let encoded = encode::<TextError>([source], vocab, &ReadOptions::default(), &mut |symbol| {
        ids.push(symbol.id);
        Ok(())
    });
    match encoded {
        Ok(stats) => assert_eq!(stats.tokens, ids.len() as u64),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    assert!(ids.iter().all(|id| (*id as usize) < vocab.len()));
    vocab.decode(&ids);
}
