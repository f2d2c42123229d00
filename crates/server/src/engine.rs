//! The engine of a model: one thread, on which all requests to the model are computed.
//!
//! ```text
//! each turn:  new jobs → a window of each text that is read → a token of each text that is written, all in one product
//! ```
//! Texts that are written advance together and join and leave between steps; their tokens are those of a text that is alone, to the bit. A long prompt is read in windows,
//! so it does not stall the others. A client that has hung up is noticed at the next step of its text. The queue is bounded: what does not fit is refused.

use crate::state::TextState;
use elman_infer::{Distribution, Error, Finish, Model, Session, Writer, advance};
use elman_text::TokenId;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// Tokens of a prompt that are read in one turn.
const WINDOW: usize = 256;
/// The same for prompts whose alternatives are wanted at each token, which takes a distribution for each.
const SLOW_WINDOW: usize = 16;

/// Handle of an engine; the thread ends when all handles are gone.
#[derive(Clone)]
pub(crate) struct Engine {
    jobs: Sender<Job>,
    /// Jobs that have been accepted and have not ended.
    open: Arc<AtomicUsize>,
    most: usize,
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
    Failed(Error),
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
    pub events: mpsc::UnboundedSender<Event>,
}

/// Changes of logits: fixed ones, and those for tokens that were written before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bias {
    pub fixed: Vec<(TokenId, f32)>,
    pub presence: f32,
    pub frequency: f32,
}

struct Reading {
    state: TextState,
    ids: Vec<TokenId>,
    done: usize,
    want: Want,
    found: Found,
    reply: oneshot::Sender<Result<(TextState, Found), Error>>,
}

enum Job {
    Read(Box<Reading>, Place),
    Write(Box<Writing>, Place),
    Compute(Box<dyn FnOnce() + Send>, Place),
}

impl Engine {
    /// Starts the engine of `model`, which accepts at most `most` jobs at once.
    pub fn start(model: &Model, most: usize) -> std::io::Result<(Engine, JoinHandle<()>)> {
        let (jobs, new) = channel();
        let vocab = model.vocab().len();
        let thread = std::thread::Builder::new().name("engine".into());
        let thread = thread.spawn(move || run(&new, vocab))?;
        let open = Arc::new(AtomicUsize::new(0));
        Ok((Engine { jobs, open, most }, thread))
    }

    /// Number of jobs that have not ended.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
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
            Err(_) => Err(Busy),
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
        let reading = Reading {
            state,
            ids,
            done: 0,
            want,
            found: Found::default(),
            reply,
        };
        self.send(Job::Read(Box::new(reading), place));
        Ok(answer.await.map_err(|_| Failure::Gone)??)
    }

    /// Begins to write a text; it ends when the receiver of its events is dropped.
    pub fn write(&self, place: Place, writing: Writing) {
        self.send(Job::Write(Box::new(writing), place));
    }

    /// Computes something short.
    pub async fn compute<T: Send + 'static>(
        &self,
        place: Place,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Failure> {
        let (reply, answer) = oneshot::channel();
        let work = Box::new(move || drop(reply.send(work())));
        self.send(Job::Compute(work, place));
        Ok(answer.await.map_err(|_| Failure::Gone)??)
    }

    fn send(&self, job: Job) {
        // Fails only if the thread has ended; the job's receiver notices.
        let _ = self.jobs.send(job);
    }
}

/// Reason why a job has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Model(#[from] Error),
    /// The engine has ended.
    #[error("the server is shutting down")]
    Gone,
}

/// A text that is written, with what may come next in it.
struct Live {
    writing: Box<Writing>,
    next: Distribution,
    /// Tokens that were written, with how often each was.
    counts: HashMap<TokenId, u32>,
    place: Place,
}

/// Largest number of prompt tokens that are read in one turn while texts are written.
const TURN: usize = 512;

/// The loop of the engine's thread; it ends when there are no jobs and no handles any more.
fn run(new: &Receiver<Job>, vocab: usize) {
    let mut reads: VecDeque<(Box<Reading>, Place)> = VecDeque::new();
    let mut lives: Vec<Live> = Vec::new();
    let mut logits = vec![0.0; vocab];
    loop {
        let idle = reads.is_empty() && lives.is_empty();
        let mut job = match idle {
            true => match new.recv() {
                Ok(job) => Some(job),
                Err(_) => return,
            },
            false => new.try_recv().ok(),
        };
        while let Some(found) = job {
            match found {
                Job::Read(reading, place) => reads.push_back((reading, place)),
                Job::Write(writing, place) => lives.extend(begin(writing, place)),
                Job::Compute(work, place) => {
                    work();
                    drop(place);
                }
            }
            job = new.try_recv().ok();
        }
        let mut left = TURN;
        for _ in 0..reads.len() {
            let Some((reading, place)) = reads.pop_front() else {
                break;
            };
            left = left.saturating_sub(reading.window());
            if let Some(reading) = read_on(reading) {
                reads.push_back((reading, place));
            }
            if left == 0 {
                break;
            }
        }
        step(&mut lives, &mut logits);
    }
}

