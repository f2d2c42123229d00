//! Excerpts of a text, drawn at random, as a batch.
//!
//! Each row is an excerpt of C + T tokens from a place of its own (`places`). The first C, its *context*, bring the state from zero
//! to what it is like inside a text; the T steps after them are inspected. A line that is read by itself has no context, and is
//! padded at its end where it is shorter than others: padding, and what is no answer, has weight 0.

use super::places::{self, Place};
use crate::error::{InspectError, Result};
use elman_text::{self as text, ReadOptions, Sentences, Source, Vocab, Window};

/// Largest number of tokens of an inspected text: 4 GiB of ids.
pub(super) const MOST_TOKENS: usize = 1 << 30;

/// Largest number of excerpts.
pub(super) const MOST_EXCERPTS: usize = 1024;
pub(super) const MOST_STEPS: usize = 1_000_000;

/// A batch of B excerpts, time-major: entry (t, b) is at `t * batch_size + b`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Excerpts {
    /// C
    pub context: usize,
    /// T
    pub steps: usize,
    /// B
    pub batch_size: usize,
    /// (C + T, B)
    pub inputs: Vec<u32>,
    /// (C + T, B)
    pub targets: Vec<u32>,
    /// (C + T, B): 1 where a token carries loss.
    pub weight: Vec<f32>,
    /// (B): where the excerpts lie.
    pub places: Vec<Place>,
}

/// Reads a whole text and returns its token ids.
///
/// # Errors
/// [`Error::Text`](crate::Error::Text) if the text cannot be read; [`InspectError::TextTooLong`] for more than 2³⁰ tokens.
pub fn tokens(sources: Vec<Source>, vocab: &Vocab, read: &ReadOptions) -> Result<Vec<u32>> {
    let mut ids = Vec::new();
    text::encode(sources, vocab, read, &mut |symbol| -> Result<()> {
        if ids.len() == MOST_TOKENS {
            return Err(InspectError::TextTooLong { most: MOST_TOKENS }.into());
        }
        ids.push(symbol.id);
        Ok(())
    })?;
    Ok(ids)
}

impl Excerpts {
    /// Draws `count` excerpts of `steps` steps after `context` steps, or as many as the text has before the last `steps`. A text
    /// with fewer places gives each of them once.
    ///
    /// Errors: a text of fewer than `steps` tokens.
    pub fn draw(
        ids: &[u32],
        eos: u32,
        [context, steps, count]: [usize; 3],
        seed: u64,
    ) -> Result<Excerpts> {
        let places = places::of_stream(ids.len(), [context, steps, count], seed)?;
        let context = places[0].steps() - steps;
        let mut excerpts = Excerpts::padding(context, places, eos);
        for sequence in 0..excerpts.batch_size {
            excerpts.fill(sequence, ids, eos);
        }
        excerpts.weight.fill(1.0);
        Ok(excerpts)
    }

    /// Draws `count` lines that have a loss among their first `most` tokens, cut to these.
    ///
    /// Errors: no line has one.
    pub(super) fn of_lines(
        lines: &Sentences,
        ids: &[u32],
        eos: u32,
        sizes: [usize; 2],
        seed: u64,
    ) -> Result<Excerpts> {
        let places = places::of_lines(lines, ids, sizes, seed)?;
        let mut excerpts = Excerpts::padding(0, places, eos);
        for sequence in 0..excerpts.batch_size {
            excerpts.fill(sequence, ids, eos);
            let place = excerpts.places[sequence];
            let line = place.line.map_or(0, |line| line as u32 - 1);
            for step in lines.predicted(ids, line) {
                if step < place.steps() {
                    excerpts.weight[step * excerpts.batch_size + sequence] = 1.0;
                }
            }
        }
        Ok(excerpts)
    }

    /// As many steps as the longest of `places` has after `context`, without tokens.
    fn padding(context: usize, places: Vec<Place>, eos: u32) -> Excerpts {
        let longest = places.iter().map(Place::steps).max();
        let (length, batch_size) = (longest.unwrap_or(0), places.len());
        Excerpts {
            context,
            steps: length - context,
            batch_size,
            inputs: vec![eos; length * batch_size],
            targets: vec![0; length * batch_size],
            weight: vec![0.0; length * batch_size],
            places,
        }
    }

