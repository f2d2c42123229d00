//! Evaluation: the perplexity of a model on a text, with the counts it is computed from.
//!
//! ```text
//! L = Σ −ln p(w_t | w_0 … w_{t−1})      loss = L / N      perplexity = exp(loss)
//! per word: exp(L / words)              bits per character: L / (ln 2 · characters)
//! ppl1:     exp(L′ / (N′ − line ends))  L′, N′: of the known tokens (as SRILM's `ngram -ppl` has it)
//! ```
//! Exact (the default): zero state, first input `<eos>`, all N tokens predicted, `<eos>` included, one stream, the state
//! carried to the end. The text streams through, so it may be larger than memory. With sequences (layout `stream` of
//! `text::batch`) several places are read at once, each from the zero state: faster, and marked as approximate.
//! In layout `sentences` every line is read from the zero state, its first input `<eos>`; several at once are exact too.
//!
//! Words are the white-space fields of the raw text plus its line ends, whatever the vocabulary, so figures per word can be
//! compared between vocabulary kinds. An unknown token is predicted as `<unk>`; the perplexity without OOVs leaves it out of sum
//! and count, while the state still reads `<unk>`. A text with OOVs has no bits per character: `<unk>` does not say which
//! character stood there, so it is no code length. Nor has one that decoding does not restore (`text::Lost`): its characters are counted.
//!
//! Exact evaluation takes a model of any family; sequences are for networks, whose state at any place can be zero.
//!
//! Losses are summed in f64 in the order of the text: the bits do not depend on window, threads or instruction set.

mod parallel;

use parallel::in_parallel;
pub(super) use parallel::{Lines, Text, in_memory, refuse_overflow};

use super::{Model, Session, WINDOW};
use crate::error::{EvalError, Result};
use elman_text::{
    self as text, Kind, Layout, Lost, OutOfRange, ReadOptions, Source, TextStats, TokenId, Vocab,
};
use serde::Serialize;
use std::f64::consts::LN_2;
use std::time::Instant;

/// The number of tokens that are scored in one call, except by a network that scores a stream.
const PIECE: usize = 8192;
/// The largest batch size and window length; a larger one is not faster. A larger batch has shorter windows instead of more rows.
pub(super) const ROWS: usize = 4096;
/// Counts of a text: tokens, words, characters, and what decoding loses.
pub(crate) type Found = (TextStats, Lost);

/// Options of an evaluation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EvalOptions {
    /// Layout of the text; `None` takes the layout of the model's training texts.
    pub layout: Option<Layout>,
    /// Batch size: score this many places of the text in parallel, in memory of 5 bytes per token (at most 2 GiB).
    ///
    /// The figures of a stream are then approximate; those of sentences are exact. `None` scores the text from beginning to end.
    /// Networks only.
    pub batch_size: Option<usize>,
    /// Window length in steps; `None` chooses one. It changes no bit of the result.
    pub window: Option<usize>,
}

/// Progress of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Number of tokens that have been scored.
    pub tokens: u64,
    /// Number of tokens to score, if it is known beforehand.
    pub total_tokens: Option<u64>,
    /// Total loss of the scored tokens, Σ −ln p, in nats.
    pub total_nats: f64,
}

/// Result of an evaluation. Figures that overflow f64 are infinite (`null` in JSON).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// Layout in which the text was scored: as one stream, or every line by itself.
    pub layout: Layout,
    /// Whether the figures are approximate, because a stream was cut into parallel slices.
    pub approximate: bool,
    /// Batch size: the number of places of the text that were scored in parallel.
    pub batch_size: usize,
    /// N, the number of all tokens, `<eos>` included.
    pub tokens: u64,
    /// Number of tokens that the vocabulary lacks.
    pub oov: u64,
    /// Total loss L = Σ −ln p over all tokens, in nats.
    pub total_nats: f64,
    /// Mean loss per token, in nats.
    pub loss_nats: f64,
    /// Perplexity per token, exp(loss).
    pub perplexity: f64,
    /// Perplexity over known tokens only; `None` if there is none.
    pub perplexity_without_oov: Option<f64>,
    /// SRILM's `ppl1`: exp of the loss of all known tokens, line ends included, per known token that ends no line; `None` if there
    /// is none.
    pub ppl1: Option<f64>,
    /// Number of white-space fields of the raw text.
    pub fields: u64,
    /// Number of line ends of the raw text.
    pub line_ends: u64,
    /// Perplexity per word, where words are the fields and the line ends of the raw text.
    pub perplexity_per_word: f64,
    /// Number of characters of the raw text.
    pub chars: u64,
    /// Number of bytes of the raw text, after decompression.
    pub bytes: u64,
    /// Number of characters that decoding does not restore, and for which no token was predicted; `text::Lost` says how they are
    /// counted.
    pub lost_chars: u64,
    /// Code length in bits per character; `None` if the model is no code for the text.
    pub bits_per_char: Option<f64>,
    /// Code length in bits per byte; `None` if the model is no code for the text.
    pub bits_per_byte: Option<f64>,
    /// Reason why there are no bits per character and byte.
    pub no_bits_because: Option<String>,
    /// Kind of the vocabulary: how it cuts a text into tokens.
    pub vocab_kind: Kind,
    /// V, the size of the vocabulary.
    pub vocab_size: usize,
    /// Hash of the vocabulary, [`Vocab::hash`].
    pub vocab_hash: String,
    /// BLAKE3 hash (hex) of the decompressed text.
    pub text_hash: String,
    /// Identity of the model, [`Model::id`].
    pub model_id: String,
    /// Notes for the reader: parts of the text that were dropped or treated specially.
    pub notes: Vec<String>,
    /// Wall-clock time of the evaluation in seconds, reading the text included.
    pub seconds: f64,
    /// Tokens per second of that time.
    pub tokens_per_second: f64,
}

