//! Training, step by step: no files, no directory, no clock.
//!
//! ```text
//! let mut trainer = Trainer::on_text(&config, text)?;
//! while let Some(report) = trainer.step()? { … }        one update after the other, to the end of the budget
//! trainer.step_on(&batch)?                              one update on given sequences
//! let model = trainer.model();                          the weights as they are, as a model
//! ```
//! A trainer is a network with its optimiser and a text, whose windows follow each other as the configuration says (`windows.rs`). A
//! run (`run.rs`) adds to it what must survive: a directory, checkpoints, validation, metrics. What a trainer computes depends on
//! the configuration and the text alone; threads and instruction sets change no bit in f32.

mod batch;
#[cfg(test)]
mod tests;

pub use batch::Batch;

use super::TrainError;
use super::bptt::Engine;
use super::config::Config;
use super::groups::{GradientTree, sequences_of};
use super::guard::{MOST_SKIPPED_IN_ROW, UpdateDecision};
use super::objective::BatchPart;
use super::optim::OptimizerState;
use super::ranks::{Team, Wishes};
use super::run::{plan_shapes, steps_in};
use super::state::{Progress, TrainState};
use super::step::{GradientAccumulator, Update};
use super::watch::StepReport;
use super::windows::Windows;
use crate::error::Result;
use elman_infer::{About, Model, NetworkModel, Weights, count_vocab};
use elman_kernels::{Cpu, Isa};
use elman_net::dims::Capacity;
use elman_net::{Params, State};
use elman_text::{Corpus, Layout, ReadOptions, Source, Vocab, Window};
use std::thread::available_parallelism;
use std::time::Instant;

/// A network in training: it makes one update after the other on a text, or on batches of the program's own.
pub struct Trainer {
    pub(super) config: Config,
    pub(super) vocab: Vocab,
    /// Windows of the text.
    pub(super) text: Windows,
    pub(super) engine: Engine,
    pub(super) state: TrainState,
    capacity: Capacity,
    /// The present window.
    pub(super) window: Window,
    /// The sequences of a group in the present window; empty where there is one group.
    group: Window,
    pub(super) gradients: GradientTree,
    /// Wishes of this process for the next step, and after it those of all.
    pub(super) wishes: Wishes,
}

impl Trainer {
    /// Makes a trainer with a new network on `text`, whose vocabulary is counted in it.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for an invalid configuration; [`Error::Text`](crate::Error::Text) if the text cannot
    /// be tokenized; [`TrainError::BudgetInMinutes`].
    pub fn on_text(config: &Config, text: &str) -> Result<Trainer> {
        let source = || {
            vec![Source::Reader {
                name: "the training text".into(),
                reader: Box::new(std::io::Cursor::new(text.to_owned())),
            }]
        };
        config.check()?;
        let read = ReadOptions {
            lossy: config.lossy,
            separator: config.document_separator.clone(),
            ..ReadOptions::default()
        };
        let (min_count, max_vocab) = (config.min_count, config.max_vocab);
        let vocab = count_vocab(source(), config.vocab, &read, min_count, max_vocab)?;
        let corpus = Corpus::encode(source(), &vocab, &read)?;
        Trainer::new(config, vocab, corpus)
    }

    /// Makes a trainer with a new network on `corpus`, which `vocab` has encoded; it computes on all CPUs.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for an invalid configuration; [`TrainError::BudgetInMinutes`].
    pub fn new(config: &Config, vocab: Vocab, corpus: Corpus) -> Result<Trainer> {
        let threads = available_parallelism().map_or(1, |n| n.get());
        Trainer::on_cpu(config, vocab, corpus, Cpu::new(Isa::detect(), threads))
    }

    /// Makes a trainer as [`Trainer::new`] does, on the threads and the instruction set of `cpu`.
    ///
    /// # Errors
    /// As for [`Trainer::new`].
    pub fn on_cpu(config: &Config, vocab: Vocab, corpus: Corpus, cpu: Cpu) -> Result<Trainer> {
        config.check()?;
        let mut config = config.clone();
        config.vocab = vocab.kind();
        let text = Windows::training(corpus, &vocab, &config)?;
        let total_steps = match (config.epochs, config.steps) {
            (Some(epochs), _) => steps_in(text.order(), &config, epochs),
            (None, Some(steps)) => steps,
            (None, None) => return Err(TrainError::BudgetInMinutes.into()),
        };
        // A warm-up that is longer than the training is cut; nobody reads the remarks.
        config.settle(total_steps);
        let dims = config.dims(vocab.len());
        let (capacity, _) = plan_shapes(&config, &dims, &text.order().shapes(), &[]);
        let mut trainer = Trainer::with_room(config, vocab, text, capacity, cpu, Team::default());
        trainer.initialise(None);
        trainer.state.progress.total_steps = total_steps;
        Ok(trainer)
    }

