//! Scores of the lines of a text of any length: the loss of every token, line by line, in the order of the text.
//!
//! ```text
//! sentences   log p(line) = Σ ln p(w_t | w_0 … w_{t−1} of the line)      each line from the zero state and <eos> (<s>)
//! stream      log p(line) = Σ ln p(w_t | everything before it)           the sums are those of `evaluate`, to the bit
//! ```
//! In layout `sentences` the end of a line is predicted as well: `<eos>` in kinds where it ends lines, else the newline, and `<eos>` in a vocabulary
//! without newlines. Lines are collected until they have [`BUFFER_TOKENS`] tokens or [`BUFFER_BYTES`] bytes, and those of about equal length are scored side by side.
//! Neither the buffer nor the batch changes a bit of the results. Memory does not grow with the text.
//!
//! [`sums`] adds the scores up to perplexities in the ways of KenLM and SRILM, [`ngram_lengths`] says which n-grams were found.

pub(super) mod ngram_lengths;
pub(super) mod sums;

use super::perplexity::{ROWS, document_end};
use super::scoring::{Filled, ModelScorer, PartSum, Scored, Token, WindowSource, score_windows};
use super::{Model, Session, WINDOW};
use crate::error::{Error, ModelError, Result};
use crate::mixture::mix;
use crate::model::Family;
use elman_text::{
    self as text, Layout, LineEncoder, LineEnd, Located, OutOfRange, ReadOptions, Sentences,
    Source, TextError, TextStats, TokenId, Window,
};
use std::ops::Range;
use std::result;

/// Tokens that are collected before they are scored: enough lines to find many of about equal length.
const BUFFER_TOKENS: usize = 1 << 18;
/// Bytes of lines that are collected before they are scored.
const BUFFER_BYTES: usize = 8 << 20;

/// Options of [`score_lines`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineOptions {
    /// Whether each line is scored by itself or after all lines before it.
    pub layout: Layout,
    /// Largest number of lines that a network scores side by side in layout `sentences`; it changes no bit.
    pub batch_size: usize,
    /// Whether the end of each line is scored too, in layout `sentences`.
    pub ends: bool,
    /// Number of lines at the beginning that are read and not scored, in layout `sentences`.
    pub skip: u64,
}

impl Default for LineOptions {
    fn default() -> LineOptions {
        LineOptions {
            layout: Layout::Sentences,
            batch_size: 32,
            ends: true,
            skip: 0,
        }
    }
}

/// A line of a text with the loss of each of its tokens.
#[derive(Clone, Copy, Debug)]
pub struct ScoredLine<'a> {
    /// Number of the line in the text that was read, from 1.
    pub number: u64,
    /// Bytes of the line without its newline: UTF-8, except in kind `bytes`.
    pub text: &'a [u8],
    /// Number of words of the line: its fields between Unicode white space, without markers that are skipped.
    pub fields: u64,
    /// Tokens of the line, those of its end last.
    pub tokens: &'a [Located],
    /// Loss −ln p of each token; infinite if the model excludes it.
    pub nats: &'a [f64],
}

/// Scores every line of `sources` and hands it to `sink`, in the order of the text; returns what was counted.
///
/// # Errors
/// [`Error::Text`] if the text cannot be read or a line does not fit into memory; [`Error::Range`] for a batch size out of range;
/// [`ModelError::Overflow`] if hidden states overflow; and the errors of `sink`.
pub fn score_lines<E: From<TextError> + From<Error>>(
    model: &Model,
    sources: Vec<Source>,
    read: &ReadOptions,
    options: &LineOptions,
    sink: &mut dyn FnMut(ScoredLine<'_>) -> result::Result<(), E>,
) -> result::Result<TextStats, E> {
    let mut lines = LineScorer::new(model, read, options)?;
    let mut stats = text::read_lines(sources, model.vocab().kind(), read, &mut |line| {
        let end = match options.layout {
            Layout::Sentences => lines.sentence_end,
            Layout::Stream => LineEnd::Text {
                newline: line.newline,
                ends_document: line.ends_document,
            },
        };
        if options.layout == Layout::Sentences && line.number <= options.skip {
            return Ok(());
        }
        lines.add(line.number, line.bytes, end, sink)
    })?;
    lines.buffer.score(&mut lines.scorer, sink)?;
    (stats.tokens, stats.oov) = (lines.tokens, lines.oov);
    stats.note_markers(lines.encoder.markers(), read);
    Ok(stats)
}

/// Scores each of `sentences` by itself and hands it to `sink`, in their order; `layout` and `skip` of the options are not used.
///
/// A sentence has no newline: one that has is scored with the newline as a part of it.
///
/// # Errors
/// [`Error::Text`] if a tokenizer fails; [`Error::Range`] for a batch size out of range; [`ModelError::Overflow`] if hidden states overflow; and the
/// errors of `sink`.
pub fn score_sentences<'t, E: From<TextError> + From<Error>>(
    model: &Model,
    sentences: impl IntoIterator<Item = &'t str>,
    options: &LineOptions,
    sink: &mut dyn FnMut(ScoredLine<'_>) -> result::Result<(), E>,
) -> result::Result<(), E> {
    let options = LineOptions {
        layout: Layout::Sentences,
        ..*options
    };
    let mut lines = LineScorer::new(model, &ReadOptions::default(), &options)?;
    for (number, sentence) in (1..).zip(sentences) {
        lines.add(number, sentence.as_bytes(), lines.sentence_end, sink)?;
    }
    lines.buffer.score(&mut lines.scorer, sink)
}

/// Scorer of lines that come one after the other.
struct LineScorer<'m> {
    scorer: Scorer<'m>,
    encoder: LineEncoder<'m>,
    buffer: Buffer,
    skip_markers: bool,
    /// End of a line that is scored by itself.
    sentence_end: LineEnd,
    /// Number of tokens so far, and of those that are unknown.
    tokens: u64,
    oov: u64,
}

