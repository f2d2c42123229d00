//! Layout `stream`: the text cut into B parts that are read side by side, in windows of T steps.
//!
//! With N tokens w_0 … w_{N−1} and parts of S = ⌈N/B⌉ tokens, part b predicts w_{bS} … w_{min(bS+S, N)−1}. It starts from the
//! token before its first one, part 0 from `<eos>`: at step t its target is w_{bS+t} and its input w_{bS+t−1}. So every token is
//! predicted exactly once per epoch. Parts that end early are masked: weight 0, input and target id 0.
//!
//! [`Stream::at_lines`] lets each part but the first begin at the first line of its S tokens, from `<eos>`: for models that have
//! learnt to begin there ([`super::Restarts`]) and would be lost in the middle of a line.

use super::Window;
use std::ops::Range;

/// Division of a sequence of tokens into B parts, which are read side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    tokens: usize,
    batch_size: usize,
    /// Where each sequence begins, and whether that is the beginning of a line; `None`: every S tokens, anywhere.
    starts: Option<Vec<(usize, bool)>>,
}

impl Stream {
    /// Divides `tokens` tokens into `batch_size` parts of equal length. Both numbers must be at least 1.
    pub fn new(tokens: usize, batch_size: usize) -> Stream {
        assert!(
            tokens > 0 && batch_size > 0,
            "a stream needs tokens ({tokens}) and a batch size ({batch_size})"
        );
        Stream {
            tokens,
            batch_size,
            starts: None,
        }
    }

    /// Divides `ids` into `batch_size` parts that begin at lines, where there are any.
    ///
    /// Both `ids` and `batch_size` must be at least one; `ends_line` says which tokens end lines.
    pub fn at_lines(ids: &[u32], batch_size: usize, ends_line: impl Fn(u32) -> bool) -> Stream {
        let even = Stream::new(ids.len(), batch_size);
        let start = |sequence: usize| {
            let tokens = even.sequence(sequence);
            let begins = |place: &usize| *place == 0 || ends_line(ids[place - 1]);
            match tokens.clone().find(begins) {
                Some(place) => (place, true),
                None => (tokens.start, false),
            }
        };
        let starts = Some((0..batch_size).map(start).collect());
        Stream { starts, ..even }
    }

    /// N: number of tokens.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// B: number of parts.
    pub fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// Number of steps in an epoch, which is the length of the longest part; S = ⌈N/B⌉ for parts of equal length.
    pub fn steps(&self) -> usize {
        match &self.starts {
            None => self.tokens.div_ceil(self.batch_size),
            Some(_) => {
                let lengths = (0..self.batch_size).map(|sequence| self.sequence(sequence).len());
                lengths.max().unwrap_or(0)
            }
        }
    }

    /// Number of windows of `steps` time steps in an epoch; the last one may be shorter.
    pub fn windows(&self, steps: usize) -> usize {
        self.steps().div_ceil(steps)
    }

    /// Range of the tokens that `sequence` predicts.
    pub fn sequence(&self, sequence: usize) -> Range<usize> {
        if let Some(starts) = &self.starts {
            let end = starts.get(sequence + 1).map_or(self.tokens, |next| next.0);
            return starts[sequence].0..end;
        }
        // Sequences begin at multiples of S, and only the last ones reach past N.
        let start = sequence.saturating_mul(self.steps()).min(self.tokens);
        start..start.saturating_add(self.steps()).min(self.tokens)
    }

