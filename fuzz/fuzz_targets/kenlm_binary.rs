//! Any bytes as a binary file of KenLM: refused, or every query has an answer, in memory that the file accounts for.
#![no_main]

use elman::ngram::Model;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let bytes = bytes.to_vec();
    let read = elman_fuzz::memory::bounded(bytes.len(), || Model::from_bytes("fuzz", bytes));
    let model = match read {
        Ok(model) => model,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    elman_fuzz::ngrams::ask(&model);
    let [one_by_one, at_once] = elman_fuzz::ngrams::read_on(&model);
    assert_eq!(one_by_one, at_once);
    let listed = model.check_listed().is_ok();
    match model.into_own() {
        Ok(own) => elman_fuzz::ngrams::ask(&own),
        Err(error) => assert!(!listed && !error.to_string().is_empty()),
    }
});
