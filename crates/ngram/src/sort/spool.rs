//! Records that come in ascending order: kept in memory as long as a shared budget allows for it, then in a scratch file.

use super::{RECORD_BYTES, Record, Scratch, record};
use elman_store::StoreError;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Records of one block: 192 KiB.
const BLOCK: usize = 1 << 13;

/// Memory that several spools share.
pub struct Budget(AtomicI64);

impl Budget {
    pub fn new(bytes: u64) -> Budget {
        Budget(AtomicI64::new(i64::try_from(bytes).unwrap_or(i64::MAX)))
    }

    fn take(&self, bytes: usize) -> bool {
        let taken = self.0.fetch_sub(bytes as i64, Ordering::Relaxed) >= bytes as i64;
        if !taken {
            self.give_back(bytes);
        }
        taken
    }

    fn give_back(&self, bytes: usize) {
        self.0.fetch_add(bytes as i64, Ordering::Relaxed);
    }
}

/// Spool that is being written.
pub struct Spool {
    scratch: Arc<Scratch>,
    budget: Arc<Budget>,
    blocks: Vec<Block>,
    open: Vec<Record>,
}

enum Block {
    Memory(Vec<Record>),
    Disk(Range<u64>),
}

impl Spool {
    pub fn new(scratch: &Arc<Scratch>, budget: &Arc<Budget>) -> Spool {
        Spool {
            scratch: scratch.clone(),
            budget: budget.clone(),
            blocks: Vec::new(),
            open: Vec::new(),
        }
    }

    #[inline]
    pub fn push(&mut self, key: u128, value: u64) -> Result<(), StoreError> {
        if self.open.len() == BLOCK {
            self.close()?;
        }
        self.open.push(record(key, value));
        Ok(())
    }

    fn close(&mut self) -> Result<(), StoreError> {
        let block = match self.budget.take(BLOCK * RECORD_BYTES) {
            true => Block::Memory(std::mem::take(&mut self.open)),
            false => {
                let range = self.scratch.append(bytemuck::cast_slice(&self.open))?;
                self.open.clear();
                Block::Disk(range)
            }
        };
        self.blocks.push(block);
        Ok(())
    }

    /// Ends the input.
    pub fn finish(mut self) -> Result<Spooled, StoreError> {
        if !self.open.is_empty() {
            self.open.shrink_to_fit();
            if self.budget.take(self.open.len() * RECORD_BYTES) {
                self.blocks.push(Block::Memory(self.open));
            } else {
                let range = self.scratch.append(bytemuck::cast_slice(&self.open))?;
                self.blocks.push(Block::Disk(range));
            }
        }
        self.blocks.reverse();
        Ok(Spooled {
            scratch: self.scratch,
            budget: self.budget,
            blocks: self.blocks,
            current: Vec::new(),
            at: 0,
        })
    }
}

/// The records of a spool, which are read once.
pub struct Spooled {
    scratch: Arc<Scratch>,
    budget: Arc<Budget>,
    /// Blocks still to be read, the next one last.
    blocks: Vec<Block>,
    current: Vec<Record>,
    at: usize,
}

impl Spooled {
    #[inline]
    pub fn next(&mut self) -> Result<Option<Record>, StoreError> {
        if self.at == self.current.len() && !self.next_block()? {
            return Ok(None);
        }
        self.at += 1;
        Ok(Some(self.current[self.at - 1]))
    }

    fn next_block(&mut self) -> Result<bool, StoreError> {
        self.at = 0;
        match self.blocks.pop() {
            None => {
                self.current = Vec::new();
                return Ok(false);
            }
            Some(Block::Memory(block)) => {
                self.budget.give_back(block.len() * RECORD_BYTES);
                self.current = block;
            }
            Some(Block::Disk(range)) => {
                let count = (range.end - range.start) as usize / RECORD_BYTES;
                self.current.resize(count, [0; 3]);
                let bytes = bytemuck::cast_slice_mut(&mut self.current);
                self.scratch.read(range.start, bytes)?;
            }
        }
        Ok(true)
    }
}
