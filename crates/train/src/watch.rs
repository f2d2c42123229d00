//! Events of a run, and how it is asked to stop.

use super::config::Config;
use super::metrics::{Line, number};
use elman_net::dims::{Dims, TrainPlan};
use elman_net::flow::verdict::GradientVerdict;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// An observer of a run: a progress display, machine-readable output, or a test.
pub trait Watch {
    /// Called with every event of the run.
    fn event(&mut self, event: &Event);

    /// Whether the run should stop; called after every step. The run then saves a checkpoint and ends.
    fn stop_requested(&self) -> bool {
        false
    }
}

/// An event of a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// A note for people: a dropped BOM, a damaged checkpoint that was passed over.
    Note(String),
    /// The model that the run starts from is writing a text for its training.
    Writing {
        /// Number of tokens that the model has written.
        tokens: usize,
        /// Number of tokens that it will write.
        of: usize,
    },
    /// The texts have been read, and the run is about to start or to be resumed.
    Ready(RunPlan<'a>),
    /// An update was made or skipped.
    Step(StepReport),
    /// A validation, a sample, a measurement of gradient flow, a mean over training steps or the end of the run, as
    /// `metrics.jsonl` and TensorBoard's event file have it.
    Recorded(&'a Line),
    /// A checkpoint was written.
    Saved {
        /// Number of steps done.
        step: u64,
    },
}

/// Description of a run that is about to start.
#[derive(Debug)]
pub struct RunPlan<'a> {
    /// Directory of the run.
    pub run: &'a Path,
    /// Configuration of the run.
    pub config: &'a Config,
    /// Sizes of the network.
    pub dims: &'a Dims,
    /// Number of parameters of the network.
    pub parameters: usize,
    /// Memory plan of the run.
    pub plan: TrainPlan,
    /// Number of tokens of the training text.
    pub train_tokens: usize,
    /// Number of tokens of the validation text; 0 without one.
    pub valid_tokens: usize,
    /// Number of windows of an epoch.
    pub windows_per_epoch: u64,
    /// Number of updates of an epoch, fewer than its windows if gradients are accumulated.
    pub steps_per_epoch: u64,
    /// Number of steps done; 0 unless the run is resumed.
    pub step: u64,
    /// Number of steps of the whole budget; `None` in a dry run with a budget in minutes, which are not measured.
    pub total_steps: Option<u64>,
    /// Number of threads.
    pub threads: usize,
    /// Name of the instruction set.
    pub isa: &'static str,
}

/// Figures of one training step.
#[derive(Clone, Debug, Serialize)]
pub struct StepReport {
    /// Number of steps done, this one included.
    pub step: u64,
    /// Number of steps of the whole budget.
    pub total_steps: u64,
    /// Number of epochs done, as a fraction.
    pub epoch: f64,
    /// Mean loss −ln ŷ over the predicted tokens of the step, in nats.
    pub loss_nats: f64,
    /// Norm of the gradient before clipping.
    pub grad_norm: f64,
    /// Learning rate.
    pub lr: f64,
    /// Number of tokens that were predicted.
    pub tokens: usize,
    /// Number of tokens that were input; it is larger than `tokens` if only answers are predicted.
    pub read: usize,
    /// Number of inputs that scheduled sampling drew from the model.
    pub sampled: usize,
    /// Duration of the step in seconds.
    pub seconds: f64,
    /// Whether the gradient was clipped, by its norm or by its elements.
    pub clipped: bool,
    /// Whether the update was skipped, because its loss or gradient was not finite.
    pub skipped: bool,
}

impl StepReport {
    /// Perplexity exp(loss).
    pub fn perplexity(&self) -> f64 {
        self.loss_nats.exp()
    }

    /// Predicted tokens per second.
    pub fn tokens_per_second(&self) -> f64 {
        self.tokens as f64 / self.seconds.max(1e-9)
    }
}

