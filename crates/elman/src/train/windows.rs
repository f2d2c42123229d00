//! Where a run's windows come from: a text, and how it is laid out.
//!
//! | layout | an epoch's length | a window takes it on by | state |
//! |---|---|---|---|
//! | `stream` | the time steps of a lane | its steps | carried to the next window |
//!
//! A run asks for one window after the other at a [`Cursor`], and is told how far the epoch gets by it. Which window stands at a
//! cursor follows from the configuration and the text alone, so a run that is resumed in the middle of an epoch goes on with
//! the very windows that it would have had.

use super::config::{Bptt, Config};
use crate::text::{Corpus, Stream, Window};

/// The windows of one text, epoch after epoch.
pub struct Windows {
    corpus: Corpus,
    /// The input before the first token.
    eos: u32,
    stream: Stream,
    /// T: steps of a full window.
    steps: usize,
}

/// Where the next window is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Epochs done.
    pub epoch: u64,
    /// Windows of the present epoch done.
    pub window: u64,
    /// How much of the present epoch is done, of [`Windows::length`].
    pub position: usize,
}

impl Windows {
    /// Those on which a run trains.
    pub fn training(corpus: Corpus, eos: u32, config: &Config) -> Windows {
        let stream = Stream::new(corpus.ids().len(), config.lanes);
        let steps = match config.bptt {
            Bptt::Steps(n) => n.min(stream.steps()),
            Bptt::Full => stream.steps(),
        };
        Windows {
            corpus,
            eos,
            stream,
            steps,
        }
    }

    /// Those in which the same run scores another text: every token once, in windows for which `self` needs the room anyway.
    pub fn validation(&self, corpus: Corpus) -> Windows {
        Windows {
            stream: Stream::new(corpus.ids().len(), self.stream.lanes()),
            corpus,
            ..*self
        }
    }

    /// N
    pub fn tokens(&self) -> usize {
        self.corpus.ids().len()
    }

    /// The length of an epoch, as positions count it.
    pub fn length(&self) -> usize {
        self.stream.steps()
    }

    /// Windows of an epoch.
    pub fn per_epoch(&self) -> u64 {
        self.stream.windows(self.steps) as u64
    }

    /// The shapes (T, B) that windows may have, without those that are smaller in both.
    pub fn shapes(&self) -> Vec<(usize, usize)> {
        vec![(self.steps, self.stream.lanes())]
    }

    /// The parts of the text that are read side by side: [`Window::parts`] are below it.
    pub fn parts(&self) -> usize {
        self.stream.lanes()
    }

    /// Fills `window` with what stands at the cursor `at`; returns by how much the epoch's position grows.
    pub fn read(&self, at: Cursor, window: &mut Window) -> usize {
        self.stream
            .window(self.corpus.ids(), self.eos, at.position, self.steps, window);
        window.steps
    }
}
