//! Passages of a text, drawn at random, that are read side by side.
//!
//! Each lane is a passage of C + T tokens from a place of its own. The first C, its *context*, bring the state from zero to
//! what it is like inside a text; the T steps after them are looked at. Places are keyed by the seed alone, so they are
//! the same for every model with the same tokens.

use crate::error::{Error, Result};
use crate::rng::{Site, Stream, key};
use crate::text::{self, ReadOptions, Source, Vocab, Window};
use std::ops::RangeInclusive;

/// Tokens of a text that is looked at: 4 GiB of them.
const MOST_TOKENS: usize = 1 << 30;

/// Passages that are read side by side, and steps of one.
pub(super) const MOST_PASSAGES: usize = 1024;
pub(super) const MOST_STEPS: usize = 1_000_000;

/// Refuses a size that is not in `range`.
pub(super) fn check(name: &str, value: usize, range: RangeInclusive<usize>) -> Result<()> {
    match range.contains(&value) {
        true => Ok(()),
        false => Err(Error::Config(format!(
            "{name} is {value}; it must be between {} and {}",
            range.start(),
            range.end()
        ))),
    }
}

/// B passages, time-major: entry (t, b) stands at `t * lanes + b`.
#[derive(Clone, Debug, PartialEq)]
pub struct Passages {
    /// C
    pub context: usize,
    /// T
    pub steps: usize,
    /// B
    pub lanes: usize,
    /// (C + T, B)
    pub inputs: Vec<u32>,
    /// (C + T, B)
    pub targets: Vec<u32>,
}

/// The ids of a whole text.
///
/// Errors: what reading the text can find, and a text of more than 2³⁰ tokens.
pub fn tokens(sources: Vec<Source>, vocab: &Vocab, read: &ReadOptions) -> Result<Vec<u32>> {
    let mut ids = Vec::new();
    text::encode(sources, vocab, read, &mut |symbol| -> Result<()> {
        if ids.len() == MOST_TOKENS {
            return Err(Error::Config(format!(
                "the text has more than {MOST_TOKENS} tokens, and passages are drawn from memory: name a part of it"
            )));
        }
        ids.push(symbol.id);
        Ok(())
    })?;
    Ok(ids)
}

impl Passages {
    /// Draws `lanes` passages of `steps` steps after `context` steps, or as many as the text has before the last `steps`.
    ///
    /// Errors: a text of fewer than `steps` tokens.
    pub fn draw(
        ids: &[u32],
        eos: u32,
        [context, steps, lanes]: [usize; 3],
        seed: u64,
    ) -> Result<Passages> {
        assert!(steps > 0 && lanes > 0, "a passage has steps and lanes");
        let Some(spare) = ids.len().checked_sub(steps) else {
            return Err(Error::Config(format!(
                "the text has {} tokens, and a passage needs {steps}: ask for fewer steps, or name a longer text",
                ids.len()
            )));
        };
        let context = context.min(spare);
        let length = context + steps;
        let mut stream = Stream::new(key(seed, Site::Passages, 0));
        // Below 2³² places, as the text has at most 2³⁰ tokens.
        let places = (ids.len() - length + 1) as u32;
        let starts: Vec<usize> = (0..lanes).map(|_| stream.below(places) as usize).collect();
        let mut passages = Passages {
            context,
            steps,
            lanes,
            inputs: Vec::with_capacity(length * lanes),
            targets: Vec::with_capacity(length * lanes),
        };
        for t in 0..length {
            for start in &starts {
                let at = start + t;
                passages
                    .inputs
                    .push(if at == 0 { eos } else { ids[at - 1] });
                passages.targets.push(ids[at]);
            }
        }
        Ok(passages)
    }

    /// The tokens of `lane` before its steps.
    pub fn context_of(&self, lane: usize) -> Vec<u32> {
        let tokens = self.targets[..self.context * self.lanes].iter();
        tokens.skip(lane).step_by(self.lanes).copied().collect()
    }

    /// Token `step` of `lane`, counted from the end of the context.
    pub fn token(&self, lane: usize, step: usize) -> u32 {
        self.targets[(self.context + step) * self.lanes + lane]
    }

    /// Steps `from` to `to` of all lanes, counted from the beginning of the context.
    pub fn window(&self, from: usize, to: usize) -> Window {
        let cells = from * self.lanes..to * self.lanes;
        Window {
            steps: to - from,
            lanes: self.lanes,
            inputs: self.inputs[cells.clone()].to_vec(),
            targets: self.targets[cells.clone()].to_vec(),
            weight: vec![1.0; cells.len()],
            real: cells.len(),
            carry: to - from,
            parts: (0..self.lanes as u32).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_are_pieces_of_the_text_and_the_same_each_time() {
        let ids: Vec<u32> = (1..=50).collect();
        let draw = |seed| Passages::draw(&ids, 0, [3, 7, 4], seed).unwrap();
        let passages = draw(1);
        assert_eq!(passages, draw(1));
        assert_ne!(passages, draw(2));
        for lane in 0..4 {
            for t in 0..10 {
                let at = t * 4 + lane;
                assert_eq!(passages.inputs[at] + 1, passages.targets[at]);
                assert_eq!(passages.targets[at], passages.targets[lane] + t as u32);
            }
        }
        assert_eq!(
            passages.context_of(2),
            [0, 1, 2].map(|t| passages.targets[t * 4 + 2])
        );
        assert_eq!(passages.token(2, 0), passages.targets[3 * 4 + 2]);
        let window = passages.window(3, 10);
        assert_eq!((window.steps, window.real), (7, 28));
        assert_eq!(window.inputs, passages.inputs[12..]);
    }

    #[test]
    fn a_short_text_has_less_context_and_a_shorter_one_is_refused() {
        let ids: Vec<u32> = (1..=9).collect();
        let passages = Passages::draw(&ids, 0, [100, 7, 1], 1).unwrap();
        assert_eq!((passages.context, passages.inputs.len()), (2, 9));
        assert_eq!(passages.inputs[0], 0);
        let error = Passages::draw(&ids, 0, [0, 10, 1], 1).unwrap_err();
        assert!(error.to_string().contains("9 tokens"), "{error}");
    }
}
