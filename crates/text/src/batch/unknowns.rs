//! Unknown words in training: a word that occurs once is read as `<unk>` with some probability.
//!
//! Where a vocabulary has every word of the training text, `<unk>` never occurs in it, and a network gives it whatever its
//! initial weights happen to say. Words that occur once are what unknown words of other texts are most like, and they are about as
//! frequent (Good 1953). So each of them is read and predicted as `<unk>` in some epochs and as itself in the others. Whether it is
//! follows from (seed, epoch, word), whatever the windows are.

use super::Window;
use crate::Vocab;
use elman_kernels::rng::{Site, Stream as Draws, key};

/// Selection of the words that are read as `<unk>` in an epoch.
#[derive(Clone, Debug, Default)]
pub struct Unknowns {
    /// The probability of each rare word.
    rate: f64,
    seed: u64,
    unk: u32,
    /// Whether a word occurs once, by id; empty where nothing is replaced.
    rare: Vec<bool>,
}

impl Unknowns {
    /// Replaces the words that occur once in `ids`, a text of `vocab`, with probability `rate`.
    ///
    /// Nothing is replaced where `<unk>` occurs in the text already, or where the vocabulary has no `<unk>`.
    pub fn new(rate: f64, seed: u64, ids: &[u32], vocab: &Vocab) -> Unknowns {
        let unk = match vocab.unk() {
            Some(unk) if rate > 0.0 && !ids.contains(&unk) => unk,
            _ => return Unknowns::default(),
        };
        let mut counts = vec![0_u8; vocab.len()];
        for id in ids {
            let count = &mut counts[*id as usize];
            *count = count.saturating_add(1);
        }
        // The end of the text occurs once, too.
        counts[vocab.eos() as usize] = 0;
        Unknowns {
            rate,
            seed,
            unk,
            rare: counts.into_iter().map(|count| count == 1).collect(),
        }
    }

    /// Number of words that may be replaced.
    pub fn words(&self) -> usize {
        self.rare.iter().filter(|rare| **rare).count()
    }

    /// Replaces words in the inputs and the targets of `window` for epoch `epoch`.
    pub fn apply(&self, epoch: u64, window: &mut Window) {
        if self.rare.is_empty() {
            return;
        }
        let key = key(self.seed, Site::UnknownWords, epoch);
        for id in window.inputs.iter_mut().chain(&mut window.targets) {
            if self.rare[*id as usize] && Draws::at(key, u64::from(*id)).uniform_f64() < self.rate {
                *id = self.unk;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, Stream};

    /// A vocabulary of 1,000 words, and a text in which those below `rare` occur once and the others twice.
    fn text(rare: u32) -> (Vocab, Vec<u32>) {
        let words = (0..1000).map(|i| format!("w{i}").into_bytes().into());
        let vocab = Vocab::of_text(Kind::Whitespace, words);
        let first = vocab.len() as u32 - 1000;
        let once = (0..1000).chain(rare..1000).map(|word| first + word);
        let ids = once.chain([vocab.eos()]).collect();
        (vocab, ids)
    }

    /// The inputs and targets of an epoch, one after the other, in windows of `steps` steps.
    fn epoch(
        ids: &[u32],
        vocab: &Vocab,
        unknowns: &Unknowns,
        epoch: u64,
        steps: usize,
    ) -> Vec<[u32; 2]> {
        let stream = Stream::new(ids.len(), 1);
        let mut window = Window::default();
        let mut read = Vec::new();
        for first in (0..stream.steps()).step_by(steps) {
            stream.window(ids, vocab.eos(), first, steps, &mut window);
            unknowns.apply(epoch, &mut window);
            read.extend((0..window.steps).map(|t| [window.inputs[t], window.targets[t]]));
        }
        read
    }

    #[test]
    fn words_that_occur_once_are_sometimes_unknown() {
        let (vocab, ids) = text(400);
        let unk = vocab.unk().unwrap();
        let unknowns = Unknowns::new(0.5, 7, &ids, &vocab);
        assert_eq!(unknowns.words(), 400);
        let read = epoch(&ids, &vocab, &unknowns, 0, 35);
        let unknown = read.iter().filter(|[_, target]| *target == unk).count();
        assert!((150..250).contains(&unknown), "{unknown}");
        for (i, [input, target]) in read.iter().enumerate() {
            // What is predicted as <unk> is the next input.
            if let Some([next, _]) = read.get(i + 1) {
                assert_eq!(next, target);
            }
            assert!(*input == unk || i == 0 || *input == ids[i - 1]);
            assert!(*target == unk || *target == ids[i]);
            assert!(*target != unk || i < 400);
        }
        // Whatever the windows are, and otherwise in another epoch.
        assert_eq!(read, epoch(&ids, &vocab, &unknowns, 0, 3));
        assert_ne!(read, epoch(&ids, &vocab, &unknowns, 1, 35));
    }

    #[test]
    fn nothing_is_replaced_where_unknown_words_occur_or_nothing_is_rare() {
        let (vocab, mut ids) = text(400);
        assert_eq!(Unknowns::new(0.0, 7, &ids, &vocab).words(), 0);
        ids.push(vocab.unk().unwrap());
        assert_eq!(Unknowns::new(0.5, 7, &ids, &vocab).words(), 0);
        let (vocab, ids) = text(0);
        assert_eq!(Unknowns::new(0.5, 7, &ids, &vocab).words(), 0);
        let bytes = Vocab::bytes();
        assert_eq!(Unknowns::new(0.5, 7, &[65, 66], &bytes).words(), 0);
    }
}