    /// Allocates everything for windows that fit into `capacity`; weights are zero.
    pub(super) fn with_room(
        config: Config,
        vocab: Vocab,
        text: Windows,
        capacity: Capacity,
        cpu: Cpu,
        team: Team,
    ) -> Trainer {
        let (slots, format) = (config.buffers(), config.precision.format());
        let dims = config.dims(vocab.len());
        let mut engine = Engine::new(cpu, dims.clone(), capacity, slots, format);
        let state = TrainState {
            progress: Progress::default(),
            optimiser: OptimizerState::new(config.method(), engine.network().layout()),
            carried: State::zeros(&dims, capacity.carried),
            seconds: 0.0,
        };
        let (group, window) = match config.groups {
            1 => (Window::default(), engine.window()),
            _ => (engine.window(), whole_window(&config, &text)),
        };
        let mut gradients = GradientTree::new(team, config.groups, &mut engine);
        gradients.local = config.average_every > 1 && gradients.team().is_several();
        Trainer {
            gradients,
            wishes: Wishes::default(),
            window,
            group,
            config,
            vocab,
            text,
            engine,
            state,
            capacity,
        }
    }

    /// Sets the weights of step 0: those of `origin`, or random ones.
    pub(super) fn initialise(&mut self, origin: Option<&NetworkModel>) {
        let dims = self.engine.network().dims().clone();
        let params = self.engine.params_mut();
        match origin {
            Some(model) => params.copy_from(model.params()),
            None => self.config.init().fill(&dims, params),
        }
    }

    /// Configuration, with values that depend on the text filled in.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Vocabulary of the text.
    pub fn vocab(&self) -> &Vocab {
        &self.vocab
    }

    /// Threads and instruction set of the computations.
    pub fn cpu(&self) -> &Cpu {
        self.engine.cpu()
    }

    /// Number of updates done, skipped ones included.
    pub fn steps_done(&self) -> u64 {
        self.state.progress.step
    }

    /// Number of updates of the whole budget.
    pub fn total_steps(&self) -> u64 {
        self.state.progress.total_steps
    }

    /// Weights under PyTorch's names, or the average of the last updates' weights if one is kept.
    pub fn params(&self) -> &Params {
        let average = self.state.optimiser.average();
        average.map_or(self.engine.params(), |average| &average.weights)
    }

    /// Makes the next update on the text; returns `None` at the end of the budget.
    ///
    /// An update whose loss or gradient is not finite is skipped, and the report says so.
    ///
    /// # Errors
    /// [`TrainError::Diverged`] if too many updates in a row were skipped.
    pub fn step(&mut self) -> Result<Option<StepReport>> {
        if self.state.progress.step >= self.state.progress.total_steps {
            return Ok(None);
        }
        let (report, verdict) = self.next_step();
        self.judged(report, verdict).map(Some)
    }

    /// Makes one update on `batch`, whose sequences begin with the zero state; so does the next window of the text.
    ///
    /// # Errors
    /// [`TrainError::EmptyBatch`], [`TrainError::UnknownToken`], [`TrainError::BatchTooLarge`]; [`TrainError::Diverged`] if too
    /// many updates in a row were skipped.
    pub fn step_on(&mut self, batch: &Batch) -> Result<StepReport> {
        batch.check(self.vocab.len(), self.capacity, self.config.groups)?;
        let started = Instant::now();
        self.window.clone_from(batch.window());
        self.state.carried.set_zero();
        let mut gradient = GradientAccumulator::default();
        for group in self.gradients.own() {
            gradient = GradientAccumulator::default();
            self.gradients.begin(&mut self.engine);
            self.learn(&mut gradient, group);
            self.gradients
                .add(&mut self.engine, group, gradient.stats());
        }
        let wishes = self.wishes;
        let (all, wishes) = self.gradients.finish(&mut self.engine, wishes);
        self.wishes = wishes;
        let gradient = gradient.with(all);
        let lr = self.config.learning_rate().at(self.state.progress.place());
        let read = self.window.real;
        let (report, verdict) = self.apply(gradient, lr, read, started);
        self.state.carried.set_zero();
        self.judged(report, verdict)
    }

