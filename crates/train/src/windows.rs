//! The windows of a text, by its layout.
//!
//! | layout | an epoch's length | a window takes it on by | state |
//! |---|---|---|---|
//! | `stream` | the time steps of a sequence | the steps that it predicts | carried to the next window; zero where a sequence restarts |
//! | `sentences` | all tokens | its tokens | every line begins with zero |
//!
//! A run asks for one window after the other at a `Cursor`, and gets how far it advances the epoch. The window at a cursor
//! follows from the configuration and the text alone, so a run that is resumed in the middle of an epoch continues with the windows
//! that it would have had.

mod order;
mod window_length;

pub use order::longest_window;
pub(crate) use order::{Extent, Order};

use super::config::Config;
use crate::error::{Error, Result};
use elman_text::{
    AnswerMask, Corpus, Layout, Restarts, Stream, TextError, Unknowns, Vocab, Window,
};

/// The windows of one text, epoch after epoch.
pub(crate) struct Windows {
    corpus: Corpus,
    /// The input before the first token.
    eos: u32,
    order: Order,
    /// The lines at which sequences of a stream restart.
    restarts: Restarts,
    /// The words that are read as `<unk>`.
    unknowns: Unknowns,
}

/// Consumption of a text by one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Consumed {
    /// Advance of the position in the epoch.
    pub by: usize,
    /// Tokens that are read for the first time: those that are predicted, and where that is an answer what comes before it.
    pub tokens: usize,
}

/// Place of the next window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Number of complete epochs.
    pub epoch: u64,
    /// Number of windows done in the present epoch.
    pub window: u64,
    /// Position in the present epoch, of [`Windows::length`].
    pub position: usize,
}

impl Windows {
    /// The windows on which a run of `config` trains.
    pub fn training(corpus: Corpus, vocab: &Vocab, config: &Config) -> Result<Windows> {
        let mut order = Order::training(extent(&corpus, vocab, config), config)?;
        order.predict_answers(&corpus, "the training text", vocab, config)?;
        let unknowns = Unknowns::new(config.unknown_rate, config.seed, corpus.ids(), vocab);
        Ok(Windows {
            corpus,
            eos: vocab.eos(),
            order,
            restarts: restarts(config.restart, vocab, config)?,
            unknowns,
        })
    }

    /// The windows in which the run scores another text, every token once; those of a stream are no longer than in training.
    pub fn validation(&self, corpus: Corpus, vocab: &Vocab, config: &Config) -> Result<Windows> {
        let mut order = self
            .order
            .validation(extent(&corpus, vocab, config), config)?;
        if config.restart > 0.0 {
            order.begin_at_lines(&corpus, vocab);
        }
        order.predict_answers(&corpus, "the validation text", vocab, config)?;
        Ok(Windows {
            corpus,
            eos: vocab.eos(),
            order,
            restarts: restarts(0.0, vocab, config)?,
            unknowns: Unknowns::default(),
        })
    }

    /// How the text is laid out.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// N, the number of tokens of the text.
    pub fn tokens(&self) -> usize {
        self.order.tokens()
    }

    /// The length of an epoch, as positions count it.
    pub fn length(&self) -> usize {
        self.order.length()
    }

    /// Whether a window begins at the cursor `at`. In a stream one may begin at any position.
    pub fn has(&mut self, at: Cursor) -> bool {
        match &mut self.order {
            Order::Stream { stream, .. } => at.position < stream.steps(),
            Order::Sentences { sentences, seed } => {
                if let Some(seed) = *seed {
                    sentences.shuffle(seed, at.epoch);
                }
                let window = usize::try_from(at.window).ok();
                window.and_then(|window| sentences.tokens_before(window)) == Some(at.position)
            }
        }
    }

    /// Number of parts of the text, whose indices are in [`Window::parts`].
    pub fn parts(&self) -> usize {
        self.order.parts()
    }