/// Evaluates `model` on the text of `sources`: loss, perplexity and bits per character, with the counts behind them.
///
/// `progress` is called after every part of the text.
///
/// # Errors
/// [`Error::Text`](crate::Error::Text) if the text cannot be read; [`EvalError`] if the options do not fit the
/// text; [`ModelError::NotANetwork`](crate::ModelError::NotANetwork) for a batch with a model of another family;
/// [`ModelError::Overflow`](crate::ModelError::Overflow) if hidden states overflow.
pub fn evaluate(
    model: &Model,
    sources: Vec<Source>,
    read: &ReadOptions,
    options: &EvalOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Evaluation> {
    options.check()?;
    let layout = options.layout.unwrap_or(model.layout());
    let model = model.clone().with_layout(layout);
    let Some(batch_size) = options.batch_size else {
        return exactly(&model, options.window, sources, read, progress);
    };
    let network = model.network_for("evaluation with a batch size")?;
    if read.separator.is_some() && layout == Layout::Stream {
        return Err(EvalError::DocumentsInSlices.into());
    }
    let started = Instant::now();
    let how = (layout, batch_size);
    let cpu = model.cpu();
    let (sums, found, batch_size) =
        in_parallel(network, cpu, sources, read, options, how, progress)?;
    let seconds = started.elapsed().as_secs_f64();
    Ok(Evaluation {
        layout,
        approximate: layout == Layout::Stream,
        batch_size,
        ..Evaluation::new(model.vocab(), model.id(), &sums, found, seconds)
    })
}

impl EvalOptions {
    /// Checks the options.
    ///
    /// # Errors
    /// [`Error::Range`](crate::Error::Range) for a batch size or window length out of range.
    pub fn check(&self) -> Result<()> {
        for (name, value) in [("batch size", self.batch_size), ("window", self.window)] {
            if let Some(value) = value {
                OutOfRange::check(name, value, 1..=ROWS)?;
            }
        }
        Ok(())
    }
}

/// Running sums of the losses of a text, in the order of its tokens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sums {
    /// Total loss so far, Σ −ln p, in nats.
    pub nats: f64,
    tokens: u64,
    known_nats: f64,
    known_tokens: u64,
    /// Number of known tokens that end lines.
    line_ends: u64,
}

impl Sums {
    /// Adds the loss of a token in nats; `oov` says that the vocabulary lacks it, `ends_line` that it is a line end.
    pub fn add(&mut self, nats: f64, oov: bool, ends_line: bool) {
        self.nats += nats;
        self.tokens += 1;
        self.line_ends += u64::from(ends_line && !oov);
        if !oov {
            self.known_nats += nats;
            self.known_tokens += 1;
        }
    }

    fn ppl1(&self) -> Option<f64> {
        let tokens = self.known_tokens - self.line_ends;
        (tokens > 0).then(|| (self.known_nats / tokens as f64).exp())
    }

    fn progress(&self, total_tokens: Option<u64>) -> Progress {
        Progress {
            tokens: self.tokens,
            total_tokens,
            total_nats: self.nats,
        }
    }
}

