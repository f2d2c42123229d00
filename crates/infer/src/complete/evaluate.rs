//! How well suggestions predict the words of a text, and how many keys they save.
//!
//! ```text
//! top-n     share of the words of a text that are among the n most probable words after all before them
//! KSR       (1 − keys with suggestions / keys without) · 100 %
//! ```
//! Keystroke savings are those of Trnka and McCoy (2008, "Evaluating word prediction: framing keystroke savings"): without suggestions a word costs a key for each of its characters, and one for the space or line end behind it. With
//! them the writer, who never errs, sees N suggestions before the first letter and after each; as soon as the word is among them one key takes it, and writes the space behind it too. A word that never is costs all its
//! keys. Words are the fields of the text between white space, with their punctuation; those that the vocabulary lacks count like all others.

use super::Completer;
use crate::Model;
use crate::error::{Error, Result};
use crate::surprisal::Words;
use elman_text::{
    self as text, Layout, LineEncoder, LineEnd, OutOfRange, ReadOptions, Source, TextError, TokenId,
};
use serde::Serialize;

/// Options of [`evaluate_completions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompletionOptions {
    /// N, the number of suggestions that the writer sees.
    pub suggestions: usize,
    /// Largest number of steps of the model for the suggestions at one place, before they are taken as found so far.
    pub steps: usize,
    /// Whether each line is written by itself or after all lines before it.
    pub layout: Layout,
    /// Largest number of words; `None`: all of the text.
    pub words: Option<u64>,
}

impl Default for CompletionOptions {
    fn default() -> CompletionOptions {
        CompletionOptions {
            suggestions: 3,
            steps: 1000,
            layout: Layout::Sentences,
            words: None,
        }
    }
}

/// Figures of suggestions on a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Completions {
    /// Number of words.
    pub words: u64,
    /// Number of words that were the most probable one before their first letter.
    pub top1: u64,
    /// Number of words that were among the three most probable ones before their first letter.
    pub top3: u64,
    /// Number of keys without suggestions.
    pub keys_without: u64,
    /// Number of keys with suggestions.
    pub keys_with: u64,
    /// Number of searches that were stopped, so that a more probable word may have been missed.
    pub stopped: u64,
    /// Number of searches.
    pub searches: u64,
}

impl Completions {
    /// Keystroke savings in percent; 0 of nothing.
    pub fn savings(&self) -> f64 {
        match self.keys_without {
            0 => 0.0,
            without => 100.0 * (1.0 - self.keys_with as f64 / without as f64),
        }
    }
}

/// Writes the text of `sources` with suggestions of `completer`; `progress` is called after every word.
///
/// # Errors
/// [`Error::Text`] if the text cannot be read; [`Error::Range`] for a number out of range; [`crate::ModelError::Overflow`] if hidden states overflow.
pub fn evaluate_completions(
    completer: &Completer,
    sources: Vec<Source>,
    read: &ReadOptions,
    options: &CompletionOptions,
    progress: &mut dyn FnMut(&Completions),
) -> Result<Completions> {
    OutOfRange::check("suggestions", options.suggestions, 1..=1000)?;
    OutOfRange::check("steps", options.steps, 1..=1_000_000)?;
    // Where a line begins anew is decided here.
    let model = completer.model.clone().with_layout(Layout::Stream);
    let mut encoder = LineEncoder::new(model.vocab(), read);
    let mut writer = Writer {
        session: model.session(),
        completer,
        options,
        figures: Completions::default(),
    };
    let done = text::read_lines(sources, model.vocab().kind(), read, &mut |line| {
        let mut tokens = Vec::new();
        let end = LineEnd::Text {
            newline: line.newline,
            ends_document: false,
        };
        encoder
            .encode(line.bytes, end, &mut tokens)
            .map_err(Error::from)?;
        if options.layout == Layout::Sentences {
            writer.session = model.session();
        }
        match writer.line(&model, line.bytes, &tokens, progress)? {
            true => Ok(()),
            false => Err(Stop::Enough),
        }
    });
    match done {
        Ok(_) | Err(Stop::Enough) => Ok(writer.figures),
        Err(Stop::Error(error)) => Err(error),
    }
}

/// Why reading a text stopped.
enum Stop {
    Enough,
    Error(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Error(error)
    }
}

impl From<TextError> for Stop {
    fn from(error: TextError) -> Stop {
        Stop::Error(error.into())
    }
}

struct Writer<'c> {
    /// The stream up to the word that is written.
    session: crate::Session,
    completer: &'c Completer,
    options: &'c CompletionOptions,
    figures: Completions,
}

impl Writer<'_> {
    /// Writes a line; returns false if there are enough words.
    fn line(
        &mut self,
        model: &Model,
        line: &[u8],
        tokens: &[text::Located],
        progress: &mut dyn FnMut(&Completions),
    ) -> Result<bool> {
        let ids: Vec<TokenId> = tokens.iter().map(|token| token.symbol.id).collect();
        let mut fed = 0;
        for word in Words::Fields.ranges(model.vocab().kind(), line, false) {
            if Some(self.figures.words) == self.options.words {
                return Ok(false);
            }
            let of_word = |token: &text::Located| token.bytes.end > word.start;
            let first = tokens.iter().position(of_word).unwrap_or(tokens.len());
            let first = first.max(fed);
            self.session.feed_tokens(&ids[fed..first])?;
            fed = first;
            let begin = tokens
                .get(first)
                .map_or(word.start, |token| token.bytes.start);
            let separator = &line[begin.min(word.start)..word.start];
            self.word(&line[word.clone()], separator)?;
            progress(&self.figures);
        }
        self.session.feed_tokens(&ids[fed..])?;
        Ok(true)
    }

    /// Writes a word that is behind `separator`.
    fn word(&mut self, word: &[u8], separator: &[u8]) -> Result<()> {
        let mut place = self.completer.place(self.session.fork(), separator);
        let text = String::from_utf8_lossy(word);
        let letters = text.chars().count() as u64;
        let shown = self.options.suggestions;
        let mut keys = letters + 1;
        let starts = text.char_indices().map(|(at, _)| at);
        for (typed, at) in (0..).zip(starts) {
            let most = if typed == 0 { shown.max(3) } else { shown };
            let found = place.suggest(&text.as_bytes()[..at], most, self.options.steps)?;
            self.figures.searches += 1;
            self.figures.stopped += u64::from(found.bound.is_some());
            let rank = found.words.iter().position(|found| found.word == *text);
            if typed == 0 {
                self.figures.top1 += u64::from(rank == Some(0));
                self.figures.top3 += u64::from(rank.is_some_and(|rank| rank < 3));
            }
            if rank.is_some_and(|rank| rank < shown) {
                keys = typed + 1;
                break;
            }
        }
        self.figures.words += 1;
        self.figures.keys_without += letters + 1;
        self.figures.keys_with += keys;
        Ok(())
    }
}
