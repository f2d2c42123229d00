//! Both packings of a weight matrix, written while it is in the cache.
//!
//! W (N, K) is needed transposed for x·Wᵀ and as it is for d·W. Sixteen of its rows are one panel of
//! the first and some words of every panel of the second: a *stripe*, which is packed both ways as
//! soon as its numbers are there.

use super::{Format, Packed, Rows, Turned};
use crate::cpu::{Cpu, Parts};
use crate::isa::Isa;
use crate::simd::WIDTH;
use std::ops::Range;

/// The two packed weights of one weight matrix, which an optimiser writes together.
pub struct PanelPair<'a> {
    forward: &'a mut Packed,
    backward: &'a mut Packed,
}

impl<'a> PanelPair<'a> {
    /// Pairs the copies of W (N, K): `forward` was made for its transpose (K, N), `backward` for W itself.
    ///
    /// The format int8 is not supported.
    pub fn new(forward: &'a mut Packed, backward: &'a mut Packed) -> PanelPair<'a> {
        assert!(
            forward.format == backward.format && forward.format != Format::Int8,
            "a pair of {:?} and {:?}",
            forward.format,
            backward.format
        );
        let (n, k) = (forward.width(), backward.width());
        assert!(
            (forward.depth, backward.depth) == (k, n) && backward.gates == 1,
            "({}, {n}) and ({}, {k}) are not the packings of one matrix",
            forward.depth,
            backward.depth
        );
        PanelPair { forward, backward }
    }

    /// N·K
    pub(crate) fn numbers(&self) -> usize {
        self.forward.width() * self.backward.width()
    }

    /// Packs W both ways.
    pub(crate) fn pack(self, cpu: &Cpu, w: &[f32]) {
        self.forward.pack_transposed(cpu, w);
        self.backward.pack(cpu, w);
    }

    /// The stripes, if none of them begins within a word of the backward panels.
    pub(crate) fn stripes(&mut self) -> Option<Stripes<'_>> {
        let (forward, backward) = (&mut *self.forward, &mut *self.backward);
        let (gates, cols) = (forward.gates, forward.cols);
        let whole = gates == 1 || cols.is_multiple_of(forward.format.per_word());
        whole.then(|| Stripes {
            format: forward.format,
            gates,
            cols,
            depth: forward.depth,
            forward_panel: forward.panel_size(),
            backward_words: backward.words(),
            forward: Parts::new(&mut forward.panels),
            backward: Parts::new(&mut backward.panels),
        })
    }
}

/// A [`PanelPair`] that several threads fill, each its own stripes.
pub(crate) struct Stripes<'a> {
    format: Format,
    gates: usize,
    /// Rows of W in one gate.
    cols: usize,
    /// K
    depth: usize,
    forward_panel: usize,
    backward_words: usize,
    forward: Parts<'a, f32>,
    backward: Parts<'a, f32>,
}

impl Stripes<'_> {
    pub(crate) fn count(&self) -> usize {
        self.gates * self.cols.div_ceil(WIDTH)
    }

    /// The rows of W in stripe number `stripe`.
    fn rows(&self, stripe: usize) -> Range<usize> {
        let blocks = self.cols.div_ceil(WIDTH);
        let (gate, first) = (stripe / blocks, stripe % blocks * WIDTH);
        let start = gate * self.cols + first;
        start..start + WIDTH.min(self.cols - first)
    }

    /// The numbers of W in stripe number `stripe`.
    pub(crate) fn numbers(&self, stripe: usize) -> Range<usize> {
        let rows = self.rows(stripe);
        rows.start * self.depth..rows.end * self.depth
    }

    /// Packs `w`, the numbers of stripe number `stripe`.
    ///
    /// # Safety
    /// No other thread packs this stripe, or reads the panels.
    pub(crate) unsafe fn pack(&self, isa: Isa, w: &[f32], stripe: usize) {
        let (depth, rows) = (self.depth, self.rows(stripe));
        assert!(w.len() == rows.len() * depth);
        let panel = stripe * self.forward_panel..(stripe + 1) * self.forward_panel;
        isa.run(Turned {
            w,
            depth,
            format: self.format,
            // SAFETY: the stripe's own panel.
            panel: unsafe { self.forward.part(panel) },
            scales: &mut [],
        });
        // Whole words, but for the last of all: the first row of every stripe begins one.
        let words = self.format.words(rows.len());
        let rows = Rows {
            b: w,
            gates: 1,
            cols: depth,
            last_first: false,
            format: self.format,
            words: 0..words,
            first: rows.start / self.format.per_word(),
            panel_words: self.backward_words,
            panels: &self.backward,
        };
        // SAFETY: the words of this stripe are no other's, and the caller packs it alone.
        unsafe { isa.run_raw(rows) };
    }
}
