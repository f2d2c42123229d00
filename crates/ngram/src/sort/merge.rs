//! Merging sorted runs, in memory and on disk, with a tree of losers (Knuth, The Art of Computer Programming 3, section 5.4.1): each
//! record costs one comparison for each level of the tree.

use super::{RECORD_BYTES, Record, Scratch, key};
use elman_store::StoreError;
use std::ops::Range;

/// Records by ascending key, merged from several runs.
pub struct Records<'a> {
    sums: bool,
    runs: Vec<Run<'a>>,
    /// The next key of each run; the largest number for one at its end.
    keys: Vec<u128>,
    /// At each inner node of the tree the run that lost there. The children of node i are 2 i and 2 i + 1; the leaf of run r is
    /// node r + the number of runs.
    losers: Vec<u32>,
    /// The run with the least key.
    winner: usize,
}

/// One run, read block by block if it is on disk.
struct Run<'a> {
    scratch: Option<&'a Scratch>,
    /// What has not been read yet.
    rest: Range<u64>,
    block: Vec<Record>,
    memory: &'a [Record],
    at: usize,
}

impl<'a> Records<'a> {
    pub fn new(sums: bool) -> Records<'a> {
        Records {
            sums,
            runs: Vec::new(),
            keys: Vec::new(),
            losers: Vec::new(),
            winner: 0,
        }
    }

    pub fn add_memory(&mut self, memory: &'a [Record]) {
        if !memory.is_empty() {
            self.keys.push(key(&memory[0]));
            self.runs.push(Run {
                scratch: None,
                rest: 0..0,
                block: Vec::new(),
                memory,
                at: 0,
            });
        }
    }

    /// Adds a run that is not empty; `block` records of it are read at once.
    pub fn add_run(
        &mut self,
        scratch: &'a Scratch,
        rest: Range<u64>,
        block: usize,
    ) -> Result<(), StoreError> {
        let most = (rest.end - rest.start) as usize / RECORD_BYTES;
        let mut run = Run {
            scratch: Some(scratch),
            rest,
            block: vec![[0; 3]; block.min(most)],
            memory: &[],
            at: 0,
        };
        run.refill()?;
        self.keys.push(key(&run.block[0]));
        self.runs.push(run);
        Ok(())
    }

    /// Makes the tree, once all runs are there.
    pub fn begin(&mut self) {
        let count = self.runs.len();
        self.losers = vec![0; count];
        // The winners at all nodes, from the leaves up.
        let mut winners = vec![0; count];
        winners.extend(0..count as u32);
        for node in (1..count).rev() {
            let [a, b] = [winners[2 * node], winners[2 * node + 1]];
            let a_wins = self.keys[a as usize] <= self.keys[b as usize];
            (winners[node], self.losers[node]) = if a_wins { (a, b) } else { (b, a) };
        }
        // Of one run its leaf is the root.
        self.winner = winners.get(1).map_or(0, |&winner| winner as usize);
    }

    /// The next record.
    #[inline]
    pub fn next(&mut self) -> Result<Option<Record>, StoreError> {
        let Some(mut record) = self.pop()? else {
            return Ok(None);
        };
        if self.sums {
            let key = key(&record);
            while self.keys[self.winner] == key
                && let Some(same) = self.pop_if_more()?
            {
                record[2] += same[2];
            }
        }
        Ok(Some(record))
    }

    /// The next record, if there is one whose key is that of the winner.
    fn pop_if_more(&mut self) -> Result<Option<Record>, StoreError> {
        match self.find_winner() {
            true => self.pop(),
            false => Ok(None),
        }
    }

    /// Makes sure that the winner is not at its end; false if all are.
    #[inline]
    fn find_winner(&mut self) -> bool {
        match self.runs.get(self.winner) {
            Some(run) if run.current().is_some() => true,
            _ => self.find_other_winner(),
        }
    }

    /// A run at its end won: all others are at theirs, or have the largest key that there is.
    #[cold]
    fn find_other_winner(&mut self) -> bool {
        let other = self.runs.iter().position(|run| run.current().is_some());
        if let Some(other) = other {
            // All keys are the same, so any run may be where the winner is.
            self.begin();
            self.runs.swap(self.winner, other);
        }
        other.is_some()
    }

    #[inline]
    fn pop(&mut self) -> Result<Option<Record>, StoreError> {
        if !self.find_winner() {
            return Ok(None);
        }
        let run = &mut self.runs[self.winner];
        let Some(&record) = run.current() else {
            return Ok(None);
        };
        run.at += 1;
        if run.current().is_none() {
            run.refill()?;
        }
        let mut key = run.current().map_or(u128::MAX, key);
        let mut winner = self.winner;
        self.keys[winner] = key;
        let mut node = (winner + self.runs.len()) / 2;
        while node > 0 {
            let loser = self.losers[node] as usize;
            let other = self.keys[loser];
            if other < key {
                self.losers[node] = winner as u32;
                (winner, key) = (loser, other);
            }
            node /= 2;
        }
        self.winner = winner;
        Ok(Some(record))
    }
}

impl Run<'_> {
    #[inline]
    fn current(&self) -> Option<&Record> {
        match self.scratch {
            Some(_) => self.block.get(self.at),
            None => self.memory.get(self.at),
        }
    }

    /// Reads the next block.
    fn refill(&mut self) -> Result<(), StoreError> {
        let Some(scratch) = self.scratch else {
            return Ok(());
        };
        let left = (self.rest.end - self.rest.start) as usize / RECORD_BYTES;
        self.block.truncate(left);
        self.at = 0;
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut self.block);
        scratch.read(self.rest.start, bytes)?;
        self.rest.start += bytes.len() as u64;
        Ok(())
    }
}
