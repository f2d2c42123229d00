//! A text while it is being written: its tokens, what they print, and whether it has ended.
//!
//! A plain value: beam search copies it for every hypothesis.

use super::{Finish, Sampling};
use crate::Streams;
use crate::constraint::{Constraint, Place};
use elman_text::{Decoder, Layout, Vocab};

/// A text that follows a prompt.
#[derive(Clone)]
pub(super) struct Draft {
    pub tokens: Vec<u32>,
    /// ln p of each token under the model, where somebody asked for it.
    pub logprobs: Vec<f64>,
    /// Why it has ended, if it has.
    pub finish: Option<Finish>,
    /// Position in the constraint, if there is one.
    place: Option<Place>,
    decoder: Decoder,
    /// Printed text of the tokens.
    text: Vec<u8>,
    /// Bytes of `text` that may be handed out: what follows them may be the beginning of a stop string.
    safe: usize,
    /// Bytes that were handed out.
    told: usize,
}

/// The rules by which a text ends.
pub(super) struct Rules<'a> {
    pub vocab: &'a Vocab,
    pub layout: Layout,
    pub options: &'a Sampling,
    pub constraint: &'a mut Option<Constraint>,
}

impl<'a> Rules<'a> {
    pub fn new(
        streams: &'a Streams<'_>,
        options: &'a Sampling,
        constraint: &'a mut Option<Constraint>,
    ) -> Rules<'a> {
        Rules {
            vocab: streams.vocab(),
            layout: streams.layout(),
            options,
            constraint,
        }
    }
}

impl Draft {
    /// An empty text, which may have ended already. `decoder` has read the prompt, at whose end it occurs in the constraint's `place`.
    pub fn new(rules: &mut Rules, decoder: Decoder, place: Option<Place>) -> Draft {
        let mut draft = Draft {
            tokens: Vec::new(),
            logprobs: Vec::new(),
            finish: None,
            place,
            decoder,
            text: Vec::new(),
            safe: 0,
            told: 0,
        };
        draft.finish = draft.spent(rules);
        draft
    }

    /// Writes into `ids` what may follow; `None` without a constraint.
    pub fn allowed<'a>(&self, rules: &mut Rules, ids: &'a mut Vec<u32>) -> Option<&'a [u32]> {
        let (place, constraint) = (self.place?, rules.constraint.as_mut()?);
        constraint.allowed(place, rules.options.max_tokens - self.tokens.len(), ids);
        Some(ids)
    }

    /// Takes the next token, one of those that are allowed.
    pub fn push(&mut self, rules: &mut Rules, id: u32, logprob: Option<f64>) {
        self.tokens.push(id);
        self.logprobs.extend(logprob);
        let (vocab, options) = (rules.vocab, rules.options);
        let end = options.eos.finish(vocab, rules.layout, id);
        self.finish = match (self.place, rules.constraint.as_mut()) {
            (Some(place), Some(constraint)) => {
                let next = constraint.advance(place, id);
                self.place = next.or(self.place);
                // A line end that goes on elsewhere ends the text where the constraint has no room for it.
                next.is_none().then_some(end.unwrap_or(Finish::Eos))
            }
            _ => end,
        };
        if self.finish.is_none() {
            self.text.extend_from_slice(self.decoder.push(vocab, id));
            self.finish = self.cut(&options.stop).or_else(|| self.spent(rules));
        }
        if self.finish.is_some() {
            self.close(&options.stop);
        }
    }

    /// The last token: what the model reads next.
    pub fn last(&self) -> &[u32] {
        &self.tokens[self.tokens.len() - 1..]
    }

    /// Σ ln p.
    pub fn logprob(&self) -> f64 {
        self.logprobs.iter().sum()
    }

    /// Text that may be handed out and has not been.
    pub fn fresh(&mut self) -> &[u8] {
        let told = std::mem::replace(&mut self.told, self.safe);
        &self.text[told..self.safe]
    }

    /// All text that may be handed out.
    pub fn text(&self) -> &[u8] {
        &self.text[..self.safe]
    }

    /// Why there may be no further token.
    fn spent(&self, rules: &mut Rules) -> Option<Finish> {
        let left = rules.options.max_tokens - self.tokens.len();
        let Some((place, constraint)) = self.place.zip(rules.constraint.as_mut()) else {
            return (left == 0).then_some(Finish::Length);
        };
        match (
            constraint.goes_on(place, left),
            constraint.goes_on(place, usize::MAX),
        ) {
            (true, _) => None,
            (false, true) => Some(Finish::Length),
            (false, false) => Some(Finish::Match),
        }
    }

    /// The end: what was held back is text after all.
    fn close(&mut self, stop: &[String]) {
        if self.finish == Some(Finish::Stop) {
            return;
        }
        self.text.extend_from_slice(self.decoder.finish());
        self.finish = self.cut(stop).or(self.finish);
        self.safe = self.text.len();
    }

    /// Cuts the text before a stop string, or finds out how much of it is none.
    fn cut(&mut self, stop: &[String]) -> Option<Finish> {
        let first = |holds: fn(&[u8], &[u8]) -> bool| {
            (self.safe..self.text.len()).find(|&i| {
                let mut stop = stop.iter();
                stop.any(|stop| holds(&self.text[i..], stop.as_bytes()))
            })
        };
        // A complete one ends the text, even where a longer one that began before it might follow.
        if let Some(at) = first(|tail, stop| tail.starts_with(stop)) {
            self.text.truncate(at);
            self.safe = at;
            return Some(Finish::Stop);
        }
        let held = first(|tail, stop| stop.starts_with(tail));
        self.safe = held.unwrap_or(self.text.len());
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is handed out after each piece, until a stop string ends the text.
    fn told(stop: &[&str], pieces: &[&str]) -> (Vec<String>, bool) {
        let stop: Vec<String> = stop.iter().map(|&stop| stop.to_owned()).collect();
        let options = Sampling::default();
        let mut rules = Rules {
            vocab: &Vocab::bytes(),
            layout: Layout::Stream,
            options: &options,
            constraint: &mut None,
        };
        let mut draft = Draft::new(&mut rules, Decoder::default(), None);
        let mut told = Vec::new();
        for piece in pieces {
            draft.text.extend_from_slice(piece.as_bytes());
            let finish = draft.cut(&stop);
            told.push(String::from_utf8(draft.fresh().to_vec()).unwrap());
            if finish.is_some() {
                return (told, true);
            }
        }
        (told, false)
    }

    #[test]
    fn what_is_held_back_is_no_more_than_a_prefix() {
        let pieces = ["xa", "b", "ab", "x", "", "ya", "bd", "z"];
        let (told, stopped) = told(&["abc", "bd"], &pieces);
        assert_eq!(told, ["x", "", "ab", "abx", "", "y", "a"]);
        assert!(stopped);
    }

    #[test]
    fn a_stop_string_inside_the_beginning_of_a_longer_one_is_found() {
        let (told, stopped) = told(&["abcd", "bc"], &["xab", "c"]);
        assert_eq!((told.concat().as_str(), stopped), ("xa", true));
    }
}
