//! Beginnings of texts in layout `stream`: at some line ends a sequence restarts from the zero state.
//!
//! A sequence of a stream would meet the beginning of a text, the zero state and the input `<eos>`, once an epoch. Yet texts that
//! are generated, scored and evaluated begin there. So that a network learns them, each line of the training text begins a
//! text with a small probability: its first token is predicted from `<eos>` and the zero state. Every token is still
//! predicted once an epoch. Whether a line restarts follows from (seed, epoch, place of its first token), whatever the
//! windows are. Where documents are separated, each of them begins a text too.

use super::{Stream, Window};
use crate::Vocab;
use elman_kernels::rng::{Site, Stream as Draws, key};

/// Selection of the lines of a stream at which a sequence restarts, as at the beginning of a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Restarts {
    /// The probability of each line.
    rate: f64,
    seed: u64,
    /// The ids of tokens that end lines, in ascending order; none where nothing restarts.
    line_ends: Vec<u32>,
    /// The id of the token after which a document begins; `None`: the text is one.
    document_end: Option<u32>,
}

impl Restarts {
    /// Restarts at each line of a text of `vocab` with probability `rate`.
    pub fn new(rate: f64, seed: u64, vocab: &Vocab) -> Restarts {
        let ids = match rate > 0.0 {
            true => 0..vocab.len() as u32,
            false => 0..0,
        };
        Restarts {
            rate,
            seed,
            line_ends: ids.filter(|id| vocab.ends_line(*id)).collect(),
            document_end: None,
        }
    }

    /// Adds restarts after every token `document_end`, if it is given.
    pub fn with_documents(self, document_end: Option<u32>) -> Restarts {
        Restarts {
            document_end,
            ..self
        }
    }

    /// Marks the beginnings of texts in `window` for epoch `epoch`.
    ///
    /// The window holds the tokens that `stream` takes from `ids`, from step `first` of its sequences on.
    pub fn apply(
        &self,
        (stream, ids): (&Stream, &[u32]),
        eos: u32,
        epoch: u64,
        first: usize,
        window: &mut Window,
    ) {
        if self.line_ends.is_empty() && self.document_end.is_none() {
            return;
        }
        let key = key(self.seed, Site::Restarts, epoch);
        for sequence in 0..window.batch_size {
            let tokens = stream.sequence(sequence);
            for (t, place) in (tokens.start + first..tokens.end)
                .take(window.steps)
                .enumerate()
            {
                let Some(before) = place.checked_sub(1).map(|before| ids[before]) else {
                    continue;
                };
                if self.document_end == Some(before)
                    || self.ends_line(before) && self.restarts(key, place)
                {
                    window.begin(t, sequence, eos);
                }
            }
        }
    }

    fn ends_line(&self, id: u32) -> bool {
        self.line_ends.binary_search(&id).is_ok()
    }

    /// The coin of the line whose first token is at `place`.
    fn restarts(&self, key: [u32; 2], place: usize) -> bool {
        Draws::at(key, place as u64).uniform_f64() < self.rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    /// Lines of one to nine words, a word being their id; `<eos>` ends each.
    fn lines(count: usize, vocab: &Vocab) -> Vec<u32> {
        let line = |i: usize| (0..i % 9).map(move |word| 2 + word as u32);
        let mut ids = Vec::new();
        for i in 0..count {
            ids.extend(line(i * i));
            ids.push(vocab.eos());
        }
        ids
    }

    fn vocab() -> Vocab {
        let words = (0..9).map(|i| format!("w{i}").into_bytes().into());
        Vocab::of_text(Kind::Whitespace, words)
    }

    /// The places where a text begins in an epoch that is read in windows of `steps` steps.
    fn beginnings(
        ids: &[u32],
        batch_size: usize,
        steps: usize,
        restarts: &Restarts,
        epoch: u64,
    ) -> Vec<usize> {
        let (stream, eos) = (Stream::new(ids.len(), batch_size), vocab().eos());
        let mut window = Window::default();
        let mut found = Vec::new();
        for first in (0..stream.steps()).step_by(steps) {
            stream.window(ids, eos, first, steps, &mut window);
            restarts.apply((&stream, ids), eos, epoch, first, &mut window);
            for t in 0..window.steps {
                for sequence in (0..batch_size).filter(|sequence| window.begins_at(t, *sequence)) {
                    assert_eq!(window.inputs[t * batch_size + sequence], eos);
                    found.push(stream.sequence(sequence).start + first + t);
                }
            }
        }
        found.sort_unstable();
        found
    }

    #[test]
    fn a_share_of_the_lines_restarts() {
        let vocab = vocab();
        let ids = lines(20_000, &vocab);
        let found = beginnings(&ids, 7, 35, &Restarts::new(0.1, 3, &vocab), 0);
        assert!(found.iter().all(|place| vocab.ends_line(ids[place - 1])));
        // 2,000 with a deviation of 42.
        assert!((1_830..2_170).contains(&found.len()), "{}", found.len());
        let all = beginnings(&ids, 7, 35, &Restarts::new(1.0, 3, &vocab), 0);
        assert_eq!(all.len(), 20_000 - 1);
        assert!(beginnings(&ids, 7, 35, &Restarts::new(0.0, 3, &vocab), 0).is_empty());
    }

    #[test]
    fn every_document_begins_a_text() {
        let vocab = vocab();
        let ids = lines(300, &vocab);
        let restarts = Restarts::default().with_documents(Some(5));
        let expected: Vec<usize> = (1..ids.len()).filter(|place| ids[place - 1] == 5).collect();
        assert!(expected.len() > 50);
        for epoch in [0, 1] {
            assert_eq!(beginnings(&ids, 7, 35, &restarts, epoch), expected);
        }
    }

    #[test]
    fn the_lines_follow_from_seed_and_epoch_alone() {
        let vocab = vocab();
        let ids = lines(2_000, &vocab);
        let restarts = Restarts::new(0.2, 3, &vocab);
        let found = beginnings(&ids, 7, 35, &restarts, 4);
        assert_eq!(found, beginnings(&ids, 7, 1, &restarts, 4));
        assert_eq!(found, beginnings(&ids, 1, 1_000, &restarts, 4));
        assert_ne!(found, beginnings(&ids, 7, 35, &restarts, 5));
        assert_ne!(
            found,
            beginnings(&ids, 7, 35, &Restarts::new(0.2, 4, &vocab), 4)
        );
    }
}