/// Scores one stream part by part; a network takes at most `window` steps in one call.
fn exactly(
    model: &Model,
    window: Option<usize>,
    sources: Vec<Source>,
    read: &ReadOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Evaluation> {
    let started = Instant::now();
    let (vocab, window) = (model.vocab(), window.unwrap_or(WINDOW));
    let piece = match (model.as_network(), model.layout()) {
        (Some(_), Layout::Stream) => window,
        _ => PIECE,
    };
    let mut session = model.session_in_windows(window);
    let mut sums = Sums::default();
    let (mut ids, mut oov) = (Vec::with_capacity(piece), Vec::with_capacity(piece));
    let mut nats = vec![0.0; piece];
    let document_end = document_end(vocab, model.layout(), read)?;
    let mut score = |ids: &mut Vec<TokenId>, oov: &mut Vec<bool>| -> Result<Sums> {
        let nats = &mut nats[..ids.len()];
        score(&mut session, ids, document_end, nats)?;
        for ((nats, oov), id) in nats.iter().zip(&*oov).zip(&*ids) {
            sums.add(*nats, *oov, vocab.ends_line(*id));
        }
        ids.clear();
        oov.clear();
        Ok(sums)
    };
    let found = text::encode_placed(sources, vocab, read, &mut |token| -> Result<()> {
        ids.push(token.symbol.id);
        oov.push(token.symbol.oov);
        if ids.len() == piece {
            progress(score(&mut ids, &mut oov)?.progress(None));
        }
        Ok(())
    })?;
    let sums = score(&mut ids, &mut oov)?;
    progress(sums.progress(Some(found.0.tokens)));
    let seconds = started.elapsed().as_secs_f64();
    Ok(Evaluation {
        layout: model.layout(),
        ..Evaluation::new(vocab, model.id(), &sums, found, seconds)
    })
}

/// The losses of the next tokens of a text that may begin again after the token `end`.
fn score(
    session: &mut Session,
    ids: &[TokenId],
    end: Option<TokenId>,
    nats: &mut [f64],
) -> Result<()> {
    match end {
        Some(end) => session.nats_apart(ids, end, nats),
        None => session.nats(ids, nats),
    }
}

/// The token after which a text begins again, if documents are separated by more than their lines.
///
/// Errors: a vocabulary that has no such token.
pub(super) fn document_end(
    vocab: &Vocab,
    layout: Layout,
    read: &ReadOptions,
) -> Result<Option<u32>> {
    match (&read.separator, layout) {
        (Some(_), Layout::Stream) => Ok(Some(vocab.document_end()?)),
        _ => Ok(None),
    }
}

impl Evaluation {
    /// Computes the figures of a text that was scored as one stream from its sums and counts.
    pub fn new(
        vocab: &Vocab,
        model_id: &str,
        sums: &Sums,
        (stats, lost): Found,
        seconds: f64,
    ) -> Evaluation {
        let loss_nats = sums.nats / sums.tokens as f64;
        let bits = sums.nats / LN_2;
        let unknown = (stats.oov > 0).then(|| {
            format!(
                "{} of {} tokens are outside the vocabulary, and <unk> does not say what stood there",
                stats.oov, stats.tokens
            )
        });
        let reasons: Vec<String> = unknown
            .into_iter()
            .chain(lost_note(lost.chars, stats.chars, vocab))
            .collect();
        let code = reasons.is_empty();
        let no_bits_because =
            (!code).then(|| format!("{}: it does not encode the text", reasons.join("; ")));
        let bits_per = |n: u64| code.then_some(bits / n as f64);
        Evaluation {
            layout: Layout::Stream,
            approximate: false,
            batch_size: 1,
            tokens: sums.tokens,
            oov: stats.oov,
            total_nats: sums.nats,
            loss_nats,
            perplexity: loss_nats.exp(),
            perplexity_without_oov: (sums.known_tokens > 0)
                .then(|| (sums.known_nats / sums.known_tokens as f64).exp()),
            ppl1: sums.ppl1(),
            perplexity_per_word: (sums.nats / (stats.fields + stats.line_ends) as f64).exp(),
            bits_per_char: bits_per(stats.chars),
            bits_per_byte: bits_per(stats.bytes),
            no_bits_because,
            fields: stats.fields,
            line_ends: stats.line_ends,
            chars: stats.chars,
            bytes: stats.bytes,
            lost_chars: lost.chars,
            vocab_kind: vocab.kind(),
            vocab_size: vocab.len(),
            vocab_hash: vocab.hash().to_owned(),
            text_hash: stats.hash,
            model_id: model_id.to_owned(),
            notes: stats.notes,
            seconds,
            tokens_per_second: sums.tokens as f64 / seconds.max(1e-9),
        }
    }
}

/// A note on how many of the characters of a text decoding does not restore, and why; `None` if `lost` is 0.
pub fn lost_note(lost: u64, chars: u64, vocab: &Vocab) -> Option<String> {
    (lost > 0).then(|| {
        format!(
            "decoding does not restore {lost} of {chars} characters, because {}",
            vocab.loses().unwrap_or("the tokenizer changes this text")
        )
    })
}

#[cfg(test)]
mod tests;
