//! A model's tables: one block of bytes, the same in memory and on disk.
//!
//! Nodes are n-grams; node 0 is the empty one. They are numbered by order, within an order by their words, so the n-grams
//! that continue a context, its arcs, lie together, sorted by their last word. Numbers are no wider than they must be:
//! a word has W bytes, a node I bytes (1 to 4, from the sizes alone), everything little-endian and without padding.
//!
//! ```text
//! words    the last word of each node                                         W bytes a node
//! inner    of each node below the highest order, and one more to end the last one's arcs:
//!          log10 p, log10 of the back-off weight, first arc, link             8 + 2 I bytes
//! top      of each node of the highest order: log10 p, link                   4 + I bytes
//! ```
//! Words lie by themselves because searching touches many of them and nothing else: of each context that it tries, a query
//! reads about log₂(arcs) words, which are close together if the arcs are few, and one record; then the record of the arc.
//! The link of a node is its longest proper suffix that is a state, a node with arcs or a weight (the failure function of Aho and
//! Corasick 1975).
//!
//! Not here: the meaning of all this (`model.rs`), and whether a block from a file is in order (`binary.rs`).

mod sized;

pub(crate) use sized::for_widths;
pub use sized::{Reached, SizedTables};
use std::ops::Range;

/// Reading a number of fewer than four bytes touches those behind it: this many follow the last table.
pub const PADDING: usize = 4;
/// log10 p and log10 of the back-off weight.
const WEIGHTS: usize = 8;

/// Positions of the tables and their parts in the block of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableLayout {
    /// n-grams of each order.
    counts: Vec<u64>,
    /// The first node of each order, from 0; then the number of all nodes.
    bounds: Vec<u32>,
    word_bytes: usize,
    node_bytes: usize,
    words_at: usize,
    inner_at: usize,
    top_at: usize,
    end: usize,
}

impl TableLayout {
    /// The layout of tables that begin at byte `at`; none if they are too large to number or to address.
    pub fn new(words: usize, counts: &[u64], at: usize) -> Option<TableLayout> {
        let mut bounds = vec![0, 1];
        let mut nodes = 1u32;
        for &count in counts {
            nodes = nodes.checked_add(u32::try_from(count).ok()?)?;
            bounds.push(nodes);
        }
        let word_bytes = width(u32::try_from(words - 1).ok()?);
        let node_bytes = width(nodes);
        let top = *counts.last()? as usize;
        let inner = nodes as usize - top;
        let inner_at = at.checked_add((nodes as usize).checked_mul(word_bytes)?)?;
        let top_at = inner_at.checked_add((inner + 1).checked_mul(WEIGHTS + 2 * node_bytes)?)?;
        let end = top_at.checked_add(top.checked_mul(WEIGHTS / 2 + node_bytes)?)?;
        Some(TableLayout {
            counts: counts.to_vec(),
            bounds,
            word_bytes,
            node_bytes,
            words_at: at,
            inner_at,
            top_at,
            end: end.checked_add(PADDING)?,
        })
    }

    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    pub fn order(&self) -> usize {
        self.counts.len()
    }

    /// The byte after the tables and their padding.
    pub fn end(&self) -> usize {
        self.end
    }

    /// The nodes of an order, 0 to N.
    pub fn nodes(&self, order: usize) -> Range<u32> {
        self.bounds[order]..self.bounds[order + 1]
    }

    /// The first node of the highest order: those before it are inner ones.
    pub fn top(&self) -> u32 {
        self.bounds[self.counts.len()]
    }

    /// The length of a node's n-gram.
    pub fn order_of(&self, node: u32) -> usize {
        self.bounds[1..].partition_point(|&bound| bound <= node)
    }

    /// W and I.
    pub fn widths(&self) -> (usize, usize) {
        (self.word_bytes, self.node_bytes)
    }

    /// Position of the last words of nodes from this one on.
    pub fn word_at(&self, node: u32) -> usize {
        self.words_at + node as usize * self.word_bytes
    }

    /// Position of the records of nodes from this one on, up to the last inner or the last top one.
    pub fn record_at(&self, node: u32) -> usize {
        match node < self.top() {
            true => self.inner(node),
            false => self.top_record(node),
        }
    }

    /// Bytes of the record of an inner node, and of a top one. The link is at the end of both.
    pub fn record_bytes(&self) -> [usize; 2] {
        [WEIGHTS + 2 * self.node_bytes, WEIGHTS / 2 + self.node_bytes]
    }

    fn inner(&self, node: u32) -> usize {
        self.inner_at + node as usize * (WEIGHTS + 2 * self.node_bytes)
    }

    fn top_record(&self, node: u32) -> usize {
        self.top_at + (node - self.top()) as usize * (WEIGHTS / 2 + self.node_bytes)
    }
}

/// The bytes that hold every number up to `largest`.
fn width(largest: u32) -> usize {
    ((32 - largest.leading_zeros()).div_ceil(8) as usize).max(1)
}

/// Read access to the tables of a model.
#[derive(Clone, Copy)]
pub struct Tables<'a> {
    layout: &'a TableLayout,
    bytes: &'a [u8],
}

