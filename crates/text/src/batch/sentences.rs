//! Layout `sentences`: every line is a sequence of its own, and lines of about the same length are read side by side.
//!
//! A line ends with the token that ends it, which is predicted like any other; what follows the last line end, the `<eos>` of
//! a document at least, is a line too. So every token is predicted exactly once per epoch, or, with a [`AnswerMask`], every token of an
//! answer. The first input of a line is
//! `<eos>`. Shorter lines of a batch are padded at their end: weight 0, input `<eos>`, target id 0.
//!
//! Lines fall into buckets by the four leading bits of their length, eight buckets an octave, so that padding is less than an
//! eighth of a line. The buckets are laid end to end and cut into batches of at most B lines and P positions; a line of more
//! than P tokens is a batch of its own. Where the cuts are depends on the lengths alone. In every epoch the lines of each
//! bucket are shuffled, and then the batches: the shapes that windows may have are known before training begins.

use super::{AnswerMask, Window};
use crate::TextError;
use elman_kernels::rng::{Site, Stream as Draws, key};
use std::ops::Range;

/// Lines of a text, grouped into batches of about equal length, and their order in an epoch.
#[derive(Clone, Debug)]
pub struct Sentences {
    /// Line i has the tokens `starts[i]..starts[i + 1]`.
    starts: Vec<usize>,
    /// All lines, bucket after bucket.
    order: Vec<u32>,
    /// Batch k has the lines `order[cuts[k]..cuts[k + 1]]`.
    cuts: Vec<u32>,
    /// The batches in the order in which they are read.
    batches: Vec<u32>,
    /// Largest number of steps and batch size of each kind of batch that differs.
    shapes: Vec<(usize, usize)>,
    /// The epoch whose order this is; `None`: that of the text.
    epoch: Option<u64>,
    /// Where answers begin that alone are predicted; `None`: every token is.
    mask: Option<AnswerMask>,
}

impl Sentences {
    /// Finds where the lines of `ids` begin, and where the last one ends. `ids` holds at least one token.
    pub fn starts(ids: &[u32], ends_line: impl Fn(u32) -> bool) -> Vec<usize> {
        // The last token ends a line whatever it is.
        let (_, inner) = ids.split_last().expect("a text has tokens");
        let ends = || {
            (1..)
                .zip(inner)
                .filter(|(_, id)| ends_line(**id))
                .map(|(end, _)| end)
        };
        let mut starts = Vec::with_capacity(ends().count() + 2);
        starts.push(0);
        starts.extend(ends());
        starts.push(ids.len());
        starts
    }

    /// Makes batches of the lines of `ids`, see [`Sentences::of_lines`].
    pub fn new(
        ids: &[u32],
        ends_line: impl Fn(u32) -> bool,
        batch_size: usize,
        positions: usize,
    ) -> Result<Sentences, TextError> {
        Sentences::of_lines(Sentences::starts(ids, ends_line), batch_size, positions)
    }

    /// Makes batches from the beginnings of lines, as [`Sentences::starts`] finds them.
    ///
    /// A batch has at most `batch_size` lines and, unless it is a single line, at most `positions` positions. The initial
    /// order is that of length and of the text. Error: [`TextError::TooManyLines`] for more than 2³² lines.
    pub fn of_lines(
        starts: Vec<usize>,
        batch_size: usize,
        positions: usize,
    ) -> Result<Sentences, TextError> {
        assert!(starts.len() > 1 && batch_size > 0 && positions > 0);
        let lines = starts.len() - 1;
        let Ok(last) = u32::try_from(lines) else {
            return Err(TextError::TooManyLines { lines });
        };
        let mut sentences = Sentences {
            starts,
            order: (0..last).collect(),
            cuts: Vec::new(),
            batches: Vec::new(),
            shapes: Vec::new(),
            epoch: None,
            mask: None,
        };
        sentences.sort();
        sentences.cut(batch_size, positions);
        Ok(sentences)
    }

    /// Restricts the loss to the answers of `mask`, and returns the batches.
    pub fn answers_after(mut self, mask: AnswerMask) -> Sentences {
        self.answer_after(mask);
        self
    }

    /// Restricts the loss to the answers of `mask` from now on.
    pub fn answer_after(&mut self, mask: AnswerMask) {
        self.mask = Some(mask);
    }

    /// Range of the predicted tokens of line `line`, relative to its beginning; `ids` are the tokens of the text.
    pub fn predicted(&self, ids: &[u32], line: u32) -> Range<usize> {
        let tokens = &ids[self.line(line)];
        match self.mask {
            Some(mask) => mask.answer(tokens),
            None => 0..tokens.len(),
        }
    }

    /// Positions at which lines begin, and the end of the last line.
    pub fn line_starts(&self) -> &[usize] {
        &self.starts
    }

    /// Number of lines.
    pub fn lines(&self) -> usize {
        self.order.len()
    }

