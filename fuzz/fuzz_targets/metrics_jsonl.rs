//! Any bytes as the metrics of a run: what can be read is read, and the run writes on without losing a line.
#![no_main]

use elman::train::metrics::Follower;
use elman_fuzz::memory;
use elman_fuzz::run::Run;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static RUN: LazyLock<Run> = LazyLock::new(Run::stream);

/// The step that the run goes on from.
const RESUMED: u64 = 2;

fuzz_target!(|bytes: &[u8]| {
    let path = RUN.path().join("metrics.jsonl");
    elman_fuzz::run::write(&path, bytes);
    let steps = || -> Vec<u64> {
        match Follower::open(&path) {
            Ok(follower) => follower.lines().iter().map(|line| line.step()).collect(),
            Err(error) => panic!("{error}"),
        }
    };
    let kept = memory::bounded(8 * bytes.len(), steps);
    let ends = |text: &[u8]| text.windows(6).any(|six| six == b"\"end\",");
    let resumed = memory::bounded(8 * bytes.len(), || RUN.resume_with(&path, bytes));
    if let Err(error) = resumed {
        panic!("{error}");
    }
    let now = steps();
    let before: Vec<u64> = kept.into_iter().filter(|step| *step <= RESUMED).collect();
    if !ends(bytes) {
        assert!(now.starts_with(&before), "{before:?} became {now:?}");
    }
});