impl<'a> Tables<'a> {
    /// `bytes` is the whole block, up to [`TableLayout::end`].
    pub fn new(layout: &'a TableLayout, bytes: &'a [u8]) -> Tables<'a> {
        assert_eq!(bytes.len(), layout.end);
        Tables { layout, bytes }
    }

    pub fn layout(&self) -> &'a TableLayout {
        self.layout
    }

    /// The last word of a node.
    pub fn word(&self, node: u32) -> u32 {
        let width = self.layout.word_bytes;
        self.number(self.layout.words_at + node as usize * width, width)
    }

    /// log10 of the probability of a node.
    #[inline]
    pub fn log10_p(&self, node: u32) -> f32 {
        let at = if node < self.layout.top() {
            self.layout.inner(node)
        } else {
            self.layout.top_record(node)
        };
        f32::from_bits(self.u32(at))
    }

    /// log10 of the back-off weight of an inner node.
    #[inline]
    pub fn log10_backoff(&self, node: u32) -> f32 {
        f32::from_bits(self.u32(self.layout.inner(node) + WEIGHTS / 2))
    }

    /// The tables as [`SizedTables`], whose numbers have the widths W of a word and I of a node.
    pub fn sized<const W: usize, const I: usize>(&self) -> SizedTables<'a, W, I> {
        assert_eq!((W, I), self.layout.widths());
        SizedTables(*self)
    }

    /// The arcs of an inner node.
    #[inline]
    pub fn arcs(&self, node: u32) -> Range<u32> {
        self.first_arc(node)..self.first_arc(node + 1)
    }

    /// First arc of an inner node; for the node after the last inner one, the end of all arcs.
    #[inline]
    pub fn first_arc(&self, node: u32) -> u32 {
        let width = self.layout.node_bytes;
        self.number(self.layout.inner(node) + WEIGHTS, width)
    }

    /// The longest proper suffix that is a state.
    #[inline]
    pub fn link(&self, node: u32) -> u32 {
        self.number(self.link_at(node), self.layout.node_bytes)
    }

    /// The longest suffix that is a state, the n-gram itself included: where its arc leads.
    #[inline]
    pub fn next(&self, node: u32) -> u32 {
        if self.is_state(node) {
            node
        } else {
            self.link(node)
        }
    }

    /// Whether a node is a context that says anything: it has an arc or a weight.
    #[inline]
    pub fn is_state(&self, node: u32) -> bool {
        node < self.layout.top() && (!self.arcs(node).is_empty() || self.log10_backoff(node) != 0.0)
    }

    /// The arc with this word.
    #[inline]
    pub fn find(&self, arcs: Range<u32>, word: u32) -> Option<u32> {
        match self.layout.word_bytes {
            1 => SizedTables::<1, 1>(*self).find(arcs, word),
            2 => SizedTables::<2, 1>(*self).find(arcs, word),
            3 => SizedTables::<3, 1>(*self).find(arcs, word),
            _ => SizedTables::<4, 1>(*self).find(arcs, word),
        }
    }

    fn link_at(&self, node: u32) -> usize {
        if node < self.layout.top() {
            self.layout.inner(node) + WEIGHTS + self.layout.node_bytes
        } else {
            self.layout.top_record(node) + WEIGHTS / 2
        }
    }

    #[inline]
    fn number(&self, at: usize, width: usize) -> u32 {
        self.u32(at) & (u32::MAX >> (32 - 8 * width))
    }

    #[inline]
    fn u32(&self, at: usize) -> u32 {
        u32::from_le(bytemuck::pod_read_unaligned(&self.bytes[at..at + 4]))
    }
}

#[inline]
fn sized<const W: usize>(bytes: &[u8]) -> u32 {
    let mut word = [0; 4];
    word[..W].copy_from_slice(&bytes[..W]);
    u32::from_le_bytes(word)
}

/// Write access to the tables of a model that is being built; numbers may be set in any order.
pub struct TablesMut<'a> {
    layout: &'a TableLayout,
    bytes: &'a mut [u8],
}

