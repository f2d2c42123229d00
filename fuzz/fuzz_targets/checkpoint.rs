//! Any bytes as the checkpoint of a run: refused, or the run goes on from it. Of what begins as a checkpoint the checksum is set
//! right first, or nothing behind it would ever be reached.
#![no_main]

use elman::store::{Integrity, read_head, read_snapshot, verify_snapshot};
use elman_fuzz::run::{Run, write};
use elman_fuzz::{checksums, memory};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static RUNS: LazyLock<[Run; 2]> = LazyLock::new(|| [Run::stream(), Run::sentences()]);

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    checksums::mend_snapshot(&mut bytes);
    let path = RUNS[0].path().join("state/other");
    write(&path, &bytes);
    let whole = memory::bounded(2 * bytes.len(), || {
        let _ = read_head(&path);
        let _ = read_snapshot(&path, Integrity::Foreign);
        verify_snapshot(&path)
    });
    if let Err(error) = whole {
        return assert!(!error.to_string().is_empty());
    }
    for run in &*RUNS {
        let resumed = memory::bounded(bytes.len(), || run.resume_with(run.checkpoint(), &bytes));
        if let Err(error) = resumed {
            assert!(!error.to_string().is_empty());
        }
    }
});
