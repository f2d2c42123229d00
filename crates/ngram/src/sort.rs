//! Sorting more records than memory holds.
//!
//! A [`Sorter`] takes records in any order. What does not fit in its share of memory is sorted part by part into a scratch file, which
//! has no name and vanishes with the process. [`Sorted`] are the records of one or several sorters: any range of keys can be read
//! from it by ascending key, merged on the way, so that each thread takes a range of its own. A [`Spool`] is for records that come in
//! order already.
//!
//! Where memory suffices nothing is written. Whether it does, and how many sorters and ranges there are, changes no record.

use elman_store::StoreError;
use std::ops::Range;
use std::sync::Arc;

mod merge;
mod scratch;
mod spool;
mod stable;

pub use merge::Records;
pub use scratch::Scratch;
pub use spool::{Budget, Spool, Spooled};
pub use stable::TopDigit;

/// Record to be sorted: its key (the higher word first) and its value.
pub type Record = [u64; 3];
pub const RECORD_BYTES: usize = size_of::<Record>();

/// The least that is read at once from a scratch file, in records.
const LEAST_BLOCK: usize = 256;

pub fn record(key: u128, value: u64) -> Record {
    [(key >> 64) as u64, key as u64, value]
}

#[inline]
pub fn key(record: &Record) -> u128 {
    u128::from(record[0]) << 64 | u128::from(record[1])
}

/// Sorter of records that come in any order, within limited memory.
pub struct Sorter {
    scratch: Arc<Scratch>,
    /// Records that it holds in memory.
    most: usize,
    /// Values of equal keys are added up; otherwise keys must differ.
    sums: bool,
    /// Records come in such an order that those with the same highest digit ascend.
    by_digit: Option<TopDigit>,
    records: Vec<Record>,
    runs: Vec<Range<u64>>,
}

impl Sorter {
    /// Makes a sorter for records with distinct keys, which holds `most` of them in memory.
    pub fn new(scratch: &Arc<Scratch>, most: usize) -> Sorter {
        Sorter {
            scratch: scratch.clone(),
            most: most.max(LEAST_BLOCK),
            sums: false,
            by_digit: None,
            records: Vec::new(),
            runs: Vec::new(),
        }
    }

    /// Makes a sorter that adds up the values of equal keys.
    pub fn summing(scratch: &Arc<Scratch>, most: usize) -> Sorter {
        Sorter {
            sums: true,
            ..Sorter::new(scratch, most)
        }
    }

    /// Makes a sorter for records that come in such an order that those with the same highest digit ascend. While it sorts it
    /// takes the memory of its records twice.
    pub fn by_digit(self, digit: TopDigit) -> Sorter {
        Sorter {
            by_digit: Some(digit),
            ..self
        }
    }

    #[inline]
    pub fn push(&mut self, key: u128, value: u64) -> Result<(), StoreError> {
        if self.records.len() == self.records.capacity() {
            self.make_space()?;
        }
        self.records.push(record(key, value));
        Ok(())
    }

    /// Takes more memory, or empties what there is.
    #[cold]
    fn make_space(&mut self) -> Result<(), StoreError> {
        const FIRST: usize = 1 << 16;
        let held = self.records.len();
        if held < self.most {
            // Memory that is not touched is not used, and records that stay where they are need no copies. What is not to be had at
            // once may come bit by bit.
            let more = if held < FIRST { FIRST } else { self.most };
            let more = more.min(self.most) - held;
            if self.records.try_reserve_exact(more).is_err() {
                self.records.reserve(1);
            }
            return Ok(());
        }
        self.sort();
        // Sums may have freed memory; if they freed little, sorting again soon would cost more than writing.
        if self.records.len() > self.most / 2 {
            let run = self.scratch.append(bytemuck::cast_slice(&self.records))?;
            self.runs.push(run);
            self.records.clear();
        }
        Ok(())
    }

