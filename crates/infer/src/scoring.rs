//! The loop in which a network scores a text that is in memory: evaluation in lanes, answers, and the validations of a run.
//!
//! Windows come one after the other; the streams of each belong to parts of the text (lanes of a stream, or lines). Every part is
//! summed on its own, and the sums are added in the order of the text, so that the bits do not depend on what is read beside what.

use super::{Hits, NetworkModel, NetworkView, State, Workspace};
use crate::error::Result;
use elman_kernels::Cpu;
use elman_text::{TokenId, Window};

/// Where the windows of a text come from.
pub trait WindowSource {
    /// The number of parts: [`Window::parts`] are below it.
    fn parts(&self) -> usize;

    /// Fills `window` with the next one; `None` at the end of the text.
    fn next(&mut self, window: &mut Window) -> Option<Filled>;

    /// What sums have to know of `target`, at step `t` of a stream that belongs to `part`, in the last window.
    fn token(&self, _part: usize, _t: usize, _target: TokenId) -> Token {
        Token::default()
    }
}

/// What a window was filled with.
#[derive(Clone, Copy, Debug)]
pub struct Filled {
    /// Its streams begin with the zero state.
    pub from_zero: bool,
    /// Tokens that are read, predicted or not.
    pub tokens: usize,
}

/// A target, as far as sums depend on it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Token {
    pub unknown: bool,
    pub ends_line: bool,
}

/// What computes the losses of a window.
pub trait WindowScorer {
    /// The zero state of as many streams as a window may have.
    fn zero_state(&self) -> State;

    /// Scores a window: −ln ŷ of every target (T, B), from `state`, which becomes the state after it. If asked for, `right` (T, B)
    /// says whether each target is the most likely token.
    fn score(&mut self, window: &Window, state: &mut State, right: Option<&mut [bool]>) -> &[f64];
}

/// The sum over the tokens of a part.
pub trait PartSum: Clone + Default {
    fn add(&mut self, nats: f64, token: Token);
}

impl PartSum for f64 {
    fn add(&mut self, nats: f64, _token: Token) {
        *self += nats;
    }
}

/// What a text has cost so far.
#[derive(Clone, Debug, Default)]
pub struct Scored<P> {
    /// By part, in the order of the text.
    pub parts: Vec<P>,
    /// Where these are counted.
    pub hits: Hits,
    /// Tokens that were predicted.
    pub tokens: u64,
    /// Tokens that were read: more, where only answers are predicted.
    pub read: u64,
    /// The summed loss of all predicted tokens, added in the order in which they were read.
    pub nats: f64,
}

/// Scores the windows of `source`; `counting` also counts how often the most likely token is right. `each` is called after every
/// window, and may end the loop by an error.
pub fn score_windows<P: PartSum>(
    source: &mut impl WindowSource,
    scorer: &mut impl WindowScorer,
    mut window: Window,
    counting: bool,
    each: &mut dyn FnMut(&Scored<P>) -> Result<()>,
) -> Result<Scored<P>> {
    let mut state = scorer.zero_state();
    let mut right: Vec<bool> = Vec::new();
    let mut scored = Scored {
        parts: vec![P::default(); source.parts()],
        ..Scored::default()
    };
    while let Some(filled) = source.next(&mut window) {
        if filled.from_zero {
            state.reset(window.lanes);
        }
        if counting {
            right.resize(window.targets.len(), false);
        }
        let nats = scorer.score(&window, &mut state, counting.then_some(&mut right[..]));
        let cells = nats.iter().zip(&window.weight).enumerate();
        for (cell, (nats, _)) in cells.filter(|(_, (_, weight))| **weight > 0.0) {
            let part = window.parts[cell % window.lanes] as usize;
            let token = source.token(part, cell / window.lanes, window.targets[cell]);
            scored.parts[part].add(*nats, token);
            scored.nats += nats;
        }
        if counting {
            scored.hits.add(&window, &right);
        }
        scored.tokens += window.real as u64;
        scored.read += filled.tokens as u64;
        each(&scored)?;
    }
    Ok(scored)
}

/// A model's network, with memory for windows of some size.
pub(super) struct ModelScorer<'a> {
    network: NetworkView<'a>,
    cpu: &'a Cpu,
    workspace: Workspace,
    batch: usize,
    nats: Vec<f64>,
}

impl<'a> ModelScorer<'a> {
    /// For at most `batch` streams, read in windows of at most `steps` steps at once.
    pub fn new(model: &'a NetworkModel, cpu: &'a Cpu, steps: usize, batch: usize) -> Self {
        ModelScorer {
            network: model.view(),
            cpu,
            workspace: Workspace::new(model.dims(), steps, batch),
            batch,
            nats: Vec::new(),
        }
    }
}

impl WindowScorer for ModelScorer<'_> {
    fn zero_state(&self) -> State {
        State::zeros(self.network.dims(), self.batch)
    }

    fn score(&mut self, window: &Window, state: &mut State, right: Option<&mut [bool]>) -> &[f64] {
        self.nats.resize(window.targets.len(), 0.0);
        let (inputs, targets) = (&window.inputs, &window.targets);
        let (workspace, nats) = (&mut self.workspace, &mut self.nats);
        self.network
            .score(self.cpu, inputs, targets, state, workspace, nats, right);
        &self.nats
    }
}