    /// Fills `window` with up to `steps` time steps from `first_step` on, fewer at the end of the epoch.
    ///
    /// `ids` are the N tokens; `eos` is the input before the first one.
    pub fn window(
        &self,
        ids: &[u32],
        eos: u32,
        first_step: usize,
        steps: usize,
        window: &mut Window,
    ) {
        assert_eq!(
            ids.len(),
            self.tokens,
            "the stream was made for another number of tokens"
        );
        assert!(
            first_step < self.steps() && steps > 0,
            "no steps at {first_step} of {}",
            self.steps()
        );
        let steps = steps.min(self.steps() - first_step);
        window.clear(steps, self.batch_size, 0);
        for sequence in 0..self.batch_size {
            let tokens = self.sequence(sequence);
            let from = (tokens.start + first_step).min(tokens.end);
            let targets = &ids[from..(from + steps).min(tokens.end)];
            let begins_text = match &self.starts {
                Some(starts) => starts[sequence] == (from, true),
                None => from == 0,
            };
            let input = if begins_text { eos } else { ids[from - 1] };
            window.push_sequence(sequence as u32, input, targets, 0..targets.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_token_is_predicted_once(tokens in 1usize..400, batch_size in 1usize..40, bptt in 1usize..50) {
            let ids: Vec<u32> = (1..=tokens as u32).collect();
            let stream = Stream::new(tokens, batch_size);
            let mut window = Window::default();
            let mut seen = vec![0; tokens + 1];
            let mut last = vec![None; batch_size];
            let mut first = 0;
            let mut windows = 0;
            while first < stream.steps() {
                stream.window(&ids, 0, first, bptt, &mut window);
                prop_assert_eq!(window.inputs.len(), window.steps * batch_size);
                prop_assert_eq!(window.real as f32, window.weight.iter().sum::<f32>());
                for cell in 0..window.steps * batch_size {
                    let (input, target) = (window.inputs[cell], window.targets[cell]);
                    if window.weight[cell] == 0.0 {
                        prop_assert_eq!((input, target), (0, 0));
                        continue;
                    }
                    // Ids are 1, 2, 3 …, so the token before is the id less one, and <eos> is 0.
                    prop_assert_eq!(input, target - 1);
                    let sequence = cell % batch_size;
                    prop_assert!(last[sequence].is_none_or(|id| id == input), "state would be carried to another place");
                    last[sequence] = Some(target);
                    seen[target as usize] += 1;
                }
                first += window.steps;
                windows += 1;
            }
            prop_assert_eq!(windows, stream.windows(bptt));
            prop_assert!(seen[1..].iter().all(|&times| times == 1));
        }

        #[test]
        fn windows_join(tokens in 2usize..200, batch_size in 1usize..8, bptt in 1usize..20) {
            let ids: Vec<u32> = (1..=tokens as u32).collect();
            let stream = Stream::new(tokens, batch_size);
            let (mut whole, mut part) = (Window::default(), Window::default());
            stream.window(&ids, 7, 0, usize::MAX, &mut whole);
            let mut joined = Window { batch_size, parts: (0..batch_size as u32).collect(), ..Window::default() };
            for first in (0..stream.steps()).step_by(bptt) {
                stream.window(&ids, 7, first, bptt, &mut part);
                joined.steps += part.steps;
                joined.carry += part.carry;
                joined.real += part.real;
                joined.inputs.extend(&part.inputs);
                joined.targets.extend(&part.targets);
                joined.weight.extend(&part.weight);
            }
            prop_assert_eq!(whole, joined);
        }
    }

    #[test]
    fn sequences_may_begin_at_lines() {
        // Token 9 ends lines.
        let ids = [1, 2, 9, 3, 4, 5, 6, 7, 8, 9, 9, 1];
        let stream = Stream::at_lines(&ids, 4, |id| id == 9);
        let sequences: Vec<_> = (0..4).map(|sequence| stream.sequence(sequence)).collect();
        // No line begins in the third of the sequences, of three tokens.
        assert_eq!(sequences, [0..3, 3..6, 6..10, 10..12]);
        let mut window = Window::default();
        stream.window(&ids, 0, 0, 35, &mut window);
        assert_eq!((window.steps, window.real), (4, 12));
        assert_eq!(window.inputs[..4], [0, 0, 5, 0]);
        assert_eq!(window.targets[..4], [1, 3, 6, 9]);
        let mut second = Window::default();
        stream.window(&ids, 0, 1, 35, &mut second);
        assert_eq!(second.inputs, window.inputs[4..]);
        assert_eq!(second.weight, window.weight[4..]);
    }

    #[test]
    fn ten_tokens_in_four_sequences() {
        let ids: Vec<u32> = (10..20).collect();
        let stream = Stream::new(10, 4);
        let mut window = Window::default();
        stream.window(&ids, 1, 0, 35, &mut window);
        assert_eq!((window.steps, window.batch_size, window.real), (3, 4, 10));
        assert_eq!(window.inputs, [1, 12, 15, 18, 10, 13, 16, 0, 11, 14, 17, 0]);
        assert_eq!(
            window.targets,
            [10, 13, 16, 19, 11, 14, 17, 0, 12, 15, 18, 0]
        );
        assert_eq!(
            window.weight,
            [1., 1., 1., 1., 1., 1., 1., 0., 1., 1., 1., 0.]
        );
    }
}
