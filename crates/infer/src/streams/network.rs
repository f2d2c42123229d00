//! The streams of a network: a state each, and the token that was fed last.
//!
//! A token is read when something is asked that depends on it: the losses of a long text are then one window after the other, with
//! nothing computed twice. At the beginning that token is `<eos>`, and the state is zero.

use super::{Handle, Scores};
use crate::{NetworkModel, NetworkView, Workspace};
use elman_kernels::{Cpu, normaliser};
use elman_net::State;
use elman_text::Vocab;
use std::sync::Arc;

/// Largest number of streams whose logits (V each) are in memory at once, see [`NetworkStreams::next_nats`].
const LOGIT_ROWS: usize = 64;

/// B streams of text under a network.
pub(super) struct NetworkStreams<'a> {
    network: Network<'a>,
    cpu: Handle<'a, Cpu>,
    /// States of the streams.
    state: State,
    /// (B): the token that was fed last, if the network has not read it yet.
    pending: Vec<Option<u32>>,
    /// Largest number of steps in one call.
    window: usize,
    /// Number of steps that the network has taken, in all streams together.
    steps: u64,
    /// Workspace, which is made when it is needed and grows with the number of steps.
    workspace: Option<Workspace>,
}

/// The owner of the weights.
#[derive(Clone)]
enum Network<'a> {
    Model(Arc<NetworkModel>),
    View(NetworkView<'a>, &'a Vocab),
}

impl Network<'_> {
    fn view(&self) -> NetworkView<'_> {
        match self {
            Network::Model(model) => model.view(),
            Network::View(view, _) => *view,
        }
    }

    fn vocab(&self) -> &Vocab {
        match self {
            Network::Model(model) => model.vocab(),
            Network::View(_, vocab) => vocab,
        }
    }
}

impl<'a> NetworkStreams<'a> {
    pub fn of_model(
        model: Arc<NetworkModel>,
        cpu: Handle<'a, Cpu>,
        streams: usize,
        window: usize,
    ) -> Self {
        NetworkStreams::new(Network::Model(model), cpu, streams, window)
    }

    pub fn of_view(
        view: NetworkView<'a>,
        vocab: &'a Vocab,
        cpu: Handle<'a, Cpu>,
        streams: usize,
        window: usize,
    ) -> Self {
        NetworkStreams::new(Network::View(view, vocab), cpu, streams, window)
    }

    fn new(network: Network<'a>, cpu: Handle<'a, Cpu>, streams: usize, window: usize) -> Self {
        NetworkStreams {
            state: State::zeros(network.view().dims(), streams),
            pending: vec![Some(network.vocab().eos()); streams],
            network,
            cpu,
            window,
            steps: 0,
            workspace: None,
        }
    }

    pub fn vocab(&self) -> &Vocab {
        self.network.vocab()
    }

    pub fn len(&self) -> usize {
        self.pending.len()
    }

    pub fn feed(&mut self, texts: &[&[u32]]) {
        let streams = self.pending.iter_mut().zip(texts);
        let due = streams.map(|(pending, text)| {
            let Some((&last, before)) = text.split_last() else {
                return Vec::new();
            };
            let mut due: Vec<u32> = pending.replace(last).into_iter().collect();
            due.extend(before);
            due
        });
        let due: Vec<Vec<u32>> = due.collect();
        self.read(&due);
    }

    /// Reads what was fed last.
    fn settle(&mut self) {
        let due = self.pending.iter_mut().map(|pending| pending.take());
        let due: Vec<Vec<u32>> = due.map(|token| token.into_iter().collect()).collect();
        self.read(&due);
    }

    /// All streams read together until the shortest text ends, then the others, and so on.
    fn read(&mut self, texts: &[Vec<u32>]) {
        let mut read = 0;
        loop {
            let open = |&i: &usize| texts[i].len() > read;
            let active: Vec<usize> = (0..texts.len()).filter(open).collect();
            let Some(steps) = active.iter().map(|&i| texts[i].len() - read).min() else {
                return;
            };
            let step = |t: usize| active.iter().map(move |&i| texts[i][t]);
            let inputs: Vec<u32> = (read..read + steps).flat_map(step).collect();
            self.reserve(steps, active.len());
            let Some(workspace) = &mut self.workspace else {
                return;
            };
            let view = self.network.view();
            if active.len() == texts.len() {
                view.advance(&self.cpu, &inputs, &mut self.state, workspace);
            } else {
                let mut part = self.state.select(&active);
                view.advance(&self.cpu, &inputs, &mut part, workspace);
                self.state.put(&active, &part);
            }
            read += steps;
            self.steps += inputs.len() as u64;
        }
    }

    /// Makes or grows the workspace for windows of this number of steps and streams.
    fn reserve(&mut self, steps: usize, streams: usize) {
        let steps = steps.min(self.window);
        let fits = |workspace: &Workspace| workspace.fits(steps, streams);
        if !self.workspace.as_ref().is_some_and(fits) {
            // Doubled, so that texts that grow token by token do not make one after the other.
            let steps = steps.next_power_of_two().min(self.window);
            let streams = streams.max(self.len());
            self.workspace = None;
            self.workspace = Some(Workspace::new(self.network.view().dims(), steps, streams));
        }
    }

    pub fn logits(&mut self, logits: &mut [f32]) {
        self.settle();
        self.reserve(1, self.len());
        if let Some(workspace) = &mut self.workspace {
            let view = self.network.view();
            view.state_logits(&self.cpu, &self.state, workspace, logits);
        }
    }