    /// Number of batches in an epoch.
    pub fn batches(&self) -> usize {
        self.batches.len()
    }

    /// Shapes of the batches as (most steps, batch size), without repetition of neighbours.
    pub fn shapes(&self) -> &[(usize, usize)] {
        &self.shapes
    }

    /// Number of tokens of the longest line.
    pub fn longest(&self) -> usize {
        self.shapes
            .iter()
            .map(|(steps, _)| *steps)
            .max()
            .unwrap_or(0)
    }

    /// Memory of the index of lines and batches, in bytes.
    pub fn index_bytes(&self) -> u64 {
        (8 * self.starts.len() + 4 * (self.order.len() + self.cuts.len() + self.batches.len()))
            as u64
    }

    /// Puts lines and batches into the order of an epoch, which depends on `seed` and `epoch` only.
    pub fn shuffle(&mut self, seed: u64, epoch: u64) {
        if self.epoch == Some(epoch) {
            return;
        }
        self.sort();
        let mut draws = Draws::new(key(seed, Site::Lines, epoch));
        let mut from = 0;
        while from < self.order.len() {
            let bucket = self.bucket_at(from);
            shuffle(&mut self.order[bucket.clone()], &mut draws);
            from = bucket.end;
        }
        let mut draws = Draws::new(key(seed, Site::Batches, epoch));
        shuffle(&mut self.batches, &mut draws);
        self.epoch = Some(epoch);
    }

    /// Fills `window` with batch number `at` of the epoch and returns its number of tokens.
    ///
    /// `ids` are the tokens of the text; `eos` is the input before the first token of a line.
    pub fn window(&self, ids: &[u32], eos: u32, at: usize, window: &mut Window) -> usize {
        let batch = self.batches[at] as usize;
        let lines = &self.order[self.cuts[batch] as usize..self.cuts[batch + 1] as usize];
        let lengths = || lines.iter().map(|line| self.line(*line).len());
        let steps = lengths().max();
        window.clear(steps.expect("a batch has lines"), lines.len(), eos);
        for &line in lines {
            let predicted = self.predicted(ids, line);
            window.push_sequence(line, eos, &ids[self.line(line)], predicted);
        }
        lengths().sum()
    }

    /// Number of tokens in the batches before number `at`; `None` if there is no such batch.
    pub fn tokens_before(&self, at: usize) -> Option<usize> {
        self.batches.get(at)?;
        let lines = self.batches[..at].iter().flat_map(|batch| {
            let batch = *batch as usize;
            &self.order[self.cuts[batch] as usize..self.cuts[batch + 1] as usize]
        });
        Some(lines.map(|line| self.line(*line).len()).sum())
    }

    /// Range of the tokens of a line within the text.
    pub fn line(&self, line: u32) -> Range<usize> {
        self.starts[line as usize]..self.starts[line as usize + 1]
    }

    /// The order of buckets and, within each, of the text; that of batches likewise.
    fn sort(&mut self) {
        let starts = &self.starts;
        let length = |line: u32| starts[line as usize + 1] - starts[line as usize];
        self.order
            .sort_unstable_by_key(|line| (bucket(length(*line)), *line));
        self.batches.sort_unstable();
    }

    /// The bucket that begins at `from`, as a range of `order`.
    fn bucket_at(&self, from: usize) -> Range<usize> {
        let of = |line: &u32| bucket(self.line(*line).len());
        let same = of(&self.order[from]);
        let rest = &self.order[from..];
        from..from + rest.partition_point(|line| of(line) <= same)
    }

    /// Cuts the sorted lines into batches.
    fn cut(&mut self, batch_size: usize, positions: usize) {
        self.cuts.push(0);
        // What the batch that is being filled began with, and how long its lines may be.
        let (mut first, mut steps) = (0, 0);
        let mut from = 0;
        while from < self.order.len() {
            let bucket = self.bucket_at(from);
            let lengths = self.order[bucket.clone()]
                .iter()
                .map(|line| self.line(*line).len());
            // Any of the bucket's lines may come to stand anywhere in it.
            let longest = lengths.max().expect("a bucket has lines");
            for at in bucket.clone() {
                let with = at - first + 1;
                if with > 1 && (with > batch_size || with.saturating_mul(longest) > positions) {
                    self.close(at, (steps, at - first));
                    first = at;
                }
                steps = longest;
            }
            from = bucket.end;
        }
        self.close(from, (steps, from - first));
        self.batches = (0..self.cuts.len() as u32 - 1).collect();
        self.cuts.shrink_to_fit();
    }

    fn close(&mut self, end: usize, shape: (usize, usize)) {
        self.cuts.push(end as u32);
        if self.shapes.last() != Some(&shape) {
            self.shapes.push(shape);
        }
    }
}

/// The bucket of lines of `length` tokens, by the least length in it: what is left with four leading bits.
fn bucket(length: usize) -> usize {
    let dropped = (usize::BITS - length.leading_zeros()).saturating_sub(4);
    length >> dropped << dropped
}

