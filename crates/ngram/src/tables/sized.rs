//! Reading tables with widths of words and nodes that the compiler knows: queries, and passes from one end to the other.

use super::{Tables, WEIGHTS, sized};
use std::ops::Range;

/// Read access to tables with compile-time widths.
#[derive(Clone, Copy)]
pub struct SizedTables<'a, const W: usize, const I: usize>(pub(super) Tables<'a>);

/// The function `F::<W, I>` for the widths of a layout.
macro_rules! for_widths {
    ($layout:expr, $($function:ident)::+) => {
        match $layout.widths() {
            (1, 1) => $($function)::+::<1, 1>,
            (1, 2) => $($function)::+::<1, 2>,
            (1, 3) => $($function)::+::<1, 3>,
            (1, _) => $($function)::+::<1, 4>,
            (2, 1) => $($function)::+::<2, 1>,
            (2, 2) => $($function)::+::<2, 2>,
            (2, 3) => $($function)::+::<2, 3>,
            (2, _) => $($function)::+::<2, 4>,
            (3, 1) => $($function)::+::<3, 1>,
            (3, 2) => $($function)::+::<3, 2>,
            (3, 3) => $($function)::+::<3, 3>,
            (3, _) => $($function)::+::<3, 4>,
            (_, 1) => $($function)::+::<4, 1>,
            (_, 2) => $($function)::+::<4, 2>,
            (_, 3) => $($function)::+::<4, 3>,
            (_, _) => $($function)::+::<4, 4>,
        }
    };
}
pub(crate) use for_widths;

/// Fields of an inner node that a query reads.
#[derive(Clone, Copy, Default)]
pub struct Context {
    pub first_arc: u32,
    pub end_arc: u32,
    pub log10_backoff: f32,
    pub link: u32,
}

impl Context {
    #[inline]
    pub fn arcs(self) -> Range<u32> {
        self.first_arc..self.end_arc
    }
}

/// log10 p of an arc, and the node of the state after it.
#[derive(Clone, Copy, Default)]
pub struct Reached {
    pub log10_p: f32,
    pub next: u32,
}

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
        let records = &self.0.bytes[self.top_at(nodes.start)..self.top_at(nodes.end)];
        let records = records.chunks_exact(Self::TOP);
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

    /// An inner node as a context.
    #[inline]
    pub fn context(self, node: u32) -> Context {
        let record = self.record(self.inner_at(node), 2 * Self::INNER - I);
        Context {
            first_arc: sized::<I>(&record[WEIGHTS..]),
            end_arc: sized::<I>(&record[Self::INNER + WEIGHTS..]),
            log10_backoff: float(record, WEIGHTS / 2),
            link: sized::<I>(&record[WEIGHTS + I..]),
        }
    }

    /// The last word of a node.
    #[inline]
    pub fn word(self, node: u32) -> u32 {
        sized::<W>(self.record(self.0.layout.words_at + node as usize * W, W))
    }

    /// The arc with this word.
    #[inline]
    pub fn find(self, arcs: Range<u32>, word: u32) -> Option<u32> {
        let words = self.0.layout.words_at;
        let words = &self.0.bytes[words + arcs.start as usize * W..words + arcs.end as usize * W];
        const FEW: usize = 16;
        let (mut start, mut len) = (0, arcs.len());
        // Most contexts have one arc. A guess lets the processor fetch its record while the word is still on its way.
        if len > 0 && sized::<W>(words) == word {
            return Some(arcs.start);
        }
        // Halves without branches down to a few, which are counted in one go.
        while len > FEW {
            let half = len / 2;
            let before = sized::<W>(&words[(start + half - 1) * W..]) < word;
            start += if before { half } else { 0 };
            len -= half;
        }
        let few = words[start * W..(start + len) * W].chunks_exact(W);
        let place = start + few.filter(|chunk| sized::<W>(chunk) < word).count();
        let found = place < arcs.len() && sized::<W>(&words[place * W..]) == word;
        found.then(|| arcs.start + place as u32)
    }

    /// Follows an arc, to the longest suffix of its n-gram that is a state.
    #[inline]
    pub fn reach(self, arc: u32) -> Reached {
        let top = self.0.layout.top();
        let inner = arc < top;
        // Without branches: of an arc of the highest order an inner record is read too, always the same one.
        let record = self.record(self.inner_at(arc.min(top - 1)), 2 * Self::INNER - I);
        let first_arcs = [WEIGHTS, Self::INNER + WEIGHTS].map(|at| sized::<I>(&record[at..]));
        // It is a state if it has an arc or a weight.
        let says = (first_arcs[0] != first_arcs[1]) | (float(record, WEIGHTS / 2) != 0.0);
        let at = match inner {
            true => self.inner_at(arc),
            false => self.top_at(arc.max(top)),
        };
        let link_at = at + if inner { WEIGHTS + I } else { WEIGHTS / 2 };
        let link = sized::<I>(self.record(link_at, I));
        Reached {
            log10_p: float(self.record(at, WEIGHTS / 2), 0),
            next: if inner & says { arc } else { link },
        }
    }

    /// Bytes of the record of an inner node, and of one of the highest order.
    const INNER: usize = WEIGHTS + 2 * I;
    const TOP: usize = WEIGHTS / 2 + I;

    #[inline]
    fn inner_at(self, node: u32) -> usize {
        self.0.layout.inner_at + node as usize * Self::INNER
    }

    #[inline]
    fn top_at(self, node: u32) -> usize {
        self.0.layout.top_at + (node - self.0.layout.top()) as usize * Self::TOP
    }

    #[inline]
    fn record(self, at: usize, len: usize) -> &'a [u8] {
        &self.0.bytes[at..at + len]
    }

    fn inner_records(self, nodes: Range<u32>) -> impl Iterator<Item = &'a [u8]> {
        let bytes = &self.0.bytes[self.inner_at(nodes.start)..self.inner_at(nodes.end)];
        bytes.chunks_exact(Self::INNER)
    }
}

#[inline]
fn float(record: &[u8], at: usize) -> f32 {
    f32::from_le_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]])
}
