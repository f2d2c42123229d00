//! Generation within a regular expression: at every step only tokens that keep the text the beginning of a match, and that leave
//! enough steps to complete one.
//!
//! The expression is about all bytes that are printed after the prompt: it is anchored at both ends. A *place* is the position of a
//! text in the constraint: the state of the [`Automaton`] after its bytes and, in kind `whitespace`, whether a word precedes it in
//! the line, since the next word then brings a space. From each place
//!
//! ```text
//! distance(place) = 0 if the text is a match, else 1 + min over tokens of distance(place after the token)
//! ```
//! in tokens of this vocabulary; infinite where only texts that it cannot write would match. With r tokens left a token is allowed if
//! the place after it has a distance below r. So there is no dead end, and when tokens run out the text is a match. The tokens of a
//! place are found by one walk of the automaton over the sorted vocabulary, which leaves out what begins alike, and are kept.
//!
//! Tokens that end a text (`<eos>`; of a model of sentences, every line end) are allowed where the text is a match. Where `<eos>` is a
//! line end that continues the text (kind `whitespace`) it is the token of a newline, and where the expression allows no newline it ends a match.
//!
//! A step's probabilities are the model's, renormalised over the allowed tokens (`sample.rs`). That is not the model's distribution over
//! matches as a whole: the continuations of a token are not considered. Beam search ranks whole texts by the model's own probability.

use super::Eos;
use crate::error::{ConstraintError, Result};
use elman_text::{Kind, Vocab};
use std::collections::HashMap;
use std::rc::Rc;

mod automaton;
mod words;
use automaton::Automaton;
use words::SortedTokens;

/// Constraint on a generated text: every text that is written matches it as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allow {
    /// Texts that this regular expression matches as a whole.
    Regex(String),
    /// Texts of one or more of these words.
    ///
    /// Words are separated by a space or a newline, which also precedes the first word if text comes before it; a newline may
    /// follow the last word.
    Words(Vec<String>),
}

/// The position of a constrained text: the state of its automaton.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    state: u32,
    in_line: bool,
}

impl Place {
    fn index(self) -> usize {
        2 * self.state as usize + usize::from(self.in_line)
    }
}

/// The tokens that may follow at a place if the number of tokens left is not limited.
struct Follow {
    /// Ids, ascending, and the place after each.
    tokens: Vec<(u32, Place)>,
    /// Ids of the tokens that end the text here as a match, ascending.
    ends: Vec<u32>,
}

/// A constraint on the texts of one vocabulary.
pub(super) struct Constraint {
    automaton: Automaton,
    tokens: SortedTokens,
    eos: u32,
    /// Text that `<eos>` prints where it continues the text.
    line_end: Option<Vec<u8>>,
    /// That, where it cannot be printed, ends a match like the others.
    line_end_ends: bool,
    /// Tokens that end a text.
    ends: Vec<u32>,
    /// Words are separated by what the vocabulary puts between them, so that places differ by [`Place::in_line`].
    separator: &'static [u8],
    /// The list of words: a text at its beginning, or after white space, needs no separator.
    is_list: bool,
    /// By [`Place::index`]: tokens to the nearest match, or `FAR`.
    distance: Vec<u32>,
    kept: HashMap<Place, Rc<Follow>>,
    /// Tokens in `kept`.
    kept_tokens: usize,
}

/// No match can be written.
const FAR: u32 = u32::MAX;
/// Tokens of all places that are kept; beyond it they are found again.
const MOST_KEPT: usize = 8 << 20;
/// Largest number of tokens of all places that are examined before generation: some seconds of work.
const MOST_WORK: usize = 1 << 28;

