//! Any bytes as the binary of an n-gram model: refused, or every query has an answer. Of what is long enough the checksum is set
//! right first, or nothing behind it would ever be reached.
#![no_main]

use elman::ngram::Model;
use libfuzzer_sys::fuzz_target;

/// Where the checksum stands, and where begins what it is of (`docs/FORMAT.md`).
const CHECKSUM_AT: usize = 16;
const SUMMED_AT: usize = 48;

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    if bytes.len() > SUMMED_AT {
        let hash = blake3::hash(&bytes[SUMMED_AT..]);
        bytes[CHECKSUM_AT..SUMMED_AT].copy_from_slice(hash.as_bytes());
    }
    match Model::from_bytes("fuzz", bytes) {
        Ok(model) => {
            elman_fuzz::ngrams::ask(&model);
            elman_fuzz::ngrams::read_on(&model);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
