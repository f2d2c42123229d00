//! Prompts that are read: window by window, so that a long one does not stall the others.

use super::Place;
use crate::state::TextState;
use elman_infer::{Distribution, Error};
use elman_text::TokenId;
use tokio::sync::oneshot;

/// Tokens of a prompt that are read in one turn.
const WINDOW: usize = 256;
/// Tokens of a prompt that are read in one turn if alternatives are wanted at each, which takes a distribution for each.
const SLOW_WINDOW: usize = 16;

/// Losses and alternatives of tokens that were read.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// −ln p of each token, if they were asked for.
    pub nats: Vec<f64>,
    /// The most probable tokens in the place of each, with ln p, if they were asked for.
    pub tops: Vec<Vec<(TokenId, f64)>>,
}

/// What is to be found out about the tokens that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// Nothing but the state after them.
    State,
    /// Their losses.
    Losses,
    /// Their losses, and this number of alternatives to each.
    Tops(usize),
}

/// A prompt that is read.
pub(super) struct Reading {
    pub state: TextState,
    pub ids: Vec<TokenId>,
    /// Number of ids that have been read.
    pub done: usize,
    pub want: Want,
    pub found: Found,
    pub reply: oneshot::Sender<Result<(TextState, Found), Error>>,
    pub place: Place,
}

impl Reading {
    /// Number of tokens that are read in one turn.
    pub fn window(&self) -> usize {
        match self.want {
            Want::Tops(_) => SLOW_WINDOW,
            _ => WINDOW,
        }
    }

    /// Reads a window; returns itself if there is more to read.
    pub fn turn(mut self: Box<Self>) -> Option<Box<Reading>> {
        // A client that has hung up.
        if self.reply.is_closed() {
            return None;
        }
        let read = self.read();
        if read.is_ok() && self.done < self.ids.len() {
            return Some(self);
        }
        let Reading {
            state,
            found,
            reply,
            place,
            ..
        } = *self;
        drop(place);
        // Nobody waits for the answer any more if this fails.
        let _ = reply.send(read.map(|()| (state, found)));
        None
    }

    /// Reads the next window.
    fn read(&mut self) -> Result<(), Error> {
        let end = self.ids.len().min(self.done + self.window());
        let ids = &self.ids[self.done..end];
        let (session, found) = (&mut self.state.session, &mut self.found);
        match self.want {
            Want::State => session.feed_tokens(ids)?,
            Want::Losses => {
                found.nats.resize(end, 0.0);
                session.nats(ids, &mut found.nats[self.done..])?;
            }
            Want::Tops(most) => {
                for &id in ids {
                    let next = session.next()?;
                    found.tops.push(top(&next, most));
                    found.nats.push(-next.log_prob(id));
                    session.feed_tokens(&[id])?;
                }
            }
        }
        self.state.passed(ids);
        self.done = end;
        Ok(())
    }
}

/// The most probable tokens with ln p.
pub(super) fn top(next: &Distribution, most: usize) -> Vec<(TokenId, f64)> {
    match most {
        0 => Vec::new(),
        _ => next
            .top_ids(most)
            .into_iter()
            .map(|id| (id, next.log_prob(id)))
            .collect(),
    }
}
