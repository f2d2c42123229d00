//! The loop in which a network scores a text that is in memory: evaluation in batches, answers, and the validations of a run.
//!
//! Windows come one after the other; the streams of each belong to parts of the text (slices of a stream, or lines). Every part is
//! summed on its own, and the sums are added in the order of the text, so that the bits do not depend on the batch.

use super::{Accuracy, NetworkModel, NetworkView, State, Workspace};
use crate::error::Result;
use elman_kernels::Cpu;
use elman_text::{TokenId, Window};

/// A source of the windows of a text.
pub trait WindowSource {
    /// Number of parts of the text, whose indices are in [`Window::parts`].
    fn parts(&self) -> usize;

    /// Fills `window` with the next window; returns `None` at the end of the text.
    fn next(&mut self, window: &mut Window) -> Option<Filled>;

    /// Properties of `target`, which is at step `t` of a stream of `part` in the last window, on which the sums depend.
    fn token(&self, _part: usize, _t: usize, _target: TokenId) -> Token {
        Token::default()
    }
}

/// Properties of a window that a [`WindowSource`] has filled.
#[derive(Clone, Copy, Debug)]
pub struct Filled {
    /// Whether the streams of the window begin with the zero state.
    pub from_zero: bool,
    /// Number of tokens of the window, predicted or not.
    pub tokens: usize,
}

/// Properties of a target token on which the sums of losses depend.
#[derive(Clone, Copy, Debug, Default)]
pub struct Token {
    /// Whether the vocabulary lacks the token.
    pub unknown: bool,
    /// Whether the token ends a line.
    pub ends_line: bool,
}

/// A network that computes the losses of windows.
pub trait WindowScorer {
    /// The zero state of as many streams as a window may have.
    fn zero_state(&self) -> State;

    /// Computes the loss −ln ŷ of every target of `window` (T, B) from `state`, which becomes the state after the window.
    ///
    /// If `right` (T, B) is given, it is set to whether each target is the most likely token.
    fn score(&mut self, window: &Window, state: &mut State, right: Option<&mut [bool]>) -> &[f64];
}

/// A sum of losses over the tokens of a part of the text.
pub trait PartSum: Clone + Default {
    /// Adds the loss of `token`, in nats.
    fn add(&mut self, nats: f64, token: Token);
}

impl PartSum for f64 {
    fn add(&mut self, nats: f64, _token: Token) {
        *self += nats;
    }
}

/// Losses of the windows that have been scored so far.
#[derive(Clone, Debug, Default)]
pub struct Scored<P> {
    /// Sums of the parts, in the order of the text.
    pub parts: Vec<P>,
    /// Counts of right predictions, if they are counted.
    pub accuracy: Accuracy,
    /// Number of tokens that were predicted.
    pub tokens: u64,
    /// Number of tokens that were input; it is larger than `tokens` if only answers are predicted.
    pub read: u64,
    /// Total loss of all predicted tokens in nats, added in the order of the windows.
    pub nats: f64,
}

impl Scored<f64> {
    /// Adds the losses and counts of other parts of the same text.
    ///
    /// Where no part was scored in both, the bits are those of scoring all at once.
    pub fn add(&mut self, other: &Scored<f64>) {
        let parts = self.parts.iter_mut().zip(&other.parts);
        parts.for_each(|(sum, part)| *sum += part);
        self.accuracy.merge(&other.accuracy);
        self.tokens += other.tokens;
        self.read += other.read;
        self.nats += other.nats;
    }
}

/// Scores all windows of `source`; with `counting` it also counts how often the target is the most likely token.
///
/// `each` is called after every window; its error ends the loop and is returned.
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
            state.reset(window.batch_size);
        }
        if counting {
            right.resize(window.targets.len(), false);
        }
        let nats = scorer.score(&window, &mut state, counting.then_some(&mut right[..]));
        let cells = nats.iter().zip(&window.weight).enumerate();
        for (cell, (nats, _)) in cells.filter(|(_, (_, weight))| **weight > 0.0) {
            let part = window.parts[cell % window.batch_size] as usize;
            let token = source.token(part, cell / window.batch_size, window.targets[cell]);
            scored.parts[part].add(*nats, token);
            scored.nats += nats;
        }
        if counting {
            scored.accuracy.add(&window, &right);
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
    /// Makes a scorer for at most `batch` streams, in windows of at most `steps` steps.
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
