//! The server of `elman serve`: models over HTTP, for the clients people already have, and a page to look at them.
//!
//! ```text
//! server      connections, an orderly end                   limits     numbers with bounds; bodies
//! connection  limits of time                              keys, hosts  who may ask
//! routes/*    what requests ask                              refusal    answers to those that cannot be answered
//! engine      a thread for each model: texts advance together
//! state       a state as a value that a client keeps         sessions   texts that the server keeps, under names
//! prompt      tokens of a prompt                              next       the next tokens
//! hidden      hidden states                                   playground the page
//! openapi     a description of all of it
//! ```
//! The crate knows models and sessions, never a weight. It listens on one address and opens no connection. No path occurs in a request.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod app;
mod connection;
mod engine;
mod hidden;
mod hosts;
mod keys;
mod limits;
mod next;
mod openapi;
mod playground;
mod prompt;
mod refusal;
mod routes;
mod server;
mod sessions;
mod state;

pub use keys::ApiKeys;
pub use limits::Limits;
pub use server::{Ended, Options, ServeError, serve};
pub use sessions::{
    HistoryError, MOST_MARKS, NotAName, REACH, SessionError, SessionName, SessionOptions,
};
pub use state::{KeyError, StateError, StateKey};
