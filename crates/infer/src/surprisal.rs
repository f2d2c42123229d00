//! Surprisal of each word of a text, entropy before it and reduction of entropy, under a model of any family and any kind of vocabulary.
//!
//! ```text
//! surprisal(w) = −ln p(w | c)        entropy(c) = −Σ_v p(v | c) ln p(v | c), over the next token v
//! ```
//! Words are those of the text: what is between white space, or regions between tabs. A model of other tokens gives a word the probability of the tokens
//! that spell it, t_1 … t_n, and of the fact that it ends there. With S the tokens that begin a word or end the line,
//!
//! ```text
//! p(w | c) = p(t_1 … t_n | c) · p(S | c, t_1 … t_n) / p(S | c)          at the beginning of a line p(S | c) = 1
//! ```
//! (Pimentel and Meister 2024, "How to compute the probability of a word"; Oh and Schuler 2024, "Leading whitespaces of language models' subword vocabulary pose a
//! confound"): a space is the first part of the token after it, and would be paid for by that word although it says that this one has ended. [`Spelling::Naive`] is
//! p(t_1 … t_n | c) alone. Either way the surprisals of the words and of the end of a line sum to the loss of the line: the terms of S cancel. White space
//! belongs to the word after it, or else to the end of the line.
//!
//! Reduction of entropy is max(0, entropy before the word before − entropy before this word) within a line, and 0 for its first word (neural-complexity).
//!
//! What it does not do: add up other spellings of the same word in tokens.

pub(crate) mod boundaries;
mod scorer;
mod streams;
mod words;

use super::Model;
use super::perplexity::ROWS;
use crate::error::Error;
use boundaries::Boundaries;
use elman_text::{
    self as text, Layout, LineEncoder, LineEnd, Located, OutOfRange, ReadOptions, Source,
    TextError, TextStats,
};
use scorer::Scorer;
use std::ops::Range;
use std::result;
use streams::Line;

pub use scorer::Adapt;
pub use words::Words;

/// Tokens that are collected before they are read: enough lines to find many of about equal length.
const BUFFER_TOKENS: usize = 1 << 16;
/// Bytes of text that are collected, however few tokens they are.
const BUFFER_BYTES: usize = 8 << 20;

/// Rule by which the probability of a word follows from its tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spelling {
    /// Exactly: with the probability that the word ends where it does.
    #[default]
    Exact,
    /// As the product of the probabilities of its tokens.
    Naive,
}

/// Options of [`surprisals`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SurprisalOptions {
    /// Whether each line is read by itself or after all lines before it.
    pub layout: Layout,
    /// Number of lines that are read side by side in layout `sentences`; it changes no bit.
    pub batch_size: usize,
    /// Kind of words that surprisals are computed for.
    pub words: Words,
    /// Rule by which the probability of a word follows from its tokens.
    pub spelling: Spelling,
}

impl Default for SurprisalOptions {
    fn default() -> SurprisalOptions {
        SurprisalOptions {
            layout: Layout::Sentences,
            batch_size: 32,
            words: Words::Fields,
            spelling: Spelling::Exact,
        }
    }
}

/// A word of a line with its surprisal, in nats.
#[derive(Clone, Debug, PartialEq)]
pub struct WordSurprisal {
    /// Bytes of the line that are the word; empty for the end of the line.
    pub bytes: Range<usize>,
    /// Surprisal −ln p of the word; infinite if the model excludes it.
    pub surprisal_nats: f64,
    /// Entropy of the distribution of the next token before the word.
    pub entropy_nats: f64,
    /// How much lower the entropy is than before the previous word of the line; 0 if it is not.
    pub reduction_nats: f64,
    /// Whether the vocabulary lacks a token of the word.
    pub unknown: bool,
    /// Number of its tokens; 0 where one token is two words, which belongs to the second.
    pub tokens: usize,
}

/// A line of a text with the surprisals of its words.
#[derive(Clone, Copy, Debug)]
pub struct LineSurprisals<'a> {
    /// Number of the line in the text, from 1.
    pub number: u64,
    /// Bytes of the line without its newline: UTF-8, except in kind `bytes`.
    pub text: &'a [u8],
    /// Words of the line.
    pub words: &'a [WordSurprisal],
    /// End of the line.
    pub end: &'a WordSurprisal,
}

/// Whether the probabilities of words under `model` need and get the correction of [`Spelling::Exact`].
///
/// Where every token is a word there is nothing to correct, and neither is where the tokens of another program do not say where words begin.
pub fn corrects_words(model: &Model) -> bool {
    matches!(Boundaries::of(model.vocab()), Ok(Boundaries::Tokens(_)))
}