    /// Whether a window continues from the state of the one before; otherwise every row begins with zero.
    pub fn carries(&self) -> bool {
        matches!(self.order, Order::Stream { .. })
    }

    /// The factor of the learning rate for `window`.
    pub fn rate_factor(&self, window: &Window) -> f64 {
        match &self.order {
            Order::Stream { length, .. } => length.rate_factor(window.steps),
            Order::Sentences { .. } => 1.0,
        }
    }

    /// Fills `window` with the window at the cursor `at`.
    pub fn read(&mut self, at: Cursor, window: &mut Window) -> Consumed {
        let consumed = self.read_on(at, window);
        if let Order::Stream { stream, length } = &self.order {
            let first = length.range(at, stream.steps()).first;
            let text = (stream, self.corpus.ids());
            self.restarts.apply(text, self.eos, at.epoch, first, window);
        }
        self.unknowns.apply(at.epoch, window);
        consumed
    }

    /// Number of words that may be read as `<unk>`.
    pub fn unknown_words(&self) -> usize {
        self.unknowns.words()
    }

    /// Fills `window` as [`Windows::read`] does, but without restarts of a stream's rows and with every word as it is.
    pub fn read_on(&mut self, at: Cursor, window: &mut Window) -> Consumed {
        let ids = self.corpus.ids();
        match &mut self.order {
            Order::Stream { stream, length } => {
                let range = length.range(at, stream.steps());
                stream.window(ids, self.eos, range.first, range.steps, window);
                window.mask(range.seen);
                window.carry = range.carry;
                Consumed {
                    by: range.steps - range.seen,
                    tokens: window.real,
                }
            }
            Order::Sentences { sentences, seed } => {
                if let Some(seed) = *seed {
                    sentences.shuffle(seed, at.epoch);
                }
                let tokens = sentences.window(ids, self.eos, at.window as usize, window);
                Consumed { by: tokens, tokens }
            }
        }
    }
}

/// Restarts of a stream's rows: at the documents of the text, and at lines with probability `rate`.
///
/// Errors: documents that no token ends.
fn restarts(rate: f64, vocab: &Vocab, config: &Config) -> Result<Restarts> {
    if config.layout == Layout::Sentences {
        return Ok(Restarts::default());
    }
    let document_end = match config.document_separator {
        Some(_) => Some(vocab.document_end()?),
        None => None,
    };
    Ok(Restarts::new(rate, config.seed, vocab).with_documents(document_end))
}

fn extent(corpus: &Corpus, vocab: &Vocab, config: &Config) -> Extent {
    Extent::of(config.layout, corpus.ids(), |id| vocab.ends_line(id))
}

impl Order {
    /// Cuts a stream at line beginnings, which a model trained with restarts knows.
    fn begin_at_lines(&mut self, corpus: &Corpus, vocab: &Vocab) {
        if let Order::Stream { stream, .. } = self {
            let ends_line = |id| vocab.ends_line(id);
            *stream = Stream::at_lines(corpus.ids(), stream.batch_size(), ends_line);
        }
    }

    /// Marks the answers in the text `corpus`, called `name`, if only answers are predicted.
    ///
    /// Errors: a token that is not in the vocabulary, and a text without answers.
    fn predict_answers(
        &mut self,
        corpus: &Corpus,
        name: &str,
        vocab: &Vocab,
        config: &Config,
    ) -> Result<()> {
        let (Order::Sentences { sentences, .. }, Some(token)) = (self, &config.loss_after) else {
            return Ok(());
        };
        let ids = corpus.ids();
        sentences.answer_after(AnswerMask::find(token, vocab)?);
        let mut lines = 0..sentences.lines() as u32;
        match lines.any(|line| !sentences.predicted(ids, line).is_empty()) {
            true => Ok(()),
            false => Err(Error::Text(TextError::NoAnswer {
                text: name.to_owned(),
                token: token.clone(),
            })),
        }
    }
}