    pub fn nats(&self, logits: &[f32], tokens: &[u32], nats: &mut [f64]) {
        let (most, least_nats) = normaliser(self.cpu.isa(), logits);
        for (nats, &token) in nats.iter_mut().zip(tokens) {
            *nats = least_nats + (f64::from(most) - f64::from(logits[token as usize]));
        }
    }

    pub fn scores(&mut self) -> Vec<Scores> {
        let v = self.vocab().len();
        let mut logits = vec![0.0; self.len() * v];
        self.logits(&mut logits);
        let isa = self.cpu.isa();
        self.cpu.map(logits.chunks_exact(v).collect(), |logits| {
            let (most, least_nats) = normaliser(isa, logits);
            Scores::Logits {
                logits: logits.to_vec(),
                most: f64::from(most),
                least_nats,
            }
        })
    }

    /// The losses of `wanted` as next tokens, see [`super::Streams::next_nats`].
    pub fn next_nats(&mut self, wanted: &[Vec<u32>]) -> Option<Vec<Vec<f64>>> {
        self.settle();
        let v = self.vocab().len();
        let mut logits = vec![0.0; LOGIT_ROWS.min(self.len()) * v];
        let mut all = Vec::with_capacity(wanted.len());
        for (start, wanted) in (0..).step_by(LOGIT_ROWS).zip(wanted.chunks(LOGIT_ROWS)) {
            let streams: Vec<usize> = (start..start + wanted.len()).collect();
            let logits = &mut logits[..streams.len() * v];
            self.reserve(1, streams.len());
            if let Some(workspace) = &mut self.workspace {
                let (view, state) = (self.network.view(), self.state.select(&streams));
                view.state_logits(&self.cpu, &state, workspace, logits);
            }
            for (tokens, logits) in wanted.iter().zip(logits.chunks_exact(v)) {
                let mut nats = vec![0.0; tokens.len()];
                self.nats(logits, tokens, &mut nats);
                all.push(nats);
            }
        }
        let finite = all.iter().flatten().all(|nats| nats.is_finite());
        finite.then_some(all)
    }

    /// Number of steps that the network has taken, in all streams together.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Reads `tokens` in the only stream and writes the loss of each into `nats`, see [`super::Streams::score`].
    pub fn score(&mut self, mut tokens: &[u32], mut nats: &mut [f64]) {
        if self.pending[0].is_none() && !tokens.is_empty() {
            // The state itself says what may follow.
            let mut logits = vec![0.0; self.vocab().len()];
            self.logits(&mut logits);
            self.nats(&logits, &tokens[..1], &mut nats[..1]);
            self.pending[0] = Some(tokens[0]);
            (tokens, nats) = (&tokens[1..], &mut nats[1..]);
        }
        let Some((&last, before)) = tokens.split_last() else {
            return;
        };
        let mut inputs: Vec<u32> = self.pending[0].replace(last).into_iter().collect();
        inputs.extend(before);
        self.steps += inputs.len() as u64;
        self.reserve(tokens.len(), 1);
        if let Some(workspace) = &mut self.workspace {
            let (view, state) = (self.network.view(), &mut self.state);
            view.score(&self.cpu, &inputs, tokens, state, workspace, nats, None);
        }
    }

    /// The states of a stream, after all that it was fed.
    pub fn state(&mut self, stream: usize) -> State {
        self.settle();
        self.state.select(&[stream])
    }

    pub fn reset(&mut self, stream: usize) {
        let zero = State::zeros(self.network.view().dims(), 1);
        self.state.put(&[stream], &zero);
        self.pending[stream] = Some(self.vocab().eos());
    }

    pub fn select(&mut self, from: &[usize]) {
        self.state = self.state.select(from);
        self.pending = from.iter().map(|&stream| self.pending[stream]).collect();
    }

    pub fn saved_bytes(&self) -> usize {
        4 * self.state.size()
    }

    pub fn save(&mut self, bytes: &mut Vec<u8>) {
        self.settle();
        let mut numbers = vec![0.0; self.state.size()];
        self.state.save(&mut numbers);
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    }

    pub fn restore(&mut self, bytes: &[u8]) -> Option<()> {
        let (numbers, []) = bytes.as_chunks::<4>() else {
            return None;
        };
        let numbers: Vec<f32> = numbers
            .iter()
            .map(|&bytes| f32::from_le_bytes(bytes))
            .collect();
        if numbers.len() != self.state.size() {
            return None;
        }
        self.state.load(&numbers);
        self.pending = vec![None];
        Some(())
    }

    /// Reads a text in each of `parts`, which have one stream each, and scores what may come next: one product for all.
    pub fn advance(parts: Vec<(&mut Self, &[u32])>) -> Vec<Scores> {
        let (mut parts, texts): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        let mut all = parts[0].clone();
        all.workspace = parts[0].workspace.take();
        all.select(&vec![0; parts.len()]);
        for (i, part) in parts.iter().enumerate() {
            all.state.put(&[i], &part.state);
            all.pending[i] = part.pending[0];
        }
        all.feed(&texts);
        let scores = all.scores();
        for (i, part) in parts.iter_mut().enumerate() {
            part.state = all.state.select(&[i]);
            part.pending[0] = all.pending[i];
        }
        (parts[0].workspace, parts[0].steps) = (all.workspace, all.steps);
        scores
    }
}

/// Clones the streams without their workspace, which the copy makes when it needs one.
impl Clone for NetworkStreams<'_> {
    fn clone(&self) -> Self {
        NetworkStreams {
            network: self.network.clone(),
            cpu: self.cpu.clone(),
            state: self.state.clone(),
            pending: self.pending.clone(),
            window: self.window,
            steps: self.steps,
            workspace: None,
        }
    }
}
