//! What a named session remembers of its past: enough to rewind it, in memory that does not grow with the text.
//!
//! ```text
//! marks       the states at positions that the client has marked, at most MOST_MARKS
//! snapshots   a state in each stretch of SPACING tokens, over the last KEPT tokens
//! recent      the last KEPT tokens: from a snapshot they lead to any position after it
//! ```
//! A session can therefore be rewound to its beginning, to a mark, and to each of its last [`REACH`] positions, whatever the length of its text. A request appends at most
//! [`MOST_APPENDED`] tokens between two snapshots, so a snapshot lies before each of the last [`REACH`] positions, not further than KEPT.

use crate::state::TextState;
use elman_infer::Model;
use elman_text::TokenId;
use std::collections::{BTreeMap, VecDeque};

/// Number of the last positions to which a session can be rewound without a mark.
pub const REACH: u64 = 1024;
/// Largest number of tokens between two snapshots.
pub(crate) const MOST_APPENDED: usize = 1024;
/// Largest number of marks of a session.
pub const MOST_MARKS: usize = 16;
const KEPT: u64 = REACH + MOST_APPENDED as u64;
const SPACING: u64 = 128;

/// The text of a session up to now, as far as it is kept.
#[derive(Clone)]
pub(crate) struct History {
    /// The state after all tokens.
    pub head: TextState,
    recent: VecDeque<TokenId>,
    snapshots: BTreeMap<u64, TextState>,
    marks: BTreeMap<u64, TextState>,
}

/// Reason why a session cannot be rewound or marked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// The position lies after the end of the text.
    #[error("the session has {position} tokens, and `to` is {to}")]
    Ahead {
        /// Position that was asked for.
        to: u64,
        /// Number of tokens of the session.
        position: u64,
    },
    /// The position is no longer kept.
    #[error(
        "position {to} is not kept: a session of {position} tokens can be rewound to 0, to each of its last {REACH} positions, and to its marks ({})",
        marks_in_words(marks)
    )]
    NotKept {
        /// Position that was asked for.
        to: u64,
        /// Number of tokens of the session.
        position: u64,
        /// Positions of the marks.
        marks: Vec<u64>,
    },
    /// The session has as many marks as it may have.
    #[error("a session has at most {MOST_MARKS} marks; remove one with `unmark`")]
    Marks,
}

fn marks_in_words(marks: &[u64]) -> String {
    match marks.is_empty() {
        true => "it has none".to_owned(),
        false => marks
            .iter()
            .map(u64::to_string)
            .collect::<Vec<_>>()
            .join(", "),
    }
}

impl History {
    /// The history of a session that begins with the state `head`; the past of a state is not known.
    pub fn new(head: TextState) -> History {
        let mut history = History {
            recent: VecDeque::new(),
            snapshots: BTreeMap::new(),
            marks: BTreeMap::new(),
            head,
        };
        history
            .snapshots
            .insert(history.head.position, history.head.clone());
        history
    }

    /// Takes the state `head` after `ids` were appended, at most [`MOST_APPENDED`].
    pub fn append(&mut self, ids: &[TokenId], head: TextState) {
        assert!(
            ids.len() <= MOST_APPENDED,
            "snapshots would lie too far apart"
        );
        self.recent.extend(ids);
        self.head = head;
        let position = self.head.position;
        let least = position.saturating_sub(KEPT);
        while self.recent.len() as u64 > KEPT {
            self.recent.pop_front();
        }
        self.snapshots.retain(|&at, _| at >= least);
        // The first state of each stretch stays.
        let stretch = position / SPACING * SPACING;
        if self.snapshots.range(stretch..).next().is_none() {
            self.snapshots.insert(position, self.head.clone());
        }
    }

    /// Keeps the present state as a mark and returns its position.
    pub fn mark(&mut self) -> Result<u64, HistoryError> {
        let position = self.head.position;
        if self.marks.len() >= MOST_MARKS && !self.marks.contains_key(&position) {
            return Err(HistoryError::Marks);
        }
        self.marks.insert(position, self.head.clone());
        Ok(position)
    }

    /// Removes the mark at `position` and returns whether there was one.
    pub fn unmark(&mut self, position: u64) -> bool {
        self.marks.remove(&position).is_some()
    }

    /// Positions of the marks, ascending.
    pub fn marks(&self) -> Vec<u64> {
        self.marks.keys().copied().collect()
    }

    /// The state from which position `to` is reached, and the tokens that lead there.
    ///
    /// # Errors
    /// [`HistoryError`] if there is none.
    pub fn before(
        &self,
        to: u64,
        model: &Model,
    ) -> Result<(TextState, Vec<TokenId>), HistoryError> {
        let position = self.head.position;
        if to > position {
            return Err(HistoryError::Ahead { to, position });
        }
        if to == position {
            return Ok((self.head.clone(), Vec::new()));
        }
        if let Some(mark) = self.marks.get(&to) {
            return Ok((mark.clone(), Vec::new()));
        }
        if to == 0 {
            return Ok((TextState::beginning(model), Vec::new()));
        }
        // Position of the first of the recent tokens.
        let first = position - self.recent.len() as u64;
        match self.snapshots.range(..=to).next_back() {
            Some((&at, state)) if at >= first => {
                let (from, end) = ((at - first) as usize, (to - first) as usize);
                Ok((
                    state.clone(),
                    self.recent.range(from..end).copied().collect(),
                ))
            }
            _ => Err(HistoryError::NotKept {
                to,
                position,
                marks: self.marks(),
            }),
        }
    }

    /// Goes back to position `head.position`; what came after it is forgotten.
    pub fn rewind(&mut self, head: TextState) {
        let (to, position) = (head.position, self.head.position);
        let kept = (self.recent.len() as u64).saturating_sub(position - to);
        self.recent.truncate(kept as usize);
        self.snapshots.retain(|&at, _| at <= to);
        self.marks.retain(|&at, _| at <= to);
        if self.snapshots.is_empty() {
            self.snapshots.insert(to, head.clone());
        }
        self.head = head;
    }

    /// About how many bytes the history takes in memory, for states of `state` bytes.
    #[cfg(test)]
    pub fn bytes(&self, state: u64) -> u64 {
        let states = 1 + self.snapshots.len() + self.marks.len();
        states as u64 * state + 4 * self.recent.len() as u64
    }

    /// All states: the present one, the marks, and the recent tokens, to be written to disk.
    pub fn parts(&mut self) -> (&mut TextState, &mut BTreeMap<u64, TextState>) {
        (&mut self.head, &mut self.marks)
    }

    /// A history from what was written to disk. Without tokens it can be rewound to its marks and its beginning, and to what comes after.
    pub fn restored(head: TextState, marks: Vec<TextState>) -> History {
        let mut history = History::new(head);
        history.marks = marks
            .into_iter()
            .map(|mark| (mark.position, mark))
            .collect();
        history
    }
}
