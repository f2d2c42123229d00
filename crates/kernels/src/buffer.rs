//! Aligned memory for the kernels: buffers of `f32` on cache lines, large ones in huge pages.
//!
//! A product walks through matrices whose rows lie tens of kilobytes apart; with pages of 4 KiB
//! every step is another entry of the translation buffer. Where the system gives huge pages to
//! those who ask, memory from 2 MiB on asks for them.

use memmap2::MmapMut;
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes of a cache line.
const LINE: usize = 64;
/// Bytes of a huge page.
const HUGE: usize = 2 << 20;

/// Of all buffers.
static MAPPED: AtomicUsize = AtomicUsize::new(0);

/// Buffer of a fixed number of `f32`, initially zero, aligned to 64 bytes.
pub struct Buffer {
    start: NonNull<f32>,
    len: usize,
    /// What it lies in, if it is large; otherwise it was allocated.
    pages: Option<MmapMut>,
}

#[repr(align(64))]
struct Line;

// SAFETY: a `Buffer` owns its memory, as a `Box<[f32]>` does.
unsafe impl Send for Buffer {}
// SAFETY: as above.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// Allocates a buffer of `len` zeros.
    pub fn zeros(len: usize) -> Buffer {
        let Some(layout) = layout(len) else {
            let (start, pages) = (NonNull::<Line>::dangling().cast(), None);
            return Buffer { start, len, pages };
        };
        if let Some((start, pages)) = huge_pages(layout.size()) {
            let (start, pages) = (start.cast(), Some(pages));
            return Buffer { start, len, pages };
        }
        // SAFETY: the layout is not empty.
        let Some(start) = NonNull::new(unsafe { alloc_zeroed(layout) }) else {
            handle_alloc_error(layout);
        };
        let (start, pages) = (start.cast(), None);
        Buffer { start, len, pages }
    }

    /// Bytes of all large buffers that exist now.
    ///
    /// They are mapped from the system, so that an allocator that counts does not see them.
    pub fn mapped_bytes() -> usize {
        MAPPED.load(Relaxed)
    }
}

/// How `len` numbers are allocated, whole cache lines; `None` if there are none.
fn layout(len: usize) -> Option<Layout> {
    if len == 0 {
        return None;
    }
    let bytes = len
        .checked_mul(size_of::<f32>())
        .and_then(|bytes| bytes.checked_next_multiple_of(LINE))
        .expect("a buffer larger than the address space");
    Some(Layout::from_size_align(bytes, LINE).expect("a buffer larger than the address space"))
}

/// Memory of `bytes` zeros in pages of its own, which begins with a huge page. The system clears pages when they
/// are first touched, by whichever thread that is. `None` if a page holds it, or the system gives none.
fn huge_pages(bytes: usize) -> Option<(NonNull<u8>, MmapMut)> {
    if bytes < HUGE {
        return None;
    }
    // Room to begin where a huge page may; what lies before and behind is never touched.
    let mut pages = MmapMut::map_anon(bytes.checked_add(HUGE)?).ok()?;
    let skipped = pages.as_ptr().align_offset(HUGE);
    // The rest keeps small pages, so that no more memory is taken than was planned. Advice may be ignored.
    #[cfg(target_os = "linux")]
    let _ = pages.advise_range(memmap2::Advice::HugePage, skipped, bytes - bytes % HUGE);
    let start = NonNull::from(&mut pages[skipped..][..bytes]).cast();
    MAPPED.fetch_add(bytes, Relaxed);
    Some((start, pages))
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let Some(layout) = layout(self.len) else {
            return;
        };
        match self.pages {
            Some(_) => _ = MAPPED.fetch_sub(layout.size(), Relaxed),
            // SAFETY: allocated by `zeros` with this layout.
            None => unsafe { dealloc(self.start.as_ptr().cast(), layout) },
        }
    }
}

impl Default for Buffer {
    fn default() -> Buffer {
        Buffer::zeros(0)
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Buffer {
        let mut copy = Buffer::zeros(self.len);
        copy.copy_from_slice(self);
        copy
    }
}

impl Deref for Buffer {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        // SAFETY: `len` numbers begin at `start`, all initialised by `zeros`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`, and borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_of_any_length_are_zero_aligned_and_copied() {
        for len in [0, 1, 15, 16, 17, 1000, HUGE / 4 - 1, HUGE / 4, HUGE / 4 + 5] {
            let mut buffer = Buffer::zeros(len);
            assert!(buffer.len() == len && buffer.iter().all(|x| *x == 0.0));
            assert!((buffer.as_ptr() as usize).is_multiple_of(LINE));
            buffer.fill(2.5);
            assert_eq!(buffer.clone()[..], buffer[..]);
        }
        assert!(Buffer::default().is_empty());
    }

    #[test]
    #[should_panic(expected = "address space")]
    fn a_buffer_larger_than_the_address_space_is_refused() {
        Buffer::zeros(usize::MAX / 2);
    }
}