    /// Fills a sequence with the tokens of its place.
    fn fill(&mut self, sequence: usize, ids: &[u32], eos: u32) {
        let place = self.places[sequence];
        let inputs = place.inputs(ids, eos);
        let targets = &ids[place.first..=place.last];
        for (t, (input, target)) in inputs.into_iter().zip(targets).enumerate() {
            let cell = t * self.batch_size + sequence;
            (self.inputs[cell], self.targets[cell]) = (input, *target);
        }
    }

    /// Tokens that carry loss after the context.
    pub fn losses(&self) -> usize {
        let weights = &self.weight[self.context * self.batch_size..];
        weights.iter().filter(|weight| **weight > 0.0).count()
    }

    /// The tokens of `sequence` before its steps.
    pub fn context_of(&self, sequence: usize) -> Vec<u32> {
        let tokens = self.targets[..self.context * self.batch_size].iter();
        tokens
            .skip(sequence)
            .step_by(self.batch_size)
            .copied()
            .collect()
    }

    /// Token `step` of `sequence`, counted from the end of the context.
    pub fn token(&self, sequence: usize, step: usize) -> u32 {
        self.targets[(self.context + step) * self.batch_size + sequence]
    }

    /// Steps `from` to `to` of all sequences, counted from the beginning of the context.
    pub fn window(&self, from: usize, to: usize) -> Window {
        let cells = from * self.batch_size..to * self.batch_size;
        Window {
            steps: to - from,
            batch_size: self.batch_size,
            inputs: self.inputs[cells.clone()].to_vec(),
            targets: self.targets[cells.clone()].to_vec(),
            real: self.weight[cells.clone()]
                .iter()
                .filter(|w| **w > 0.0)
                .count(),
            weight: self.weight[cells].to_vec(),
            carry: to - from,
            begins: Vec::new(),
            parts: (0..self.batch_size as u32).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_are_parts_of_the_text_and_the_same_each_time() {
        let ids: Vec<u32> = (1..=50).collect();
        let draw = |seed| Excerpts::draw(&ids, 0, [3, 7, 4], seed).unwrap();
        let excerpts = draw(1);
        assert_eq!(excerpts, draw(1));
        assert_ne!(excerpts, draw(2));
        for sequence in 0..4 {
            for t in 0..10 {
                let at = t * 4 + sequence;
                assert_eq!(excerpts.inputs[at] + 1, excerpts.targets[at]);
                assert_eq!(excerpts.targets[at], excerpts.targets[sequence] + t as u32);
            }
        }
        assert_eq!(
            excerpts.context_of(2),
            [0, 1, 2].map(|t| excerpts.targets[t * 4 + 2])
        );
        assert_eq!(excerpts.token(2, 0), excerpts.targets[3 * 4 + 2]);
        let window = excerpts.window(3, 10);
        assert_eq!((window.steps, window.real), (7, 28));
        assert_eq!(window.inputs, excerpts.inputs[12..]);
    }

    #[test]
    fn a_short_text_has_less_context_and_fewer_excerpts() {
        let ids: Vec<u32> = (1..=9).collect();
        let excerpts = Excerpts::draw(&ids, 0, [100, 7, 4], 1).unwrap();
        assert_eq!((excerpts.context, excerpts.batch_size), (2, 1));
        assert_eq!(excerpts.inputs, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert!(Excerpts::draw(&ids, 0, [0, 10, 1], 1).is_err());
    }

    #[test]
    fn lines_are_padded_and_padding_has_no_loss() {
        let ids = [5, 6, 7, 1, 4, 1];
        let starts = Sentences::starts(&ids, |id| id == 1);
        let lines = Sentences::of_lines(starts, 1, 100).unwrap();
        let excerpts = Excerpts::of_lines(&lines, &ids, 0, [9, 9], 1).unwrap();
        assert_eq!(
            (excerpts.context, excerpts.steps, excerpts.batch_size),
            (0, 4, 2)
        );
        assert_eq!(excerpts.losses(), 6);
        let short = excerpts.places.iter().position(|place| place.steps() == 2);
        let sequence = |values: &[u32]| -> Vec<u32> {
            values
                .iter()
                .skip(short.unwrap())
                .step_by(2)
                .copied()
                .collect()
        };
        assert_eq!(sequence(&excerpts.inputs), [0, 4, 0, 0]);
        assert_eq!(sequence(&excerpts.targets), [4, 1, 0, 0]);
        assert_eq!(excerpts.window(2, 4).real, 2);
    }
}
