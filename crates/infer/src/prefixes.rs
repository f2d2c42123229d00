//! Log-probabilities of many token sequences that share prefixes, such as the hypotheses of a recogniser: every distinct prefix is read once.
//!
//! ```text
//! log p(w_1 … w_n) = Σ ln p(w_t | history, w_1 … w_{t−1})          prefixes: the distinct w_1 … w_{t−1}, the empty one included
//! ```
//! The sequences are sorted, so that those with a common prefix are neighbours: the prefixes of one length are ranges of the sorted list, and the trie is never
//! stored. All prefixes of one length are streams that advance together, so a network computes one product for all of them. A prefix that no token follows
//! is not read. A network therefore takes one step for each distinct prefix, and the losses are those of a session that reads each sequence alone, to the bit.
//!
//! Each sequence is scored after the same history: the beginning of a text, or what [`PrefixScorer::score_after`] has kept of the sequences before.

use crate::Model;
use crate::error::{ModelError, Result};
use crate::streams::Streams;
use elman_text::{Layout, TokenId};
use std::ops::Range;
use std::rc::Rc;

/// Largest number of prefixes that advance together; more are split into groups, of which each prefix still belongs to one.
const MOST_STREAMS: usize = 4096;

/// Scorer of token sequences that share prefixes, under a model of any family.
pub struct PrefixScorer {
    model: Model,
    /// Stream at the beginning of a text, or after the history.
    start: Streams<'static>,
    counts: PrefixCounts,
}

/// Counts of what a [`PrefixScorer`] has scored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PrefixCounts {
    /// Number of sequences.
    pub sequences: u64,
    /// Number of tokens in the sequences.
    pub tokens: u64,
    /// Number of distinct prefixes that a token follows, within each set of sequences.
    pub prefixes: u64,
    /// Number of steps that the networks of the model have taken: a step is one token in one stream of one network.
    pub network_steps: u64,
}

/// Prefixes of one length, each the range of its sequences in sorted order.
///
/// Their streams are made when their turn comes, out of those of the prefixes that are a token shorter: groups that wait have none of their own.
struct Level {
    length: usize,
    prefixes: Vec<Range<usize>>,
    /// Streams of the shorter prefixes, which several groups may share.
    shorter: Rc<Streams<'static>>,
    /// The shorter prefix of each prefix, and the token after it; none of the empty prefix.
    last: Vec<(usize, TokenId)>,
}

impl Level {
    /// A stream for each prefix.
    fn streams(shorter: Rc<Streams<'static>>, last: &[(usize, TokenId)]) -> Streams<'static> {
        let mut streams = Rc::unwrap_or_clone(shorter);
        if !last.is_empty() {
            let (from, tokens): (Vec<usize>, Vec<TokenId>) = last.iter().copied().unzip();
            streams.select(&from);
            streams.feed(&tokens.chunks(1).collect::<Vec<_>>());
        }
        streams
    }
}

/// Prefix that is one token longer than one of its level.
struct Longer {
    /// Index of the shorter prefix in its level.
    from: usize,
    /// Index of the token among those that follow the shorter prefix.
    token: usize,
    sequences: Range<usize>,
}

impl PrefixScorer {
    /// Makes a scorer whose history is the beginning of a text.
    pub fn new(model: &Model) -> PrefixScorer {
        // Where a sequence begins anew is decided here.
        let model = model.clone().with_layout(Layout::Stream);
        PrefixScorer {
            start: model.streams(1),
            model,
            counts: PrefixCounts::default(),
        }
    }

    /// Counts of everything that was scored so far.
    pub fn counts(&self) -> PrefixCounts {
        self.counts
    }

    /// Computes the loss −ln p of each token of each sequence; ids are below V.
    ///
    /// # Errors
    /// [`ModelError::UnknownToken`] if an id is not below V; [`ModelError::Overflow`] if hidden states overflow.
    pub fn score(&mut self, sequences: &[Vec<TokenId>]) -> Result<Vec<Vec<f64>>> {
        self.score_all(sequences, None)
    }

    /// Scores sequences as [`PrefixScorer::score`] does, and appends the sequence of index `kept` to the history of those that are scored later.
    ///
    /// # Errors
    /// As for [`PrefixScorer::score`].
    pub fn score_after(
        &mut self,
        sequences: &[Vec<TokenId>],
        kept: usize,
    ) -> Result<Vec<Vec<f64>>> {
        assert!(kept < sequences.len(), "one of the sequences is kept");
        self.score_all(sequences, Some(kept))
    }

