//! The loop of an engine's thread.
//!
//! ```text
//! each turn:  new jobs → a window of each text that is read → a token of each text that is written, all in one product
//! ```

use super::Job;
use super::counters::Counters;
use super::read::Reading;
use super::write::{self, Live};
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Largest number of prompt tokens that are read in one turn while texts are written.
const TURN: usize = 512;
/// How long the thread sleeps if all texts wait for their clients.
const NAP: Duration = Duration::from_millis(2);

/// The texts that an engine works on.
pub(super) struct Turns<'a> {
    reads: VecDeque<Box<Reading>>,
    lives: Vec<Live>,
    counters: &'a Counters,
}

impl<'a> Turns<'a> {
    pub fn new(counters: &'a Counters) -> Turns<'a> {
        Turns {
            reads: VecDeque::new(),
            lives: Vec::new(),
            counters,
        }
    }

    /// Works until there are no jobs and no handles any more.
    pub fn run(&mut self, new: &Receiver<Job>) {
        while self.take(new) {
            let began = Instant::now();
            if !self.is_idle() {
                self.turn();
                self.counters.turn(began.elapsed());
            }
        }
    }

    /// Whether a turn would do nothing.
    fn is_idle(&self) -> bool {
        self.reads.is_empty() && !self.lives.iter().any(Live::is_ready)
    }

    /// Takes the jobs that have come, and waits for one if there is nothing to do; false if none can come any more.
    pub fn take(&mut self, new: &Receiver<Job>) -> bool {
        if self.is_idle() {
            let job = match self.lives.is_empty() {
                true => new.recv().map_err(|_| RecvTimeoutError::Disconnected),
                false => new.recv_timeout(NAP),
            };
            match job {
                Ok(job) => self.accept(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
        while let Ok(job) = new.try_recv() {
            self.accept(job);
        }
        true
    }

    fn accept(&mut self, job: Job) {
        match job {
            Job::Read(reading) => self.reads.push_back(reading),
            Job::Write(writing, events, place) => {
                self.lives.extend(Live::begin(writing, events, place));
            }
            Job::Compute(work) => work(),
        }
    }

    /// Reads a window of each prompt, as far as the turn has time for them, and writes a token of each text.
    pub fn turn(&mut self) {
        let mut left = TURN;
        for _ in 0..self.reads.len() {
            let Some(reading) = self.reads.pop_front() else {
                break;
            };
            let window = reading.window();
            self.counters
                .read(window.min(reading.ids.len() - reading.done));
            self.reads.extend(reading.turn());
            left = left.saturating_sub(window);
            if left == 0 {
                break;
            }
        }
        write::turn(&mut self.lives, self.counters);
    }
}
