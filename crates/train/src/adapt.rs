//! A network that learns from a text while it is scored, line by line (van Schijndel and Linzen 2018, "A neural model of adaptation in reading").
//!
//! ```text
//! θ ← θ − η · min(1, c / ‖g‖) · g        g = ∇ mean over the tokens of the line of −ln p(token | the line before it)
//! ```
//! A line is scored under the weights that all lines before it have left, and then learned from by one step of plain gradient descent. In layout `sentences`
//! each line begins from the zero state. In layout `stream` the state is carried from line to line, and the gradient ends where the line begins.

use super::bptt::{Engine, LossNorm};
use super::guard::{Guard, UpdateDecision};
use super::optim::{Method, Optimizer, OptimizerState, Sgd, Update};
use elman_infer::{About, Adapt, Model, NetworkModel, Streams, WINDOW, Weights};
use elman_kernels::{Cpu, Format};
use elman_net::State;
use elman_net::dims::{Capacity, TrainingBuffers};
use elman_text::{Layout, TokenId, Vocab, Window};

/// Largest number of tokens in one update: a longer line is learned in parts, one update each.
const MOST_TOKENS: usize = 256;

/// Options of [`AdaptiveNetwork`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdaptOptions {
    /// Whether each line is learned by itself or after all lines before it.
    pub layout: Layout,
    /// Learning rate η of plain gradient descent.
    pub rate: f64,
    /// Largest norm c of the gradient: a longer one is shortened to it. `None`: no limit.
    pub clip: Option<f64>,
}

/// A copy of a network that learns from each line of a text after the line was scored.
pub struct AdaptiveNetwork {
    vocab: Vocab,
    about: About,
    trained_layout: Layout,
    options: AdaptOptions,
    engine: Engine,
    optimiser: OptimizerState,
    guard: Guard,
    window: Window,
    /// State after the last line, and the token that was read last.
    carried: State,
    before: TokenId,
}

impl AdaptiveNetwork {
    /// Copies the weights of `model`, which computes on `cpu` from then on.
    pub fn new(model: &NetworkModel, options: AdaptOptions, cpu: Cpu) -> AdaptiveNetwork {
        let rule = Optimizer::Sgd(Sgd::default());
        let buffers = TrainingBuffers {
            rows_read: true,
            ..TrainingBuffers::default()
        };
        let (dims, capacity) = (model.dims().clone(), Capacity::whole(MOST_TOKENS, 1));
        let mut engine = Engine::new(cpu, dims, capacity, buffers, Format::F32);
        engine.params_mut().copy_from(model.params());
        AdaptiveNetwork {
            vocab: model.vocab().clone(),
            about: model.about().clone(),
            trained_layout: model.layout(),
            options,
            optimiser: OptimizerState::new(Method::plain(rule), engine.network().layout()),
            guard: Guard::default(),
            window: engine.window(),
            carried: engine.zero_state(),
            before: model.vocab().eos(),
            engine,
        }
    }

    /// Number of updates that were left out because a loss or a gradient was not finite.
    pub fn skipped(&self) -> u64 {
        self.guard.skipped
    }

    /// The network with its present weights, as a model.
    pub fn model(&self) -> Model {
        let about = About {
            // It is that of the weights before they learned.
            valid_loss_nats: None,
            ..self.about.clone()
        };
        let (network, params) = (self.engine.network().clone(), self.engine.params().clone());
        let model = NetworkModel::new(network, params, self.vocab.clone(), about, Weights::F32);
        model.with_layout(self.trained_layout).into()
    }

    /// Makes one update on tokens that follow those before them.
    fn update(&mut self, tokens: &[TokenId]) {
        let window = &mut self.window;
        *window = Window {
            steps: tokens.len(),
            batch_size: 1,
            inputs: std::iter::once(self.before)
                .chain(tokens[..tokens.len() - 1].iter().copied())
                .collect(),
            targets: tokens.to_vec(),
            weight: vec![1.0; tokens.len()],
            real: tokens.len(),
            carry: tokens.len(),
            begins: Vec::new(),
            parts: vec![0],
        };
        let engine = &mut self.engine;
        let stats = engine.run_window(window, LossNorm::Tokens, None, &mut self.carried);
        let norm = engine.gradient_norm(f32::INFINITY);
        match self.guard.judge(stats.nats, norm, norm, self.options.clip) {
            UpdateDecision::Apply(scale) => {
                let update = Update {
                    scale,
                    ..Update::at(self.options.rate)
                };
                engine.apply(&mut self.optimiser, &update);
            }
            UpdateDecision::Skip | UpdateDecision::Stop => {
                engine.discard_gradient();
                self.carried.set_zero();
            }
        }
    }
}

impl Adapt for AdaptiveNetwork {
    fn vocab(&self) -> &Vocab {
        &self.vocab
    }

    fn stream(&mut self) -> Streams<'_> {
        let (network, cpu) = self.engine.view();
        Streams::of_network(network, &self.vocab, Layout::Stream, cpu, 1, WINDOW)
    }

    fn learn(&mut self, tokens: &[TokenId]) {
        if self.options.layout == Layout::Sentences {
            self.carried.set_zero();
            self.before = self.vocab.eos();
        }
        for part in tokens.chunks(MOST_TOKENS) {
            self.update(part);
            self.before = part[part.len() - 1];
        }
    }
}

#[cfg(test)]
mod tests;
