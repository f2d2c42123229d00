//! Generating text: prompts are read once, then tokens are chosen one after the other, and their text is passed on as soon as it
//! can be printed.
//!
//! ```text
//! generator   prompts of one batch; samples of them     beam    the search for the most probable texts
//! draft       a text while it is written, and its end       own     a text to be trained on
//! writer      a text whose caller advances the model
//! ```
//!
//! - A text begins with `<eos>`, and so does a prompt, which may be empty.
//! - Several samples share the state after the prompt. Sample n of a seed is the same whichever others are drawn.
//! - `<eos>` ends the text, except in kind `whitespace`, where it ends a line and the text continues. A model that was trained
//!   on sentences writes one line: whatever ends it ends the text, and is not handed out.
//! - `<unk>` is never drawn unless that is allowed: a reader has no use for it.
//! - Stop strings are found in the generated text, across tokens; neither they nor what follows is handed out.
//! - The repetition penalty counts the prompt and the generated tokens, without the `<eos>` in front.
//! - Log-probabilities are natural and the model's own: before penalties, bans, constraints, temperature and filters, with the bits of
//!   evaluation.

use super::{Model, Sampling};
use crate::error::Result;
use elman_text::{Layout, Vocab};
use serde::Serialize;
use std::ops::ControlFlow;

mod beam;
mod draft;
mod generator;
mod own;
mod writer;
pub use beam::{Beam, Hypothesis, LengthPenalty};
pub use generator::Generator;
pub use own::{OwnSequences, OwnText, write_own};
pub use writer::Writer;

/// Effect of a generated `<eos>` on the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eos {
    /// `<eos>` continues the text where it ends lines (kind `whitespace`), and ends it where it ends documents. A model of
    /// sentences ends the text at any line end.
    ByKind,
    /// `<eos>` ends the text.
    Stop,
    /// `<eos>` continues the text from the state after it.
    GoOn,
}

impl Eos {
    /// Why token `id` ends a text that is laid out as `layout`, if it does.
    pub(super) fn finish(self, vocab: &Vocab, layout: Layout, id: u32) -> Option<Finish> {
        let is_eos = id == vocab.eos();
        match self {
            Eos::ByKind if layout == Layout::Sentences => {
                vocab.ends_line(id).then_some(Finish::Line)
            }
            Eos::ByKind => (is_eos && !vocab.eos_ends_lines()).then_some(Finish::Eos),
            Eos::Stop => is_eos.then_some(Finish::Eos),
            Eos::GoOn => None,
        }
    }
}

/// Why a generated text ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Finish {
    /// A stop string occurred.
    Stop,
    /// The limit `max_tokens` was reached.
    Length,
    /// An `<eos>` was generated.
    Eos,
    /// The line ended, in a model of sentences.
    Line,
    /// The constraint is fulfilled and allows no further token.
    Match,
    /// The receiver of the text asked to stop.
    Cancelled,
}

/// One generated text.
#[derive(Clone, Debug, PartialEq)]
pub struct Generation {
    /// Text after the prompt, as it was passed on; UTF-8 except perhaps in kind `bytes`.
    pub text: Vec<u8>,
    /// All generated tokens, a closing `<eos>` and the tokens of a stop string included.
    pub tokens: Vec<u32>,
    /// Natural log-probability of each token under the model; empty unless [`Sampling::logprobs`] is set.
    pub logprobs: Vec<f64>,
    /// Why the text ended.
    pub finish: Finish,
}

/// Result of [`generate`]: the samples, and how the prompt was tokenized.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// Number of tokens of the prompt.
    pub prompt_tokens: usize,
    /// Symbols of the prompt that the vocabulary lacks, each once; they were replaced by `<unk>`.
    pub unknown: Vec<String>,
    /// Generated texts in the order of their numbers.
    pub samples: Vec<Generation>,
}

/// Generates the samples 0 to `samples` − 1 after `prompt`, one after the other.
///
/// `sink` is called with the number of a sample and each new part of its text; if it returns `Break`, generation ends.
///
/// # Errors
/// [`Error::Generation`](crate::Error::Generation) if an option is invalid or hidden states overflow;
/// [`Error::Constraint`](crate::Error::Constraint) if the constraint cannot be used; [`Error::Text`](crate::Error::Text) if the
/// prompt is not UTF-8, except in kind `bytes`.
pub fn generate(
    model: &Model,
    prompt: &[u8],
    samples: u64,
    options: &Sampling,
    sink: &mut dyn FnMut(u64, &[u8]) -> ControlFlow<()>,
) -> Result<Generated> {
    let encoded = model.vocab().tokenize(prompt)?;
    let prompts = [encoded.ids];
    let mut generator = Generator::new(model.streams(1), &prompts, options.clone())?;
    let mut generated = Generated {
        prompt_tokens: generator.prompt_tokens(0),
        unknown: encoded.unknown,
        samples: Vec::new(),
    };
    let mut flow = ControlFlow::Continue(());
    for number in 0..samples {
        let sample = generator.sample(number, &mut |_, piece| {
            flow = sink(number, piece);
            flow
        })?;
        generated.samples.extend(sample);
        if flow.is_break() {
            break;
        }
    }
    Ok(generated)
}

impl Model {
    /// Generates a text that continues `prompt`, which may be empty; the prompt is not part of the result.
    ///
    /// # Errors
    /// [`Error::Generation`](crate::Error::Generation) if an option is invalid or hidden states overflow;
    /// [`Error::Constraint`](crate::Error::Constraint) if the constraint cannot be used.
    pub fn generate(&self, prompt: &str, options: &Sampling) -> Result<String> {
        let keep = &mut |_: u64, _: &[u8]| ControlFlow::Continue(());
        let written = generate(self, prompt.as_bytes(), 1, options, keep)?;
        let text = written.samples.into_iter().map(|sample| sample.text);
        let text: Vec<u8> = text.flatten().collect();
        Ok(String::from_utf8(text).unwrap_or_else(|error| {
            // In kind `bytes` a text may be anything.
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        }))
    }
}

#[cfg(test)]
mod tests;