    fn sort(&mut self) {
        match self.by_digit {
            // What is counted has numbers of 32 bits.
            Some(digit) if self.records.len() <= u32::MAX as usize => {
                stable::sort(&mut self.records, digit);
                debug_assert!(self.records.is_sorted_by_key(key), "not in that order");
            }
            _ => self.records.sort_unstable_by_key(key),
        }
        if self.sums {
            self.records.dedup_by(|next, kept| {
                let same = key(next) == key(kept);
                if same {
                    kept[2] += next[2];
                }
                same
            });
        }
    }
}

/// The records of sorters that share a scratch file, by ascending key, each key once.
pub struct Sorted {
    scratch: Arc<Scratch>,
    sums: bool,
    memory: Vec<Vec<Record>>,
    runs: Vec<Range<u64>>,
}

impl Sorted {
    /// Ends the input of all `sorters`, of which there is at least one.
    pub fn new(sorters: Vec<Sorter>, threads: usize) -> Sorted {
        let first = sorters.first();
        let first = first.map(|sorter| (sorter.scratch.clone(), sorter.sums));
        let (scratch, sums) = first.unwrap_or_else(|| unreachable!("records come from a sorter"));
        let (mut memory, mut runs) = (Vec::new(), Vec::new());
        let finish = |mut sorter: Sorter| {
            sorter.sort();
            (sorter.records, sorter.runs)
        };
        for (records, written) in super::parallel::map(threads, sorters, finish) {
            memory.extend((!records.is_empty()).then_some(records));
            runs.extend(written);
        }
        Sorted {
            scratch,
            sums,
            memory,
            runs,
        }
    }

    /// The records with keys from `from` up to, and without, `end`; to the last one if `end` is `None`.
    ///
    /// `most` is the number of records that are read ahead from scratch files together.
    pub fn records(
        &self,
        from: u128,
        end: Option<u128>,
        most: usize,
    ) -> Result<Records<'_>, StoreError> {
        let block = (most / self.runs.len().max(1)).max(LEAST_BLOCK);
        let mut records = Records::new(self.sums);
        for memory in &self.memory {
            let place = |bound| memory.partition_point(|record| key(record) < bound);
            let start = place(from);
            records.add_memory(&memory[start..end.map_or(memory.len(), place)]);
        }
        for run in &self.runs {
            let start = self.place(run, from)?;
            let stop = match end {
                Some(end) => self.place(run, end)?,
                None => run.end,
            };
            if start < stop {
                records.add_run(&self.scratch, start..stop, block)?;
            }
        }
        records.begin();
        Ok(records)
    }

    /// The number of records with keys from `from` up to, and without, `end`. Equal keys count as many times as they were given,
    /// unless the sorters add them up, and then this is not a number of records.
    pub fn count(&self, from: u128, end: Option<u128>) -> Result<u64, StoreError> {
        let mut count = 0;
        for memory in &self.memory {
            let place = |bound| memory.partition_point(|record| key(record) < bound);
            count += (end.map_or(memory.len(), place) - place(from)) as u64;
        }
        for run in &self.runs {
            let stop = match end {
                Some(end) => self.place(run, end)?,
                None => run.end,
            };
            count += (stop - self.place(run, from)?) / RECORD_BYTES as u64;
        }
        Ok(count)
    }

    /// Where in a run the first record stands whose key is not below `bound`.
    fn place(&self, run: &Range<u64>, bound: u128) -> Result<u64, StoreError> {
        let at = |i: u64| run.start + i * RECORD_BYTES as u64;
        let (mut low, mut high) = (0, (run.end - run.start) / RECORD_BYTES as u64);
        if bound == 0 {
            return Ok(run.start);
        }
        while low < high {
            let middle = low + (high - low) / 2;
            let mut found: Record = [0; 3];
            self.scratch
                .read(at(middle), bytemuck::cast_slice_mut(&mut found))?;
            match key(&found) < bound {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        Ok(at(low))
    }
}

#[cfg(test)]
mod tests;
