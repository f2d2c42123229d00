//! Texts that are written: a token of each in a turn, all in one product.
//!
//! A client takes the events of its text at its own speed. A text whose client is [`EVENTS`] events behind waits, so that what nobody reads takes no memory;
//! the others advance without it, which changes no bit of any.

use super::Place;
use super::counters::Counters;
use super::read::top;
use crate::state::TextState;
use elman_infer::{Distribution, Error, Finish, Session, Writer, advance};
use elman_text::TokenId;
use std::collections::HashMap;
use tokio::sync::mpsc;

/// Number of events of a text that may wait for their client.
pub(super) const EVENTS: usize = 64;

/// Event of a text that is written.
#[derive(Debug)]
pub(crate) enum Event {
    Token {
        id: TokenId,
        /// What can be passed on of the text.
        text: Vec<u8>,
        logprob: f64,
        tops: Vec<(TokenId, f64)>,
        /// The state after the token, if states were asked for.
        state: Option<Box<TextState>>,
    },
    /// The last event, with the state after all tokens.
    End {
        text: Vec<u8>,
        finish: Finish,
        state: Box<TextState>,
    },
}

/// Text to be written.
pub(crate) struct Writing {
    pub state: TextState,
    pub writer: Writer,
    /// Number of alternatives to each token.
    pub tops: usize,
    /// Whether each event has the state.
    pub states: bool,
    /// What is added to logits before a token is chosen.
    pub bias: Bias,
}

/// Changes of logits: fixed ones, and those for tokens that were written before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bias {
    pub fixed: Vec<(TokenId, f32)>,
    pub presence: f32,
    pub frequency: f32,
}

/// A text that is written, with what may come next in it.
pub(super) struct Live {
    writing: Writing,
    next: Distribution,
    /// Tokens that were written, with how often each was.
    counts: HashMap<TokenId, u32>,
    events: mpsc::Sender<Result<Event, Error>>,
    place: Place,
}

impl Live {
    /// Begins to write a text, which may have ended already.
    pub fn begin(
        mut writing: Box<Writing>,
        events: mpsc::Sender<Result<Event, Error>>,
        place: Place,
    ) -> Option<Live> {
        let next = writing.state.session.next();
        let finish = writing.writer.finish();
        let writing = *writing;
        match (next, finish) {
            (Ok(next), finish) => {
                let live = Live {
                    writing,
                    next,
                    counts: HashMap::new(),
                    events,
                    place,
                };
                match finish {
                    Some(finish) => live.end(finish),
                    None => return Some(live),
                }
            }
            (Err(error), _) => send(&events, Err(error)),
        }
        None
    }

    /// Whether a turn does something for the text: its client has taken what there was, or has hung up.
    pub fn is_ready(&self) -> bool {
        // A turn makes two events at most: a token and the end.
        self.events.is_closed() || self.events.capacity() >= 2
    }

    /// Chooses the next token.
    fn choose(&mut self) -> Result<TokenId, Error> {
        let Writing { writer, bias, .. } = &mut self.writing;
        let id = writer.write(&self.next, |logits| bias.change(logits, &self.counts))?;
        *self.counts.entry(id).or_insert(0) += 1;
        Ok(id)
    }

    /// Passes a token on. The distribution is that before the token.
    fn pass(&mut self, id: TokenId, state: Option<Box<TextState>>) {
        let event = Event::Token {
            id,
            text: self.writing.writer.fresh().to_vec(),
            logprob: self.next.log_prob(id),
            tops: top(&self.next, self.writing.tops),
            state,
        };
        send(&self.events, Ok(event));
    }

    /// Sends the last event. The text's place is free before the receiver knows, so a client may send its next request at once.
    fn end(mut self, finish: Finish) {
        let text = self.writing.writer.fresh().to_vec();
        drop(self.place);
        let state = Box::new(self.writing.state);
        let event = Event::End {
            text,
            finish,
            state,
        };
        send(&self.events, Ok(event));
    }

    fn fail(self, error: Error) {
        send(&self.events, Err(error));
    }
}

/// Sends an event; that a client has hung up is noticed in the next turn.
fn send(events: &mpsc::Sender<Result<Event, Error>>, event: Result<Event, Error>) {
    let full = matches!(
        events.try_send(event),
        Err(mpsc::error::TrySendError::Full(_))
    );
    assert!(!full, "a text waits while its client is behind");
}

/// Writes a token in each text that is ready: chooses it, passes it on, and advances all in one product.
pub(super) fn turn(lives: &mut Vec<Live>, counters: &Counters) {
    let mut waiting: Vec<Live> = Vec::new();
    let mut ready: Vec<Live> = Vec::with_capacity(lives.len());
    for live in lives.drain(..) {
        // A client that has hung up.
        if live.events.is_closed() {
            continue;
        }
        match live.is_ready() {
            true => ready.push(live),
            false => waiting.push(live),
        }
    }
    *lives = waiting;
    let Some(first) = ready.first() else {
        return;
    };
    let model = first.writing.state.session.model().clone();
    let mut going: Vec<(Live, TokenId)> = Vec::with_capacity(ready.len());
    let chosen = model.cpu().map(ready, |mut live| (live.choose(), live));
    for (id, mut live) in chosen {
        match id {
            Ok(id) => {
                live.writing.state.passed(&[id]);
                // Passed on before the product, so that nobody waits for it, unless the state after it is wanted.
                if !live.writing.states {
                    live.pass(id, None);
                }
                going.push((live, id));
            }
            Err(error) => live.fail(error),
        }
    }
    if going.is_empty() {
        return;
    }
    counters.wrote(going.len());
    let nexts = distributions(&mut going);
    for ((mut live, id), next) in going.into_iter().zip(nexts) {
        let next = match next {
            Ok(next) => next,
            Err(error) => {
                live.fail(error);
                continue;
            }
        };
        if live.writing.states {
            let state = Box::new(live.writing.state.clone());
            live.pass(id, Some(state));
        }
        live.next = next;
        match live.writing.writer.finish() {
            Some(finish) => live.end(finish),
            None => lives.push(live),
        }
    }
}

/// Advances each text by its token and returns what may come next in each.
fn distributions(going: &mut [(Live, TokenId)]) -> Vec<Result<Distribution, Error>> {
    let ids: Vec<TokenId> = going.iter().map(|(_, id)| *id).collect();
    let mut sessions: Vec<&mut Session> = going
        .iter_mut()
        .map(|(live, _)| &mut live.writing.state.session)
        .collect();
    match advance(&mut sessions, &ids) {
        Ok(nexts) => nexts.into_iter().map(Ok).collect(),
        // One of them has no distribution; the others have.
        Err(_) => sessions.into_iter().map(|session| session.next()).collect(),
    }
}

impl Bias {
    /// Changes logits (V) by what is fixed, and by how often each token was written.
    fn change(&self, logits: &mut [f32], counts: &HashMap<TokenId, u32>) {
        for &(id, bias) in &self.fixed {
            logits[id as usize] += bias;
        }
        if self.presence != 0.0 || self.frequency != 0.0 {
            for (&id, &count) in counts {
                logits[id as usize] -= self.presence + self.frequency * count as f32;
            }
        }
    }
}
