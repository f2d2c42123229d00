//! The first pass over the n-grams of a file: their nodes.
//!
//! All orders are read together, each in prefix order, as a tree: an n-gram, then those that continue it, then the next one. So the
//! first arc of an n-gram is the next node of the order above. Nodes of each order and part are numbered by counting those before.

use super::super::super::count::Memory;
use super::super::super::key::Packing;
use super::super::super::parallel::{self, Parts};
use super::super::super::sort::{Record, Records, Sorted, Sorter, key};
use super::super::super::tables::TableLayout;
use super::{Image, Unbuilt, from_bits};
use elman_store::StoreError;

/// Bytes that are written at once.
const BUFFER: usize = 1 << 18;

/// What the second pass needs to know.
pub struct Nodes {
    /// Whether each 1-gram is a state.
    pub states: Vec<bool>,
    /// Orders 2 … N in suffix order: the node, and [`STATE`] if it is one.
    pub orders: Vec<Sorted>,
}

/// Marks a state: a node with arcs or a weight.
pub const STATE: u64 = 1 << 32;

/// Writes words, log10s and first arcs of all nodes. Also returns how many n-grams end in each word.
pub fn write(
    image: &Image<'_>,
    packing: Packing,
    parts: &Parts,
    unigrams: &[[f32; 2]],
    orders: Vec<Sorted>,
    memory: &Memory,
) -> Result<(Nodes, Vec<u64>), Unbuilt> {
    let (layout, order) = (&image.layout, packing.order());
    // The first node of each part, by order from 2.
    let mut first: Vec<u32> = (2..=order).map(|n| layout.nodes(n).start).collect();
    let mut starts = Vec::new();
    for part in 0..parts.count() {
        starts.push(first.clone());
        for ((n, records), first) in (2..).zip(&orders).zip(&mut first) {
            let (from, end) = parts.keys(part, n);
            *first += records.count(from, end)? as u32;
        }
    }
    let scratch = memory.scratch();
    let begin = || {
        let sorters = memory.sorters(&scratch, order);
        (sorters, vec![0u64; unigrams.len()])
    };
    let write_part = |(sorters, of_words): &mut (Vec<Sorter>, Vec<u64>), part| {
        let mut writer = PartWriter {
            packing,
            order,
            levels: Vec::with_capacity(order - 1),
            sorters,
            of_words,
        };
        for ((n, records), &node) in (2..).zip(&orders).zip(&starts[part]) {
            let (from, end) = parts.keys(part, n);
            let mut records = records.records(from, end, memory.ahead() / order)?;
            writer.levels.push(Level {
                next: records.next()?,
                records,
                node,
                table: Table::new(image, node),
            });
        }
        writer.write(image, parts.words(part), unigrams)
    };
    let (states, of_parts) = parallel::tasks(memory.threads, parts.count(), begin, write_part)?;
    drop(orders);
    write_ends(image)?;
    let mut sorters: Vec<Vec<Sorter>> = (2..=order).map(|_| Vec::new()).collect();
    let mut of_words = vec![0; unigrams.len()];
    for (state, counts) in states {
        sorters
            .iter_mut()
            .zip(state)
            .for_each(|(all, one)| all.push(one));
        of_words
            .iter_mut()
            .zip(counts)
            .for_each(|(sum, n)| *sum += n);
    }
    let orders = sorters.into_iter();
    let nodes = Nodes {
        states: of_parts.concat(),
        orders: orders
            .map(|sorters| Sorted::new(sorters, memory.threads))
            .collect(),
    };
    Ok((nodes, of_words))
}

/// Writes the empty n-gram, and the record after the last inner one, which ends its arcs.
fn write_ends(image: &Image<'_>) -> Result<(), StoreError> {
    let layout = &image.layout;
    let [inner, _] = layout.record_bytes();
    let (top, end) = (layout.top(), layout.nodes(layout.order()).end);
    let mut empty = Vec::new();
    inner_record(layout, &mut empty, 0.0, 0.0, 1);
    image.write(layout.record_at(0), &empty)?;
    let mut last = Vec::new();
    inner_record(layout, &mut last, 0.0, 0.0, end);
    image.write(layout.record_at(top - 1) + inner, &last)
}

/// Appends the record of an inner node without its link.
fn inner_record(
    layout: &TableLayout,
    bytes: &mut Vec<u8>,
    log10_p: f32,
    log10_backoff: f32,
    first: u32,
) {
    bytes.extend_from_slice(&log10_p.to_le_bytes());
    bytes.extend_from_slice(&log10_backoff.to_le_bytes());
    let (_, node_bytes) = layout.widths();
    bytes.extend_from_slice(&first.to_le_bytes()[..node_bytes]);
    bytes.extend_from_slice(&[0; 4][..node_bytes]);
}

