//! Models that write: whatever can read its own tokens and say what may come next, in several texts side by side.
//!
//! The texts are the author's *lanes*. What happens in one changes no bit of another, so a text is the same alone and in company.
//!
//! A network of sentences is at the beginning again after every line end that it reads, whether the line end was given to it or was its own:
//! what it says there has the bits of evaluation line by line ([`super::PerLine`]).

use super::{NetworkModel, Ready, State, Workspace};
use crate::text::{Layout, Vocab};
use elman_kernels::{Cpu, target_nats};

/// Steps in which a network reads a prompt.
pub(crate) const PROMPT_WINDOW: usize = 64;

/// A model in the middle of B texts that it may go on with.
pub trait Author {
    /// The vocabulary whose ids it reads and writes.
    fn vocab(&self) -> &Vocab;

    /// B.
    fn lanes(&self) -> usize;

    /// Lane i reads on: `texts[i]`, of any length. Ids are below V.
    fn read(&mut self, texts: &[&[u32]]);

    /// (B, V): ln p of every token as the next one, up to a constant for each lane.
    fn next_logits(&mut self, logits: &mut [f32]);

    /// −ln p of `tokens` as the next one of `lane`, with the bits of a [`super::Reader`]; `logits` (V) are the lane's.
    fn next_nats(&self, lane: usize, logits: &[f32], tokens: &[u32], nats: &mut [f64]);

    /// Lane i becomes a copy of what lane `from[i]` was: as many lanes as `from` has, at least one.
    fn select(&mut self, from: &[usize]);

    /// What a text is to it: of sentences, a line. It begins anew after each line end that it reads.
    fn layout(&self) -> Layout {
        Layout::Stream
    }

    /// Another author at the same places.
    fn fork(&self) -> Box<dyn Author + '_>;
}

/// The network's author: at the beginning of a text, and in layout `sentences` of each line, a lane has read `<eos>` from the zero state.
pub struct Composing<'a> {
    network: Ready<'a>,
    vocab: &'a Vocab,
    layout: Layout,
    cpu: &'a Cpu,
    state: State,
    /// The state of one lane at the beginning of a text.
    begin: State,
    workspace: Workspace,
    /// Lanes that the workspace has room for.
    room: usize,
    /// (T, B): what is being read.
    inputs: Vec<u32>,
}

impl<'a> Composing<'a> {
    /// At the beginning of `lanes` texts, at least one.
    pub fn new(model: &'a NetworkModel, cpu: &'a Cpu, lanes: usize) -> Composing<'a> {
        let (vocab, layout) = (model.vocab(), model.layout());
        Composing::with(model.ready(), vocab, layout, cpu, lanes, PROMPT_WINDOW)
    }

    /// With a network of any origin whose V is the size of `vocab`. Prompts are read in windows of `window` steps, which
    /// changes no bit.
    pub fn with(
        network: Ready<'a>,
        vocab: &'a Vocab,
        layout: Layout,
        cpu: &'a Cpu,
        lanes: usize,
        window: usize,
    ) -> Composing<'a> {
        let dims = network.dims();
        let mut begin = State::zeros(dims, 1);
        let mut workspace = Workspace::new(dims, window, lanes);
        network.advance(cpu, &[vocab.eos()], &mut begin, &mut workspace);
        Composing {
            state: begin.select(&vec![0; lanes]),
            begin,
            workspace,
            room: lanes,
            network,
            vocab,
            layout,
            cpu,
            inputs: Vec::new(),
        }
    }

    /// Puts the lanes whose texts end a line at the beginning of the next one. Returns what the texts hold after their last line ends: what stands before
    /// them does not matter any more.
    fn begin_lines<'t>(&mut self, texts: &[&'t [u32]]) -> Vec<&'t [u32]> {
        let (mut anew, mut rests) = (Vec::new(), texts.to_vec());
        for (lane, rest) in rests.iter_mut().enumerate() {
            if let Some(end) = rest.iter().rposition(|&id| self.vocab.ends_line(id)) {
                anew.push(lane);
                *rest = &rest[end + 1..];
            }
        }
        if !anew.is_empty() {
            let begun = self.begin.select(&vec![0; anew.len()]);
            self.state.put(&anew, &begun);
        }
        rests
    }
}

impl Author for Composing<'_> {
    fn vocab(&self) -> &Vocab {
        self.vocab
    }

    fn lanes(&self) -> usize {
        self.state.lanes
    }

    /// All lanes read together until the shortest text ends, then the others, and so on.
    fn read(&mut self, texts: &[&[u32]]) {
        assert_eq!(texts.len(), self.state.lanes, "a text for each lane");
        let texts = match self.layout {
            Layout::Stream => texts.to_vec(),
            Layout::Sentences => self.begin_lines(texts),
        };
        let mut read = 0;
        loop {
            let open = |&i: &usize| texts[i].len() > read;
            let active: Vec<usize> = (0..texts.len()).filter(open).collect();
            let Some(steps) = active.iter().map(|&i| texts[i].len() - read).min() else {
                return;
            };
            self.inputs.clear();
            for t in read..read + steps {
                self.inputs.extend(active.iter().map(|&i| texts[i][t]));
            }
            let (cpu, inputs, workspace) = (self.cpu, &self.inputs, &mut self.workspace);
            if active.len() == texts.len() {
                self.network
                    .advance(cpu, inputs, &mut self.state, workspace);
            } else {
                let mut part = self.state.select(&active);
                self.network.advance(cpu, inputs, &mut part, workspace);
                self.state.put(&active, &part);
            }
            read += steps;
        }
    }

    fn next_logits(&mut self, logits: &mut [f32]) {
        let (state, workspace) = (&self.state, &mut self.workspace);
        self.network
            .state_logits(self.cpu, state, workspace, logits);
    }

    fn next_nats(&self, _lane: usize, logits: &[f32], tokens: &[u32], nats: &mut [f64]) {
        let mut most = 0;
        for (id, logit) in (0..).zip(logits) {
            if *logit > logits[most as usize] {
                most = id;
            }
        }
        // The nats of the most probable token are ln Σ e^(z − max z); the others lie further down by the difference of logits.
        let mut least = [0.0];
        target_nats(self.cpu, logits, &[most], &mut least);
        let most = f64::from(logits[most as usize]);
        for (nats, &token) in nats.iter_mut().zip(tokens) {
            *nats = least[0] + (most - f64::from(logits[token as usize]));
        }
    }

    fn select(&mut self, from: &[usize]) {
        self.state = self.state.select(from);
        if from.len() > self.room {
            self.workspace = Workspace::new(self.network.dims(), 1, from.len());
            self.room = from.len();
        }
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
            begin: self.begin.clone(),
            workspace: Workspace::new(self.network.dims(), 1, self.state.lanes),
            room: self.state.lanes,
            inputs: Vec::new(),
        })
    }
}
