//! A thread's share of a step, in blocks of sixteen units of one sequence.

use crate::product::Region;
use crate::simd::WIDTH;

/// Up to sixteen units of one sequence, side by side in memory.
pub(super) struct Block {
    row: usize,
    first: usize,
    pub(super) len: usize,
}

impl Block {
    /// Where they begin in a row-major (B, `width`); the same units of gate g are g·H further.
    #[inline(always)]
    pub(super) fn at(&self, width: usize) -> usize {
        self.row * width + self.first
    }
}

/// The units of a region, sequence by sequence. An iterator of our own: a closure inside `Op::run` is not
/// always inlined, and then not compiled for the instruction set.
pub(super) struct Blocks<'a> {
    region: &'a Region,
    units: usize,
    row: usize,
    block: usize,
}

impl<'a> Blocks<'a> {
    #[inline(always)]
    pub(super) fn of(region: &'a Region, units: usize) -> Blocks<'a> {
        Blocks {
            region,
            units,
            row: region.rows.start,
            block: region.blocks.start,
        }
    }
}

impl Iterator for Blocks<'_> {
    type Item = Block;

    #[inline(always)]
    fn next(&mut self) -> Option<Block> {
        if self.block == self.region.blocks.end {
            self.block = self.region.blocks.start;
            self.row += 1;
        }
        if self.row >= self.region.rows.end || self.region.blocks.is_empty() {
            return None;
        }
        let first = self.block * WIDTH;
        self.block += 1;
        Some(Block {
            row: self.row,
            first,
            len: WIDTH.min(self.units - first),
        })
    }
}
