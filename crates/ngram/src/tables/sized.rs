//! Reading tables from one end to the other, compiled for each width of words and nodes.

use super::{Tables, WEIGHTS, sized};
use std::ops::Range;

/// Read access to tables with compile-time widths, for sequential passes.
#[derive(Clone, Copy)]
pub struct SizedTables<'a, const W: usize, const I: usize>(pub(super) Tables<'a>);

impl<'a, const W: usize, const I: usize> SizedTables<'a, W, I> {
    /// log10 p, log10 of the back-off weight and the link of inner nodes.
    pub fn inner(self, nodes: Range<u32>) -> impl Iterator<Item = (f32, f32, u32)> + 'a {
        self.inner_records(nodes).map(|record| {
            let (log10_p, log10_backoff) = (float(record, 0), float(record, WEIGHTS / 2));
            (log10_p, log10_backoff, sized::<I>(&record[WEIGHTS + I..]))
        })
    }

    /// log10 p and the link of nodes of the highest order.
    pub fn top(self, nodes: Range<u32>) -> impl Iterator<Item = (f32, u32)> + 'a {
        let (layout, width) = (self.0.layout, WEIGHTS / 2 + I);
        let at = |node: u32| layout.top_at + (node - layout.top()) as usize * width;
        let records = self.0.bytes[at(nodes.start)..at(nodes.end)].chunks_exact(WEIGHTS / 2 + I);
        records.map(|record| (float(record, 0), sized::<I>(&record[WEIGHTS / 2..])))
    }

    /// First arcs of inner nodes; for the node after the last inner one, the end of all arcs.
    pub fn first_arcs(self, nodes: Range<u32>) -> impl Iterator<Item = u32> + 'a {
        let with_end = nodes.start..nodes.end + 1;
        self.inner_records(with_end)
            .map(|record| sized::<I>(&record[WEIGHTS..]))
    }

    /// The last words of nodes.
    pub fn words(self, nodes: Range<u32>) -> impl Iterator<Item = u32> + Clone + 'a {
        let at = |node: u32| self.0.layout.words_at + node as usize * W;
        let words = &self.0.bytes[at(nodes.start)..at(nodes.end)];
        words.chunks_exact(W).map(sized::<W>)
    }

    fn inner_records(self, nodes: Range<u32>) -> impl Iterator<Item = &'a [u8]> {
        let layout = self.0.layout;
        let bytes = &self.0.bytes[layout.inner(nodes.start)..layout.inner(nodes.end)];
        bytes.chunks_exact(WEIGHTS + 2 * I)
    }
}

#[inline]
fn float(record: &[u8], at: usize) -> f32 {
    f32::from_le_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]])
}