impl Constraint {
    /// `ends` tells which tokens end a text, and `banned` are ids that may not be written.
    ///
    /// Errors: an expression that cannot be used, or that is too much work with this vocabulary.
    pub fn new(
        allow: &Allow,
        vocab: &Vocab,
        eos: Eos,
        ends: &dyn Fn(u32) -> bool,
        banned: &[u32],
    ) -> Result<Constraint> {
        if vocab.kind() == Kind::Foreign {
            return Err(ConstraintError::Foreign.into());
        }
        let expression = match allow {
            Allow::Regex(regex) => regex.clone(),
            Allow::Words(list) => words::expression(list)?,
        };
        let automaton = Automaton::new(&expression)?;
        let ends: Vec<u32> = (0..vocab.len() as u32).filter(|&id| ends(id)).collect();
        let line_end = vocab.printed(vocab.eos()).to_vec();
        // One that prints nothing would add nothing to a match, for ever.
        let not_written = [banned, &ends].concat();
        let goes_on = !not_written.contains(&vocab.eos()) && !line_end.is_empty();
        let mut constraint = Constraint {
            tokens: SortedTokens::new(vocab, &not_written),
            eos: vocab.eos(),
            line_end: goes_on.then_some(line_end),
            line_end_ends: goes_on && eos != Eos::GoOn,
            ends,
            separator: vocab.separator(true),
            is_list: matches!(allow, Allow::Words(_)),
            distance: vec![FAR; 2 * automaton.states()],
            automaton,
            kept: HashMap::new(),
            kept_tokens: 0,
        };
        constraint.ends.retain(|id| !banned.contains(id));
        constraint.measure()?;
        Ok(constraint)
    }

    /// The place of a text of at most `max_tokens` tokens that follows `prompt`, in whose last line something stands or not.
    ///
    /// Errors: nothing that is allowed can be written.
    pub fn start(&self, prompt: &[u8], in_line: bool, max_tokens: usize) -> Result<Place> {
        let separated = prompt.last().is_none_or(u8::is_ascii_whitespace);
        let place = Place {
            state: match self.is_list && separated {
                true => self.after_space(),
                false => 0,
            },
            in_line: in_line && !self.separator.is_empty(),
        };
        let error = match self.distance[place.index()] {
            FAR if self.is_list => ConstraintError::NoWordWritten,
            FAR => ConstraintError::NothingWritten,
            least if least as usize > max_tokens => ConstraintError::TooFewTokens {
                least: least as usize,
                most: max_tokens,
            },
            _ => return Ok(place),
        };
        Err(error.into())
    }

    /// Writes into `ids`, ascending, what may follow at `place` where `left` tokens may be written.
    pub fn allowed(&mut self, place: Place, left: usize, ids: &mut Vec<u32>) {
        let follow = self.follow(place);
        ids.clear();
        let near = follow
            .tokens
            .iter()
            .filter(|(_, next)| self.is_near(*next, left));
        ids.extend(near.map(|(id, _)| id));
        if left > 0 && !follow.ends.is_empty() {
            ids.extend_from_slice(&follow.ends);
            ids.sort_unstable();
        }
    }

    /// Whether anything may; if not, the text at `place` is a match.
    pub fn goes_on(&mut self, place: Place, left: usize) -> bool {
        let follow = self.follow(place);
        let ends = !follow.ends.is_empty() && left > 0;
        ends || follow
            .tokens
            .iter()
            .any(|(_, next)| self.is_near(*next, left))
    }

    /// Whether a match is within reach after a token that leads to `next` and is one of `left`.
    fn is_near(&self, next: Place, left: usize) -> bool {
        (self.distance[next.index()] as usize) < left
    }

    /// The place after an allowed token; `None` after one that ends the text.
    pub fn advance(&mut self, place: Place, id: u32) -> Option<Place> {
        let follow = self.follow(place);
        let at = follow.tokens.binary_search_by_key(&id, |(id, _)| *id);
        at.ok().map(|at| follow.tokens[at].1)
    }

    /// Whether the text at `place` is a match.
    #[cfg(test)]
    pub fn accepts(&self, place: Place) -> bool {
        self.automaton.accepts(place.state)
    }

    /// The state in which a text waits for a word of the list.
    fn after_space(&self) -> u32 {
        let state = self.automaton.walk(0, b" ");
        state.expect("a text of words may begin with a space")
    }

