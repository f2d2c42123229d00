//! Any bytes as an ARPA file: it is refused with a message, or gives a model that answers, is written, and read again is the same.
#![no_main]

use elman::ngram::{Model, NgramError, arpa};
use elman::text::Source;
use libfuzzer_sys::fuzz_target;
use std::io::Cursor;

fuzz_target!(|bytes: &[u8]| {
    let model = match read(bytes.to_vec()) {
        Ok(model) => model,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    elman_fuzz::ngrams::ask(&model);
    let [one_by_one, at_once] = elman_fuzz::ngrams::read_on(&model);
    assert_eq!(one_by_one, at_once);
    let text = match arpa::write(&model, Vec::new()) {
        Ok(text) => text,
        Err(error) => panic!("a model from a file cannot be written: {error}"),
    };
    match read(text) {
        Ok(again) => assert_eq!(again.id(), model.id()),
        Err(error) => panic!("a file of ours is refused: {error}"),
    }
    match Model::from_bytes("fuzz", model.as_bytes().to_vec()) {
        Ok(again) => assert_eq!(again.id(), model.id()),
        Err(error) => panic!("a binary of ours is refused: {error}"),
    }
});

fn read(bytes: Vec<u8>) -> Result<Model, NgramError> {
    let source = Source::Reader {
        name: "fuzz".to_owned(),
        reader: Box::new(Cursor::new(bytes)),
    };
    arpa::read(source, arpa::ArpaOptions::default())
}
