//! Scorer of lines under a model with fixed weights, or under a network that learns from each line.

use super::SurprisalOptions;
use super::boundaries::Boundaries;
use super::streams::{Line, TokenScore, score};
use crate::Model;
use crate::error::Result;
use crate::streams::Streams;
use elman_text::{Layout, TextError, TokenId, Vocab};
use std::result;

/// A network that learns from each line of a text after it was scored.
pub trait Adapt {
    /// Vocabulary of the network.
    fn vocab(&self) -> &Vocab;

    /// Starts one stream of layout `stream` under the present weights, at the beginning of a text.
    fn stream(&mut self) -> Streams<'_>;

    /// Learns from the tokens of a line, which follows those that were learned before it.
    fn learn(&mut self, tokens: &[TokenId]);
}

/// Scorer of lines.
pub struct Scorer<'m> {
    weights: Weights<'m>,
    boundaries: Boundaries,
    batch_size: usize,
}

/// The weights under which lines are scored, with what is carried from line to line.
enum Weights<'m> {
    /// A model, in which each line begins again.
    Lines(Model),
    /// The one stream of layout `stream`.
    Stream(Streams<'static>),
    /// A network that learns, and in layout `stream` the state after the line before.
    Learning {
        learner: &'m mut dyn Adapt,
        layout: Layout,
        state: Option<Vec<u8>>,
    },
}

impl<'m> Scorer<'m> {
    /// Makes a scorer of the lines of a text under `model`.
    ///
    /// Errors: a foreign tokenizer that cannot encode the end of a line.
    pub fn of_model(
        model: &Model,
        options: &SurprisalOptions,
    ) -> result::Result<Scorer<'m>, TextError> {
        // Where a line begins anew is decided here.
        let model = model.clone().with_layout(Layout::Stream);
        Ok(Scorer {
            boundaries: Boundaries::of(model.vocab())?,
            batch_size: options.batch_size,
            weights: match options.layout {
                Layout::Stream => Weights::Stream(model.streams(1)),
                Layout::Sentences => Weights::Lines(model),
            },
        })
    }

    /// Makes a scorer of the lines of a text under a network that learns from each of them.
    ///
    /// Errors: as for [`Scorer::of_model`].
    pub fn of_learner(
        learner: &'m mut dyn Adapt,
        options: &SurprisalOptions,
    ) -> result::Result<Scorer<'m>, TextError> {
        Ok(Scorer {
            boundaries: Boundaries::of(learner.vocab())?,
            batch_size: 1,
            weights: Weights::Learning {
                learner,
                layout: options.layout,
                state: None,
            },
        })
    }

    /// Vocabulary of the tokens.
    pub fn vocab(&self) -> &Vocab {
        match &self.weights {
            Weights::Lines(model) => model.vocab(),
            Weights::Stream(stream) => stream.vocab(),
            Weights::Learning { learner, .. } => learner.vocab(),
        }
    }

    /// Scores the tokens of each of the next `lines` of the text.
    ///
    /// Errors: a network whose hidden states overflow.
    pub fn score(&mut self, lines: &[&Line]) -> Result<Vec<Vec<TokenScore>>> {
        let boundaries = &self.boundaries;
        match &mut self.weights {
            Weights::Lines(model) => score_apart(model, lines, self.batch_size, boundaries),
            Weights::Stream(stream) => lines
                .iter()
                .map(|line| score_alone(stream, line, boundaries))
                .collect(),
            Weights::Learning {
                learner,
                layout,
                state,
            } => {
                let scores = lines.iter().map(|line| {
                    let mut stream = learner.stream();
                    if let Some(state) = &state {
                        let restored = stream.restore(state);
                        assert!(restored.is_some(), "the state is of this network");
                    }
                    let scores = score_alone(&mut stream, line, boundaries)?;
                    if *layout == Layout::Stream {
                        let bytes = state.get_or_insert_default();
                        bytes.clear();
                        stream.save(bytes);
                    }
                    drop(stream);
                    learner.learn(&line.ids);
                    Ok(scores)
                });
                scores.collect()
            }
        }
    }
}

/// Scores a line in the only stream.
fn score_alone(
    stream: &mut Streams<'_>,
    line: &Line,
    boundaries: &Boundaries,
) -> Result<Vec<TokenScore>> {
    Ok(score(stream, &[line], boundaries)?.swap_remove(0))
}

/// Scores each line from the beginning of a text, those of about equal length side by side.
fn score_apart(
    model: &Model,
    lines: &[&Line],
    batch_size: usize,
    boundaries: &Boundaries,
) -> Result<Vec<Vec<TokenScore>>> {
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(lines[i].ids.len()));
    let mut scores: Vec<Vec<TokenScore>> = vec![Vec::new(); lines.len()];
    for batch in order.chunks(batch_size) {
        let lines: Vec<&Line> = batch.iter().map(|&i| lines[i]).collect();
        let mut streams = model.streams(lines.len());
        let of_batch = score(&mut streams, &lines, boundaries)?;
        for (&i, of_line) in batch.iter().zip(of_batch) {
            scores[i] = of_line;
        }
    }
    Ok(scores)
}
