//! Beginnings of texts within a window, where the recurrence is cut.
//!
//! A window is computed in *spans* of steps: a sequence begins only at the first step of a span. Before a span, the state of the
//! sequences that begin becomes zero; on the way back, so does the gradient at that state, and it reaches no earlier step. The
//! other sequences continue as if nothing was cut, bit for bit.

use super::LayerState;
use std::ops::Range;

/// Positions of a window, or of a part of it, at which a text begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begins<'a> {
    /// (T, B), or empty if no sequence begins.
    flags: &'a [bool],
    steps: usize,
    batch_size: usize,
}

impl<'a> Begins<'a> {
    /// Wraps the flags (T, B) of a window with `rows` = T·B rows and batch size `batch_size`; `flags` may be empty.
    pub(crate) fn new(flags: &'a [bool], rows: usize, batch_size: usize) -> Begins<'a> {
        assert!(
            flags.is_empty() || flags.len() == rows,
            "{} flags for {rows} rows",
            flags.len()
        );
        Begins {
            flags,
            steps: rows / batch_size,
            batch_size,
        }
    }

    /// The spans of the window, from its first step to its last.
    pub(crate) fn spans(self) -> impl Iterator<Item = Range<usize>> {
        let mut start = 0;
        std::iter::from_fn(move || {
            let begins = |t: &usize| self.at(*t).next().is_some();
            let end = (start + 1..self.steps).find(begins).unwrap_or(self.steps);
            let span = start..end;
            start = end;
            (!span.is_empty()).then_some(span)
        })
    }

    /// The spans of the window, from its last step to its first.
    pub(crate) fn spans_back(self) -> impl Iterator<Item = Range<usize>> {
        let mut end = self.steps;
        std::iter::from_fn(move || {
            let begins = |t: &usize| self.at(*t).next().is_some();
            let start = (0..end).rev().find(begins).unwrap_or(0);
            let span = start..end;
            end = start;
            (!span.is_empty()).then_some(span)
        })
    }

    /// The sequences that begin at step `t`.
    pub(crate) fn at(self, t: usize) -> impl Iterator<Item = usize> {
        let flags = self
            .flags
            .get(t * self.batch_size..(t + 1) * self.batch_size);
        let sequences = flags.unwrap_or(&[]).iter().enumerate();
        sequences
            .filter(|(_, begins)| **begins)
            .map(|(sequence, _)| sequence)
    }

    /// Makes the sequences of `state` that begin at step `t` zero.
    pub(crate) fn clear(self, t: usize, state: &mut LayerState) {
        self.clear_rows(t, &mut state.h);
        self.clear_rows(t, &mut state.c);
    }

    /// Makes the rows of the sequences that begin at step `t` zero; `rows` (B, ·) has one for each sequence.
    pub(crate) fn clear_rows(self, t: usize, rows: &mut [f32]) {
        let width = rows.len() / self.batch_size;
        for sequence in self.at(t) {
            rows[sequence * width..(sequence + 1) * width].fill(0.0);
        }
    }

    /// Makes h_{t−1} zero wherever a sequence begins at step t; `before` (T, B, H) holds it for all steps.
    pub(crate) fn clear_before(self, before: &mut [f32]) {
        let size = before.len() / self.steps;
        for (t, rows) in before.chunks_exact_mut(size).enumerate() {
            self.clear_rows(t, rows);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_begins_only_at_the_first_step_of_a_span() {
        let mut flags = vec![false; 7 * 2];
        for (t, sequence) in [(0, 1), (3, 0), (4, 0), (4, 1)] {
            flags[t * 2 + sequence] = true;
        }
        let begins = Begins::new(&flags, 14, 2);
        let spans: Vec<_> = begins.spans().collect();
        assert_eq!(spans, [0..3, 3..4, 4..7]);
        let mut back: Vec<_> = begins.spans_back().collect();
        back.reverse();
        assert_eq!(back, spans);
        assert_eq!(begins.at(4).collect::<Vec<_>>(), [0, 1]);
        let mut rows: Vec<f32> = (1..=14 * 3).map(|x| x as f32).collect();
        begins.clear_before(&mut rows);
        let zero = |row: usize| rows[row * 3..row * 3 + 3] == [0.0; 3];
        let zeros: Vec<usize> = (0..14).filter(|&row| zero(row)).collect();
        assert_eq!(zeros, [1, 6, 8, 9]);
    }

    #[test]
    fn without_beginnings_a_window_is_one_span() {
        for flags in [&[][..], &[false; 6]] {
            let begins = Begins::new(flags, 6, 2);
            assert!(begins.spans().eq(std::iter::once(0..3)));
            assert!(begins.spans_back().eq(std::iter::once(0..3)));
        }
    }
}
