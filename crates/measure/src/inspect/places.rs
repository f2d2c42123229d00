//! Which excerpts of a text are inspected: drawn at random, each place at most once.
//!
//! ```text
//! stream      C + T tokens from any place on; before them the zero state, and as the first input the token before the excerpt
//! sentences   a line from its beginning; before it the zero state and <eos>, as in training
//! ```
//! With an answer mask only the tokens of answers carry loss, so only these are asked about. Draws are keyed by the seed alone: they
//! are the same for every model with the same tokens.

use super::excerpts::MOST_TOKENS;
use crate::error::{InspectError, Result};
use elman_infer::NetworkModel;
use elman_kernels::rng::{Site, Stream, key};
use elman_text::{AnswerMask, Layout, Sentences, TextError};
use serde::Serialize;
use std::collections::HashSet;

/// How an inspection uses the text: its layout, and which tokens carry loss. The default is the model's layout, with a loss at
/// every token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextOptions {
    /// Layout of the text; `None`: the layout of the model's training text.
    pub layout: Option<Layout>,
    /// Token before each answer: only tokens after its last occurrence in a line carry loss; implies the layout `sentences`.
    pub loss_after: Option<String>,
}

/// Place of an excerpt in the text; tokens are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Index of the first predicted token, before which the state is zero.
    pub first: usize,
    /// Index of the last predicted token.
    pub last: usize,
    /// Number of the line, from 1, if lines are processed by themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

impl Place {
    /// Number of predicted tokens.
    pub fn steps(&self) -> usize {
        self.last - self.first + 1
    }

    /// Input tokens for the predictions of this excerpt.
    pub(super) fn inputs(&self, ids: &[u32], eos: u32) -> Vec<u32> {
        let before = match (self.line, self.first) {
            (None, 1..) => ids[self.first - 1],
            _ => eos,
        };
        let rest = &ids[self.first..self.last];
        std::iter::once(before)
            .chain(rest.iter().copied())
            .collect()
    }
}

impl TextOptions {
    /// Layout in which `model` gets the text.
    pub fn layout_of(&self, model: &NetworkModel) -> Layout {
        match self.loss_after {
            Some(_) => Layout::Sentences,
            None => self.layout.unwrap_or(model.layout()),
        }
    }

    /// The lines of the text `ids` with their answers, or `None` for a stream.
    ///
    /// Errors: answers in a stream, a mark that is no token of the vocabulary, a text without tokens or answers.
    pub(super) fn lines(&self, model: &NetworkModel, ids: &[u32]) -> Result<Option<Sentences>> {
        if self.loss_after.is_some() && self.layout == Some(Layout::Stream) {
            return Err(InspectError::AnswersNeedSentences.into());
        }
        if self.layout_of(model) == Layout::Stream {
            return Ok(None);
        }
        if ids.is_empty() {
            return Err(InspectError::NoTokens.into());
        }
        let vocab = model.vocab();
        let starts = Sentences::starts(ids, |id| vocab.ends_line(id));
        let mut lines = Sentences::of_lines(starts, 1, MOST_TOKENS)?;
        if let Some(token) = &self.loss_after {
            lines.answer_after(AnswerMask::find(token, vocab)?);
            let mut all = 0..lines.lines() as u32;
            if all.all(|line| lines.predicted(ids, line).is_empty()) {
                let (text, token) = ("the text".to_owned(), token.clone());
                return Err(TextError::NoAnswer { text, token }.into());
            }
        }
        Ok(Some(lines))
    }
}

/// Draws `count` excerpts of a stream of `tokens` tokens: `steps` tokens after `context` of them, or after as many as the text has
/// before its last `steps`. A text with fewer places gives each of them once.
///
/// Errors: a text of fewer than `steps` tokens.
pub(super) fn of_stream(
    tokens: usize,
    [context, steps, count]: [usize; 3],
    seed: u64,
) -> Result<Vec<Place>> {
    assert!(steps > 0 && count > 0, "an excerpt has steps");
    let Some(spare) = tokens.checked_sub(steps) else {
        return Err(InspectError::TextTooShort { tokens, steps }.into());
    };
    let length = context.min(spare) + steps;
    let place = |first| Place {
        first,
        last: first + length - 1,
        line: None,
    };
    let starts = draw(tokens - length + 1, count, seed);
    Ok(starts.into_iter().map(place).collect())
}

/// Draws `count` tokens that carry loss in `lines` of `ids`, each with its line before it.
pub(super) fn of_losses(lines: &Sentences, ids: &[u32], count: usize, seed: u64) -> Vec<Place> {
    let mut before = Vec::with_capacity(lines.lines() + 1);
    let mut losses = 0;
    for line in 0..lines.lines() as u32 {
        before.push(losses);
        losses += lines.predicted(ids, line).len();
    }
    let place = |number: usize| {
        let line = before.partition_point(|before| *before <= number) - 1;
        let first = lines.line(line as u32).start;
        let in_line = lines.predicted(ids, line as u32).start + number - before[line];
        Place {
            first,
            last: first + in_line,
            line: Some(line + 1),
        }
    };
    let drawn = draw(losses, count, seed);
    drawn.into_iter().map(place).collect()
}