/// Scores every line of `sources` and hands the surprisals of its words to `sink`, in the order of the text; returns what was counted.
///
/// # Errors
/// [`Error::Text`] if the text cannot be read or a line does not fit into memory; [`Error::Range`] for a batch size out of range;
/// [`ModelError::Overflow`](crate::ModelError::Overflow) if hidden states overflow; and the errors of `sink`.
pub fn surprisals<E: From<TextError> + From<Error>>(
    model: &Model,
    sources: Vec<Source>,
    read: &ReadOptions,
    options: &SurprisalOptions,
    sink: &mut dyn FnMut(LineSurprisals<'_>) -> result::Result<(), E>,
) -> result::Result<TextStats, E> {
    OutOfRange::check("batch-size", options.batch_size, 1..=ROWS).map_err(Error::from)?;
    let encoder = LineEncoder::new(model.vocab(), read);
    let scorer = Scorer::of_model(model, options)?;
    score_text(scorer, encoder, sources, read, options, sink)
}

/// Computes surprisals as [`surprisals`] does, line by line, under a network that learns from each line after it was scored.
///
/// The batch size of the options has no effect.
///
/// # Errors
/// As for [`surprisals`].
pub fn adaptive_surprisals<E: From<TextError> + From<Error>>(
    learner: &mut dyn Adapt,
    sources: Vec<Source>,
    read: &ReadOptions,
    options: &SurprisalOptions,
    sink: &mut dyn FnMut(LineSurprisals<'_>) -> result::Result<(), E>,
) -> result::Result<TextStats, E> {
    let vocab = learner.vocab().clone();
    let encoder = LineEncoder::new(&vocab, read);
    let scorer = Scorer::of_learner(learner, options)?;
    score_text(scorer, encoder, sources, read, options, sink)
}

fn score_text<E: From<TextError> + From<Error>>(
    mut scorer: Scorer<'_>,
    mut encoder: LineEncoder<'_>,
    sources: Vec<Source>,
    read: &ReadOptions,
    options: &SurprisalOptions,
    sink: &mut dyn FnMut(LineSurprisals<'_>) -> result::Result<(), E>,
) -> result::Result<TextStats, E> {
    let kind = scorer.vocab().kind();
    let mut buffer: Vec<Buffered> = Vec::new();
    let (mut waiting, mut bytes, mut tokens, mut oov) = (0, 0, 0, 0);
    let skip_markers = read.skip_markers;
    let mut stats = text::read_lines(sources, kind, read, &mut |line| {
        let end = match options.layout {
            Layout::Sentences => LineEnd::Sentence,
            Layout::Stream => LineEnd::Text {
                newline: line.newline,
                ends_document: line.ends_document,
            },
        };
        let mut located = Vec::new();
        let read = options.words.as_read(line.bytes);
        encoder.encode(&read, end, &mut located)?;
        waiting += located.len();
        bytes += line.bytes.len();
        tokens += located.len() as u64;
        oov += located.iter().filter(|token| token.symbol.oov).count() as u64;
        buffer.push(Buffered::new(
            line.number,
            line.bytes,
            located,
            options.words.ranges(kind, line.bytes, skip_markers),
        ));
        // Empty lines take memory as well.
        if waiting.max(buffer.len()) >= BUFFER_TOKENS || bytes >= BUFFER_BYTES {
            score_buffer(&mut scorer, &mut buffer, options.spelling, sink)?;
            (waiting, bytes) = (0, 0);
        }
        Ok::<(), E>(())
    })?;
    score_buffer(&mut scorer, &mut buffer, options.spelling, sink)?;
    (stats.tokens, stats.oov) = (tokens, oov);
    stats.note_markers(encoder.markers(), read);
    Ok(stats)
}

/// Scores the lines of `buffer`, gives them to `sink` in their order, and empties it.
fn score_buffer<E: From<Error>>(
    scorer: &mut Scorer<'_>,
    buffer: &mut Vec<Buffered>,
    spelling: Spelling,
    sink: &mut dyn FnMut(LineSurprisals<'_>) -> result::Result<(), E>,
) -> result::Result<(), E> {
    let lines: Vec<&Line> = buffer.iter().map(|buffered| &buffered.line).collect();
    let scores = scorer.score(&lines)?;
    for (buffered, scores) in buffer.drain(..).zip(scores) {
        let words = words::surprisals(
            &buffered.words,
            &buffered.owners,
            &buffered.tokens,
            &scores,
            spelling,
            buffered.text.len(),
        );
        let Some((end, words)) = words.split_last() else {
            continue;
        };
        sink(LineSurprisals {
            number: buffered.number,
            text: &buffered.text,
            words,
            end,
        })?;
    }
    Ok(())
}

/// A line that has not been scored yet.
struct Buffered {
    number: u64,
    text: Vec<u8>,
    words: Vec<Range<usize>>,
    tokens: Vec<Located>,
    owners: Vec<usize>,
    line: Line,
}

impl Buffered {
    fn new(number: u64, text: &[u8], tokens: Vec<Located>, words: Vec<Range<usize>>) -> Buffered {
        let owners = words::owners(text, &words, &tokens);
        let begins = |i: usize| i == 0 || owners[i] != owners[i - 1];
        Buffered {
            number,
            text: text.to_vec(),
            line: Line {
                ids: tokens.iter().map(|token| token.symbol.id).collect(),
                begins: (0..tokens.len()).map(begins).collect(),
            },
            words,
            tokens,
            owners,
        }
    }
}

#[cfg(test)]
mod tests;