    fn follow(&mut self, place: Place) -> Rc<Follow> {
        if let Some(follow) = self.kept.get(&place) {
            return Rc::clone(follow);
        }
        let mut tokens = Vec::new();
        self.each_next(place, &mut |id, next| {
            if self.distance[next.index()] != FAR {
                tokens.push((id, next));
            }
        });
        tokens.sort_unstable_by_key(|(id, _)| *id);
        let mut ends = Vec::new();
        if self.automaton.accepts(place.state) {
            ends.extend_from_slice(&self.ends);
            let goes_on = tokens.binary_search_by_key(&self.eos, |(id, _)| *id);
            if self.line_end_ends && goes_on.is_err() {
                ends.push(self.eos);
            }
        }
        let follow = Rc::new(Follow { tokens, ends });
        if self.kept_tokens > MOST_KEPT {
            self.kept.clear();
            self.kept_tokens = 0;
        }
        self.kept_tokens += follow.tokens.len();
        self.kept.insert(place, Rc::clone(&follow));
        follow
    }

    /// Every token after which the bytes are the beginning of a match, in no particular order, and the place there.
    fn each_next(&self, place: Place, each: &mut dyn FnMut(u32, Place)) {
        let separator = match place.in_line {
            true => self.separator,
            false => b"",
        };
        let in_line = !self.separator.is_empty();
        if let Some(state) = self.automaton.walk(place.state, separator) {
            let each = &mut |id, state| each(id, Place { state, in_line });
            self.tokens.walk(&self.automaton, state, each);
        }
        let line_end = self.line_end.as_ref();
        if let Some(state) = line_end.and_then(|end| self.automaton.walk(place.state, end)) {
            let in_line = false;
            each(self.eos, Place { state, in_line });
        }
    }

    /// Finds the distances of all places that a text can reach: forwards to find them, then backwards from the matches.
    fn measure(&mut self) -> Result<()> {
        let mut first = vec![0];
        if self.is_list {
            first.push(self.after_space());
        }
        let lines = match self.separator.is_empty() {
            true => &[false][..],
            false => &[false, true],
        };
        let mut places: Vec<Place> = Vec::new();
        for &state in &first {
            places.extend(lines.iter().map(|&in_line| Place { state, in_line }));
        }
        let mut seen = vec![false; self.distance.len()];
        places.iter().for_each(|place| seen[place.index()] = true);
        // (from, to), each once
        let mut steps: Vec<(Place, Place)> = Vec::new();
        let (mut at, mut work) = (0, 0);
        while let Some(&place) = places.get(at) {
            at += 1;
            let mut next: Vec<Place> = Vec::new();
            self.each_next(place, &mut |_, after| {
                work += 1;
                if next.last() != Some(&after) {
                    next.push(after);
                }
            });
            next.sort_unstable_by_key(|place| place.index());
            next.dedup();
            steps.extend(next.iter().map(|&after| (place, after)));
            for after in next {
                if !std::mem::replace(&mut seen[after.index()], true) {
                    places.push(after);
                }
            }
            if work > MOST_WORK || steps.len() > MOST_KEPT {
                return Err(ConstraintError::TooMuchWork.into());
            }
        }
        steps.sort_unstable_by_key(|(_, after)| after.index());
        let matches = places.iter().filter(|p| self.automaton.accepts(p.state));
        let mut nearest: Vec<Place> = matches.copied().collect();
        let mut distance = 0;
        while !nearest.is_empty() {
            let mut before = Vec::new();
            for place in nearest {
                if self.distance[place.index()] != FAR {
                    continue;
                }
                self.distance[place.index()] = distance;
                let from = steps.partition_point(|(_, after)| after.index() < place.index());
                let to_here = steps[from..]
                    .iter()
                    .take_while(|(_, after)| *after == place);
                before.extend(to_here.map(|(from, _)| *from));
            }
            nearest = before;
            distance += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
