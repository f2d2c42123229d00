//! Writing text: prompts are read once, then tokens are chosen one after the other, and their text is handed out as soon as it
//! can be printed.
//!
//! ```text
//! generator   prompts, read side by side; samples of them    beam    the search for the most probable texts
//! draft       a text while it is written, and its end       own     a text to be trained on
//! ```
//!
//! - A text begins with `<eos>`, and so does a prompt, which may be empty.
//! - Several samples share the state after the prompt. Sample n of a seed is the same whichever others are drawn.
//! - `<eos>` ends the text, except in kind `whitespace`, where it ends a line and the text goes on. A model that was trained
//!   on sentences writes one line: whatever ends it ends the text, and is not handed out.
//! - `<unk>` is never drawn unless that is allowed: a reader has no use for it.
//! - Stop strings are found in the generated text, across tokens; neither they nor what follows is handed out.
//! - The repetition penalty looks at the prompt and at what was drawn, not at the `<eos>` in front.
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
pub use beam::{Beam, Hypothesis, LengthPenalty};
pub use generator::Generator;
pub use own::{OwnSequences, OwnText, write_own};

/// What a drawn `<eos>` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eos {
    /// Goes on where it ends lines, as in kind `whitespace`; stops where it ends the document. A model of sentences stops at
    /// any line end.
    ByKind,
    Stop,
    /// Goes on from the state after it.
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

/// Why a text ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Finish {
    /// A stop string.
    Stop,
    /// `max_tokens`.
    Length,
    Eos,
    /// The end of the line, of a model of sentences.
    Line,
    /// The constraint has no room for a further token.
    Match,
    /// Whoever took the text wanted no more.
    Cancelled,
}

/// One text that was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Generation {
    /// All that was handed out, without the prompt. UTF-8 except perhaps in kind `bytes`.
    pub text: Vec<u8>,
    /// All that was drawn, a closing `<eos>` and the tokens of a stop string included.
    pub tokens: Vec<u32>,
    /// ln p of each token under the model; empty unless it was wanted.
    pub logprobs: Vec<f64>,
    /// Why it ended.
    pub finish: Finish,
}

/// What [`generate`] returns.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Symbols of the prompt that the vocabulary lacks, each once; they were read as `<unk>`.
    pub unknown: Vec<String>,
    /// The texts, in the order of their numbers.
    pub samples: Vec<Generation>,
}

/// Writes samples 0 to `samples` − 1 after `prompt`, one after the other. `sink` gets the number of a sample and a piece of its
/// text; a `Break` ends everything.
///
/// Errors: options that mean nothing, a prompt that is not UTF-8 (in kinds of text), hidden states that overflow.
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
    /// A text that continues `prompt`, which may be empty; without the prompt.
    ///
    /// Errors: options that mean nothing, hidden states that overflow.
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
