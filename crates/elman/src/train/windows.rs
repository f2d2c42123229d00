//! Where a run's windows come from: a text, and how it is laid out.
//!
//! | layout | an epoch's length | a window takes it on by | state |
//! |---|---|---|---|
//! | `stream` | the time steps of a lane | the steps that it predicts | carried to the next window |
//! | `sentences` | all tokens | its tokens | every line begins with zero |
//!
//! A run asks for one window after the other at a [`Cursor`], and is told how far the epoch gets by it. Which window stands at a
//! cursor follows from the configuration and the text alone, so a run that is resumed in the middle of an epoch goes on with
//! the very windows that it would have had.

mod pace;

use super::config::Config;
use crate::error::{Error, Result};
use crate::text::{Corpus, Layout, Mark, Sentences, Stream, TextError, Vocab, Window};
use pace::Pace;

/// The windows of one text, epoch after epoch.
pub struct Windows {
    corpus: Corpus,
    /// The input before the first token.
    eos: u32,
    order: Order,
}

/// How the text is laid out.
enum Order {
    Stream {
        stream: Stream,
        pace: Pace,
    },
    Sentences {
        sentences: Sentences,
        /// `None`: the same order in every epoch.
        seed: Option<u64>,
    },
}

/// What a window takes of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// By how much the epoch's position grows.
    pub by: usize,
    /// Tokens that are read for the first time: those that are predicted, and where that is an answer what comes before it.
    pub tokens: usize,
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
    /// Those on which a run of `config` trains.
    pub fn training(corpus: Corpus, vocab: &Vocab, config: &Config) -> Result<Windows> {
        let order = match config.layout {
            Layout::Stream => {
                let stream = Stream::new(corpus.ids().len(), config.lanes);
                let pace = Pace::new(config, stream.steps());
                Order::Stream { stream, pace }
            }
            Layout::Sentences => Order::Sentences {
                sentences: sentences(&corpus, "the training text", vocab, config)?,
                seed: Some(config.seed),
            },
        };
        Ok(Windows {
            corpus,
            eos: vocab.eos(),
            order,
        })
    }

    /// Those in which the same run scores another text: every token once. A stream's are no longer than those of training.
    pub fn validation(&self, corpus: Corpus, vocab: &Vocab, config: &Config) -> Result<Windows> {
        let order = match &self.order {
            Order::Stream { stream, pace } => Order::Stream {
                stream: Stream::new(corpus.ids().len(), config.lanes),
                pace: Pace::side_by_side(pace.longest(stream.steps())),
            },
            Order::Sentences { .. } => Order::Sentences {
                sentences: sentences(&corpus, "the validation text", vocab, config)?,
                seed: None,
            },
        };
        Ok(Windows {
            corpus,
            eos: vocab.eos(),
            order,
        })
    }

    /// N
    pub fn tokens(&self) -> usize {
        self.corpus.ids().len()
    }

    /// The length of an epoch, as positions count it.
    pub fn length(&self) -> usize {
        match &self.order {
            Order::Stream { stream, .. } => stream.steps(),
            Order::Sentences { .. } => self.tokens(),
        }
    }

    /// Whether all epochs have as many windows.
    pub fn epochs_are_alike(&self) -> bool {
        !matches!(
            self.order,
            Order::Stream {
                pace: Pace::Random { .. },
                ..
            }
        )
    }

    /// Windows of epoch `epoch`.
    pub fn in_epoch(&self, epoch: u64) -> u64 {
        match &self.order {
            Order::Stream { stream, pace } => pace.windows(stream.steps(), epoch),
            Order::Sentences { sentences, .. } => sentences.batches() as u64,
        }
    }

    /// The shapes (T, B) that windows may have, without those that are smaller in both.
    pub fn shapes(&self) -> Vec<(usize, usize)> {
        match &self.order {
            Order::Stream { stream, pace } => vec![(pace.longest(stream.steps()), stream.lanes())],
            Order::Sentences { sentences, .. } => sentences.shapes().to_vec(),
        }
    }

    /// The bytes of what is known about the text beside its tokens, and of the losses of its parts.
    pub fn index_bytes(&self) -> u64 {
        match &self.order {
            Order::Stream { .. } => 0,
            Order::Sentences { sentences, .. } => sentences.index_bytes(),
        }
    }

    /// The parts of the text that are read side by side: [`Window::parts`] are below it.
    pub fn parts(&self) -> usize {
        match &self.order {
            Order::Stream { stream, .. } => stream.lanes(),
            Order::Sentences { sentences, .. } => sentences.lines(),
        }
    }

    /// Whether a window goes on from the state of the one before; otherwise every lane begins with zero.
    pub fn carries(&self) -> bool {
        matches!(self.order, Order::Stream { .. })
    }

    /// The factor of the learning rate for `window`.
    pub fn rate_factor(&self, window: &Window) -> f64 {
        match &self.order {
            Order::Stream { pace, .. } => pace.rate_factor(window.steps),
            Order::Sentences { .. } => 1.0,
        }
    }

    /// Fills `window` with what stands at the cursor `at`.
    pub fn read(&mut self, at: Cursor, window: &mut Window) -> Taken {
        let ids = self.corpus.ids();
        match &mut self.order {
            Order::Stream { stream, pace } => {
                let span = pace.span(at, stream.steps());
                stream.window(ids, self.eos, span.first, span.steps, window);
                window.mask(span.seen);
                window.carry = span.carry;
                Taken {
                    by: span.steps - span.seen,
                    tokens: window.real,
                }
            }
            Order::Sentences { sentences, seed } => {
                if let Some(seed) = *seed {
                    sentences.shuffle(seed, at.epoch);
                }
                let tokens = sentences.window(ids, self.eos, at.window as usize, window);
                Taken { by: tokens, tokens }
            }
        }
    }
}

/// The most steps of a window of `config` in lanes of `length` steps of a stream.
pub fn longest_window(config: &Config, length: usize) -> usize {
    Pace::new(config, length).longest(length)
}

/// The lines of a text, which is called `name`.
///
/// Errors: where only answers are predicted, a mark that is no token, and a text without answers.
fn sentences(corpus: &Corpus, name: &str, vocab: &Vocab, config: &Config) -> Result<Sentences> {
    let ids = corpus.ids();
    let ends_line = |id| vocab.ends_line(id);
    let sentences = Sentences::new(ids, ends_line, config.lanes, config.batch_positions())?;
    let Some(token) = &config.loss_after else {
        return Ok(sentences);
    };
    let sentences = sentences.answers_after(Mark::find(token, vocab)?);
    let mut lines = 0..sentences.lines() as u32;
    match lines.any(|line| !sentences.predicted(ids, line).is_empty()) {
        true => Ok(sentences),
        false => Err(Error::Text(TextError::NoAnswer {
            text: name.to_owned(),
            token: token.clone(),
        })),
    }
}