/// Result of a validation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Validation {
    /// Number of steps done.
    pub step: u64,
    /// Number of epochs done, as a fraction.
    pub epoch: f64,
    /// Mean loss per predicted token, in nats.
    #[serde(deserialize_with = "number")]
    pub loss_nats: f64,
    /// Perplexity exp(loss).
    #[serde(deserialize_with = "number")]
    pub perplexity: f64,
    /// Whether the figures are approximate, because a stream was scored in parallel slices; sentences are exact, and so is `eval`.
    pub approximate: bool,
    /// Number of predicted tokens.
    pub tokens: usize,
    /// Share of the predicted tokens that were the most likely ones; only if answers alone are learnt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Share of the lines in which every predicted token was the most likely one; only if answers alone are learnt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_accuracy: Option<f64>,
    /// Whether this is the best validation so far; its model was saved.
    pub best: bool,
    /// Number of weights in the average that was validated; 0 if it was the weights themselves.
    pub averaged: u64,
    /// Duration of the validation in seconds.
    pub seconds: f64,
}

/// A text that the present weights wrote during training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Number of steps done.
    pub step: u64,
    /// Number of epochs done, as a fraction.
    pub epoch: f64,
    /// Prompt that the text continues.
    pub prompt: String,
    /// The text, without the prompt.
    pub text: String,
}

/// Gradient flow in the window of a step, before its update; docs/INSPECT.md explains the numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GradientFlow {
    /// Number of the step.
    pub step: u64,
    /// Lag t − k of the norms, in steps.
    pub lag: usize,
    /// Whether gradients vanish, explode or neither, over all layers.
    pub verdict: GradientVerdict,
    /// Gradient flow through each layer, from below.
    pub layers: Vec<LayerFlow>,
}

/// Gradient flow through one layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerFlow {
    /// Index of the layer, from 0.
    pub layer: usize,
    /// log10 ‖∂s_t/∂s_k‖₂, mean over the inspected rows; −∞, in the file `null`, for a norm of 0.
    #[serde(deserialize_with = "number")]
    pub norm_log10: f64,
    /// Factor γ of the norm per step.
    pub factor: f64,
    /// Whether gradients vanish, explode or neither in this layer.
    pub verdict: GradientVerdict,
    /// Share of activations that are saturated.
    pub saturated: f64,
    /// Number of units whose largest and smallest value differ by at most 10⁻⁴ over all steps.
    pub dead: usize,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The budget is used up.
    Finished,
    /// The validation loss has not improved for `patience` validations.
    Stalled,
    /// The run was asked to stop and can be resumed.
    Stopped,
    /// The run failed: a loss, gradient or weight was not finite (which is also an error), or the last losses are far above the
    /// uniform model's.
    Diverged,
}

/// Result of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// How the run ended.
    pub ending: Ending,
    /// Number of steps done.
    pub step: u64,
    /// Number of steps of the whole budget.
    pub total_steps: u64,
    /// The best validation; `None` without a validation text.
    pub best: Option<Best>,
    /// Mean loss over the tokens of the last steps, at most ten, in nats; `None` before the first line of the metrics.
    pub train_loss_nats: Option<f64>,
    /// Loss of a model that gives every token of the vocabulary the same probability, ln V.
    pub uniform_nats: f64,
    /// Number of skipped updates.
    pub skipped: u64,
    /// Seconds of training, over all resumes.
    pub seconds: f64,
    /// Hash of the last checkpoint, which does not depend on time, threads, paths and speed.
    pub checkpoint: String,
    /// A text that the kept model wrote after `sample-prompt`, the prompt included; `None` for a run that was stopped or has failed.
    pub sample: Option<String>,
}

impl Outcome {
    /// The best validation, if its model is better than the uniform model.
    pub fn useful(&self) -> Option<Best> {
        self.best.filter(|best| best.loss_nats < self.uniform_nats)
    }
}

/// The best validation of a run so far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Number of steps after which it was made.
    pub step: u64,
    /// Mean loss per token of that validation, in nats.
    pub loss_nats: f64,
}
