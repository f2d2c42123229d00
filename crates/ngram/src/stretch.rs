//! Scoring a stretch of text at once, in several parts that are advanced in turn.
//!
//! A step of the automaton follows pointers from one end of a large table to another: it waits for memory, and computes next to
//! nothing. So a stretch is cut into parts, and a step is made in each before the next one in any; their waits overlap. A model of
//! order N forgets all but the last N − 1 tokens, hence a part that begins with the N − 1 tokens before its own, from the empty
//! state, is in the state of sequential scoring: the results are the same to the bit.

use super::automaton::{Automaton, EMPTY};

/// Number of parts.
const PARTS: usize = 32;
/// Parts of fewer tokens would read more before their beginning than it saves.
const SHORTEST: usize = 32;

impl Automaton {
    /// Scores all of `tokens` faster than one by one, with the same bits as [`Automaton::score`].
    ///
    /// `log10[i]` becomes log10 p(`tokens[i]` | all before); returns the state after the last token. Panics if there
    /// is no such word.
    pub fn score_all(&self, state: u32, tokens: &[u32], log10: &mut [f32]) -> u32 {
        assert_eq!(tokens.len(), log10.len(), "one place for each token");
        let len = tokens.len() / PARTS;
        if len < SHORTEST.max(self.order()) {
            return self.score_in_turn(state, tokens, log10);
        }
        let whole = len * PARTS;
        let mut states = [state; PARTS];
        for (part, state) in states.iter_mut().enumerate().skip(1) {
            let first = part * len;
            let before = &tokens[first + 1 - self.order()..first];
            *state = before
                .iter()
                .fold(EMPTY, |state, &token| self.score(state, token).1);
        }
        for step in 0..len {
            let place = |part: usize| part * len + step;
            let words = std::array::from_fn(|part| tokens[place(part)]);
            let scores = self.step(&mut states, &words);
            for (part, score) in scores.into_iter().enumerate() {
                log10[place(part)] = score;
            }
        }
        self.score_in_turn(states[PARTS - 1], &tokens[whole..], &mut log10[whole..])
    }

    /// [`Automaton::score`] in every part: each stage for all of them before the next stage, so that the memory that it needs is
    /// asked for at the same time.
    fn step(&self, states: &mut [u32; PARTS], words: &[u32; PARTS]) -> [f32; PARTS] {
        let tables = self.tables();
        let mut contexts = *states;
        let mut log10 = [0.0; PARTS];
        let mut found = [0; PARTS];
        // The parts that have not found their arc yet.
        let mut searching: [usize; PARTS] = std::array::from_fn(|part| part);
        let mut left = PARTS;
        while left > 0 {
            let parts = &searching[..left];
            let mut arcs = [(0, 0); PARTS];
            for &part in parts {
                let range = tables.arcs(contexts[part]);
                arcs[part] = (range.start, range.end);
            }
            let mut first = [0; PARTS];
            for &part in parts {
                first[part] = tables.word(arcs[part].0);
            }
            let mut still = 0;
            for at in 0..left {
                let part = searching[at];
                let (start, end) = arcs[part];
                let arc = match contexts[part] {
                    0 => Some(1 + words[part]),
                    _ if start < end && first[part] == words[part] => Some(start),
                    _ => tables.find(start..end, words[part]),
                };
                if let Some(arc) = arc {
                    found[part] = arc;
                } else {
                    log10[part] += tables.log10_backoff(contexts[part]);
                    contexts[part] = tables.link(contexts[part]);
                    searching[still] = part;
                    still += 1;
                }
            }
            left = still;
        }
        for part in 0..PARTS {
            log10[part] += tables.log10_p(found[part]);
        }
        for part in 0..PARTS {
            states[part] = self.after(&tables, found[part], words[part]);
        }
        log10
    }

    fn score_in_turn(&self, mut state: u32, tokens: &[u32], log10: &mut [f32]) -> u32 {
        for (&token, log10) in tokens.iter().zip(log10) {
            (*log10, state) = self.score(state, token);
        }
        state
    }
}
