//! The bytes of a model: those of its file, mapped or in memory.

use elman_kernels::Mapped;
use std::sync::atomic::{AtomicU64, Ordering};

/// The bytes of a model's file.
pub enum Block {
    Owned(Vec<u8>),
    Mapped(Mapped),
    /// Mapped, and given back to the system while it is passed through.
    Passing(Passing),
}

/// A mapped file of which only this number of bytes stay in memory.
pub struct Passing {
    bytes: Mapped,
    most: u64,
    used: AtomicU64,
}

impl Block {
    /// A mapped file of which about `most` bytes stay in memory, as far as [`Block::used`] says what is used.
    pub fn passing(bytes: Mapped, most: u64) -> Block {
        Block::Passing(Passing {
            bytes,
            most,
            used: AtomicU64::new(0),
        })
    }

    #[inline]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Block::Owned(bytes) => bytes,
            Block::Mapped(bytes) => bytes,
            Block::Passing(passing) => &passing.bytes,
        }
    }

    /// Notes that this number of further bytes have been used, and gives memory back if it is too much.
    pub fn used(&self, bytes: u64) {
        if let Block::Passing(passing) = self
            && passing.used.fetch_add(bytes, Ordering::Relaxed) + bytes > passing.most
        {
            passing.used.store(0, Ordering::Relaxed);
            passing.bytes.release();
        }
    }

    pub fn into_bytes(self) -> Vec<u8> {
        match self {
            Block::Owned(bytes) => bytes,
            Block::Mapped(bytes) => bytes.to_vec(),
            Block::Passing(passing) => passing.bytes.to_vec(),
        }
    }
}