/// Draws `count` lines that have a loss among their first `most` tokens, cut to these.
///
/// Errors: no line has one.
pub(super) fn of_lines(
    lines: &Sentences,
    ids: &[u32],
    [most, count]: [usize; 2],
    seed: u64,
) -> Result<Vec<Place>> {
    let predicted = |line: &u32| lines.predicted(ids, *line);
    let has_loss = |line: &u32| !predicted(line).is_empty() && predicted(line).start < most;
    let all: Vec<u32> = (0..lines.lines() as u32).filter(has_loss).collect();
    if all.is_empty() {
        return Err(InspectError::NoAnswerWithin { most }.into());
    }
    let place = |number: usize| {
        let tokens = lines.line(all[number]);
        Place {
            first: tokens.start,
            last: tokens.end.min(tokens.start + most) - 1,
            line: Some(all[number] as usize + 1),
        }
    };
    let drawn = draw(all.len(), count, seed);
    Ok(drawn.into_iter().map(place).collect())
}

/// Numbers below `places`, each at most once: `count` of them, or all.
fn draw(places: usize, count: usize, seed: u64) -> Vec<usize> {
    // A text has at most 2³⁰ tokens.
    let below = u32::try_from(places).expect("fewer than 2³² places");
    let mut stream = Stream::new(key(seed, Site::Passages, 0));
    let mut seen = HashSet::new();
    let mut drawn = Vec::new();
    while drawn.len() < count.min(places) {
        let place = stream.below(below) as usize;
        if seen.insert(place) {
            drawn.push(place);
        }
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_place_is_drawn_twice_and_few_places_are_all_drawn() {
        for (places, count) in [(1, 1), (5, 5), (5, 9), (40, 30), (1_000, 10)] {
            let mut drawn = draw(places, count, 3);
            assert_eq!(drawn.len(), count.min(places));
            assert_eq!(drawn, draw(places, count, 3));
            drawn.sort_unstable();
            drawn.dedup();
            assert_eq!(drawn.len(), count.min(places), "{places} {count}");
        }
    }

    #[test]
    fn a_stream_has_less_context_where_it_is_short() {
        let places = of_stream(9, [100, 7, 4], 1).unwrap();
        assert_eq!(
            places,
            [Place {
                first: 0,
                last: 8,
                line: None
            }]
        );
        let ids: Vec<u32> = (1..=9).collect();
        assert_eq!(places[0].inputs(&ids, 0), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
        let inner = Place {
            first: 3,
            last: 5,
            line: None,
        };
        assert_eq!((inner.steps(), inner.inputs(&ids, 0)), (3, vec![3, 4, 5]));
        let error = of_stream(9, [0, 10, 1], 1).unwrap_err().to_string();
        assert!(error.contains("9 tokens"), "{error}");
    }

    /// Lines `7 2 3 1`, `4 1`, `5 7 6 1`, of which 1 ends a line and 7 comes before answers.
    #[test]
    fn losses_are_those_of_answers_and_lines_begin_at_their_beginning() {
        let ids = [7, 2, 3, 1, 4, 1, 5, 7, 6, 1];
        let starts = Sentences::starts(&ids, |id| id == 1);
        let mut lines = Sentences::of_lines(starts, 1, 100).unwrap();
        let tokens = |places: &[Place]| {
            let mut all: Vec<_> = places.iter().map(|p| (p.line, p.first, p.last)).collect();
            all.sort_unstable();
            all
        };
        let each = of_losses(&lines, &ids, 100, 1);
        assert_eq!(each.len(), 10);
        assert!(tokens(&each).contains(&(Some(2), 4, 5)));
        assert_eq!(each[0].inputs(&ids, 0)[0], 0, "a line begins with <eos>");
        let vocab = elman_text::Vocab::of_text(
            elman_text::Kind::Whitespace,
            (2..=7).map(|i| format!("w{i}").into_bytes().into()),
        );
        let mask = AnswerMask::find("w7", &vocab).unwrap();
        let id = vocab.tokenize(b"w7").unwrap().ids[0];
        let marked = ids.map(|x| if x == 7 { id } else { x });
        lines.answer_after(mask);
        let answers = of_losses(&lines, &marked, 100, 1);
        let expected = [(Some(1), 0, 1), (Some(1), 0, 2), (Some(3), 6, 8)];
        assert_eq!(tokens(&answers), expected);
        let whole = of_lines(&lines, &marked, [100, 9], 1).unwrap();
        assert_eq!(tokens(&whole), [(Some(1), 0, 3), (Some(3), 6, 9)]);
        let short = of_lines(&lines, &marked, [2, 9], 1).unwrap();
        assert_eq!(tokens(&short), [(Some(1), 0, 1)]);
        assert!(of_lines(&lines, &marked, [1, 9], 1).is_err());
    }
}
