//! What a run tells whoever watches it, and how it is asked to stop.

use super::config::Config;
use super::metrics::number;
use elman_net::dims::{Dims, TrainPlan};
use elman_net::flow::verdict::Verdict;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Follows a run. Implemented by the command's progress display, by its machine-readable output,
/// and by tests.
pub trait Watch {
    fn event(&mut self, event: &Event);

    /// Asked after every step; true ends the run after saving.
    fn stop_requested(&self) -> bool {
        false
    }
}

/// Something worth telling.
#[derive(Debug)]
pub enum Event<'a> {
    /// A remark for a person: a dropped BOM, a damaged checkpoint that was passed over.
    Note(String),
    /// The model that the run starts from is writing: tokens of its own so far, of as many as there will be.
    Writing {
        tokens: usize,
        of: usize,
    },
    /// The text has been read; the run is about to start or go on.
    Ready(Ready<'a>),
    /// One update, or one skipped window.
    Step(StepReport),
    Validation(Validation),
    /// A text that the present weights wrote.
    Sample(Sample),
    /// How gradients flow in the window that comes next.
    Gradients(GradientFlow),
    /// A checkpoint was written.
    Saved {
        step: u64,
    },
}

/// What is about to be trained.
#[derive(Debug)]
pub struct Ready<'a> {
    pub run: &'a Path,
    pub config: &'a Config,
    pub dims: &'a Dims,
    pub parameters: usize,
    pub plan: TrainPlan,
    pub train_tokens: usize,
    pub valid_tokens: usize,
    pub windows_per_epoch: u64,
    /// Updates of an epoch: fewer than its windows where gradients are accumulated.
    pub steps_per_epoch: u64,
    /// 0 unless resumed.
    pub step: u64,
    /// `None`: of a run that is only told, whose minutes have not been measured.
    pub total_steps: Option<u64>,
    pub threads: usize,
    pub isa: &'static str,
}

/// What one training step did.
#[derive(Clone, Debug, Serialize)]
pub struct StepReport {
    /// Steps done, this one included.
    pub step: u64,
    pub total_steps: u64,
    /// Epochs done, as a fraction.
    pub epoch: f64,
    /// Mean −ln ŷ over the tokens of its windows that are predicted.
    pub loss_nats: f64,
    pub grad_norm: f64,
    pub lr: f64,
    /// Tokens that were predicted.
    pub tokens: usize,
    /// Tokens that were read: more, where only answers are predicted.
    pub read: usize,
    /// Inputs that scheduled sampling drew from the model.
    pub sampled: usize,
    /// Seconds this step took.
    pub seconds: f64,
    /// The gradient was longer than the clipping threshold, or had larger elements than that for values.
    pub clipped: bool,
    /// It was kept from the weights: its loss or gradient was not finite.
    pub skipped: bool,
}

impl StepReport {
    /// exp(loss).
    pub fn perplexity(&self) -> f64 {
        self.loss_nats.exp()
    }

    /// Predicted tokens a second.
    pub fn tokens_per_second(&self) -> f64 {
        self.tokens as f64 / self.seconds.max(1e-9)
    }
}

/// One validation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Validation {
    pub step: u64,
    pub epoch: f64,
    #[serde(deserialize_with = "number")]
    pub loss_nats: f64,
    /// exp(loss).
    #[serde(deserialize_with = "number")]
    pub perplexity: f64,
    /// The text was read in parallel lanes, each from the zero state; sentences are exact, and so is `eval`.
    pub approximate: bool,
    /// Predicted ones.
    pub tokens: usize,
    /// The share of them that were the most likely token, and of lines of which all were; where only answers are learnt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_accuracy: Option<f64>,
    /// The best so far; its model was saved.
    pub best: bool,
    /// Weights in the average that was validated, and perhaps saved; 0: it was the weights themselves.
    pub averaged: u64,
    pub seconds: f64,
}

/// What the weights write in the middle of training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    pub step: u64,
    pub epoch: f64,
    /// What it goes on from.
    pub prompt: String,
    pub text: String,
}

/// How gradients flow in the window of a step, before its update; docs/INSPECT.md explains the numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GradientFlow {
    pub step: u64,
    /// t − k, in steps.
    pub lag: usize,
    pub verdict: Verdict,
    pub layers: Vec<LayerFlow>,
}

/// One layer of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerFlow {
    pub layer: usize,
    /// log10 ‖∂s_t/∂s_k‖₂, mean over the lanes; −∞, in the file `null`, for 0.
    #[serde(deserialize_with = "number")]
    pub norm_log10: f64,
    /// The factor of a step, γ.
    pub factor: f64,
    pub verdict: Verdict,
    /// The part of activations that is saturated.
    pub saturated: f64,
    /// Units whose largest and smallest value differ by at most 10⁻⁴ over all steps.
    pub dead: usize,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The budget is used up.
    Finished,
    /// No better validation for `patience` validations.
    Stalled,
    /// Asked to stop; `resume` goes on.
    Stopped,
    /// The run failed: loss, gradient or weights were no numbers any more, which is an error too, or the last steps had a loss that is far
    /// above the uniform model's ([`super::guard::has_failed`]).
    Diverged,
}

/// A run's result.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    pub ending: Ending,
    pub step: u64,
    pub total_steps: u64,
    /// The best validation; `None` without a validation text.
    pub best: Option<Best>,
    /// Mean over the tokens of the last steps, at most ten: what the last line of the metrics says. `None` if there is none yet.
    pub train_loss_nats: Option<f64>,
    /// The loss of a model that gives every entry of the vocabulary the same probability, ln V.
    pub uniform_nats: f64,
    pub skipped: u64,
    /// Seconds of training, over all resumes.
    pub seconds: f64,
    /// The hash of the last checkpoint, without time, threads, paths and throughput.
    pub checkpoint: String,
}

impl Outcome {
    /// The best validation, if its model knows more than nothing.
    pub fn useful(&self) -> Option<Best> {
        self.best.filter(|best| best.loss_nats < self.uniform_nats)
    }
}

/// The best validation of a run so far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    pub step: u64,
    pub loss_nats: f64,
}