impl<'m> LineScorer<'m> {
    fn new(model: &'m Model, read: &ReadOptions, options: &LineOptions) -> Result<LineScorer<'m>> {
        OutOfRange::check("batch-size", options.batch_size, 1..=ROWS)?;
        Ok(LineScorer {
            scorer: Scorer::new(model, read, options)?,
            encoder: LineEncoder::new(model.vocab(), read),
            buffer: Buffer::default(),
            skip_markers: read.skip_markers,
            sentence_end: match options.ends {
                true => LineEnd::Sentence,
                false => LineEnd::None,
            },
            tokens: 0,
            oov: 0,
        })
    }

    /// Adds a line; scores those that were collected and hands them on if there are enough.
    fn add<E: From<TextError> + From<Error>>(
        &mut self,
        number: u64,
        bytes: &[u8],
        end: LineEnd,
        sink: &mut dyn FnMut(ScoredLine<'_>) -> result::Result<(), E>,
    ) -> result::Result<(), E> {
        let first = self.buffer.tokens.len();
        let markers = self.encoder.markers();
        self.encoder.encode(bytes, end, &mut self.buffer.tokens)?;
        let skipped = match self.skip_markers {
            true => self.encoder.markers() - markers,
            false => 0,
        };
        let new = &self.buffer.tokens[first..];
        self.tokens += new.len() as u64;
        self.oov += new.iter().filter(|token| token.symbol.oov).count() as u64;
        let fields = text::count_fields(bytes) - skipped;
        self.buffer.close(number, bytes, fields, first);
        match self.buffer.is_full() {
            true => self.buffer.score(&mut self.scorer, sink),
            false => Ok(()),
        }
    }
}

/// Lines that have been read and are not scored yet.
#[derive(Default)]
struct Buffer {
    text: Vec<u8>,
    tokens: Vec<Located>,
    lines: Vec<BufferedLine>,
}

struct BufferedLine {
    number: u64,
    fields: u64,
    text: Range<usize>,
    tokens: Range<usize>,
}

impl Buffer {
    /// Adds a line whose tokens, from `first` on, are there.
    fn close(&mut self, number: u64, bytes: &[u8], fields: u64, first: usize) {
        let start = self.text.len();
        self.text.extend_from_slice(bytes);
        self.lines.push(BufferedLine {
            number,
            fields,
            text: start..self.text.len(),
            tokens: first..self.tokens.len(),
        });
    }

    /// Empty lines take memory as well.
    fn is_full(&self) -> bool {
        self.tokens.len().max(self.lines.len()) >= BUFFER_TOKENS || self.text.len() >= BUFFER_BYTES
    }

    /// Scores all lines, hands them on, and is empty.
    fn score<E: From<Error>>(
        &mut self,
        scorer: &mut Scorer<'_>,
        sink: &mut dyn FnMut(ScoredLine<'_>) -> result::Result<(), E>,
    ) -> result::Result<(), E> {
        let ids: Vec<TokenId> = self.tokens.iter().map(|token| token.symbol.id).collect();
        let filled = self.lines.iter().map(|line| &line.tokens);
        let filled = filled.filter(|tokens| !tokens.is_empty());
        let starts: Vec<usize> = filled.map(|tokens| tokens.start).collect();
        let nats = scorer.nats(&ids, starts)?;
        for line in &self.lines {
            sink(ScoredLine {
                number: line.number,
                fields: line.fields,
                text: &self.text[line.text.clone()],
                tokens: &self.tokens[line.tokens.clone()],
                nats: &nats[line.tokens.clone()],
            })?;
        }
        self.text.clear();
        self.tokens.clear();
        self.lines.clear();
        Ok(())
    }
}

/// Scorer of lines, for each family of models and each layout.
enum Scorer<'m> {
    /// Lines under a network, in batches.
    Batches {
        network: ModelScorer<'m>,
        eos: TokenId,
        batch_size: usize,
        /// Number of tokens so far.
        tokens: u64,
    },
    /// Lines under another model, one after the other.
    InTurn(Session),
    /// Lines under each model of a mixture.
    Mixed(Vec<Scorer<'m>>, &'m [f64]),
    /// A stream, in which a new text may begin after a token.
    Stream(Session, Option<TokenId>),
}

impl<'m> Scorer<'m> {
    fn new(model: &'m Model, read: &ReadOptions, options: &LineOptions) -> Result<Scorer<'m>> {
        let in_turn = || model.clone().with_layout(Layout::Stream).session();
        Ok(match (options.layout, model.family()) {
            (Layout::Stream, _) => {
                let end = document_end(model.vocab(), Layout::Stream, read)?;
                Scorer::Stream(in_turn(), end)
            }
            (_, Family::Network(network)) => Scorer::Batches {
                network: ModelScorer::new(network, model.cpu(), WINDOW, options.batch_size),
                eos: network.vocab().eos(),
                batch_size: options.batch_size,
                tokens: 0,
            },
            (_, Family::Mixture(mixture)) => {
                let members = mixture.members().iter();
                let scorers = members.map(|member| Scorer::new(member, read, options));
                Scorer::Mixed(scorers.collect::<Result<_>>()?, mixture.weights())
            }
            (_, Family::Ngram(_) | Family::Cache(_)) => Scorer::InTurn(in_turn()),
        })
    }

    /// Computes the loss of each of `ids`, in lines that begin at `starts` and have at least one token each.
    fn nats(&mut self, ids: &[TokenId], starts: Vec<usize>) -> Result<Vec<f64>> {
        let mut nats = vec![0.0; ids.len()];
        if ids.is_empty() {
            return Ok(nats);
        }
        match self {
            Scorer::Batches {
                network,
                eos,
                batch_size,
                tokens,
            } => {
                *tokens += ids.len() as u64;
                nats = in_batches(network, ids, starts, *eos, *batch_size)?;
                if nats.iter().any(|nats| !nats.is_finite()) {
                    return Err(ModelError::Overflow { tokens: *tokens }.into());
                }
            }
            Scorer::InTurn(session) => {
                let ends = starts[1..].iter().copied().chain([ids.len()]);
                for (&start, end) in starts.iter().zip(ends) {
                    session.reset();
                    session.nats(&ids[start..end], &mut nats[start..end])?;
                }
            }
            Scorer::Mixed(members, weights) => {
                let all = members
                    .iter_mut()
                    .map(|member| member.nats(ids, starts.clone()));
                let all = all.collect::<Result<Vec<_>>>()?;
                for (i, nats) in nats.iter_mut().enumerate() {
                    *nats = mix(all.iter().map(|member| member[i]), weights);
                }
            }
            Scorer::Stream(session, None) => session.nats(ids, &mut nats)?,
            Scorer::Stream(session, Some(end)) => session.nats_apart(ids, *end, &mut nats)?,
        }
        Ok(nats)
    }
}

/// The losses of lines under a network, those of about equal length side by side.
fn in_batches(
    network: &mut ModelScorer<'_>,
    ids: &[TokenId],
    mut starts: Vec<usize>,
    eos: TokenId,
    batch_size: usize,
) -> Result<Vec<f64>> {
    starts.push(ids.len());
    let mut lines = LineWindows {
        ids,
        eos,
        sentences: Sentences::of_lines(starts, batch_size, ROWS)?,
        next: 0,
    };
    let window = Window::default();
    let scored: Scored<LineNats> =
        score_windows(&mut lines, network, window, false, &mut |_| Ok(()))?;
    Ok(scored.parts.into_iter().flat_map(|line| line.0).collect())
}

/// The windows of the lines of a buffer.
struct LineWindows<'a> {
    ids: &'a [TokenId],
    eos: TokenId,
    sentences: Sentences,
    next: usize,
}

impl WindowSource for LineWindows<'_> {
    fn parts(&self) -> usize {
        self.sentences.lines()
    }

    fn next(&mut self, window: &mut Window) -> Option<Filled> {
        if self.next >= self.sentences.batches() {
            return None;
        }
        let tokens = self.sentences.window(self.ids, self.eos, self.next, window);
        self.next += 1;
        Some(Filled {
            from_zero: true,
            tokens,
        })
    }
}

/// The losses of the tokens of a line, in their order.
#[derive(Clone, Default)]
struct LineNats(Vec<f64>);

impl PartSum for LineNats {
    fn add(&mut self, nats: f64, _token: Token) {
        self.0.push(nats);
    }
}

#[cfg(test)]
mod tests;
