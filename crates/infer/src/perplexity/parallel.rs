//! Evaluation in batches: several places of a text in parallel, or several lines.
//!
//! The text is in memory. Every part, a sequence of a stream or a line, is summed on its own (`scoring.rs`), and the sums are added in the
//! order of the text, so the bits do not depend on what is read beside what.

use super::{EvalOptions, Found, Progress, ROWS, Sums, WINDOW};
use crate::error::{EvalError, Result};
use crate::scoring::{Filled, ModelScorer, PartSum, Scored, Token, WindowSource, score_windows};
use crate::{ModelError, NetworkModel};
use elman_kernels::Cpu;
use elman_text::{
    self as text, Layout, ReadOptions, Sentences, Source, Stream, TokenId, Vocab, Window,
};

/// Memory for the tokens of a text that is scored in batches.
const TOKENS_LIMIT_BYTES: usize = 2 << 30;
/// A token's id and whether it is unknown.
const TOKEN_BYTES: usize = 5;

/// Scores a text in `batch_size` sequences; returns its sums, what was counted, and the sequences that there were.
///
/// Errors: those of [`in_memory`], and a model whose hidden states overflow.
pub(super) fn in_parallel(
    model: &NetworkModel,
    cpu: &Cpu,
    sources: Vec<Source>,
    read: &ReadOptions,
    options: &EvalOptions,
    (layout, batch_size): (Layout, usize),
    progress: &mut dyn FnMut(Progress),
) -> Result<(Sums, Found, usize)> {
    let vocab = model.vocab();
    let (ids, oov, found) = in_memory(vocab, sources, read)?;
    let text = Text {
        ids: &ids,
        oov: &oov,
        vocab,
    };
    let mut each = |scored: &Scored<Sums>| {
        refuse_overflow(scored)?;
        progress(Progress {
            tokens: scored.tokens,
            total_tokens: Some(found.0.tokens),
            total_nats: scored.nats,
        });
        Ok(())
    };
    let ends_line = |id| vocab.ends_line(id);
    let window = Window::default();
    let (scored, batch_size) = match layout {
        Layout::Stream => {
            let batch_size = batch_size.min(ids.len());
            let steps = options
                .window
                .unwrap_or(WINDOW)
                .min(ROWS.div_ceil(batch_size));
            let stream = match model.about().restarts {
                true => Stream::at_lines(&ids, batch_size, ends_line),
                false => Stream::new(ids.len(), batch_size),
            };
            let mut source = StreamWindows {
                text,
                stream,
                steps,
                first: 0,
                next: 0,
            };
            let mut scorer = ModelScorer::new(model, cpu, steps, batch_size);
            let scored = score_windows(&mut source, &mut scorer, window, false, &mut each)?;
            (scored, batch_size)
        }
        Layout::Sentences => {
            let sentences = Sentences::new(&ids, ends_line, batch_size, ROWS)?;
            let steps = options.window.unwrap_or(WINDOW);
            let mut source = Lines::new(text, sentences);
            let mut scorer = ModelScorer::new(model, cpu, steps, batch_size);
            let scored = score_windows(&mut source, &mut scorer, window, false, &mut each)?;
            let lines = source.sentences.lines();
            (scored, batch_size.min(lines))
        }
    };
    Ok((total(&scored.parts), found, batch_size))
}

/// A text in memory.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    pub ids: &'a [TokenId],
    /// Whether each is unknown.
    pub oov: &'a [bool],
    pub vocab: &'a Vocab,
}

impl Text<'_> {
    fn token(&self, place: usize, target: TokenId) -> Token {
        Token {
            unknown: self.oov[place],
            ends_line: self.vocab.ends_line(target),
        }
    }
}

/// The windows of a stream that is cut into parallel slices.
struct StreamWindows<'a> {
    text: Text<'a>,
    stream: Stream,
    steps: usize,
    /// The first steps of the last window and of the next one.
    first: usize,
    next: usize,
}

impl WindowSource for StreamWindows<'_> {
    fn parts(&self) -> usize {
        self.stream.batch_size()
    }

    fn next(&mut self, window: &mut Window) -> Option<Filled> {
        if self.next >= self.stream.steps() {
            return None;
        }
        self.first = self.next;
        self.next += self.steps;
        let (ids, eos) = (self.text.ids, self.text.vocab.eos());
        self.stream.window(ids, eos, self.first, self.steps, window);
        Some(Filled {
            from_zero: false,
            tokens: window.real,
        })
    }

    fn token(&self, part: usize, t: usize, target: TokenId) -> Token {
        let place = self.stream.sequence(part).start + self.first + t;
        self.text.token(place, target)
    }
}

/// The lines of a text, those of about the same length side by side.
pub(crate) struct Lines<'a> {
    text: Text<'a>,
    pub sentences: Sentences,
    next: usize,
}

impl<'a> Lines<'a> {
    pub fn new(text: Text<'a>, sentences: Sentences) -> Lines<'a> {
        Lines {
            text,
            sentences,
            next: 0,
        }
    }
}

impl WindowSource for Lines<'_> {
    fn parts(&self) -> usize {
        self.sentences.lines()
    }

    fn next(&mut self, window: &mut Window) -> Option<Filled> {
        if self.next >= self.sentences.batches() {
            return None;
        }
        let (ids, eos) = (self.text.ids, self.text.vocab.eos());
        let tokens = self.sentences.window(ids, eos, self.next, window);
        self.next += 1;
        Some(Filled {
            from_zero: true,
            tokens,
        })
    }

    fn token(&self, part: usize, t: usize, target: TokenId) -> Token {
        let place = self.sentences.line(part as u32).start + t;
        self.text.token(place, target)
    }
}

impl PartSum for Sums {
    fn add(&mut self, nats: f64, token: Token) {
        Sums::add(self, nats, token.unknown, token.ends_line);
    }
}

/// Losses that are not finite are no figures.
pub(crate) fn refuse_overflow<P>(scored: &Scored<P>) -> Result<()> {
    let tokens = scored.read;
    match scored.nats.is_finite() {
        true => Ok(()),
        false => Err(ModelError::Overflow { tokens }.into()),
    }
}

/// A whole text: its ids, whether each is unknown, and what was counted.
///
/// Errors: what reading the text can find, and more tokens than [`TOKENS_LIMIT_BYTES`] hold.
pub(crate) fn in_memory(
    vocab: &Vocab,
    sources: Vec<Source>,
    read: &ReadOptions,
) -> Result<(Vec<TokenId>, Vec<bool>, Found)> {
    let (mut ids, mut oov) = (Vec::new(), Vec::new());
    let found = text::encode_placed(sources, vocab, read, &mut |token| -> Result<()> {
        if ids.len() == TOKENS_LIMIT_BYTES / TOKEN_BYTES {
            let tokens = ids.len();
            return Err(EvalError::TooLong { tokens }.into());
        }
        ids.push(token.symbol.id);
        oov.push(token.symbol.oov);
        Ok(())
    })?;
    Ok((ids, oov, found))
}

/// The parts in their order, which is that of the text.
fn total(parts: &[Sums]) -> Sums {
    parts.iter().fold(Sums::default(), |all, part| Sums {
        nats: all.nats + part.nats,
        tokens: all.tokens + part.tokens,
        known_nats: all.known_nats + part.known_nats,
        known_tokens: all.known_tokens + part.known_tokens,
        line_ends: all.line_ends + part.line_ends,
    })
}
