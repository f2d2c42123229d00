//! Models that write: whatever can read its own tokens and say what may come next.

use super::{Model, Ready, State, Workspace};
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
    network: Ready<'a>,
    vocab: &'a Vocab,
    layout: Layout,
    cpu: &'a Cpu,
    state: State,
    /// Its last row is that of the last token read.
    workspace: Workspace,
}

impl<'a> Composing<'a> {
    pub fn new(model: &'a Model, cpu: &'a Cpu) -> Composing<'a> {
        Composing::with(
            model.ready(),
            model.vocab(),
            model.layout(),
            cpu,
            PROMPT_WINDOW,
        )
    }

    /// With a network of any origin whose V is the size of `vocab`. Prompts are read in windows of `window` steps, which
    /// changes no bit.
    pub fn with(
        network: Ready<'a>,
        vocab: &'a Vocab,
        layout: Layout,
        cpu: &'a Cpu,
        window: usize,
    ) -> Composing<'a> {
        let dims = network.dims();
        let mut author = Composing {
            state: State::zeros(dims, 1),
            workspace: Workspace::new(dims, window, 1),
            network,
            vocab,
            layout,
            cpu,
        };
        author.advance(&[vocab.eos()]);
        author
    }
}

impl Author for Composing<'_> {
    fn vocab(&self) -> &Vocab {
        self.vocab
    }

    fn advance(&mut self, tokens: &[u32]) {
        let (state, workspace) = (&mut self.state, &mut self.workspace);
        self.network.advance(self.cpu, tokens, state, workspace);
    }

    fn next_logits(&mut self, logits: &mut [f32]) {
        self.network.next_logits(self.cpu, &self.workspace, logits);
    }

    fn layout(&self) -> Layout {
        self.layout
    }

    fn fork(&self) -> Box<dyn Author + '_> {
        Box::new(Composing {
            network: self.network,
            vocab: self.vocab,
            layout: self.layout,
            cpu: self.cpu,
            state: self.state.clone(),
            workspace: Workspace::new(self.network.dims(), 1, 1),
        })
    }
}
