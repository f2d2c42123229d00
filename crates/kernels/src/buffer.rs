//! Memory that vectors like: numbers aligned to a cache line, large ones in huge pages.
//!
//! A product walks through matrices whose rows lie tens of kilobytes apart; with pages of 4 KiB
//! every step is another entry of the translation buffer. Where the system gives huge pages to
//! those who ask, memory from 2 MiB on asks for them.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, handle_alloc_error};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// Bytes of a cache line.
const LINE: usize = 64;
/// Bytes of a huge page.
const HUGE: usize = 2 << 20;

/// A fixed number of `f32`, zero at first, aligned to 64 bytes.
pub struct Buffer {
    start: NonNull<f32>,
    len: usize,
}

#[repr(align(64))]
struct Line;

// SAFETY: a `Buffer` owns its memory, as a `Box<[f32]>` does.
unsafe impl Send for Buffer {}
// SAFETY: as above.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Buffer {
        let Some(layout) = layout(len) else {
            let start = NonNull::<Line>::dangling().cast();
            return Buffer { start, len };
        };
        let huge = layout.align() == HUGE;
        // SAFETY: the layout is not empty.
        let start = unsafe {
            if huge {
                alloc(layout)
            } else {
                alloc_zeroed(layout)
            }
        };
        let Some(start) = NonNull::new(start) else {
            handle_alloc_error(layout);
        };
        if huge {
            // Before the first touch, which decides what the pages are.
            ask_for_huge_pages(start, layout.size());
            // SAFETY: the allocation has this size, and nobody else knows it.
            unsafe { start.write_bytes(0, layout.size()) };
        }
        Buffer {
            start: start.cast(),
            len,
        }
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
    let align = if bytes >= HUGE { HUGE } else { LINE };
    Some(Layout::from_size_align(bytes, align).expect("a buffer larger than the address space"))
}

/// Advises the system on the whole huge pages of an allocation; the rest keeps small ones, so that
/// no more memory is taken than was planned. Advice may be ignored.
fn ask_for_huge_pages(start: NonNull<u8>, bytes: usize) {
    #[cfg(target_os = "linux")]
    {
        use rustix::mm::{Advice, madvise};
        let whole = bytes - bytes % HUGE;
        // SAFETY: the range is inside an allocation of ours, and the advice changes no contents.
        let _ = unsafe { madvise(start.as_ptr().cast(), whole, Advice::LinuxHugepage) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (start, bytes);
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(layout) = layout(self.len) {
            // SAFETY: allocated by `zeros` with this layout.
            unsafe { dealloc(self.start.as_ptr().cast(), layout) };
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
