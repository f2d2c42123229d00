//! Any bytes as the token file of a run: refused, or the run goes on with it. Of what is long enough the checksum is set right
//! first, or nothing behind it would ever be reached.
#![no_main]

use elman::text::{Corpus, token_file};
use elman_fuzz::run::{Run, write};
use elman_fuzz::{checksums, memory};
use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use std::sync::LazyLock;

static RUNS: LazyLock<[Run; 2]> = LazyLock::new(|| [Run::stream(), Run::sentences()]);

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    checksums::mend_token_file(&mut bytes);
    let path: PathBuf = RUNS[0].path().join("tokens/other.tok");
    write(&path, &bytes);
    let opened = memory::bounded(bytes.len(), || {
        let _ = token_file(&path);
        Corpus::open(&path)
    });
    let corpus = match opened {
        Ok(corpus) => corpus,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let below = |id: &u32| (*id as usize) < corpus.vocab_len();
    assert!(corpus.ids().iter().all(below));
    for run in &*RUNS {
        for part in ["tokens/train.tok", "tokens/valid.tok"] {
            let path = run.path().join(part);
            let resumed = memory::bounded(bytes.len(), || run.resume_with(&path, &bytes));
            if let Err(error) = resumed {
                assert!(!error.to_string().is_empty());
            }
        }
    }
});
