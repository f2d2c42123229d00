//! The bytes of a model: those of its file, mapped or in memory.

use elman_kernels::Mapped;

/// The bytes of a model's file.
pub enum Block {
    Owned(Vec<u8>),
    Mapped(Mapped),
}

impl Block {
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Block::Owned(bytes) => bytes,
            Block::Mapped(bytes) => bytes,
        }
    }

    pub fn into_bytes(self) -> Vec<u8> {
        match self {
            Block::Owned(bytes) => bytes,
            Block::Mapped(bytes) => bytes.to_vec(),
        }
    }
}
