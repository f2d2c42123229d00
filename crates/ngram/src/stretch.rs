//! Scoring a stretch of text at once, in several parts that are advanced in turn.
//!
//! A step of the automaton follows pointers from one end of a large table to another: it waits for memory, and computes next to
//! nothing. So a stretch is cut into parts, and a step is made in each before the next one in any; their waits overlap. A model of
//! order N forgets all but the last N − 1 tokens, hence a part that begins with the N − 1 tokens before its own, from the empty
//! state, is in the state of sequential scoring: the results are the same to the bit.

use super::automaton::{Automaton, EMPTY};
use super::tables::{SizedTables, for_widths};

/// Number of parts.
const PARTS: usize = 32;
/// Parts of fewer tokens would read more before their beginning than it saves.
const SHORTEST: usize = 32;

/// The search for the arc of a part's next word.
#[derive(Clone, Copy, Default)]
struct Search {
    part: usize,
    word: u32,
    /// The context whose arcs are searched.
    node: u32,
    /// The last arc whose word is not greater is one of this number from here on.
    first: u32,
    len: u32,
    log10_backoff: f32,
    link: u32,
}

impl Search {
    #[inline]
    fn halve<const W: usize, const I: usize>(&mut self, tables: SizedTables<'_, W, I>) {
        let half = self.len / 2;
        let middle = self.first + half;
        let here = tables.word(middle) <= self.word;
        self.first = if here { middle } else { self.first };
        self.len -= half;
    }
}

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
        for_widths!(self.layout(), Automaton::score_parts)(
            self,
            &mut states,
            &tokens[..whole],
            log10,
        );
        self.score_in_turn(states[PARTS - 1], &tokens[whole..], &mut log10[whole..])
    }

    /// Scores parts of equal length, each from its own state.
    fn score_parts<const W: usize, const I: usize>(
        &self,
        states: &mut [u32; PARTS],
        tokens: &[u32],
        log10: &mut [f32],
    ) {
        let tables = self.tables().sized::<W, I>();
        let len = tokens.len() / PARTS;
        for step in 0..len {
            let place = |part: usize| part * len + step;
            let words = std::array::from_fn(|part| tokens[place(part)]);
            let scores = self.step(tables, states, &words);
            for (part, score) in scores.into_iter().enumerate() {
                log10[place(part)] = score;
            }
        }
    }

    /// [`Automaton::score`] in every part: each stage for all of them before the next stage, and without branches that depend on
    /// what was read, so that the memory that all of them need is asked for at the same time.
    fn step<const W: usize, const I: usize>(
        &self,
        tables: SizedTables<'_, W, I>,
        states: &mut [u32; PARTS],
        words: &[u32; PARTS],
    ) -> [f32; PARTS] {
        let mut log10 = [0.0; PARTS];
        // In the empty context every word has an arc.
        let mut found = words.map(|word| self.unigram(word));
        let mut searches = [Search::default(); PARTS];
        let mut left = 0;
        for part in 0..PARTS {
            searches[left] = Search {
                part,
                node: states[part],
                word: words[part],
                ..Search::default()
            };
            left += usize::from(states[part] != EMPTY);
        }
        while left > 0 {
            let searches = &mut searches[..left];
            let mut longest = 0;
            for search in &mut *searches {
                let context = tables.context(search.node);
                search.first = context.first_arc;
                search.len = context.end_arc - context.first_arc;
                search.log10_backoff = context.log10_backoff;
                search.link = context.link;
                longest = longest.max(search.len);
            }
            while longest > 1 {
                searches.iter_mut().for_each(|search| search.halve(tables));
                longest -= longest / 2;
            }
            left = 0;
            for at in 0..searches.len() {
                let search = searches[at];
                let has = (search.len > 0) & (tables.word(search.first) == search.word);
                let arc = &mut found[search.part];
                *arc = if has { search.first } else { *arc };
                log10[search.part] += if has { 0.0 } else { search.log10_backoff };
                searches[left] = Search {
                    node: search.link,
                    ..search
                };
                left += usize::from(!has & (search.link != EMPTY));
            }
        }
        for part in 0..PARTS {
            let reached = tables.reach(found[part]);
            log10[part] += reached.log10_p;
            states[part] = self.after(words[part], reached);
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
