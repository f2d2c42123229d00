//! Reading a text from its beginning: what evaluation and comparison ask of a model, whatever is inside it.
//!
//! ```text
//! nats_t = −ln p(w_t | <eos>, w_0 … w_{t−1})
//! ```
//! A [`Reader`] is a model together with the place in the text that it has reached. It takes tokens in pieces of any length;
//! how a text is cut into pieces changes no bit of what it says. [`PerLine`] makes
//! a reader of lines of any: −ln p(w_t | `<eos>`, the tokens of its line before it).
//!
//! Here are the trait and the network's reader. Those of other models stand with them.

use super::{NetworkModel, State, Workspace};
use crate::error::{Error, Result};
use crate::text::{Layout, Vocab};
use elman_kernels::Cpu;

/// A model in the middle of a text.
pub trait Reader {
    /// The vocabulary whose ids it reads.
    fn vocab(&self) -> &Vocab;

    /// BLAKE3 (hex) of everything that decides its numbers.
    fn id(&self) -> String;

    /// Reads on: `nats[i]` becomes −ln p(`tokens[i]` | all tokens before it), which is at least 0, infinite where the model
    /// excludes the token, and never NaN. Both slices have the same length; ids are below V.
    ///
    /// Errors: a model that gives no probabilities. The reader is of no use after one.
    fn read(&mut self, tokens: &[u32], nats: &mut [f64]) -> Result<()>;

    /// Forgets what it has read: the next token is the first one of a text.
    fn restart(&mut self);

    /// What a text is to it.
    fn layout(&self) -> Layout {
        Layout::Stream
    }
}

/// Reads on, and begins a new text after every token of which `ends` holds.
///
/// Errors: those of the reader.
pub(crate) fn read_apart(
    reader: &mut dyn Reader,
    tokens: &[u32],
    nats: &mut [f64],
    ends: impl Fn(&Vocab, u32) -> bool,
) -> Result<()> {
    let mut from = 0;
    for (last, &id) in tokens.iter().enumerate() {
        if ends(reader.vocab(), id) {
            let text = from..last + 1;
            reader.read(&tokens[text.clone()], &mut nats[text])?;
            reader.restart();
            from = last + 1;
        }
    }
    reader.read(&tokens[from..], &mut nats[from..])
}

/// A reader for whom every line is a text of its own.
pub struct PerLine<'a> {
    reader: Box<dyn Reader + 'a>,
}

impl<'a> PerLine<'a> {
    /// Of a reader at the beginning of a text.
    pub fn new(reader: Box<dyn Reader + 'a>) -> PerLine<'a> {
        PerLine { reader }
    }
}

impl Reader for PerLine<'_> {
    fn vocab(&self) -> &Vocab {
        self.reader.vocab()
    }

    fn id(&self) -> String {
        self.reader.id()
    }

    fn read(&mut self, tokens: &[u32], nats: &mut [f64]) -> Result<()> {
        read_apart(&mut *self.reader, tokens, nats, Vocab::ends_line)
    }

    fn restart(&mut self) {
        self.reader.restart();
    }

    fn layout(&self) -> Layout {
        Layout::Sentences
    }
}

/// The network's reader: one stream from the zero state, first input `<eos>`.
pub struct Reading<'a> {
    model: &'a NetworkModel,
    cpu: &'a Cpu,
    state: State,
    workspace: Workspace,
    /// The token before the next target.
    last: u32,
    /// The inputs of the piece that is being read.
    inputs: Vec<u32>,
    tokens: u64,
}

impl<'a> Reading<'a> {
    /// At the beginning of a text; `steps` is the longest window, which changes speed and memory and no bit.
    pub fn new(model: &'a NetworkModel, cpu: &'a Cpu, steps: usize) -> Reading<'a> {
        Reading {
            model,
            cpu,
            state: model.zero_state(1),
            workspace: Workspace::new(model.dims(), steps, 1),
            last: model.vocab().eos(),
            inputs: Vec::new(),
            tokens: 0,
        }
    }
}

impl Reader for Reading<'_> {
    fn vocab(&self) -> &Vocab {
        self.model.vocab()
    }

    fn id(&self) -> String {
        self.model.id().to_owned()
    }

    fn read(&mut self, tokens: &[u32], nats: &mut [f64]) -> Result<()> {
        let Some((&last, before)) = tokens.split_last() else {
            return Ok(());
        };
        self.inputs.clear();
        self.inputs.push(self.last);
        self.inputs.extend_from_slice(before);
        self.last = last;
        self.tokens += tokens.len() as u64;
        let (state, workspace) = (&mut self.state, &mut self.workspace);
        self.model
            .score(self.cpu, &self.inputs, tokens, state, workspace, nats, None);
        match nats.iter().all(|nats| nats.is_finite()) {
            true => Ok(()),
            false => Err(overflow(self.tokens)),
        }
    }

    fn restart(&mut self) {
        self.state.reset(1);
        self.last = self.model.vocab().eos();
    }
}

/// Losses that are not finite within the first `tokens` of a text: there is nothing to report.
pub(super) fn overflow(tokens: u64) -> Error {
    Error::Diverged(format!(
        "the model gives no probabilities within the first {tokens} tokens: its hidden states grow beyond every number; it was trained badly (a relu cell needs a lower learning rate or clipping)"
    ))
}
