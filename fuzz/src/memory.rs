//! The bound on memory: reading a file allocates no more than the file's bytes and 16 MiB at once, whatever the file says.
//!
//! Rust's allocations are counted, those of threads too; `-malloc_limit_mb=17` also stops a single one that is too large when
//! it is made, and with it those of libraries in other languages.

use peak_alloc::PeakAlloc;

#[global_allocator]
static COUNTED: PeakAlloc = PeakAlloc;

/// What reading may allocate beside the bytes of the file.
const BESIDE_BYTES: usize = 16 << 20;

/// Does `work`, which reads a file of `bytes` bytes; panics if it allocated too much at once.
pub fn bounded<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    let before = COUNTED.current_usage();
    COUNTED.reset_peak_usage();
    let done = work();
    let taken = COUNTED.peak_usage().saturating_sub(before);
    assert!(
        taken <= bytes + BESIDE_BYTES,
        "{taken} bytes were allocated for a file of {bytes}"
    );
    done
}
