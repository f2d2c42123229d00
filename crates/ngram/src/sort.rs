//! Sorting more records than memory holds.
//!
//! A [`Sorter`] takes records in any order and gives them back by ascending key. What does not fit in its share of memory is sorted
//! part by part into a scratch file, which has no name and vanishes with the process, and merged while it is read. A [`Spool`] is the
//! same for records that come in order already.
//!
//! Where memory suffices nothing is written. Whether it does changes no record.

use elman_store::StoreError;
use elman_store::disk;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Record to be sorted: its key (the higher word first) and its value.
pub type Record = [u64; 3];
pub const RECORD_BYTES: usize = size_of::<Record>();

/// The least that is read at once from a scratch file.
const LEAST_BLOCK: usize = 256;

pub fn record(key: u128, value: u64) -> Record {
    [(key >> 64) as u64, key as u64, value]
}

pub fn key(record: &Record) -> u128 {
    u128::from(record[0]) << 64 | u128::from(record[1])
}

/// Directory of scratch files, and the memory of each sorter and spool.
#[derive(Clone, Debug)]
pub struct SortMemory {
    pub directory: PathBuf,
    /// Records that one sorter or spool holds in memory.
    pub records: usize,
}

impl SortMemory {
    /// Divides `memory_bytes` equally among `parts` sorters and spools.
    pub fn new(directory: &Path, memory_bytes: u64, parts: usize) -> SortMemory {
        let records = memory_bytes / parts as u64 / RECORD_BYTES as u64;
        SortMemory {
            directory: directory.to_owned(),
            records: usize::try_from(records)
                .unwrap_or(usize::MAX)
                .max(LEAST_BLOCK),
        }
    }

    fn error(&self, error: io::Error) -> StoreError {
        StoreError::scratch(&self.directory, error)
    }
}

/// Sorter of records that come in any order, within limited memory.
pub struct Sorter {
    memory: SortMemory,
    /// Values of equal keys are added up; otherwise keys must differ.
    sums: bool,
    records: Vec<Record>,
    scratch: Scratch,
}

impl Sorter {
    /// Makes a sorter for records with distinct keys.
    pub fn new(memory: &SortMemory) -> Sorter {
        Sorter {
            memory: memory.clone(),
            sums: false,
            records: Vec::new(),
            scratch: Scratch::default(),
        }
    }

    /// Makes a sorter that adds up the values of equal keys.
    pub fn summing(memory: &SortMemory) -> Sorter {
        Sorter {
            sums: true,
            ..Sorter::new(memory)
        }
    }

    pub fn push(&mut self, key: u128, value: u64) -> Result<(), StoreError> {
        if self.records.len() >= self.memory.records {
            self.sort();
            // Sums may have freed memory; if they freed little, sorting again soon would cost more than writing.
            if self.records.len() > self.memory.records / 2 {
                self.scratch.append(&self.memory, &self.records)?;
                self.records.clear();
            }
        }
        self.records.push(record(key, value));
        Ok(())
    }

    /// Ends the input and returns all records by ascending key.
    pub fn finish(mut self) -> Result<Records, StoreError> {
        self.sort();
        if self.scratch.runs.is_empty() {
            return Ok(Records(Kind::Memory(self.records.into_iter())));
        }
        self.scratch.append(&self.memory, &self.records)?;
        drop(self.records);
        Merge::new(self.memory, self.scratch, self.sums).map(|merge| Records(Kind::Merge(merge)))
    }

    fn sort(&mut self) {
        self.records.sort_unstable_by_key(key);
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

/// Buffer of records that come in ascending order, within limited memory.
pub struct Spool {
    memory: SortMemory,
    records: Vec<Record>,
    scratch: Scratch,
}

impl Spool {
    pub fn new(memory: &SortMemory) -> Spool {
        Spool {
            memory: memory.clone(),
            records: Vec::new(),
            scratch: Scratch::default(),
        }
    }

    pub fn push(&mut self, key: u128, value: u64) -> Result<(), StoreError> {
        if self.records.len() >= self.memory.records {
            self.scratch.append(&self.memory, &self.records)?;
            self.records.clear();
        }
        self.records.push(record(key, value));
        Ok(())
    }

    pub fn finish(mut self) -> Result<Records, StoreError> {
        if self.scratch.runs.is_empty() {
            return Ok(Records(Kind::Memory(self.records.into_iter())));
        }
        self.scratch.append(&self.memory, &self.records)?;
        // Parts that were cut from one ascending sequence are one run.
        self.scratch.runs.truncate(1);
        self.scratch.runs[0] = 0..self.scratch.bytes;
        Merge::new(self.memory, self.scratch, false).map(|merge| Records(Kind::Merge(merge)))
    }
}

/// Records by ascending key, each key once.
pub struct Records(Kind);

enum Kind {
    Memory(std::vec::IntoIter<Record>),
    Merge(Merge),
}

impl Records {
    pub fn next(&mut self) -> Result<Option<Record>, StoreError> {
        match &mut self.0 {
            Kind::Memory(records) => Ok(records.next()),
            Kind::Merge(merge) => merge.next(),
        }
    }
}

/// A file without a name, and the sorted runs in it as ranges of bytes.
#[derive(Default)]
struct Scratch {
    file: Option<File>,
    runs: Vec<std::ops::Range<u64>>,
    bytes: u64,
}

impl Scratch {
    fn append(&mut self, memory: &SortMemory, records: &[Record]) -> Result<(), StoreError> {
        let bytes: &[u8] = bytemuck::cast_slice(records);
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(disk::scratch(&memory.directory)?),
        };
        file.write_all(bytes).map_err(|error| memory.error(error))?;
        let end = self.bytes + bytes.len() as u64;
        self.runs.push(self.bytes..end);
        self.bytes = end;
        Ok(())
    }
}

/// Merges the runs of a scratch file.
struct Merge {
    memory: SortMemory,
    file: File,
    runs: Vec<Run>,
    /// The next record's key of every run that is not at its end, the least on top; then the run's number.
    heap: BinaryHeap<Reverse<(u128, usize)>>,
    sums: bool,
}

/// One run, read block by block.
struct Run {
    rest: std::ops::Range<u64>,
    block: Vec<Record>,
    at: usize,
}

impl Merge {
    fn new(memory: SortMemory, scratch: Scratch, sums: bool) -> Result<Merge, StoreError> {
        let block = (memory.records / scratch.runs.len().max(1)).max(LEAST_BLOCK);
        let most = (scratch.bytes / RECORD_BYTES as u64) as usize;
        let run = |rest| Run {
            rest,
            block: Vec::with_capacity(block.min(most)),
            at: 0,
        };
        let file = match scratch.file {
            Some(file) => file,
            None => unreachable!("runs stand in a file"),
        };
        let mut merge = Merge {
            memory,
            file,
            runs: scratch.runs.into_iter().map(run).collect(),
            heap: BinaryHeap::new(),
            sums,
        };
        for number in 0..merge.runs.len() {
            if let Some(first) = merge.refill(number)? {
                merge.heap.push(Reverse((first, number)));
            }
        }
        Ok(merge)
    }

