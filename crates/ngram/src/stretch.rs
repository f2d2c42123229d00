//! Scoring a stretch of text at once, in several parts that are advanced in turn.
//!
//! A step of the automaton follows pointers from one end of a large table to another: it waits for memory, and computes next to
//! nothing. So a stretch is cut into parts, and a step is made in each before the next one in any; their waits overlap. A model of
//! order N forgets all but the last N − 1 tokens, hence a part that begins with the N − 1 tokens before its own, from the empty
//! state, is in the state of sequential scoring: the results are the same to the bit.

use super::{Model, State};

const LANES: usize = 32;
/// Lanes of fewer tokens would read more before their beginning than it saves.
const SHORTEST: usize = 32;

impl Model {
    /// Scores all of `tokens` faster than one by one, with the same bits as [`Model::score`].
    ///
    /// `log10[i]` becomes log10 p(`tokens[i]` | all before); returns the state after the last token. Panics if there
    /// is no such word.
    pub fn score_all(&self, state: State, tokens: &[u32], log10: &mut [f32]) -> State {
        assert_eq!(tokens.len(), log10.len(), "one place for each token");
        let len = tokens.len() / LANES;
        if len < SHORTEST.max(self.order()) {
            return self.score_in_turn(state, tokens, log10);
        }
        let whole = len * LANES;
        let mut states = [state; LANES];
        for (lane, state) in states.iter_mut().enumerate().skip(1) {
            let first = lane * len;
            let before = &tokens[first + 1 - self.order()..first];
            *state = before
                .iter()
                .fold(self.empty(), |state, &token| self.score(state, token).1);
        }
        for step in 0..len {
            let place = |lane: usize| lane * len + step;
            let words = std::array::from_fn(|lane| tokens[place(lane)]);
            let scores = self.step(&mut states, &words);
            for (lane, score) in scores.into_iter().enumerate() {
                log10[place(lane)] = score;
            }
        }
        self.score_in_turn(states[LANES - 1], &tokens[whole..], &mut log10[whole..])
    }

    /// [`Model::score`] in every lane: each stage for all of them before the next stage, so that the memory that it needs is
    /// asked for at the same time.
    fn step(&self, states: &mut [State; LANES], words: &[u32; LANES]) -> [f32; LANES] {
        let tables = self.tables();
        let mut contexts = states.map(State::node);
        let mut log10 = [0.0; LANES];
        let mut found = [0; LANES];
        // The lanes that have not found their arc yet.
        let mut searching: [usize; LANES] = std::array::from_fn(|lane| lane);
        let mut left = LANES;
        while left > 0 {
            let lanes = &searching[..left];
            let mut arcs = [(0, 0); LANES];
            for &lane in lanes {
                let range = tables.arcs(contexts[lane]);
                arcs[lane] = (range.start, range.end);
            }
            let mut first = [0; LANES];
            for &lane in lanes {
                first[lane] = tables.word(arcs[lane].0);
            }
            let mut still = 0;
            for at in 0..left {
                let lane = searching[at];
                let (start, end) = arcs[lane];
                let arc = match contexts[lane] {
                    0 => Some(1 + words[lane]),
                    _ if start < end && first[lane] == words[lane] => Some(start),
                    _ => tables.find(start..end, words[lane]),
                };
                if let Some(arc) = arc {
                    found[lane] = arc;
                } else {
                    log10[lane] += tables.log10_backoff(contexts[lane]);
                    contexts[lane] = tables.link(contexts[lane]);
                    searching[still] = lane;
                    still += 1;
                }
            }
            left = still;
        }
        for lane in 0..LANES {
            log10[lane] += tables.log10_p(found[lane]);
        }
        for lane in 0..LANES {
            states[lane] = self.after(&tables, found[lane], words[lane]);
        }
        log10
    }

    fn score_in_turn(&self, mut state: State, tokens: &[u32], log10: &mut [f32]) -> State {
        for (&token, log10) in tokens.iter().zip(log10) {
            (*log10, state) = self.score(state, token);
        }
        state
    }
}