    fn score_all(
        &mut self,
        sequences: &[Vec<TokenId>],
        kept: Option<usize>,
    ) -> Result<Vec<Vec<f64>>> {
        let v = self.model.vocab().len();
        if let Some(&id) = sequences.iter().flatten().find(|&&id| id as usize >= v) {
            return Err(ModelError::UnknownToken { id, vocab: v }.into());
        }
        let mut order: Vec<usize> = (0..sequences.len()).collect();
        order.sort_by(|&a, &b| sequences[a].cmp(&sequences[b]));
        let mut nats: Vec<Vec<f64>> = sequences
            .iter()
            .map(|sequence| Vec::with_capacity(sequence.len()))
            .collect();
        let mut after_kept = None;
        let mut open = Vec::new();
        let longest = order.last().map_or(&[][..], |&last| &sequences[last]);
        if !longest.is_empty() {
            open.push(Level {
                length: 0,
                prefixes: std::iter::once(0..order.len()).collect(),
                shorter: Rc::new(self.start.clone()),
                last: Vec::new(),
            });
        }
        while let Some(level) = open.pop() {
            let (length, prefixes) = (level.length, level.prefixes);
            let mut streams = Level::streams(level.shorter, &level.last);
            let steps = streams.network_steps();
            let (wanted, longer) = followers(sequences, &order, length, &prefixes);
            let Some(found) = streams.next_nats(&wanted) else {
                let tokens = self.counts.tokens + length as u64;
                return Err(ModelError::Overflow { tokens }.into());
            };
            self.counts.prefixes += prefixes.len() as u64;
            self.counts.network_steps += streams.network_steps() - steps;
            for next in &longer {
                for &sequence in &order[next.sequences.clone()] {
                    nats[sequence].push(found[next.from][next.token]);
                    let ends = sequences[sequence].len() == length + 1;
                    if ends && kept == Some(sequence) {
                        let mut after = streams.clone();
                        after.select(&[next.from]);
                        after.feed(&[&[wanted[next.from][next.token]]]);
                        after_kept = Some(after);
                    }
                }
            }
            // Sequences that are the prefix itself come before those that go on.
            let goes_on = |next: &&Longer| {
                let last = order[next.sequences.end - 1];
                sequences[last].len() > length + 1
            };
            let longer: Vec<&Longer> = longer.iter().filter(goes_on).collect();
            let shorter = Rc::new(streams);
            let last = |next: &&Longer| (next.from, wanted[next.from][next.token]);
            for group in longer.chunks(MOST_STREAMS) {
                open.push(Level {
                    length: length + 1,
                    prefixes: group.iter().map(|next| next.sequences.clone()).collect(),
                    shorter: Rc::clone(&shorter),
                    last: group.iter().map(last).collect(),
                });
            }
        }
        self.counts.sequences += sequences.len() as u64;
        self.counts.tokens += nats.iter().map(|nats| nats.len() as u64).sum::<u64>();
        if let Some(after) = after_kept {
            self.start = after;
        }
        Ok(nats)
    }
}

/// The tokens that follow each of `prefixes`, all of `length` tokens, and the prefixes that are longer by one of them.
fn followers(
    sequences: &[Vec<TokenId>],
    order: &[usize],
    length: usize,
    prefixes: &[Range<usize>],
) -> (Vec<Vec<TokenId>>, Vec<Longer>) {
    let mut longer: Vec<Longer> = Vec::new();
    let mut tokens = Vec::with_capacity(prefixes.len());
    for (from, range) in prefixes.iter().enumerate() {
        let mut followers: Vec<TokenId> = Vec::new();
        for at in range.clone() {
            // Sequences that end here have no next token; they come first.
            let Some(&id) = sequences[order[at]].get(length) else {
                continue;
            };
            match longer.last_mut() {
                Some(last) if followers.last() == Some(&id) => last.sequences.end = at + 1,
                _ => {
                    longer.push(Longer {
                        from,
                        token: followers.len(),
                        sequences: at..at + 1,
                    });
                    followers.push(id);
                }
            }
        }
        tokens.push(followers);
    }
    (tokens, longer)
}

#[cfg(test)]
mod tests;
