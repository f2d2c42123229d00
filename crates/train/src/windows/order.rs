//! How a text is laid out, without its tokens: the shapes and numbers of its windows.
//!
//! Memory and steps of a run follow from this alone, so that they are known before any text is encoded, and for other choices
//! than those of the run.

use super::window_length::WindowLength;
use crate::config::Config;
use crate::error::Result;
use elman_text::{Layout, Sentences, Stream};

/// The properties of a text on which its windows depend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Number of tokens of a stream, at least one.
    Tokens(usize),
    /// Positions in sentences at which lines begin, and at which the last one ends.
    Lines(Vec<usize>),
}

/// Order of the windows of a text, by its layout.
pub(crate) enum Order {
    Stream {
        stream: Stream,
        length: WindowLength,
    },
    Sentences {
        sentences: Sentences,
        /// `None`: the same order in every epoch.
        seed: Option<u64>,
    },
}

impl Extent {
    /// The extent of the text `ids` in `layout`, where `ends_line` says which tokens end lines.
    pub fn of(layout: Layout, ids: &[u32], ends_line: impl Fn(u32) -> bool) -> Extent {
        match layout {
            Layout::Stream => Extent::Tokens(ids.len()),
            Layout::Sentences => Extent::Lines(Sentences::starts(ids, ends_line)),
        }
    }

    /// Tokens of the text.
    pub fn tokens(&self) -> usize {
        match self {
            Extent::Tokens(tokens) => *tokens,
            Extent::Lines(starts) => starts.last().copied().unwrap_or(0),
        }
    }

    fn sentences(self, config: &Config) -> Result<Sentences> {
        let Extent::Lines(starts) = self else {
            panic!("sentences are laid out by their lines");
        };
        Ok(Sentences::of_lines(
            starts,
            config.batch_size,
            config.batch_positions(),
        )?)
    }
}

impl Order {
    /// The order of the text on which a run of `config` trains.
    ///
    /// Errors: more lines than can be counted.
    pub fn training(extent: Extent, config: &Config) -> Result<Order> {
        Ok(match config.layout {
            Layout::Stream => {
                let stream = Stream::new(extent.tokens(), config.batch_size);
                let length = WindowLength::new(config, stream.steps());
                Order::Stream { stream, length }
            }
            Layout::Sentences => Order::Sentences {
                sentences: extent.sentences(config)?,
                seed: Some(config.seed),
            },
        })
    }

    /// The order of a text that the run scores, every token once; a stream's windows are no longer than in training.
    pub fn validation(&self, extent: Extent, config: &Config) -> Result<Order> {
        Ok(match self {
            Order::Stream { stream, length } => {
                let valid = Stream::new(extent.tokens(), config.batch_size);
                // Sequences that begin at lines may have more steps; their windows may not, for they are planned from the tokens alone.
                let steps = length.longest(stream.steps()).min(valid.steps());
                Order::Stream {
                    stream: valid,
                    length: WindowLength::fixed(steps),
                }
            }
            Order::Sentences { .. } => Order::Sentences {
                sentences: extent.sentences(config)?,
                seed: None,
            },
        })
    }

    /// The extent of the text.
    pub fn extent(&self) -> Extent {
        match self {
            Order::Stream { stream, .. } => Extent::Tokens(stream.tokens()),
            Order::Sentences { sentences, .. } => Extent::Lines(sentences.line_starts().to_vec()),
        }
    }

    /// N, the number of tokens of the text.
    pub fn tokens(&self) -> usize {
        match self {
            Order::Stream { stream, .. } => stream.tokens(),
            Order::Sentences { sentences, .. } => {
                sentences.line_starts().last().copied().unwrap_or(0)
            }
        }
    }

    /// The length of an epoch, as positions count it.
    pub fn length(&self) -> usize {
        match self {
            Order::Stream { stream, .. } => stream.steps(),
            Order::Sentences { .. } => self.tokens(),
        }
    }

    /// Whether all epochs have the same number of windows.
    pub fn epochs_are_alike(&self) -> bool {
        !matches!(
            self,
            Order::Stream {
                length: WindowLength::Random { .. },
                ..
            }
        )
    }

    /// Number of windows of epoch `epoch`.
    pub fn in_epoch(&self, epoch: u64) -> u64 {
        match self {
            Order::Stream { stream, length } => length.windows(stream.steps(), epoch),
            Order::Sentences { sentences, .. } => sentences.batches() as u64,
        }
    }

    /// The shapes (T, B) that windows may have, without those that are smaller in both.
    pub fn shapes(&self) -> Vec<(usize, usize)> {
        match self {
            Order::Stream { stream, length } => {
                vec![(length.longest(stream.steps()), stream.batch_size())]
            }
            Order::Sentences { sentences, .. } => sentences.shapes().to_vec(),
        }
    }

    /// The bytes of what is known about the text beside its tokens.
    pub fn index_bytes(&self) -> u64 {
        match self {
            Order::Stream { .. } => 0,
            Order::Sentences { sentences, .. } => sentences.index_bytes(),
        }
    }

    /// Number of parts of the text, whose indices are in [`elman_text::Window::parts`].
    pub fn parts(&self) -> usize {
        match self {
            Order::Stream { stream, .. } => stream.batch_size(),
            Order::Sentences { sentences, .. } => sentences.lines(),
        }
    }
}

/// Largest number of steps of a window of `config`, for a stream whose slices have `length` steps.
pub fn longest_window(config: &Config, length: usize) -> usize {
    WindowLength::new(config, length).longest(length)
}
