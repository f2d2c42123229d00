//! Any bytes as the binary of an n-gram model: refused, or every query has an answer. The checksums are set right first, or
//! nothing behind them would ever be reached.
#![no_main]

use elman::ngram::Model;
use libfuzzer_sys::fuzz_target;

/// Where the version and the id are, where the id's bytes begin, and how many bytes have a CRC (`docs/FORMAT.md`).
const VERSION_AT: usize = 8;
const ID_AT: usize = 16;
const HASHED_AT: usize = 48;
const SUMMED_BYTES: usize = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    match bytes.get(VERSION_AT) {
        Some(1) if bytes.len() > HASHED_AT => {
            let hash = blake3::hash(&bytes[HASHED_AT..]);
            bytes[ID_AT..HASHED_AT].copy_from_slice(hash.as_bytes());
        }
        _ => {
            let sums: Vec<u32> = bytes.chunks(SUMMED_BYTES).map(crc32fast::hash).collect();
            bytes.extend(sums.iter().flat_map(|sum| sum.to_le_bytes()));
        }
    }
    match Model::from_bytes("fuzz", bytes) {
        Ok(model) => {
            elman_fuzz::ngrams::ask(&model);
            elman_fuzz::ngrams::read_on(&model);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
