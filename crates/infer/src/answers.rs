//! Evaluation of answers: how often, and with what probability, a network predicts what follows a given token in each line.
//!
//! ```text
//! accuracy = right / tokens     lines right / lines     loss = Σ −ln p(token | its line before it) / tokens
//! ```
//! over the tokens of the answers alone, as `train` with `--loss-after` learns them (`text::AnswerMask`, [`Accuracy`]). Every line begins
//! with `<eos>` and the zero state; several lines are scored in one batch, and the figures do not depend on how many. Each token of
//! an answer is predicted after the true tokens before it.
//!
//! What it does not do: n-gram models, for which nobody asks the most likely token.

use super::perplexity::{Lines, Progress, ROWS, Text, in_memory, refuse_overflow};
use super::scoring::{ModelScorer, Scored, score_windows};
use super::{Accuracy, Model, WINDOW};
use crate::error::Result;
use elman_text::{AnswerMask, ReadOptions, Sentences, Source, TextError, Window};
use serde::Serialize;
use std::time::Instant;

/// Lines of a batch by default.
const BATCH_SIZE: usize = 32;

/// Result of an evaluation of answers: accuracy and loss of the tokens after a given one in each line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answered {
    /// Token after whose last occurrence in a line the answer begins.
    pub after: String,
    /// Number of lines of the text, with an answer or without.
    pub lines_read: u64,
    /// Number of tokens of the text.
    pub tokens_read: u64,
    /// Number of tokens of the text that the vocabulary lacks.
    pub oov: u64,
    /// Counts of the predicted tokens and lines, and of those that were right.
    #[serde(flatten)]
    pub counts: Accuracy,
    /// Share of the predicted tokens that were the most likely ones, 0 to 1.
    pub accuracy: f64,
    /// Share of the lines with an answer whose whole answer was right, 0 to 1.
    pub line_accuracy: f64,
    /// Total loss of the answers, Σ −ln p over their tokens, in nats.
    pub total_nats: f64,
    /// Mean loss per token of the answers, in nats.
    pub loss_nats: f64,
    /// Perplexity per token of the answers, exp(loss).
    pub perplexity: f64,
    /// BLAKE3 hash (hex) of the decompressed text.
    pub text_hash: String,
    /// Identity of the model, [`Model::id`].
    pub model_id: String,
    /// Notes for the reader: parts of the text that were dropped or treated specially.
    pub notes: Vec<String>,
    /// Wall-clock time of the evaluation in seconds, reading the text included.
    pub seconds: f64,
    /// Tokens of the text per second of that time.
    pub tokens_per_second: f64,
}