    fn next(&mut self) -> Result<Option<Record>, StoreError> {
        let Some(mut record) = self.pop()? else {
            return Ok(None);
        };
        while self.sums && self.heap.peek().is_some_and(|top| top.0.0 == key(&record)) {
            let same = self.pop()?;
            record[2] += same.map_or(0, |same| same[2]);
        }
        Ok(Some(record))
    }

    /// The least record of all runs.
    fn pop(&mut self) -> Result<Option<Record>, StoreError> {
        let Some(&Reverse((_, number))) = self.heap.peek() else {
            return Ok(None);
        };
        let run = &mut self.runs[number];
        let record = run.block[run.at];
        run.at += 1;
        let next = match run.block.get(run.at) {
            Some(next) => Some(key(next)),
            None => self.refill(number)?,
        };
        if let Some(mut top) = self.heap.peek_mut() {
            match next {
                Some(next) => *top = Reverse((next, number)),
                None => drop(PeekMut::pop(top)),
            }
        }
        Ok(Some(record))
    }

    /// Reads the next block of a run; the key of its first record.
    fn refill(&mut self, number: usize) -> Result<Option<u128>, StoreError> {
        let run = &mut self.runs[number];
        let left = (run.rest.end - run.rest.start) as usize / RECORD_BYTES;
        run.block.resize(run.block.capacity().min(left), [0; 3]);
        run.at = 0;
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut run.block);
        let read = self
            .file
            .seek(SeekFrom::Start(run.rest.start))
            .and_then(|_| self.file.read_exact(bytes));
        read.map_err(|error| self.memory.error(error))?;
        run.rest.start += bytes.len() as u64;
        Ok(run.block.first().map(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn all(mut records: Records) -> Vec<(u128, u64)> {
        let next = || {
            records
                .next()
                .unwrap()
                .map(|record| (key(&record), record[2]))
        };
        std::iter::from_fn(next).collect()
    }

    fn memory(records: usize) -> SortMemory {
        SortMemory {
            directory: std::env::temp_dir(),
            records,
        }
    }

    proptest! {
        #[test]
        fn sums_are_those_of_a_map(
            keys in proptest::collection::vec((0u128..50, 0u32..100), 0..5000),
            records in 2usize..3000,
            high in 0u32..=100,
        ) {
            let mut expected = BTreeMap::new();
            let memory = memory(records);
            let mut sorter = Sorter::summing(&memory);
            for (key, step) in keys {
                let key = key << high | u128::from(step);
                *expected.entry(key).or_insert(0) += 1;
                sorter.push(key, 1).unwrap();
            }
            let expected: Vec<_> = expected.into_iter().collect();
            prop_assert_eq!(all(sorter.finish().unwrap()), expected.clone());

            let mut spool = Spool::new(&memory);
            expected.iter().for_each(|&(key, value)| spool.push(key, value).unwrap());
            prop_assert_eq!(all(spool.finish().unwrap()), expected);
        }
    }

    #[test]
    fn nothing_is_nothing() {
        let memory = memory(10);
        assert!(all(Sorter::new(&memory).finish().unwrap()).is_empty());
        assert!(all(Spool::new(&memory).finish().unwrap()).is_empty());
    }

    #[test]
    fn a_scratch_file_leaves_no_name_behind() {
        let directory = tempfile::tempdir().unwrap();
        let memory = SortMemory {
            directory: directory.path().to_owned(),
            records: 100,
        };
        let mut sorter = Sorter::new(&memory);
        (0..1000).for_each(|n| sorter.push(1000 - n, 0).unwrap());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        assert_eq!(all(sorter.finish().unwrap()).len(), 1000);
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let memory = SortMemory {
            directory: "/nowhere/at/all".into(),
            records: 10,
        };
        let mut sorter = Sorter::new(&memory);
        let failed = (0..100).map(|n| sorter.push(n, 0)).find_map(Result::err);
        assert!(failed.unwrap().to_string().contains("/nowhere/at/all"));
    }
}