    /// The network with its present weights (or their average, if one is kept) and the vocabulary, as a model.
    pub fn model(&self) -> Model {
        let config = &self.config;
        let about = About {
            step: self.state.progress.step,
            epoch: self.state.progress.epoch,
            averaged: self.state.optimiser.averaged(),
            restarts: config.layout == Layout::Stream && config.restart > 0.0,
            ..About::default()
        };
        let (network, params) = (self.engine.network().clone(), self.params().clone());
        let vocab = self.vocab.clone();
        let model = NetworkModel::new(network, params, vocab, about, Weights::F32);
        model.with_layout(config.layout).into()
    }

    /// The windows of one update and, if loss and gradient are finite, the update.
    pub(super) fn next_step(&mut self) -> (StepReport, UpdateDecision) {
        let started = Instant::now();
        let rate = self.config.learning_rate().at(self.state.progress.place());
        let begin = self.state.progress.cursor();
        let mut gradient = GradientAccumulator::default();
        let (mut factors, mut ended, mut read) = (0.0, false, 0);
        for group in self.gradients.own() {
            self.state.progress.go_to(begin);
            self.gradients.begin(&mut self.engine);
            (gradient, factors) = (GradientAccumulator::default(), 0.0);
            (ended, read) = (false, 0);
            while !ended && gradient.windows() < self.config.accumulate {
                let at = self.state.progress.cursor();
                let consumed = self.text.read(at, &mut self.window);
                factors += self.text.rate_factor(&self.window);
                read += consumed.tokens;
                self.learn(&mut gradient, group);
                let progress = &mut self.state.progress;
                ended = progress.advance(consumed.by, self.text.length());
                if !self.text.carries() {
                    self.state.carried.set_zero();
                }
            }
            self.gradients
                .add(&mut self.engine, group, gradient.stats());
        }
        if ended {
            self.state.carried.set_zero();
        }
        let wishes = self.wishes;
        let (all, wishes) = self.gradients.finish(&mut self.engine, wishes);
        self.wishes = wishes;
        let gradient = gradient.with(all);
        // Windows of random lengths ask for rates of their own.
        let lr = rate * (factors / gradient.windows() as f64);
        self.apply(gradient, lr, read, started)
    }

    /// Adds the gradient of group `group` of the present window.
    fn learn(&mut self, gradient: &mut GradientAccumulator, group: usize) {
        let (config, groups) = (&self.config, self.config.groups);
        let sequences = sequences_of(group, groups, self.window.batch_size);
        let first = sequences.start;
        let mut counts = config.objective().counts(&self.window);
        let window = match groups {
            1 => &mut self.window,
            _ => {
                self.window.copy_sequences(sequences, &mut self.group);
                if self.gradients.local {
                    counts = config.objective().counts(&self.group);
                }
                &mut self.group
            }
        };
        let part = BatchPart { first, counts };
        gradient.add_part(&mut self.engine, &mut self.state, config, window, part);
    }

    /// Averages weights and the optimiser's state over the ranks.
    pub(super) fn average(&mut self) {
        let team = self.gradients.team();
        team.mean(self.engine.params_mut().numbers_mut());
        for (_, arena) in self.state.optimiser.arenas_mut() {
            team.mean(arena.numbers_mut());
        }
    }

    /// The update by a gradient at the rate `lr`, after `read` tokens.
    fn apply(
        &mut self,
        gradient: GradientAccumulator,
        lr: f64,
        read: usize,
        started: Instant,
    ) -> (StepReport, UpdateDecision) {
        let Update {
            stats,
            sampled,
            grad_norm,
            clipped,
            verdict,
        } = gradient.apply(&mut self.engine, &mut self.state, &self.config, lr);
        let progress = &self.state.progress;
        let report = StepReport {
            step: progress.step,
            total_steps: progress.total_steps,
            epoch: progress.epochs(self.text.length()),
            loss_nats: stats.nats / stats.tokens.max(1) as f64,
            grad_norm,
            lr,
            tokens: stats.tokens,
            read,
            sampled,
            seconds: started.elapsed().as_secs_f64(),
            clipped,
            skipped: !matches!(verdict, UpdateDecision::Apply(_)),
        };
        (report, verdict)
    }

    /// Refuses to continue after too many updates in a row that were skipped.
    fn judged(&self, report: StepReport, verdict: UpdateDecision) -> Result<StepReport> {
        match verdict {
            UpdateDecision::Stop => Err(TrainError::Diverged {
                step: report.step,
                skipped: MOST_SKIPPED_IN_ROW,
            }
            .into()),
            UpdateDecision::Apply(_) | UpdateDecision::Skip => Ok(report),
        }
    }
}

/// An empty window with capacity for all sequences of a window of the text.
fn whole_window(config: &Config, text: &Windows) -> Window {
    let whole = Capacity::for_all(text.order().shapes(), config.recompute);
    Window::with_room(whole.window, whole.batch_size)
}