/// Fisher and Yates.
fn shuffle(of: &mut [u32], draws: &mut Draws) {
    for i in (1..of.len()).rev() {
        of.swap(i, draws.below(i as u32 + 1) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    /// Lines of these lengths over ids from 1 on, a line ending with 1.
    fn lines(lengths: &[usize]) -> Vec<u32> {
        let mut ids = Vec::new();
        for length in lengths {
            ids.extend((2..).take(length - 1));
            ids.push(1);
        }
        ids
    }

    fn sentences(ids: &[u32], batch_size: usize, positions: usize) -> Sentences {
        Sentences::new(ids, |id| id == 1, batch_size, positions).unwrap()
    }

    proptest! {
        #[test]
        fn every_token_is_predicted_once_from_the_beginning_of_its_line(
            lengths in prop::collection::vec(1usize..60, 1..80),
            cut_short in 0usize..3,
            batch_size in 1usize..12,
            positions in 1usize..200,
            epoch in 0u64..3,
        ) {
            let mut ids = lines(&lengths);
            // The last line may have no end.
            ids.truncate((ids.len() - cut_short.min(ids.len() - 1)).max(1));
            let mut sentences = sentences(&ids, batch_size, positions);
            sentences.shuffle(5, epoch);
            let mut window = Window::default();
            let mut seen = vec![0; sentences.lines()];
            let mut tokens = 0;
            for at in 0..sentences.batches() {
                prop_assert_eq!(sentences.window(&ids, 0, at, &mut window), window.real);
                let (t, b) = (window.steps, window.batch_size);
                prop_assert!(b <= batch_size && (b == 1 || t * b <= positions));
                prop_assert!(sentences.shapes().iter().any(|(steps, batch_size)| t <= *steps && b == *batch_size));
                let longest = sentences.shapes().iter().map(|(steps, batch_size)| steps * batch_size).max();
                prop_assert!(Some(t * b) <= longest);
                prop_assert_eq!(window.parts.len(), b);
                for (sequence, &line) in window.parts.iter().enumerate() {
                    let tokens = &ids[sentences.line(line)];
                    for step in 0..t {
                        let cell = step * b + sequence;
                        let real = step < tokens.len();
                        prop_assert_eq!(window.weight[cell], f32::from(real));
                        prop_assert_eq!(window.targets[cell], if real { tokens[step] } else { 0 });
                        let input = if real && step > 0 { tokens[step - 1] } else { 0 };
                        prop_assert_eq!(window.inputs[cell], input);
                    }
                    prop_assert!(tokens[..tokens.len() - 1].iter().all(|id| *id != 1));
                    seen[line as usize] += 1;
                }
                tokens += window.real;
            }
            prop_assert_eq!(tokens, ids.len());
            prop_assert!(seen.iter().all(|times| *times == 1));
        }
    }

    #[test]
    fn an_epoch_has_an_order_of_its_own_and_always_the_same() {
        let lengths: Vec<usize> = (0..400).map(|i| 1 + i * i % 37).collect();
        let ids = lines(&lengths);
        let order = |epochs: &[u64]| {
            let mut sentences = sentences(&ids, 8, 100);
            epochs.iter().for_each(|epoch| sentences.shuffle(1, *epoch));
            let mut window = Window::default();
            let batches = 0..sentences.batches();
            let parts = batches.flat_map(|at| {
                sentences.window(&ids, 0, at, &mut window);
                window.parts.clone()
            });
            parts.collect::<Vec<u32>>()
        };
        assert_eq!(order(&[2]), order(&[0, 1, 2]));
        assert_ne!(order(&[0]), order(&[1]));
        assert_ne!(order(&[0]), order(&[]));
        // Lines have other neighbours in every epoch.
        let neighbours = |order: Vec<u32>| -> HashSet<[u32; 2]> {
            order.windows(2).map(|two| [two[0], two[1]]).collect()
        };
        let (one, two) = (neighbours(order(&[0])), neighbours(order(&[1])));
        assert!(one.intersection(&two).count() < 40);
    }

    #[test]
    fn long_lines_have_few_sequences_and_padding_is_an_eighth_at_most() {
        let mut lengths: Vec<usize> = (1..=10_000).step_by(7).collect();
        lengths.extend((0..5_000).map(|i| 1 + i % 50));
        let ids = lines(&lengths);
        let mut sentences = sentences(&ids, 32, 4096);
        sentences.shuffle(1, 0);
        assert_eq!(sentences.longest(), 9_997);
        let mut window = Window::default();
        let mut cells = 0;
        for at in 0..sentences.batches() {
            sentences.window(&ids, 0, at, &mut window);
            cells += window.steps * window.batch_size;
            assert!(window.batch_size == 1 || window.steps * window.batch_size <= 4096);
        }
        let padded = cells as f64 / ids.len() as f64;
        assert!(padded < 1.125, "{padded}");
    }
}
