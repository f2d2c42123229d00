//! The engine of a model: one thread, on which all requests to the model are computed.
//!
//! ```text
//! turns      the loop of the thread           read    prompts, window by window
//! counters   what it has done                 write   texts, a token of each in a turn, all in one product
//! ```
//! Texts that are written advance together and join and leave between steps; their tokens are those of a text that is alone, to the bit. A long prompt is read in windows,
//! so it does not stall the others. A client that has hung up is noticed at the next step of its text. All queues are bounded: what does not fit is refused, and
//! a text whose client does not take its events waits.

mod counters;
mod read;
#[cfg(test)]
mod tests;
mod turns;
mod write;

pub(crate) use counters::{Counters, Totals};
pub(crate) use read::{Found, Want};
pub(crate) use write::{Bias, Event, Writing};

use crate::state::TextState;
use elman_infer::Error;
use elman_text::TokenId;
use read::Reading;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};
use turns::Turns;

/// Handle of an engine; the thread ends when all handles are gone.
#[derive(Clone)]
pub(crate) struct Engine {
    /// Bounded by the places: there is no job without one.
    jobs: Sender<Job>,
    /// Jobs that have been accepted and have not ended.
    open: Arc<AtomicUsize>,
    most: usize,
    counters: Arc<Counters>,
    thread: Arc<JoinHandle<()>>,
}

/// A place in an engine, for the jobs of one text, one after the other. It is given back when its last copy is gone.
#[derive(Clone)]
pub(crate) struct Place(#[expect(dead_code, reason = "it is there to be dropped")] Arc<Taken>);

struct Taken(Arc<AtomicUsize>);

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The engine is as busy as it may be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Busy;

/// Reason why a job has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Model(#[from] Error),
    /// The engine has ended.
    #[error("the server is shutting down")]
    Gone,
}

enum Job {
    Read(Box<Reading>),
    Write(Box<Writing>, mpsc::Sender<Result<Event, Error>>, Place),
    Compute(Box<dyn FnOnce() + Send>),
}

/// The events of a text that is written; the text ends when it is dropped.
pub(crate) struct Events(mpsc::Receiver<Result<Event, Error>>);

impl Events {
    /// The next event; [`Event::End`] is the last.
    ///
    /// # Errors
    /// [`Failure`] if the text cannot be continued.
    pub async fn next(&mut self) -> Result<Event, Failure> {
        Ok(self.0.recv().await.ok_or(Failure::Gone)??)
    }
}

impl Engine {
    /// Starts the engine of a model, which accepts at most `most` jobs at once.
    pub fn start(most: usize) -> std::io::Result<Engine> {
        let (jobs, new) = channel();
        let counters = Arc::new(Counters::default());
        let thread = std::thread::Builder::new().name("engine".into());
        let counted = counters.clone();
        let thread = thread.spawn(move || Turns::new(&counted).run(&new))?;
        Ok(Engine {
            jobs,
            open: Arc::default(),
            most,
            counters,
            thread: Arc::new(thread),
        })
    }

    /// Number of jobs that have not ended.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    /// What it has done since it started.
    pub fn totals(&self) -> Totals {
        self.counters.totals()
    }

    /// Whether its thread runs; a failed assertion would end it.
    pub fn is_alive(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Takes a place for a job.
    ///
    /// # Errors
    /// [`Busy`] if there is none.
    pub fn place(&self) -> Result<Place, Busy> {
        let most = self.most;
        let more = |open| (open < most).then_some(open + 1);
        match self
            .open
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, more)
        {
            Ok(_) => Ok(Place(Arc::new(Taken(self.open.clone())))),
            Err(_) => {
                self.counters.refused();
                Err(Busy)
            }
        }
    }

    /// Reads `ids` after `state`.
    pub async fn read(
        &self,
        place: Place,
        state: TextState,
        ids: Vec<TokenId>,
        want: Want,
    ) -> Result<(TextState, Found), Failure> {
        let (reply, answer) = oneshot::channel();
        self.send(Job::Read(Box::new(Reading {
            state,
            ids,
            done: 0,
            want,
            found: Found::default(),
            reply,
            place,
        })));
        Ok(answer.await.map_err(|_| Failure::Gone)??)
    }

    /// Begins to write a text.
    pub fn write(&self, place: Place, writing: Writing) -> Events {
        let (sender, events) = mpsc::channel(write::EVENTS);
        self.send(Job::Write(Box::new(writing), sender, place));
        Events(events)
    }

    /// Computes something short.
    pub async fn compute<T: Send + 'static>(
        &self,
        place: Place,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Failure> {
        let (reply, answer) = oneshot::channel();
        self.send(Job::Compute(Box::new(move || {
            let done = work();
            // Free before the client knows, so it may send its next request at once.
            drop(place);
            let _ = reply.send(done);
        })));
        Ok(answer.await.map_err(|_| Failure::Gone)??)
    }

    fn send(&self, job: Job) {
        // Fails only if the thread has ended; the job's receiver notices.
        let _ = self.jobs.send(job);
    }
}