struct PartWriter<'a, 'r> {
    packing: Packing,
    order: usize,
    /// Of the orders from 2.
    levels: Vec<Level<'a, 'r>>,
    sorters: &'a mut [Sorter],
    of_words: &'a mut [u64],
}

/// What is left of an order.
struct Level<'a, 'r> {
    records: Records<'r>,
    next: Option<Record>,
    /// The node of `next`.
    node: u32,
    table: Table<'a>,
}

impl PartWriter<'_, '_> {
    /// Writes the n-grams that begin with `words`; whether each of these is a state.
    fn write(
        mut self,
        image: &Image<'_>,
        words: std::ops::Range<u32>,
        unigrams: &[[f32; 2]],
    ) -> Result<Vec<bool>, Unbuilt> {
        let mut states = Vec::with_capacity(words.len());
        let mut table = Table::new(image, 1 + words.start);
        for id in words {
            let [log10_p, log10_backoff] = unigrams[id as usize];
            let first = self.next_node(2, image);
            let key = self.packing.pack_prefix(&[id]);
            let any = self.write_arcs(2, key, self.packing.pack(&[id]))?;
            table.push(id, log10_p, log10_backoff, first)?;
            states.push(any || log10_backoff != 0.0);
        }
        table.flush()?;
        for level in &mut self.levels {
            if level.next.is_some() {
                return Err(Unbuilt::Irregular);
            }
            level.table.flush()?;
        }
        Ok(states)
    }

    /// The node of the next n-gram of order `n`; the number of all nodes if there is no such order.
    fn next_node(&self, n: usize, image: &Image<'_>) -> u32 {
        match self.levels.get(n - 2) {
            Some(level) => level.node,
            None => image.layout.nodes(self.order).end,
        }
    }

    /// Writes the n-grams of `n` words that begin with those of `prefix`, and all that continue them; whether there are any.
    /// `ending` is the key of the prefix in suffix order.
    fn write_arcs(&mut self, n: usize, prefix: u128, ending: u128) -> Result<bool, Unbuilt> {
        if n > self.order {
            return Ok(false);
        }
        let mut any = false;
        while let Some(record) = self.levels[n - 2].next {
            let whole = key(&record);
            let (before, id) = self.packing.split_last(whole);
            if before != prefix {
                // Keys ascend, so nothing else begins with a smaller one.
                match before < prefix {
                    true => return Err(Unbuilt::Irregular),
                    false => break,
                }
            }
            let level = &mut self.levels[n - 2];
            let node = level.node;
            level.next = level.records.next()?;
            level.node += 1;
            if level.next.is_some_and(|next| key(&next) == whole) {
                return Err(Unbuilt::Irregular);
            }
            let first = self.levels.get(n - 1).map_or(0, |above| above.node);
            let ending = self.packing.prepend(ending, id, n);
            let has_arcs = self.write_arcs(n + 1, whole, ending)?;
            let (log10_p, log10_backoff) = from_bits(record[2]);
            self.levels[n - 2]
                .table
                .push(id, log10_p, log10_backoff, first)?;
            let state = match n < self.order && (has_arcs || log10_backoff != 0.0) {
                true => STATE,
                false => 0,
            };
            self.of_words[id as usize] += 1;
            self.sorters[n - 2].push(ending, u64::from(node) | state)?;
            any = true;
        }
        Ok(any)
    }
}

/// The tables of consecutive nodes, on their way into the file.
struct Table<'a> {
    image: &'a Image<'a>,
    /// The node of the first words and records below.
    first: u32,
    count: u32,
    words: Vec<u8>,
    records: Vec<u8>,
}

impl<'a> Table<'a> {
    fn new(image: &'a Image<'a>, first: u32) -> Table<'a> {
        Table {
            image,
            first,
            count: 0,
            words: Vec::new(),
            records: Vec::new(),
        }
    }

    /// Appends a node without its link.
    fn push(
        &mut self,
        word: u32,
        log10_p: f32,
        log10_backoff: f32,
        first_arc: u32,
    ) -> Result<(), StoreError> {
        let layout = &self.image.layout;
        let (word_bytes, node_bytes) = layout.widths();
        self.words
            .extend_from_slice(&word.to_le_bytes()[..word_bytes]);
        match self.first < layout.top() {
            true => inner_record(layout, &mut self.records, log10_p, log10_backoff, first_arc),
            false => {
                self.records.extend_from_slice(&log10_p.to_le_bytes());
                self.records.extend_from_slice(&[0; 4][..node_bytes]);
            }
        }
        self.count += 1;
        if self.records.len() >= BUFFER {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        if self.count > 0 {
            let layout = &self.image.layout;
            self.image.write(layout.word_at(self.first), &self.words)?;
            self.image
                .write(layout.record_at(self.first), &self.records)?;
            self.first += self.count;
            self.count = 0;
            self.words.clear();
            self.records.clear();
        }
        Ok(())
    }
}