/// Evaluates `model` on the answers after `token` in the lines of `sources`, in batches of `batch_size` lines (32 by default).
///
/// `progress` is called after every batch.
///
/// # Errors
/// [`ModelError::NotANetwork`](crate::ModelError::NotANetwork) for a model of another family;
/// [`ModelError::Overflow`](crate::ModelError::Overflow) if hidden states overflow; [`Error::Text`](crate::Error::Text) if the text
/// cannot be read, the vocabulary lacks the token, or no line has an answer.
pub fn evaluate_answers(
    model: &Model,
    sources: Vec<Source>,
    read: &ReadOptions,
    token: &str,
    batch_size: Option<usize>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Answered> {
    let started = Instant::now();
    let network = model.network_for("accuracy on answers")?;
    let (cpu, vocab) = (model.cpu(), model.vocab());
    let mask = AnswerMask::find(token, vocab)?;
    let (ids, oov, (stats, _)) = in_memory(vocab, sources, read)?;
    let batch_size = batch_size.unwrap_or(BATCH_SIZE);
    let sentences = Sentences::new(&ids, |id| vocab.ends_line(id), batch_size, ROWS)?;
    let text = Text {
        ids: &ids,
        oov: &oov,
        vocab,
    };
    let mut lines = Lines::new(text, sentences.answers_after(mask));
    let mut scorer = ModelScorer::new(network, cpu, WINDOW, batch_size);
    let mut each = |scored: &Scored<f64>| {
        refuse_overflow(scored)?;
        progress(Progress {
            tokens: scored.tokens,
            total_tokens: None,
            total_nats: scored.nats,
        });
        Ok(())
    };
    let window = Window::default();
    let scored = score_windows(&mut lines, &mut scorer, window, true, &mut each)?;
    let (counts, lines_read) = (scored.accuracy, scored.parts.len() as u64);
    let (Some(accuracy), Some(line_accuracy)) = (counts.of_tokens(), counts.of_lines()) else {
        let (text, token) = ("the text".to_owned(), token.to_owned());
        return Err(TextError::NoAnswer { text, token }.into());
    };
    // Line by line, so that the sum has the order of the text.
    let total_nats: f64 = scored.parts.iter().sum();
    let loss_nats = total_nats / counts.tokens as f64;
    let seconds = started.elapsed().as_secs_f64();
    Ok(Answered {
        after: token.to_owned(),
        lines_read,
        tokens_read: stats.tokens,
        oov: stats.oov,
        counts,
        accuracy,
        line_accuracy,
        total_nats,
        loss_nats,
        perplexity: loss_nats.exp(),
        text_hash: stats.hash,
        model_id: model.id().to_owned(),
        notes: stats.notes,
        seconds,
        tokens_per_second: stats.tokens as f64 / seconds.max(1e-9),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CELLS, model};

    const TEXT: &str = "abc=df\nno mark\n=f=g\nbad= \nqr=\nhij=klmnopqr\n";

    fn source() -> Vec<Source> {
        vec![Source::Reader {
            name: "a test".into(),
            reader: Box::new(TEXT.replace('=', "e").as_bytes().to_vec().leak() as &[u8]),
        }]
    }

    /// Against each line by itself, its probabilities token by token.
    #[test]
    fn answers_are_what_a_reader_of_single_lines_finds() {
        for cell in CELLS {
            let model = Model::from(model(cell, false));
            let vocab = model.vocab().clone();
            let (mut nats, mut counts) = (0.0, Accuracy::default());
            for line in TEXT.lines() {
                let Some((_, answer)) = line.rsplit_once('=').filter(|(_, a)| !a.is_empty()) else {
                    continue;
                };
                let line = line.replace('=', "e");
                let ids = vocab.tokenize(line.as_bytes()).unwrap().ids;
                let mut session = model.session();
                let (mut right, mut tokens) = (0, 0);
                for (place, &id) in ids.iter().enumerate() {
                    let next = session.next().unwrap();
                    session.feed_tokens(&[id]).unwrap();
                    if place < ids.len() - answer.chars().count() {
                        continue;
                    }
                    nats -= next.log_prob(id);
                    right += u64::from(next.top_ids(1) == [id]);
                    tokens += 1;
                }
                counts.tokens += tokens;
                counts.right += right;
                counts.lines += 1;
                counts.lines_right += u64::from(right == tokens);
            }
            for batch_size in [None, Some(1), Some(3)] {
                let read = ReadOptions::default();
                let found = evaluate_answers(&model, source(), &read, "e", batch_size, &mut |_| {});
                let found = found.unwrap();
                assert_eq!(found.counts, counts, "{cell}");
                assert!((found.total_nats - nats).abs() < 1e-4, "{cell}");
                assert_eq!(found.lines_read, 7);
            }
        }
    }

    #[test]
    fn a_text_without_answers_is_refused() {
        let model = Model::from(model(CELLS[0], false));
        let read = ReadOptions::default();
        let ask = |token| {
            let batch_size = None;
            evaluate_answers(&model, source(), &read, token, batch_size, &mut |_| {})
        };
        let error = ask("\n").unwrap_err().to_string();
        assert!(error.contains("no line of the text"), "{error}");
        let error = ask("Z").unwrap_err().to_string();
        assert!(error.contains("no token 'Z'"), "{error}");
    }
}