impl Reading {
    /// Number of tokens that are read in one turn.
    fn window(&self) -> usize {
        match self.want {
            Want::Tops(_) => SLOW_WINDOW,
            _ => WINDOW,
        }
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

/// Reads a window; returns the job if there is more to read.
fn read_on(mut reading: Box<Reading>) -> Option<Box<Reading>> {
    if reading.reply.is_closed() {
        return None;
    }
    let read = reading.read();
    if read.is_ok() && reading.done < reading.ids.len() {
        return Some(reading);
    }
    let Reading {
        state,
        found,
        reply,
        ..
    } = *reading;
    // Nobody waits for the answer any more if this fails.
    let _ = reply.send(read.map(|()| (state, found)));
    None
}

/// Begins to write a text, which may have ended already.
fn begin(mut writing: Box<Writing>, place: Place) -> Option<Live> {
    if let Some(finish) = writing.writer.finish() {
        end(writing, finish, place);
        return None;
    }
    match writing.state.session.next() {
        Ok(next) => Some(Live {
            writing,
            next,
            counts: HashMap::new(),
            place,
        }),
        Err(error) => {
            let _ = writing.events.send(Event::Failed(error));
            None
        }
    }
}

/// Sends the last event of a text. Its place is free before the receiver knows, so a client may send its next request at once.
fn end(mut writing: Box<Writing>, finish: Finish, place: Place) {
    let text = writing.writer.fresh().to_vec();
    drop(place);
    let state = Box::new(writing.state);
    let _ = writing.events.send(Event::End {
        text,
        finish,
        state,
    });
}

/// The most probable tokens with ln p.
fn top(next: &Distribution, most: usize) -> Vec<(TokenId, f64)> {
    match most {
        0 => Vec::new(),
        _ => next
            .top_ids(most)
            .into_iter()
            .map(|id| (id, next.log_prob(id)))
            .collect(),
    }
}

/// Writes a token in each text: chooses it, passes it on, and advances all texts in one product.
fn step(lives: &mut Vec<Live>, logits: &mut [f32]) {
    let mut going: Vec<(Live, TokenId)> = Vec::with_capacity(lives.len());
    for mut live in lives.drain(..) {
        // A client that has hung up.
        if live.writing.events.is_closed() {
            continue;
        }
        live.next.logits(logits);
        live.writing.bias.change(logits, &live.counts);
        match live.writing.writer.write(logits) {
            Ok(id) => {
                *live.counts.entry(id).or_insert(0) += 1;
                live.writing.state.passed(&[id]);
                // Passed on before the product, so that nobody waits for it, unless the state after it is wanted.
                if !live.writing.states {
                    live.send(id, None);
                }
                going.push((live, id));
            }
            Err(error) => live.fail(error),
        }
    }
    if going.is_empty() {
        return;
    }
    let ids: Vec<TokenId> = going.iter().map(|(_, id)| *id).collect();
    let nexts = {
        let sessions = going.iter_mut();
        let mut sessions: Vec<&mut Session> = sessions
            .map(|(live, _)| &mut live.writing.state.session)
            .collect();
        match advance(&mut sessions, &ids) {
            Ok(nexts) => nexts.into_iter().map(Ok).collect(),
            // One of them has no distribution; the others have.
            Err(_) => sessions
                .into_iter()
                .map(|session| session.next())
                .collect::<Vec<_>>(),
        }
    };
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
            live.send(id, Some(state));
        }
        live.next = next;
        match live.writing.writer.finish() {
            Some(finish) => end(live.writing, finish, live.place),
            None => lives.push(live),
        }
    }
}

impl Live {
    /// Passes a token on. The distribution is that before the token.
    fn send(&mut self, id: TokenId, state: Option<Box<TextState>>) {
        let event = Event::Token {
            id,
            text: self.writing.writer.fresh().to_vec(),
            logprob: self.next.log_prob(id),
            tops: top(&self.next, self.writing.tops),
            state,
        };
        // Noticed at the next step if the client has hung up.
        let _ = self.writing.events.send(event);
    }

    fn fail(self, error: Error) {
        let _ = self.writing.events.send(Event::Failed(error));
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