impl<'a> TablesMut<'a> {
    pub fn new(layout: &'a TableLayout, bytes: &'a mut [u8]) -> TablesMut<'a> {
        assert_eq!(bytes.len(), layout.end);
        TablesMut { layout, bytes }
    }

    pub fn layout(&self) -> &'a TableLayout {
        self.layout
    }

    pub fn read(&self) -> Tables<'_> {
        Tables::new(self.layout, self.bytes)
    }

    #[inline]
    pub fn set_word(&mut self, node: u32, word: u32) {
        let width = self.layout.word_bytes;
        self.set(self.layout.words_at + node as usize * width, width, word);
    }

    #[inline]
    pub fn set_log10_p(&mut self, node: u32, log10: f32) {
        let at = if node < self.layout.top() {
            self.layout.inner(node)
        } else {
            self.layout.top_record(node)
        };
        self.set(at, 4, log10.to_bits());
    }

    #[inline]
    pub fn set_log10_backoff(&mut self, node: u32, log10: f32) {
        self.set(self.layout.inner(node) + WEIGHTS / 2, 4, log10.to_bits());
    }

    #[inline]
    pub fn set_first_arc(&mut self, node: u32, arc: u32) {
        self.set(
            self.layout.inner(node) + WEIGHTS,
            self.layout.node_bytes,
            arc,
        );
    }

    #[inline]
    pub fn set_link(&mut self, node: u32, link: u32) {
        let at = self.read().link_at(node);
        self.set(at, self.layout.node_bytes, link);
    }

    #[inline]
    fn set(&mut self, at: usize, width: usize, number: u32) {
        let number = number.to_le_bytes();
        // Copies of a length that the compiler knows are single stores.
        match width {
            1 => self.bytes[at..at + 1].copy_from_slice(&number[..1]),
            2 => self.bytes[at..at + 2].copy_from_slice(&number[..2]),
            3 => self.bytes[at..at + 3].copy_from_slice(&number[..3]),
            _ => self.bytes[at..at + 4].copy_from_slice(&number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block with the given numbers of words and n-grams, all zero.
    fn block(words: usize, counts: &[u64], at: usize) -> (TableLayout, Vec<u8>) {
        let layout = TableLayout::new(words, counts, at).unwrap();
        let bytes = vec![0; layout.end()];
        (layout, bytes)
    }

    #[test]
    fn numbers_are_as_wide_as_they_must_be() {
        let wide = [
            (0, 1),
            (255, 1),
            (256, 2),
            (65_535, 2),
            (65_536, 3),
            (1 << 24, 4),
            (u32::MAX, 4),
        ];
        for (largest, bytes) in wide {
            assert_eq!(width(largest), bytes, "{largest}");
        }
    }

    #[test]
    fn every_number_comes_back_and_disturbs_no_other() {
        for words in [200, 60_000, 1 << 20, 1 << 30] {
            for counts in [&[4][..], &[4, 3, 2], &[300, 0, 7], &[70_000, 3]] {
                let (layout, mut bytes) = block(words, counts, 13);
                let mut tables = TablesMut::new(&layout, &mut bytes);
                let total = layout.nodes(counts.len()).end;
                let number = |node: u32, salt: u32| node.wrapping_mul(2_654_435_761) ^ salt;
                let word = |node| number(node, 1) % words as u32;
                for node in (0..total).rev() {
                    tables.set_word(node, word(node));
                    tables.set_log10_p(node, f32::from_bits(number(node, 2) >> 4));
                    tables.set_link(node, number(node, 3) % total);
                }
                for node in (0..=layout.top()).rev() {
                    tables.set_first_arc(node, number(node, 4) % (total + 1));
                    tables.set_log10_backoff(node, f32::from_bits(number(node, 5) >> 4));
                }
                let tables = tables.read();
                for node in 0..total {
                    assert_eq!(tables.word(node), word(node));
                    assert_eq!(tables.log10_p(node).to_bits(), number(node, 2) >> 4);
                    assert_eq!(tables.link(node), number(node, 3) % total);
                }
                for node in 0..=layout.top() {
                    assert_eq!(tables.first_arc(node), number(node, 4) % (total + 1));
                    assert_eq!(tables.log10_backoff(node).to_bits(), number(node, 5) >> 4);
                }
            }
        }
    }

    #[test]
    fn searching_finds_what_is_there_and_nothing_else() {
        for words in [200, 60_000, 1 << 20, 1 << 30] {
            for arcs in [0, 1, 2, 15, 16, 17, 31, 32, 33, 34, 60, 63, 64, 65, 95] {
                let (layout, mut bytes) = block(words, &[3, 100], 0);
                let mut tables = TablesMut::new(&layout, &mut bytes);
                let first = layout.nodes(2).start + 2;
                // A word smaller than all on the left, one greater than all on the right.
                let scale = words as u32 / 200;
                for i in 0..arcs {
                    tables.set_word(first + i, (2 * i + 1) * scale);
                }
                tables.set_word(first + arcs, 199 * scale);
                let tables = tables.read();
                for i in 0..=arcs {
                    let range = first..first + arcs;
                    let there = (i < arcs).then_some(first + i);
                    assert_eq!(tables.find(range.clone(), (2 * i + 1) * scale), there);
                    assert_eq!(tables.find(range.clone(), 2 * i * scale), None);
                    assert_eq!(tables.find(range, 199 * scale), None);
                }
            }
        }
    }

    #[test]
    fn orders_of_nodes() {
        let layout = TableLayout::new(9, &[3, 0, 2], 0).unwrap();
        let orders: Vec<usize> = (0..6).map(|node| layout.order_of(node)).collect();
        assert_eq!(orders, [0, 1, 1, 1, 3, 3]);
        assert_eq!(layout.top(), 4);
    }

    #[test]
    fn what_is_too_large_is_none() {
        assert_eq!(TableLayout::new(3, &[3, u64::from(u32::MAX)], 0), None);
        assert_eq!(TableLayout::new(3, &[3, u64::MAX], 0), None);
        assert_eq!(TableLayout::new(3, &[3], usize::MAX - 20), None);
    }
}
