//! A regular expression as a table over bytes that answers two questions about the beginning of a text: can it still become a match
//! of the whole expression, and is it one already?
//!
//! The crate `regex-automata` makes the deterministic automaton: anchored, over bytes, with all matches kept (the usual preference for the
//! leftmost alternative would lose `ab` of `a|ab`). Its states are numbered here in the order in which they are reached, and every transition
//! from which no match can follow any more is dropped. So a state is alive by its existence, and a test of a prefix is a table lookup.

use crate::error::{ConstraintError, Result};
use regex_automata::dfa::{Automaton as _, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::{start, syntax};
use regex_automata::{Anchored, MatchKind};
use std::collections::HashMap;

/// Bytes that each form of the automaton may take.
const MEMORY: usize = 64 << 20;

/// There is no way on.
const DEAD: u32 = u32::MAX;

/// States are numbers; 0 is the beginning.
pub(super) struct Automaton {
    /// The class of each byte.
    classes: [u8; 256],
    /// C
    class_count: usize,
    /// (N, C): the state after a byte of the class, or `DEAD`.
    next: Vec<u32>,
    /// (N)
    accepts: Vec<bool>,
}

impl Automaton {
    /// Errors: an expression that is none, that is too large, or that matches nothing.
    pub fn new(regex: &str) -> Result<Automaton> {
        let config = dense::Config::new()
            .match_kind(MatchKind::All)
            .start_kind(StartKind::Anchored)
            .dfa_size_limit(Some(MEMORY))
            .determinize_size_limit(Some(MEMORY));
        let nfa = thompson::Compiler::new()
            .configure(
                thompson::Config::new()
                    .utf8(false)
                    .nfa_size_limit(Some(MEMORY)),
            )
            .syntax(syntax::Config::new().utf8(false))
            .build(regex)
            .map_err(|error| refused(error.size_limit().is_some(), &error))?;
        let dfa = dense::Builder::new()
            .configure(config)
            .build_from_nfa(&nfa)
            .map_err(|error| refused(error.is_size_limit_exceeded(), &error))?;
        let anchored = start::Config::new().anchored(Anchored::Yes);
        let first = dfa
            .start_state(&anchored)
            .map_err(|error| refused(false, &error))?;

        let mut classes = [0; 256];
        for (byte, class) in (0..=255).zip(&mut classes) {
            *class = dfa.byte_classes().get(byte);
        }
        let class_count = 1 + usize::from(classes.iter().copied().max().unwrap_or(0));
        let mut of_class = vec![0; class_count];
        for (byte, class) in (0..=255u8).zip(classes) {
            of_class[usize::from(class)] = byte;
        }
        let mut numbers: HashMap<StateID, u32> = HashMap::from([(first, 0)]);
        let mut states = vec![first];
        let (mut next, mut accepts) = (Vec::new(), Vec::new());
        while let Some(&state) = states.get(accepts.len()) {
            accepts.push(dfa.is_match_state(dfa.next_eoi_state(state)));
            for &byte in &of_class {
                let after = dfa.next_state(state, byte);
                next.push(*numbers.entry(after).or_insert_with(|| {
                    states.push(after);
                    states.len() as u32 - 1
                }));
            }
        }
        let mut automaton = Automaton {
            classes,
            class_count,
            next,
            accepts,
        };
        match automaton.prune() {
            true => Ok(automaton),
            false => Err(ConstraintError::MatchesNothing(regex.to_owned()).into()),
        }
    }

    /// The state after `bytes`, if a match is still possible.
    #[inline]
    pub fn walk(&self, state: u32, bytes: &[u8]) -> Option<u32> {
        let mut state = state;
        for &byte in bytes {
            let class = usize::from(self.classes[usize::from(byte)]);
            state = self.next[state as usize * self.class_count + class];
            if state == DEAD {
                return None;
            }
        }
        Some(state)
    }

    /// Whether the text so far is a match.
    pub fn accepts(&self, state: u32) -> bool {
        self.accepts[state as usize]
    }

    /// N
    pub fn states(&self) -> usize {
        self.accepts.len()
    }

    /// Drops the transitions from which no match can follow; returns whether one can follow the beginning.
    fn prune(&mut self) -> bool {
        let n = self.accepts.len();
        let mut before: Vec<Vec<u32>> = vec![Vec::new(); n];
        for (state, next) in (0..).zip(self.next.chunks_exact(self.class_count)) {
            for &after in next {
                // Classes in a row often lead to the same state.
                if before[after as usize].last() != Some(&state) {
                    before[after as usize].push(state);
                }
            }
        }
        let mut alive = self.accepts.clone();
        let mut open: Vec<u32> = (0..n as u32).filter(|&s| alive[s as usize]).collect();
        while let Some(state) = open.pop() {
            for &state in &before[state as usize] {
                if !alive[state as usize] {
                    alive[state as usize] = true;
                    open.push(state);
                }
            }
        }
        for next in self.next.iter_mut().filter(|next| !alive[**next as usize]) {
            *next = DEAD;
        }
        alive[0]
    }
}

fn refused(too_large: bool, error: &dyn std::error::Error) -> ConstraintError {
    if too_large {
        return ConstraintError::AutomatonTooLarge { mib: MEMORY >> 20 };
    }
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        said = format!("{said}: {error}");
        cause = error.source();
    }
    ConstraintError::Expression(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether `text` is a prefix of a match, and a match.
    fn test(automaton: &Automaton, text: &str) -> (bool, bool) {
        match automaton.walk(0, text.as_bytes()) {
            None => (false, false),
            Some(state) => (true, automaton.accepts(state)),
        }
    }

    #[test]
    fn prefixes_and_matches_are_told_apart() {
        type Texts<'a> = &'a [&'a str];
        let cases: [(&str, Texts, Texts, Texts); 7] = [
            ("a|ab", &["a", "ab"], &[""], &["b", "abb", "aa"]),
            ("a*?b$", &["b", "aab"], &["", "a", "aaaa"], &["ba", "bb"]),
            ("^(?:yes|no)", &["yes", "no"], &["ye", "n"], &["yeso", "x"]),
            ("", &[""], &[], &["a"]),
            ("é+x", &["éx"], &["", "é", "éé"], &["e", "éxx"]),
            (r"[0-9]{2,3}", &["12", "123"], &["1"], &["1234", "a"]),
            (r"(?i)ab(c[^\s\S]|d)", &["aBD"], &["A", "ab"], &["abc"]),
        ];
        for (regex, matches, prefixes, neither) in cases {
            let automaton = Automaton::new(regex).unwrap();
            for (texts, expected) in [
                (matches, (true, true)),
                (prefixes, (true, false)),
                (neither, (false, false)),
            ] {
                for text in texts {
                    assert_eq!(test(&automaton, text), expected, "{regex} on {text:?}");
                }
            }
        }
        // A byte in the middle of a character is a prefix too.
        let automaton = Automaton::new("é").unwrap();
        assert!(automaton.walk(0, b"\xC3").is_some() && automaton.walk(0, b"\xA9").is_none());
        let bytes = Automaton::new(r"(?-u)\xFF.").unwrap();
        assert!(bytes.walk(0, b"\xFF\xFE").is_some());
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_its_reason() {
        for (regex, said) in [
            ("(a", "unclosed group"),
            (r"[^\s\S]", "matches no text"),
            (r"\bword\b", "word boundar"),
            (r"(\w{1,400} ){1,400}", "smaller repetitions"),
        ] {
            let error = Automaton::new(regex).err().unwrap().to_string();
            assert!(error.contains(said), "{regex}: {error}");
        }
    }
}
