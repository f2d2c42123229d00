//! Models that write: whatever can read its own tokens and say what may come next.

use super::{Model, State, Workspace};
use crate::text::{Layout, Vocab};
use elman_kernels::Cpu;

/// Steps in which a network reads a prompt.
pub(crate) const PROMPT_WINDOW: usize = 64;

/// A model in the middle of a text that it may go on with.
pub trait Author {
    /// The vocabulary whose ids it reads and writes.
    fn vocab(&self) -> &Vocab;

    /// Reads on. Ids are below V.
    fn advance(&mut self, tokens: &[u32]);

    /// (V): ln p of every token as the next one, up to a constant.
    fn next_logits(&mut self, logits: &mut [f32]);

    /// What a text is to it: of sentences, a line.
    fn layout(&self) -> Layout {
        Layout::Stream
    }

    /// Another author at the same place, who must read a token before being asked what comes next.
    fn fork(&self) -> Box<dyn Author + '_>;
}

/// The network's author: at the beginning it has read `<eos>` from the zero state.
pub struct Composing<'a> {
    model: &'a Model,
    cpu: &'a Cpu,
    state: State,
    /// Its last row is that of the last token read.
    workspace: Workspace,
}

impl<'a> Composing<'a> {
    pub fn new(model: &'a Model, cpu: &'a Cpu) -> Composing<'a> {
        let mut author = Composing {
            model,
            cpu,
            state: model.zero_state(1),
            workspace: Workspace::new(model.dims(), PROMPT_WINDOW, 1),
        };
        author.advance(&[model.vocab().eos()]);
        author
    }
}

impl Author for Composing<'_> {
    fn vocab(&self) -> &Vocab {
        self.model.vocab()
    }

    fn advance(&mut self, tokens: &[u32]) {
        let (state, workspace) = (&mut self.state, &mut self.workspace);
        self.model.advance(self.cpu, tokens, state, workspace);
    }

    fn next_logits(&mut self, logits: &mut [f32]) {
        self.model.next_logits(self.cpu, &self.workspace, logits);
    }

    fn layout(&self) -> Layout {
        self.model.layout()
    }

    fn fork(&self) -> Box<dyn Author + '_> {
        Box::new(Composing {
            model: self.model,
            cpu: self.cpu,
            state: self.state.clone(),
            workspace: Workspace::new(self.model.dims(), 1, 1),
        })
    }
}
